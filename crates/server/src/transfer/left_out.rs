//! What was left out of an import or export: counted by reason, and named where there are few, so that many
//! of one kind do not hide one of another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names that are kept for one reason.
const NAMES_MAX: usize = 20;
/// Reasons that are told apart; what else there is is counted.
const REASONS_MAX: usize = 50;

/// By reason, in the order they came up.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LeftOut {
    reasons: Vec<Reason>,
    others: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Reason {
    why: String,
    count: u64,
    /// The first of them.
    names: Vec<String>,
}

impl LeftOut {
    pub(super) fn add(&mut self, name: impl fmt::Display, why: impl fmt::Display) {
        let (name, why) = (plain(&name), plain(&why));
        let has_room = self.reasons.len() < REASONS_MAX;
        match self.reasons.iter_mut().find(|reason| reason.why == why) {
            Some(reason) => {
                reason.count += 1;
                if reason.names.len() < NAMES_MAX {
                    reason.names.push(name);
                }
            }
            None if has_room => {
                self.reasons.push(Reason { why, count: 1, names: vec![name] });
            }
            None => self.others += 1,
        }
    }
    /// All of them.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.reasons.iter().map(|reason| reason.count).sum::<u64>() + self.others
    }
    /// For a person.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for Reason { why, count, names } in &self.reasons {
            lines.extend(names.iter().map(|name| format!("{name}: {why}")));
            let more = count.saturating_sub(names.len() as u64);
            if more > 0 {
                lines.push(format!("{more} more: {why}"));
            }
        }
        if self.others > 0 {
            lines.push(format!("{} more, for other reasons", self.others));
        }
        lines
    }
}

/// Names of files are whatever somebody made them: nothing of them tells a terminal what to do.
fn plain(text: &impl fmt::Display) -> String {
    text.to_string().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_of_one_kind_do_not_hide_one_of_another() {
        let mut left_out = LeftOut::default();
        (0..1000).for_each(|n| left_out.add(format_args!("cur/{n}"), "a link"));
        left_out.add("cur/\u{1b}[2Jlarge", "too large");
        let lines = left_out.lines();
        assert_eq!((left_out.count(), lines.len()), (1001, NAMES_MAX + 2));
        assert_eq!(lines[0], "cur/0: a link");
        assert_eq!(lines[NAMES_MAX], "980 more: a link");
        assert_eq!(lines[NAMES_MAX + 1], "cur/?[2Jlarge: too large");
    }

    #[test]
    fn it_is_bounded() {
        let mut left_out = LeftOut::default();
        (0..1000).for_each(|n| left_out.add(n, n));
        assert_eq!((left_out.count(), left_out.lines().len()), (1000, REASONS_MAX + 1));
    }
}
