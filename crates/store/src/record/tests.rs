//! Fixtures: every record of version 1 as octets. A change that breaks one needs a new version, not a new
//! fixture.

use koi_types::{
    AccessSet, AccountId, Address, AddressHash, BlobId, Contact, Day, EmailId, EntryName, Keyword, MailboxId,
    MailboxName, ModSeq, Mode, ObjectId, Rights, Role, SystemFlags, ThreadId, Timestamp, Uid, UidSet,
    UidValidity, ZoneOffset,
};

use super::account::{AccountRecord, OwnQuota, TypeStates};
use super::annotation::{AnnotationRecord, AnnotationTotals};
use super::answer::{AnswerRecord, AnsweredRecord};
use super::app_password::AppPasswordRecord;
use super::contact::{decode_contact, encode_contact};
use super::directory::{CountersRecord, DirectoryRecord, PasswordRecord, ScramRecord};
use super::email::{EmailRecord, Place, SentAt, ThreadKeys};
use super::gone::{GoneMessage, decode_gone, encode_gone};
use super::identity::{IdentityRecord, NamedAddress};
use super::mailbox::{MailboxRecord, NameRecord};
use super::membership::{KeywordNumbers, Membership};
use super::object::ObjectRecord;
use super::sharing::{
    PerUserRecord, PerUserTotals, decode_changes, decode_rights, encode_changes, encode_rights,
};
use super::small::{GraceRecord, ReclaimRecord, ThreadKeyRecord};
use super::submission::{
    DeliveredStatus, DeliveryRecord, EnvelopeAddress, EnvelopeParameter, NoticeRecord, PendingRecord,
    SubmissionRecord, UndoStatus,
};
use super::upload::UploadRecord;
use super::url_key::UrlKeyRecord;
use super::vacation::VacationRecord;
use super::{app_password, directory, runs, small};
use crate::body::{BodyRef, Scope};

mod dmap;
mod dmtp;
mod jmap;
mod log;

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(2).map(|two| u8::from_str_radix(&String::from_iter(two), 16).unwrap()).collect()
}

/// The value writes the fixture, the fixture reads as the value, and nothing shorter, longer or newer is
/// read.
fn fixture<T: PartialEq + std::fmt::Debug>(
    fixture: &str,
    value: &T,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> Option<T>,
) {
    let stored = octets(fixture);
    assert_eq!(hex(&encode(value)), hex(&stored));
    assert_eq!(decode(&stored).as_ref(), Some(value));
    let mut newer = stored.clone();
    newer[0] = 2;
    assert_eq!(decode(&newer), None, "a version of the future");
    assert_eq!(decode(&[]), None);
}

fn refuses_cuts<T: PartialEq + std::fmt::Debug>(stored: &[u8], decode: impl Fn(&[u8]) -> Option<T>) {
    for cut in 0..stored.len() {
        assert_eq!(decode(&stored[..cut]), None, "cut at {cut}");
    }
    let mut longer = stored.to_vec();
    longer.push(0);
    assert_eq!(decode(&longer), None, "an octet too many");
}

#[test]
fn account_versions_1_to_5() {
    let value = AccountRecord {
        scope: Scope(2),
        modseq: 0x0102,
        names_modseq: 3,
        log_floor: 4,
        next_mailbox: MailboxId(7),
        last_uidvalidity: 0x6543_2100,
        released_uidvalidity: 5,
        keywords: 6,
        messages: 8,
        octets: 9,
        own_quota: OwnQuota::default(),
        states: TypeStates::all(0x0102),
        visibility_floor: 0x0102,
        mode: Mode::Trustful,
    };
    let common = "02000000 0201000000000000 0300000000000000 0400000000000000 07000000 00214365 05000000 0600
        0800000000000000 0900000000000000";
    let old = octets(&format!("01 {common}"));
    assert_eq!(AccountRecord::decode(&old).as_ref(), Some(&value));
    refuses_cuts(&old, AccountRecord::decode);

    let own_quota = OwnQuota { messages_max: Some(11), ..OwnQuota::default() };
    let value = AccountRecord { own_quota, ..value };
    let old = octets(&format!("02 {common} 02 0000000000000000 0b00000000000000"));
    assert_eq!(AccountRecord::decode(&old).as_ref(), Some(&value));
    refuses_cuts(&old, AccountRecord::decode);

    let own_quota = OwnQuota { mailboxes_max: Some(12), ..own_quota };
    let value = AccountRecord { own_quota, ..value };
    let stored = octets(&format!("03 {common} 06 0000000000000000 0b00000000000000 0c00000000000000"));
    assert_eq!(AccountRecord::decode(&stored).as_ref(), Some(&value));
    refuses_cuts(&stored, AccountRecord::decode);

    let states = TypeStates { email: 0x0101, thread: 0, vacation: 2, ..value.states };
    let value = AccountRecord { states, visibility_floor: 0x80, ..value };
    let tail = "06 0000000000000000 0b00000000000000 0c00000000000000 01 00 8202 00 00 00 8002 8001";
    let stored = octets(&format!("04 {common} {tail}"));
    assert_eq!(hex(&value.encode()), hex(&stored));
    assert_eq!(AccountRecord::decode(&stored).as_ref(), Some(&value));
    refuses_cuts(&stored, AccountRecord::decode);
    let late = octets(&format!("04 {common} {}", tail.replace("8202", "8302")));
    assert_eq!(AccountRecord::decode(&late), None, "a state before the first");
    let value = AccountRecord { mode: Mode::Paranoid, ..value };
    let stored = octets(&format!("05 {common} {tail} 02"));
    assert_eq!(hex(&value.encode()), hex(&stored));
    assert_eq!(AccountRecord::decode(&stored).as_ref(), Some(&value));
    refuses_cuts(&stored, AccountRecord::decode);
    for wrong in ["00", "03"] {
        let stored = octets(&format!("05 {common} {tail} {wrong}"));
        assert_eq!(AccountRecord::decode(&stored), None, "a mode of the future, or one that is not written");
    }
    let mut newer = stored;
    newer[0] = 6;
    assert_eq!(AccountRecord::decode(&newer), None, "a version of the future");
}

#[test]
fn url_key_version_1() {
    let key = UrlKeyRecord([0x5a; 32]);
    fixture(&format!("01 {}", "5a".repeat(32)), &key, UrlKeyRecord::encode, UrlKeyRecord::decode);
}

#[test]
fn mailbox_versions_1_to_3() {
    let value = MailboxRecord {
        uidvalidity: UidValidity::new(1).unwrap(),
        uidnext: Uid::new(2).unwrap(),
        highest_modseq: ModSeq::new(3).unwrap(),
        created_modseq: ModSeq::new(4).unwrap(),
        vanished_floor: 5,
        unseen_from: Uid::new(6).unwrap(),
        messages: 7,
        unseen: 8,
        deleted: 9,
        octets: 10,
        deleted_octets: None,
        dmap_octets: 0,
    };
    let stored =
        "01 01000000 02000000 0300000000000000 0400000000000000 0500000000000000 06000000 07000000 08000000
        09000000 0a00000000000000";
    fixture(stored, &value, MailboxRecord::encode, MailboxRecord::decode);
    refuses_cuts(&octets(stored), MailboxRecord::decode);
    let newer = MailboxRecord { deleted_octets: Some(11), ..value };
    let stored = octets(&format!("02 {} 0b00000000000000", &stored.trim_start()[2..]));
    assert_eq!(hex(&newer.encode()), hex(&stored));
    assert_eq!(MailboxRecord::decode(&stored).as_ref(), Some(&newer));
    refuses_cuts(&stored, MailboxRecord::decode);
    for (tail, deleted_octets) in [("01 0b00000000000000", Some(11)), ("00 0000000000000000", None)] {
        let newest = MailboxRecord { deleted_octets, dmap_octets: 12, ..newer.clone() };
        let version_1 =
            "01000000 02000000 0300000000000000 0400000000000000 0500000000000000 06000000 07000000
            08000000 09000000 0a00000000000000";
        let stored = octets(&format!("03 {version_1} {tail} 0c00000000000000"));
        assert_eq!(hex(&newest.encode()), hex(&stored));
        assert_eq!(MailboxRecord::decode(&stored), Some(newest));
        refuses_cuts(&stored, MailboxRecord::decode);
    }
}

#[test]
fn mailbox_name_versions_1_and_2() {
    let name = MailboxName::new("a/ä").unwrap();
    let value = NameRecord { name, role: Some(Role::Sent), created_at: Timestamp(-2), sort_order: 0 };
    let stored = "01 05 feffffffffffffff 04000000 612fc3a4";
    fixture(stored, &value, NameRecord::encode, NameRecord::decode);
    refuses_cuts(&octets(stored), NameRecord::decode);
    let value = NameRecord { sort_order: 0x0102, ..value };
    let ordered = stored.replacen("01", "02 02010000", 1);
    assert_eq!(hex(&value.encode()), hex(&octets(&ordered)));
    assert_eq!(NameRecord::decode(&octets(&ordered)).as_ref(), Some(&value));
    refuses_cuts(&octets(&ordered), NameRecord::decode);
    assert_eq!(NameRecord::decode(&octets("01 63 0000000000000000 01000000 61")), None, "no such role");
    assert_eq!(NameRecord::decode(&octets("01 00 0000000000000000 02000000 612f")), None, "no such name");
}

#[test]
fn membership_versions_1_and_2() {
    let value = Membership {
        flags: SystemFlags::SEEN.union(SystemFlags::DRAFT),
        email: EmailId([0xaa; 16]),
        modseq: ModSeq::new(1).unwrap(),
        created_modseq: ModSeq::new(2).unwrap(),
        octets: 3,
        received_at: Timestamp(4),
        received_zone: ZoneOffset(-60),
        saved_at: Timestamp(5),
        sent_day: Some(Day(6)),
        prime_octets: 0,
        meta_octets: 0,
        keywords: KeywordNumbers::default(),
    };
    let fixed = "01 11 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 0100000000000000 0200000000000000 03000000
        0400000000000000 c4ff 0500000000000000 06000000";
    let mut written = Vec::new();
    value.encode(&[7, 0x0102], &mut written);
    assert_eq!(hex(&written), hex(&octets(&format!("{fixed} 0700 0201"))));
    let read = Membership::decode(&written).unwrap();
    assert_eq!(read.keywords.iter().collect::<Vec<_>>(), [7, 0x0102]);
    assert_eq!(Membership { keywords: KeywordNumbers::default(), ..read }, value);
    for cut in (0..60).chain([61, 63]) {
        assert_eq!(Membership::decode(&written[..cut]), None, "cut at {cut}");
    }
    let mut undated = Vec::new();
    Membership { sent_day: None, ..value }.encode(&[], &mut undated);
    assert_eq!(Membership::decode(&undated).unwrap().sent_day, None);
    for (prime_octets, meta_octets) in [(0x0304, 0), (0, 5), (0x0304, 5)] {
        let value = Membership { prime_octets, meta_octets, ..value };
        let mut written = Vec::new();
        value.encode(&[7], &mut written);
        let tail = if prime_octets > 0 { "04030000" } else { "00000000" };
        let meta = if meta_octets > 0 { "05000000" } else { "00000000" };
        assert_eq!(hex(&written), hex(&octets(&format!("02 {} {tail} {meta} 0700", &fixed[3..]))));
        let read = Membership::decode(&written).unwrap();
        assert_eq!(Membership { keywords: KeywordNumbers::default(), ..read }, value);
        assert_eq!(read.dmap_octets(), u64::from(prime_octets) + u64::from(meta_octets));
        let mut same = Vec::new();
        read.encode_same(&mut same);
        assert_eq!(same, written);
        for cut in (0..68).chain([69]) {
            assert_eq!(Membership::decode(&written[..cut]), None, "cut at {cut}");
        }
    }
}

#[test]
fn email_versions_1_to_3() {
    let keys = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
    let value = EmailRecord {
        first: None,
        body: BodyRef { blob: BlobId([0xbb; 32]), segment: 1, offset: 2, octets: 3 },
        thread: ThreadId([0xcc; 16]),
        received_at: Timestamp(4),
        sent_at: Some(SentAt { at: Timestamp(5), zone: ZoneOffset(60) }),
        subject_hash: 6,
        thread_keys: ThreadKeys::new(&keys),
        ancestors: None,
        envelope: b"E",
        structure: b"ST",
    };
    let common = format!(
        "{} 01000000 0200000000000000 0300000000000000 {} 0400000000000000 0500000000000000 3c00
        0600000000000000 10000000 0100000000000000 0200000000000000 01000000 45 02000000 5354",
        "bb".repeat(32),
        "cc".repeat(16)
    );
    let first = Place { mailbox: MailboxId(7), uid: Uid::new(8).unwrap() };
    for (front, first) in [("01", None), ("02 07000000 08000000", Some(first))] {
        let value = EmailRecord { first, ..value.clone() };
        let stored = octets(&format!("{front} {common}"));
        assert_eq!(hex(&value.encode()), hex(&stored));
        assert_eq!(EmailRecord::decode(&stored), Some(value.clone()));
        assert_eq!(EmailRecord::first_place(&stored), first);
        refuses_cuts(&stored, |record| EmailRecord::decode(record).map(|email| email.encode()));
        assert!(value.has_thread_row(EmailId([0xdd; 16])));
        assert_eq!(value.has_thread_row(EmailId([0xcc; 16])), first.is_none());
    }
    let newest = common.replace(" 01000000 45", " 08000000 0900000000000000 01000000 45");
    let stored = octets(&format!("03 07000000 08000000 {newest}"));
    let ancestor = [9, 0, 0, 0, 0, 0, 0, 0];
    for ancestors in [ThreadKeys::new(&ancestor), ThreadKeys::default()] {
        let value = EmailRecord { first: Some(first), ancestors: Some(ancestors), ..value.clone() };
        assert_eq!(EmailRecord::decode(&value.encode()), Some(value.clone()));
        assert_eq!(EmailRecord::first_place(&value.encode()), Some(first));
    }
    let value3 =
        EmailRecord { first: Some(first), ancestors: Some(ThreadKeys::new(&ancestor)), ..value.clone() };
    assert_eq!(hex(&value3.encode()), hex(&stored));
    refuses_cuts(&stored, |record| EmailRecord::decode(record).map(|email| email.encode()));
    assert_eq!(EmailRecord::decode(&octets(&format!("04 {common}"))), None, "a version of the future");
    let undated = EmailRecord { sent_at: None, ..value }.encode();
    assert_eq!(EmailRecord::decode(&undated).unwrap().sent_at, None);
}

#[test]
fn sharing_version_1() {
    let rights = Rights::parse("lrsa").unwrap();
    fixture("01 0704", &rights, |r| encode_rights(*r), decode_rights);
    refuses_cuts(&octets("01 0704"), decode_rights);
    let row = PerUserRecord { flags: SystemFlags::SEEN, modseq: ModSeq::new(7).unwrap() };
    fixture("01 01 0700000000000000", &row, PerUserRecord::encode, PerUserRecord::decode);
    refuses_cuts(&row.encode(), PerUserRecord::decode);
    let totals = PerUserTotals { seen: 5, highest_modseq: 7 };
    fixture("01 05000000 0700000000000000", &totals, PerUserTotals::encode, PerUserTotals::decode);
    refuses_cuts(&totals.encode(), PerUserTotals::decode);
    fixture("01 0700000000000000", &7, |count| encode_changes(*count), decode_changes);
    refuses_cuts(&encode_changes(7), decode_changes);
}

#[test]
fn vanished_version_1() {
    let value: UidSet = UidSet([1, 2, 9, u32::MAX].into_iter().collect());
    fixture("01 03 0101 0700 f6ffffff0f00", &value, runs::encode_vanished, runs::decode_vanished);
    assert_eq!(runs::decode_vanished(&octets("01 02 0101 0000")), None, "runs that overlap");
    assert_eq!(runs::decode_vanished(&octets("01 01 ffffffff0f01")), None, "past the last UID");
    assert_eq!(runs::decode_vanished(&octets("01 01 ffffffffffffffffff7f00")), None, "past 64 bits");
}

#[test]
fn small_records_version_1() {
    let grace = GraceRecord { mailbox: MailboxId(1), modseq: ModSeq::new(2).unwrap() };
    fixture("01 01000000 0200000000000000", &grace, GraceRecord::encode, GraceRecord::decode);
    let reclaim = ReclaimRecord { deleted_at: Timestamp(4), modseq: ModSeq::new(5).unwrap() };
    fixture("01 0400000000000000 0500000000000000", &reclaim, ReclaimRecord::encode, ReclaimRecord::decode);
    let keyword = Keyword::new("$Chat").unwrap();
    fixture("01 2443686174", &keyword, small::encode_keyword, small::decode_keyword);
    fixture("01 06000000", &MailboxId(6), |m| small::encode_mailbox_id(*m), small::decode_mailbox_id);
    fixture("01 07000000", &Uid::new(7).unwrap(), |u| small::encode_recent(*u), small::decode_recent);
}

#[test]
fn thread_key_versions_1_and_2() {
    let key = ThreadKeyRecord { thread: ThreadId([0xcc; 16]), subject_hash: 3 };
    let stored = octets("01 cccccccccccccccccccccccccccccccc 0300000000000000");
    let (other, same) = (EmailId([0xdd; 16]), EmailId([0xcc; 16]));
    assert_eq!(key.encode(other), stored);
    assert_eq!(ThreadKeyRecord::decode(&stored, other), Some(key));
    assert_eq!(ThreadKeyRecord::decode(&stored, same), Some(key));
    refuses_cuts(&stored, |record| ThreadKeyRecord::decode(record, other));
    let stored = octets("02 0300000000000000");
    assert_eq!(key.encode(same), stored);
    assert_eq!(ThreadKeyRecord::decode(&stored, same), Some(key));
    refuses_cuts(&stored, |record| ThreadKeyRecord::decode(record, same));
    assert_eq!(ThreadKeyRecord::decode(&octets("03 0300000000000000"), same), None, "of the future");
}

fn account() -> DirectoryRecord {
    DirectoryRecord {
        address: Address::parse("a@b").unwrap(),
        password: "v".into(),
        created_at: Timestamp(1),
        disabled: true,
        settings: [9].into(),
    }
}

/// Written until there were SCRAM keys; read for ever.
#[test]
fn directory_version_1() {
    let stored = octets("01 01 0100000000000000 03000000 614062 01000000 76 01000000 09");
    assert_eq!(DirectoryRecord::decode(&stored), Some(account()));
    refuses_cuts(&stored, DirectoryRecord::decode);
}

#[test]
fn directory_version_2() {
    let begin = "02 01 0100000000000000 03000000 614062 01000000 76 01000000 09";
    let stored = octets(&format!("{begin} 00"));
    assert_eq!(hex(&account().encode()), hex(&stored));
    assert_eq!(DirectoryRecord::decode(&stored), Some(account()));
    refuses_cuts(&stored, DirectoryRecord::decode);
    let scram = ScramRecord { salt: [1; 16], iterations: 4096, stored_key: [2; 32], server_key: [3; 32] };
    let password = PasswordRecord { scram: Some(scram), ..account().password };
    let with_scram = DirectoryRecord { password, ..account() };
    let keys = format!("{} 00100000 {} {}", "01".repeat(16), "02".repeat(32), "03".repeat(32));
    let stored = octets(&format!("{begin} 01 {keys}"));
    assert_eq!(hex(&with_scram.encode()), hex(&stored));
    assert_eq!(DirectoryRecord::decode(&stored), Some(with_scram));
    refuses_cuts(&stored, DirectoryRecord::decode);
    let mut newer = stored;
    newer[0] = 4;
    assert_eq!(DirectoryRecord::decode(&newer), None, "a version of the future");
}

#[test]
fn app_password_version_1() {
    let value = AppPasswordRecord {
        name: "n".into(),
        access: AccessSet::from_bits(3),
        hash: [4; 32],
        created_at: Timestamp(1),
        used_at: Some(Timestamp(2)),
    };
    let hash = "04".repeat(32);
    let stored = format!("01 03000000 {hash} 0100000000000000 01 0200000000000000 01000000 6e");
    fixture(&stored, &value, AppPasswordRecord::encode, AppPasswordRecord::decode);
    refuses_cuts(&octets(&stored), AppPasswordRecord::decode);
    let stored = format!("01 03000000 {hash} 0100000000000000 00 0000000000000000 01000000 6e");
    let never = AppPasswordRecord { used_at: None, ..value };
    fixture(&stored, &never, AppPasswordRecord::encode, AppPasswordRecord::decode);
    let secret = [5; 32];
    fixture(
        &format!("01 {}", "05".repeat(32)),
        &secret,
        app_password::encode_secret,
        app_password::decode_secret,
    );
}

#[test]
fn annotation_version_1() {
    let name = EntryName::new("/private/A").unwrap();
    let decoded = |stored: &[u8]| AnnotationRecord::decode(stored).map(|record| record.encode());
    for (name, value, stored) in [
        (Some(&name), &b"hi"[..], "01 0700000000000000 0a000000 2f707269766174652f41 6869"),
        (None, b"", "01 0700000000000000 00000000"),
    ] {
        let record = AnnotationRecord { modseq: 7, name: name.cloned(), value };
        fixture(stored, &record.encode(), Vec::clone, decoded);
        assert_eq!(AnnotationRecord::decode(&octets(stored)), Some(record));
    }
    for wrong in ["01 0700000000000000 03000000 2f7072", "01 0700000000000000 0100", "01 07"] {
        assert_eq!(AnnotationRecord::decode(&octets(wrong)), None, "{wrong}");
    }
    let totals = AnnotationTotals { count: 1, octets: 2, modseq: 3 };
    let stored = "01 01000000 0200000000000000 0300000000000000";
    fixture(stored, &totals, AnnotationTotals::encode, AnnotationTotals::decode);
    refuses_cuts(&octets(stored), AnnotationTotals::decode);
}

#[test]
fn directory_counters_version_1() {
    let counters = CountersRecord { next_account: AccountId(1), next_scope: Scope(2) };
    fixture("01 01000000 02000000", &counters, CountersRecord::encode, CountersRecord::decode);
    fixture("01 03000000", &AccountId(3), |a| directory::encode_account_id(*a), directory::decode_account_id);
    fixture("01 04000000", &Scope(4), |s| directory::encode_scope(*s), directory::decode_scope);
}

#[test]
fn contact_version_1() {
    let hashes = vec![AddressHash([1; 32]), AddressHash([2; 32])];
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    for (flag, blocked) in [("00", false), ("01", true)] {
        let value = Contact { hashes: hashes.clone(), blocked };
        let stored = format!("01 {flag} {one} {two}");
        fixture(&stored, &value, encode_contact, decode_contact);
        let stored = octets(&stored);
        for cut in (0..stored.len()).filter(|cut| *cut != 34) {
            assert_eq!(decode_contact(&stored[..cut]), None, "cut at {cut}");
        }
    }
    for bad in [format!("01 02 {one}"), format!("01 00 {two} {one}"), format!("01 00 {one} {one}")] {
        assert_eq!(decode_contact(&octets(&bad)), None, "{bad}");
    }
    let many: Vec<u8> = (0..33u8).flat_map(|n| [n; 32]).collect();
    assert_eq!(decode_contact(&[&[1, 0], many.as_slice()].concat()), None);
    assert!(decode_contact(&[&[1, 0], &many[..32 * 32]].concat()).is_some());
}
