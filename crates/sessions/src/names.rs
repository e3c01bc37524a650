//! Patterns of names with wildcards, and going through the names of an account step by step (RFC 9051 §6.3.9,
//! RFC 3501 §6.3.8, RFC 3501 §6.3.9, DMAP-00 §7.3.8).

use std::sync::Arc;

use koi_mailbox::{Hierarchy, NameNode, Snapshot};
use koi_types::name::{SEPARATOR, normalized};
use koi_types::{MailboxName, Result, limits};

/// Names looked at in one step, whether or not they match.
const NAMES_PER_STEP_MAX: usize = 10_000;

/// Why a walk is not finished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stopped {
    OutputFull,
    /// It is time for others.
    Slice,
}

/// Where a command is in the names. It holds the names as they were when it began: what is made, renamed or
/// deleted meanwhile changes nothing in its answer.
#[derive(Default)]
pub(crate) struct Walk {
    begun: Option<Begun>,
}

struct Begun {
    hierarchy: Arc<Hierarchy>,
    last: Option<MailboxName>,
}

impl Walk {
    /// Visits names in order until the output is full or it is time for others; nothing when it is finished.
    pub(crate) fn step(
        &mut self,
        snapshot: &Snapshot<'_>,
        out: &mut Vec<u8>,
        visit: impl FnMut(&Hierarchy, &NameNode, &mut Vec<u8>) -> Result<()>,
    ) -> Result<Option<Stopped>> {
        self.step_in(|| snapshot.all_names(), out, visit)
    }
    /// The same of other names than all that the user sees.
    pub(crate) fn step_in(
        &mut self,
        names: impl FnOnce() -> Result<Arc<Hierarchy>>,
        out: &mut Vec<u8>,
        mut visit: impl FnMut(&Hierarchy, &NameNode, &mut Vec<u8>) -> Result<()>,
    ) -> Result<Option<Stopped>> {
        let begun = match &mut self.begun {
            Some(begun) => begun,
            None => self.begun.insert(Begun { hierarchy: names()?, last: None }),
        };
        let hierarchy = Arc::clone(&begun.hierarchy);
        let mut nodes: Box<dyn Iterator<Item = &NameNode>> = match &begun.last {
            Some(last) => Box::new(hierarchy.after(last)),
            None => Box::new(hierarchy.nodes()),
        };
        let mut last: Option<&MailboxName> = None;
        for visited in 0.. {
            let full = out.len() >= limits::OUTPUT_OCTETS_HIGH;
            if full || visited >= NAMES_PER_STEP_MAX {
                drop(nodes);
                begun.last = last.cloned().or(begun.last.take());
                return Ok(Some(if full { Stopped::OutputFull } else { Stopped::Slice }));
            }
            let Some(node) = nodes.next() else { break };
            visit(&hierarchy, node, out)?;
            last = Some(&node.name);
        }
        Ok(None)
    }
}

/// A pattern, ready to be compared.
#[derive(Debug)]
pub(crate) struct Pattern(Form);

#[derive(Debug)]
enum Form {
    /// No name matches.
    Nothing,
    /// `*`
    All,
    /// A name without wildcards.
    Name(Box<str>),
    Wild {
        pattern: Vec<char>,
        /// What `%` is not.
        separator: char,
    },
}

impl Pattern {
    /// No name matches it.
    pub(crate) const NOTHING: Self = Self(Form::Nothing);

    /// RFC 9051 §5.1: it is compared with names in Normalization Form C.
    pub(crate) fn new(text: &str) -> Self {
        let chars = canonical(&normalized(text));
        // A longer one matches no name.
        if chars.len() > 2 * limits::MAILBOX_NAME_OCTETS_MAX {
            return Self(Form::Nothing);
        }
        Self(match chars.as_slice() {
            ['*'] => Form::All,
            chars if !chars.iter().any(|c| matches!(c, '*' | '%')) => {
                Form::Name(chars.iter().collect::<String>().into())
            }
            _ => Form::Wild { pattern: chars, separator: SEPARATOR },
        })
    }
    /// Of addresses: `%` is anything but `@`, case does not matter.
    pub(crate) fn of_addresses(text: &str) -> Self {
        let chars = runs(&text.to_ascii_lowercase());
        match chars.len() > 2 * limits::ADDRESS_OCTETS_MAX {
            true => Self::NOTHING,
            false => Self(Form::Wild { pattern: chars, separator: '@' }),
        }
    }
    /// `*` stands for anything, `%` for anything within one level. Costs pattern times name.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match &self.0 {
            Form::Nothing => false,
            Form::All => true,
            Form::Name(wanted) => **wanted == *name,
            Form::Wild { pattern, separator } => matches_wild(pattern, *separator, name),
        }
    }
}

/// INBOX in any case is INBOX (RFC 9051 §5.1).
fn canonical(text: &str) -> Vec<char> {
    let mut chars = runs(text);
    let first = chars.split(|c| *c == SEPARATOR).next().unwrap_or_default();
    let length = first.len();
    if first.iter().collect::<String>().eq_ignore_ascii_case("INBOX") {
        chars.iter_mut().take(length).for_each(|c| *c = c.to_ascii_uppercase());
    }
    chars
}

/// Runs of wildcards are one, so that comparing stays cheap.
fn runs(text: &str) -> Vec<char> {
    let mut chars: Vec<char> = Vec::new();
    for c in text.chars() {
        match (chars.last(), c) {
            (Some('*'), '*' | '%') | (Some('%'), '%') => {}
            (Some('%'), '*') => {
                chars.pop();
                chars.push('*');
            }
            _ => chars.push(c),
        }
    }
    chars
}

fn matches_wild(pattern: &[char], separator: char, name: &str) -> bool {
    let mut reached = vec![false; pattern.len() + 1];
    let mut next = reached.clone();
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    skip_wildcards(pattern, &mut reached);
    for c in name.chars() {
        next.fill(false);
        let mut alive = false;
        for (at, wanted) in pattern.iter().enumerate().filter(|(at, _)| reached.get(*at) == Some(&true)) {
            let step = match wanted {
                '*' => at,
                '%' if c != separator => at,
                wanted if *wanted == c && *wanted != '%' => at + 1,
                _ => continue,
            };
            if let Some(slot) = next.get_mut(step) {
                *slot = true;
                alive = true;
            }
        }
        if !alive {
            return false;
        }
        skip_wildcards(pattern, &mut next);
        std::mem::swap(&mut reached, &mut next);
    }
    reached.last().copied().unwrap_or(false)
}

/// A wildcard may stand for nothing.
fn skip_wildcards(pattern: &[char], reached: &mut [bool]) {
    for (at, wanted) in pattern.iter().enumerate() {
        let here = reached.get(at).copied().unwrap_or(false);
        if here
            && matches!(wanted, '*' | '%')
            && let Some(slot) = reached.get_mut(at + 1)
        {
            *slot = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).matches(name)
    }

    // spec: RFC 9051 §6.3.9
    #[test]
    fn wildcards() {
        for (pattern, name, expected) in [
            ("*", "a/b", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("%/%", "a/b", true),
            ("a/%", "a/b", true),
            ("a/%", "a", false),
            ("a%", "ab", true),
            ("a*c", "a/b/c", true),
            ("a%c", "a/c", false),
            ("*%*", "", true),
            ("inbox", "INBOX", true),
            ("inbox/%", "INBOX/x", true),
            ("%x*", "ax/y", true),
            ("", "", true),
            ("Ä%", "Äb", true),
            ("A\u{308}%", "Äb", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("INBOX", "inbox", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        assert!(!matches(&"a".repeat(5000), "a"));
        let of_address = |pattern, address| Pattern::of_addresses(pattern).matches(address);
        assert!(of_address("%@Example.org", "a/b@example.org") && of_address("*", "a@b"));
        assert!(!of_address("%", "a@b") && of_address("%", "b"));
    }
}
