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

/// Kind, public text (safe to send to the peer) and private context (for the log only).
#[derive(Clone, Debug)]
pub struct MailError {
    pub kind: ErrorKind,
    pub text: Box<str>,
    pub context: Option<Box<str>>,
}

impl MailError {
    #[must_use]
    pub fn new(kind: ErrorKind, text: impl Into<Box<str>>) -> Self {
        Self { kind, text: text.into(), context: None }
    }
    /// Adds what only the log may see.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.context = Some(context.to_string().into());
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
