//! The names of an account as LIST sees them: mailboxes, levels above them that are no mailboxes, and
//! patterns (RFC 9051 §6.3.9, RFC 3501 §6.3.8, RFC 3501 §6.3.9).

use std::collections::BTreeMap;

use koi_mailbox::MailboxRow;
use koi_proto::imap::command::ListPattern;
use koi_types::name::SEPARATOR;
use koi_types::{MailboxName, Role, limits};

/// Every name there is something to say about, in order.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) names: BTreeMap<Box<str>, Node>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// `None` for a level of hierarchy, or a name that is only subscribed.
    pub(crate) row: Option<MailboxRow>,
    pub(crate) subscribed: bool,
    /// There are mailboxes below.
    pub(crate) has_children: bool,
    /// There are subscribed names below.
    pub(crate) subscribed_below: bool,
}

impl Tree {
    /// `subscriptions`: subscribed names, also those without a mailbox.
    pub(crate) fn new<'n>(
        rows: Vec<MailboxRow>,
        subscriptions: impl Iterator<Item = &'n MailboxName>,
    ) -> Self {
        let mut tree = Self::default();
        for row in rows {
            tree.for_each_above(row.name.as_str(), |node| node.has_children = true);
            let node = tree.names.entry(row.name.as_str().into()).or_default();
            node.row = Some(row);
        }
        for name in subscriptions {
            tree.names.entry(name.as_str().into()).or_default().subscribed = true;
            tree.for_each_above(name.as_str(), |node| node.subscribed_below = true);
        }
        tree
    }
    fn for_each_above(&mut self, name: &str, mark: impl Fn(&mut Node)) {
        for (at, _) in name.match_indices(SEPARATOR) {
            let above = name.get(..at).unwrap_or_default();
            mark(self.names.entry(above.into()).or_default());
        }
    }
}

impl Node {
    /// A level of hierarchy or a mailbox; not a name that is only subscribed.
    pub(crate) const fn is_listed(&self) -> bool {
        self.row.is_some() || self.has_children
    }
    pub(crate) fn role(&self) -> Option<Role> {
        self.row.as_ref().and_then(|row| row.role)
    }
}

/// A pattern with its reference put in front, ready to be compared.
#[derive(Debug)]
pub(crate) struct Pattern(Option<Vec<char>>);

impl Pattern {
    /// RFC 9051 §6.3.9: the reference is simply what the pattern is relative to.
    pub(crate) fn new(reference: &ListPattern, pattern: &ListPattern) -> Self {
        let (ListPattern::Text(reference), ListPattern::Text(pattern)) = (reference, pattern) else {
            return Self(None);
        };
        // A longer one matches no name; runs of wildcards are one, so that comparing stays cheap.
        let joined = format!("{reference}{pattern}");
        let mut chars: Vec<char> = Vec::new();
        for c in joined.chars() {
            match (chars.last(), c) {
                (Some('*'), '*' | '%') | (Some('%'), '%') => {}
                (Some('%'), '*') => {
                    chars.pop();
                    chars.push('*');
                }
                _ => chars.push(c),
            }
        }
        if chars.len() > 2 * limits::MAILBOX_NAME_OCTETS_MAX {
            return Self(None);
        }
        // RFC 9051 §5.1: INBOX in any case.
        let first = chars.split(|c| *c == SEPARATOR).next().unwrap_or_default();
        let length = first.len();
        if first.iter().collect::<String>().eq_ignore_ascii_case("INBOX") {
            chars.iter_mut().take(length).for_each(|c| *c = c.to_ascii_uppercase());
        }
        Self(Some(chars))
    }
    /// `*` stands for anything, `%` for anything within one level. Costs pattern times name.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some(pattern) = &self.0 else { return false };
        let mut reached = vec![false; pattern.len() + 1];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        skip_wildcards(pattern, &mut reached);
        for c in name.chars() {
            let mut next = vec![false; pattern.len() + 1];
            for (at, wanted) in pattern.iter().enumerate() {
                if !reached.get(at).copied().unwrap_or(false) {
                    continue;
                }
                let stays = *wanted == '*' || (*wanted == '%' && c != SEPARATOR);
                if stays && let Some(slot) = next.get_mut(at) {
                    *slot = true;
                }
                if !matches!(wanted, '*' | '%')
                    && *wanted == c
                    && let Some(slot) = next.get_mut(at + 1)
                {
                    *slot = true;
                }
            }
            skip_wildcards(pattern, &mut next);
            reached = next;
        }
        reached.last().copied().unwrap_or(false)
    }
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
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        assert!(!matches(&"a".repeat(5000), "a"));
    }
}
