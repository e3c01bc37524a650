//! Values written by the server side and read by the client side's rules, which are the same grammar.

use koi_proto::imap::Command;
use koi_proto::imap::command::{self, MailboxArg};
use koi_proto::imap::lex::Cursor;
use koi_proto::imap::response::NameEncoding;
use koi_proto::imap::response::mailbox::push_mailbox;
use koi_proto::imap::response::string::{push_astring, push_nstring};
use koi_proto::sasl::{base64_decode, base64_encode, parse_plain};
use koi_types::MailboxName;
use proptest::prelude::*;

/// Message data made safe for DATA by the sender (RFC 5321 §4.5.2).
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut line_begins = true;
    for octet in message {
        if line_begins && *octet == b'.' {
            out.push(b'.');
        }
        out.push(*octet);
        line_begins = out.ends_with(b"\r\n");
    }
    out
}

fn bare_lf(message: &[u8]) -> bool {
    let mut before = 0;
    message.iter().any(|octet| std::mem::replace(&mut before, *octet) != b'\r' && *octet == b'\n')
}

fn bare_cr(message: &[u8]) -> bool {
    let mut after = 0;
    message.iter().rev().any(|octet| std::mem::replace(&mut after, *octet) != b'\n' && *octet == b'\r')
}

proptest! {
    /// RFC 3501 §5.1.3, RFC 9051 §5.1
    #[test]
    fn mailbox_names(text in "[ -~ä日😀&]{1,12}(/[a-zÄ*%\"]{1,5}){0,2}", utf8: bool) {
        if let Ok(name) = MailboxName::new(&text) {
            let encoding = if utf8 { NameEncoding::Utf8 } else { NameEncoding::ModifiedUtf7 };
            let mut line = b"a DELETE ".to_vec();
            push_mailbox(name.as_str(), encoding, &mut line);
            let parsed = command::parse(&line, utf8);
            let expected = Command::Delete { mailbox: MailboxArg::Name(name) };
            prop_assert_eq!(parsed.map(|p| p.command), Ok(expected));
        }
    }

    /// RFC 9051 §4.3
    #[test]
    fn strings(text in prop::collection::vec(1u8..=255, 0..40)) {
        let mut out = Vec::new();
        push_astring(&text, &mut out);
        let mut cursor = Cursor::new(&out, false);
        prop_assert_eq!(cursor.astring().map(|read| read.into_owned()), Ok(text.clone()));
        prop_assert!(cursor.end().is_ok());
        let mut out = Vec::new();
        push_nstring(Some(&text), &mut out);
        let mut cursor = Cursor::new(&out, false);
        prop_assert_eq!(cursor.nstring().map(|read| read.map(|read| read.into_owned())), Ok(Some(text)));
    }

    /// RFC 4648 §4: what decodes has one spelling.
    #[test]
    fn base64(octets in prop::collection::vec(any::<u8>(), 0..40), text in "[A-Za-z0-9+/=]{0,12}") {
        prop_assert_eq!(base64_decode(base64_encode(&octets).as_bytes()), Ok(octets));
        if let Ok(decoded) = base64_decode(text.as_bytes()) {
            prop_assert_eq!(base64_encode(&decoded), text);
        }
    }

    /// RFC 4616 §2
    #[test]
    fn plain(authorization in "[^\0]{0,8}", authentication in "[^\0]{1,8}", password in "[^\0]{1,8}") {
        let plain = parse_plain(format!("{authorization}\0{authentication}\0{password}").as_bytes()).unwrap();
        prop_assert_eq!(plain.authorization.as_deref().unwrap_or_default(), authorization);
        prop_assert_eq!(&*plain.authentication, authentication);
        prop_assert_eq!(&*plain.password, password);
    }

    /// RFC 5321 §4.5.2: whatever lines a message has, they arrive, and only they.
    #[test]
    fn data_is_transparent(lines in prop::collection::vec("[.\r\nx]{0,6}", 0..10), piece in 1usize..20) {
        use koi_proto::smtp::{Decoded, Decoder, Phase, Protocol};
        let message: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect();
        let wire = [stuffed(&message), b".\r\nNOOP\r\n".to_vec()].concat();
        let mut decoder = Decoder::new(Protocol::Smtp, 1 << 20);
        decoder.begin_data();
        let (mut read, mut ends, mut noops) = (Vec::new(), 0, 0);
        for octets in wire.chunks(piece) {
            decoder.feed(octets);
            loop {
                match decoder.next(Phase::Command) {
                    Decoded::NeedMore => break,
                    Decoded::Data => read.extend_from_slice(decoder.data()),
                    Decoded::DataEnd(end) => {
                        prop_assert_eq!(end.octets, message.len() as u64);
                        prop_assert_eq!((end.bare_lf, end.bare_cr), (bare_lf(&message), bare_cr(&message)));
                        ends += 1;
                    }
                    _ => noops += 1,
                }
            }
        }
        prop_assert_eq!((ends, noops), (1, 1));
        prop_assert_eq!(read, message);
    }
}
