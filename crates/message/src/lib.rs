//! RFC 5322 and MIME: parse, structure, envelope, search text. Pure.
