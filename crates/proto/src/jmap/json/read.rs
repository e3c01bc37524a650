//! From octets to [`Json`]: strict UTF-8, no name twice in an object (RFC 7493 §2.3), no surrogates and no
//! noncharacters (RFC 7493 §2.1), no number that a double cannot hold (RFC 7493 §2.2).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Json, Member, Members, Number};

/// Of what the library says about a mistake; it goes into an answer.
const WHAT_OCTETS_MAX: usize = 200;

/// Why octets are not a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotJson {
    /// Objects and arrays nest deeper than this.
    TooDeep { depth_max: usize },
    /// There are more values than this.
    TooManyValues { values_max: usize },
    /// It breaks a rule of JSON or I-JSON: which, and where.
    Wrong { what: String },
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep { depth_max } => write!(f, "objects and arrays nest deeper than {depth_max}"),
            Self::TooManyValues { values_max } => write!(f, "more than {values_max} values"),
            Self::Wrong { what } => f.write_str(what),
        }
    }
}

impl std::error::Error for NotJson {}

pub(super) fn read(octets: &[u8]) -> Result<Json, NotJson> {
    serde_json::from_slice(octets).map_err(|error| {
        let mut what = error.to_string();
        what.truncate(what.floor_char_boundary(WHAT_OCTETS_MAX));
        NotJson::Wrong { what }
    })
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(Number::Unsigned(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(Number::Negative(value)))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(Number::Float(value)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        interchangeable(text).map(|text| Json::String(text.into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut given: A) -> Result<Json, A::Error> {
        let mut members = Members::default();
        while let Some(Name(name)) = given.next_key()? {
            members.0.push(Member { name, value: given.next_value()? });
        }
        match members.duplicate() {
            Some(name) => Err(A::Error::custom(format_args!("the name {name:?} stands twice in an object"))),
            None => Ok(Json::Object(members)),
        }
    }
}

/// The name of a member.
struct Name(Box<str>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameText)
    }
}

struct NameText;

impl Visitor<'_> for NameText {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Name, E> {
        interchangeable(text).map(|text| Name(text.into()))
    }
}

fn interchangeable<E: Error>(text: &str) -> Result<&str, E> {
    match text.chars().find(|character| is_noncharacter(*character)) {
        Some(found) => {
            Err(E::custom(format_args!("a string contains the noncharacter {:x}", u32::from(found))))
        }
        None => Ok(text),
    }
}

/// The code points that Unicode will never give a character.
pub(super) const fn is_noncharacter(character: char) -> bool {
    let number = character as u32;
    (number >= 0xfdd0 && number <= 0xfdef) || number & 0xfffe == 0xfffe
}
