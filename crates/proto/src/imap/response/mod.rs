//! What the server sends, written straight into the output (RFC 9051 §7, RFC 3501 §7).
//!
//! No intermediate trees and no formatting machinery: a FETCH of 50,000 messages is 50,000 times `FetchLine`.
//! Every function appends whole lines with their CRLF, unless it says otherwise.

mod acl;
pub mod body;
pub mod code;
pub mod comparator;
pub mod envelope;
pub mod fetch;
pub mod mailbox;
pub mod metadata;
pub mod quota;
pub mod search;
pub mod status;
pub mod thread;
pub mod url;
pub mod vanished;

pub use crate::line::{number, string};
pub use acl::{acl, list_rights, my_rights};
pub use body::{BodyFields, BodyKind, BodyRef, Disposition, Parameter};
pub use code::Code;
pub use comparator::comparator;
pub use envelope::{AddressRef, EnvelopeRef};
pub use fetch::FetchLine;
pub use mailbox::{
    Attribute, ListEntry, NameEncoding, Namespace, StatusValue, exists, expunge, flags, list, lsub,
    namespace, recent, status_data,
};
pub use metadata::{MetadataLine, metadata_changed};
pub use quota::{Resource, ResourceUse, quota, quota_root};
pub use search::{
    Esearch, ListChange, MailboxCorrelator, Numbers, Partial, context_changes, esearch, search, sort,
};
pub use status::{IdPair, Status, capability, challenge, continuation, enabled, id, jmap_access, status};
pub use thread::ThreadLine;
pub use url::{UrlFetchLine, gen_url_auth};
pub use vanished::vanished;

#[cfg(test)]
mod tests;
