//! mbox splitting, line ends, Maildir letters and folder names.

mod dmap;

use std::io::Cursor;

use koi_types::{Flags, Keyword, MailboxName, SystemFlags, Timestamp};

use super::maildir::{Letters, folder_of};
use super::mbox::{Mbox, Next};
use super::{Found, lines};

fn all(text: &str) -> Vec<Found> {
    let mut mbox = Mbox::new(Cursor::new(text.as_bytes().to_vec()), 1000);
    let mut found = Vec::new();
    loop {
        match mbox.next().unwrap() {
            Next::Message(message) => found.push(message),
            Next::TooLarge { place } => found.push(Found {
                place,
                octets: Vec::new(),
                flags: Flags::default(),
                received_at: None,
                zone_minutes: 0,
            }),
            Next::End => return found,
        }
    }
}

#[test]
fn an_mbox_is_split_at_from_lines_with_a_date() {
    let text = "From a@b Thu Nov 21 21:55:52 2026\nSubject: 1\nStatus: RO\nX-Status: AF\n\
                X-Keywords: $Junk two\n\n\
                From here on no date\n>From quoted\n>>From twice\n\nFrom c Sun Nov  1 01:02:03 +0100 2026\n\
                X-Mozilla-Status: 0005\n\nlast\n";
    let found = all(text);
    assert_eq!(found.len(), 2);
    let first = String::from_utf8(found[0].octets.clone()).unwrap();
    assert!(first.ends_with("\r\n\r\nFrom here on no date\r\nFrom quoted\r\n>From twice\r\n"), "{first:?}");
    assert_eq!(found[0].received_at, Some(Timestamp::from_secs(1_795_298_152)));
    let set = SystemFlags::SEEN.union(SystemFlags::ANSWERED).union(SystemFlags::FLAGGED);
    assert_eq!(found[0].flags.system, set);
    assert_eq!(found[0].flags.keywords, [Keyword::new("$Junk").unwrap(), Keyword::new("two").unwrap()]);
    assert_eq!(found[1].flags.system, SystemFlags::SEEN.union(SystemFlags::FLAGGED));
    assert_eq!(found[1].received_at, Some(Timestamp::from_secs(1_793_491_323)));
    assert!(found[1].octets.ends_with(b"\r\n\r\nlast\r\n"));
}

#[test]
fn a_message_that_is_too_large_is_passed_over_alone() {
    let long = "x".repeat(2000);
    let found =
        all(&format!("From a Thu Nov 21 21:55:52 2026\n\n{long}\n\nFrom b Thu Nov 21 21:55:52 2026\n\ny\n"));
    assert!(found[0].octets.is_empty() && found[0].place == "message 1");
    assert_eq!(found[1].octets, b"\r\ny\r\n");
}

#[test]
fn what_is_no_mbox_is_refused() {
    assert!(Mbox::new(Cursor::new(b"Subject: x\n".to_vec()), 1000).next().is_err());
}

#[test]
fn line_ends_become_crlf_unless_they_are() {
    assert_eq!(lines::to_crlf(b"a\nb\r\nc".to_vec()), b"a\r\nb\r\nc");
    assert_eq!(lines::to_crlf(b"a\r\nb\nc".to_vec()), b"a\r\nb\nc", "octets of a file with CRLF stay");
    assert_eq!(lines::to_crlf(b"\nb".to_vec()), b"\r\nb");
}

#[test]
fn flags_and_keywords_have_letters() {
    let keyword = |text: &str| Keyword::new(text).unwrap();
    let letters = Letters::of(["$Forwarded", "$Junk", "work"].into_iter().map(keyword));
    let mut flags = Flags::system(SystemFlags::SEEN.union(SystemFlags::DRAFT).union(SystemFlags::DELETED));
    ["work", "$Forwarded"].into_iter().for_each(|k| flags.insert(keyword(k)));
    let encoded = letters.encode(&flags);
    assert_eq!(encoded, "DPSTb");
    assert_eq!(letters.decode(&format!("1.x:2,{encoded}")), flags);
    assert_eq!(letters.list(), "0 $Junk\n1 work\n");
}

#[test]
fn folder_names_keep_dots_and_letters_of_all_scripts() {
    let folder = |name: &str| folder_of(&MailboxName::new(name).unwrap());
    assert_eq!(folder("INBOX"), None);
    assert_eq!(folder("Sent/2026").as_deref(), Some("Sent.2026"));
    assert_eq!(folder("v1.0/Entwürfe").as_deref(), Some("v1&AC4-0.Entw&APw-rfe"));
}
