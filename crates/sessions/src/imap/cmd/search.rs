//! SEARCH, until the service can search.
use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;
use koi_proto::imap::command::Search;
pub(crate) fn start(_: Search) -> Box<dyn Job> {
    at_once(|_| Ok(Reply::no("not yet")))
}
