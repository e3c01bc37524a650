//! The driver's own IMAP, JMAP and LMTP clients, kept lean: requests are built beforehand, answers are
//! counted and not parsed, so that the client takes little of the two processors it shares with the
//! server (RFC 9051, RFC 8620, RFC 2033). Must not know which server it talks to.

pub(crate) mod append;
pub(crate) mod crowd;
pub(crate) mod deliver;
pub(crate) mod dmap;
pub(crate) mod imap;
pub(crate) mod jmap;
pub(crate) mod login;
pub(crate) mod pool;
pub(crate) mod salted;
pub(crate) mod smtp;
pub(crate) mod stream;
pub(crate) mod trust;
