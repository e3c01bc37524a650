//! Vocabulary of Koi: ids, numbers, flags, names, addresses, changes, errors, limits, time.
//!
//! Every other crate speaks in these words. Nothing here does more than keep a value valid:
//! no I/O, no clock, no randomness, no knowledge of any protocol's syntax.

pub mod access;
pub mod address;
pub mod annotation;
pub mod change;
pub mod contact;
pub mod error;
pub mod header_form;
pub mod ids;
pub mod keyword;
pub mod limits;
pub mod mode;
pub mod name;
pub mod num;
pub mod push;
pub mod rights;
pub mod set;
pub mod time;

pub use access::{Access, AccessSet};
pub use address::{Address, ReversePath};
pub use annotation::EntryName;
pub use change::{Change, ChangeKind, CommitNotice};
pub use contact::{AddressHash, Contact};
pub use error::{Cause, ErrorKind, MailError, Result};
pub use header_form::HeaderForm;
pub use ids::{AccountId, BlobId, BlobName, EmailId, KeyId, MailboxId, ObjectId, ThreadId, UploadId};
pub use keyword::{Flags, Keyword, SystemFlags};
pub use mode::Mode;
pub use name::{MailboxName, Role};
pub use num::{ModSeq, SeqNum, Uid, UidValidity};
pub use push::PushId;
pub use rights::{AclEntry, Identifier, Rights, Who};
pub use set::{NumSet, UidSet};
pub use time::{Day, Timestamp, ZoneOffset};
