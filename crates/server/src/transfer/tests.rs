//! mbox splitting, line ends, Maildir letters and folder names.

mod dmap;

use std::io::{BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use koi_mailbox::{MailboxService, Options};
use koi_store::memory::MemoryKv;
use koi_types::{Address, Flags, Keyword, MailboxName, SystemFlags, Timestamp};

use super::import::messages_of;
use super::maildir::{Letters, folder_of};
use super::mbox::{Mbox, Next};
use super::{Found, Moved, Target, lines};
use crate::service::System;
use crate::watch::Watch;

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

/// A file that cannot be read further than this.
struct Broken(Cursor<Vec<u8>>);

impl Read for Broken {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(std::io::Error::other("the disk is broken")),
            octets => Ok(octets),
        }
    }
}

/// Whatever came in until then is there, counted and said: what was on its way, and what waited to be.
#[test]
fn an_mbox_that_cannot_be_read_to_its_end_says_how_far_it_came() {
    let service = MailboxService::new(
        Arc::new(MemoryKv::new(Arc::new(Watch::default()))),
        Options::default(),
        Arc::new(System),
    );
    service.directory().create_domain("example.org").unwrap();
    let address = Address::new("alice", "example.org").unwrap();
    let id = service.directory().create_account(&address, "verifier").unwrap();
    let target = Target { service: &service, account: service.account(id).unwrap() };
    // Two transactions and a part of one; the last message is cut off.
    let message = |n: u32| format!("From a Thu Nov 21 21:55:52 2026\nSubject: {n}\n\nx\n\n");
    let text: String = (0..601).map(message).collect();
    let reader = Mbox::new(BufReader::new(Broken(Cursor::new(text.into_bytes()))), 1000);
    let mut moved = Moved::default();
    let inbox = MailboxName::inbox();
    let refused = messages_of(&target, reader, Path::new("/the/mbox"), &inbox, &mut moved, &mut |_| ());
    let what = refused.unwrap_err().what;
    assert!(what.contains("/the/mbox") && what.contains("the disk is broken"), "{what}");
    let there = target.account.snapshot().unwrap().mailbox_named(&inbox).unwrap().unwrap().messages;
    assert_eq!((moved.messages, there), (600, 600));
}
