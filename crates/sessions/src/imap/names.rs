//! Patterns of LIST and LSUB, and going through the names of an account step by step (RFC 9051 §6.3.9,
//! RFC 3501 §6.3.8, RFC 3501 §6.3.9).

use std::sync::Arc;

use koi_mailbox::{Hierarchy, NameNode, Snapshot};
use koi_proto::imap::command::ListPattern;
use koi_types::name::{SEPARATOR, normalized};
use koi_types::{MailboxName, Result, limits};

use super::job::Outcome;

/// Names looked at in one step, whether or not they match.
const NAMES_PER_STEP_MAX: usize = 10_000;

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
        mut visit: impl FnMut(&Hierarchy, &NameNode, &mut Vec<u8>) -> Result<()>,
    ) -> Result<Option<Outcome>> {
        let begun = match &mut self.begun {
            Some(begun) => begun,
            None => self.begun.insert(Begun { hierarchy: snapshot.all_names()?, last: None }),
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
                return Ok(Some(if full { Outcome::OutputFull } else { Outcome::Yield }));
            }
            let Some(node) = nodes.next() else { break };
            visit(&hierarchy, node, out)?;
            last = Some(&node.name);
        }
        Ok(None)
    }
}

/// A pattern with its reference put in front, ready to be compared.
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
    Wild(Vec<char>),
}

impl Pattern {
    /// RFC 9051 §6.3.9: the reference is simply what the pattern is relative to. RFC 9051 §5.1: it is
    /// compared with names in Normalization Form C.
    pub(crate) fn new(reference: &ListPattern, pattern: &ListPattern) -> Self {
        let (ListPattern::Text(reference), ListPattern::Text(pattern)) = (reference, pattern) else {
            return Self(Form::Nothing);
        };
        let chars = canonical(&normalized(&format!("{reference}{pattern}")));
        // A longer one matches no name.
        if chars.len() > 2 * limits::MAILBOX_NAME_OCTETS_MAX {
            return Self(Form::Nothing);
        }
        Self(match chars.as_slice() {
            ['*'] => Form::All,
            chars if !chars.iter().any(|c| matches!(c, '*' | '%')) => {
                Form::Name(chars.iter().collect::<String>().into())
            }
            _ => Form::Wild(chars),
        })
    }
    /// `*` stands for anything, `%` for anything within one level. Costs pattern times name.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match &self.0 {
            Form::Nothing => false,
            Form::All => true,
            Form::Name(wanted) => **wanted == *name,
            Form::Wild(pattern) => matches_wild(pattern, name),
        }
    }
}

/// Runs of wildcards are one, so that comparing stays cheap; INBOX in any case is INBOX (RFC 9051 §5.1).
fn canonical(text: &str) -> Vec<char> {
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
    let first = chars.split(|c| *c == SEPARATOR).next().unwrap_or_default();
    let length = first.len();
    if first.iter().collect::<String>().eq_ignore_ascii_case("INBOX") {
        chars.iter_mut().take(length).for_each(|c| *c = c.to_ascii_uppercase());
    }
    chars
}

fn matches_wild(pattern: &[char], name: &str) -> bool {
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
                '%' if c != SEPARATOR => at,
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
        Pattern::new(&ListPattern::Text("".into()), &ListPattern::Text(pattern.into())).matches(name)
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
    }
}
