//! Every row of a store that has something in each table is damaged in three ways: the check must say so, and
//! what can be repaired must be right afterwards.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_types::annotation::Target;
use koi_types::{
    AccessSet, AccountId, Address, AddressHash, Contact, EmailId, EntryName, Keyword, MailboxName, PushId,
    Result, SystemFlags, Timestamp, Uid, UidSet, UidValidity, ZoneOffset,
};

use crate::body::NewBody;
use crate::key::{self, table};
use crate::kv::{Kv, Txn};
use crate::mail::app_password::{self, NewAppPassword};
use crate::mail::check::{Finding, check, repair};
use crate::mail::fixture::{ALICE, Deaf, subscription};
use crate::mail::{
    AccountTxn, EmailFacts, FlagChange, FlagOp, INBOX, NewEmail, Quota, directory, push, recent, reclaim,
    sent,
};
use crate::memory::MemoryKv;
use crate::record::Record;
use crate::record::account::AccountRecord;
use crate::record::directory::CountersRecord;
use crate::record::email::{EmailRecord, Place};
use crate::record::mailbox::MailboxRecord;
use crate::record::membership::Membership;
use crate::record::push::{Push, PushTaskRecord};
use crate::record::sent::{SubmittedRecord, encode_since};
use crate::record::small::ThreadKeyRecord;
use crate::record::url_key::UrlKeyRecord;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn in_txn(kv: &dyn Kv, run: impl Fn(&mut dyn Txn) -> Result<()> + Send + 'static) {
    kv.submit_and_wait(Box::new(move |txn| run(txn))).unwrap();
}

fn change(kv: &dyn Kv, run: impl Fn(&mut AccountTxn<'_>) -> Result<()> + Send + 'static) {
    in_txn(kv, move |txn| {
        let mut account = AccountTxn::open(txn, ALICE, Quota::UNLIMITED, NOW)?;
        run(&mut account)?;
        account.finish().map(drop)
    });
}

fn append(account: &mut AccountTxn<'_>, mailbox: koi_types::MailboxId, n: u8) -> Result<()> {
    let facts = EmailFacts {
        envelope: Arc::from([n]),
        structure: Arc::from([n, n]),
        sent_at: None,
        sent_day: None,
        thread_keys: Arc::from([u64::from(n), 1]),
        ancestors: Arc::from([]),
        subject_hash: 7,
        // Two of them blocked; one is copied, one is in a mailbox that is deleted.
        contact: [2, 3, 6].contains(&n).then(|| {
            let hashes = vec![AddressHash([7; 32]), AddressHash([n + 10; 32])];
            Arc::new(Contact { hashes, blocked: n != 3 })
        }),
    };
    let body = NewBody::inline(Arc::from([n % 3; 9]));
    let new = NewEmail {
        email: EmailId([n; 16]),
        body: &body,
        octets: 9,
        facts: &facts,
        flags: SystemFlags::NONE,
        keywords: &[Keyword::new("$Chat").unwrap()],
        received_at: NOW,
        received_zone: ZoneOffset(0),
    };
    account.append(mailbox, &new).map(drop)
}

fn entry(name: &str) -> EntryName {
    EntryName::new(name).unwrap()
}

fn uids(list: &[u32]) -> UidSet {
    UidSet(list.iter().copied().collect())
}

/// Two accounts; messages in INBOX and Archive, one copied, one expunged and in grace, a deleted mailbox.
fn store() -> MemoryKv {
    let kv = MemoryKv::new(Arc::new(Deaf));
    in_txn(&kv, |txn| {
        directory::create_domain(txn, "example.org")?;
        let address = |local| Address::new(local, "example.org").unwrap();
        assert_eq!(directory::create_account(txn, &address("alice"), "v", NOW)?, ALICE);
        directory::create_account(txn, &address("bob"), "v", NOW)?;
        let new = NewAppPassword { name: "phone".into(), access: AccessSet::ALL, hash: [1; 32] };
        app_password::add(txn, ALICE, &new, NOW)?;
        app_password::secret(txn, &[2; 32]).map(drop)
    });
    change(&kv, |account| (1..=5).try_for_each(|n| append(account, INBOX, n)));
    change(&kv, |account| {
        let archive = account.mailbox_named(&MailboxName::new("Archive").unwrap())?.unwrap();
        account.copy(INBOX, &uids(&[2]), archive)?;
        let seen = FlagChange { op: FlagOp::Add, system: SystemFlags::SEEN, keywords: Vec::new() };
        account.set_flags(INBOX, &uids(&[1, 2]), &seen, None)?;
        let deleted = FlagChange { op: FlagOp::Add, system: SystemFlags::DELETED, keywords: Vec::new() };
        account.set_flags(INBOX, &uids(&[4]), &deleted, None)?;
        account.expunge(INBOX, &uids(&[1, 4])).map(drop)
    });
    in_txn(&kv, |txn| {
        sent::set_files_sent(txn, ALICE, true)?;
        let submitted = SubmittedRecord { at: NOW, client: 2, copy: None };
        txn.put(&key::submitted(ALICE, 1), &submitted.encode())?;
        txn.put(&key::appending_client(ALICE, 2), &encode_since(NOW))
    });
    change(&kv, |account| {
        let gone = MailboxName::new("gone").unwrap();
        let gone_id = account.create(&gone, None)?.mailbox;
        append(account, gone_id, 6)?;
        account.set_annotation(Target::Mailbox(gone_id), &entry("/private/comment"), Some(b"gone"))?;
        account.delete(&gone).map(drop)
    });
    change(&kv, |account| {
        let id = PushId::new("0123456789").unwrap();
        account.subscribe_push(&id, &subscription("0123456789", NOW))?;
        account.validate_push(&id)?;
        let uidvalidity = UidValidity::new(1).unwrap();
        let push = Push::Message { mailbox: INBOX, uidvalidity, uid: Uid::MIN, email: EmailId([1; 16]) };
        account.add_push(&id, &PushTaskRecord { made_at: NOW, short: false, push }, 9)
    });
    in_txn(&kv, |txn| push::server_key(txn, 1, &[3; 8]).map(drop));
    change(&kv, |account| account.set_url_key(ALICE, INBOX, &UrlKeyRecord([4; 32])));
    change(&kv, |account| {
        account.set_annotation(Target::Mailbox(INBOX), &entry("/shared/Comment"), Some(b"ours"))?;
        account.set_annotation(Target::Server, &entry("/private/vendor/x/y"), Some(b"mine"))
    });
    in_txn(&kv, |txn| recent::claim_recent(txn, ALICE, INBOX, Uid::new(4).unwrap()));
    kv
}

struct Stored {
    key: Vec<u8>,
    value: Vec<u8>,
}

fn all_rows(kv: &dyn Kv) -> Vec<Stored> {
    let mut rows = Vec::new();
    let view = kv.view().unwrap();
    for account in [AccountId::GLOBAL, ALICE] {
        for table in 0..=u8::MAX {
            let range = key::all(account, table);
            let mut visit = |key: &[u8], value: &[u8]| {
                rows.push(Stored { key: key.to_vec(), value: value.to_vec() });
                ControlFlow::Continue(())
            };
            view.scan(&range.from, &range.end, &mut visit).unwrap();
        }
    }
    rows
}

fn findings(kv: &dyn Kv) -> Vec<Finding> {
    check(&*kv.view().unwrap()).unwrap()
}

fn put(kv: &dyn Kv, key: &[u8], value: Option<Vec<u8>>) {
    let key = key.to_vec();
    in_txn(kv, move |txn| match &value {
        Some(value) => txn.put(&key, value),
        None => txn.delete(&key),
    });
}

fn repaired(kv: &dyn Kv) -> Vec<Finding> {
    for _ in 0..5 {
        let found = findings(kv);
        if found.iter().all(|finding| finding.fix.is_none()) {
            return found;
        }
        in_txn(kv, move |txn| repair(txn, &found).map(drop));
    }
    findings(kv)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Damage {
    Missing,
    OfTheFuture,
    Cut,
}

/// What is to be said of a damaged row of a table: whether it can go unnoticed, and whether it can be
/// repaired.
fn expected(account: AccountId, table: u8, damage: Damage) -> Expected {
    use Damage::Missing;
    let global = account == AccountId::GLOBAL;
    match (table, damage) {
        // Nothing else knows of these, or they may have been trimmed.
        (table::SUBSCRIPTION, _) if !global => Expected::Unnoticed,
        (table::LOG | table::VANISHED | table::RECENT | table::SENT | table::URL_KEY, Missing) if !global => {
            Expected::Unnoticed
        }
        (table::global::DOMAIN, Missing) if global => Expected::Unnoticed,
        (table::global::APP_PASSWORD | table::global::SECRET | table::global::KEY, Missing) if global => {
            Expected::Unnoticed
        }
        (table::global::PUSH_DUE, _) if global => Expected::Repaired,
        (table::global::DIRECTORY, Missing) if global => Expected::Repaired,
        (table::global::ADDRESS, _) if global => Expected::Repaired,
        (b'B', Missing) if global => Expected::Repaired,
        _ if global => Expected::Reported,
        // What only these rows knew is lost; of contacts, whoever reads headers knows it too.
        (table::ANNOTATION, Damage::OfTheFuture) => Expected::Reported,
        (table::ACCOUNT | table::EMAIL, _) => Expected::Reported,
        _ => Expected::Repaired,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    Unnoticed,
    Reported,
    Repaired,
}

/// Rows as they were before an email knew its first place: one E and one T for every email.
fn as_written_before(kv: &dyn Kv) {
    for Stored { key, value } in all_rows(kv).into_iter().filter(|row| row.key.starts_with(&[0, 0, 0, 1])) {
        if key[4] == table::EMAIL {
            let id = key::email_of(&key).unwrap();
            let email = EmailRecord::decode(&value).unwrap();
            let Place { mailbox, uid } = email.first.unwrap();
            let view = kv.view().unwrap();
            let is_there = view.get(&key::membership(ALICE, mailbox, uid.value())).unwrap().is_some();
            drop(view);
            if is_there {
                put(kv, &key::email_membership(ALICE, id, mailbox, uid), Some(Vec::new()));
            }
            put(kv, &key::thread(ALICE, email.thread, id), Some(Vec::new()));
            put(kv, &key, Some(EmailRecord { first: None, ..email }.encode()));
        } else if key[4] == table::THREAD_KEY {
            let email = EmailId(key::part(&key, 13).unwrap());
            let record = ThreadKeyRecord::decode(&value, email).unwrap();
            put(kv, &key, Some(record.encode(EmailId([0; 16]))));
        }
    }
}

#[test]
fn a_sound_store_has_no_findings() {
    goes_without_findings(store());
}

#[test]
fn rows_of_older_versions_are_sound_too() {
    let kv = store();
    let rows = all_rows(&kv).len();
    as_written_before(&kv);
    assert!(all_rows(&kv).len() >= rows + 5);
    goes_without_findings(kv);
}

#[test]
fn an_email_goes_with_its_last_place_whatever_the_order() {
    for older in [false, true] {
        for copies_go_first in [false, true] {
            let kv = store();
            if older {
                as_written_before(&kv);
            }
            let inbox = Place { mailbox: INBOX, uid: Uid::new(2).unwrap() };
            let prefix = key::email_memberships(ALICE, EmailId([2; 16]));
            let copy = all_rows(&kv).into_iter().filter(|row| row.key.starts_with(&prefix)).find_map(|row| {
                let mailbox = koi_types::MailboxId(key::part(&row.key, 21).map(u32::from_be_bytes)?);
                let place = Place { mailbox, uid: key::uid_at_end(&row.key)? };
                (place != inbox).then_some(place)
            });
            let copy = copy.unwrap();
            let order = if copies_go_first { [copy, inbox] } else { [inbox, copy] };
            let in_grace = |kv: &MemoryKv| reclaim::in_grace(&*kv.view().unwrap(), ALICE, 10).unwrap().len();
            for (gone, place) in order.into_iter().enumerate() {
                assert_eq!(in_grace(&kv), 1, "{older} {copies_go_first} {gone}");
                change(&kv, move |account| {
                    account.remove(place.mailbox, &uids(&[place.uid.value()])).map(drop)
                });
                assert_eq!(findings(&kv), []);
            }
            assert_eq!(in_grace(&kv), 2);
        }
    }
}

fn goes_without_findings(kv: MemoryKv) {
    assert_eq!(findings(&kv), []);
    let archive = all_rows(&kv).len();
    assert!(archive > 60, "{archive} rows");
    in_txn(&kv, |txn| {
        let grace = reclaim::in_grace(txn, ALICE, 10)?;
        assert_eq!(grace.len(), 1);
        reclaim::purge(txn, ALICE, &grace)?;
        let deleted = reclaim::deleted_mailboxes(txn, ALICE, 10)?;
        assert!(!reclaim::reclaim_mailbox(txn, ALICE, deleted[0], 100)?);
        Ok(())
    });
    assert_eq!(findings(&kv), []);
    in_txn(&kv, |txn| directory::remove_account(txn, ALICE));
    assert_eq!(findings(&kv), []);
    in_txn(&kv, |txn| {
        while reclaim::reclaim_account(txn, ALICE, 7)? {}
        Ok(())
    });
    assert_eq!(findings(&kv), []);
    let left = all_rows(&kv);
    assert!(left.iter().all(|row| row.key.starts_with(&[0; 4]) && row.key[4] != b'B'), "{} rows", left.len());
}

#[test]
fn every_damaged_row_is_found_and_most_are_repaired() {
    for row in all_rows(&store()) {
        for damage in [Damage::Missing, Damage::OfTheFuture, Damage::Cut] {
            let damaged = match damage {
                Damage::Missing => None,
                Damage::OfTheFuture if row.value.is_empty() => continue,
                Damage::OfTheFuture => Some([&[99], &row.value[1..]].concat()),
                Damage::Cut if row.value.len() < 2 => continue,
                Damage::Cut => Some(row.value[..row.value.len() - 1].to_vec()),
            };
            one_damage(&row, damage, damaged);
        }
    }
}

fn one_damage(row: &Stored, damage: Damage, damaged: Option<Vec<u8>>) {
    let kv = store();
    put(&kv, &row.key, damaged);
    let account = AccountId(key::part(&row.key, 0).map_or(0, u32::from_be_bytes));
    let table = row.key[4];
    // A cut keyword or mark is still a keyword or mark.
    if damage == Damage::Cut && table == table::KEYWORD && account == ALICE {
        return;
    }
    let what = format!("account {} table {} {damage:?}", account.0, char::from(table));
    let found = findings(&kv);
    let expected = expected(account, table, damage);
    assert_eq!(found.is_empty(), expected == Expected::Unnoticed, "{what}: {found:?}");
    let left = repaired(&kv);
    if expected == Expected::Repaired {
        assert_eq!(left, [], "{what}");
    } else if expected == Expected::Reported {
        assert!(left.iter().all(|finding| finding.fix.is_none()), "{what}: {left:?}");
    }
    let text = found.first().map(Finding::key_text).unwrap_or_default();
    assert!(found.is_empty() || text.contains('/'), "{text}");
}

#[test]
fn a_repair_keeps_the_mail() {
    let kv = store();
    let row = key::membership(ALICE, INBOX, 3);
    put(&kv, &row, Some(vec![99]));
    assert_eq!(repaired(&kv), []);
    let view = kv.view().unwrap();
    let row = view.get(&row).unwrap().unwrap().into_owned();
    let row = Membership::decode(&row).unwrap();
    assert_eq!((row.email, row.octets, row.flags), (EmailId([3; 16]), 9, SystemFlags::NONE));
}

/// As after a repair that had to take older rows: what was written after them is there.
fn with_older(kv: &MemoryKv, key: &[u8], write: impl Fn(&MemoryKv)) {
    let older = kv.view().unwrap().get(key).unwrap().map(std::borrow::Cow::into_owned);
    write(kv);
    put(kv, key, older);
}

#[test]
fn an_older_row_of_an_account_gives_nothing_out_twice() {
    let kv = store();
    let lists = MailboxName::new("Lists").unwrap();
    with_older(&kv, &key::account(ALICE), |kv| {
        change(kv, |account| account.create(&MailboxName::new("Lists").unwrap(), None).map(drop));
        change(kv, |account| append(account, INBOX, 7));
        change(kv, |account| {
            let blue = vec![Keyword::new("blue").unwrap()];
            let blue = FlagChange { op: FlagOp::Add, system: SystemFlags::NONE, keywords: blue };
            account.set_flags(INBOX, &uids(&[6]), &blue, None).map(drop)
        });
    });
    let found = findings(&kv);
    assert_eq!(found[0].problem, "the account's row is older than what was given out by it");
    assert_eq!(repaired(&kv), []);
    let row = |kv: &MemoryKv| {
        let row = kv.view().unwrap().get(&key::account(ALICE)).unwrap().unwrap().into_owned();
        AccountRecord::decode(&row).unwrap()
    };
    let right = row(&kv);
    assert_eq!((right.log_floor, right.states.email), (right.modseq, right.modseq), "the past is unknown");
    // What is given out now is new.
    change(&kv, move |account| {
        assert_eq!(account.modseq().value(), right.modseq + 1);
        let old = account.mailbox_named(&lists)?.unwrap();
        let new = account.create(&MailboxName::new("New").unwrap(), None)?;
        assert!(new.mailbox > old && new.uidvalidity.value() > right.last_uidvalidity);
        let green = vec![Keyword::new("green").unwrap()];
        let green = FlagChange { op: FlagOp::Add, system: SystemFlags::NONE, keywords: green };
        account.set_flags(INBOX, &uids(&[5]), &green, None).map(drop)
    });
    assert_eq!(findings(&kv), []);
    let view = kv.view().unwrap();
    let keywords = |uid: u32| {
        let row = view.get(&key::membership(ALICE, INBOX, uid)).unwrap().unwrap().into_owned();
        Membership::decode(&row).unwrap().keywords.iter().max().unwrap()
    };
    assert_ne!(keywords(5), keywords(6), "green is another number than blue");
}

#[test]
fn an_older_row_of_a_mailbox_gives_no_uid_out_twice() {
    let kv = store();
    with_older(&kv, &key::mailbox(ALICE, table::MAILBOX, INBOX), |kv| {
        change(kv, |account| append(account, INBOX, 7));
        change(kv, |account| account.expunge(INBOX, &uids(&[4, 6])).map(drop));
        change(kv, |account| account.remove(INBOX, &uids(&[6])).map(drop));
    });
    assert_eq!(findings(&kv)[0].problem, "a mailbox's counters are wrong");
    assert_eq!(repaired(&kv), []);
    let view = kv.view().unwrap();
    let row = view.get(&key::mailbox(ALICE, table::MAILBOX, INBOX)).unwrap().unwrap().into_owned();
    let account = view.get(&key::account(ALICE)).unwrap().unwrap().into_owned();
    let (mailbox, account) = (MailboxRecord::decode(&row).unwrap(), AccountRecord::decode(&account).unwrap());
    assert_eq!((mailbox.uidnext.value(), mailbox.highest_modseq.value()), (7, account.modseq));
}

#[test]
fn a_number_that_only_damage_makes_raises_no_counter() {
    let kv = store();
    let account = || {
        let row = kv.view().unwrap().get(&key::account(ALICE)).unwrap().unwrap().into_owned();
        AccountRecord::decode(&row).unwrap()
    };
    let before = account();
    let mailbox = key::mailbox(ALICE, table::MAILBOX, INBOX);
    let row = kv.view().unwrap().get(&mailbox).unwrap().unwrap().into_owned();
    let uidvalidity = UidValidity::new(u32::MAX - 7).unwrap();
    let row = MailboxRecord { uidvalidity, ..MailboxRecord::decode(&row).unwrap() };
    put(&kv, &mailbox, Some(row.encode()));
    put(
        &kv,
        &key::address(&Address::new("nobody", "example.org").unwrap()),
        Some((u32::MAX - 7).to_be_bytes().to_vec()),
    );
    repaired(&kv);
    assert_eq!(account(), before);
    let counters = kv.view().unwrap().get(&key::counters()).unwrap().unwrap().into_owned();
    assert!(CountersRecord::decode(&counters).unwrap().next_account.0 < 100);
}

#[test]
fn an_older_row_of_the_directory_gives_no_id_out_twice() {
    let kv = store();
    with_older(&kv, &key::counters(), |kv| {
        in_txn(kv, |txn| {
            directory::create_domain(txn, "example.net")?;
            for local in ["carol", "dave"] {
                directory::create_account(txn, &Address::new(local, "example.net").unwrap(), "v", NOW)?;
            }
            // Nothing of the directory leads to the last one.
            directory::create_account(txn, &Address::new("eve", "example.net").unwrap(), "v", NOW)?;
            Ok(())
        });
    });
    let lost = AccountId(5);
    for key in [
        key::directory(table::global::DIRECTORY, lost).to_vec(),
        key::address(&Address::new("eve", "example.net").unwrap()).to_vec(),
    ] {
        assert!(kv.view().unwrap().get(&key).unwrap().is_some());
        put(&kv, &key, None);
    }
    let problem = "the counters of the directory are older than what was given out by them";
    assert_eq!(findings(&kv)[0].problem, problem);
    assert_eq!(repaired(&kv), []);
    in_txn(&kv, move |txn| {
        let new = directory::create_account(txn, &Address::new("frank", "example.net").unwrap(), "v", NOW)?;
        assert!(new > lost, "{new:?}");
        Ok(())
    });
}

#[test]
fn a_row_written_in_an_older_version_is_raised_too() {
    let kv = store();
    with_older(&kv, &key::account(ALICE), |kv| change(kv, |account| append(account, INBOX, 7)));
    let row = kv.view().unwrap().get(&key::account(ALICE)).unwrap().unwrap().into_owned();
    let old = AccountRecord::decode(&row).unwrap();
    // What version 1 had.
    let first = Record::of_version(1, 96).u32(old.scope.0).u64(old.modseq).u64(old.names_modseq);
    let first = first.u64(old.log_floor).u32(old.next_mailbox.0).u32(old.last_uidvalidity);
    let first = first.u32(old.released_uidvalidity).u16(old.keywords).u64(old.messages).u64(old.octets);
    put(&kv, &key::account(ALICE), Some(first.0));
    assert_eq!(findings(&kv)[0].problem, "the account's row is older than what was given out by it");
    assert_eq!(repaired(&kv), []);
}
