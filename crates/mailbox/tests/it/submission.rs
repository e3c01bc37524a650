//! Deliveries that stand or fall together: submissions with the sender's copy, and messages with one answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use koi_mailbox::{Account, Delivery, FlagOp, INBOX, Options, Quota, SentShares, Submission, Whole};
use koi_store::engine::Embedded;
use koi_types::{Address, ErrorKind};

use crate::rig::{Deaf, Rig, change, incoming, listed, mailbox, message, new_message, uids};

fn submission(rig: &Rig, sender: &Account, recipients: &[&Account], text: &str) -> Submission {
    Submission {
        sender: sender.id(),
        reverse_path: koi_types::ReversePath::Null,
        recipients: recipients.iter().map(|account| account.id()).collect(),
        message: incoming(text),
        own_form: None,
        client: 1,
        counts: SentShares::default(),
        received_at: rig.service_now(),
    }
}

fn sent(account: &Account) -> u32 {
    mailbox(account, "Sent").messages
}

/// Messages in INBOX of each, and in Sent of the first.
fn counts(accounts: &[&Account]) -> Vec<u32> {
    let inboxes = accounts.iter().map(|account| mailbox(account, "INBOX").messages);
    inboxes.chain(accounts.first().map(|account| sent(account))).collect()
}

#[test]
fn the_copy_goes_with_the_deliveries() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    let submit = |to: &[&Account], n| {
        let whole = rig.service.submit(submission(&rig, &alice, to, &message(n))).wait().unwrap();
        let Whole::Delivered(delivered) = whole else { panic!("{whole:?}") };
        assert_eq!(delivered.len(), to.len());
    };
    submit(&[&bob], 1);
    assert_eq!(counts(&[&alice, &bob]), [0, 1, 0], "not asked for");
    assert!(!alice.files_sent().unwrap());
    alice.set_files_sent(true).wait().unwrap();
    assert!(alice.files_sent().unwrap());
    submit(&[&bob, &alice], 2);
    assert_eq!(counts(&[&alice, &bob]), [1, 2, 1]);
    assert_eq!(listed(&alice, mailbox(&alice, "Sent").id), ["1 \\Seen"]);
    assert_eq!(listed(&alice, INBOX), ["1"]);
    alice.delete(&crate::rig::name("Sent")).wait().unwrap();
    submit(&[&bob], 3);
    assert_eq!(counts(&[&alice, &bob]), [1, 3, 1], "Sent is made again");
}

#[test]
fn one_full_account_stops_all() {
    let quota = Quota { octets_max: 2000, ..Quota::UNLIMITED };
    let rig = Rig::with(Options { quota, ..Options::default() });
    let (alice, bob, carol) = (rig.account("alice"), rig.account("bob"), rig.account("carol"));
    alice.set_files_sent(true).wait().unwrap();
    let text = "y\n".repeat(600);
    let refused = |whole: Whole| match whole {
        Whole::Refused { account, error } => (account, error.kind),
        Whole::Delivered(_) => panic!("delivered"),
    };
    rig.deliver(&[&carol], &text);
    assert!(!rig.service.has_room(carol.id(), 1200).unwrap());
    assert!(rig.service.has_room(bob.id(), 1200).unwrap());
    let to_both = || submission(&rig, &alice, &[&bob, &carol], &text);
    let whole = rig.service.submit(to_both()).wait().unwrap();
    assert_eq!(refused(whole), (carol.id(), ErrorKind::OverQuota));
    assert_eq!(counts(&[&alice, &bob, &carol]), [0, 0, 1, 0]);
    rig.deliver(&[&alice], &text);
    let whole = rig.service.submit(submission(&rig, &alice, &[&bob], &text)).wait().unwrap();
    assert_eq!(refused(whole), (alice.id(), ErrorKind::OverQuota), "the copy counts too");
    let Submission { recipients, message, received_at, .. } = to_both();
    let whole = rig
        .service
        .deliver_whole(Delivery { sender: koi_types::ReversePath::Null, recipients, message, received_at })
        .wait()
        .unwrap();
    assert_eq!(refused(whole), (carol.id(), ErrorKind::OverQuota));
    rig.service.directory().remove(bob.id()).unwrap();
    while rig.service.housekeep(rig.service_now()).unwrap().more {}
    let whole = rig.service.submit(submission(&rig, &alice, &[&bob], "x")).wait().unwrap();
    assert_eq!(refused(whole), (bob.id(), ErrorKind::NotFound));
    assert_eq!(counts(&[&alice, &carol]), [1, 1, 0]);
}

#[test]
fn what_a_client_appends_is_its_own() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    alice.set_files_sent(true).wait().unwrap();
    let sent_id = mailbox(&alice, "Sent").id;
    let submit = |client, n| {
        let submission = Submission { client, ..submission(&rig, &alice, &[&bob], &message(n)) };
        assert!(matches!(rig.service.submit(submission).wait().unwrap(), Whole::Delivered(_)));
    };
    let append = |n, to| drop(alice.append(to, vec![new_message(&message(n), &["\\Seen"])]).wait().unwrap());
    submit(1, 1);
    append(1, INBOX);
    assert_eq!(sent(&alice), 1, "another mailbox says nothing");
    append(2, sent_id);
    assert_eq!(sent(&alice), 2, "nor does another message");
    append(1, sent_id);
    assert_eq!(listed(&alice, sent_id), ["2 \\Seen", "3 \\Seen"], "the server's copy has gone");
    submit(1, 3);
    assert_eq!(sent(&alice), 2, "it is expected to append");
    submit(2, 4);
    assert_eq!(sent(&alice), 3, "another client is not");
    append(3, sent_id);
    append(3, sent_id);
    assert_eq!(sent(&alice), 5, "appended twice, there twice");
    submit(1, 5);
    rig.env.advance_secs(601);
    submit(1, 6);
    assert_eq!(sent(&alice), 6, "it did not, so it is not expected to any more");
    let flags = change(FlagOp::Add, &["$Label1"]);
    let last = alice.snapshot().unwrap().uids(sent_id).unwrap().0.last().unwrap();
    alice.set_flags(sent_id, &uids(&[last]), flags, None).wait().unwrap();
    append(6, sent_id);
    assert_eq!(sent(&alice), 7, "a copy that was touched stays");
    for n in 100..200 {
        submit(u64::from(n), n);
        append(n, sent_id);
    }
    assert_eq!(sent(&alice), 107);
    alice.set_files_sent(false).wait().unwrap();
    submit(1, 300);
    assert_eq!(sent(&alice), 107);
}

#[test]
fn the_postmaster_is_somebody() {
    let rig = Rig::new();
    assert_eq!(rig.service.postmaster().unwrap_err().kind, ErrorKind::NotFound);
    let alice = rig.account("alice");
    rig.account("bob");
    assert_eq!(rig.service.postmaster().unwrap(), alice.id());
    assert!(rig.service.is_local("example.org").unwrap() && !rig.service.is_local("example.net").unwrap());
    let named = |text| Options { postmaster: Address::parse(text), ..Options::default() };
    let rig = Rig::with(named("bob@example.org"));
    let alice = rig.account("alice");
    assert_eq!(rig.service.postmaster().unwrap(), alice.id(), "nobody has that address yet");
    let bob = rig.account("bob");
    assert_eq!(rig.service.postmaster().unwrap(), bob.id());
}

/// Every file below a folder but the index, which a crash may take anyway.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("index") {
                folders.push(path);
            } else if path.is_file() {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn open(folder: &Path) -> Rig {
    let options =
        koi_store::engine::Options { fill_ahead_octets: 1 << 16, reserve_octets: 0, ..Default::default() };
    Rig::on(Arc::new(Embedded::open(folder, options, Arc::new(Deaf)).unwrap()), Options::default())
}

/// The power goes while the group of a submission is being written: at whatever octet, the copy and all
/// recipients have the message, or nobody.
#[test]
fn a_crash_leaves_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rig = open(folder.path());
    let accounts = [rig.account("alice"), rig.account("bob"), rig.account("carol")];
    let [alice, bob, carol] = &accounts;
    alice.set_files_sent(true).wait().unwrap();
    let before = files(folder.path());
    let whole = rig.service.submit(submission(&rig, alice, &[bob, carol], &message(1))).wait().unwrap();
    assert!(matches!(whole, Whole::Delivered(_)));
    let after = files(folder.path());
    let changed = |path: &PathBuf| before.get(path).is_none_or(|octets| *octets != after[path]);
    let journal: Vec<&PathBuf> = after.keys().filter(|path| changed(path)).collect();
    assert_eq!(journal.len(), 1, "{journal:?}");
    let (old, new) = (&before[journal[0]], &after[journal[0]]);
    // The file may have become longer meanwhile, by zeros that are written ahead.
    let differs = |at: &usize| old.get(*at).copied().unwrap_or(0) != new[*at];
    let first = (0..new.len()).find(differs).unwrap();
    let last = (0..new.len()).rfind(differs).unwrap();
    let mut seen = [0, 0];
    for cut in (first..=last).step_by(((last - first) / 40).max(1)).chain([last, last + 1]) {
        let image = tempfile::tempdir().unwrap();
        for (path, octets) in &before {
            let path = image.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, octets).unwrap();
        }
        let mut torn = new[..cut].to_vec();
        torn.extend_from_slice(old.get(cut..).unwrap_or_default());
        // What was not written yet are zeros: a group that is durable has all its blocks.
        torn.resize(torn.len().max(new.len()), 0);
        std::fs::write(image.path().join(journal[0]), torn).unwrap();
        let rig = open(image.path());
        let reopened = accounts.each_ref().map(|account| rig.service.account(account.id()).unwrap());
        let found = counts(&reopened.each_ref());
        match found.as_slice() {
            [0, 0, 0, 0] => seen[0] += 1,
            [0, 1, 1, 1] => seen[1] += 1,
            half => panic!("cut at {cut}: {half:?}"),
        }
    }
    assert!(seen[0] > 10 && seen[1] >= 1, "{seen:?}");
}
