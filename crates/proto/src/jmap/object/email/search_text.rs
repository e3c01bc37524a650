//! The texts of a filter (RFC 8621 §4.4.1): words that must all be there, and phrases in quotes.

/// One thing to look for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchToken {
    /// May be matched by its stem.
    Word(Box<str>),
    /// Matched as it is.
    Phrase(Box<str>),
}

/// The tokens of a text. A quotation mark begins a phrase only where a word could begin, and only if it is
/// matched; else it is a character like others, as in `don't`.
#[must_use]
pub fn tokens(text: &str) -> Vec<SearchToken> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let phrase = matches!(first, '"' | '\'').then(|| phrase(rest, first)).flatten();
        let end = match phrase {
            Some(Phrase { text, octets }) => {
                if !text.is_empty() {
                    tokens.push(SearchToken::Phrase(text.into()));
                }
                octets
            }
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                tokens.push(SearchToken::Word(rest.get(..end).unwrap_or_default().into()));
                end
            }
        };
        rest = rest.get(end..).unwrap_or_default().trim_start();
    }
    tokens
}

struct Phrase {
    text: String,
    /// With its quotation marks and escapes.
    octets: usize,
}

/// Within a phrase a backslash stands before each quotation mark and backslash that is meant.
fn phrase(rest: &str, quote: char) -> Option<Phrase> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => return Some(Phrase { text, octets: at + 1 }),
            '\\' => text.push(characters.next()?.1),
            _ => text.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> Vec<String> {
        let token = |token: SearchToken| match token {
            SearchToken::Word(text) => format!("w:{text}"),
            SearchToken::Phrase(text) => format!("p:{text}"),
        };
        tokens(text).into_iter().map(token).collect()
    }

    /// spec: RFC 8621 §4.4.1
    #[test]
    fn words_and_phrases() {
        assert_eq!(written("foo  bar\tbaz "), ["w:foo", "w:bar", "w:baz"]);
        assert_eq!(written(r#"foo "exact words" 'others'"#), ["w:foo", "p:exact words", "p:others"]);
        assert_eq!(written(r#""it\"s \\ \'so'" x"#), [r#"p:it"s \ 'so'"#, "w:x"]);
        assert_eq!(written("don't john's"), ["w:don't", "w:john's"]);
        assert_eq!(written("\"unmatched words"), ["w:\"unmatched", "w:words"]);
        assert_eq!(written("\"a\\"), ["w:\"a\\"]);
        assert_eq!(written("\"\" ''"), [""; 0]);
        assert_eq!(written("\"a\"b"), ["p:a", "w:b"]);
        assert_eq!(written("  "), [""; 0]);
    }

    proptest! {
        #[test]
        fn any_text_has_tokens(text in "[a '\"\\\\é\u{3000}]{0,30}") {
            let _ = tokens(&text);
        }
    }
}
