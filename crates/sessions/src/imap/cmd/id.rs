//! ID (RFC 2971 §3.1). What the client says of itself is not kept.

use koi_proto::imap::command::IdField;
use koi_proto::imap::response::{self, IdPair};

use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start(_fields: &[IdField]) -> Box<dyn Job> {
    at_once(|cx| {
        response::id(&[IdPair { name: "name", value: Some("Koi") }], cx.out);
        Ok(Reply::ok("ID completed"))
    })
}
