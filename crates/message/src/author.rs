//! Whose message it says it is: the addresses of From and Sender (RFC 5322 §3.6.2, RFC 6409 §6.3).
//!
//! A parser that shows mail is lenient; this one decides who may say what, so whatever two readers could
//! read in two ways is refused.

use koi_types::Address;

use crate::address::parse_addresses;
use crate::limits::ADDRESSES_MAX;

/// The addresses of one field, or nothing when they cannot be read beyond doubt.
#[must_use]
pub fn addresses(value: &[u8]) -> Option<Vec<Address>> {
    let mut entries = Vec::new();
    parse_addresses(value, &mut entries);
    if entries.len() >= ADDRESSES_MAX {
        return None;
    }
    let mut found = Vec::new();
    for entry in entries {
        // RFC 6854 §2.1: a group may stand there; its members count.
        let (Some(local), Some(host)) = (entry.mailbox, entry.host) else { continue };
        if entry.route.is_some() {
            return None;
        }
        found.push(Address::new(std::str::from_utf8(&local).ok()?, std::str::from_utf8(&host).ok()?)?);
    }
    let signs = signs(value)?;
    let clear = signs.at == found.len() && signs.angle <= found.len() && found.len() <= signs.comma + 1;
    (!found.is_empty() && clear).then_some(found)
}

/// What stands outside of quoted strings and comments.
#[derive(Default)]
struct Signs {
    at: usize,
    angle: usize,
    comma: usize,
}

/// Nothing when a quoted string or comment is not closed.
fn signs(value: &[u8]) -> Option<Signs> {
    let mut signs = Signs::default();
    let (mut quoted, mut comments, mut escaped) = (false, 0usize, false);
    for octet in value {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if comments == 0 => quoted = !quoted,
            b'(' if !quoted => comments += 1,
            b')' if !quoted => comments = comments.checked_sub(1)?,
            b'@' if !quoted && comments == 0 => signs.at += 1,
            b'<' if !quoted && comments == 0 => signs.angle += 1,
            b',' if !quoted && comments == 0 => signs.comma += 1,
            _ => {}
        }
    }
    (!quoted && comments == 0).then_some(signs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<Vec<String>> {
        addresses(value.as_bytes()).map(|found| found.iter().map(ToString::to_string).collect())
    }

    // spec: RFC 5322 §3.6.2
    // spec: RFC 6854 §2.1
    #[test]
    fn plain_forms_are_read() {
        for (value, expected) in [
            (" alice@example.org", &["alice@example.org"][..]),
            (" \"ceo@bank.example\" <alice@Example.org>", &["alice@example.org"]),
            (" A (ceo@bank.example) <alice@example.org>", &["alice@example.org"]),
            (" =?utf-8?q?ceo=40bank?= <alice@example.org>", &["alice@example.org"]),
            (" a@x, B\r\n <b@y>", &["a@x", "b@y"]),
            (" \"a \\\" b\"@x", &["a \" b@x"]),
            (" Team: a@x, b@y;", &["a@x", "b@y"]),
            (" j\u{f6}rg@m\u{fc}nchen.example", &["j\u{f6}rg@m\u{fc}nchen.example"]),
        ] {
            assert_eq!(read(value).unwrap_or_default(), expected, "{value}");
        }
    }

    // spec: RFC 6409 §5.1
    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for value in [
            "",
            " ",
            " alice",
            " <>",
            " nobody:;",
            " alice@example.org ceo@bank.example",
            " alice@example.org <ceo@bank.example>",
            " <alice@example.org> <ceo@bank.example>",
            " <alice@example.org><ceo@bank.example>",
            " ceo@bank.example, <@evil.example:alice@example.org>",
            " <@evil.example:alice@example.org>",
            " alice@example.org@bank.example",
            " \"ceo@bank.example <alice@example.org>",
            " (ceo@bank.example <alice@example.org>",
            " alice@example.org)",
            " alice@example.org,\0ceo@bank.example",
            " =\u{fffd}@",
        ] {
            assert_eq!(read(value), None, "{value:?}");
        }
    }
}
