//! Compares what a server said with what a script expects.
//!
//! A block of expected lines is matched against everything that was said: untagged lines in any order up to
//! the next tagged line or continuation request, but EXPUNGE and EXISTS among themselves in their order,
//! because every one of them changes what the numbers after it mean. Nothing may be left over.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::script::pattern::{Bindings, Pattern, substitute};
use crate::script::{Line, octets};

/// The texts of a script by name.
pub type Texts = BTreeMap<String, Vec<u8>>;

/// Expected lines that stand together.
#[derive(Debug, Default)]
pub struct Block {
    lines: Vec<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    number: usize,
    text: String,
}

/// A `{name}` or `{name+}` in a line of a script.
pub struct Literal<'t> {
    pub before: &'t str,
    pub octets: &'t [u8],
    pub synchronising: bool,
    pub after: &'t str,
}

/// The first `{name}` that names a text; `{17}` is left alone.
#[must_use]
pub fn next_literal<'t>(text: &'t str, texts: &'t Texts) -> Option<Literal<'t>> {
    for (from, _) in text.match_indices('{') {
        let length = text[from..].find('}')?;
        let name = &text[from + 1..from + length];
        let (bare, synchronising) = name.strip_suffix('+').map_or((name, true), |bare| (bare, false));
        if let Some(octets) = texts.get(bare) {
            return Some(Literal {
                before: &text[..from],
                octets,
                synchronising,
                after: &text[from + length + 1..],
            });
        }
    }
    None
}

/// Whether the text has a `$name` that is not bound yet.
#[must_use]
pub fn has_unbound(text: &str, bindings: &Bindings, tags: &BTreeMap<u32, String>) -> bool {
    let mut known = bindings.clone();
    if !tags.is_empty() {
        known.0.insert("tag".to_owned(), String::new());
    }
    let filled = substitute(text, &known);
    filled.match_indices('$').any(|(at, _)| {
        filled[at + 1..].starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    })
}

/// Takes the `+ …` line that ends what was said.
pub fn take_continuation(said: &mut Vec<u8>) -> bool {
    let lines = split_lines(said);
    match lines.last() {
        Some(last) if last.starts_with(b"+") => {
            let keep = said.len() - last.len() - 2;
            said.truncate(keep);
            true
        }
        _ => false,
    }
}

/// No line that was said and not yet looked at may match.
pub fn never(said: &[u8], text: &str, bindings: &Bindings) -> Result<(), String> {
    let pattern = Pattern::new(&octets(&substitute(text, bindings)));
    let any = |line: &Vec<u8>| text.is_empty() || pattern.matches(line, &mut bindings.clone());
    match split_lines(said).iter().find(|line| any(line)) {
        Some(line) => Err(format!("but it came:\n{}", show_line(line, ' '))),
        None => Ok(()),
    }
}

impl Block {
    pub fn push(&mut self, line: &Line, text: &str) {
        self.lines.push(Wanted { number: line.number, text: text.to_owned() });
    }
    /// Takes everything said and compares it with all lines of the block.
    pub fn check(
        self,
        said: &mut Vec<u8>,
        closed: bool,
        texts: &Texts,
        bindings: &mut Bindings,
    ) -> Result<(), String> {
        let Some(first) = self.lines.first().map(|line| line.number) else { return Ok(()) };
        let mut got: Vec<Got> =
            split_lines(said).into_iter().map(|octets| Got { octets, matched: false }).collect();
        said.clear();
        let mut report = Vec::new();
        let mut from = 0;
        let mut wrong = false;
        let mut lenient = false;
        for wanted in &self.lines {
            if wanted.text == "[closed]" {
                wrong |= !closed;
                report.push((wanted, closed));
                continue;
            }
            if wanted.text == "..." {
                lenient = true;
                report.push((wanted, true));
                continue;
            }
            let filled = expand(&substitute(&wanted.text, bindings), texts);
            let pattern = Pattern::new(&filled);
            let end = group_end(&got, from);
            let untagged = wanted.text.starts_with("* ");
            let found = match untagged {
                true => find_untagged(&got[from..end], &pattern, &wanted.text, bindings).map(|at| from + at),
                false => (end < got.len() && pattern.matches(&got[end].octets, bindings)).then_some(end),
            };
            if let Some(at) = found {
                got[at].matched = true;
            }
            wrong |= found.is_none();
            report.push((wanted, found.is_some()));
            if !untagged {
                if lenient {
                    got[from..end].iter_mut().for_each(|line| line.matched = true);
                }
                lenient = false;
                from = (end + 1).min(got.len());
            }
        }
        if lenient {
            let end = group_end(&got, from);
            got[from..end].iter_mut().for_each(|line| line.matched = true);
        }
        wrong |= got.iter().any(|line| !line.matched);
        if !wrong {
            return Ok(());
        }
        Err(difference(first, &report, &got, bindings))
    }
}

struct Got {
    octets: Vec<u8>,
    matched: bool,
}

/// Where the next line is that is not untagged.
fn group_end(got: &[Got], from: usize) -> usize {
    let rest = got.get(from..).unwrap_or_default();
    from + rest.iter().position(|line| !line.octets.starts_with(b"* ")).unwrap_or(rest.len())
}

fn find_untagged(got: &[Got], pattern: &Pattern, text: &str, bindings: &mut Bindings) -> Option<usize> {
    let ordered = |line: &[u8]| line.ends_with(b" EXPUNGE") || line.ends_with(b" EXISTS");
    let in_order = text.ends_with(" EXPUNGE") || text.ends_with(" EXISTS");
    for (at, line) in got.iter().enumerate() {
        if line.matched {
            continue;
        }
        if pattern.matches(&line.octets, bindings) {
            return Some(at);
        }
        if in_order && ordered(&line.octets) {
            return None;
        }
    }
    None
}

/// `{name}` becomes the announcement of a literal and its octets.
fn expand(text: &str, texts: &Texts) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(found) = next_literal(rest, texts) {
        out.extend(octets(found.before));
        out.extend(format!("{{{}}}\r\n", found.octets.len()).into_bytes());
        out.extend(found.octets);
        rest = found.after;
    }
    out.extend(octets(rest));
    out
}

/// Logical lines without their CRLF: a literal belongs to the line that announces it.
fn split_lines(said: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(found) = said.get(at..).and_then(|rest| rest.windows(2).position(|w| w == b"\r\n")) {
        let end = at + found;
        match announced(&said[start..end]) {
            Some(octets) => at = end + 2 + octets,
            None => {
                lines.push(said[start..end].to_vec());
                start = end + 2;
                at = start;
            }
        }
    }
    if start < said.len() {
        lines.push(said[start..].to_vec());
    }
    lines
}

/// `{17}` at the end of a line.
fn announced(line: &[u8]) -> Option<usize> {
    let inner = line.strip_suffix(b"}")?;
    let from = inner.iter().rposition(|b| *b == b'{')?;
    std::str::from_utf8(inner.get(from + 1..)?).ok()?.parse().ok()
}

fn difference(first: usize, report: &[(&Wanted, bool)], got: &[Got], bindings: &Bindings) -> String {
    let mut out = format!("line {first}: expected\n");
    for (wanted, found) in report {
        let mark = if *found { ' ' } else { '-' };
        let _ = writeln!(out, "  {mark} {}", substitute(&wanted.text, bindings));
    }
    out.push_str("got\n");
    for line in got {
        out.push_str(&show_line(&line.octets, if line.matched { ' ' } else { '+' }));
    }
    out
}

/// What was said, for people.
#[must_use]
pub fn show(said: &[u8]) -> String {
    split_lines(said).iter().map(|line| show_line(line, '+')).collect()
}

fn show_line(line: &[u8], mark: char) -> String {
    let text = String::from_utf8_lossy(line).replace('\r', "<CR>").replace('\n', "<LF>");
    format!("  {mark} {}\n", text.replace("<CR><LF>", "<CRLF>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &[&str], said: &str) -> Result<(), String> {
        let lines = wanted.iter().map(|text| Wanted { number: 7, text: (*text).to_owned() }).collect();
        let mut said = said.replace('\n', "\r\n").into_bytes();
        Block { lines }.check(&mut said, false, &Texts::new(), &mut Bindings::default())
    }

    #[test]
    fn untagged_lines_come_in_any_order_but_nothing_is_left() {
        let said = "* 1 FETCH (FLAGS ())\n* 3 EXISTS\na OK done\n";
        check(&["* 3 EXISTS", "* 1 FETCH (FLAGS ())", "a OK ..."], said).unwrap();
        check(&["...", "a OK done"], said).unwrap();
        assert!(check(&["* 3 EXISTS", "a OK done"], said).unwrap_err().contains("+ * 1 FETCH"));
        assert!(check(&["* 4 EXISTS", "...", "a OK done"], said).unwrap_err().contains("- * 4 EXISTS"));
    }

    #[test]
    fn expunges_come_in_their_order() {
        check(&["* 2 EXPUNGE", "* 1 EXPUNGE", "a OK"], "* 2 EXPUNGE\n* 1 EXPUNGE\na OK\n").unwrap();
        check(&["* 1 EXPUNGE", "* 2 EXPUNGE", "a OK"], "* 2 EXPUNGE\n* 1 EXPUNGE\na OK\n").unwrap_err();
    }

    #[test]
    fn literals_belong_to_their_line() {
        assert_eq!(split_lines(b"* A {4}\r\n\r\nx) B\r\nc\r\n").len(), 2);
        check(&["* A {3}<CRLF>abc)"], "* A {3}\nabc)\n").unwrap();
    }

    #[test]
    fn a_closed_connection_is_expected_by_name() {
        check(&["* BYE", "[closed]"], "* BYE\n").unwrap_err();
    }
}
