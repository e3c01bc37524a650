//! The body of a message as JMAP shows it (RFC 8621 §4.1.4): the tree of parts with decoded properties, flat
//! lists of what is to be displayed and what to be offered, values of text parts.
//!
//! Parts are those of [`Structure`](crate::Structure), and a part id is the part number of IMAP
//! (RFC 9051 §6.4.5.1), so that [`find_part`](crate::find_part) finds it again.

use std::borrow::Cow;
use std::fmt::Write;

use crate::structure::{Part, PartKind, Structure};

mod lists;
mod part;
mod value;

pub use lists::{BodyLists, has_attachment};
pub use value::{BodyValue, body_value};

/// Octets of a part id that can be one: deeper parts are not looked for.
const PART_ID_OCTETS_MAX: usize = 512;

/// A part in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyPart<'s> {
    /// Part numbers from the message down. Empty for the message itself if that is a multipart.
    pub path: Vec<u32>,
    pub part: &'s Part,
    /// RFC 8621 §4.1.4: those of a multipart; what is within a message part is not shown.
    pub sub_parts: Vec<BodyPart<'s>>,
}

impl<'s> BodyPart<'s> {
    /// The bodyStructure of a message.
    #[must_use]
    pub fn of(structure: &'s Structure) -> BodyPart<'s> {
        let root = &structure.root;
        let path = if matches!(root.kind, PartKind::Multipart(_)) { Vec::new() } else { vec![1] };
        BodyPart::at(root, path)
    }

    fn at(part: &'s Part, path: Vec<u32>) -> BodyPart<'s> {
        let PartKind::Multipart(parts) = &part.kind else {
            return BodyPart { path, part, sub_parts: Vec::new() };
        };
        let sub_parts = (1..).zip(parts).map(|(number, child)| {
            let mut below = path.clone();
            below.push(number);
            BodyPart::at(child, below)
        });
        BodyPart { sub_parts: sub_parts.collect(), path, part }
    }

    /// `None` if, and only if, it is a multipart.
    #[must_use]
    pub fn part_id(&self) -> Option<String> {
        (!self.is_multipart()).then(|| part_id(&self.path))
    }

    #[must_use]
    pub fn is_multipart(&self) -> bool {
        matches!(self.part.kind, PartKind::Multipart(_))
    }

    /// This part and all below, in the order of the message.
    pub fn visit<'t>(&'t self, visit: &mut dyn FnMut(&'t BodyPart<'s>)) {
        visit(self);
        self.sub_parts.iter().for_each(|part| part.visit(visit));
    }

    /// The contents of the part with its transfer encoding taken off; see [`Part::octets`].
    #[must_use]
    pub fn octets<'r>(&self, raw: &'r [u8]) -> Cow<'r, [u8]> {
        self.part.octets(raw)
    }
}

/// The id of the part at `path`.
#[must_use]
pub fn part_id(path: &[u32]) -> String {
    let mut id = String::new();
    for number in path {
        let dot = if id.is_empty() { "" } else { "." };
        // Writing to a string does not fail.
        let _ = write!(id, "{dot}{number}");
    }
    id
}

/// The path a part id stands for; `None` if it can be none.
#[must_use]
pub fn part_path(id: &str) -> Option<Vec<u32>> {
    if id.len() > PART_ID_OCTETS_MAX {
        return None;
    }
    let number = |text: &str| {
        let plain = text.bytes().all(|octet| octet.is_ascii_digit()) && !text.starts_with('0');
        if plain { text.parse().ok() } else { None }
    };
    id.split('.').map(number).collect()
}

#[cfg(test)]
mod tests;
