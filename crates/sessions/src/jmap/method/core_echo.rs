//! Core/echo (RFC 8620 §4).

use koi_proto::jmap::{Arguments, Json};

use crate::jmap::call::{Started, at_once};

pub(super) fn start(arguments: Arguments) -> Started {
    at_once(move |cx| {
        cx.respond(&Json::Object(arguments.into_members()));
        Ok(())
    })
}
