//! SASL as every protocol here needs it (RFC 4422, RFC 4648 §4): base64, the messages of the mechanisms, and
//! the server's side of an exchange as a state machine.
//!
//! Which account a name is and whether its password is right is decided elsewhere. Must not: know how a
//! protocol writes challenges and responses.

pub mod base64;
pub mod exchange;
pub mod line;
pub mod mechanism;
pub mod plain;
pub mod prepare;
pub mod scram;

pub use base64::{base64_decode, base64_encode};
pub use exchange::{Answer, Ended, Exchange, Question, Turn};
pub use line::{SaslLine, Secret, sasl_line};
pub use mechanism::Mechanism;
pub use plain::{Plain, parse_plain};
pub use prepare::saslprep;
