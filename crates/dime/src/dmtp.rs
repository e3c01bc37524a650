//! DMTP on the wire: commands, replies, and the counted octets of a message (docs/DIME.md, DMTP).
//!
//! Incremental and bounded; [`Commands`] is what a server reads, [`Replies`] what a client reads. Two
//! syntaxes exist for arguments; both are read, the older one is written. Must not: know what a command does.

mod arguments;
mod command;
mod decode;
mod reply;

pub use command::{Command, CommandError, MailParameters, Name, Return};
pub use decode::{Commands, DecodeError, Decoded, Replies};
pub use reply::{Reply, ReplyError, SignetReply, VerifyReply};

/// Octets of a line, with its end, that a client sends.
pub const COMMAND_LINE_OCTETS_MAX: usize = 4096;
/// Octets of a line that a server sends: room for a signet in base64.
pub const REPLY_LINE_OCTETS_MAX: usize = crate::signet::SIGNET_OCTETS_MAX.div_ceil(3) * 4 + 64;
/// Lines of one reply: a chain of custody has one for each signet.
pub const REPLY_LINES_MAX: usize = 64;
/// Octets of all lines of one reply.
pub const REPLY_OCTETS_MAX: usize = 4 * REPLY_LINE_OCTETS_MAX;
