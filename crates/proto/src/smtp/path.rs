//! Paths and mailboxes of MAIL and RCPT (RFC 5321 §4.1.2 and §4.1.3, RFC 6531 §3.3).
//!
//! A quoted local part and its plain form are the same address (RFC 5321 §4.1.2), so that only the content is
//! kept.

use koi_types::Address;

/// What stands between `<` and `>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Inside {
    Nothing,
    Address(Address),
    /// A local part alone.
    Local(Box<str>),
}

/// A path at the front of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Found<'a> {
    pub inside: Inside,
    pub rest: &'a str,
}

/// ```abnf
/// Path          = "<" [ A-d-l ":" ] Mailbox ">"                        ; RFC 5321 §4.1.2
/// Reverse-path  = Path / "<>"
/// A-d-l         = At-domain *( "," At-domain )
/// Mailbox       = Local-part "@" ( Domain / address-literal )
/// Local-part    = Dot-string / Quoted-string
/// ```
pub(super) fn path(text: &str) -> Option<Found<'_>> {
    let text = text.strip_prefix('<')?;
    if let Some(rest) = text.strip_prefix('>') {
        return Some(Found { inside: Inside::Nothing, rest });
    }
    let text = if text.starts_with('@') { after_route(text)? } else { text };
    let Local { local, rest } = local_part(text)?;
    if let Some(rest) = rest.strip_prefix('>') {
        return Some(Found { inside: Inside::Local(local.into()), rest });
    }
    let rest = rest.strip_prefix('@')?;
    let (domain, rest) = rest.split_at(domain_end(rest)?);
    let address = Address::new(&local, domain)?;
    Some(Found { inside: Inside::Address(address), rest: rest.strip_prefix('>')? })
}

/// `@a,@b:` in front of a mailbox: "servers MUST be prepared to encounter a list of source routes, SHOULD
/// ignore" (RFC 5321 §4.1.1.3).
fn after_route(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        rest = rest.strip_prefix('@')?;
        rest = rest.get(domain_end(rest)?..)?;
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => return rest.strip_prefix(':'),
        }
    }
}

struct Local<'a> {
    local: String,
    rest: &'a str,
}

/// ```abnf
/// Dot-string     = Atom *("." Atom)                                    ; RFC 5321 §4.1.2
/// Quoted-string  = DQUOTE *QcontentSMTP DQUOTE
/// QcontentSMTP   = qtextSMTP / quoted-pairSMTP
/// quoted-pairSMTP = %d92 %d32-126
/// qtextSMTP      = %d32-33 / %d35-91 / %d93-126 / UTF8-non-ascii       ; RFC 6531 §3.3
/// ```
fn local_part(text: &str) -> Option<Local<'_>> {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find(|c| !Address::is_atext(c) && c != '.')?;
        let (local, rest) = text.split_at(end);
        return Address::is_dot_string(local).then(|| Local { local: local.to_owned(), rest });
    };
    let mut local = String::new();
    let mut chars = inside.chars();
    loop {
        match chars.next()? {
            '"' => return Some(Local { local, rest: chars.as_str() }),
            '\\' => local.push(chars.next().filter(|c| matches!(c, ' '..='~'))?),
            c if c.is_control() => return None,
            c => local.push(c),
        }
    }
}

/// Where a domain or address literal ends.
///
/// ```abnf
/// Domain     = sub-domain *("." sub-domain)                            ; RFC 5321 §4.1.2
/// sub-domain = Let-dig [Ldh-str] / U-label                             ; RFC 6531 §3.3
/// ```
/// QUIRK underscore_in_domain
fn domain_end(text: &str) -> Option<usize> {
    if text.starts_with('[') {
        let end = text.find(']')?;
        return is_address_literal(text.get(1..end)?).then_some(end + 1);
    }
    let is_label_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii();
    let end = text.find(|c: char| !is_label_char(c) && c != '.').unwrap_or(text.len());
    let is_label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    text.get(..end)?.split('.').all(is_label).then_some(end)
}

/// Whether what a client calls itself is a Domain or the literal of an IP address (RFC 5321 §4.1.1.1): then
/// it can be written in a Received field (RFC 5321 §4.4), whose words it does not look like. No U-labels,
/// which a message without SMTPUTF8 must not have; no General-address-literal: none is defined, and its
/// content has brackets. QUIRK underscore_in_domain
#[must_use]
pub fn is_client_domain(name: &str) -> bool {
    let is_ip = |inside: &str| {
        !inside.contains(':') || inside.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"))
    };
    let literal = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    name.is_ascii() && domain_end(name) == Some(name.len()) && literal.is_none_or(is_ip)
}

/// ```abnf
/// address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]"
/// General-address-literal = Standardized-tag ":" 1*dcontent            ; RFC 5321 §4.1.3
/// dcontent        = %d33-90 / %d94-126
/// ```
fn is_address_literal(inside: &str) -> bool {
    match inside.split_once(':') {
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6") => {
            address.len() >= 2 && address.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
        }
        Some((tag, content)) => {
            let is_tag = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            !tag.is_empty()
                && tag.bytes().all(is_tag)
                && !tag.ends_with('-')
                && !content.is_empty()
                && content.bytes().all(|b| matches!(b, 33..=90 | 94..=126))
        }
        None => {
            let is_octet = |n: &str| {
                (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()) && n.parse::<u8>().is_ok()
            };
            inside.split('.').count() == 4 && inside.split('.').all(is_octet)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        match path(text).filter(|found| found.rest.is_empty())?.inside {
            Inside::Nothing => Some(String::new()),
            Inside::Local(local) => Some(local.into()),
            Inside::Address(address) => Some(format!("{}|{}", address.local(), address.domain())),
        }
    }

    /// RFC 5321 §4.1.2, §4.1.3 and appendix C, RFC 6531 §3.3
    #[test]
    fn paths() {
        let known = [
            ("<>", ""),
            ("<Postmaster>", "Postmaster"),
            ("<Smith@bar.com>", "Smith|bar.com"),
            ("<@hosta.int,@jkl.org:userc@d.bar.org>", "userc|d.bar.org"),
            ("<\"a b\"@Example.ORG>", "a b|example.org"),
            ("<\"a\\\"\\\\b\"@x>", "a\"\\b|x"),
            ("<\"smith\"@x>", "smith|x"),
            ("<a.b+c=d@[192.0.2.1]>", "a.b+c=d|[192.0.2.1]"),
            ("<a@[IPv6:2001:db8::1]>", "a|[ipv6:2001:db8::1]"),
            ("<a@[x400:foo]>", "a|[x400:foo]"),
            ("<jörg@münchen.example>", "jörg|münchen.example"),
            ("<a@b_c.x>", "a|b_c.x"),
        ];
        for (text, expected) in known {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for bad in [
            "",
            "a@b",
            "<a@b",
            "<a@>",
            "<@b>",
            "<.a@b>",
            "<a.@b>",
            "<a..b@c>",
            "<a b@c>",
            "<\"a@b>",
            "<\"a\tb\"@c>",
            "<a@b..c>",
            "<a@-b>",
            "<a@b->",
            "<a@[256.0.0.1]>",
            "<a@[1.2.3]>",
            "<a@[:x]>",
            "<@a,b:c@d>",
            "<@a:>",
            "<a@b>x",
            "<a@b c>",
            "<<a@b>>",
            "<a,b@c>",
            "<a@b\u{85}>",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        let long = format!("<{}@b>", "a".repeat(65));
        assert_eq!(read(&long), None);
    }

    /// RFC 5321 §4.1.1.1, §4.1.3 and §4.4
    #[test]
    fn names_of_clients() {
        for name in [
            "localhost",
            "mx.example.net",
            "MX-1.example",
            "3com.example",
            "192.0.2.1",
            "under_score",
            "xn--mnchen-3ya.example",
            "[192.0.2.1]",
            "[IPv6:2001:db8::1]",
            "[ipv6:::ffff:192.0.2.1]",
        ] {
            assert!(is_client_domain(name), "{name}");
        }
        for name in [
            "",
            "<evil>",
            "(c)",
            "a(c)",
            "a;b",
            "a,b",
            "\"a\"",
            "a\\b",
            "a@b",
            "a\tb",
            "a\r\nb",
            "a\0",
            "a\x7f",
            "münchen.example",
            ".a",
            "a.",
            "a..b",
            "-a",
            "a-",
            "[192.0.2.1",
            "192.0.2.1]",
            "[192.0.2.256]",
            "[x400:<evil>(c)]",
            "[IPv6:(c)]",
            "[]",
            "[a]b",
        ] {
            assert!(!is_client_domain(name), "{name:?}");
        }
    }

    /// RFC 5321 §4.1.2
    #[test]
    fn what_is_written_reads_back() {
        for local in ["smith", "a b", "a\"b\\c", ".a", "a..b", "jörg", "a@b", ">"] {
            let address = Address::new(local, "example.org").unwrap();
            let Some(Found { inside: Inside::Address(again), rest: "" }) =
                path(&format!("<{}>", address.as_path()))
                    .map(|f| Found { inside: f.inside, rest: if f.rest.is_empty() { "" } else { "more" } })
            else {
                panic!("{local}");
            };
            assert_eq!(again, address);
        }
    }
}
