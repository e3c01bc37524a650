//! From JSON values to the types that the specifications give them (RFC 8620 §1.1), with an exact complaint.

use std::collections::BTreeSet;
use std::fmt;

use super::id::{Id, IdRef};
use super::json::{Json, Members};

/// A value is not of its type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// Where inside the value, as a path without a leading slash; empty: the value itself.
    pub at: String,
    pub expected: &'static str,
}

impl Wrong {
    #[must_use]
    pub const fn expected(expected: &'static str) -> Self {
        Self { at: String::new(), expected }
    }
    /// The same, seen from the value that contains it.
    #[must_use]
    pub fn within(mut self, segment: &str) -> Self {
        self.at = if self.at.is_empty() { segment.to_owned() } else { format!("{segment}/{}", self.at) };
        self
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}", self.at, self.expected)
    }
}

/// A type of the specifications.
pub trait FromJson: Sized {
    /// # Errors
    /// The value is none of this type.
    fn from_json(value: Json) -> Result<Self, Wrong>;
}

impl FromJson for Json {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        Ok(value)
    }
}

impl FromJson for bool {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        if let Json::Bool(value) = value { Ok(value) } else { Err(Wrong::expected("a Boolean")) }
    }
}

/// UnsignedInt.
impl FromJson for u64 {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let int = if let Json::Number(number) = value { number.int() } else { None };
        int.and_then(|int| Self::try_from(int).ok()).ok_or(Wrong::expected("an UnsignedInt"))
    }
}

/// Int.
impl FromJson for i64 {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let int = if let Json::Number(number) = value { number.int() } else { None };
        int.ok_or(Wrong::expected("an Int"))
    }
}

impl FromJson for Box<str> {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        if let Json::String(text) = value { Ok(text) } else { Err(Wrong::expected("a String")) }
    }
}

impl FromJson for Members {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        if let Json::Object(members) = value { Ok(members) } else { Err(Wrong::expected("an object")) }
    }
}

impl FromJson for Id {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        value.as_str().and_then(Self::parse).ok_or(Wrong::expected("an Id"))
    }
}

impl FromJson for IdRef {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        value.as_str().and_then(Self::parse).ok_or(Wrong::expected("an Id or a creation id"))
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        if value.is_null() { Ok(None) } else { T::from_json(value).map(Some) }
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let Json::Array(items) = value else { return Err(Wrong::expected("an array")) };
        let item = |(at, item)| T::from_json(item).map_err(|wrong: Wrong| wrong.within(&format!("{at}")));
        items.into_iter().enumerate().map(item).collect()
    }
}

/// The members of an object that is a value of its own, taken one by one.
pub(super) struct Reader(Members);

impl Reader {
    pub(super) fn of(value: Json) -> Result<Self, Wrong> {
        Members::from_json(value).map(Self)
    }
    pub(super) fn required<T: FromJson>(&mut self, name: &str) -> Result<T, Wrong> {
        let value = self.0.take(name).ok_or(Wrong::expected("given").within(name))?;
        T::from_json(value).map_err(|wrong| wrong.within(name))
    }
    pub(super) fn optional<T: FromJson>(&mut self, name: &str) -> Result<Option<T>, Wrong> {
        let value = self.0.take(name).map(Option::from_json).transpose();
        value.map(Option::flatten).map_err(|wrong| wrong.within(name))
    }
    pub(super) fn finish(self) -> Result<(), Wrong> {
        match self.0.iter().next() {
            Some(member) => Err(Wrong::expected("absent").within(&member.name)),
            None => Ok(()),
        }
    }
}

/// A set, as the specifications write it: an object whose values are all true (RFC 8621 §4.1.1).
pub(super) fn set_of<T>(
    value: Json,
    expected: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Wrong>
where
    T: Ord,
{
    let members = Members::from_json(value)?;
    let entry = |member: super::json::Member| {
        let key = read(&member.name).ok_or(Wrong::expected(expected).within(&member.name))?;
        match member.value {
            Json::Bool(true) => Ok(key),
            _ => Err(Wrong::expected("true").within(&member.name)),
        }
    };
    // What is the same without regard to case is one.
    let set: BTreeSet<T> = members.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(set.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::json::Bounds;

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes(), &Bounds::default()).unwrap()
    }

    /// spec: RFC 8620 §1.1; RFC 8620 §1.3
    #[test]
    fn values_are_of_their_type_or_say_what_is_wrong() {
        assert_eq!(u64::from_json(json("1e2")), Ok(100));
        assert_eq!(i64::from_json(json("-7")), Ok(-7));
        for bad in ["-1", "1.5", "9007199254740992", "\"1\"", "null", "true"] {
            assert_eq!(u64::from_json(json(bad)), Err(Wrong::expected("an UnsignedInt")), "{bad}");
        }
        assert_eq!(Option::<bool>::from_json(json("null")), Ok(None));
        assert!(Option::<bool>::from_json(json("0")).is_err());
        let wrong = Vec::<Vec<Id>>::from_json(json(r#"[["a"],["b","c d"]]"#)).unwrap_err();
        assert_eq!(wrong.within("ids").to_string(), "ids/1/1 must be an Id");
        assert!(Vec::<Id>::from_json(json("{}")).is_err());
    }

    /// spec: RFC 8621 §4.1.1
    #[test]
    fn sets_are_objects_of_true() {
        let read = |text: &str| set_of(json(text), "an Id", Id::parse).map(|ids| ids.len());
        assert_eq!(read(r#"{"a":true,"b":true}"#), Ok(2));
        assert_eq!(read("{}"), Ok(0));
        assert_eq!(read(r#"{"a":false}"#).unwrap_err().to_string(), "a must be true");
        assert_eq!(read(r#"{"a b":true}"#).unwrap_err().to_string(), "a b must be an Id");
        assert!(read(r#"["a"]"#).is_err());
    }
}
