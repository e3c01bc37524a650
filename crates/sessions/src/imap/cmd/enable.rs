//! ENABLE (RFC 9051 §6.3.1, RFC 5161 §3.1): names this server does not know, or does not need to be told, are
//! ignored.

use koi_proto::imap::capability::Capability;
use koi_proto::imap::response::{self, Code, Status};

use crate::imap::annotations::Annotations;
use crate::imap::job::{Context, Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start(names: Vec<Box<str>>) -> Box<dyn Job> {
    at_once(move |cx| {
        let mut enabled = Vec::new();
        let before = Enabled { condstore: cx.core.condstore };
        for capability in names.iter().filter_map(|name| Capability::parse(name)) {
            // RFC 5161 §3.2: only what this very command enabled is named.
            if enable(capability, &before, cx) {
                enabled.push(capability);
            }
        }
        response::enabled(&enabled, cx.out);
        Ok(Reply::ok("ENABLE completed"))
    })
}

/// What was enabled before this command.
struct Enabled {
    condstore: bool,
}

/// Whether it is enabled now and was not before.
fn enable(capability: Capability, before: &Enabled, cx: &mut Context<'_>) -> bool {
    let switch = match capability {
        Capability::CondStore => {
            cx.core.enable_condstore(cx.out);
            return !before.condstore;
        }
        // RFC 7162 §3.2.3: it enables CONDSTORE too.
        Capability::Qresync => {
            cx.core.enable_condstore(cx.out);
            &mut cx.core.qresync
        }
        // RFC 5464 §4.1: from now on, changes by others are told.
        Capability::Metadata if cx.core.annotations.is_none() => {
            let Ok(now) = cx.core.snapshot().map(|snapshot| snapshot.modseq()) else { return false };
            cx.core.annotations = Some(Annotations::new(now));
            return true;
        }
        // RFC 9586 §3.1
        Capability::UidOnly => {
            forget_numbered(cx);
            &mut cx.core.uid_only
        }
        // RFC 6855 §3
        Capability::Utf8Accept => {
            cx.decoder.enable_utf8_accept();
            &mut cx.core.utf8
        }
        Capability::Imap4Rev2 => {
            cx.decoder.enable_utf8();
            &mut cx.core.rev2
        }
        _ => return false,
    };
    !std::mem::replace(switch, true)
}

/// Searches whose changes are told by number are followed no longer (RFC 5267 §4.3.1, RFC 9586 §3.2).
fn forget_numbered(cx: &mut Context<'_>) {
    let Some(open) = cx.core.selected.as_deref_mut() else { return };
    let (kept, forgotten): (Vec<_>, Vec<_>) =
        std::mem::take(&mut open.contexts).into_iter().partition(|context| context.by_uid);
    open.contexts = kept;
    for context in forgotten {
        let code = Code::NoUpdate(&context.tag);
        response::status(None, Status::No, Some(&code), "this search is by message numbers", cx.out);
    }
}
