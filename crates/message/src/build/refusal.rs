//! What is refused in an Email to be created (RFC 8621 §4.6), in words.

use std::fmt;

/// One property that breaks one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The name of the property; within parts with its way there, as `attachments/0/size`.
    pub property: String,
    pub rule: Rule,
}

/// RFC 8621 §4.6; the last ones are what no message can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    HeadersGiven,
    FieldTwice,
    /// Several values for a field that stands once at most.
    FieldOnce,
    FormForbidden,
    ContentFieldOnEmail,
    BodyTwice,
    FieldOnEmailAndBody,
    NotOneTextPart,
    NotOneHtmlPart,
    PartIdAndBlobId,
    NoSuchBodyValue,
    CharsetWithPartId,
    SizeWithPartId,
    TransferEncodingGiven,
    EncodingProblem,
    Truncated,
    /// Neither partId nor blobId nor subParts.
    NothingInPart,
    /// subParts of what is no multipart, or a multipart with contents of its own.
    SubPartsMisplaced,
    /// No name of a field.
    FieldName,
    /// What the field cannot hold: control characters, line ends that are no folding, lines of more than
    /// 998 octets, a date that has no such form.
    FieldValue,
    /// No media type.
    MediaType,
    /// A Content-Type that is written raw for a multipart, or for a value with another charset than UTF-8.
    RawContentType,
    TooDeep,
    TooManyParts,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::HeadersGiven => "header fields are set one by one, not as a list",
            Rule::FieldTwice => "this header field is set by another property too",
            Rule::FieldOnce => "a header has this field once at most",
            Rule::FormForbidden => "this header field has no such form",
            Rule::ContentFieldOnEmail => "Content- fields belong to body parts",
            Rule::BodyTwice => "bodyStructure excludes textBody, htmlBody and attachments",
            Rule::FieldOnEmailAndBody => "this header field is set on the Email already",
            Rule::NotOneTextPart => "must hold exactly one part of type text/plain",
            Rule::NotOneHtmlPart => "must hold exactly one part of type text/html",
            Rule::PartIdAndBlobId => "partId and blobId exclude each other",
            Rule::NoSuchBodyValue => "no such id in bodyValues",
            Rule::CharsetWithPartId => "with a partId the server chooses the charset",
            Rule::SizeWithPartId => "with a partId there is no size yet",
            Rule::TransferEncodingGiven => "the server chooses the transfer encoding",
            Rule::EncodingProblem => "isEncodingProblem must be false or omitted",
            Rule::Truncated => "isTruncated must be false or omitted",
            Rule::NothingInPart => "a part needs a partId, a blobId or, as a multipart, subParts",
            Rule::SubPartsMisplaced => "subParts are for multiparts, which have nothing else",
            Rule::FieldName => "not the name of a header field",
            Rule::FieldValue => "a header field cannot hold this value",
            Rule::MediaType => "not a media type (type/subtype, without parameters)",
            Rule::RawContentType => "set the type by the property type",
            Rule::TooDeep => "too many levels of subParts",
            Rule::TooManyParts => "too many parts",
        })
    }
}
