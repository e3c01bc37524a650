//! The neutral error of the mailbox service; each protocol maps `ErrorKind` to its own codes in one table.

use std::fmt;

pub type Result<T> = std::result::Result<T, MailError>;

/// What went wrong, in words no protocol owns.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorKind {
    NotFound,
    AlreadyExists,
    NoPermission,
    AuthenticationFailed,
    OverQuota,
    TooLarge,
    LimitReached,
    InvalidInput,
    /// Somebody else changed what the caller relied on.
    Conflict,
    /// The message was expunged.
    Gone,
    /// The mailbox has children, or is in use in a way that forbids the operation.
    InUse,
    Unsupported,
    /// Temporary: disk full, shutting down, overloaded.
    Unavailable,
    /// A stored record cannot be read.
    Corrupt,
    Internal,
}

impl ErrorKind {
    pub const ALL: [Self; 15] = [
        Self::NotFound,
        Self::AlreadyExists,
        Self::NoPermission,
        Self::AuthenticationFailed,
        Self::OverQuota,
        Self::TooLarge,
        Self::LimitReached,
        Self::InvalidInput,
        Self::Conflict,
        Self::Gone,
        Self::InUse,
        Self::Unsupported,
        Self::Unavailable,
        Self::Corrupt,
        Self::Internal,
    ];
}

/// Why exactly, where a protocol tells more apart than kinds do. Every cause comes with a kind that is true
/// for who does not know it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    /// A key is not the one its id says.
    KeyMismatch,
    /// A signing request that is malformed, not signed by itself, or not by the key before it.
    BadRequest,
    /// Private keys of this form may not be kept in this mode, or keys are missing that it needs.
    KeyPolicy,
    /// A message that is none, or of a form that is not taken here.
    BadMessage,
    /// A message that is not signed by whom it must be.
    BadSignature,
    /// A message that names another signet than the current one.
    NotCurrent,
    /// A signet that is malformed, not signed, or not a successor of the one that is known.
    SignetInvalid,
    /// There is no signet to encrypt for.
    NoSignet,
    /// The message does not wait to be submitted, or is being submitted.
    SubmissionRace,
    /// Asked for and understood, but not done here.
    PolicyDenied,
    /// Not in this state of things, whoever asks.
    Cannot,
}

/// Kind, public text (safe to send to the peer) and private context (for the log only).
#[derive(Clone, Debug)]
pub struct MailError {
    pub kind: ErrorKind,
    pub text: Box<str>,
    pub context: Option<Box<str>>,
    pub cause: Option<Cause>,
}

impl MailError {
    #[must_use]
    pub fn new(kind: ErrorKind, text: impl Into<Box<str>>) -> Self {
        Self { kind, text: text.into(), context: None, cause: None }
    }
    /// Adds what only the log may see.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.context = Some(context.to_string().into());
        self
    }
    /// Says why exactly.
    #[must_use]
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }
    /// Whether the same request may succeed later without anybody changing it.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Conflict)
    }
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.context {
            Some(context) => write!(f, " ({context})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for MailError {}
