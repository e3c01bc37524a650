//! JMAP on the wire (RFC 8620, RFC 8621 and their extensions): requests from octets to typed arguments,
//! responses from typed values to octets. It knows the words, not the mail: no mailboxes, clock or chance.
//!
//! A request goes through here in this order. [`Request::parse`] checks every limit, then reads. For each
//! [`Call`] its [`Method`] says which arguments to read out of [`Responses::arguments`], which puts results
//! of earlier calls in place. What is answered is written into [`Responses`] at once. There is one reader for
//! all values ([`value`]), one complaint for each mistake, and no way to write what is not JSON ([`json`]).
//!
//! The JSON library is known to `json` and `reference` alone.

pub mod arguments;
pub mod capability;
pub mod date;
pub mod error;
pub mod form;
pub mod id;
pub mod json;
pub mod keyword;
pub mod legacy;
pub mod limits;
pub mod method;
pub mod object;
pub mod patch;
pub mod pointer;
pub mod problem;
pub mod push;
pub mod reference;
pub mod request;
pub mod response;
pub mod session;
pub mod set_error;
pub mod standard;
pub mod value;
pub mod websocket;

pub use arguments::{Arguments, Ids, Reading};
pub use capability::{Capabilities, Capability};
pub use date::{Date, UtcDate};
pub use error::MethodError;
pub use id::{CreatedIds, Id, IdRef};
pub use json::{Items, Json, Members, Raw, Slot, ToJson};
pub use keyword::EmailKeyword;
pub use limits::CoreLimits;
pub use method::Method;
pub use patch::{Change, Claim, Patch, SetChange};
pub use problem::{RequestError, RequestLimit};
pub use request::{Call, Request};
pub use response::{Envelope, Responses};
pub use session::{Session, SessionObject};
pub use set_error::{SetError, SetErrorKind};
pub use value::FromJson;
