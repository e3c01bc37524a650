//! The names of Content-Transfer-Encoding (RFC 2045 §6.1). Decoding is elsewhere.

/// How the octets of a body are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransferEncoding {
    #[default]
    SevenBit,
    EightBit,
    Binary,
    QuotedPrintable,
    Base64,
    /// `x-uuencode` and its other spellings: not standard, but met.
    Uuencode,
    /// RFC 2045 §6.4: the body is opaque.
    Unknown,
}

impl TransferEncoding {
    /// RFC 2045 §6.1: the tokens ignore ASCII case.
    pub fn from_token(token: &[u8]) -> TransferEncoding {
        let table: [(&[u8], TransferEncoding); 10] = [
            (b"7bit", TransferEncoding::SevenBit),
            (b"8bit", TransferEncoding::EightBit),
            (b"binary", TransferEncoding::Binary),
            (b"quoted-printable", TransferEncoding::QuotedPrintable),
            (b"base64", TransferEncoding::Base64),
            (b"x-uuencode", TransferEncoding::Uuencode),
            (b"x-uue", TransferEncoding::Uuencode),
            (b"uuencode", TransferEncoding::Uuencode),
            (b"uue", TransferEncoding::Uuencode),
            (b"x-uu", TransferEncoding::Uuencode),
        ];
        let found = table.iter().find(|entry| entry.0.eq_ignore_ascii_case(token));
        found.map_or(TransferEncoding::Unknown, |entry| entry.1)
    }

    /// Whether the octets stand for themselves.
    pub fn is_identity(self) -> bool {
        matches!(self, TransferEncoding::SevenBit | TransferEncoding::EightBit | TransferEncoding::Binary)
    }
}
