//! What reaches the disk: no mail in clear for accounts that keep none, and a submission whole or not at all,
//! wherever the power goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use koi_mailbox::dmap::SubmitOptions;
use koi_mailbox::{Account, Delivery, INBOX, SentShares, Submission, Whole};
use koi_store::engine::Embedded;
use koi_types::{Flags, Mode, ReversePath, Role, Uid};

use super::rig::{DOMAIN, append, authored, keywords, options, shown, trustful, user};
use crate::rig::{Deaf, Rig, flags};

const HIDDEN: &str = "Nobody must find this sentence on the disk";
const SHOWN: &str = "This sentence lies on the disk, so that the search is one";

pub(super) fn open(folder: &Path) -> Rig {
    let engine =
        koi_store::engine::Options { fill_ahead_octets: 1 << 16, reserve_octets: 0, ..Default::default() };
    Rig::on(Arc::new(Embedded::open(folder, engine, Arc::new(Deaf)).unwrap()), options())
}

/// Every file of a folder but those of the index, which is built again without.
fn journal_and_bodies(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = files(folder);
    found.retain(|path, _| !path.starts_with("index"));
    found
}

/// Every file of a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn lies_in(folder: &Path, text: &str) -> bool {
    files(folder).values().any(|octets| octets.windows(text.len()).any(|at| at == text.as_bytes()))
}

fn arriving(rig: &Rig, to: &[&Account], text: &str, filling: usize) -> Delivery {
    let recipients: Vec<_> = to.iter().map(|account| account.id()).collect();
    let mail = format!(
        "From: c@d.example\r\nSubject: {text}\r\nMessage-ID: <{filling}@x>\r\n\r\n{text}\r\n{}\r\n",
        "0123456789 ".repeat(filling)
    );
    let mut stage = rig.service.stage_for(&recipients);
    mail.as_bytes().chunks(4096).for_each(|piece| stage.write(piece).unwrap());
    let message = Arc::new(stage.finish().unwrap());
    let sender = ReversePath::Address(koi_types::Address::parse("c@d.example").unwrap());
    Delivery { sender, recipients, message, received_at: rig.service_now() }
}

#[test]
fn mail_in_clear_is_nowhere_in_the_folder_of_who_keeps_none() {
    let folder = tempfile::tempdir().unwrap();
    let rig = open(folder.path());
    let alice = user(&rig, "alice", Mode::Cautious, 10).account;
    let bob = trustful(&rig, "bob");
    alice.set_files_sent(true).wait().unwrap();
    // The larger one would go to a segment as it arrives.
    for filling in [1, 60_000] {
        for (to, text) in [(&alice, HIDDEN), (&bob, SHOWN)] {
            let delivered = rig.service.deliver(arriving(&rig, &[to], text, filling)).wait().unwrap();
            assert!(delivered[0].is_ok());
        }
        let Delivery { message, received_at, .. } = arriving(&rig, &[&alice], HIDDEN, filling);
        let submission = Submission {
            sender: alice.id(),
            reverse_path: ReversePath::Null,
            recipients: vec![alice.id()],
            message,
            own_form: None,
            client: 1,
            counts: SentShares::default(),
            received_at,
        };
        assert!(matches!(rig.service.submit(submission).wait().unwrap(), Whole::Delivered(_)));
    }
    rig.housekeep();
    let sent = alice.snapshot().unwrap().with_role(Role::Sent).unwrap();
    assert_eq!(alice.snapshot().unwrap().mailbox(sent).unwrap().unwrap().messages, 2);
    assert!(shown(&alice, INBOX, Uid::new(3).unwrap()).len() > 600_000);
    rig.check();
    let both = |text| lies_in(folder.path(), text);
    assert!(both(SHOWN), "what is searched for is found where it is");
    assert!(!both(HIDDEN), "while the server runs");
    drop(rig);
    assert!(both(SHOWN) && !both(HIDDEN), "after it ended");
}

/// Runs `step`, and then `after` on images of the folder in which what it wrote is torn at many places.
fn torn(folder: &Path, step: impl FnOnce(), after: impl Fn(&Rig)) {
    let before = journal_and_bodies(folder);
    step();
    let now = journal_and_bodies(folder);
    let is_journal = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "seg");
    let changed = |path: &&PathBuf| before.get(*path).is_none_or(|octets| *octets != now[*path]);
    let journal: Vec<&PathBuf> = now.keys().filter(is_journal).filter(changed).collect();
    assert_eq!(journal.len(), 1, "{journal:?}");
    let (old, new) = (&before[journal[0]], &now[journal[0]]);
    let differs = |at: &usize| old.get(*at).copied().unwrap_or(0) != new[*at];
    let first = (0..new.len()).find(differs).unwrap();
    let last = (0..new.len()).rfind(differs).unwrap();
    let cuts = (first..=last).step_by(((last - first) / 12).max(1)).chain([last, last + 1]);
    for cut in cuts {
        let image = tempfile::tempdir().unwrap();
        for (path, octets) in &before {
            let path = image.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, octets).unwrap();
        }
        let mut torn = new[..cut].to_vec();
        torn.extend_from_slice(old.get(cut..).unwrap_or_default());
        torn.resize(torn.len().max(new.len()), 0);
        std::fs::write(image.path().join(journal[0]), torn).unwrap();
        let rig = open(image.path());
        rig.env.advance_secs(100);
        after(&rig);
    }
}

fn again(rig: &Rig, account: &Account) -> Account {
    rig.service.account(account.id()).unwrap()
}

fn count(account: &Account) -> u32 {
    account.snapshot().unwrap().mailbox(INBOX).unwrap().unwrap().messages
}

/// The clock of a rig begins anew, as that of a server may.
fn later(rig: &Rig) -> koi_mailbox::MailboxService {
    let env = Arc::clone(&rig.env) as Arc<dyn koi_mailbox::Env>;
    koi_mailbox::MailboxService::new(Arc::clone(&rig.kv), options(), env)
}

// spec: DMAP-00 §7.6.7
#[test]
fn the_power_may_go_at_any_octet_of_a_submission() {
    let folder = tempfile::tempdir().unwrap();
    let rig = open(folder.path());
    let (alice, bob) = (user(&rig, "alice", Mode::Cautious, 10), user(&rig, "bob", Mode::Cautious, 20));
    let uid = append(&alice.account, INBOX, &authored(&rig, &alice, &bob.account, 1), &["$SubmitPending"]);
    let (waiting, taken): (Flags, Flags) =
        (flags(&["$SubmitPending"]), flags(&["$SubmitPending", "$Submitted"]));
    let claim = std::cell::Cell::new(None);
    let took = || {
        let pending = alice.account.claim_submission(INBOX, uid, SubmitOptions::default());
        claim.set(Some(pending.wait().unwrap()));
    };
    let seen = std::cell::RefCell::new([0, 0]);
    let ended = |rig: &Rig| {
        let service = later(rig);
        while service.housekeep(rig.service_now()).unwrap().more {}
    };
    torn(folder.path(), took, |rig| {
        let (alice, bob) = (again(rig, &alice.account), again(rig, &bob.account));
        let is_taken = keywords(&alice, INBOX, uid) == taken;
        assert!(is_taken || keywords(&alice, INBOX, uid) == waiting);
        assert_eq!(count(&bob), 0);
        ended(rig);
        assert_eq!(count(&bob), u32::from(is_taken), "what was taken is sent, and nothing else");
        seen.borrow_mut()[usize::from(is_taken)] += 1;
    });
    let claim = claim.take().unwrap();
    let finished = || {
        let _ = alice.account.finish_submission(&claim).unwrap().wait().unwrap();
    };
    torn(folder.path(), finished, |rig| {
        let (alice, bob) = (again(rig, &alice.account), again(rig, &bob.account));
        let is_sent = keywords(&alice, INBOX, uid) == flags(&["$Submitted"]);
        assert!(is_sent || keywords(&alice, INBOX, uid) == taken);
        assert_eq!(count(&bob), u32::from(is_sent), "marked and delivered at once");
        ended(rig);
        assert_eq!(count(&bob), 1, "in the end once");
        assert_eq!(keywords(&alice, INBOX, uid), flags(&["$Submitted"]));
        seen.borrow_mut()[usize::from(is_sent)] += 1;
    });
    let seen = seen.into_inner();
    assert!(seen[0] > 5 && seen[1] >= 2, "{seen:?}");
    assert_eq!(DOMAIN, "example.org");
}
