//! Decoding a body that is read in pieces, so that a large one is never whole in memory (RFC 2045 §6.7,
//! §6.8). The result is that of decoding it at once.

use memchr::memrchr;

use super::{Group, decode_quoted_printable, finish_group};
use crate::transfer_encoding::TransferEncoding;

/// Octets of a quoted-printable line that are held back until its end is seen; RFC 2045 §6.7 allows 76.
const LINE_OCTETS_MAX: usize = 64 * 1024;

/// A body on its way through.
#[derive(Clone, Debug)]
pub struct Decoder(State);

#[derive(Clone, Debug)]
enum State {
    Identity,
    Base64(Group),
    /// Octets not decoded yet: what they mean depends on what follows.
    QuotedPrintable(Vec<u8>),
}

impl Decoder {
    /// None for encodings whose result is not defined by a standard.
    #[must_use]
    pub fn new(encoding: TransferEncoding) -> Option<Self> {
        Some(Self(match encoding {
            TransferEncoding::SevenBit | TransferEncoding::EightBit | TransferEncoding::Binary => {
                State::Identity
            }
            TransferEncoding::Base64 => State::Base64(Group::default()),
            TransferEncoding::QuotedPrintable => State::QuotedPrintable(Vec::new()),
            TransferEncoding::Uuencode | TransferEncoding::Unknown => return None,
        }))
    }
    /// Appends what the next piece stands for.
    pub fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            State::Identity => out.extend_from_slice(octets),
            State::Base64(group) => group.decode(octets, out),
            State::QuotedPrintable(held) => {
                held.extend_from_slice(octets);
                let end = match memrchr(b'\n', held) {
                    Some(at) => at + 1,
                    None if held.len() > LINE_OCTETS_MAX => safe_end(held),
                    None => return,
                };
                decode_quoted_printable(held.get(..end).unwrap_or_default(), out);
                held.drain(..end);
            }
        }
    }
    /// Appends what is left at the end of the body.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match &mut self.0 {
            State::Identity => {}
            State::Base64(group) => {
                let Group { bits, sextets } = std::mem::take(group);
                finish_group(bits, sextets, out);
            }
            State::QuotedPrintable(held) => decode_quoted_printable(&std::mem::take(held), out),
        }
    }
}

/// Where a line may be cut in two: not within an escape, and not after white space, which counts only if the
/// line does not end there.
fn safe_end(line: &[u8]) -> usize {
    let is_safe = |end: &usize| {
        let before = line.get(end.saturating_sub(3)..*end).unwrap_or_default();
        !before.contains(&b'=') && before.last().is_some_and(|octet| !octet.is_ascii_whitespace())
    };
    (1..=line.len()).rev().find(is_safe).unwrap_or(line.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::decode;

    fn in_pieces(encoding: TransferEncoding, octets: &[u8], size: usize) -> Vec<u8> {
        let mut decoder = Decoder::new(encoding).unwrap();
        let mut out = Vec::new();
        octets.chunks(size).for_each(|piece| decoder.push(piece, &mut out));
        decoder.finish(&mut out);
        out
    }

    /// RFC 2045 §6.7, §6.8
    #[test]
    fn pieces_make_the_same_as_the_whole() {
        let texts: [&[u8]; 8] = [
            b"",
            b"AAEC/w==",
            b"SGVs\r\nbG8g\r\nd29y bGQ=\r\nSGVsbG8",
            b"a=3D=\r\nb  \r\n=c0=\n \t\r\nend =",
            b"x=\r\n=\r\n=3",
            b"   \r\n\r\n=20\r\n",
            b"==\r\n=\rz",
            b"plain\0text\r\n",
        ];
        let encodings =
            [TransferEncoding::Base64, TransferEncoding::QuotedPrintable, TransferEncoding::Binary];
        for encoding in encodings {
            for text in texts {
                let mut whole = Vec::new();
                decode(encoding, text, &mut whole);
                for size in 1..=text.len().max(1) {
                    assert_eq!(in_pieces(encoding, text, size), whole, "{encoding:?} {text:?} {size}");
                }
            }
        }
        assert!(Decoder::new(TransferEncoding::Unknown).is_none());
        assert!(Decoder::new(TransferEncoding::Uuencode).is_none());
    }

    #[test]
    fn a_line_without_end_is_not_held() {
        let mut text = vec![b'a'; 3 * LINE_OCTETS_MAX];
        text.extend_from_slice(b"=3D");
        text.extend(vec![b' '; LINE_OCTETS_MAX]);
        text.extend_from_slice(b"=\r\nz \r\n");
        let mut whole = Vec::new();
        decode(TransferEncoding::QuotedPrintable, &text, &mut whole);
        assert_eq!(in_pieces(TransferEncoding::QuotedPrintable, &text, 1000), whole);
        let mut decoder = Decoder::new(TransferEncoding::QuotedPrintable).unwrap();
        decoder.push(&text[..2 * LINE_OCTETS_MAX], &mut Vec::new());
        assert!(matches!(decoder.0, State::QuotedPrintable(held) if held.is_empty()));
    }
}
