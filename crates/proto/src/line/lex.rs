//! A cursor over one command or response: the terminals of the grammars of IMAP and DMAP (RFC 9051 §9).
//!
//! Nothing is copied unless a quoted string has escapes. Literals stand in the octets as they came, with
//! their announcement; the decoder has made sure that they are complete.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

use super::{LiteralMarker, literal_marker, without_line_end};

/// Where and why a command is malformed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// What was expected, or what is wrong.
    pub what: &'static str,
    /// Octet of the command, counted from 0.
    pub at: usize,
    pub fault: Fault,
}

/// What kind of error it is, for who reads what is not yet complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    Malformed,
    /// All is well up to here, where the octets of a literal are missing.
    CutOff,
    /// A literal is announced that is larger than it may be; its octets need not be there.
    TooLarge,
}

/// Position in a command.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    octets: &'a [u8],
    at: usize,
    /// Quoted strings may hold UTF-8 (RFC 9051 §9 `QUOTED-CHAR`, RFC 6855 §3).
    pub utf8: bool,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at octet {}", self.what, self.at)
    }
}

/// `ATOM-CHAR` of RFC 9051 §9
#[must_use]
pub const fn is_atom_char(octet: u8) -> bool {
    matches!(octet, 0x21..=0x7e) && !matches!(octet, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// `ASTRING-CHAR` of RFC 9051 §9
#[must_use]
pub const fn is_astring_char(octet: u8) -> bool {
    is_atom_char(octet) || octet == b']'
}

/// `list-char` of RFC 9051 §9
#[must_use]
pub const fn is_list_char(octet: u8) -> bool {
    is_astring_char(octet) || matches!(octet, b'%' | b'*')
}

impl<'a> Cursor<'a> {
    #[must_use]
    pub const fn new(octets: &'a [u8], utf8: bool) -> Self {
        Self { octets, at: 0, utf8 }
    }
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }
    #[must_use]
    pub const fn error(&self, what: &'static str) -> SyntaxError {
        SyntaxError { what, at: self.at, fault: Fault::Malformed }
    }
    pub fn fail<T>(&self, what: &'static str) -> Result<T, SyntaxError> {
        Err(self.error(what))
    }
    /// Takes the octet if it is next.
    pub fn take(&mut self, octet: u8) -> bool {
        let there = self.peek() == Some(octet);
        self.at += usize::from(there);
        there
    }
    pub fn expect(&mut self, octet: u8, what: &'static str) -> Result<(), SyntaxError> {
        if self.take(octet) { Ok(()) } else { self.fail(what) }
    }
    /// `SP`
    pub fn space(&mut self) -> Result<(), SyntaxError> {
        self.expect(b' ', "expected a space")
    }
    /// The end of the command. QUIRK trailing_space
    pub fn end(&self) -> Result<(), SyntaxError> {
        if self.rest().iter().all(|b| *b == b' ') {
            Ok(())
        } else {
            self.fail("expected the end of the command")
        }
    }
    /// Octets as long as `wanted`; may be none.
    pub fn run(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let count = rest.iter().position(|b| !wanted(*b)).unwrap_or(rest.len());
        self.at += count;
        rest.get(..count).unwrap_or_default()
    }
    /// `1*char` of ASCII characters.
    pub fn word(&mut self, wanted: impl Fn(u8) -> bool, what: &'static str) -> Result<&'a str, SyntaxError> {
        let before = self.error(what);
        let run = self.run(|b| b.is_ascii() && wanted(b));
        match std::str::from_utf8(run) {
            Ok(word) if !word.is_empty() => Ok(word),
            _ => Err(before),
        }
    }
    /// Takes `keyword` if it is next, in any case.
    pub fn take_word(&mut self, keyword: &str) -> bool {
        let there =
            self.rest().get(..keyword.len()).is_some_and(|w| w.eq_ignore_ascii_case(keyword.as_bytes()));
        self.at += if there { keyword.len() } else { 0 };
        there
    }
    /// `atom = 1*ATOM-CHAR`
    pub fn atom(&mut self, what: &'static str) -> Result<&'a str, SyntaxError> {
        self.word(is_atom_char, what)
    }
    /// `number64 = 1*DIGIT`, at most 63 bits (RFC 9051 §9, RFC 7162 §7).
    pub fn number64(&mut self) -> Result<u64, SyntaxError> {
        let before = self.error("expected a number");
        let digits = self.run(|b| b.is_ascii_digit());
        if digits.is_empty() {
            return Err(before);
        }
        let add = |n: u64, d: &u8| n.checked_mul(10)?.checked_add(u64::from(d - b'0'));
        let number = digits.iter().try_fold(0u64, add).filter(|n| *n <= i64::MAX as u64);
        number.ok_or(SyntaxError { what: "number is too large", ..before })
    }
    /// `number = 1*DIGIT`, 32 bits.
    pub fn number(&mut self) -> Result<u32, SyntaxError> {
        let before = self.error("number is too large");
        u32::try_from(self.number64()?).map_err(|_| before)
    }
    /// `nz-number`
    pub fn nz_number(&mut self) -> Result<u32, SyntaxError> {
        let before = self.error("number must not be 0");
        match self.number()? {
            0 => Err(before),
            number => Ok(number),
        }
    }
    /// `mod-sequence-value = 1*DIGIT`, above 0 (RFC 7162 §7).
    pub fn mod_seq(&mut self) -> Result<u64, SyntaxError> {
        let before = self.error("a mod-sequence is above 0");
        match self.number64()? {
            0 => Err(before),
            number => Ok(number),
        }
    }
    /// `string = quoted / literal`
    pub fn string(&mut self) -> Result<Cow<'a, [u8]>, SyntaxError> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            _ => self.fail("expected a string"),
        }
    }
    /// `astring = 1*ASTRING-CHAR / string`
    pub fn astring(&mut self) -> Result<Cow<'a, [u8]>, SyntaxError> {
        self.string_or(is_astring_char, "expected an atom or a string")
    }
    /// `string` or a run of the characters wanted.
    pub fn string_or(
        &mut self,
        wanted: impl Fn(u8) -> bool,
        what: &'static str,
    ) -> Result<Cow<'a, [u8]>, SyntaxError> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => self.word(wanted, what).map(|word| Cow::Borrowed(word.as_bytes())),
        }
    }
    /// `astring` that must be ASCII.
    pub fn ascii_astring(&mut self, what: &'static str) -> Result<Box<str>, SyntaxError> {
        let before = self.error(what);
        let octets = self.astring()?;
        if !octets.is_ascii() {
            return Err(before);
        }
        Ok(String::from_utf8_lossy(&octets).into())
    }
    /// `nstring = string / nil`
    pub fn nstring(&mut self) -> Result<Option<Cow<'a, [u8]>>, SyntaxError> {
        match self.peek() {
            Some(b'"' | b'{') => self.string().map(Some),
            _ if self.take_word("NIL") => Ok(None),
            _ => self.fail("expected a string or NIL"),
        }
    }
    /// ```abnf
    /// quoted      = DQUOTE *QUOTED-CHAR DQUOTE
    /// QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials
    /// ```
    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, SyntaxError> {
        let before = self.error("quoted string has no end");
        self.expect(b'"', "expected a quoted string")?;
        let plain = self.run(is_quoted_plain);
        if self.take(b'"') {
            return self.checked(Cow::Borrowed(plain));
        }
        let mut text = plain.to_vec();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return self.checked(Cow::Owned(text));
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(escaped @ (b'"' | b'\\')) => text.push(escaped),
                        _ => return self.fail("only \\ and \" may follow \\ in a quoted string"),
                    }
                    self.at += 1;
                }
                Some(b'\r' | b'\n' | 0) => return self.fail("CR, LF or NUL in a quoted string"),
                _ if self.rest().is_empty() => return Err(before),
                _ => {}
            }
            text.extend_from_slice(self.run(is_quoted_plain));
        }
    }
    /// 8-bit characters are for UTF-8 only. QUIRK quoted_8bit: before ENABLE too, if it is UTF-8.
    fn checked(&self, text: Cow<'a, [u8]>) -> Result<Cow<'a, [u8]>, SyntaxError> {
        if text.is_ascii() || std::str::from_utf8(&text).is_ok() {
            return Ok(text);
        }
        self.fail("quoted string is not UTF-8")
    }
    /// ```abnf
    /// literal = "{" number64 ["+"] "}" CRLF *CHAR8
    /// ```
    fn literal(&mut self) -> Result<&'a [u8], SyntaxError> {
        let before = self.error("NUL in a literal");
        let literal = self.any_literal(false)?;
        if literal.contains(&0) { Err(before) } else { Ok(literal) }
    }
    /// ```abnf
    /// literal8 = "~{" number64 ["+"] "}" CRLF *OCTET      ; RFC 9051 §9
    /// ```
    pub fn literal8(&mut self) -> Result<&'a [u8], SyntaxError> {
        self.any_literal(true)
    }
    /// `literal8` of at most `octets_max`, which is looked at before the octets are there.
    pub fn bounded_literal8(
        &mut self,
        octets_max: usize,
        what: &'static str,
    ) -> Result<&'a [u8], SyntaxError> {
        match self.announced() {
            Some(marker) if marker.literal8 && marker.octets > octets_max as u64 => {
                Err(SyntaxError { fault: Fault::TooLarge, ..self.error(what) })
            }
            _ => self.any_literal(true),
        }
    }
    /// The literal that is announced right here.
    fn announced(&self) -> Option<LiteralMarker> {
        literal_marker(without_line_end(self.line())).filter(|marker| marker.at == 0)
    }
    /// What is left of the line, with its LF.
    fn line(&self) -> &'a [u8] {
        let rest = self.rest();
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        rest.get(..end).unwrap_or_default()
    }
    fn any_literal(&mut self, literal8: bool) -> Result<&'a [u8], SyntaxError> {
        let Some(marker) = self.announced().filter(|marker| marker.literal8 == literal8) else {
            return self.fail("expected a literal");
        };
        let from = self.line().len();
        // Without its line end, as the last thing there is, it stands for a literal that has not come.
        let octets = usize::try_from(marker.octets).unwrap_or(usize::MAX);
        let there = self.rest().get(from..from.saturating_add(octets));
        let Some(literal) = there.filter(|_| self.line().ends_with(b"\n")) else {
            return Err(SyntaxError { fault: Fault::CutOff, ..self.error("literal is cut off") });
        };
        self.at += from + literal.len();
        Ok(literal)
    }
    /// A list in parentheses of at least one item, separated by single spaces.
    pub fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<Vec<T>, SyntaxError> {
        self.expect(b'(', "expected (")?;
        let mut items = vec![item(self)?];
        while !self.take(b')') {
            self.space()?;
            items.push(item(self)?);
        }
        Ok(items)
    }
    /// The same, but the list may be empty.
    pub fn list_or_empty<T>(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<Vec<T>, SyntaxError> {
        if self.rest().starts_with(b"()") {
            self.at += 2;
            return Ok(Vec::new());
        }
        self.list(item)
    }
}

const fn is_quoted_plain(octet: u8) -> bool {
    !matches!(octet, b'"' | b'\\' | b'\r' | b'\n' | 0)
}
