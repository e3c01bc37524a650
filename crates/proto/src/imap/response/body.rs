//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2): the tree a caller hands in and how it is written.

use super::envelope::EnvelopeRef;

/// One part with what is below it. Media types are written as given; the caller has put in the defaults of MIME.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodyRef<'a> {
    /// `text`, `multipart` …
    pub media_type: &'a [u8],
    pub media_subtype: &'a [u8],
    pub parameters: &'a [Parameter<'a>],
    pub disposition: Option<Disposition<'a>>,
    /// `Content-Language` tags.
    pub language: &'a [&'a [u8]],
    pub location: Option<&'a [u8]>,
    pub kind: BodyKind<'a>,
}

/// `body-type-mpart`, `body-type-basic`, `body-type-text`, `body-type-msg`
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BodyKind<'a> {
    /// An empty multipart is not expressible; the encoder writes one empty text part for it.
    Multipart(&'a [BodyRef<'a>]),
    Basic(BodyFields<'a>),
    Text {
        fields: BodyFields<'a>,
        lines: u64,
    },
    Message {
        fields: BodyFields<'a>,
        envelope: EnvelopeRef<'a>,
        body: &'a BodyRef<'a>,
        lines: u64,
    },
}

/// `body-fields` after the parameters, and MD5 of the extension data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BodyFields<'a> {
    pub id: Option<&'a [u8]>,
    pub description: Option<&'a [u8]>,
    /// `Content-Transfer-Encoding`; `7BIT` when the message has none.
    pub encoding: &'a [u8],
    /// Size in its transfer encoding.
    pub octets: u64,
    /// `Content-MD5`
    pub md5: Option<&'a [u8]>,
}

/// `attribute=value` of a MIME field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameter<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
}

/// `Content-Disposition`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disposition<'a> {
    pub kind: &'a [u8],
    pub parameters: &'a [Parameter<'a>],
}
