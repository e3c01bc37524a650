//! ENABLE (RFC 9051 §6.3.1) of QRESYNC (RFC 7162 §3.2.3) and UIDONLY (RFC 9586 §3.1); other names are
//! ignored.

use koi_proto::dmap::{Capability, Response};

use crate::dmap::job::{Job, at_once};
use crate::dmap::reply::Reply;

pub(crate) fn start(names: Vec<Box<str>>) -> Box<dyn Job> {
    at_once(move |cx| {
        let mut enabled = Vec::new();
        for name in names {
            let capability = Capability::parse(&name);
            let switch = match capability {
                Capability::Qresync => &mut cx.core.qresync,
                Capability::UidOnly => &mut cx.core.uid_only,
                _ => continue,
            };
            // RFC 5161 §3.2: only what this very command enabled is named.
            if !std::mem::replace(switch, true) {
                enabled.push(capability);
            }
        }
        Response::Enabled(enabled).push(cx.out);
        Ok(Reply::ok("ENABLE completed"))
    })
}
