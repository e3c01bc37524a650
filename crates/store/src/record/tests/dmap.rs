//! What only DMAP has.

use koi_types::KeyId;

use super::*;
use crate::record::directory::StacieRecord;
use crate::record::dmap::{
    KeyRecord, KeyState, OutboxRecord, OutboxState, PrivateForm, PrivateHalf, RealmRecord, RingRecord,
    decode_key_emails, decode_meta, encode_key_emails, encode_meta,
};
use crate::record::prime::{ChunkRow, PrimeRecord};

const BODY: &str =
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb 01000000 0200000000000000";

fn body(octets: u64) -> BodyRef {
    BodyRef { blob: BlobId([0xbb; 32]), segment: 1, offset: 2, octets }
}

#[test]
fn directory_version_3() {
    let begin = "03 01 0100000000000000 03000000 614062 01000000 76 01000000 09";
    let stacie = StacieRecord { bonus: 0x0102, salt: [7; 128], token: [8; 64], serial: 9 };
    let token = format!("02010000 09000000 {} {}", "07".repeat(128), "08".repeat(64));
    let scram = ScramRecord { salt: [1; 16], iterations: 4096, stored_key: [2; 32], server_key: [3; 32] };
    let keys = format!("{} 00100000 {} {}", "01".repeat(16), "02".repeat(32), "03".repeat(32));
    for (scram, before) in [(None, "00".to_owned()), (Some(scram), format!("01 {keys}"))] {
        let password = PasswordRecord { scram, stacie: Some(stacie.clone()), ..account().password };
        let value = DirectoryRecord { password, ..account() };
        let stored = octets(&format!("{begin} {before} {token}"));
        assert_eq!(hex(&value.encode()), hex(&stored));
        assert_eq!(DirectoryRecord::decode(&stored), Some(value));
        refuses_cuts(&stored, DirectoryRecord::decode);
    }
    assert!(!format!("{stacie:?}").contains("8, 8"), "a token is not shown");
}

#[test]
fn prime_version_1() {
    let chunks = vec![
        ChunkRow { kind: 0, start: 0, octets: 10 },
        ChunkRow { kind: 1, start: 16, octets: 76 },
        ChunkRow { kind: 48, start: 92, octets: 356 },
    ];
    let value = PrimeRecord {
        body: body(448),
        magic: 1847,
        suite: 2,
        key: Some(KeyId([5; 64])),
        peer: Some("b.example".into()),
        chunks,
    };
    let rows = "03 00 00 0a 01 06 4c 30 00 e402";
    let stored = format!(
        "01 {BODY} c001000000000000 3707 02 03 {} 09000000 622e6578616d706c65 {rows}",
        "05".repeat(64)
    );
    fixture(&stored, &value, PrimeRecord::encode, PrimeRecord::decode);
    refuses_cuts(&octets(&stored), PrimeRecord::decode);
    let nobodys = PrimeRecord { key: None, peer: None, ..value };
    let stored = format!("01 {BODY} c001000000000000 3707 02 00 {rows}");
    fixture(&stored, &nobodys, PrimeRecord::encode, PrimeRecord::decode);
    let beyond = octets(&stored.replace("e402", "e502"));
    assert_eq!(PrimeRecord::decode(&beyond), None, "a chunk that goes beyond the message");
    assert_eq!(PrimeRecord::decode(&octets(&stored.replace("02 00 03", "02 04 03"))), None);
    let many = octets(&stored.replace("02 00 03 00", "02 00 ffffffffffffffffff01 00"));
    assert_eq!(PrimeRecord::decode(&many), None, "more chunks than octets");
}

#[test]
fn key_version_1() {
    let private = PrivateHalf { form: PrivateForm::Owners, octets: [7].into() };
    let value = KeyRecord {
        state: KeyState::Current,
        order: 3,
        created_at: Timestamp(4),
        expires_at: None,
        request: [1, 2].into(),
        signet: [3].into(),
        private: Some(private),
    };
    let begin = "02 03000000 0400000000000000";
    let objects = "02000000 0102 01000000 03";
    let stored = format!("01 {begin} 0000000000000080 {objects} 01 01000000 07");
    fixture(&stored, &value, KeyRecord::encode, KeyRecord::decode);
    refuses_cuts(&octets(&stored), KeyRecord::decode);
    let private = PrivateHalf { form: PrivateForm::Servers, octets: [7].into() };
    let servers = KeyRecord { private: Some(private), expires_at: Some(Timestamp(5)), ..value.clone() };
    let stored = format!("01 {begin} 0500000000000000 {objects} 02 01000000 07");
    fixture(&stored, &servers, KeyRecord::encode, KeyRecord::decode);
    let others = [("01", KeyState::Pending), ("03", KeyState::Previous), ("04", KeyState::Deleted)];
    for (number, state) in others {
        let bare = KeyRecord { private: None, state, ..value.clone() };
        let stored = format!("01 {number} {} 0000000000000080 {objects} 00", &begin[3..]);
        fixture(&stored, &bare, KeyRecord::encode, KeyRecord::decode);
    }
    let unknown = octets(&format!("01 05 {} 0000000000000080 {objects} 00", &begin[3..]));
    assert_eq!(KeyRecord::decode(&unknown), None);
    let unknown = octets(&format!("01 {begin} 0000000000000080 {objects} 03 01000000 07"));
    assert_eq!(KeyRecord::decode(&unknown), None);
}

#[test]
fn realm_ring_and_meta_version_1() {
    for (number, is_legacy) in [("00", false), ("01", true)] {
        let value = RealmRecord { is_legacy, shard: [9; 64] };
        let stored = format!("01 {number} {}", "09".repeat(64));
        fixture(&stored, &value, RealmRecord::encode, RealmRecord::decode);
        refuses_cuts(&octets(&stored), RealmRecord::decode);
    }
    assert_eq!(RealmRecord::decode(&octets(&format!("01 02 {}", "09".repeat(64)))), None);
    let value = RingRecord { fetched_at: Timestamp(1), object: [2, 3].into(), meta: [4].into() };
    let stored = "01 0100000000000000 02000000 0203 01000000 04";
    fixture(stored, &value, RingRecord::encode, RingRecord::decode);
    refuses_cuts(&octets(stored), RingRecord::decode);
    fixture("01 0201000000000000", &258, |emails| encode_key_emails(*emails), decode_key_emails);
    refuses_cuts(&octets("01 0201000000000000"), decode_key_emails);
    let meta = vec![0u8, 255];
    fixture("01 00ff", &meta, |meta| encode_meta(meta), |record| decode_meta(record).map(<[u8]>::to_vec));
}

#[test]
fn outbox_version_1() {
    let value = OutboxRecord {
        state: OutboxState::Claimed,
        mailbox: MailboxId(1),
        uid: Uid::new(2).unwrap(),
        uidvalidity: UidValidity::new(3).unwrap(),
        email: EmailId([0xee; 16]),
        at: Timestamp(4),
        bounces: 1,
        save_to: Some(MailboxId(5)),
        flags: SystemFlags::SEEN,
        keywords: vec![Keyword::new("$k").unwrap()],
        body: body(6),
    };
    let begin = format!("01000000 02000000 03000000 {} 0400000000000000 01", "ee".repeat(16));
    let end = format!("{BODY} 0600000000000000 01 02000000 246b");
    let states = [("01", OutboxState::Claimed), ("02", OutboxState::Held), ("03", OutboxState::Queued)];
    for (number, state) in states {
        let value = OutboxRecord { state, ..value.clone() };
        let stored = format!("01 {number} {begin} 05000000 01 {end}");
        fixture(&stored, &value, OutboxRecord::encode, OutboxRecord::decode);
        refuses_cuts(&octets(&stored), OutboxRecord::decode);
    }
    let nowhere = OutboxRecord { save_to: None, ..value };
    let stored = format!("01 01 {begin} 00000000 01 {end}");
    fixture(&stored, &nowhere, OutboxRecord::encode, OutboxRecord::decode);
    assert_eq!(OutboxRecord::decode(&octets(&format!("01 04 {begin} 00000000 01 {end}"))), None);
}
