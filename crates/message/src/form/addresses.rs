//! The forms Addresses and GroupedAddresses (RFC 8621 §4.1.2.3, §4.1.2.4).

use crate::address::{Address, Phrases, parse};
use crate::charset;
use crate::lexer::is_atom;

/// One mailbox of an address list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmailAddress {
    /// The display name, or the comment behind the address; never empty.
    pub name: Option<String>,
    /// The addr-spec. Of what is no address it is what stands in its place, without `@`; empty where only a
    /// name stands.
    pub email: String,
}

/// Neighbouring mailboxes of one group, or of none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmailAddressGroup {
    /// `None` for mailboxes outside of groups.
    pub name: Option<String>,
    pub addresses: Vec<EmailAddress>,
}

/// RFC 8621 §4.1.2.3: the mailboxes of an address list; groups are opened.
#[must_use]
pub fn addresses(value: &[u8]) -> Vec<EmailAddress> {
    let list = parsed(value);
    list.iter().filter_map(mailbox_of).collect()
}

/// RFC 8621 §4.1.2.4.
#[must_use]
pub fn grouped_addresses(value: &[u8]) -> Vec<EmailAddressGroup> {
    let mut groups: Vec<EmailAddressGroup> = Vec::new();
    let mut open = false;
    for entry in parsed(value) {
        if entry.is_group_start() {
            let name = entry.mailbox.as_deref().and_then(phrase).unwrap_or_default();
            groups.push(EmailAddressGroup { name: Some(name), addresses: Vec::new() });
            open = true;
            continue;
        }
        let Some(address) = mailbox_of(&entry) else {
            open = false;
            continue;
        };
        match groups.last_mut() {
            Some(last) if open || last.name.is_none() => last.addresses.push(address),
            _ => groups.push(EmailAddressGroup { name: None, addresses: vec![address] }),
        }
    }
    groups
}

fn parsed(value: &[u8]) -> Vec<Address> {
    let mut list = Vec::new();
    parse(value, Phrases::Marked, &mut list);
    list
}

fn mailbox_of(entry: &Address) -> Option<EmailAddress> {
    mailbox(entry.name.as_deref(), entry.mailbox.as_deref(), entry.host.as_deref())
}

/// An entry of an address list by its parts; nothing for what opens or closes a group.
pub(super) fn mailbox(
    name: Option<&[u8]>,
    local: Option<&[u8]>,
    host: Option<&[u8]>,
) -> Option<EmailAddress> {
    let email = addr_spec(local.unwrap_or_default(), host?);
    Some(EmailAddress { name: name.and_then(phrase), email })
}

/// A display name, decoded, without white space at its ends; nothing for an empty one. A tab, which only a
/// quoted string can hold, is shown as the blank it means (RFC 5322 §3.2.2): so it is also written, as
/// encoded words hold no tabs.
fn phrase(words: &[u8]) -> Option<String> {
    let mut name = super::decoded(words);
    if name.contains('\t') {
        name = name.replace('\t', " ");
    }
    let trimmed = name.trim();
    if trimmed.len() == name.len() {
        return (!name.is_empty()).then_some(name);
    }
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The parts as an address is written (RFC 5322 §3.4.1). What has no host, or one that is none, is no
/// address, and stays as it is; in quotes where it could be taken for one.
fn addr_spec(local: &[u8], host: &[u8]) -> String {
    let text = |octets: &[u8]| {
        let mut text = String::with_capacity(octets.len() + 2);
        charset::decode_guessing(octets, &mut text);
        text
    };
    let is_host = !host.is_empty() && !host.iter().skip(1).any(|octet| *octet == b'[');
    let mut spec = String::with_capacity(local.len() + 1 + host.len());
    if is_host {
        match local.iter().all(|&octet| is_atom(octet) || octet == b'.') {
            true => spec.push_str(&text(local)),
            false => push_quoted(&text(local), &mut spec),
        }
        spec.push('@');
        spec.push_str(&text(host));
    } else {
        let whole = if host.is_empty() { text(local) } else { text(&[local, b"@", host].concat()) };
        if looks_like_address(&whole) { push_quoted(&whole, &mut spec) } else { spec = whole }
    }
    spec.retain(|c| c != '\0');
    spec
}

/// Whether a text has a host behind an `@`.
pub(crate) fn looks_like_address(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, host)| {
        !local.is_empty() && (is_dotted(host.as_bytes()) || is_literal(host.as_bytes()))
    })
}

/// Atoms and dots, in any order.
pub(crate) fn is_dotted(octets: &[u8]) -> bool {
    !octets.is_empty() && octets.iter().all(|&octet| is_atom(octet) || octet == b'.')
}

/// RFC 5322 §3.4.1 domain-literal.
fn is_literal(host: &[u8]) -> bool {
    let inner = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let is = |octet: &u8| octet.is_ascii_graphic() && !matches!(octet, b'[' | b']' | b'\\');
    inner.is_some_and(|inner| inner.iter().all(is))
}

/// RFC 5322 §3.2.4 quoted-string.
pub(crate) fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
