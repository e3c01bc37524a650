//! What only JMAP has, and answers in absence.

use super::*;

#[test]
fn object_version_1() {
    let there = ObjectRecord { created: 1, changed: 2, value: Some([7, 8].into()) };
    let stored = "01 0100000000000000 0200000000000000 01 02000000 0708";
    fixture(stored, &there, ObjectRecord::encode, ObjectRecord::decode);
    refuses_cuts(&octets(stored), ObjectRecord::decode);
    let gone = ObjectRecord { value: None, ..there };
    let stored = "01 0100000000000000 0200000000000000 00";
    fixture(stored, &gone, ObjectRecord::encode, ObjectRecord::decode);
    refuses_cuts(&octets(stored), ObjectRecord::decode);
}

#[test]
fn identity_version_1() {
    let bob = NamedAddress { name: Some("B".into()), email: "b@x".into() };
    let value = IdentityRecord {
        name: "A".into(),
        email: "a@x".into(),
        reply_to: Some(vec![bob]),
        bcc: None,
        text_signature: "t".into(),
        html_signature: "h".into(),
    };
    let stored =
        "01 01000000 41 03000000 614078 02 01 01000000 42 03000000 624078 00 01000000 74 01000000 68";
    fixture(stored, &value, IdentityRecord::encode, IdentityRecord::decode);
    refuses_cuts(&octets(stored), IdentityRecord::decode);
}

#[test]
fn vacation_version_1() {
    let value = VacationRecord {
        enabled: true,
        from: Some(Timestamp(1)),
        to: None,
        subject: Some("s".into()),
        text_body: None,
        html_body: Some("h".into()),
    };
    let stored = "01 01 01 0100000000000000 00 01 01000000 73 00 01 01000000 68";
    fixture(stored, &value, VacationRecord::encode, VacationRecord::decode);
    refuses_cuts(&octets(stored), VacationRecord::decode);
    assert!(value.is_away(Timestamp(1)) && !value.is_away(Timestamp(0)));
    let to = Some(Timestamp(5));
    assert!(!VacationRecord { to, ..value.clone() }.is_away(Timestamp(5)));
    assert!(!VacationRecord { enabled: false, ..value }.is_away(Timestamp(1)));
}

#[test]
fn answer_version_1() {
    let value = AnswerRecord { at: Timestamp(7), sender: "b@x".into() };
    let stored = "01 0700000000000000 03000000 624078";
    fixture(stored, &value, AnswerRecord::encode, AnswerRecord::decode);
    refuses_cuts(&octets(stored), AnswerRecord::decode);
    let value = AnsweredRecord { at: Timestamp(7), text: 8 };
    let stored = "01 0700000000000000 0800000000000000";
    fixture(stored, &value, AnsweredRecord::encode, AnsweredRecord::decode);
    refuses_cuts(&octets(stored), AnsweredRecord::decode);
}

#[test]
fn submissions_of_both_versions() {
    let parameter = EnvelopeParameter { name: "SIZE".into(), value: Some("9".into()) };
    let mail_from = EnvelopeAddress { email: "a@x".into(), parameters: vec![parameter] };
    let to = EnvelopeAddress { email: "b@x".into(), parameters: vec![] };
    let delivery = DeliveryRecord { reply: "250 ok".into(), delivered: DeliveredStatus::Yes };
    let value = SubmissionRecord {
        identity: ObjectId([0xaa; 16]),
        email: EmailId([0xbb; 16]),
        thread: ThreadId([0xcc; 16]),
        send_at: Timestamp(7),
        status: UndoStatus::Final,
        mail_from,
        rcpt_to: vec![to],
        deliveries: vec![delivery],
        message_id: None,
        notices: vec![],
    };
    let before = format!(
        "01 {} {} {} 0700000000000000 02 03000000 614078 01 04000000 53495a45 01 01000000 39
        01 03000000 624078 00 06000000 323530206f6b 02",
        "aa".repeat(16),
        "bb".repeat(16),
        "cc".repeat(16)
    );
    assert_eq!(SubmissionRecord::decode(&octets(&before)).as_ref(), Some(&value));
    refuses_cuts(&octets(&before), SubmissionRecord::decode);
    let notice = NoticeRecord { email: EmailId([0xdd; 16]), recipient: 0, displayed: true };
    let value = SubmissionRecord { message_id: Some(9), notices: vec![notice], ..value };
    let same = before.strip_prefix("01").unwrap();
    let mut stored = octets(&format!("02{same} 01 0900000000000000 01 {} 0000 01", "dd".repeat(16)));
    assert_eq!((value.encode(), SubmissionRecord::decode(&stored)), (stored.clone(), Some(value)));
    refuses_cuts(&stored, SubmissionRecord::decode);
    stored[0] = 3;
    assert_eq!(SubmissionRecord::decode(&stored), None, "a version of the future");
    let body = BodyRef { blob: BlobId([0xab; 32]), segment: 2, offset: 3, octets: 4 };
    let pending = PendingRecord { send_at: Timestamp(7), body, submission: [1, 2].into() };
    let stored = format!(
        "01 0700000000000000 {} 02000000 0300000000000000 0400000000000000 02000000 0102",
        "ab".repeat(32)
    );
    fixture(&stored, &pending, PendingRecord::encode, PendingRecord::decode);
    refuses_cuts(&octets(&stored), PendingRecord::decode);
}

#[test]
fn upload_version_1() {
    let body = BodyRef { blob: BlobId([0xab; 32]), segment: 2, offset: 3, octets: 4 };
    let value = UploadRecord { by: AccountId(5), at: Timestamp(6), body, media_type: "text/plain".into() };
    let stored = format!(
        "01 05000000 0600000000000000 {} 02000000 0300000000000000 0400000000000000 0a000000 {}",
        "ab".repeat(32),
        "746578742f706c61696e"
    );
    fixture(&stored, &value, UploadRecord::encode, UploadRecord::decode);
    refuses_cuts(&octets(&stored), UploadRecord::decode);
}

#[test]
fn gone_version_1() {
    let message = GoneMessage {
        uid: Uid::new(7).unwrap(),
        hidden: true,
        email: EmailId([0xaa; 16]),
        thread: ThreadId([0xbb; 16]),
    };
    let stored = format!("01 01 07000000 01 {} {}", "aa".repeat(16), "bb".repeat(16));
    fixture(&stored, &vec![message], |list| encode_gone(list), decode_gone);
    refuses_cuts(&encode_gone(&[message]), decode_gone);
}
