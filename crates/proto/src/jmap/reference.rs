//! Results of earlier calls as arguments (RFC 8620 §3.7).
//!
//! What was answered is kept as the octets it is sent as. A reference is followed on these: what it does not
//! point to is skipped, not built. This module and `json` are the only ones that name the JSON library.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::json::{Json, Members};
use super::pointer::{Pointer, Token, gather};

/// A ResultReference object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResultReference {
    /// The id of an earlier call.
    pub result_of: Box<str>,
    /// The name its first response must have.
    pub name: Box<str>,
    pub path: Box<str>,
}

/// Why a value is no ResultReference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotReference;

/// Why a reference leads nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unresolved {
    /// No earlier response has this call id.
    NoResult,
    /// The first response of that call has another name.
    OtherName { is: Box<str> },
    /// The path is no pointer.
    BadPath(super::pointer::NotPointer),
    /// There is nothing where it points.
    NothingThere,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoResult => f.write_str("no earlier call has this id"),
            Self::OtherName { is } => write!(f, "the first response to that call is {is}"),
            Self::BadPath(why) => write!(f, "{why}"),
            Self::NothingThere => f.write_str("the path points to nothing in that response"),
        }
    }
}

impl ResultReference {
    /// Three Strings and nothing else.
    pub(super) fn parse(value: Json) -> Result<Self, NotReference> {
        let Json::Object(mut members) = value else { return Err(NotReference) };
        let reference = Self {
            result_of: string(&mut members, "resultOf")?,
            name: string(&mut members, "name")?,
            path: string(&mut members, "path")?,
        };
        if members.is_empty() { Ok(reference) } else { Err(NotReference) }
    }
}

fn string(members: &mut Members, name: &str) -> Result<Box<str>, NotReference> {
    match members.take(name) {
        Some(Json::String(text)) => Ok(text),
        _ => Err(NotReference),
    }
}

/// What `path` points to in a value that was written by us.
pub(super) fn follow(path: &str, octets: &[u8]) -> Result<Json, Unresolved> {
    let pointer = Pointer::parse(path).map_err(Unresolved::BadPath)?;
    let mut deserializer = serde_json::Deserializer::from_slice(octets);
    Follow(pointer.tokens()).deserialize(&mut deserializer).map_err(|_| Unresolved::NothingThere)
}

/// Where the way is lost there is no value, and the rest need not be read.
#[derive(Clone, Copy)]
struct Follow<'p>(&'p [Token]);

impl<'de> DeserializeSeed<'de> for Follow<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        match self.0.split_first() {
            None => serde::Deserialize::deserialize(deserializer),
            Some((token, rest)) => deserializer.deserialize_any(Step { token, rest: Follow(rest) }),
        }
    }
}

struct Step<'p> {
    token: &'p Token,
    rest: Follow<'p>,
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut found = None;
        while let Some(is_it) = members.next_key_seed(IsName(self.token.as_str()))? {
            if is_it {
                found = Some(members.next_value_seed(self.rest)?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        found.ok_or_else(|| A::Error::custom("no such member"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        if self.token.is_every() {
            let mut all = Vec::new();
            while let Some(found) = items.next_element_seed(self.rest)? {
                gather(found, &mut all);
            }
            return Ok(Json::Array(all));
        }
        let index = self.token.index().ok_or_else(|| A::Error::custom("no index"))?;
        for _ in 0..index {
            items.next_element::<IgnoredAny>()?.ok_or_else(|| A::Error::custom("no such item"))?;
        }
        let found = items.next_element_seed(self.rest)?.ok_or_else(|| A::Error::custom("no such item"))?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

/// Whether a name is this one, without keeping it.
struct IsName<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::json::tests::any_json;
    use proptest::prelude::*;

    fn tokens() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec(prop_oneof![Just("*".to_owned()), "[0-3]", "[a-z~/*#]{0,2}"], 0..4)
    }

    /// A name as it stands in a path.
    fn escaped(name: &str) -> String {
        format!("/{}", name.replace('~', "~0").replace('/', "~1"))
    }

    proptest! {
        /// spec: RFC 8620 §3.7
        #[test]
        fn on_octets_as_on_values(value in any_json(), tokens in tokens()) {
            let path: String = tokens.iter().map(|token| escaped(token)).collect();
            let expected = Pointer::parse(&path).unwrap().evaluate(&value);
            prop_assert_eq!(follow(&path, value.to_string().as_bytes()).ok(), expected);
        }

        #[test]
        fn every_place_is_found(value in any_json()) {
            let mut open = vec![(String::new(), value.clone())];
            while let Some((path, at)) = open.pop() {
                prop_assert_eq!(follow(&path, value.to_string().as_bytes()), Ok(at.clone()));
                match at {
                    Json::Object(members) => {
                        let path = |name: &str| path.clone() + &escaped(name);
                        open.extend(members.into_iter().map(|member| (path(&member.name), member.value)));
                    }
                    Json::Array(items) => {
                        let inside = items.into_iter().enumerate();
                        open.extend(inside.map(|(index, item)| (format!("{path}/{index}"), item)));
                    }
                    _ => {}
                }
            }
        }
    }
}
