//! JSON pointers (RFC 6901 §3) with `*` for every item of an array (RFC 8620 §3.7), and their evaluation on a
//! value in memory.

use std::fmt;

use koi_types::limits;

use super::json::Json;

/// A pointer into a value, token by token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pointer(Vec<Token>);

/// One step: the name of a member, the index of an item, or `*`. Which of these is decided by the value it
/// meets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Token(Box<str>);

/// Why a text is no pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotPointer {
    /// It is neither empty nor begins with `/`.
    NoSlash,
    /// `~` before something else than `0` or `1`.
    BadEscape,
    /// More tokens than are followed.
    TooLong,
}

impl fmt::Display for NotPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlash => f.write_str("a pointer begins with /"),
            Self::BadEscape => f.write_str("in a pointer ~ stands only before 0 and 1"),
            Self::TooLong => write!(f, "a pointer has more than {} tokens", limits::JMAP_POINTER_TOKENS_MAX),
        }
    }
}

impl Pointer {
    /// # Errors
    /// See [`NotPointer`].
    pub fn parse(text: &str) -> Result<Self, NotPointer> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        Self::parse_relative(text.strip_prefix('/').ok_or(NotPointer::NoSlash)?)
    }

    /// A pointer without its first slash, as the paths of patches are written (RFC 8620 §5.3).
    pub(super) fn parse_relative(text: &str) -> Result<Self, NotPointer> {
        let mut tokens = Vec::new();
        for written in text.split('/') {
            if tokens.len() == limits::JMAP_POINTER_TOKENS_MAX {
                return Err(NotPointer::TooLong);
            }
            tokens.push(Token::parse(written)?);
        }
        Ok(Self(tokens))
    }

    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.0
    }

    /// The value it points to; `None` when there is none.
    #[must_use]
    pub fn evaluate(&self, value: &Json) -> Option<Json> {
        evaluate(&self.0, value)
    }
}

/// As `tokens` say; shared with the evaluation on octets, which must find the same.
pub(super) fn evaluate(tokens: &[Token], value: &Json) -> Option<Json> {
    let Some((token, rest)) = tokens.split_first() else { return Some(value.clone()) };
    match value {
        Json::Object(members) => evaluate(rest, members.value(token.as_str())?),
        Json::Array(items) if token.is_every() => {
            let mut found = Vec::new();
            for item in items {
                gather(evaluate(rest, item)?, &mut found);
            }
            Some(Json::Array(found))
        }
        Json::Array(items) => evaluate(rest, items.get(token.index()?)?),
        _ => None,
    }
}

/// RFC 8620 §3.7: an array of arrays becomes one array.
pub(super) fn gather(found: Json, into: &mut Vec<Json>) {
    match found {
        Json::Array(items) => into.extend(items),
        other => into.push(other),
    }
}

impl Token {
    /// RFC 6901 §4: `~1` is a slash, then `~0` is a tilde.
    fn parse(written: &str) -> Result<Self, NotPointer> {
        let mut parts = written.split('~');
        let mut token = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (character, rest) = match part.as_bytes().first() {
                Some(b'0') => ('~', part.get(1..)),
                Some(b'1') => ('/', part.get(1..)),
                _ => return Err(NotPointer::BadEscape),
            };
            token.push(character);
            token.push_str(rest.unwrap_or_default());
        }
        Ok(Self(token.into()))
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    pub(super) fn is_every(&self) -> bool {
        &*self.0 == "*"
    }
    /// RFC 6901 §4: digits without a leading zero; `-`, which is behind the last item, points to nothing.
    pub(super) fn index(&self) -> Option<usize> {
        let is_index = self.0.bytes().all(|octet| octet.is_ascii_digit())
            && (&*self.0 == "0" || !self.0.starts_with('0'));
        if is_index { self.0.parse().ok() } else { None }
    }
}

/// As it is written within a pointer.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.replace('~', "~0").replace('/', "~1"))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| write!(f, "/{token}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::json::Bounds;
    use proptest::prelude::*;

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes(), &Bounds::default()).unwrap()
    }

    fn at(pointer: &str, value: &str) -> Option<String> {
        Pointer::parse(pointer).unwrap().evaluate(&json(value)).map(|found| found.to_string())
    }

    /// spec: RFC 6901 §3; RFC 6901 §4; RFC 6901 §5; RFC 6901 §7
    #[test]
    fn the_pointers_of_the_rfc() {
        let value =
            r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        let known = [
            ("/foo", r#"["bar","baz"]"#),
            ("/foo/0", r#""bar""#),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ];
        for (pointer, expected) in known {
            assert_eq!(at(pointer, value).as_deref(), Some(expected), "{pointer}");
        }
        assert_eq!(Pointer::parse("").unwrap().evaluate(&json(value)), Some(json(value)));
        for nothing in
            ["/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/bar", "/foo/", "/x", "/foo/0/x", "/ /a"]
        {
            assert_eq!(at(nothing, value), None, "{nothing}");
        }
        assert_eq!(Pointer::parse("foo"), Err(NotPointer::NoSlash));
        for bad in ["/~", "/a~2", "/~~0"] {
            assert_eq!(Pointer::parse(bad), Err(NotPointer::BadEscape), "{bad}");
        }
        assert_eq!(at("/~01", r#"{"~1":5}"#).as_deref(), Some("5"), "an escape is not unescaped twice");
        assert_eq!(Pointer::parse(&"/a".repeat(100)), Err(NotPointer::TooLong));
    }

    /// spec: RFC 8620 §3.7
    #[test]
    fn a_star_maps_and_flattens() {
        let threads = r#"{"list":[{"id":"trd194","emailIds":["msg1020","msg1021","msg1023"]},
            {"id":"trd114","emailIds":["msg201","msg223"]}]}"#;
        let known = [
            ("/list/*/id", r#"["trd194","trd114"]"#),
            ("/list/*/emailIds", r#"["msg1020","msg1021","msg1023","msg201","msg223"]"#),
            ("/list/*/emailIds/*", r#"["msg1020","msg1021","msg1023","msg201","msg223"]"#),
            ("/list/*/emailIds/0", r#"["msg1020","msg201"]"#),
        ];
        for (pointer, expected) in known {
            assert_eq!(at(pointer, threads).as_deref(), Some(expected), "{pointer}");
        }
        assert_eq!(at("/list/*/none", threads), None, "one without the member is a failure of all");
        assert_eq!(at("/list/*/none", r#"{"list":[]}"#).as_deref(), Some("[]"));
        assert_eq!(at("/*", r#"{"*":1}"#).as_deref(), Some("1"), "in an object it is a name");
        assert_eq!(at("/*/*", "[[1,[2]],[3]]").as_deref(), Some("[1,2,3]"));
        assert_eq!(at("/*", "[[[1]],[2]]").as_deref(), Some("[[1],2]"), "one level at a time");
    }

    proptest! {
        #[test]
        fn pointers_read_back(tokens in proptest::collection::vec("[a-c~/*0-9é]{0,4}", 0..5)) {
            let pointer = Pointer(tokens.into_iter().map(|token| Token(token.into())).collect());
            prop_assert_eq!(Pointer::parse(&pointer.to_string()), Ok(pointer));
        }
    }
}
