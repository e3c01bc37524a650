//! A Rust source as the rules see it: code with comments and literals blanked, comments apart, tokens, lines.
//!
//! `code` and `comments` have the same length as `text`, octet for octet, so an offset in one is an offset in
//! all. This is a scanner, not a parser: it knows strings, raw strings, characters, lifetimes and nested
//! comments, and nothing else of the language.

/// A Rust file, scanned.
pub(crate) struct Source {
    /// Relative to the root of the checkout.
    pub(crate) path: String,
    /// Folder of its package relative to the root, such as `crates/proto`; empty when it is in none.
    pub(crate) package: String,
    /// The whole file is test code: below `tests/`, or only reachable through `#[cfg(test)]`.
    pub(crate) is_test: bool,
    /// Some target of its package reaches it by `mod`.
    pub(crate) is_reachable: bool,
    pub(crate) text: String,
    /// The text with everything but comments replaced by blanks.
    pub(crate) comments: String,
    pub(crate) tokens: Vec<Token>,
    line_starts: Vec<usize>,
    test_ranges: Vec<Range>,
}

/// An identifier, a number, or one punctuation octet of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) at: usize,
    pub(crate) text: String,
}

/// Octets `from..to` of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Source {
    pub(crate) fn new(path: &str, package: &str, text: String) -> Source {
        let masks = Masks::of(&text);
        let tokens = tokens(&masks.code);
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(i, _)| i + 1));
        let line_starts = line_starts.collect();
        let test_ranges = test_ranges(&tokens);
        Source {
            path: path.to_owned(),
            package: package.to_owned(),
            is_test: false,
            is_reachable: false,
            text,
            comments: masks.comments,
            tokens,
            line_starts,
            test_ranges,
        }
    }

    /// The line of an offset, counted from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at)
    }

    /// Whether the offset is in a file or an item that only tests compile.
    pub(crate) fn is_test_at(&self, at: usize) -> bool {
        self.is_test || self.test_ranges.iter().any(|range| range.from <= at && at < range.to)
    }

    pub(crate) fn token(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| token.text.as_str())
    }

    /// Whether the tokens from `index` on are these.
    pub(crate) fn tokens_are(&self, index: usize, wanted: &[&str]) -> bool {
        wanted.iter().enumerate().all(|(i, text)| self.token(index + i) == *text)
    }

    /// Whether the line itself, or a comment or attribute directly above it, carries `mark` and a reason.
    pub(crate) fn has_reason(&self, line: usize, mark: &str) -> bool {
        let lines: Vec<&str> = self.text.lines().collect();
        let carries = |text: &str| match text.split_once(mark) {
            Some((before, reason)) => before.contains("//") && !reason.trim().is_empty(),
            None => false,
        };
        let Some(index) = line.checked_sub(1) else { return false };
        if lines.get(index).is_some_and(|text| carries(text)) {
            return true;
        }
        let above = lines.get(..index).unwrap_or_default().iter().rev();
        above
            .take_while(|text| {
                let text = text.trim_start();
                text.starts_with("//") || text.starts_with("#[") || text.starts_with("#!")
            })
            .any(|text| carries(text))
    }
}

/// The two complementary views of a text.
struct Masks {
    /// The text with comments and the inside of literals replaced by blanks.
    code: String,
    comments: String,
}

/// What the scanner found at a position.
struct Piece {
    end: usize,
    kind: Kind,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    /// Its delimiters stay in the code; the inside is blanked.
    Literal,
}

impl Masks {
    fn of(text: &str) -> Masks {
        let bytes = text.as_bytes();
        let mut code = Vec::with_capacity(bytes.len());
        let mut comments = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let piece = piece(bytes, at);
            let end = piece.end.clamp(at + 1, bytes.len());
            for (offset, &byte) in bytes.iter().enumerate().take(end).skip(at) {
                let blank = if byte == b'\n' { b'\n' } else { b' ' };
                let edge = offset == at || offset + 1 == end;
                let in_code = match piece.kind {
                    Kind::Code => true,
                    Kind::Comment => false,
                    Kind::Literal => edge && matches!(byte, b'"' | b'\''),
                };
                code.push(if in_code { byte } else { blank });
                comments.push(if piece.kind == Kind::Comment { byte } else { blank });
            }
            at = end;
        }
        Masks {
            code: String::from_utf8(code).unwrap_or_default(),
            comments: String::from_utf8(comments).unwrap_or_default(),
        }
    }
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The piece that begins at `at`.
fn piece(bytes: &[u8], at: usize) -> Piece {
    let here = byte(bytes, at);
    let next = byte(bytes, at + 1);
    match here {
        b'/' if next == b'/' => Piece { end: line_end(bytes, at), kind: Kind::Comment },
        b'/' if next == b'*' => Piece { end: block_end(bytes, at), kind: Kind::Comment },
        b'"' => Piece { end: string_end(bytes, at), kind: Kind::Literal },
        b'\'' => character(bytes, at),
        _ if is_word(here) => word(bytes, at),
        _ => Piece { end: at + 1, kind: Kind::Code },
    }
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes.iter().skip(at).position(|&b| b == b'\n').map_or(bytes.len(), |offset| at + offset)
}

fn block_end(bytes: &[u8], at: usize) -> usize {
    let mut depth = 0usize;
    let mut here = at;
    while here < bytes.len() {
        match (byte(bytes, here), byte(bytes, here + 1)) {
            (b'/', b'*') => {
                depth += 1;
                here += 2;
            }
            (b'*', b'/') => {
                depth = depth.saturating_sub(1);
                here += 2;
                if depth == 0 {
                    return here;
                }
            }
            _ => here += 1,
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut here = at + 1;
    while here < bytes.len() {
        match byte(bytes, here) {
            b'\\' => here += 2,
            b'"' => return here + 1,
            _ => here += 1,
        }
    }
    bytes.len()
}

/// A character literal, or the tick of a lifetime.
fn character(bytes: &[u8], at: usize) -> Piece {
    let first = byte(bytes, at + 1);
    if first == b'\\' {
        let close = bytes.iter().skip(at + 3).position(|&b| b == b'\'');
        return Piece { end: close.map_or(bytes.len(), |offset| at + 3 + offset + 1), kind: Kind::Literal };
    }
    let width = match first {
        0..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    if byte(bytes, at + 1 + width) == b'\'' {
        return Piece { end: at + width + 2, kind: Kind::Literal };
    }
    Piece { end: at + 1, kind: Kind::Code }
}

/// An identifier or number, unless it opens a raw string.
fn word(bytes: &[u8], at: usize) -> Piece {
    let end = bytes.iter().skip(at).position(|&b| !is_word(b)).map_or(bytes.len(), |offset| at + offset);
    let is_raw_prefix = matches!(bytes.get(at..end), Some(b"r" | b"br" | b"cr"));
    if !is_raw_prefix {
        return Piece { end, kind: Kind::Code };
    }
    let hashes = bytes.iter().skip(end).take_while(|&&b| b == b'#').count();
    if byte(bytes, end + hashes) != b'"' {
        return Piece { end, kind: Kind::Code };
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let open = end + hashes + 1;
    let inside = bytes.get(open..).unwrap_or_default();
    let length = inside.windows(close.len()).position(|window| window == close.as_slice());
    Piece { end: length.map_or(bytes.len(), |length| open + length + close.len()), kind: Kind::Literal }
}

fn tokens(code: &str) -> Vec<Token> {
    let bytes = code.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let here = byte(bytes, at);
        let mut end = at + 1;
        if is_word(here) {
            while is_word(byte(bytes, end)) && end < bytes.len() {
                end += 1;
            }
        }
        if !here.is_ascii_whitespace() {
            tokens.push(Token { at, text: code.get(at..end).unwrap_or_default().to_owned() });
        }
        at = end;
    }
    tokens
}

/// Items under `#[cfg(test)]` or `#[test]`: from the attribute to the closing brace or semicolon.
fn test_ranges(tokens: &[Token]) -> Vec<Range> {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    let mut ranges: Vec<Range> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.text != "#" || text(index + 1) != "[" {
            continue;
        }
        let is_cfg_test = text(index + 2) == "cfg"
            && (text(index + 4) == "test"
                || (matches!(text(index + 4), "all" | "any") && text(index + 6) == "test"));
        let is_test = text(index + 2) == "test" && text(index + 3) == "]";
        if is_cfg_test || is_test {
            ranges.push(Range { from: token.at, to: item_end(tokens, index) });
        }
    }
    ranges
}

/// The end of the item whose first attribute begins at token `index`.
pub(crate) fn item_end(tokens: &[Token], index: usize) -> usize {
    let mut round_or_square = 0i32;
    let mut braces = 0i32;
    for token in tokens.iter().skip(index) {
        match token.text.as_str() {
            "(" | "[" => round_or_square += 1,
            ")" | "]" => round_or_square -= 1,
            "{" => braces += 1,
            "}" => braces -= 1,
            _ => {}
        }
        let closes = token.text == "}" && braces == 0 && round_or_square == 0;
        let ends = token.text == ";" && braces == 0 && round_or_square == 0;
        if closes || ends || braces < 0 {
            return token.at + 1;
        }
    }
    tokens.last().map_or(0, |token| token.at + 1)
}

#[cfg(test)]
mod tests;
