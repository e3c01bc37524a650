//! Charsets (RFC 2978 names) to UTF-8, by the tables of `encoding_rs`. What no table covers is guessed.

use encoding_rs::{EUC_JP, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The charset of this name. RFC 2978 §2.3: names ignore ASCII case.
pub fn encoding_for(label: &[u8]) -> Option<&'static Encoding> {
    // RFC 2781 §4.3: without a byte order mark UTF-16 is big-endian; the tables assume the opposite.
    if label.eq_ignore_ascii_case(b"utf-16") {
        return Some(UTF_16BE);
    }
    Encoding::for_label(label)
}

/// Decodes `octets` from the charset named `label`, guessing if it is unknown.
pub fn decode_or_guess(label: &[u8], octets: &[u8], out: &mut String) {
    if is_utf7(label) {
        crate::utf7::decode(octets, out);
        return;
    }
    match encoding_for(label) {
        // US-ASCII and Latin-1 are what senders say who do not know: valid UTF-8 is taken as such.
        Some(encoding) if encoding == WINDOWS_1252 && is_vague(label) => decode_guessing(octets, out),
        Some(encoding) => decode(encoding, octets, out),
        None => decode_guessing(octets, out),
    }
}

/// UTF-8 if it is valid, otherwise Windows-1252, of which every octet is a character.
pub fn decode_guessing(octets: &[u8], out: &mut String) {
    match std::str::from_utf8(octets) {
        Ok(text) => out.push_str(text),
        Err(_) => decode(WINDOWS_1252, octets, out),
    }
}

/// Whether text in the charset named `label` is decoded by a table, not guessed.
pub(crate) fn is_known(label: &[u8]) -> bool {
    is_utf7(label) || encoding_for(label).is_some()
}

/// Whether the beginning of a text, or all of it, is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    /// The last character may be cut.
    Beginning,
}

/// Like [`decode_or_guess`]; whether the result is in doubt: malformed for its charset, or guessed because
/// the charset is not known (RFC 8621 §4.1.4 isEncodingProblem). Text that says it is US-ASCII and is UTF-8
/// is in no doubt.
pub(crate) fn decode_telling(label: &[u8], octets: &[u8], extent: Extent, out: &mut String) -> bool {
    if is_utf7(label) {
        crate::utf7::decode(octets, out);
        return false;
    }
    match encoding_for(label) {
        Some(encoding) if !(encoding == WINDOWS_1252 && is_vague(label)) => {
            decode_extent(encoding, octets, extent, out)
        }
        known => {
            let valid = match std::str::from_utf8(octets) {
                Ok(_) => true,
                Err(error) => error.error_len().is_none() && extent == Extent::Beginning,
            };
            let encoding = if valid { UTF_8 } else { WINDOWS_1252 };
            decode_extent(encoding, octets, extent, out);
            !valid || (known.is_none() && !label.is_empty())
        }
    }
}

/// Whether octets below 128 are always the ASCII character of that number in this charset.
pub(crate) fn has_plain_ascii(label: &[u8]) -> bool {
    if label.is_empty() || label.eq_ignore_ascii_case(b"utf-8") || is_vague(label) {
        return true;
    }
    if is_utf7(label) {
        return false;
    }
    // Unknown charsets are guessed to be UTF-8 or Windows-1252.
    encoding_for(label)
        .is_none_or(|encoding| encoding.is_single_byte() || encoding == UTF_8 || encoding == EUC_JP)
}

/// Whether octets that are all below 128 are ASCII text in this charset.
pub(crate) fn is_ascii_compatible(label: &[u8]) -> bool {
    !is_utf7(label) && encoding_for(label).is_none_or(Encoding::is_ascii_compatible)
}

/// `octets` as they are, if that is what decoding them would give.
pub(crate) fn as_utf8<'a>(label: &[u8], octets: &'a [u8]) -> Option<&'a str> {
    let guessed = || is_vague(label) || encoding_for(label).is_none();
    if is_utf7(label) || octets.starts_with(b"\xef\xbb\xbf") {
        return None;
    }
    let utf8 = label.is_empty() || label.eq_ignore_ascii_case(b"utf-8") || guessed();
    if utf8 { std::str::from_utf8(octets).ok() } else { None }
}

fn is_utf7(label: &[u8]) -> bool {
    label.eq_ignore_ascii_case(b"utf-7") || label.eq_ignore_ascii_case(b"unicode-1-1-utf-7")
}

/// Whether the label means "US-ASCII", in which 8-bit octets have no meaning.
fn is_vague(label: &[u8]) -> bool {
    let vague: [&[u8]; 4] = [b"us-ascii", b"ascii", b"ansi_x3.4-1968", b"iso646-us"];
    vague.iter().any(|name| label.eq_ignore_ascii_case(name))
}

/// Appends `octets` decoded; what is malformed becomes U+FFFD. A byte order mark is taken off.
fn decode(encoding: &'static Encoding, octets: &[u8], out: &mut String) {
    decode_extent(encoding, octets, Extent::Whole, out);
}

/// Like [`decode`]; whether anything was malformed.
fn decode_extent(encoding: &'static Encoding, octets: &[u8], extent: Extent, out: &mut String) -> bool {
    let encoding = match octets {
        [0xFF, 0xFE, ..] if encoding == UTF_16BE => UTF_16LE,
        _ => encoding,
    };
    if encoding == UTF_8
        && let Ok(text) = std::str::from_utf8(octets)
    {
        out.push_str(text.strip_prefix('\u{FEFF}').unwrap_or(text));
        return false;
    }
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let Some(most) = decoder.max_utf8_buffer_length(octets.len()) else { return true };
    out.reserve(most);
    let (_result, _read, malformed) = decoder.decode_to_string(octets, out, extent == Extent::Whole);
    malformed
}
