//! QUOTA and QUOTAROOT responses (RFC 9208 §4.2).

use super::mailbox::{NameEncoding, push_mailbox};
use super::number::push_number;
use super::string::push_astring;

/// What can be limited (RFC 9208 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// In units of 1024 octets (RFC 9208 §5.1).
    Storage,
    /// RFC 9208 §5.2
    Message,
    /// RFC 9208 §5.3
    Mailbox,
}

/// One triplet: what, how much is used, how much may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResourceUse {
    pub resource: Resource,
    pub usage: u64,
    pub limit: u64,
}

impl Resource {
    /// Reads a name without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Storage, Self::Message, Self::Mailbox]
            .into_iter()
            .find(|r| r.name().eq_ignore_ascii_case(name))
    }
    const fn name(self) -> &'static str {
        match self {
            Self::Storage => "STORAGE",
            Self::Message => "MESSAGE",
            Self::Mailbox => "MAILBOX",
        }
    }
}

/// ```abnf
/// quota-response = "QUOTA" SP quota-root-name SP quota-list                      ; RFC 9208 §7
/// quota-list     = "(" quota-resource *(SP quota-resource) ")"
/// quota-resource = resource-name SP resource-usage SP resource-limit
/// ```
///
/// An empty list for no limits, as RFC 9208 §4.2.1 has it.
pub fn quota(root: &str, resources: &[ResourceUse], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* QUOTA ");
    push_astring(root.as_bytes(), out);
    out.extend_from_slice(b" (");
    for (at, of) in resources.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"" } else { b" " });
        out.extend_from_slice(of.resource.name().as_bytes());
        out.push(b' ');
        push_number(of.usage, out);
        out.push(b' ');
        push_number(of.limit, out);
    }
    out.extend_from_slice(b")\r\n");
}

/// ```abnf
/// quotaroot-response = "QUOTAROOT" SP mailbox *(SP quota-root-name)              ; RFC 9208 §7
/// ```
pub fn quota_root(mailbox: &str, encoding: NameEncoding, roots: &[&str], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* QUOTAROOT ");
    push_mailbox(mailbox, encoding, out);
    for root in roots {
        out.push(b' ');
        push_astring(root.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}
