//! The one error type of the driver: a sentence for the person at the terminal.
//! It must not be matched on; a benchmark that fails stops and says why.

use std::fmt;

/// What every fallible function of the driver returns.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// A sentence that says what went wrong and where.
pub(crate) struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A failure with the given sentence.
pub(crate) fn fail<T>(text: impl Into<String>) -> Outcome<T> {
    Err(Failure(text.into()))
}

/// Adds where a failure happened.
pub(crate) trait Context<T> {
    /// Puts `place` in front of the sentence.
    fn context(self, place: &str) -> Outcome<T>;
}

impl<T, E: Into<Failure>> Context<T> for Result<T, E> {
    fn context(self, place: &str) -> Outcome<T> {
        self.map_err(|error| Failure(format!("{place}: {}", error.into())))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, place: &str) -> Outcome<T> {
        self.ok_or_else(|| Failure(format!("{place}: nothing there")))
    }
}
