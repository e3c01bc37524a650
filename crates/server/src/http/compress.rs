//! Bodies of answers compressed by Brotli or gzip, when the client takes it (RFC 9110 §12.5.3).

use std::io::Write as _;

use bytes::Bytes;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use koi_proto::deflate::{Gzip, gzip};

use super::answer::Answer;

/// Below it a body hardly shrinks.
const OCTETS_MIN: usize = 1024;
/// Above it compressing takes so long that others of this thread go first.
const LONG_OCTETS: usize = 64 * 1024;
/// Quick, and still better than gzip.
const BROTLI_QUALITY: u32 = 4;
const BROTLI_WINDOW_BITS: u32 = 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Coding {
    Brotli,
    Gzip,
}

/// Compresses the body of an answer, unless there is nothing to win.
pub(super) async fn compress(asked: &HeaderMap, mut answer: Answer) -> Answer {
    let texts = answer.headers.get(CONTENT_TYPE).is_some_and(is_text);
    if answer.pieces_mut().is_some() && texts {
        return compress_pieces(asked, answer);
    }
    if answer.body.len() < OCTETS_MIN || !texts {
        return answer;
    }
    answer.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    let Some(coding) = wanted(asked) else { return answer };
    let body = answer.body.clone();
    let packed = match body.len() > LONG_OCTETS {
        true => tokio::task::spawn_blocking(move || coding.pack(&body)).await.ok().flatten(),
        false => coding.pack(&body),
    };
    if let Some(packed) = packed.filter(|packed| packed.len() < answer.body.len()) {
        answer.body = packed.into();
        answer.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    answer
}

/// A body that is not there yet is compressed as it comes.
fn compress_pieces(asked: &HeaderMap, mut answer: Answer) -> Answer {
    answer.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    let Some(coding) = wanted(asked) else { return answer };
    if let Some(pieces) = answer.pieces_mut() {
        pieces.pack_with(Packer::new(coding));
    }
    answer.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    answer
}

/// Compresses octets that come in pieces.
pub(super) enum Packer {
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Gzip(Gzip),
}

impl Packer {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(Gzip::default()),
            Coding::Brotli => Self::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                16 * 1024,
                BROTLI_QUALITY,
                BROTLI_WINDOW_BITS,
            ))),
        }
    }
    /// What can be sent already.
    pub(super) fn write(&mut self, piece: &[u8]) -> Bytes {
        match self {
            Self::Gzip(gzip) => {
                let mut out = Vec::new();
                gzip.write(piece, &mut out);
                out.into()
            }
            Self::Brotli(writer) => {
                // Into memory it cannot fail.
                let _ = writer.write_all(piece);
                std::mem::take(writer.get_mut()).into()
            }
        }
    }
    /// The rest.
    pub(super) fn finish(self) -> Bytes {
        match self {
            Self::Gzip(gzip) => {
                let mut out = Vec::new();
                gzip.finish(&mut out);
                out.into()
            }
            Self::Brotli(writer) => writer.into_inner().into(),
        }
    }
}

fn is_text(content_type: &HeaderValue) -> bool {
    let text = content_type.as_bytes();
    text.starts_with(b"application/json")
        || text.starts_with(b"application/problem+json")
        || (text.starts_with(b"text/") && !text.starts_with(b"text/event-stream"))
        || text.starts_with(b"application/xml")
}

impl Coding {
    const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
    fn pack(self, octets: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Gzip => Some(gzip(octets)),
            Self::Brotli => {
                let packed = Vec::with_capacity(octets.len() / 4);
                let mut writer =
                    brotli::CompressorWriter::new(packed, 16 * 1024, BROTLI_QUALITY, BROTLI_WINDOW_BITS);
                writer.write_all(octets).ok()?;
                Some(writer.into_inner())
            }
        }
    }
}

/// The one with the highest quality; of two that are equal, Brotli.
fn wanted(asked: &HeaderMap) -> Option<Coding> {
    let (mut brotli, mut gzip, mut any) = (None, None, None);
    let values = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = quality.map_or(1000, thousandths);
        match name.as_str() {
            "br" => brotli = Some(quality),
            "gzip" | "x-gzip" => gzip = Some(quality),
            "*" => any = Some(quality),
            _ => {}
        }
    }
    let brotli = brotli.or(any).unwrap_or(0);
    let gzip = gzip.or(any).unwrap_or(0);
    match (brotli, gzip) {
        (0, 0) => None,
        (brotli, gzip) if brotli >= gzip => Some(Coding::Brotli),
        _ => Some(Coding::Gzip),
    }
}

/// `qvalue` of RFC 9110 §12.4.2; 0 for what is none.
fn thousandths(text: &str) -> u32 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|octet| octet.is_ascii_digit()) {
        return 0;
    }
    let part: u32 = format!("{part:0<3}").parse().unwrap_or(0);
    match whole {
        "1" if part == 0 => 1000,
        "0" => part,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(text).unwrap());
        wanted(&headers)
    }

    // spec: RFC 9110 §12.5.3; RFC 9110 §12.4.2
    #[test]
    fn what_a_client_takes() {
        for (text, coding) in [
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip", Some(Coding::Gzip)),
            ("GZIP;q=1.0, br;q=0.9", Some(Coding::Gzip)),
            ("br;q=0, gzip;q=0.001", Some(Coding::Gzip)),
            ("*", Some(Coding::Brotli)),
            ("*;q=0.5, br;q=0", Some(Coding::Gzip)),
            ("gzip;q=0", None),
            ("identity", None),
            ("", None),
            ("gzip;q=1.5, br;q=x", None),
            (";;,,q=", None),
        ] {
            assert_eq!(of(text), coding, "{text}");
        }
        assert_eq!(wanted(&HeaderMap::new()), None);
    }
}
