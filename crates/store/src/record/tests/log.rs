//! The change log, and what it names.

use super::*;
use crate::record::log::{Event, LastRow, LogRecord, LogSection, ThreadOf};

#[test]
fn log_version_1() {
    let uids = |list: &[u32]| UidSet(list.iter().copied().collect());
    let section = |mailbox, event| LogSection { mailbox: Some(MailboxId(mailbox)), event };
    let value = LogRecord {
        committed_at: Timestamp(1),
        sections: vec![
            section(2, Event::Added(uids(&[1, 2, 3, 300]))),
            section(2, Event::Flags(uids(&[4]))),
            section(3, Event::Expunged { uids: uids(&[5]), emails: vec![EmailId([0xaa; 16])] }),
            section(4, Event::MailboxCreated),
            section(4, Event::MailboxRenamed),
            section(4, Event::MailboxDeleted),
            LogSection { mailbox: None, event: Event::Subscription },
        ],
    };
    let stored = "01 0100000000000000 01 02000000 02 0102 a90200 02 02000000 01 0400
        03 03000000 01 0500 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 04 04000000 05 04000000 06 04000000 07 ffffffff";
    fixture(stored, &value, LogRecord::encode, LogRecord::decode);
    assert_eq!(LogRecord::decode(&octets("01 0100000000000000 ff 02000000")), None, "no such event");
    assert_eq!(
        LogRecord::decode(&octets("01 0100000000000000 03 02000000 01 05 ffffffff0f")),
        None,
        "too many"
    );
}

#[test]
fn log_version_1_with_another_trash() {
    let section = |event| LogSection { mailbox: Some(MailboxId(2)), event };
    let sections = vec![section(Event::MailboxRenamed), section(Event::Trash)];
    let value = LogRecord { committed_at: Timestamp(1), sections };
    fixture("01 0100000000000000 05 02000000 17 02000000", &value, LogRecord::encode, LogRecord::decode);
}

#[test]
fn log_version_1_with_subscriptions_of_guests() {
    let section = LogSection { mailbox: Some(MailboxId(2)), event: Event::SubscriptionOf(AccountId(5)) };
    let value = LogRecord { committed_at: Timestamp(1), sections: vec![section] };
    let stored = "01 0100000000000000 18 02000000 05000000";
    fixture(stored, &value, LogRecord::encode, LogRecord::decode);
    refuses_cuts(&octets(stored)[10..], |cut| LogRecord::decode(&[&octets(stored)[..10], cut].concat()));
}

#[test]
fn log_version_1_with_annotations() {
    let names = ["/shared/x", "/private/Y"].map(|name| EntryName::new(name).unwrap()).to_vec();
    let sections = vec![LogSection { mailbox: None, event: Event::Annotations(names) }];
    let value = LogRecord { committed_at: Timestamp(1), sections };
    let stored =
        "01 0100000000000000 08 ffffffff 02 09000000 2f7368617265642f78 0a000000 2f707269766174652f59";
    fixture(stored, &value, LogRecord::encode, LogRecord::decode);
    assert_eq!(LogRecord::decode(&octets("01 0100000000000000 08 ffffffff ffffffff0f")), None, "too many");
}

#[test]
fn log_version_1_with_names_of_subscriptions() {
    let event = Event::SubscriptionTo(MailboxName::new("a/b").unwrap());
    let sections = vec![LogSection { mailbox: None, event }];
    let value = LogRecord { committed_at: Timestamp(1), sections };
    let stored = "01 0100000000000000 09 ffffffff 03000000 612f62";
    fixture(stored, &value, LogRecord::encode, LogRecord::decode);
}

#[test]
fn log_version_1_with_rights_and_flags_of_users() {
    let uids = UidSet([4, 5, 9].into_iter().collect());
    let section = |event| LogSection { mailbox: Some(MailboxId(2)), event };
    let sections = vec![section(Event::PerUser { user: AccountId(3), uids }), section(Event::Rights)];
    let value = LogRecord { committed_at: Timestamp(1), sections };
    let stored = "01 0100000000000000 0a 02000000 03000000 02 0401 0400 0b 02000000";
    fixture(stored, &value, LogRecord::encode, LogRecord::decode);
}

#[test]
fn log_version_1_with_a_new_uidvalidity() {
    let sections = vec![LogSection { mailbox: Some(MailboxId(2)), event: Event::UidValidity }];
    let value = LogRecord { committed_at: Timestamp(1), sections };
    fixture("01 0100000000000000 14 02000000", &value, LogRecord::encode, LogRecord::decode);
}

#[test]
fn log_version_1_with_messages_as_they_left() {
    let last = LastRow {
        flags: SystemFlags::DELETED,
        modseq: ModSeq::new(300).unwrap(),
        received_at: Timestamp(1),
        received_zone: ZoneOffset(60),
        saved_at: Timestamp(2),
        keywords: vec![7, 200],
    };
    let seen = Event::LeftSeen { user: AccountId(3), uids: UidSet([4].into_iter().collect()) };
    let section = |event| LogSection { mailbox: Some(MailboxId(2)), event };
    let sections = vec![section(Event::LeftAs(vec![last])), section(seen)];
    let value = LogRecord { committed_at: Timestamp(1), sections };
    let flags = format!("{:02x}", SystemFlags::DELETED.0);
    let stored = format!(
        "01 0100000000000000 15 02000000 01 {flags} 0100000000000000 3c00 0200000000000000 ac02 02 07 c801
        16 02000000 03000000 01 0400"
    );
    fixture(&stored, &value, LogRecord::encode, LogRecord::decode);
    assert_eq!(LogRecord::decode(&octets("01 0100000000000000 15 02000000 ffffffff0f")), None, "too many");
}

#[test]
fn log_of_what_is_deleted_and_read() {
    let uids = |list: &[u32]| UidSet(list.iter().copied().collect());
    let of = |event| LogSection { mailbox: Some(MailboxId(2)), event };
    let thread = ThreadOf { email: EmailId([0xaa; 16]), thread: ThreadId([0xbb; 16]) };
    let sections = vec![
        of(Event::Hidden(uids(&[1]))),
        of(Event::Shown(uids(&[2]))),
        of(Event::Read(uids(&[3, 4]))),
        of(Event::LeftShown(uids(&[5]))),
        of(Event::Threads(vec![thread])),
    ];
    let value = LogRecord { committed_at: Timestamp(1), sections };
    let stored = format!(
        "01 0100000000000000 0c 02000000 01 0100 0d 02000000 01 0200 0e 02000000 01 0301
        0f 02000000 01 0500 10 02000000 01 {} {}",
        "aa".repeat(16),
        "bb".repeat(16)
    );
    fixture(&stored, &value, LogRecord::encode, LogRecord::decode);
    assert_eq!(LogRecord::decode(&octets("01 0100000000000000 10 02000000 ffffffff0f")), None, "too many");
}
