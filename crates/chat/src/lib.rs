//! Chat over mail (COI): what makes a message a chat message, and what a contact storage message says.
//!
//! Pure: no I/O, no clock, no threads, no randomness. It knows messages and what chat clients mean by them;
//! where a message is filed is for `koi-mailbox`. Must not: know mailboxes, accounts or protocols.

pub mod address;
pub mod contact;
pub mod detect;
pub mod limits;

mod first_id;

pub use contact::{ContactFields, contact};
pub use detect::{Chat, GroupId, Signs, detect};
