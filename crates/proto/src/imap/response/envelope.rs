//! ENVELOPE (RFC 9051 §7.5.2): what a caller hands in and how it is written.

use super::string::push_nstring;

/// The fields of a message as `env-*` of the grammar; header text as stored, encoded words not decoded.
/// `sender` and `reply_to` default to `from`: the caller has already filled them (RFC 9051 §7.5.2).
/// `L` is anything that gives addresses, so that a caller need not copy its own lists into others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EnvelopeRef<'a, L = Vec<AddressRef<'a>>> {
    pub date: Option<&'a [u8]>,
    pub subject: Option<&'a [u8]>,
    pub from: L,
    pub sender: L,
    pub reply_to: L,
    pub to: L,
    pub cc: L,
    pub bcc: L,
    pub in_reply_to: Option<&'a [u8]>,
    pub message_id: Option<&'a [u8]>,
}

/// One address. The begin of a group has only `mailbox` (its name), the end of a group has nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AddressRef<'a> {
    pub name: Option<&'a [u8]>,
    /// Source route, `addr-adl`.
    pub route: Option<&'a [u8]>,
    pub mailbox: Option<&'a [u8]>,
    pub host: Option<&'a [u8]>,
}

/// Appends the value of ENVELOPE.
///
/// ```abnf
/// envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP
///            env-bcc SP env-in-reply-to SP env-message-id ")"   ; RFC 9051 §9
/// ```
pub fn push_envelope<'a, L>(envelope: EnvelopeRef<'a, L>, out: &mut Vec<u8>)
where
    L: IntoIterator<Item = AddressRef<'a>>,
{
    out.push(b'(');
    push_nstring(envelope.date, out);
    out.push(b' ');
    push_nstring(envelope.subject, out);
    let lists = [envelope.from, envelope.sender, envelope.reply_to, envelope.to, envelope.cc, envelope.bcc];
    for list in lists {
        out.push(b' ');
        push_addresses(list, out);
    }
    out.push(b' ');
    push_nstring(envelope.in_reply_to, out);
    out.push(b' ');
    push_nstring(envelope.message_id, out);
    out.push(b')');
}

/// ```abnf
/// env-from = "(" 1*address ")" / nil                                                  ; RFC 9051 §9
/// address  = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"
/// ```
fn push_addresses<'a>(addresses: impl IntoIterator<Item = AddressRef<'a>>, out: &mut Vec<u8>) {
    let mut any = false;
    for address in addresses {
        out.extend_from_slice(if any { b"(" } else { b"((" });
        any = true;
        push_nstring(address.name, out);
        out.push(b' ');
        push_nstring(address.route, out);
        out.push(b' ');
        push_nstring(address.mailbox, out);
        out.push(b' ');
        push_nstring(address.host, out);
        out.push(b')');
    }
    out.extend_from_slice(if any { b")" } else { b"NIL" });
}
