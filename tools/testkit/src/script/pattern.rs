//! Expected lines: text with `...` for anything and `$name` for a word that is bound on first use.

use std::collections::BTreeMap;

/// Words bound so far.
#[derive(Clone, Debug, Default)]
pub struct Bindings(pub BTreeMap<String, String>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Exact(Vec<u8>),
    Anything,
    Variable(String),
}

/// A compiled expected line.
#[derive(Debug)]
pub struct Pattern(Vec<Piece>);

impl Pattern {
    /// `text` after texts and octets were expanded.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let mut pieces = Vec::new();
        let mut exact = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.first().copied() {
            if let Some(after) = rest.strip_prefix(b"...") {
                flush(&mut exact, &mut pieces);
                pieces.push(Piece::Anything);
                rest = after;
                continue;
            }
            let name = variable(rest);
            if name.is_empty() {
                exact.push(first);
                rest = rest.get(1..).unwrap_or_default();
            } else {
                flush(&mut exact, &mut pieces);
                pieces.push(Piece::Variable(name.clone()));
                rest = rest.get(1 + name.len()..).unwrap_or_default();
            }
        }
        flush(&mut exact, &mut pieces);
        Self(pieces)
    }

    /// Whether the whole line matches; what it binds is kept only then.
    pub fn matches(&self, line: &[u8], bindings: &mut Bindings) -> bool {
        let mut trial = bindings.clone();
        let matched = matches(&self.0, line, &mut trial);
        if matched {
            *bindings = trial;
        }
        matched
    }
}

/// Replaces `$name` of bound variables; `$Forwarded` and other unknown names stay as they are.
#[must_use]
pub fn substitute(text: &str, bindings: &Bindings) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let name = variable(from.as_bytes());
        match bindings.0.get(&name) {
            Some(value) => out.push_str(value),
            None => out.push_str(from.get(..1 + name.len()).unwrap_or_default()),
        }
        rest = from.get(1 + name.len()..).unwrap_or_default();
    }
    out + rest
}

/// Keywords as JMAP writes them (RFC 8621 §4.1.1), which no variable is called.
const KEYWORDS: [&str; 10] =
    ["seen", "draft", "flagged", "answered", "forwarded", "junk", "notjunk", "phishing", "mdnsent", "chat"];

/// `$` and a lower-case name: keywords of the standards begin with a capital (`$Forwarded`, `$MDNSent`).
fn variable(text: &[u8]) -> String {
    let Some(rest) = text.strip_prefix(b"$") else { return String::new() };
    let valid = |b: &&u8| b.is_ascii_lowercase() || b.is_ascii_digit() || **b == b'_';
    let name: Vec<u8> = rest.iter().take_while(valid).copied().collect();
    let name = String::from_utf8(name).unwrap_or_default();
    if KEYWORDS.contains(&&*name) { String::new() } else { name }
}

fn flush(exact: &mut Vec<u8>, pieces: &mut Vec<Piece>) {
    if !exact.is_empty() {
        pieces.push(Piece::Exact(std::mem::take(exact)));
    }
}

fn matches(pieces: &[Piece], line: &[u8], bindings: &mut Bindings) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return line.is_empty() };
    match piece {
        Piece::Exact(text) => {
            line.strip_prefix(text.as_slice()).is_some_and(|after| matches(rest, after, bindings))
        }
        Piece::Anything => {
            (0..=line.len()).any(|skip| matches(rest, line.get(skip..).unwrap_or_default(), bindings))
        }
        Piece::Variable(name) => {
            if let Some(value) = bindings.0.get(name).cloned() {
                return line
                    .strip_prefix(value.as_bytes())
                    .is_some_and(|after| matches(rest, after, bindings));
            }
            let word = line.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_.-+".contains(b)).count();
            if word == 0 {
                return false;
            }
            let (value, after) = line.split_at(word);
            if name != "_" {
                bindings.0.insert(name.clone(), String::from_utf8_lossy(value).into_owned());
            }
            matches(rest, after, bindings)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_and_compares() {
        let mut bound = Bindings::default();
        assert!(Pattern::new(b"* OK [UIDNEXT $next] ...").matches(b"* OK [UIDNEXT 17] x", &mut bound));
        assert_eq!(bound.0["next"], "17");
        assert!(!Pattern::new(b"* $next FETCH").matches(b"* 18 FETCH", &mut bound));
        assert!(Pattern::new(b"(...$next...)").matches(b"(1 17 2)", &mut bound));
        assert!(Pattern::new(b"$Forwarded").matches(b"$Forwarded", &mut bound));
        assert!(Pattern::new(b"{$seen:$next}").matches(b"{$seen:17}", &mut bound));
        assert_eq!(substitute("UID FETCH $next:$other $Junk", &bound), "UID FETCH 17:$other $Junk");
    }
}
