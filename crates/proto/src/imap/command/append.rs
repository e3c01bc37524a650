//! APPEND and REPLACE (RFC 9051 §6.3.12, RFC 3502, RFC 8508 §3, RFC 4469 §3, RFC 6855 §4): everything but
//! the octets of the messages, which are streamed by the decoder.
//!
//! Such a command is read in pieces: up to the octets of a message, from behind them to the next ones, and so
//! on to its end. `Grammar` is what is known between two pieces.

use koi_types::{Flags, limits};

use super::flag::flag_list;
use super::{MailboxArg, Tag, mailbox};
use crate::imap::SequenceSet;
use crate::imap::date::{DateTime, date_time};
use crate::imap::lex::{Cursor, SyntaxError};
use crate::imap::set::single;
use crate::line::LiteralMarker;

/// The command up to its first octets of a message, or to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppendBegin {
    pub tag: Tag,
    /// What is replaced, when it is REPLACE.
    pub replaces: Option<Replaces>,
    pub mailbox: MailboxArg,
    pub line: AppendLine,
}

/// The one message that REPLACE takes away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replaces {
    pub by_uid: bool,
    pub message: SequenceSet,
}

/// What the client says before the next octets of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppendLine {
    pub pieces: Vec<AppendPiece>,
    /// The octets that come now; nothing when the command ends here.
    pub literal: Option<AppendLiteral>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AppendPiece {
    /// A message begins; up to `End` everything belongs to it.
    Message {
        flags: Flags,
        /// Internal date, if the client gave one.
        date: Option<DateTime>,
        /// It is put together from several things (RFC 4469 §3).
        catenated: bool,
    },
    /// What this URL stands for is put here (RFC 4469 §3).
    Url(Box<[u8]>),
    /// The message is whole.
    End,
}

/// Octets of a message, as announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppendLiteral {
    pub octets: u64,
    /// The client waits for a continuation request; refusing such a literal costs nothing (RFC 9051 §4.3).
    pub synchronising: bool,
    /// `~{n}`: it may contain NUL (RFC 3516 §4.4).
    pub literal8: bool,
}

/// Where in the grammar the next octet stands, behind octets of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::imap) struct Grammar {
    /// RFC 8508 §4.7: REPLACE has one message.
    one: bool,
    inside: Inside,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Inside {
    /// Before the first message.
    Nothing,
    /// Behind one that was a literal, or `UTF8 (literal8)` up to its closing parenthesis.
    Message { utf8: bool },
    /// Behind an item of CATENATE.
    Catenate { utf8: bool },
}

/// What stands where the octets given end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::imap) enum Expected {
    /// A string that is an argument.
    Argument,
    Octets(Octets),
    /// Nothing more.
    End,
}

/// Octets of a message and the literals they may come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::imap) enum Octets {
    /// RFC 3516 §4.4: `literal` or `literal8`
    Message,
    /// RFC 4469 §5: `literal`
    Text,
    /// RFC 6855 §4: `literal8`
    Utf8,
}

/// A piece that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::imap) struct ReadLine {
    pub(in crate::imap) pieces: Vec<AppendPiece>,
    pub(in crate::imap) expected: Expected,
    pub(in crate::imap) grammar: Grammar,
}

/// The beginning of the command that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::imap) struct ReadBegin {
    pub(in crate::imap) tag: Tag,
    pub(in crate::imap) replaces: Option<Replaces>,
    pub(in crate::imap) mailbox: MailboxArg,
    pub(in crate::imap) line: ReadLine,
}

impl Octets {
    /// The literal, if these octets may come in it.
    pub(in crate::imap) fn literal(self, marker: LiteralMarker) -> Result<AppendLiteral, &'static str> {
        let LiteralMarker { octets, synchronising, literal8, .. } = marker;
        match (self, literal8) {
            (Self::Text, true) => Err("TEXT needs a literal without ~"),
            (Self::Utf8, false) => Err("UTF8 needs a literal8"),
            _ => Ok(AppendLiteral { octets, synchronising, literal8 }),
        }
    }
}

impl ReadBegin {
    pub(in crate::imap) fn begin(self, literal: Option<AppendLiteral>) -> AppendBegin {
        let line = AppendLine { pieces: self.line.pieces, literal };
        AppendBegin { tag: self.tag, replaces: self.replaces, mailbox: self.mailbox, line }
    }
}

/// Reads from behind the word APPEND or REPLACE to the end of the octets, which is where a literal is
/// announced or where the command ends. Nothing: the mailbox name is still to come.
///
/// ```abnf
/// append  = "APPEND" SP mailbox 1*append-message                       ; RFC 3502
/// replace = "REPLACE" SP seq-number SP mailbox append-message          ; RFC 8508 §5
/// ```
pub(super) fn begin(
    cursor: &mut Cursor<'_>,
    tag: Tag,
    replace: Option<ByUid>,
    at_literal: bool,
) -> Result<Option<ReadBegin>, SyntaxError> {
    cursor.space()?;
    let replaces = match replace {
        None => None,
        Some(ByUid(by_uid)) => {
            let message = single(cursor)?;
            cursor.space()?;
            Some(Replaces { by_uid, message })
        }
    };
    if cursor.rest().is_empty() {
        return Ok(None);
    }
    let mailbox = mailbox(cursor)?;
    let grammar = Grammar { one: replaces.is_some(), inside: Inside::Nothing };
    Ok(Some(ReadBegin { tag, replaces, mailbox, line: line(cursor, grammar, at_literal)? }))
}

/// Which form of REPLACE.
#[derive(Clone, Copy)]
pub(super) struct ByUid(pub(super) bool);

/// Reads on from behind octets of a message. `at_literal`: the octets given end where a literal is announced.
///
/// ```abnf
/// append-message = [SP flag-list] [SP date-time] SP append-data        ; RFC 3502, RFC 4466 §2.5
/// append-data    = literal / literal8
/// append-data    =/ "CATENATE" SP "(" cat-part *(SP cat-part) ")"      ; RFC 4469 §5
/// append-data    =/ "UTF8" SP "(" literal8 ")"                         ; RFC 6855 §4
/// ```
pub(in crate::imap) fn line(
    cursor: &mut Cursor<'_>,
    grammar: Grammar,
    at_literal: bool,
) -> Result<ReadLine, SyntaxError> {
    let mut reader = Reader { cursor, pieces: Vec::new(), urls: 0, one: grammar.one, at_literal };
    let stopped = match grammar.inside {
        Inside::Nothing => reader.message()?,
        Inside::Message { utf8 } => {
            if utf8 {
                reader.close()?;
            }
            reader.ended()?
        }
        Inside::Catenate { utf8 } => {
            if utf8 {
                reader.close()?;
            }
            reader.more_parts()?
        }
    };
    let Stopped { expected, inside } = stopped;
    if at_literal == (expected == Expected::End) {
        return reader.cursor.fail(if at_literal {
            "no literal may stand here"
        } else {
            "expected the message"
        });
    }
    Ok(ReadLine { pieces: reader.pieces, expected, grammar: Grammar { one: grammar.one, inside } })
}

struct Reader<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    pieces: Vec<AppendPiece>,
    /// How many of them.
    urls: usize,
    one: bool,
    at_literal: bool,
}

struct Stopped {
    expected: Expected,
    inside: Inside,
}

impl Reader<'_, '_> {
    /// ` [flag-list SP] [date-time SP] append-data`
    fn message(&mut self) -> Result<Stopped, SyntaxError> {
        self.cursor.space()?;
        let mut flags = Flags::default();
        if self.cursor.peek() == Some(b'(') {
            flags = flag_list(self.cursor)?;
            self.cursor.space()?;
        }
        let mut date = None;
        if self.cursor.peek() == Some(b'"') {
            date = Some(date_time(self.cursor)?);
            self.cursor.space()?;
        }
        let catenated = self.cursor.take_word("CATENATE ");
        self.pieces.push(AppendPiece::Message { flags, date, catenated });
        if catenated {
            self.cursor.expect(b'(', "expected (")?;
            return self.part();
        }
        let utf8 = self.cursor.take_word("UTF8 (");
        if !self.cursor.rest().is_empty() {
            return self.cursor.fail("expected flags, a date or the message");
        }
        let octets = if utf8 { Octets::Utf8 } else { Octets::Message };
        Ok(Stopped { expected: Expected::Octets(octets), inside: Inside::Message { utf8 } })
    }
    /// ```abnf
    /// cat-part = "TEXT" SP literal / "URL" SP astring                  ; RFC 4469 §5
    /// cat-part =/ "UTF8" SP "(" literal8 ")"                           ; RFC 6855 §4
    /// ```
    fn part(&mut self) -> Result<Stopped, SyntaxError> {
        loop {
            if self.cursor.take_word("URL ") {
                if self.urls >= limits::IMAP_CATENATE_URLS_MAX {
                    return self.cursor.fail("too many URLs");
                }
                self.urls += 1;
                if self.cursor.rest().is_empty() {
                    return Ok(Stopped { expected: Expected::Argument, inside: Inside::Nothing });
                }
                let url = self.cursor.astring()?;
                self.pieces.push(AppendPiece::Url(url.as_ref().into()));
                if self.cursor.take(b')') {
                    return self.ended();
                }
                self.cursor.space()?;
                continue;
            }
            let utf8 = self.cursor.take_word("UTF8 (");
            if !utf8 && !self.cursor.take_word("TEXT ") {
                return self.cursor.fail("expected URL, TEXT or UTF8");
            }
            if !self.cursor.rest().is_empty() {
                return self.cursor.fail("expected a literal");
            }
            let octets = if utf8 { Octets::Utf8 } else { Octets::Text };
            return Ok(Stopped { expected: Expected::Octets(octets), inside: Inside::Catenate { utf8 } });
        }
    }
    /// Behind an item of CATENATE that was octets.
    fn more_parts(&mut self) -> Result<Stopped, SyntaxError> {
        if self.cursor.take(b')') {
            return self.ended();
        }
        self.cursor.space()?;
        self.part()
    }
    fn close(&mut self) -> Result<(), SyntaxError> {
        self.cursor.expect(b')', "expected )")
    }
    /// A message is whole: the next, or nothing. QUIRK trailing_space
    fn ended(&mut self) -> Result<Stopped, SyntaxError> {
        self.pieces.push(AppendPiece::End);
        if !self.at_literal && self.cursor.end().is_ok() {
            return Ok(Stopped { expected: Expected::End, inside: Inside::Nothing });
        }
        if self.one {
            return self.cursor.fail("expected the end of the command after the message");
        }
        self.message()
    }
}
