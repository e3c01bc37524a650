//! Header fields written from their forms (RFC 8621 §4.1.2): the syntax of RFC 5322 §3, what is not ASCII in
//! encoded words (RFC 2047), lines folded where they may be (RFC 5322 §2.2.3).
//!
//! Addresses may be in UTF-8 (RFC 6532 §3.2); names and text are always in ASCII.

use crate::form::{
    EmailAddress, EmailAddressGroup, HeaderValue, is_dotted, looks_like_address, message_ids, push_quoted,
    urls as urls_of,
};
use crate::lexer::is_atom;

mod fold;
mod words;

pub(super) use fold::{Piece, fold};
use words::{encoded_words, needs_encoding};

/// RFC 5322 §2.1.1: octets of a line without its end.
const LINE_OCTETS_MAX: usize = 998;
/// Octets of a field name.
const NAME_OCTETS_MAX: usize = 200;
/// Octets of an address or id, which is never parted.
const WORD_OCTETS_MAX: usize = 900;

/// RFC 5322 §2.2.
pub(super) fn is_name(name: &str) -> bool {
    let is = |octet: u8| octet.is_ascii_graphic() && octet != b':';
    !name.is_empty() && name.len() <= NAME_OCTETS_MAX && name.bytes().all(is)
}

/// Whether the value can be written as a field of this name.
pub(super) fn can_hold(name: &str, value: &HeaderValue) -> bool {
    // What is written must be what is read: no brackets within, no comment at the beginning, quotes in pairs.
    let comes_back = |word: &String, read: fn(&[u8]) -> Option<Vec<String>>| {
        let plain =
            word.len() <= WORD_OCTETS_MAX && !word.contains(|c: char| c.is_control() || c.is_whitespace());
        plain && read(format!("<{word}>").as_bytes()).as_deref() == Some(std::slice::from_ref(word))
    };
    match value {
        HeaderValue::Raw(raw) => is_raw_value(name, raw),
        HeaderValue::Text(text) => is_line(text),
        HeaderValue::Addresses(list) => list.iter().all(is_address),
        HeaderValue::GroupedAddresses(groups) => groups
            .iter()
            .all(|group| group.name.as_deref().is_none_or(is_line) && group.addresses.iter().all(is_address)),
        HeaderValue::MessageIds(ids) => ids.iter().flatten().all(|id| comes_back(id, message_ids)),
        HeaderValue::Date(date) => date.is_none_or(|date| date.to_rfc5322().is_some()),
        HeaderValue::Urls(urls) => {
            urls.iter().flatten().all(|url| url.is_ascii() && comes_back(url, urls_of))
        }
    }
}

/// Whether the text has no control characters but tabs.
pub(super) fn is_line(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && c != '\t')
}

fn is_address(address: &EmailAddress) -> bool {
    let email = &address.email;
    address.name.as_deref().is_none_or(is_line)
        && email.len() <= WORD_OCTETS_MAX
        && !email.chars().any(char::is_control)
        // In quotes it may be longer.
        && addr_spec(email).text.len() <= WORD_OCTETS_MAX
}

/// RFC 5322 §2.2: one field, whose line ends are all folding; §2.1.1: no line too long; §3.2.2: no line of
/// white space alone, at which some readers end the header.
fn is_raw_value(name: &str, raw: &str) -> bool {
    if raw.contains('\0') {
        return false;
    }
    raw.split("\r\n").enumerate().all(|(at, line)| {
        let first = at == 0;
        let room = LINE_OCTETS_MAX.saturating_sub(if first { name.len() + 1 } else { 0 });
        let folded = first || (line.starts_with([' ', '\t']) && !line.trim_ascii().is_empty());
        folded && line.len() <= room && !line.contains(['\r', '\n'])
    })
}

/// Appends the field, unless the value is nothing: a list without entries, a date that is none.
pub(super) fn push(name: &str, value: &HeaderValue, out: &mut Vec<u8>) {
    let pieces = match value {
        HeaderValue::Raw(raw) => {
            [name, ":", raw, "\r\n"].iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
            return;
        }
        HeaderValue::Text(text) => return fold(name, &unstructured(text), out),
        HeaderValue::Addresses(list) => address_list(list),
        HeaderValue::GroupedAddresses(groups) => group_list(groups),
        HeaderValue::MessageIds(ids) => angled(ids.iter().flatten(), ""),
        HeaderValue::Date(date) => {
            date.and_then(|date| date.to_rfc5322()).map(Piece::word).into_iter().collect()
        }
        HeaderValue::Urls(urls) => angled(urls.iter().flatten(), ","),
    };
    if !pieces.is_empty() {
        fold(name, &pieces, out);
    }
}

/// `"<" word ">"` of each, `separator` behind all but the last.
fn angled<'w>(words: impl Iterator<Item = &'w String>, separator: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = words.map(|word| Piece::word(format!("<{word}>{separator}"))).collect();
    trim_last(&mut pieces, separator);
    pieces
}

fn trim_last(pieces: &mut [Piece], separator: &str) {
    if let Some(last) = pieces.last_mut()
        && last.text.ends_with(separator)
    {
        last.text.truncate(last.text.len() - separator.len());
    }
}

/// RFC 5322 §3.2.5. From the first word that cannot stand for itself to the last all is encoded, and white
/// space at the ends, which nobody else would keep.
fn unstructured(text: &str) -> Vec<Piece> {
    let words: Vec<&str> = text.split(' ').collect();
    let last = words.len().saturating_sub(1);
    let encoded = |(at, word): &(usize, &&str)| {
        needs_encoding(word) || ((*at == 0 || *at == last) && word.is_empty() && last > 0)
    };
    let first_encoded = words.iter().enumerate().find(&encoded).map(|(at, _)| at);
    let last_encoded = words.iter().enumerate().rfind(&encoded).map(|(at, _)| at);
    let (Some(from), Some(to)) = (first_encoded, last_encoded) else {
        return plain_words(&words);
    };
    let part = |range: std::ops::Range<usize>| words.get(range).unwrap_or_default();
    let mut pieces = plain_words(part(0..from));
    // White space before the encoded range: empty words at the end of what precedes it.
    let blanks = part(0..from).iter().rev().take_while(|word| word.is_empty()).count();
    let mut middle = encoded_words(&part(from..to + 1).join(" "));
    if let Some(first) = middle.first_mut() {
        first.blanks = if from == 0 { 0 } else { 1 + blanks };
    }
    pieces.append(&mut middle);
    let mut rest = plain_words(part(to + 1..words.len()));
    if let Some(first) = rest.first_mut() {
        first.blanks += 1;
    }
    pieces.append(&mut rest);
    pieces
}

/// Words that stand for themselves, with the blanks between them.
fn plain_words(words: &[&str]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut blanks = 0;
    for (at, word) in words.iter().enumerate() {
        blanks += usize::from(at > 0);
        if !word.is_empty() {
            pieces.push(Piece { blanks, text: (*word).to_owned(), is_encoded: false });
            blanks = 0;
        }
    }
    pieces
}

/// RFC 5322 §3.2.5 phrase: atoms, or a quoted string, or encoded words. A tab is written as a blank, as
/// which it is also read.
fn phrase(name: &str) -> Vec<Piece> {
    let name = &*name.trim().replace('\t', " ");
    let words: Vec<&str> = name.split(' ').collect();
    if words.iter().any(|word| needs_encoding(word)) {
        return encoded_words(name);
    }
    let is_atom = |word: &&str| !word.is_empty() && word.bytes().all(is_atext);
    if words.iter().all(is_atom) {
        return plain_words(&words);
    }
    let mut quoted = String::with_capacity(name.len() + 2);
    push_quoted(name, &mut quoted);
    plain_words(&quoted.split(' ').collect::<Vec<_>>())
}

/// RFC 5322 §3.2.3.
fn is_atext(octet: u8) -> bool {
    octet.is_ascii_graphic() && is_atom(octet)
}

/// The pieces of one mailbox (RFC 5322 §3.4), the first without blanks before it.
fn mailbox(address: &EmailAddress) -> Vec<Piece> {
    let name = address.name.as_deref().map(str::trim).unwrap_or_default();
    let spec = addr_spec(&address.email);
    if name.is_empty() {
        let text = if spec.is_bare { spec.text } else { format!("<{}>", spec.text) };
        return vec![Piece { blanks: 0, text, is_encoded: false }];
    }
    let mut pieces = phrase(name);
    pieces.push(Piece::word(format!("<{}>", spec.text)));
    pieces
}

struct AddrSpec {
    text: String,
    /// Whether it can stand without angle brackets.
    is_bare: bool,
}

/// RFC 5322 §3.4.1. A local part that is no dot-atom is quoted; what is no address at all becomes a local
/// part as a whole, so that it comes back as it was given and cannot be taken for several addresses.
fn addr_spec(email: &str) -> AddrSpec {
    if let Some((local, host)) = email.rsplit_once('@').filter(|_| looks_like_address(email)) {
        if is_dotted(local.as_bytes()) || unquoted(local).is_some() {
            return AddrSpec { text: email.to_owned(), is_bare: true };
        }
        let mut text = String::with_capacity(email.len() + 2);
        push_quoted(local, &mut text);
        text.push('@');
        text.push_str(host);
        return AddrSpec { text, is_bare: true };
    }
    if is_dotted(email.as_bytes()) {
        return AddrSpec { text: email.to_owned(), is_bare: true };
    }
    // A local part that is shown in quotes so that it is not taken for an address.
    if unquoted(email).is_some_and(|inner| looks_like_address(&inner)) {
        return AddrSpec { text: email.to_owned(), is_bare: false };
    }
    let mut text = String::new();
    if !email.is_empty() {
        push_quoted(email, &mut text);
    }
    AddrSpec { text, is_bare: false }
}

/// What is in a quoted string, if a text is one, in the one way this crate writes them.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next()?),
            '"' => return None,
            _ => out.push(c),
        }
    }
    Some(out)
}

fn address_list(list: &[EmailAddress]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for address in list {
        push_entry(mailbox(address), ",", &mut pieces);
    }
    trim_last(&mut pieces, ",");
    pieces
}

fn push_entry(mut entry: Vec<Piece>, separator: &str, pieces: &mut Vec<Piece>) {
    if let Some(last) = entry.last_mut() {
        last.text.push_str(separator);
    }
    if let Some(first) = entry.first_mut() {
        first.blanks = usize::from(!pieces.is_empty());
    }
    pieces.append(&mut entry);
}

fn group_list(groups: &[EmailAddressGroup]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for group in groups {
        let Some(name) = &group.name else {
            group.addresses.iter().for_each(|address| push_entry(mailbox(address), ",", &mut pieces));
            continue;
        };
        let mut opened = phrase(name);
        // An encoded word may not touch the colon.
        if opened.last().is_some_and(|last| last.is_encoded) {
            opened.push(Piece::word(String::new()));
        }
        push_entry(opened, ":", &mut pieces);
        for address in &group.addresses {
            push_entry(mailbox(address), ",", &mut pieces);
        }
        if group.addresses.is_empty() {
            push_entry(vec![Piece::word(String::new())], ";,", &mut pieces);
        } else {
            trim_last(&mut pieces, ",");
            if let Some(last) = pieces.last_mut() {
                last.text.push_str(";,");
            }
        }
    }
    trim_last(&mut pieces, ",");
    pieces
}
