//! ENVELOPE (RFC 9051 §7.5.2): what a caller hands in and how it is written.

/// The fields of a message as `env-*` of the grammar; header text as stored, encoded words not decoded.
/// `sender` and `reply_to` default to `from`: the caller has already filled them (RFC 9051 §7.5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EnvelopeRef<'a> {
    pub date: Option<&'a [u8]>,
    pub subject: Option<&'a [u8]>,
    pub from: &'a [AddressRef<'a>],
    pub sender: &'a [AddressRef<'a>],
    pub reply_to: &'a [AddressRef<'a>],
    pub to: &'a [AddressRef<'a>],
    pub cc: &'a [AddressRef<'a>],
    pub bcc: &'a [AddressRef<'a>],
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
