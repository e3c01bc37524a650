//! Which Content-Transfer-Encoding contents get, and the encodings (RFC 2045 §6.7, §6.8).
//!
//! Contents come back octet for octet. Nothing is sent as 8bit that need not be: not every server on the way
//! takes it.

use memchr::memchr;

/// RFC 5322 §2.1.1.
const LINE_OCTETS_MAX: usize = 998;
/// RFC 2045 §6.7, §6.8: octets of an encoded line.
const ENCODED_LINE_OCTETS: usize = 76;

/// What the contents of a part are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Contents {
    Text,
    /// RFC 2046 §5.2.1: a message has no other encodings than the identities.
    Message,
    Other,
}

impl Contents {
    /// `media_type` in lower case.
    pub(super) fn of(media_type: &str) -> Contents {
        if media_type.starts_with("text/") {
            return Contents::Text;
        }
        if media_type.starts_with("message/") { Contents::Message } else { Contents::Other }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    SevenBit,
    EightBit,
    Binary,
    QuotedPrintable,
    Base64,
}

impl Encoding {
    pub(super) fn choose(contents: Contents, octets: &[u8]) -> Encoding {
        let survey = Survey::of(octets);
        match contents {
            _ if survey.is_ascii && survey.has_clean_lines && contents != Contents::Other => {
                Encoding::SevenBit
            }
            Contents::Message if survey.has_clean_lines => Encoding::EightBit,
            Contents::Message => Encoding::Binary,
            // Quoted-printable adds two octets for each that it marks, base64 one for three.
            Contents::Text if survey.marked <= octets.len() / 6 => Encoding::QuotedPrintable,
            _ => Encoding::Base64,
        }
    }

    /// The value of the field; none for what is the default.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Encoding::SevenBit => None,
            Encoding::EightBit => Some("8bit"),
            Encoding::Binary => Some("binary"),
            Encoding::QuotedPrintable => Some("quoted-printable"),
            Encoding::Base64 => Some("base64"),
        }
    }

    /// Of two the one that needs more of a way: an encoding that is none needs nothing.
    pub(super) fn wider(self, other: Encoding) -> Encoding {
        match (self, other) {
            (Encoding::Binary, _) | (_, Encoding::Binary) => Encoding::Binary,
            (Encoding::EightBit, _) | (_, Encoding::EightBit) => Encoding::EightBit,
            _ => Encoding::SevenBit,
        }
    }

    pub(super) fn is_identity(self) -> bool {
        !matches!(self, Encoding::QuotedPrintable | Encoding::Base64)
    }

    pub(super) fn push(self, octets: &[u8], out: &mut Vec<u8>) {
        match self {
            Encoding::SevenBit | Encoding::EightBit | Encoding::Binary => out.extend_from_slice(octets),
            Encoding::QuotedPrintable => push_quoted_printable(octets, out),
            Encoding::Base64 => push_base64_lines(octets, out),
        }
    }
}

struct Survey {
    is_ascii: bool,
    /// No line is too long, every CR and LF is part of a CRLF, and there is no NUL (RFC 2045 §2.7, §2.8).
    has_clean_lines: bool,
    /// Octets that quoted-printable has to mark.
    marked: usize,
}

impl Survey {
    fn of(octets: &[u8]) -> Survey {
        let mut marked = 0;
        let mut has_clean_lines = !octets.contains(&0);
        for line in octets.split_inclusive(|&octet| octet == b'\n') {
            let text = line.strip_suffix(b"\r\n").unwrap_or(line);
            has_clean_lines &=
                text.len() <= LINE_OCTETS_MAX && !text.iter().any(|octet| matches!(octet, b'\r' | b'\n'));
            marked += text.iter().filter(|&&octet| !is_plain(octet)).count();
        }
        Survey { is_ascii: octets.is_ascii(), has_clean_lines, marked }
    }
}

/// RFC 2045 §6.7 (2), (3): blanks and tabs stand for themselves within a line.
fn is_plain(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t') || (octet.is_ascii_graphic() && octet != b'=')
}

/// RFC 2045 §6.7, with CRLF as the line end of the text.
fn push_quoted_printable(octets: &[u8], out: &mut Vec<u8>) {
    let mut rest = octets;
    while !rest.is_empty() {
        let end = line_end(rest);
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        push_quoted_line(line, out);
        rest = match after.strip_prefix(b"\r\n") {
            Some(after) => {
                out.extend_from_slice(b"\r\n");
                after
            }
            None => after,
        };
    }
}

/// Where the first CRLF is, or the end.
fn line_end(octets: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr(b'\n', octets.get(at..).unwrap_or_default()) {
        let lf = at + found;
        if lf > 0 && octets.get(lf - 1) == Some(&b'\r') {
            return lf - 1;
        }
        at = lf + 1;
    }
    octets.len()
}

fn push_quoted_line(line: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    let last = line.len().saturating_sub(1);
    for (at, &octet) in line.iter().enumerate() {
        let blank_at_end = at == last && matches!(octet, b' ' | b'\t');
        // What SMTP and mailbox files take for something else at the beginning of a line.
        let risky =
            column == 0 && (octet == b'.' || line.get(at..).is_some_and(|rest| rest.starts_with(b"From ")));
        let plain = is_plain(octet) && !blank_at_end && !risky;
        let octets = if plain { 1 } else { 3 };
        // The last octet of a line may take the place of the soft line break.
        let room = ENCODED_LINE_OCTETS - usize::from(at != last);
        if column + octets > room {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if plain {
            out.push(octet);
        } else {
            out.extend_from_slice(&[b'=', hex_digit(octet >> 4), hex_digit(octet & 15)]);
        }
        column += octets;
    }
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
}

fn push_base64_lines(octets: &[u8], out: &mut Vec<u8>) {
    out.reserve(octets.len().div_ceil(3) * 4 / ENCODED_LINE_OCTETS * 78 + 78);
    let mut line = String::with_capacity(ENCODED_LINE_OCTETS);
    for chunk in octets.chunks(ENCODED_LINE_OCTETS / 4 * 3) {
        line.clear();
        push_base64(chunk, &mut line);
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// RFC 4648 §4, with padding.
pub(super) fn push_base64(octets: &[u8], out: &mut String) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in octets.chunks(3) {
        let octet = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for place in 0..4_u32 {
            let sextet = (bits >> (18 - 6 * place) & 63) as usize;
            let shown = place as usize <= group.len();
            out.push(if shown { ALPHABET.get(sextet).copied().map_or('=', char::from) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Contents, Encoding, push_base64};
    use crate::content::TransferEncoding;
    use crate::transfer::decode;

    fn encoded(encoding: Encoding, octets: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encoding.push(octets, &mut out);
        out
    }

    // spec: RFC 2045 §6.7; RFC 2045 §6.8
    #[test]
    fn what_is_encoded_is_decoded_again() {
        let long = "x".repeat(200);
        let texts: Vec<Vec<u8>> = vec![
            Vec::new(),
            b"a".to_vec(),
            b"ab".to_vec(),
            b"abc".to_vec(),
            b"line\r\nline \r\n\t\r\n".to_vec(),
            b"a=b\r\n.\r\nFrom x\r\n".to_vec(),
            b"bare\nlf and\rcr\0".to_vec(),
            "gr\u{fc}n \u{1f600}".repeat(30).into_bytes(),
            long.clone().into_bytes(),
            format!("{} ", "y".repeat(75)).into_bytes(),
            format!("{}\r\n{long}\r\n", "y".repeat(76)).into_bytes(),
            format!("{} \r\n", "y".repeat(74)).into_bytes(),
            (0..=255).collect(),
        ];
        for text in texts {
            for (encoding, decoding) in [
                (Encoding::QuotedPrintable, TransferEncoding::QuotedPrintable),
                (Encoding::Base64, TransferEncoding::Base64),
            ] {
                let written = encoded(encoding, &text);
                let mut again = Vec::new();
                decode(decoding, &written, &mut again);
                assert_eq!(again, text, "{}", written.escape_ascii());
                assert!(written.is_ascii());
                for line in written.split(|&octet| octet == b'\n') {
                    assert!(line.len() <= 77, "{}", line.escape_ascii());
                    assert!(!line.starts_with(b".") && !line.starts_with(b"From "));
                }
            }
        }
        let mut out = String::new();
        push_base64(b"\xff\xfe\xfd\xfc", &mut out);
        assert_eq!(out, "//79/A==");
    }

    // spec: RFC 2045 §6.2; RFC 2046 §5.2.1
    #[test]
    fn encodings_are_chosen() {
        use Contents::{Message, Other, Text};
        use Encoding::{Base64, Binary, EightBit, QuotedPrintable, SevenBit};
        let long = "x".repeat(999);
        let table = [
            (Text, "plain\r\n", SevenBit),
            (Text, "gr\u{fc}n und so weiter", QuotedPrintable),
            (Text, "\u{442}\u{435}\u{43a}\u{441}\u{442}", Base64),
            (Text, &long, QuotedPrintable),
            (Text, "bare\nlf", QuotedPrintable),
            (Other, "plain\r\n", Base64),
            (Message, "Subject: x\r\n", SevenBit),
            (Message, "Subject: \u{fc}\r\n", EightBit),
            (Message, "Subject: x\n", Binary),
            (Message, &long, Binary),
        ];
        for (contents, octets, expected) in table {
            assert_eq!(Encoding::choose(contents, octets.as_bytes()), expected, "{contents:?} {octets}");
        }
        assert_eq!(Contents::of("text/x"), Text);
        assert_eq!(Contents::of("message/rfc822"), Message);
        assert_eq!(Contents::of("image/png"), Other);
    }
}
