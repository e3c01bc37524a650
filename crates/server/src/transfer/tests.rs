//! mbox splitting, line ends, Maildir letters and folder names.

mod dmap;

use std::io::{BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use koi_mailbox::emails::{IdentityChange, IdentityRecord, NamedAddress, VacationRecord};
use koi_mailbox::{Account, MailboxService, Options};
use koi_store::memory::MemoryKv;
use koi_types::{Address, Flags, Keyword, MailboxName, SystemFlags, Timestamp};

use super::import::messages_of;
use super::maildir::{Letters, folder_of};
use super::mbox::{Mbox, Next};
use super::{Format, Found, Moved, Target, export, import, lines};
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

fn service() -> MailboxService {
    let kv = Arc::new(MemoryKv::new(Arc::new(Watch::default())));
    let service = MailboxService::new(kv, Options::default(), Arc::new(System));
    service.directory().create_domain("example.org").unwrap();
    service
}

fn account(service: &MailboxService, name: &str) -> Account {
    let address = Address::new(name, "example.org").unwrap();
    service.account(service.directory().create_account(&address, "verifier").unwrap()).unwrap()
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
    let service = service();
    let target = Target { service: &service, account: account(&service, "alice") };
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

/// Whether sent mail is filed, the answer in absence and identities; what is decided already stays.
// spec: RFC 8621 §6; RFC 8621 §8
#[test]
fn what_an_account_has_decided_comes_back() {
    let (first, second) = (service(), service());
    let before = account(&first, "alice");
    let folder = tempfile::tempdir().unwrap();
    let moved = |path: &Path, service: &MailboxService, account: &Account| {
        let target = Target { service, account: account.clone() };
        import(&target, Format::Maildir, path, None, &mut |_| ()).unwrap()
    };
    let decided = |account: &Account| {
        let snapshot = account.snapshot().unwrap();
        let identities = snapshot.identities().unwrap().into_iter().map(|view| view.identity);
        let identities: Vec<IdentityRecord> = identities.collect();
        (account.files_sent().unwrap(), snapshot.vacation().unwrap(), identities)
    };
    // Nothing is decided, and nothing written of it.
    let path = folder.path().join("nothing");
    export(&before, &path, &mut |_| ()).unwrap();
    assert!(!path.join("koi-account.jsonl").exists());

    before.set_files_sent(true).wait().unwrap();
    let vacation = VacationRecord {
        enabled: true,
        from: Some(Timestamp(1)),
        to: None,
        subject: Some("away".into()),
        text_body: Some("Bin weg \u{1f3d6}\n".into()),
        html_body: None,
    };
    before.set_vacation(None, vacation.clone()).wait().unwrap();
    let named = NamedAddress { name: Some("A".into()), email: "a@example.net".into() };
    let own = IdentityRecord { name: "Alice".into(), bcc: Some(vec![named]), ..IdentityRecord::default() };
    let own = IdentityRecord { text_signature: "--\nAlice".into(), ..own };
    let other =
        IdentityRecord { email: "alice+work@example.org".into(), reply_to: Some(vec![]), ..own.clone() };
    let changes = vec![super::account::update(own), IdentityChange::Create(other)];
    before.set_identities(None, changes).wait().unwrap();
    let path = folder.path().join("alice");
    export(&before, &path, &mut |_| ()).unwrap();

    let after = account(&second, "alice");
    // Twice is once.
    for _ in 0..2 {
        assert_eq!(moved(&path, &second, &after).left_out.count(), 0);
        assert_eq!(decided(&after), decided(&before));
    }
    assert_eq!(decided(&after).2.len(), 2);
    // Somebody else: with the names of their own, and none of alice's addresses.
    let bob = account(&second, "bob");
    bob.set_vacation(None, VacationRecord { subject: Some("mine".into()), ..vacation }).wait().unwrap();
    let lines = moved(&path, &second, &bob).left_out.lines();
    assert!(lines.len() == 1 && lines[0].ends_with("may not send under this address"), "{lines:?}");
    let (files_sent, vacation, identities) = decided(&bob);
    assert_eq!((files_sent, vacation.subject.as_deref(), identities.len()), (true, Some("mine"), 1));
    assert_eq!((&*identities[0].name, &*identities[0].email), ("Alice", "bob@example.org"));
    // Nobody begins to answer mail because of what another has decided.
    let carol = account(&second, "carol");
    let _ = moved(&path, &second, &carol);
    let (_, vacation, _) = decided(&carol);
    assert_eq!((vacation.enabled, vacation.subject.as_deref()), (false, Some("away")));
}
