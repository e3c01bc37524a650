//! ACL, LISTRIGHTS and MYRIGHTS responses (RFC 4314 §3.6 to §3.8).

use koi_types::Rights;

use super::mailbox::{NameEncoding, push_mailbox};
use super::string::push_astring;

/// ```abnf
/// acl-data = "ACL" SP mailbox *(SP identifier SP rights)          ; RFC 4314 §7
/// ```
pub fn acl<'e>(
    mailbox: &str,
    encoding: NameEncoding,
    entries: impl IntoIterator<Item = (&'e str, Rights)>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"* ACL ");
    push_mailbox(mailbox, encoding, out);
    for (identifier, rights) in entries {
        out.push(b' ');
        push_astring(identifier.as_bytes(), out);
        push_rights(rights, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// What an identifier always has; every other right can be given by itself, and the obsolete ones, which
/// stand for them (RFC 4314 §2.1.1).
///
/// ```abnf
/// listrights-data = "LISTRIGHTS" SP mailbox SP identifier SP rights *(SP rights)   ; RFC 4314 §7
/// ```
pub fn list_rights(
    mailbox: &str,
    encoding: NameEncoding,
    identifier: &str,
    always: Rights,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"* LISTRIGHTS ");
    push_mailbox(mailbox, encoding, out);
    out.push(b' ');
    push_astring(identifier.as_bytes(), out);
    push_rights(always, out);
    for letter in Rights::ALL.without(always).to_string().bytes() {
        out.extend_from_slice(&[b' ', letter]);
    }
    out.extend_from_slice(b"\r\n");
}

/// ```abnf
/// myrights-data = "MYRIGHTS" SP mailbox SP rights                 ; RFC 4314 §7
/// ```
pub fn my_rights(mailbox: &str, encoding: NameEncoding, rights: Rights, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* MYRIGHTS ");
    push_mailbox(mailbox, encoding, out);
    push_rights(rights, out);
    out.extend_from_slice(b"\r\n");
}

/// ```abnf
/// rights = astring                                                ; RFC 4314 §7
/// ```
fn push_rights(rights: Rights, out: &mut Vec<u8>) {
    out.push(b' ');
    push_astring(rights.to_string().as_bytes(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    // spec: RFC 4314 §3.6; RFC 4314 §3.7; RFC 4314 §3.8
    #[test]
    fn responses() {
        let utf8 = NameEncoding::Utf8;
        let few = Rights::parse("lrs").unwrap();
        let entries = [("fred@example.org", Rights::ALL), ("-x y", Rights::NONE)];
        assert_eq!(
            written(|out| acl("a b", utf8, entries, out)),
            "* ACL \"a b\" fred@example.org lrswipkxteacd \"-x y\" \"\"\r\n"
        );
        assert_eq!(
            written(|out| list_rights("m", utf8, "anyone", Rights::NONE, out)),
            "* LISTRIGHTS m anyone \"\" l r s w i p k x t e a c d\r\n"
        );
        assert_eq!(
            written(|out| list_rights("m", utf8, "me", Rights::ALL, out)),
            "* LISTRIGHTS m me lrswipkxteacd\r\n"
        );
        assert_eq!(written(|out| my_rights("m", utf8, few, out)), "* MYRIGHTS m lrs\r\n");
    }
}
