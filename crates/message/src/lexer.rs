//! Tokens of structured fields (RFC 5322 §3.2, §4.1): white space, comments, atoms, quoted strings, domain
//! literals. Lenient: what never closes ends with the field. It never goes back, so it is linear.

use memchr::memchr3;

/// A cursor over the raw value of one field; folding counts as white space.
pub(crate) struct Lexer<'a> {
    octets: &'a [u8],
    pos: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Lexer<'a> {
        Lexer { octets, pos: 0 }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.octets.get(self.pos).copied()
    }

    pub(crate) fn bump(&mut self) {
        self.pos = (self.pos + 1).min(self.octets.len());
    }

    pub(crate) fn at_end(&self) -> bool {
        self.pos >= self.octets.len()
    }

    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// What has not been taken yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.octets.get(self.pos..).unwrap_or_default()
    }

    /// The next `octets` octets.
    pub(crate) fn advance(&mut self, octets: usize) -> &'a [u8] {
        let start = self.pos;
        self.pos = self.pos.saturating_add(octets).min(self.octets.len());
        self.since(start)
    }

    /// The octets from `start` to the present position.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.octets.get(start..self.pos).unwrap_or_default()
    }

    /// Takes `wanted` if it is next.
    pub(crate) fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.pos += 1;
        }
        found
    }

    /// The longest run of octets that satisfy `accept`.
    pub(crate) fn run(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.octets.get(self.pos..).unwrap_or_default();
        let len = rest.iter().position(|&b| !accept(b)).unwrap_or(rest.len());
        self.pos += len;
        rest.get(..len).unwrap_or_default()
    }

    /// Skips white space; true if there was any.
    pub(crate) fn skip_white(&mut self) -> bool {
        !self.run(is_white).is_empty()
    }

    /// Skips white space and comments; true if there was anything.
    pub(crate) fn skip_cfws(&mut self) -> bool {
        let start = self.pos;
        self.skip_white();
        while self.peek() == Some(b'(') {
            self.comment();
            self.skip_white();
        }
        self.pos > start
    }

    /// Like `skip_cfws`; puts the text of the last comment in `text`, quoting removed, if there is one.
    pub(crate) fn skip_cfws_keeping(&mut self, text: &mut Vec<u8>) {
        self.skip_white();
        while self.peek() == Some(b'(') {
            let raw = self.comment();
            text.clear();
            unquote(raw, text);
            self.skip_white();
        }
    }

    /// Takes a comment (RFC 5322 §3.2.2), which may nest, and returns what is between its parentheses.
    fn comment(&mut self) -> &'a [u8] {
        self.bump();
        let start = self.pos;
        let mut depth = 1_usize;
        loop {
            let rest = self.octets.get(self.pos..).unwrap_or_default();
            let Some(at) = memchr3(b'(', b')', b'\\', rest) else {
                self.pos = self.octets.len();
                return self.since(start);
            };
            self.pos += at;
            match self.peek() {
                Some(b'(') => depth += 1,
                Some(b')') => depth -= 1,
                _ => self.bump(),
            }
            if depth == 0 {
                let raw = self.since(start);
                self.bump();
                return raw;
            }
            self.bump();
        }
    }

    /// Takes a quoted string (RFC 5322 §3.2.4) whose opening quote is next; appends its content, unquoted
    /// and unfolded.
    pub(crate) fn quoted(&mut self, out: &mut Vec<u8>) {
        self.bump();
        let start = self.pos;
        loop {
            let rest = self.octets.get(self.pos..).unwrap_or_default();
            let Some(at) = memchr::memchr2(b'"', b'\\', rest) else {
                self.pos = self.octets.len();
                unquote(self.since(start), out);
                return;
            };
            self.pos += at;
            if self.peek() == Some(b'"') {
                unquote(self.since(start), out);
                self.bump();
                return;
            }
            self.bump();
            self.bump();
        }
    }

    /// Takes a domain literal (RFC 5322 §3.4.1) whose `[` is next; appends it with its brackets.
    pub(crate) fn domain_literal(&mut self, out: &mut Vec<u8>) {
        let raw = self.run(|b| b != b']');
        self.take(b']');
        out.extend(raw.iter().filter(|b| !is_white(**b)));
        out.push(b']');
    }
}

/// Appends `raw` without the backslashes of quoted pairs (RFC 5322 §3.2.1) and without line ends.
fn unquote(raw: &[u8], out: &mut Vec<u8>) {
    if memchr3(b'\\', b'\r', b'\n', raw).is_none() {
        out.extend_from_slice(raw);
        return;
    }
    let mut octets = raw.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => out.extend(octets.next()),
            b'\n' => {}
            b'\r' if octets.peek() == Some(&b'\n') => {}
            _ => out.push(octet),
        }
    }
}

pub(crate) fn is_white(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

/// RFC 5322 §3.2.3 atext, with RFC 6532 §3.2 and everything else that is not special, so that raw 8-bit
/// passes.
pub(crate) fn is_atom(octet: u8) -> bool {
    !is_white(octet)
        && !matches!(
            octet,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b':' | b';' | b'@' | b'\\' | b',' | b'.' | b'"'
        )
}

/// RFC 2045 §5.1 token, with 8-bit octets let through.
pub(crate) fn is_token(octet: u8) -> bool {
    !is_white(octet)
        && !matches!(
            octet,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
        )
}
