//! JSON as it is written here (RFC 8259 §7): compact, members in the order in which they are put, and
//! strings that can be cut between two characters.

use std::fmt::Write as _;

/// What stands at the end of a text that was cut (COI-webpush §payload-data-format).
const ELLIPSIS: char = '\u{2026}';

/// An object that is being written.
#[derive(Clone)]
pub(crate) struct Object {
    text: String,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self { text: "{".to_owned() }
    }
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        push_string(value, &mut self.text);
    }
    /// At least the first `octets_min` octets of what stands between the quotation marks, and an ellipsis
    /// where something is missing.
    pub(crate) fn cut_text(&mut self, name: &str, value: &str, octets_min: usize) {
        self.name(name);
        push_cut(value, octets_min, &mut self.text);
    }
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        let _ = write!(self.text, "{value}");
    }
    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        self.text.push_str(if value { "true" } else { "false" });
    }
    pub(crate) fn texts(&mut self, name: &str, values: &[Box<str>]) {
        self.name(name);
        self.text.push('[');
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            push_string(value, &mut self.text);
        }
        self.text.push(']');
    }
    pub(crate) fn object(&mut self, name: &str, value: Self) {
        self.name(name);
        self.text.push_str(&value.finish());
    }
    /// Octets so far, the closing brace included.
    pub(crate) fn octets(&self) -> usize {
        self.text.len() + 1
    }
    pub(crate) fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
    fn name(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        push_string(name, &mut self.text);
        self.text.push(':');
    }
}

/// Octets of a text as a JSON string, without the quotation marks.
pub(crate) fn escaped_octets(text: &str) -> usize {
    text.chars().map(|character| escaped(character).octets(character)).sum()
}

fn push_string(text: &str, out: &mut String) {
    out.push('"');
    text.chars().for_each(|character| push_char(character, out));
    out.push('"');
}

fn push_cut(text: &str, octets_min: usize, out: &mut String) {
    out.push('"');
    let start = out.len();
    for character in text.chars() {
        if out.len() - start >= octets_min {
            out.push(ELLIPSIS);
            break;
        }
        push_char(character, out);
    }
    out.push('"');
}

/// How a character is written.
enum Escape {
    None,
    /// A backslash and this.
    Short(char),
    /// `\u00XX`
    Long,
}

impl Escape {
    const fn octets(&self, character: char) -> usize {
        match self {
            Self::None => character.len_utf8(),
            Self::Short(_) => 2,
            Self::Long => 6,
        }
    }
}

const fn escaped(character: char) -> Escape {
    match character {
        '"' | '\\' => Escape::Short(character),
        '\n' => Escape::Short('n'),
        '\r' => Escape::Short('r'),
        '\t' => Escape::Short('t'),
        '\0'..='\u{1f}' | '\u{7f}' => Escape::Long,
        _ => Escape::None,
    }
}

fn push_char(character: char, out: &mut String) {
    match escaped(character) {
        Escape::None => out.push(character),
        Escape::Short(letter) => out.extend(['\\', letter]),
        Escape::Long => {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str, octets_min: usize) -> String {
        let mut out = String::new();
        push_cut(text, octets_min, &mut out);
        out
    }

    #[test]
    fn an_object() {
        let mut inner = Object::new();
        inner.texts("list", &["a".into(), "\"".into()]);
        inner.texts("empty", &[]);
        let mut object = Object::new();
        object.number("n", 7);
        object.boolean("b", true);
        object.text("t", "\\\n\r\t\u{0}\u{7f}ä\u{1f600}");
        object.object("o", inner);
        let octets = object.octets();
        let text = object.finish();
        let expected = concat!(
            r#"{"n":7,"b":true,"t":"\\\n\r\t\u0000\u007fä"#,
            "\u{1f600}",
            r#"","o":{"list":["a","\""],"empty":[]}}"#,
        );
        assert_eq!(text, expected);
        assert_eq!(octets, text.len());
        assert_eq!(Object::new().finish(), "{}");
    }

    /// spec: COI-webpush §payload-data-format
    #[test]
    fn nothing_is_cut_in_two() {
        assert_eq!(cut("abcd", 4), r#""abcd""#);
        assert_eq!(cut("abcde", 4), "\"abcd\u{2026}\"");
        assert_eq!(cut("abc\"e", 4), "\"abc\\\"\u{2026}\"", "an escape is whole, even past the limit");
        assert_eq!(cut("abcäe", 4), "\"abcä\u{2026}\"", "so is a character");
        assert_eq!(cut("abc\u{1}e", 4), "\"abc\\u0001\u{2026}\"");
    }

    proptest! {
        #[test]
        fn a_cut_text_is_a_beginning(text in "(\\PC|[\\x00-\\x1f\"\\\\]){0,80}", octets_min in 0usize..120) {
            let json = cut(&text, octets_min);
            let read: String = serde_json::from_str(&json).unwrap();
            let inside = json.len() - 2;
            if read == text {
                prop_assert!(escaped_octets(&text) == inside);
            } else {
                let beginning = read.strip_suffix(ELLIPSIS).unwrap();
                prop_assert!(text.starts_with(beginning));
                prop_assert!(escaped_octets(beginning) >= octets_min, "at least so much");
                prop_assert!(inside < octets_min + 6 + ELLIPSIS.len_utf8(), "and not much more");
            }
        }
    }
}
