//! THREAD (RFC 5256 §4), written while a tree is walked.

use super::number::push_number;

/// ```abnf
/// thread-data    = "THREAD" [SP 1*thread-list]                     ; RFC 5256 §5
/// thread-list    = "(" (thread-members / thread-nested) ")"
/// thread-members = nz-number *(SP nz-number) [SP thread-nested]
/// thread-nested  = 2*thread-list
/// ```
#[derive(Debug)]
pub struct ThreadLine {
    /// What was written last.
    last: Last,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Last {
    Word,
    Open,
    Member,
    Close,
}

impl ThreadLine {
    #[must_use]
    pub fn begin(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(b"* THREAD");
        Self { last: Last::Word }
    }
    /// A thread, or one of several that its parent has.
    pub fn open(&mut self, out: &mut Vec<u8>) {
        if matches!(self.last, Last::Word | Last::Member) {
            out.push(b' ');
        }
        out.push(b'(');
        self.last = Last::Open;
    }
    /// A message; the next one is its only child.
    pub fn member(&mut self, number: u32, out: &mut Vec<u8>) {
        if self.last == Last::Member {
            out.push(b' ');
        }
        push_number(u64::from(number), out);
        self.last = Last::Member;
    }
    pub fn close(&mut self, out: &mut Vec<u8>) {
        out.push(b')');
        self.last = Last::Close;
    }
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
    }
}
