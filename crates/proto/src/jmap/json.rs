//! I-JSON (RFC 7493): the values of a request, bounded before they are read, and a writer that cannot make
//! anything else.
//!
//! Everything else of `jmap` reads [`Json`] and writes through [`Slot`]; only this module and `reference`
//! name the JSON library.

mod bounds;
mod read;
mod write;

use std::fmt;

pub use bounds::Bounds;
pub use read::NotJson;
pub use write::{ArrayWriter, Items, ObjectWriter, Raw, Slot, ToJson};

/// The largest integer that every JSON reader holds exactly: 2^53-1 (RFC 8620 §1.3).
pub const INT_MAX: u64 = (1 << 53) - 1;

/// A JSON value that was read.
#[derive(Clone, PartialEq, Debug)]
pub enum Json {
    Null,
    Bool(bool),
    Number(Number),
    String(Box<str>),
    Array(Vec<Json>),
    Object(Members),
}

/// A number as it was read. Two are equal when they are the same number, however written.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    Unsigned(u64),
    Negative(i64),
    Float(f64),
}

/// The members of an object, in the order in which they stood. No name stands twice.
#[derive(Clone, Debug, Default)]
pub struct Members(Vec<Member>);

#[derive(Clone, PartialEq, Debug)]
pub struct Member {
    pub name: Box<str>,
    pub value: Json,
}

impl Json {
    /// Reads one value and nothing behind it.
    ///
    /// # Errors
    /// It is not I-JSON, or passes a bound; the bounds are checked before anything is built.
    pub fn parse(octets: &[u8], bounds: &Bounds) -> Result<Self, NotJson> {
        bounds.check(octets)?;
        read::read(octets)
    }

    /// What kind of value it is, for a message to whoever wrote the client.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a Boolean",
            Self::Number(_) => "a Number",
            Self::String(_) => "a String",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// About how much memory it takes, octets.
    #[must_use]
    pub fn weight(&self) -> usize {
        let inside = match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 0,
            Self::String(text) => text.len(),
            Self::Array(items) => items.iter().map(Self::weight).sum(),
            Self::Object(members) => members.iter().map(|m| m.name.len() + m.value.weight()).sum(),
        };
        size_of::<Member>() + inside
    }

    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    #[must_use]
    pub const fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }
}

impl Number {
    /// The value as an Int (RFC 8620 §1.3): a whole number that a double holds exactly.
    #[must_use]
    pub fn int(self) -> Option<i64> {
        const MAX: i64 = INT_MAX.cast_signed();
        let value = match self {
            Self::Unsigned(value) => i64::try_from(value).ok()?,
            Self::Negative(value) => value,
            Self::Float(value) if value.fract() == 0.0 && value.abs() <= MAX as f64 => value as i64,
            Self::Float(_) => return None,
        };
        (-MAX..=MAX).contains(&value).then_some(value)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Unsigned(a), Self::Unsigned(b)) => a == b,
            (Self::Negative(a), Self::Negative(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Unsigned(whole), Self::Float(float)) | (Self::Float(float), Self::Unsigned(whole)) => {
                whole as f64 == float
            }
            (Self::Negative(whole), Self::Float(float)) | (Self::Float(float), Self::Negative(whole)) => {
                whole as f64 == float
            }
            (Self::Unsigned(_), Self::Negative(_)) | (Self::Negative(_), Self::Unsigned(_)) => false,
        }
    }
}

impl Members {
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn iter(&self) -> std::slice::Iter<'_, Member> {
        self.0.iter()
    }
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|member| *member.name == *name).map(|member| &member.value)
    }
    /// Takes a member out.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().position(|member| *member.name == *name)?;
        Some(self.0.remove(at).value)
    }
    /// Takes all members out whose name is chosen, in order.
    pub fn take_if(&mut self, chosen: impl Fn(&str) -> bool) -> Vec<Member> {
        let (taken, left) = std::mem::take(&mut self.0).into_iter().partition(|member| chosen(&member.name));
        self.0 = left;
        taken
    }
    /// Adds a member; one of that name is replaced.
    pub fn put(&mut self, name: Box<str>, value: Json) {
        match self.0.iter_mut().find(|member| member.name == name) {
            Some(member) => member.value = value,
            None => self.0.push(Member { name, value }),
        }
    }
    /// Changes a member where it stands.
    pub(super) fn change(&mut self, name: &str, change: impl FnOnce(Json) -> Json) {
        if let Some(member) = self.0.iter_mut().find(|member| *member.name == *name) {
            member.value = change(std::mem::replace(&mut member.value, Json::Null));
        }
    }
    /// A member gets another name where it stands; one that has it already goes.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if self.value(from).is_none() {
            return;
        }
        self.0.retain(|member| *member.name != *to);
        if let Some(member) = self.0.iter_mut().find(|member| *member.name == *from) {
            member.name = to.into();
        }
    }
    /// A name that stands twice, if one does.
    fn duplicate(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|member| &*member.name).collect();
        names.sort_unstable();
        names.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(*a),
            _ => None,
        })
    }
}

/// RFC 7493 §2.3: the order of members has no meaning.
impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |members: &Self| {
            let mut sorted: Vec<_> = (0..members.0.len()).collect();
            sorted.sort_by_key(|&at| members.0.get(at).map(|member| member.name.clone()));
            sorted
        };
        let same = |(&a, &b): (&usize, &usize)| self.0.get(a) == other.0.get(b);
        self.len() == other.len() && sorted(self).iter().zip(&sorted(other)).all(same)
    }
}

/// Of a name that stands twice the first stays.
impl FromIterator<Member> for Members {
    fn from_iter<I: IntoIterator<Item = Member>>(members: I) -> Self {
        let mut seen = std::collections::BTreeSet::new();
        Self(members.into_iter().filter(|member| seen.insert(member.name.clone())).collect())
    }
}

impl IntoIterator for Members {
    type Item = Member;
    type IntoIter = std::vec::IntoIter<Member>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Members {
    type Item = &'a Member;
    type IntoIter = std::slice::Iter<'a, Member>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The value in its compact form.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Raw::of(self).as_str())
    }
}

#[cfg(test)]
pub(crate) mod tests;
