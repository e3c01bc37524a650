//! ENABLE (RFC 9051 §6.3.1, RFC 5161 §3.1): names this server does not know, or does not need to be told, are
//! ignored.

use koi_proto::imap::capability::Capability;
use koi_proto::imap::response;

use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start(names: Vec<Box<str>>) -> Box<dyn Job> {
    at_once(move |cx| {
        let condstore = names.iter().any(|name| Capability::parse(name) == Some(Capability::CondStore));
        // RFC 5161 §3.2: only what this very command enabled is named.
        let enabled: &[Capability] =
            if condstore && !cx.core.condstore { &[Capability::CondStore] } else { &[] };
        cx.core.condstore |= condstore;
        response::enabled(enabled, cx.out);
        Ok(Reply::ok("ENABLE completed"))
    })
}
