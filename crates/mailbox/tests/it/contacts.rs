//! Contacts and blocking (COI-client §blocking-contacts): the index equals one that is built anew from the
//! messages in the contacts mailbox, whatever was done to them and by which way; every change is followed by
//! `check`, which builds it anew too, and by mail from each address, which is blocked or not.

use std::collections::BTreeSet;
use std::sync::Arc;

use koi_mailbox::{Account, Delivery, FlagOp, Options};
use koi_store::engine::Embedded;
use koi_store::key::{self, table};
use koi_types::{AccountId, Address, MailboxId, ReversePath, UidSet};

use crate::rig::{Deaf, Rig, change, incoming, mailbox, name, new_message, uids};

const CONTACTS: &str = "COI/Contacts";

/// Addresses and their SHA3-256, not computed by us.
const PEOPLE: [[&str; 2]; 4] = [
    ["spam@example.net", "d7208e442b91b94ae2fa0f38ab1f55959e331f8b64bd8fa6177605771d1644ea"],
    ["other@example.net", "65b5e30cd0d98b8229c525e88ae4f301ba1b9f9694c63a7d36e40bea66ab012a"],
    ["first@example.net", "b88668fcd5268880913263be052631e65af0f6c48082538d3731fe271dc33dec"],
    ["carol@example.org", "f007fe8574afec29e862194d43ce2bf404ecf800a7c6110595705b822fbe12ed"],
];

fn contact(people: &[usize], blocked: bool) -> String {
    let hashes: String =
        people.iter().map(|person| format!("COI-From-Hash: {}\n", PEOPLE[*person][1])).collect();
    let blocked = if blocked { "COI-Blocked: yes\n" } else { "" };
    format!("From: alice@example.org\n{hashes}{blocked}Subject: Contact\n\nx\n")
}

/// Where mail from a person goes.
fn placed(rig: &Rig, account: &Account, person: usize) -> String {
    let message = incoming(&format!("From: {}\n\nx\n", PEOPLE[person][0]));
    let sender = ReversePath::Address(Address::parse("x@example.com").unwrap());
    let recipients = vec![account.id()];
    let delivery = Delivery { sender, recipients, message, received_at: rig.service_now() };
    let delivered = rig.service.deliver(delivery).wait().unwrap().remove(0).unwrap();
    let row = account.snapshot().unwrap().mailbox(delivered.mailbox).unwrap().unwrap();
    assert_eq!(delivered.announce, row.name.as_str() != "Blocked");
    row.name.as_str().to_owned()
}

/// Who is blocked, by what the messages in the contacts mailbox say.
fn blocked(account: &Account) -> BTreeSet<usize> {
    let snapshot = account.snapshot().unwrap();
    let Some(row) = snapshot.mailbox_named(&name(CONTACTS)).unwrap() else { return BTreeSet::new() };
    let mut blocked = BTreeSet::new();
    for uid in snapshot.uids(row.id).unwrap().iter() {
        let email = snapshot.message(row.id, uid, |row| row.email).unwrap().unwrap();
        let body = snapshot.email(email).unwrap().unwrap().body;
        let mut text = Vec::new();
        snapshot.read_body(&body, 0..u64::MAX, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let named = |person: &usize| text.contains(PEOPLE[*person][1]);
        blocked.extend((0..PEOPLE.len()).filter(named).filter(|_| text.contains("COI-Blocked")));
    }
    blocked
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
    fn contact(&mut self) -> String {
        let people: Vec<usize> = (0..PEOPLE.len()).filter(|_| self.below(3) == 0).collect();
        contact(&people, self.below(3) > 0)
    }
    fn mailbox(&mut self, account: &Account) -> MailboxId {
        const NAMES: [&str; 5] = [CONTACTS, CONTACTS, "INBOX", "keep", "old/Contacts"];
        let chosen = name(NAMES[self.below(NAMES.len() as u64) as usize]);
        let row = account.snapshot().unwrap().mailbox_named(&chosen).unwrap();
        row.map_or(MailboxId(999), |row| row.id)
    }
    fn uids(&mut self, account: &Account, mailbox: MailboxId) -> UidSet {
        let all = account.snapshot().unwrap().uids(mailbox).unwrap_or_default();
        all.iter().filter(|_| self.below(2) == 0).collect()
    }
}

/// One change; refusals are as good as any other outcome.
fn operate(rig: &Rig, account: &Account, random: &mut Random) {
    const RENAMES: [[&str; 2]; 6] = [
        [CONTACTS, "keep"],
        ["keep", CONTACTS],
        ["COI", "old"],
        ["old", "COI"],
        ["INBOX", CONTACTS],
        ["old/Contacts", CONTACTS],
    ];
    let (from, to) = (random.mailbox(account), random.mailbox(account));
    let uids = random.uids(account, from);
    match random.below(20) {
        0..=6 => drop(account.append(from, vec![new_message(&random.contact(), &[])]).wait()),
        7 => drop(rig.deliver(&[account], &random.contact())),
        8 | 9 => drop(account.copy(from, &uids, to).wait()),
        10 | 11 => drop(account.move_(from, &uids, to).wait()),
        12 | 13 => {
            let _ = account.set_flags(from, &uids, change(FlagOp::Add, &["\\Deleted"]), None).wait();
            let _ = account.expunge(from, None).wait();
        }
        14..=16 => drop(account.create(&name(CONTACTS), None).wait()),
        17 => drop(account.delete(&name(CONTACTS)).wait()),
        _ => {
            let [from, to] = RENAMES[random.below(RENAMES.len() as u64) as usize];
            drop(account.rename(&name(from), &name(to)).wait());
        }
    }
    if random.below(4) == 0 {
        rig.env.advance_secs(4000);
        rig.housekeep();
    }
}

/// Answers how often somebody was blocked.
fn run(rig: &Rig, seed: u64, operations: usize) -> usize {
    let account = rig.account("alice");
    let mut random = Random(seed);
    account.create(&name(CONTACTS), None).wait().unwrap();
    let mut times_blocked = 0;
    for operation in 0..operations {
        operate(rig, &account, &mut random);
        rig.check();
        let expected = blocked(&account);
        times_blocked += expected.len();
        for person in 0..PEOPLE.len() {
            let place = if expected.contains(&person) { "Blocked" } else { "INBOX" };
            assert_eq!(placed(rig, &account, person), place, "operation {operation}, person {person}");
        }
    }
    times_blocked
}

// spec: COI-client §blocking-contacts
#[test]
fn the_index_equals_one_that_is_built_anew() {
    let mut times_blocked = 0;
    for seed in 1..=10 {
        println!("seed {seed}");
        times_blocked += run(&Rig::new(), seed, 120);
    }
    assert!(times_blocked > 600, "the test blocks hardly anybody: {times_blocked}");
}

#[test]
fn the_index_equals_one_that_is_built_anew_on_the_embedded_engine() {
    for seed in 101..=102 {
        println!("seed {seed}");
        let folder = tempfile::tempdir().unwrap();
        let options = koi_store::engine::Options::default();
        let engine = Embedded::open(folder.path(), options, Arc::new(Deaf)).unwrap();
        run(&Rig::on(Arc::new(engine), Options::default()), seed, 80);
    }
}

/// Rows about contacts of an account.
fn rows(rig: &Rig, account: AccountId) -> Vec<Vec<u8>> {
    let range = key::all(account, table::CONTACT);
    let mut rows = Vec::new();
    let view = rig.kv.view().unwrap();
    view.scan(&range.from, &range.end, &mut |key, _| {
        rows.push(key.to_vec());
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    rows
}

#[test]
fn a_lost_index_is_found_and_built_anew() {
    let rig = Rig::new();
    let account = rig.account("alice");
    let contacts = account.create(&name(CONTACTS), None).wait().unwrap().mailbox;
    let messages = [contact(&[0, 1], true), contact(&[1], false), "Subject: no contact\n\nx\n".to_owned()];
    for message in &messages {
        account.append(contacts, vec![new_message(message, &[])]).wait().unwrap();
    }
    let whole = rows(&rig, account.id());
    assert_eq!(whole.len(), 5, "two contacts, one of them with two addresses");
    for lost in whole.iter().map(std::slice::from_ref).chain([whole.as_slice()]) {
        let gone = lost.to_vec();
        koi_store::kv::transact_and_wait(&*rig.kv, move |txn| {
            gone.iter().try_for_each(|key| txn.delete(key))
        })
        .unwrap();
        let mut rounds = 0;
        loop {
            let findings = rig.service.check().unwrap();
            if findings.is_empty() {
                break;
            }
            rounds += 1;
            assert!(rounds < 5, "{findings:?}");
            assert!(rig.service.repair(&findings).unwrap() > 0);
        }
        assert!(rounds > 0, "a row was missing and nobody noticed");
        assert_eq!(rows(&rig, account.id()), whole);
    }
    assert_eq!((placed(&rig, &account, 0), placed(&rig, &account, 2)), ("Blocked".into(), "INBOX".into()));
}

#[test]
fn nothing_is_left_of_contacts_that_are_gone() {
    let rig = Rig::new();
    let account = rig.account("alice");
    let contacts = account.create(&name(CONTACTS), None).wait().unwrap().mailbox;
    account.append(contacts, vec![new_message(&contact(&[0, 1], true), &["\\Deleted"])]).wait().unwrap();
    assert_eq!(rows(&rig, account.id()).len(), 3);
    account.expunge(contacts, None).wait().unwrap();
    assert_eq!(rows(&rig, account.id()).len(), 1, "the email is still there for who has not been told");
    rig.env.advance_secs(4000);
    rig.housekeep();
    assert_eq!(rows(&rig, account.id()).len(), 0);

    account.append(contacts, vec![new_message(&contact(&[0, 1], true), &[])]).wait().unwrap();
    account.copy(contacts, &uids(&[2]), mailbox(&account, "Archive").id).wait().unwrap();
    account.delete(&name(CONTACTS)).wait().unwrap();
    assert_eq!(placed(&rig, &account, 0), "INBOX");
    rig.housekeep();
    assert_eq!(rows(&rig, account.id()).len(), 3, "that in Archive");

    rig.service.directory().remove(account.id()).unwrap();
    rig.housekeep();
    assert_eq!(rows(&rig, account.id()).len(), 0);
}
