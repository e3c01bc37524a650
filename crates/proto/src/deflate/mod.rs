//! A connection's octets compressed with DEFLATE, in both directions (RFC 1951, RFC 4978 §3).
//!
//! Each side of a connection has an [`Inflater`] for what it hears and a [`Deflater`] for what it says. Both
//! can be put down while nothing happens: then one keeps at most the window and the other nothing. What comes
//! out of the inflater is bounded by whoever asks for it, however small what went in was. Answers that
//! are made at once are compressed by [`gzip`].

mod deflater;
mod gzip;
mod inflater;

pub use deflater::{Deflater, Spare};
pub use gzip::{Gzip, gzip};
pub use inflater::{Broken, Inflater, Stopped, without_end};

#[cfg(test)]
mod tests;
