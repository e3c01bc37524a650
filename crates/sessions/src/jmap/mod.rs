//! JMAP: one request, from its octets to those of its response (RFC 8620 §3).
//!
//! [`Exchange`] makes the calls of a request in order; what each does is in `method`, one file for each group
//! of methods, over [`call`]'s shape and what [`context`] gives. Waiting is a [`Step`](crate::Step), as for
//! all sessions. Must not: write JSON by hand (that is `proto::jmap`), decide who may do what (that is
//! `mailbox`), keep a snapshot from one step to the next.

mod call;
mod context;
mod error;
mod exchange;
mod few;
mod method;
mod session_object;
mod shown;
mod states;

use std::sync::Arc;

use koi_mailbox::MailboxService;
use koi_proto::jmap::{Capabilities, CoreLimits};

use crate::account_rates::AccountRates;

pub use exchange::Exchange;
pub use session_object::{Place, session_object, session_state};
pub use states::{News, Told, news};

/// What all requests have in common.
pub struct Jmap {
    pub service: MailboxService,
    pub limits: CoreLimits,
    /// What may be used; more than the session object tells would be a secret.
    pub supported: Capabilities,
    /// How much each account may send, by JMAP and otherwise.
    pub account_rates: Arc<AccountRates>,
}
