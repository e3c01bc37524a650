//! Search keys as they nest (RFC 9051 §6.4.4, DMAP-00 §7.6.3): lists, OR, NOT, and how deep; what IMAP and
//! DMAP have in common. The keys themselves are each protocol's own.

use super::lex::{Cursor, SyntaxError};
use super::set::SequenceSet;

/// A key that may hold others.
pub(crate) trait Key: Sized {
    fn sequence(set: SequenceSet) -> Self;
    /// A parenthesised list.
    fn and(keys: Vec<Self>) -> Self;
    /// At least two.
    fn or(keys: Vec<Self>) -> Self;
}

/// A reader of keys.
pub(crate) trait Keys<'a> {
    type Key: Key;
    const DEPTH_MAX: usize;

    fn cursor(&mut self) -> &mut Cursor<'a>;
    /// How deep it is.
    fn depth(&mut self) -> &mut usize;
    fn sequence_set(cursor: &mut Cursor<'a>) -> Result<SequenceSet, SyntaxError>;
    /// A key that begins with a word.
    fn named(&mut self) -> Result<Self::Key, SyntaxError>;
    /// Whether another key follows.
    fn more(&mut self) -> bool {
        self.cursor().peek() == Some(b' ')
    }

    fn all(&mut self) -> Result<Vec<Self::Key>, SyntaxError> {
        let mut keys = vec![self.key()?];
        while self.more() {
            keys.push(self.next()?);
        }
        Ok(keys)
    }
    /// ```abnf
    /// search-key =/ sequence-set / "(" search-key *(SP search-key) ")"          ; RFC 9051 §9
    /// search-key =/ "$"                                                         ; RFC 5182 §3
    /// ```
    fn key(&mut self) -> Result<Self::Key, SyntaxError> {
        if *self.depth() >= Self::DEPTH_MAX {
            return self.cursor().fail("search keys are nested too deeply");
        }
        *self.depth() += 1;
        let key = match self.cursor().peek() {
            Some(b'(') => self.group(),
            Some(b'0'..=b'9' | b'*' | b'$') => Self::sequence_set(self.cursor()).map(Self::Key::sequence),
            _ => self.named(),
        };
        *self.depth() -= 1;
        key
    }
    fn group(&mut self) -> Result<Self::Key, SyntaxError> {
        self.cursor().take(b'(');
        let keys = self.all()?;
        self.cursor().expect(b')', "expected )")?;
        Ok(Self::Key::and(keys))
    }
    /// Behind `OR`: a chain of them is one list, so that long ones do not nest.
    ///
    /// ```abnf
    /// search-key =/ "OR" SP search-key SP search-key                            ; RFC 9051 §9
    /// ```
    fn or(&mut self) -> Result<Self::Key, SyntaxError> {
        let mut keys = vec![self.next()?];
        self.cursor().space()?;
        while self.cursor().take_word("OR ") {
            keys.push(self.key()?);
            self.cursor().space()?;
        }
        keys.push(self.key()?);
        Ok(Self::Key::or(keys))
    }
    /// A space and a key.
    fn next(&mut self) -> Result<Self::Key, SyntaxError> {
        self.cursor().space()?;
        self.key()
    }
    /// A space and something else.
    fn spaced<T>(
        &mut self,
        read: impl FnOnce(&mut Cursor<'a>) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.cursor().space()?;
        read(self.cursor())
    }
}
