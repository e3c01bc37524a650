//! METADATA responses (RFC 5464 §4.4).

use super::mailbox::{NameEncoding, push_mailbox};
use super::number::push_number;
use super::string::{push_astring, push_nstring};

/// `* METADATA "" (/shared/comment "text" …)`, entry by entry, straight into the output
/// (RFC 5464 §4.4.1).
#[derive(Debug)]
#[must_use = "a line that is not ended has no end"]
pub struct MetadataLine {
    is_empty: bool,
}

impl MetadataLine {
    /// An empty name for the server.
    pub fn begin(mailbox: &str, encoding: NameEncoding, out: &mut Vec<u8>) -> Self {
        push_begin(mailbox, encoding, out);
        out.extend_from_slice(b" (");
        Self { is_empty: true }
    }
    /// ```abnf
    /// entry-value = entry SP value        ; RFC 5464 §5
    /// value       = nstring / literal8
    /// ```
    pub fn entry(&mut self, name: &str, value: Option<&[u8]>, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.is_empty, false) {
            out.push(b' ');
        }
        push_astring(name.as_bytes(), out);
        out.push(b' ');
        match value {
            // Only this form has room for NUL.
            Some(value) if value.contains(&0) => {
                out.extend_from_slice(b"~{");
                push_number(value.len() as u64, out);
                out.extend_from_slice(b"}\r\n");
                out.extend_from_slice(value);
            }
            value => push_nstring(value, out),
        }
    }
    /// At least one entry must have been written.
    pub fn end(self, out: &mut Vec<u8>) {
        debug_assert!(!self.is_empty, "the grammar has no empty list");
        out.extend_from_slice(b")\r\n");
    }
}

/// `* METADATA INBOX /shared/comment /private/comment`: names of entries that changed, without their values
/// (RFC 5464 §4.4.2). Nothing without names.
///
/// ```abnf
/// entry-list = entry *(SP entry)          ; RFC 5464 §5
/// ```
pub fn metadata_changed<'n>(
    mailbox: &str,
    encoding: NameEncoding,
    names: impl IntoIterator<Item = &'n str>,
    out: &mut Vec<u8>,
) {
    let mut names = names.into_iter().peekable();
    if names.peek().is_none() {
        return;
    }
    push_begin(mailbox, encoding, out);
    for name in names {
        out.push(b' ');
        push_astring(name.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}

fn push_begin(mailbox: &str, encoding: NameEncoding, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* METADATA ");
    push_mailbox(mailbox, encoding, out);
}
