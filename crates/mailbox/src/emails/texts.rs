//! Conditions on texts and header fields (RFC 8621 §4.4.1) as searches of messages: words and quoted phrases.

use super::filter::EmailCondition;
use crate::filter::Filter;

/// The search of messages that decides a condition on texts.
pub(super) fn search_of(condition: &EmailCondition) -> Option<Filter> {
    let field = |name: &'static str, text: &str| by_words(text, &|word| Filter::header(name, word));
    Some(match condition {
        EmailCondition::Text(text) => by_words(text, &|word| {
            let fields = ["From", "To", "Cc", "Bcc", "Subject"].map(|name| Filter::header(name, word));
            Filter::Or(fields.into_iter().chain([Filter::Body(word.into())]).collect())
        }),
        EmailCondition::From(text) => field("From", text),
        EmailCondition::To(text) => field("To", text),
        EmailCondition::Cc(text) => field("Cc", text),
        EmailCondition::Bcc(text) => field("Bcc", text),
        EmailCondition::Subject(text) => field("Subject", text),
        EmailCondition::Body(text) => by_words(text, &|word| Filter::Body(word.into())),
        EmailCondition::Header { name, text } => {
            Filter::Header { name: name.clone(), text: text.clone().unwrap_or_default() }
        }
        _ => return None,
    })
}

/// RFC 8621 §4.4.1: a quoted phrase is looked for as it is, other words each by itself, anywhere.
fn by_words(text: &str, of_word: &dyn Fn(&str) -> Filter) -> Filter {
    Filter::And(words(text).iter().map(|word| of_word(word)).collect())
}

/// Words that are looked for at a time; what is behind them is one more.
const WORDS_MAX: usize = 32;

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if words.len() >= WORDS_MAX {
            words.push(rest.trim_end().to_owned());
            break;
        }
        let quoted = matches!(first, '"' | '\'').then(|| phrase(rest, first)).flatten();
        let (word, behind) = match quoted {
            Some((word, behind)) => (word, behind),
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (word, behind) = rest.split_at(end);
                (word.to_owned(), behind)
            }
        };
        if !word.is_empty() {
            words.push(word);
        }
        rest = behind.trim_start();
    }
    words
}

/// What is between two quotes, of which the second ends a word, and what is behind it.
fn phrase(text: &str, quote: char) -> Option<(String, &str)> {
    let mut phrase = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            phrase.extend(chars.next().map(|(_, c)| c));
        } else if c == quote {
            let behind = text.get(at + c.len_utf8()..)?;
            let ends = behind.chars().next().is_none_or(char::is_whitespace);
            return ends.then_some((phrase, behind));
        } else {
            phrase.push(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 8621 §4.4.1
    #[test]
    fn words_and_phrases() {
        let cases: [(&str, &[&str]); 8] = [
            ("", &[]),
            (" one  two ", &["one", "two"]),
            ("\"one two\" three", &["one two", "three"]),
            ("'one two'", &["one two"]),
            ("don't stop", &["don't", "stop"]),
            ("\"no end", &["\"no", "end"]),
            ("\"a \\\" b\"", &["a \" b"]),
            ("\"a\"b c", &["\"a\"b", "c"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
        assert_eq!(words(&"w ".repeat(40)).len(), WORDS_MAX + 1);
    }
}
