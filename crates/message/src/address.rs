//! Address lists (RFC 5322 §3.4, §4.4; RFC 6532 §3.2) in the shape IMAP shows them (RFC 9051 §7.5.2
//! ENVELOPE): a flat list in which a group is opened and closed by marker entries.
//!
//! Encoded words stay as they are; for forms that show them decoded the phrases can be marked. Lenient: no
//! list is refused, and each step takes at least one octet.

use crate::encoded_word;
use crate::lexer::{Lexer, is_atom};
use crate::limits::ADDRESSES_MAX;

/// One entry of an address list.
///
/// RFC 9051 §7.5.2: `host` None and `mailbox` Some opens the group of that name; both None closes it.
/// An address without a host has an empty `host`, so that it is not taken for a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// The display name, unquoted, encoded words left raw; for `user@host (Name)` the comment.
    pub name: Option<Vec<u8>>,
    /// The source route of an obsolete address (RFC 5322 §4.4), such as `@a,@b`.
    pub route: Option<Vec<u8>>,
    /// The local part, unquoted; or the name of a group.
    pub mailbox: Option<Vec<u8>>,
    pub host: Option<Vec<u8>>,
}

impl Address {
    pub fn is_group_start(&self) -> bool {
        self.host.is_none() && self.mailbox.is_some()
    }

    pub fn is_group_end(&self) -> bool {
        self.host.is_none() && self.mailbox.is_none()
    }
}

/// Appends the addresses of the raw field value `value` to `list`, at most up to the limit.
pub fn parse_addresses(value: &[u8], list: &mut Vec<Address>) {
    parse(value, Phrases::Plain, list);
}

/// How the words of a phrase are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phrases {
    /// As they are.
    Plain,
    /// RFC 2047 §5: no encoded word within a quoted string. What was quoted is fenced with NUL, which
    /// nobody is shown, so that it does not look like one. An encoded word is one atom, whatever special
    /// characters senders left in it.
    Marked,
}

pub(crate) fn parse(value: &[u8], phrases: Phrases, list: &mut Vec<Address>) {
    let mut parser = Parser {
        lexer: Lexer::new(value),
        outer: Words::default(),
        inner: Words::default(),
        comment: Vec::new(),
        in_group: false,
        separated: true,
        phrases,
    };
    while list.len() < ADDRESSES_MAX && parser.entry(list) {}
    if parser.in_group {
        list.push(Address::default());
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// Buffers for the words of an entry and for those within its angle brackets, used again for the next.
    outer: Words,
    inner: Words,
    /// Text of the last comment of the present entry.
    comment: Vec<u8>,
    in_group: bool,
    /// Whether a separator stands before the present entry.
    separated: bool,
    phrases: Phrases,
}

impl Parser<'_> {
    /// Parses one entry and its separator; false at the end.
    fn entry(&mut self, list: &mut Vec<Address>) -> bool {
        self.lexer.skip_cfws();
        self.comment.clear();
        let mut words = std::mem::take(&mut self.outer);
        self.words(&mut words);
        let opened_group = self.take_entry(&words, list);
        self.outer = words;
        opened_group || self.separator(list)
    }

    /// Takes what begins with `words`; true if it opened a group.
    fn take_entry(&mut self, words: &Words, list: &mut Vec<Address>) -> bool {
        match self.lexer.peek() {
            Some(b'<') => list.push(self.angle(&words.phrase)),
            Some(b'@') => list.push(self.at_host(words)),
            Some(b':') if !self.in_group => {
                self.lexer.bump();
                self.in_group = true;
                self.separated = true;
                list.push(Address { mailbox: Some(words.phrase.clone()), ..Address::default() });
                return true;
            }
            _ => list.extend(self.lone(words)),
        }
        false
    }

    /// What stands before `<`, `@` or `:`, read both as a phrase and as a local part.
    fn words(&mut self, words: &mut Words) {
        words.clear();
        self.lexer.skip_cfws();
        let mut space = false;
        loop {
            let before = words.local.len();
            let mut quoted = false;
            match self.lexer.peek() {
                Some(b'"') => {
                    self.lexer.quoted(&mut words.local);
                    words.count += 2;
                    quoted = true;
                }
                Some(b'.') => {
                    self.lexer.bump();
                    words.local.push(b'.');
                }
                Some(octet) if is_atom(octet) => words.local.extend_from_slice(self.atom()),
                _ => return,
            }
            let word = words.local.get(before..).unwrap_or_default();
            if space && !words.phrase.is_empty() && !word.is_empty() {
                words.phrase.push(b' ');
                words.count += 1;
            }
            if quoted && self.phrases == Phrases::Marked {
                fence(word, &mut words.phrase);
            } else {
                words.phrase.extend_from_slice(word);
            }
            let after = self.lexer.pos();
            self.lexer.skip_cfws_keeping(&mut self.comment);
            space = self.lexer.pos() > after;
        }
    }

    fn atom(&mut self) -> &[u8] {
        if self.phrases == Phrases::Marked
            && let Some(octets) = encoded_word::word_octets(self.lexer.rest())
        {
            return self.lexer.advance(octets);
        }
        self.lexer.run(is_atom)
    }

    /// `[phrase] "<" [route] addr-spec ">"` (RFC 5322 §3.4 angle-addr, §4.4 obs-route).
    fn angle(&mut self, phrase: &[u8]) -> Address {
        self.lexer.bump();
        let mut route = Vec::new();
        self.lexer.skip_cfws();
        while matches!(self.lexer.peek(), Some(b'@' | b',')) {
            if self.lexer.take(b',') {
                self.lexer.skip_cfws();
                continue;
            }
            self.lexer.bump();
            if !route.is_empty() {
                route.push(b',');
            }
            route.push(b'@');
            self.host(&mut route);
            self.lexer.take(b':');
            self.lexer.skip_cfws();
        }
        let comment = std::mem::take(&mut self.comment);
        let mut spec = std::mem::take(&mut self.inner);
        self.words(&mut spec);
        let mailbox = Some(spec.local.clone());
        self.inner = spec;
        self.comment = comment;
        let mut host = Vec::with_capacity(HOST_OCTETS);
        if self.lexer.take(b'@') {
            self.host(&mut host);
        }
        self.lexer.run(|b| !matches!(b, b'>' | b','));
        self.lexer.take(b'>');
        self.lexer.skip_cfws();
        let name = (!phrase.is_empty()).then(|| phrase.to_vec());
        let route = (!route.is_empty()).then_some(route);
        Address { name, route, mailbox, host: Some(host) }
    }

    /// `local-part "@" domain`, and a comment after it as the name. If `<` follows, it was meant as the
    /// name.
    fn at_host(&mut self, words: &Words) -> Address {
        self.lexer.bump();
        let mut host = Vec::with_capacity(HOST_OCTETS);
        self.host(&mut host);
        self.lexer.skip_cfws_keeping(&mut self.comment);
        if self.lexer.peek() == Some(b'<') {
            return self.angle(&[words.phrase.as_slice(), b"@", &host].concat());
        }
        self.named_by_comment(&words.local, host)
    }

    /// Words alone: one is a local part without a host, several are a name without an address. Behind an
    /// address they are nothing.
    fn lone(&mut self, words: &Words) -> Option<Address> {
        if !self.separated || (words.phrase.is_empty() && words.count == 0) {
            return None;
        }
        if words.count == 0 {
            return Some(self.named_by_comment(&words.phrase, Vec::new()));
        }
        let empty = Some(Vec::new());
        Some(Address { name: Some(words.phrase.clone()), route: None, mailbox: empty.clone(), host: empty })
    }

    fn named_by_comment(&mut self, local: &[u8], host: Vec<u8>) -> Address {
        let comment = std::mem::take(&mut self.comment);
        let name = (!comment.is_empty()).then_some(comment);
        Address { name, route: None, mailbox: Some(local.to_vec()), host: Some(host) }
    }

    /// A domain (RFC 5322 §3.4.1, §4.4): atoms and dots, or a literal; comments and spaces between them go.
    fn host(&mut self, out: &mut Vec<u8>) {
        self.lexer.skip_cfws_keeping(&mut self.comment);
        loop {
            match self.lexer.peek() {
                Some(b'[') => self.lexer.domain_literal(out),
                Some(b'.') => {
                    self.lexer.bump();
                    out.push(b'.');
                }
                Some(octet) if is_atom(octet) => out.extend_from_slice(self.lexer.run(is_atom)),
                _ => return,
            }
            self.lexer.skip_cfws_keeping(&mut self.comment);
            let dotted = out.ends_with(b".") || self.lexer.peek() == Some(b'.');
            if !dotted {
                return;
            }
        }
    }

    /// Skips to the next entry: past one `,`, or past `;`, which closes a group. False at the end.
    fn separator(&mut self, list: &mut Vec<Address>) -> bool {
        self.separated = false;
        loop {
            match self.lexer.peek() {
                None => return false,
                Some(b',') => {
                    self.lexer.bump();
                    self.separated = true;
                    return true;
                }
                Some(b'@') => {
                    // A second host: nothing up to the next entry makes sense.
                    self.lexer.run(|octet| !matches!(octet, b',' | b';'));
                }
                Some(b';') => {
                    self.lexer.bump();
                    self.separated = true;
                    if self.in_group {
                        self.in_group = false;
                        list.push(Address::default());
                    }
                    return true;
                }
                Some(b'(') => {
                    self.lexer.skip_cfws();
                }
                Some(octet) if octet == b'"' || octet == b'<' || is_atom(octet) => return true,
                Some(_) => self.lexer.bump(),
            }
        }
    }
}

/// Appends what was quoted so that no encoded word is seen in it.
fn fence(quoted: &[u8], phrase: &mut Vec<u8>) {
    phrase.push(0);
    for &octet in quoted {
        if octet == b'?' && phrase.ends_with(b"=") {
            phrase.push(0);
        }
        phrase.push(octet);
    }
    phrase.push(0);
}

#[derive(Default)]
struct Words {
    /// The words with one space where there was white space or a comment.
    phrase: Vec<u8>,
    /// The words run together.
    local: Vec<u8>,
    /// 0 for one word that is not quoted (or for none), more for others.
    count: usize,
}

/// Room for most hosts, so that they are allocated once.
const HOST_OCTETS: usize = 24;

impl Words {
    fn clear(&mut self) {
        self.phrase.clear();
        self.local.clear();
        self.count = 0;
    }
}
