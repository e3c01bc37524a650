//! The mailbox service: the one API that all protocols call.

pub use koi_store::kv::{Pending, Ticket};
