//! Fixtures of version 1: never changed; a new meaning is a new version beside them.

use koi_types::{AccountId, EmailId, MailboxId, Timestamp, Uid, UidValidity};

use super::{
    Given, JmapKeys, JmapSubscription, Push, PushAccountRecord, PushTaskRecord, PushTypes, Subscription,
    SubscriptionRecord, ToldState, ToldStates, decode_server_key, encode_server_key,
};

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(2).map(|two| u8::from_str_radix(&String::from_iter(two), 16).unwrap()).collect()
}

/// The value writes the fixture, the fixture reads as the value; nothing shorter, longer or newer is read.
fn fixture<T: PartialEq + std::fmt::Debug>(
    hex: &str,
    value: &T,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> Option<T>,
) {
    let stored = octets(hex);
    assert_eq!(encode(value), stored);
    assert_eq!(decode(&stored).as_ref(), Some(value));
    for cut in 0..stored.len() {
        assert_eq!(decode(&stored[..cut]), None, "cut at {cut}");
    }
    let longer = [stored.as_slice(), &[0]].concat();
    assert_eq!(decode(&longer), None, "an octet too many");
    let newer = [&[2], &stored[1..]].concat();
    assert_eq!(decode(&newer), None, "a version of the future");
}

#[test]
fn push_account_version_1() {
    let value = PushAccountRecord {
        subscriptions: 2,
        validated: 1,
        due_at: Some(Timestamp(3)),
        window_began: Timestamp(4),
        window_count: 5,
        unproven: 6,
        unproven_at: Timestamp(7),
    };
    let hex = "01 0200 0100 01 0300000000000000 0400000000000000 0500 0600 0700000000000000";
    fixture(hex, &value, PushAccountRecord::encode, PushAccountRecord::decode);
    let idle = PushAccountRecord { due_at: None, ..value };
    assert_eq!(PushAccountRecord::decode(&idle.encode()), Some(idle));
}

fn given() -> Subscription {
    Subscription {
        id: "I".into(),
        client: "C".into(),
        device: "".into(),
        types: PushTypes::Mail,
        exclude_from: None,
        excluded_from: Some(vec!["a@b".into(), "c".into()]),
        endpoint: "https://p/1".into(),
        p256dh: "BN".into(),
        auth: "tB".into(),
    }
}

fn record() -> SubscriptionRecord {
    SubscriptionRecord {
        given: Given::Coi(given()),
        seal: [9; 20],
        created_at: Timestamp(1),
        validated_at: None,
        expires_at: Some(Timestamp(2)),
        held_until: Timestamp(3),
        failures: 4,
        refusals: 5,
    }
}

#[test]
fn subscription_version_1() {
    let common = format!(
        "01 01 {} 0100000000000000 00 0000000000000000 01 0200000000000000 0300000000000000 0400 0500 02
         01000000 49 01000000 43 00000000 0b000000 68747470733a2f2f702f31 02000000 424e 02000000 7442",
        "09".repeat(20)
    );
    let hex = format!("{common} 0000 0300 03000000 614062 01000000 63");
    fixture(&hex, &record(), SubscriptionRecord::encode, SubscriptionRecord::decode);
    let given = Subscription { exclude_from: Some(Vec::new()), excluded_from: None, ..given() };
    let other = SubscriptionRecord { given: Given::Coi(given), ..record() };
    fixture(&format!("{common} 0100 0000"), &other, SubscriptionRecord::encode, SubscriptionRecord::decode);
    let validated = SubscriptionRecord { validated_at: Some(Timestamp(8)), expires_at: None, ..record() };
    assert_eq!(SubscriptionRecord::decode(&validated.encode()), Some(validated));
}

#[test]
fn jmap_subscription_version_1() {
    let common = format!(
        "01 02 {} 0100000000000000 00 0000000000000000 01 0200000000000000 0300000000000000 0400 0500",
        "09".repeat(20)
    );
    let full = JmapSubscription {
        credential: Some("phone".into()),
        device: "d".into(),
        url: "https://p/1".into(),
        keys: Some(JmapKeys { p256dh: "BN".into(), auth: "tB".into() }),
        types: Some(vec!["Email".into()]),
        told: vec![ToldStates { account: AccountId(7), states: vec![ToldState { data: 1, modseq: 300 }] }],
    };
    let hex = format!(
        "{common} 01 05000000 70686f6e65 01000000 64 0b000000 68747470733a2f2f702f31
         01 02000000 424e 02000000 7442 0200 05000000 456d61696c 01 07000000 01 01 ac02"
    );
    let of = |given| SubscriptionRecord { given: Given::Jmap(given), ..record() };
    fixture(&hex, &of(full.clone()), SubscriptionRecord::encode, SubscriptionRecord::decode);
    let bare = JmapSubscription { credential: None, keys: None, types: None, told: Vec::new(), ..full };
    let hex = format!("{common} 00 01000000 64 0b000000 68747470733a2f2f702f31 00 0000 00");
    fixture(&hex, &of(bare), SubscriptionRecord::encode, SubscriptionRecord::decode);
}

#[test]
fn push_task_version_1() {
    let validation = PushTaskRecord { made_at: Timestamp(1), short: false, push: Push::Validation };
    fixture("01 0100000000000000 00 01", &validation, PushTaskRecord::encode, PushTaskRecord::decode);
    let push = Push::Message {
        mailbox: MailboxId(2),
        uidvalidity: UidValidity::new(3).unwrap(),
        uid: Uid::new(4).unwrap(),
        email: EmailId([0xaa; 16]),
    };
    let message = PushTaskRecord { made_at: Timestamp(1), short: true, push };
    let hex = format!("01 0100000000000000 01 02 02000000 03000000 04000000 {}", "aa".repeat(16));
    fixture(&hex, &message, PushTaskRecord::encode, PushTaskRecord::decode);
    let states = PushTaskRecord { made_at: Timestamp(1), short: false, push: Push::States };
    fixture("01 0100000000000000 00 03", &states, PushTaskRecord::encode, PushTaskRecord::decode);
    assert_eq!(PushTaskRecord::decode(&octets("01 0100000000000000 00 04")), None, "no such push");
}

#[test]
fn server_key_version_1() {
    let key: Box<[u8]> = [1, 2, 3].into();
    fixture("01 03000000 010203", &key, |key| encode_server_key(key), decode_server_key);
}
