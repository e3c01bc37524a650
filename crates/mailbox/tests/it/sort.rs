//! Sorting: the order is that of a plain comparison of the messages themselves, whatever is kept from one
//! sort to the next.

use koi_mailbox::{Account, INBOX, NewMessage, SortCriterion, SortKey, SortOrder};
use koi_message::{BaseSubject, Collation};
use koi_types::{Timestamp, UidSet, ZoneOffset};
use proptest::prelude::*;

use crate::rig::{Rig, START, flags, incoming, uids};

/// A message as the oracle knows it.
#[derive(Clone, Debug)]
struct Plain {
    subject: &'static str,
    from: &'static str,
    to: &'static str,
    /// Seconds after [`START`].
    sent: Option<i64>,
    arrived: i64,
    filling: usize,
}

const SUBJECTS: [&str; 8] =
    ["", "b", "Re: B", "a", "=?utf-8?q?=C3=A9?=", "[x] e", "Fwd: eclair", "a_very_long_subject_indeed_1"];
const ADDRESSES: [&str; 5] =
    ["", "Zoe <m@x.org>", "m@y.org", "=?utf-8?q?=C3=84nne?= <N@x.org>", "a@x.org, z@y.org"];

fn plain() -> impl Strategy<Value = Plain> {
    let (subject, address) = (prop::sample::select(&SUBJECTS), || prop::sample::select(&ADDRESSES));
    (subject, address(), address(), prop::option::of(0i64..50), 0i64..5, 0usize..4).prop_map(
        |(subject, from, to, sent, arrived, filling)| Plain { subject, from, to, sent, arrived, filling },
    )
}

impl Plain {
    fn text(&self) -> String {
        let mut text = format!("Subject: {}\n", self.subject);
        for (name, value) in [("From", self.from), ("To", self.to)] {
            if !value.is_empty() {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
        if let Some(sent) = self.sent {
            text.push_str(&format!("Date: Thu, 1 Jan 2026 01:00:{sent:02} +0100\n"));
        }
        text + "\n" + &"x".repeat(self.filling)
    }
    fn message(&self) -> NewMessage {
        NewMessage {
            message: incoming(&self.text()),
            flags: flags(&[]),
            received_at: Timestamp(START.0 + self.arrived * 1000 + 7),
            received_zone: ZoneOffset(0),
        }
    }
    /// What it is compared by, as octets that compare so.
    fn key(&self, key: SortKey, collation: Collation) -> Vec<u8> {
        let number = |n: i64| n.to_be_bytes().to_vec();
        let mailbox = |address: &str| match address {
            "" => String::new(),
            _ => address
                .replace("Zoe <", "")
                .replace("=?utf-8?q?=C3=84nne?= <", "")
                .split('@')
                .next()
                .unwrap()
                .into(),
        };
        let display = |address: &str| match address {
            "Zoe <m@x.org>" => "Zoe".to_owned(),
            "a@x.org, z@y.org" => "a@x.org".to_owned(),
            _ if address.contains('<') => "Änne".to_owned(),
            _ => address.to_owned(),
        };
        match key {
            SortKey::Arrival => number(self.arrived),
            SortKey::Date => number(self.sent.unwrap_or(self.arrived)),
            SortKey::Size => number(self.text().replace('\n', "\r\n").len() as i64),
            SortKey::Subject => collation.key(&BaseSubject::of(self.subject.as_bytes()).text),
            SortKey::From => collation.key(&mailbox(self.from)),
            SortKey::To => collation.key(&mailbox(self.to)),
            SortKey::DisplayFrom => collation.key(&display(self.from)),
            SortKey::DisplayTo => collation.key(&display(self.to)),
            SortKey::Cc | SortKey::Relevancy => Vec::new(),
        }
    }
}

fn criteria() -> impl Strategy<Value = Vec<SortCriterion>> {
    let keys = [
        SortKey::Arrival,
        SortKey::Cc,
        SortKey::Date,
        SortKey::From,
        SortKey::Size,
        SortKey::Subject,
        SortKey::To,
        SortKey::DisplayFrom,
        SortKey::DisplayTo,
    ];
    let criterion = (prop::sample::select(keys.to_vec()), prop::bool::ANY);
    prop::collection::vec(criterion.prop_map(|(key, reverse)| SortCriterion { key, reverse }), 1..4)
}

fn sorted(account: &Account, among: &UidSet, criteria: &[SortCriterion], collation: Collation) -> Vec<u32> {
    let order = SortOrder { criteria: criteria.to_vec(), collation, ..SortOrder::default() };
    account.sort(INBOX, among, order).finish().unwrap().into_iter().map(|uid| uid.value()).collect()
}

fn expected(all: &[Plain], among: &UidSet, criteria: &[SortCriterion], collation: Collation) -> Vec<u32> {
    let mut order: Vec<u32> = among.0.iter().collect();
    for criterion in criteria.iter().rev() {
        let key = |uid: &u32| all[*uid as usize - 1].key(criterion.key, collation);
        match criterion.reverse {
            false => order.sort_by_key(key),
            true => order.sort_by_key(|uid| std::cmp::Reverse(key(uid))),
        }
    }
    order
}

fn cases() -> u32 {
    if std::env::var_os("KOI_QUICK").is_some() { 16 } else { 64 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]
    // spec: RFC 5256 §3; RFC 5957 §4
    #[test]
    fn equals_a_plain_comparison(
        all in prop::collection::vec(plain(), 1..40),
        sorts in prop::collection::vec(
            (
                criteria(),
                prop::sample::select(Collation::ALL.to_vec()),
                prop::collection::vec(1u32..40, 1..40),
            ),
            1..6,
        ),
    ) {
        let rig = Rig::new();
        let alice = rig.account("alice");
        for pieces in all.chunks(7) {
            alice.append(INBOX, pieces.iter().map(Plain::message).collect()).wait().unwrap();
        }
        // Columns are filled by one sort for some of the messages, and by the next for others.
        for (criteria, collation, among) in sorts {
            let among: Vec<u32> = among.into_iter().filter(|uid| *uid as usize <= all.len()).collect();
            let among = uids(&among);
            let found = sorted(&alice, &among, &criteria, collation);
            let whole = expected(&all, &among, &criteria, collation);
            prop_assert_eq!(&found, &whole, "{:?} {:?}", criteria, collation);
            // Some of them come into the list of the others.
            let (coming, there): (Vec<u32>, Vec<u32>) = among.0.iter().partition(|uid| uid % 3 == 0);
            let list = expected(&all, &uids(&there), &criteria, collation);
            let order = SortOrder { criteria: criteria.clone(), collation, ..SortOrder::default() };
            let mut run = alice.sort_into(INBOX, list, &uids(&coming), order);
            while !run.advance().unwrap() {}
            prop_assert_eq!(run.sorted(), &whole, "{:?} {:?}", criteria, collation);
            let places = whole.iter().enumerate().filter(|(_, uid)| coming.contains(uid));
            let places: Vec<usize> = places.map(|(place, _)| place).collect();
            prop_assert_eq!(run.places_of(&uids(&coming).0), places);
        }
    }
}

/// One message more is brought to its place: the others are not read, nor sorted.
#[test]
fn what_comes_into_a_long_list_goes_to_its_place() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let message = |n: i64| Plain {
        subject: SUBJECTS[n as usize % SUBJECTS.len()],
        from: "",
        to: "",
        sent: None,
        arrived: n % 7,
        filling: 0,
    };
    let all: Vec<Plain> = (0..6000).map(message).collect();
    for pieces in all.chunks(1000) {
        alice.append(INBOX, pieces.iter().map(Plain::message).collect()).wait().unwrap();
    }
    let criteria = [SortKey::Subject, SortKey::Arrival].map(|key| SortCriterion { key, reverse: false });
    let order = || SortOrder { criteria: criteria.to_vec(), ..SortOrder::default() };
    let there: UidSet = uids(&(1..6000).collect::<Vec<_>>());
    let mut list = sorted(&alice, &there, &criteria, Collation::default());
    let expected = sorted(&alice, &uids(&(1..=6000).collect::<Vec<_>>()), &criteria, Collation::default());
    // A server that was started anew keeps nothing.
    let mut whole = rig.again(&alice).sort(INBOX, &uids(&(1..=6000).collect::<Vec<_>>()), order());
    let mut steps = 1;
    while !whole.advance().unwrap() {
        steps += 1;
    }
    assert!(steps > 3, "{steps}");
    let mut run = rig.again(&alice).sort_into(INBOX, list.clone(), &uids(&[6000]), order());
    assert!(run.advance().unwrap(), "one step is enough");
    assert_eq!(run.sorted(), expected);
    // Those that are gone and were not told yet keep their places.
    let gone: UidSet = uids(&list[100..5000]);
    alice
        .set_flags(INBOX, &gone, crate::rig::change(koi_mailbox::FlagOp::Add, &["\\Deleted"]), None)
        .wait()
        .unwrap();
    alice.expunge(INBOX, None).wait().unwrap();
    let mut run = alice.sort_into(INBOX, list.clone(), &uids(&[6000]), order());
    assert!(run.advance().unwrap());
    let place = run.places_of(&uids(&[6000]).0)[0];
    list.insert(place, 6000);
    assert_eq!(run.into_sorted(), list);
    let left = |list: &[u32]| list.iter().copied().filter(|uid| !gone.0.contains(*uid)).collect::<Vec<_>>();
    assert_eq!(left(&list), left(&expected));
}

#[test]
fn scores_are_a_criterion() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let message = Plain { subject: "a", from: "", to: "", sent: None, arrived: 0, filling: 0 };
    alice.append(INBOX, vec![message.message(), message.message(), message.message()]).wait().unwrap();
    let by = |reverse| SortOrder {
        criteria: vec![SortCriterion { key: SortKey::Relevancy, reverse }],
        scores: [4, 99, 42].into(),
        ..SortOrder::default()
    };
    let sorted = |reverse| alice.sort(INBOX, &uids(&[1, 2, 3]), by(reverse)).finish().unwrap();
    assert_eq!(sorted(false).iter().map(|uid| uid.value()).collect::<Vec<_>>(), [2, 3, 1]);
    assert_eq!(sorted(true).iter().map(|uid| uid.value()).collect::<Vec<_>>(), [1, 3, 2]);
}
