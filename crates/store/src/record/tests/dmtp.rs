//! What is on its way to other organisations, and what is known of them.

use super::*;
use crate::record::dmtp::{OrganisationRecord, QueuedRecord, TakenRecord};

#[test]
fn queued_version_1() {
    let value = QueuedRecord {
        destination: "b.c".into(),
        signet: [7; 64],
        queued_at: Timestamp(1),
        next_at: Timestamp(2),
        attempts: 3,
        bounces: 1,
        said: "no".into(),
        body: BodyRef { blob: BlobId([0xbb; 32]), segment: 1, offset: 2, octets: 6 },
    };
    let begin = format!("01 {} 0100000000000000 0200000000000000 03000000 01", "07".repeat(64));
    let body = format!("{} 01000000 0200000000000000 0600000000000000", "bb".repeat(32));
    let stored = format!("{begin} {body} 03000000 622e63 02000000 6e6f");
    fixture(&stored, &value, QueuedRecord::encode, QueuedRecord::decode);
    refuses_cuts(&octets(&stored), QueuedRecord::decode);
}

#[test]
fn organisation_versions_1_and_2() {
    for (number, is_validated, was_validated) in
        [("00", false, false), ("01", true, true), ("02", false, true)]
    {
        let value = |is_kept| OrganisationRecord {
            known_since: Timestamp(1),
            learned_at: Timestamp(2),
            fresh_until: Timestamp(3),
            is_validated,
            was_validated,
            is_kept,
            record: "pok=".into(),
            signet: [9].into(),
        };
        let times = "0100000000000000 0200000000000000 0300000000000000";
        let texts = "04000000 706f6b3d 01000000 09";
        for (kept, is_kept) in [("00", false), ("01", true)] {
            let stored = octets(&format!("02 {times} {number} {kept} {texts}"));
            assert_eq!(hex(&value(is_kept).encode()), hex(&stored));
            assert_eq!(OrganisationRecord::decode(&stored), Some(value(is_kept)));
            let since = (!is_kept).then_some(Timestamp(2));
            assert_eq!(OrganisationRecord::stranger_since(&stored), since);
            refuses_cuts(&stored, OrganisationRecord::decode);
        }
        // Who brought it was not written down.
        let first = octets(&format!("01 {times} {number} {texts}"));
        assert_eq!(OrganisationRecord::decode(&first), Some(value(true)));
        assert_eq!(OrganisationRecord::stranger_since(&first), None);
        refuses_cuts(&first, OrganisationRecord::decode);
        for wrong in ["03", "02 0000000000000000"] {
            assert_eq!(OrganisationRecord::stranger_since(&octets(wrong)), None);
            assert_eq!(OrganisationRecord::decode(&octets(wrong)), None);
        }
        let neither = octets(&format!("02 {times} {number} 02 {texts}"));
        assert_eq!(OrganisationRecord::decode(&neither), None);
    }
}

#[test]
fn taken_version_1() {
    let value = TakenRecord { at: Timestamp(1), transaction: koi_types::ObjectId([5; 16]) };
    let stored = format!("01 0100000000000000 {}", "05".repeat(16));
    fixture(&stored, &value, TakenRecord::encode, TakenRecord::decode);
    refuses_cuts(&octets(&stored), TakenRecord::decode);
}
