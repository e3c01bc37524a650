//! COMPARATOR (RFC 5255 §4.7): which collation texts are compared by.

use super::Command;
use crate::imap::lex::{Cursor, SyntaxError};

/// Octets of one argument (RFC 4790 §3.2).
const ORDER_OCTETS_MAX: usize = 254;

/// One argument: the name of a collation, with `*` for any characters, or `default`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ComparatorArg {
    /// `-` stood before it: what comes last comes first (RFC 4790 §3.3).
    pub inverted: bool,
    pub pattern: Box<str>,
}

impl ComparatorArg {
    /// Whether a collation is meant (RFC 4790 §3.2).
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut pieces = self.pattern.split('*');
        let Some(rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
        let Some(last) = self.pattern.contains('*').then(|| pieces.next_back()).flatten() else {
            return rest.is_empty();
        };
        let mut rest = rest;
        for piece in pieces {
            let Some(at) = rest.find(piece) else { return false };
            rest = rest.get(at + piece.len()..).unwrap_or_default();
        }
        rest.ends_with(last)
    }
}

/// ```abnf
/// comparator-cmd    = "COMPARATOR" *(SP comp-order-quoted)      ; RFC 5255 §4.10
/// comp-order-quoted = astring
/// collation-order   = ["+" / "-"] collation-wild                ; RFC 4790 §3.3
/// ```
pub(super) fn comparator(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mut orders = Vec::new();
    while cursor.take(b' ') {
        orders.push(order(cursor)?);
    }
    Ok(Command::Comparator(orders))
}

/// ```abnf
/// collation-wild  = ("*" / (ALPHA ["*"])) *(collation-char ["*"])          ; RFC 4790 §3.2
/// collation-char  = ALPHA / DIGIT / "-" / ";" / "=" / "."                  ; RFC 4790 §3.1
/// ```
fn order(cursor: &mut Cursor<'_>) -> Result<ComparatorArg, SyntaxError> {
    let before = cursor.error("not the name of a collation");
    let order = cursor.ascii_astring("expected a collation")?;
    let pattern = order.strip_prefix(['+', '-']).unwrap_or(&order);
    let begins = pattern.starts_with(|c: char| c == '*' || c.is_ascii_alphabetic());
    let wild = |c: char| c.is_ascii_alphanumeric() || "-;=.*".contains(c);
    if !begins || !pattern.chars().all(wild) || pattern.contains("**") || order.len() > ORDER_OCTETS_MAX {
        return Err(before);
    }
    Ok(ComparatorArg { inverted: order.starts_with('-'), pattern: pattern.to_ascii_lowercase().into() })
}
