//! Header fields (RFC 5322 §2.2, §4.5): an iterator over the octets of a header, unfolding, and subsets of
//! a header for IMAP (RFC 9051 §6.4.5.1). It looks at lines and names only; what a value means is for
//! others.
//!
//! A line ends at LF, with or without a CR before it: stored messages keep the line ends they came with.

use memchr::memchr;

use crate::range::Range32;

/// One field: its name, its raw value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name without the colon and without white space before it; empty if the line has no colon.
    pub name: &'a [u8],
    /// The octets after the colon, folding included, the last line end excluded.
    pub value: &'a [u8],
    /// All lines of the field with their line ends, relative to the octets given to [`Fields::new`].
    pub range: Range32,
}

impl Field<'_> {
    /// Whether the field has this name. RFC 9051 §6.4.5.1: ASCII case is ignored, nothing else is.
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The fields of a header, in order. Stops at the blank line that ends it.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    octets: &'a [u8],
    pos: usize,
}

impl<'a> Fields<'a> {
    /// `octets` begin with the first field; they may go on beyond the header.
    pub fn new(octets: &'a [u8]) -> Fields<'a> {
        Fields { octets, pos: 0 }
    }

    /// Starts at octet `pos` of `octets`; ranges stay relative to `octets`.
    pub(crate) fn starting_at(octets: &'a [u8], pos: usize) -> Fields<'a> {
        Fields { octets, pos }
    }

    /// Where the next field, the blank line or the end is.
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// Octets of the blank line at the present position; 0 if there is none. RFC 5322 §4.1: surplus CRs
    /// before the line end are met in mail that went through broken converters; they do not make a line.
    pub(crate) fn blank_line_octets(&self) -> usize {
        let rest = self.octets.get(self.pos..).unwrap_or_default();
        let crs = rest.iter().take_while(|&&octet| octet == b'\r').count();
        if rest.get(crs) == Some(&b'\n') { crs + 1 } else { 0 }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.blank_line_octets() > 0 {
            return None;
        }
        let rest = self.octets.get(self.pos..)?;
        if rest.is_empty() {
            return None;
        }
        let (content_end, end) = field_end(rest);
        let line = rest.get(..content_end).unwrap_or_default();
        let (name, value) = split_name(line);
        let start = self.pos;
        self.pos += end;
        Some(Field { name, value, range: Range32::new(start as u32, self.pos as u32) })
    }
}

/// Where the field at the beginning of `rest` ends: without and with its last line end.
fn field_end(rest: &[u8]) -> (usize, usize) {
    let mut at = 0;
    while let Some(found) = memchr(b'\n', rest.get(at..).unwrap_or_default()) {
        let lf = at + found;
        at = lf + 1;
        if !matches!(rest.get(at), Some(b' ' | b'\t')) {
            let cr = lf > 0 && rest.get(lf - 1) == Some(&b'\r');
            return (lf - usize::from(cr), at);
        }
    }
    (rest.len(), rest.len())
}

/// Splits at the first colon. RFC 5322 §4.5: white space may stand before it in obsolete fields.
fn split_name(line: &[u8]) -> (&[u8], &[u8]) {
    let first_line = line.iter().position(|&b| b == b':' || b == b'\n');
    let Some(colon) = first_line.filter(|&at| line.get(at) == Some(&b':')) else {
        return (&[], line);
    };
    let name = line.get(..colon).unwrap_or_default();
    let value = line.get(colon + 1..).unwrap_or_default();
    (name.trim_ascii_end(), value)
}

/// Appends `value` unfolded (RFC 5322 §2.2.3: the line ends go, the white space stays), without white space
/// at either end.
pub fn unfold(value: &[u8], out: &mut Vec<u8>) {
    let value = value.trim_ascii();
    let mut rest = value;
    while let Some(lf) = memchr(b'\n', rest) {
        let line = rest.get(..lf).unwrap_or_default();
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        rest = rest.get(lf + 1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// The octets IMAP returns for HEADER.FIELDS (`not` false) and HEADER.FIELDS.NOT (`not` true): the fields
/// of `header` whose name is (not) among `names`, as they stand, and the blank line.
///
/// RFC 9051 §6.4.5.1: the blank line is always there, except for a message without body and blank line.
/// A field that ends at the end of the message without a line end gets none.
pub fn header_fields(header: &[u8], names: &[&[u8]], not: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut fields = Fields::new(header);
    for field in fields.by_ref() {
        let named = names.iter().any(|name| field.is(name));
        if named != not {
            out.extend_from_slice(field.range.of(header));
        }
    }
    out.extend_from_slice(header.get(fields.pos()..).unwrap_or_default());
    out
}
