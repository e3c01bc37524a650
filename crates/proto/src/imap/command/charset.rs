//! The charset of the strings in SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4): read once, so that whoever
//! searches sees UTF-8 only.

use encoding_rs::{Encoding, REPLACEMENT, UTF_16BE, UTF_16LE, X_USER_DEFINED};

/// Whether the strings of a search could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charset {
    /// All strings are UTF-8, and came so.
    Known,
    /// All strings are UTF-8 now, but came in another charset.
    Converted,
    /// Answer `NO [BADCHARSET …]` with [`CHARSETS`]; the strings in the keys have no meaning.
    Unknown,
}

/// What BADCHARSET lists: the usual names of those that are known.
pub const CHARSETS: &[&str] = &[
    "UTF-8",
    "US-ASCII",
    "ISO-8859-1",
    "ISO-8859-2",
    "ISO-8859-3",
    "ISO-8859-4",
    "ISO-8859-5",
    "ISO-8859-6",
    "ISO-8859-7",
    "ISO-8859-8",
    "ISO-8859-9",
    "ISO-8859-10",
    "ISO-8859-13",
    "ISO-8859-14",
    "ISO-8859-15",
    "ISO-8859-16",
    "ISO-2022-JP",
    "WINDOWS-1250",
    "WINDOWS-1251",
    "WINDOWS-1252",
    "WINDOWS-1253",
    "WINDOWS-1254",
    "WINDOWS-1255",
    "WINDOWS-1256",
    "WINDOWS-1257",
    "WINDOWS-1258",
    "KOI8-R",
    "KOI8-U",
    "GBK",
    "GB18030",
    "BIG5",
    "EUC-JP",
    "EUC-KR",
    "SHIFT_JIS",
];

/// How strings are read.
#[derive(Clone, Copy)]
pub(super) enum Strings {
    /// None given, US-ASCII or UTF-8.
    Utf8,
    Encoded(&'static Encoding),
    Unknown,
}

impl Strings {
    /// RFC 2978 §2.3: names ignore ASCII case. UTF-16 is left out: it would put NUL into literals.
    pub(super) fn of(name: &str) -> Self {
        if ["UTF-8", "US-ASCII"].iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Self::Utf8;
        }
        let unusable = [REPLACEMENT, UTF_16BE, UTF_16LE, X_USER_DEFINED];
        match Encoding::for_label(name.as_bytes()) {
            Some(encoding) if !unusable.contains(&encoding) => Self::Encoded(encoding),
            _ => Self::Unknown,
        }
    }
    pub(super) const fn charset(self) -> Charset {
        match self {
            Self::Utf8 => Charset::Known,
            Self::Encoded(_) => Charset::Converted,
            Self::Unknown => Charset::Unknown,
        }
    }
    /// `None` for octets that mean nothing in the charset.
    pub(super) fn decode(self, octets: &[u8]) -> Option<Box<str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(octets).ok().map(Box::from),
            Self::Encoded(encoding) => {
                let text = encoding.decode_without_bom_handling_and_without_replacement(octets);
                text.map(|text| text.into())
            }
            Self::Unknown => Some(String::from_utf8_lossy(octets).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9051 §6.4.4
    #[test]
    fn what_badcharset_lists_is_known() {
        for name in CHARSETS {
            assert_ne!(Strings::of(name).charset(), Charset::Unknown, "{name}");
            assert_eq!(Strings::of(name).decode(b"abc").as_deref(), Some("abc"), "{name}");
        }
        for name in ["UTF-7", "UTF-16", "ISO-2022-KR", "x-nonsense", ""] {
            assert_eq!(Strings::of(name).charset(), Charset::Unknown, "{name}");
        }
    }

    #[test]
    fn strings_are_read_in_their_charset() {
        let read = |name, octets: &[u8]| Strings::of(name).decode(octets);
        assert_eq!(read("koi8-r", &[0xcd, 0xc1, 0xd4]).as_deref(), Some("мат"));
        assert_eq!(read("ISO-8859-1", &[0xe4]).as_deref(), Some("ä"));
        assert_eq!(read("iso-2022-jp", b"\x1b$B%F\x1b(B").as_deref(), Some("テ"));
        assert_eq!(read("UTF-8", &[0xe4]), None);
        assert_eq!(read("EUC-JP", &[0xff]), None);
    }
}
