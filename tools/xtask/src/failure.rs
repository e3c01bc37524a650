//! Why a command of xtask stopped: one sentence that says what is wrong, where, and what to do.
//!
//! It must not carry a cause chain: whoever fails adds the context it has.

use std::fmt;

/// A sentence for the person who typed the command.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// `text` begins in lower case and names the file or program it is about.
    pub(crate) fn new(text: impl Into<String>) -> Failure {
        Failure(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
