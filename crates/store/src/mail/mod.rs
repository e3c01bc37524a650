//! The mail store: UIDs, MODSEQ, counters, change log, threads and grace, as mutations over the lower level.
//!
//! A mutation is a method of [`AccountTxn`], which is one account inside one transaction: all its changes
//! share one new MODSEQ, and [`AccountTxn::finish`] writes counters and log once. Several may be used one
//! after the other in one transaction (a delivery to several accounts). Knows no protocol, no MIME and no
//! clock; ids and times come from the caller. Must not: do work in a transaction that could be done before
//! it.

mod account;
pub mod annotation;
pub mod answer;
pub mod app_password;
mod append;
pub mod carry;
pub mod check;
pub mod coi;
mod contact;
mod copy;
pub mod directory;
pub mod dmap;
mod emails;
mod expunge;
#[cfg(test)]
mod fixture;
mod flags;
pub mod index;
mod keywords;
mod mailboxes;
mod merge;
pub mod object;
pub mod pending;
pub mod per_user;
mod places;
pub mod push;
pub mod recent;
pub mod reclaim;
pub mod rights;
mod rows;
pub mod sent;
pub mod sent_counts;
mod threads;
mod unshare;
pub mod upload;
pub mod url_key;
mod visibility;

pub use account::{AccountTxn, Quota};
pub use append::{Appended, EmailFacts, NewEmail, clear_mail};
pub use copy::Copied;
pub use directory::INBOX;
pub use dmap::prime::NewPrime;
pub use emails::{EmailMessage, Finished};
pub use expunge::Expunged;
pub use flags::{FlagChange, FlagOp, FlagsSet};
pub use mailboxes::{Created, Renamed};
pub use threads::short_hash;
