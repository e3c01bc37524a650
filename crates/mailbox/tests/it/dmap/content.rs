//! What DMAP and other protocols show of encrypted and of ordinary mail; META.

use std::sync::Arc;

use koi_dime::chunk::Actor;
use koi_dime::message::plain;
use koi_dime::{ChunkType, Magic, Message};
use koi_mailbox::dmap::is_prime;
use koi_mailbox::{FlagOp, INBOX};
use koi_types::{Cause, ErrorKind, Mode, Role, Uid, UidSet};

use super::disk::open;
use super::rig::{
    DOMAIN, SECRET_TEXT, address_of, append, authored, cause, dmap_rig, keywords, new_prime, plainly, shown,
    trustful, user,
};
use crate::rig::{change, flags, message, new_message};

fn one(uid: Uid) -> UidSet {
    [uid].into_iter().collect()
}

// spec: DMAP-00 §7.3.10; DMAP-00 §3.4
#[test]
fn an_encrypted_message_is_whole_in_dmap_and_a_fixed_text_elsewhere() {
    let rig = dmap_rig();
    let (alice, bob) = (user(&rig, "alice", Mode::Cautious, 10), user(&rig, "bob", Mode::Cautious, 20));
    let octets = authored(&rig, &alice, &bob.account, 1);
    assert!(is_prime(&octets));
    let uid = append(&alice.account, INBOX, &octets, &["$SubmitPending"]);
    let other = append(&alice.account, INBOX, &authored(&rig, &alice, &bob.account, 2), &[]);
    assert_eq!(shown(&alice.account, INBOX, uid), octets);
    let text = plainly(&alice.account, INBOX, uid);
    assert!(text.contains("is encrypted") && !text.contains(SECRET_TEXT));
    assert_eq!(text, plainly(&alice.account, INBOX, other), "the same text for all");

    let snapshot = alice.account.snapshot().unwrap();
    let email = |uid| snapshot.message(INBOX, uid, |row| row.email).unwrap().unwrap();
    assert_ne!(email(uid), email(other), "but not the same email");
    let content = snapshot.dmap_content(email(uid)).unwrap().unwrap();
    let kinds: Vec<u8> = content.chunks().iter().map(|fact| fact.kind.0).collect();
    assert_eq!(kinds, [1, 2, 3, 32, 33, 67, 224, 225, 248, 249, 254]);
    assert_eq!((content.magic(), content.key_id()), (Magic::Message, Some(alice.key_id)));
    let display = content.section(ChunkType::DISPLAY, 1).unwrap();
    let mut chunk = Vec::new();
    snapshot
        .read_content(content.whole(), display.start..display.start + display.octets, &mut chunk)
        .unwrap();
    assert_eq!(chunk[0], 67);
    assert_eq!(content.section(ChunkType::DISPLAY, 2), None);
    assert_eq!(content.section(ChunkType::DISPLAY, 0), None);
    assert_eq!(snapshot.chunk_hashes(&content).unwrap().len(), 6);
    let facts = snapshot.dmap_facts(email(uid)).unwrap().unwrap();
    assert_eq!(facts.kinds.len(), 11);
    let row = snapshot.mailbox(INBOX).unwrap().unwrap();
    assert_eq!(row.octets, 2 * text.len() as u64, "what other protocols count");
    assert_eq!(snapshot.usage().octets, row.octets + 2 * octets.len() as u64, "what the quota counts");
}

// spec: DMAP-00 §7.3.10
#[test]
fn what_is_no_message_is_refused_while_it_arrives() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let mut octets = authored(&rig, &alice, &alice.account, 1);
    let refused = |octets: &[u8]| {
        let mut stage = alice.account.stage_prime();
        let error = stage.write(octets).and_then(|()| stage.finish().map(drop)).unwrap_err();
        (error.kind, cause(&error))
    };
    let bad = (ErrorKind::InvalidInput, Some(Cause::BadMessage));
    assert_eq!(refused(&octets[..octets.len() - 1]), bad, "cut");
    assert_eq!(refused(&[octets.as_slice(), b"x"].concat()), bad, "too long");
    assert_eq!(refused(b"From: a@example.org\r\n\r\n"), bad, "mail in clear");
    octets[6] = 99;
    assert_eq!(refused(&octets), bad, "no such chunk");
    let suite_one = include_bytes!("../../../../dime/tests/vectors/naked.bin");
    assert_eq!(refused(suite_one), bad, "suite 1");
    assert!(!is_prime(b"Fr") && !is_prime(b"\x07"));
}

// spec: DMAP-00 §3.4
#[test]
fn ordinary_mail_of_a_trustful_account_is_shown_naked_and_the_same_each_time() {
    let rig = dmap_rig();
    let account = trustful(&rig, "alice");
    rig.deliver(&[&account], &message(1));
    let uid = Uid::MIN;
    {
        let snapshot = account.snapshot().unwrap();
        let email = snapshot.message(INBOX, uid, |row| row.email).unwrap().unwrap();
        let error = snapshot.dmap_content(email).unwrap_err();
        assert_eq!(cause(&error), Some(Cause::NoSignet));
    }
    account.prepare_dmap().unwrap().unwrap().wait().unwrap();
    assert!(account.prepare_dmap().unwrap().is_none(), "it has a key now");
    let first = shown(&account, INBOX, uid);
    assert_eq!(first, shown(&account, INBOX, uid));
    // By what GETKEY shows, the client opens it.
    let snapshot = account.snapshot().unwrap();
    let current = snapshot.current_key().unwrap().unwrap();
    let half = snapshot.key(&current.id).unwrap().unwrap().private.unwrap();
    let keys = koi_dime::PrivateKeys::parse(koi_dime::Holder::User, &half).unwrap();
    let parsed = Message::parse(&first).unwrap();
    let reader = parsed.reader(Actor::Recipient, &keys.decryption);
    let organisation = rig.service.organisation(DOMAIN).unwrap();
    let mail = plain(&reader, organisation.signet().primary()).unwrap();
    assert_eq!(String::from_utf8(mail.to_vec()).unwrap(), plainly(&account, INBOX, uid));
    assert_eq!(parsed.outline().magic(), Magic::NakedMessage);
}

#[test]
fn the_size_of_ordinary_mail_is_known_without_encrypting_it() {
    let rig = dmap_rig();
    let account = trustful(&rig, "alice");
    account.prepare_dmap().unwrap().unwrap().wait().unwrap();
    let long = "x".repeat(70_000);
    let odd = [
        "Subject: a\n\nbody\n",
        "Subject: a\n\n",
        "Subject: a\n",
        "\nbody only\n",
        "no header at all\n",
        "From: a@b.example\nSubject: long\n folded\n\nb",
        &format!("Subject: {long}\nTo: b@c.example\n\n{long}"),
    ];
    for text in odd {
        account.append(INBOX, vec![new_message(text, &[])]).wait().unwrap();
    }
    for uid in (1..=odd.len() as u32).filter_map(Uid::new) {
        shown(&account, INBOX, uid);
    }
}

// spec: DMAP-00 §7.6.5; DMAP-00 §3.3.6
#[test]
fn meta_changes_like_flags_and_goes_where_the_message_goes() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let account = &alice.account;
    let octets = authored(&rig, &alice, account, 1);
    let mut new = new_prime(account, &octets, &["\\Seen", "$SubmitPending"]);
    new.meta = Some(Arc::from(b"first".as_slice()));
    let uid = account.append_prime(INBOX, new).wait().unwrap().uid;
    let meta = |mailbox, uid| account.snapshot().unwrap().meta(mailbox, uid).unwrap();
    assert_eq!(meta(INBOX, uid).as_deref(), Some(b"first".as_slice()));
    let modseq = || account.snapshot().unwrap().message(INBOX, uid, |row| row.modseq).unwrap().unwrap();
    let before = modseq();
    let block: Arc<[u8]> = Arc::from([0u8, 1, 255].as_slice());
    let set = account.set_meta(INBOX, &one(uid), Some(block), Some(before.value())).wait().unwrap();
    assert_eq!(set.changed, one(uid));
    assert!(modseq() > before);
    let late = account.set_meta(INBOX, &one(uid), None, Some(before.value())).wait().unwrap();
    assert_eq!(late.modified, one(uid));
    let used = |account: &koi_mailbox::Account| account.snapshot().unwrap().usage().octets;
    let with_block = used(account);

    let archive = account.snapshot().unwrap().with_role(Role::Archive).unwrap();
    let copied = account.copy(INBOX, &one(uid), archive).wait().unwrap();
    let copy = Uid::new(copied.to.0.iter().next().unwrap()).unwrap();
    assert_eq!(meta(archive, copy).as_deref(), Some([0u8, 1, 255].as_slice()));
    assert_eq!(keywords(account, archive, copy), flags(&["\\Seen"]), "a copy does not wait to be sent");
    let moved = account.move_(archive, &one(copy), INBOX).wait().unwrap();
    assert_eq!(meta(archive, copy), None);
    let moved = Uid::new(moved.to.0.iter().next().unwrap()).unwrap();
    assert_eq!(meta(INBOX, moved).as_deref(), Some([0u8, 1, 255].as_slice()));
    account.set_flags(INBOX, &one(moved), change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    account.expunge(INBOX, None).wait().unwrap();
    assert_eq!(meta(INBOX, moved), None);
    assert_eq!(used(account), with_block);
    account.set_meta(INBOX, &one(uid), Some(Arc::from(b"".as_slice())), None).wait().unwrap();
    assert_eq!(meta(INBOX, uid), None, "an empty block is none");
    assert_eq!(used(account), with_block - 3);
    let large: Arc<[u8]> = vec![0; 65_537].into();
    let error = account.set_meta(INBOX, &one(uid), Some(large), None).wait().unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
}

#[test]
fn large_blocks_of_many_messages_are_more_than_one_transaction_takes() {
    let folder = tempfile::tempdir().unwrap();
    let rig = open(folder.path());
    let account = trustful(&rig, "alice");
    let count = 520;
    let messages = (0..count).map(|n| new_message(&message(n), &[])).collect();
    account.append(INBOX, messages).wait().unwrap();
    let all: UidSet = (1..=count).filter_map(Uid::new).collect();
    let block: Arc<[u8]> = vec![7; 65_536].into();
    let set = account.set_meta(INBOX, &all, Some(Arc::clone(&block)), None).wait().unwrap();
    assert_eq!(set.changed, all);
    let archive = account.snapshot().unwrap().with_role(Role::Archive).unwrap();
    let copied = account.copy(INBOX, &all, archive).wait().unwrap();
    assert_eq!(copied.to, all);
    let last = Uid::new(count).unwrap();
    assert_eq!(account.snapshot().unwrap().meta(archive, last).unwrap().as_deref(), Some(&*block));
    let moved = account.move_(INBOX, &all, archive).wait().unwrap();
    assert_eq!(moved.from, all);
}

#[test]
fn the_meta_of_a_mailbox_is_news_and_goes_with_it() {
    let rig = dmap_rig();
    let account = trustful(&rig, "alice");
    let name = koi_types::MailboxName::new("=abc").unwrap();
    let mailbox = account.make(&name, None).wait().unwrap().mailbox;
    account.append(mailbox, vec![new_message(&message(1), &[])]).wait().unwrap();
    account.set_meta(mailbox, &one(Uid::MIN), Some(Arc::from(b"m".as_slice())), None).wait().unwrap();
    let highest = || account.snapshot().unwrap().mailbox(mailbox).unwrap().unwrap().highest_modseq;
    let before = highest();
    let block: Arc<[u8]> = Arc::from(b"name".as_slice());
    let modseq = account.set_mailbox_meta(mailbox, Some(Arc::clone(&block))).wait().unwrap();
    assert_eq!(Some(highest()), modseq);
    assert!(highest() > before);
    assert_eq!(account.set_mailbox_meta(mailbox, Some(block)).wait().unwrap(), None, "the same again");
    let meta = || account.snapshot().unwrap().mailbox_meta(mailbox).unwrap();
    assert_eq!(meta().as_deref(), Some(b"name".as_slice()));
    account.delete(&name).wait().unwrap();
    rig.env.advance_secs(7200);
    rig.housekeep();
    assert_eq!(account.snapshot().unwrap().mailbox_meta(mailbox).unwrap(), None);
    assert_eq!(account.snapshot().unwrap().meta(mailbox, Uid::MIN).unwrap(), None);
}

#[test]
fn an_encrypted_message_stays_in_its_account() {
    let rig = dmap_rig();
    let (alice, bob) = (user(&rig, "alice", Mode::Cautious, 10), trustful(&rig, "bob"));
    let uid = append(&alice.account, INBOX, &authored(&rig, &alice, &alice.account, 1), &[]);
    let error = alice.account.copy_into(INBOX, &one(uid), &bob, INBOX).wait().unwrap_err();
    assert_eq!((error.kind, cause(&error)), (ErrorKind::NoPermission, Some(Cause::Cannot)));
    rig.deliver(&[&bob], &message(1));
    let error = bob.copy_into(INBOX, &one(Uid::MIN), &alice.account, INBOX).wait().unwrap_err();
    assert_eq!((error.kind, cause(&error)), (ErrorKind::NoPermission, Some(Cause::BadMessage)));
}

#[test]
fn an_account_goes_with_all_it_has() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let uid = append(&alice.account, INBOX, &authored(&rig, &alice, &alice.account, 1), &["$SubmitPending"]);
    alice.account.set_meta(INBOX, &one(uid), Some(Arc::from(b"m".as_slice())), None).wait().unwrap();
    let claim = alice.account.claim_submission(INBOX, uid, Default::default()).wait().unwrap();
    assert_eq!(claim.held_until, None);
    rig.service.directory().remove(alice.account.id()).unwrap();
    rig.housekeep();
    assert_eq!(rig.service.directory().by_address(&address_of("alice")).unwrap(), None);
    let range = koi_store::key::below(&alice.account.id().0.to_be_bytes());
    let mut left = 0;
    let view = rig.kv.view().unwrap();
    view.scan(&range.from, &range.end, &mut |_, _| {
        left += 1;
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(left, 0);
}
