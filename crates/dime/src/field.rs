//! PRIME fields: `type(1) || length(0 to 3 octets, as the type says) || payload` (docs/DIME.md, fields).
//!
//! Which fields an object may have, how often and in which order, is the object's matter.

use crate::octets::{Cursor, length24};
use crate::sign::SIGNATURE_OCTETS;

/// Fields whose name stands in them.
pub const UNDEFINED: u8 = 251;

/// How the length of a field is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// Not at all: a signature.
    Signature,
    One,
    Two,
    Three,
    /// `length of name(1) || name || length of data(2) || data`.
    Named,
}

impl Counted {
    /// `None` for type 0, which is reserved.
    #[must_use]
    pub const fn of(id: u8) -> Option<Self> {
        match id {
            0 => None,
            4..=15 | 253 | 255 => Some(Self::Signature),
            1..=3 | 16..=159 | 254 => Some(Self::One),
            160..=250 => Some(Self::Two),
            UNDEFINED => Some(Self::Named),
            252 => Some(Self::Three),
        }
    }
}

/// One field as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    pub id: u8,
    /// Empty but in type 251.
    pub name: &'a [u8],
    pub data: &'a [u8],
}

/// Why octets are no fields, or something does not go into one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldError {
    /// Type 0.
    Reserved,
    /// The field of this type is cut.
    Cut(u8),
    /// More than this type's length can count, or not the length its signature has.
    Length(u8),
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reserved => f.write_str("field type 0 is reserved"),
            Self::Cut(id) => write!(f, "field {id} is cut"),
            Self::Length(id) => write!(f, "field {id} cannot have this length"),
        }
    }
}

impl std::error::Error for FieldError {}

/// The fields one after the other. After an error there are no more.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Fields<'a> {
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(octets) }
    }
    /// What was not yet read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.cursor.rest()
    }

    fn field(&mut self) -> Result<Field<'a>, FieldError> {
        let id = self.cursor.u8().ok_or(FieldError::Reserved)?;
        let counted = Counted::of(id).ok_or(FieldError::Reserved)?;
        self.parts(counted).map(|(name, data)| Field { id, name, data }).ok_or(FieldError::Cut(id))
    }

    fn parts(&mut self, counted: Counted) -> Option<(&'a [u8], &'a [u8])> {
        let cursor = &mut self.cursor;
        let mut name: &[u8] = b"";
        let length = match counted {
            Counted::Signature => SIGNATURE_OCTETS,
            Counted::One => usize::from(cursor.u8()?),
            Counted::Two => usize::from(cursor.be16()?),
            Counted::Three => usize::try_from(cursor.be24()?).ok()?,
            Counted::Named => {
                let length = usize::from(cursor.u8()?);
                name = cursor.take(length)?;
                usize::from(cursor.be16()?)
            }
        };
        Some((name, cursor.take(length)?))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, FieldError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cursor.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.cursor = Cursor::new(b"");
        }
        Some(field)
    }
}

impl Field<'_> {
    /// Writes it behind what there is; nothing is written on an error.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), FieldError> {
        let too_long = FieldError::Length(self.id);
        let counted = Counted::of(self.id).ok_or(FieldError::Reserved)?;
        if counted != Counted::Named && !self.name.is_empty() {
            return Err(too_long);
        }
        let (length, name_length) = (self.data.len(), self.name.len());
        let two = |length| u16::try_from(length).map(u16::to_be_bytes).map_err(|_| too_long);
        match counted {
            Counted::Signature if length == SIGNATURE_OCTETS => out.push(self.id),
            Counted::Signature => return Err(too_long),
            Counted::One => out.extend([self.id, u8::try_from(length).map_err(|_| too_long)?]),
            Counted::Two => {
                let length = two(length)?;
                out.push(self.id);
                out.extend(length);
            }
            Counted::Three => {
                let length = length24(length).ok_or(too_long)?;
                out.push(self.id);
                out.extend(length);
            }
            Counted::Named => {
                let (length, name_length) = (two(length)?, u8::try_from(name_length).map_err(|_| too_long)?);
                out.extend([self.id, name_length]);
                out.extend_from_slice(self.name);
                out.extend(length);
            }
        }
        out.extend_from_slice(self.data);
        Ok(())
    }
}
