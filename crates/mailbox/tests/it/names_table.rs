//! The table of names that is kept in memory: it is brought up to date from the log, at a cost that does not
//! grow with the number of mailboxes, and is always what somebody reads who begins anew.

use std::sync::Arc;

use koi_mailbox::{Account, FlagOp, INBOX, NameNode, Options};
use koi_store::kv::Kv;
use koi_types::ErrorKind;

use crate::meddling::MeddlingKv;
use crate::rig::{Rig, change, message, name, new_message, uids};

const MAILBOXES: usize = 3000;
/// More than a change of one name needs, and far less than there are names.
const ROWS_MAX: u64 = 12;

fn look(account: &Account) -> usize {
    account.snapshot().unwrap().hierarchy().nodes().count()
}

#[test]
fn a_change_of_names_reads_a_few_rows() {
    let kv = MeddlingKv::new();
    let rig = Rig::on(Arc::clone(&kv) as Arc<dyn Kv>, Options::default());
    let alice = rig.account("alice");
    let before = look(&alice);
    let rows_of = |what: &str, nodes: usize| {
        assert_eq!(look(&alice), before + nodes, "{what}");
        let rows = kv.rows_read();
        assert!(rows <= ROWS_MAX, "{what}: {rows} rows");
    };
    kv.rows_read();
    for number in 0..MAILBOXES {
        let text = format!("many/{number}");
        alice.create(&name(&text), None).wait().unwrap();
        rows_of("CREATE", number + 2);
        alice.subscribe(&name(&text), true).wait().unwrap();
        rows_of("SUBSCRIBE", number + 2);
    }
    let all = MAILBOXES + 1;
    for number in 0..20 {
        alice.rename(&name(&format!("many/{number}")), &name(&format!("other {number}"))).wait().unwrap();
        // The old name stays as a subscription.
        rows_of("RENAME", all + 2 * number + 1);
        alice.delete(&name(&format!("other {number}"))).wait().unwrap();
        kv.rows_read();
        rows_of("DELETE", all + 2 * number);
        alice.create(&name(&format!("other {number}")), None).wait().unwrap();
        alice.subscribe(&name("gone"), number % 2 == 0).wait().unwrap();
        alice.subscribe(&name("gone"), number % 2 == 1).wait().unwrap();
        look(&alice);
        alice.subscribe(&name(&format!("none {number}")), true).wait().unwrap();
        kv.rows_read();
        rows_of("SUBSCRIBE of no mailbox", all + 2 * number + 2 + usize::from(number % 2 == 1));
        alice.subscribe(&name("gone"), false).wait().unwrap();
    }
    let set = change(FlagOp::Add, &["$New"]);
    alice.append(INBOX, vec![new_message(&message(1), &[])]).wait().unwrap();
    kv.rows_read();
    alice.set_flags(INBOX, &uids(&[1]), set, None).wait().unwrap();
    kv.rows_read();
    assert!(alice.snapshot().unwrap().keywords().iter().any(|keyword| keyword.as_str() == "$New"));
    assert!(kv.rows_read() <= ROWS_MAX);
}

#[test]
fn mail_between_two_changes_of_names_is_not_read() {
    let kv = MeddlingKv::new();
    let rig = Rig::on(Arc::clone(&kv) as Arc<dyn Kv>, Options::default());
    let alice = rig.account("alice");
    for round in 0..20 {
        for number in 0..200 {
            rig.deliver(&[&alice], &message(round * 1000 + number));
            look(&alice);
        }
        alice.create(&name(&format!("m{round}")), None).wait().unwrap();
        kv.rows_read();
        look(&alice);
        assert!(kv.rows_read() <= ROWS_MAX);
    }
}

/// Names that swap places, several changes of one name, levels, subscriptions, keywords, logs that are gone.
#[test]
fn it_is_always_what_a_new_reader_finds() {
    let options = Options { log_modseqs_max: 40, ..Options::default() };
    let rig = Rig::with(options);
    let alice = rig.account("alice");
    let mut random = 0x1234_5678_9abc_def1u64;
    let mut below = move |end: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 33) as usize % end
    };
    let texts = ["a", "a/b", "a/b/c", "a/b/d", "a b", "b", "b/x", "b/x/y", "c", "c/d/e/f", "INBOX/i"];
    for round in 0..6000 {
        let (one, other) = (name(texts[below(texts.len())]), name(texts[below(texts.len())]));
        let result = match below(12) {
            0..=2 => alice.create(&one, None).wait().map(drop),
            3 | 4 => alice.delete(&one).wait().map(drop),
            5 | 6 => alice.rename(&one, &other).wait(),
            7 => alice.rename(&one, &name("between")).wait().and_then(|()| {
                let _ = alice.rename(&other, &one).wait();
                alice.rename(&name("between"), &other).wait()
            }),
            8 => alice.subscribe(&one, true).wait(),
            9 => alice.subscribe(&one, false).wait(),
            10 => {
                rig.deliver(&[&alice], &message(round));
                let keyword = format!("k{}", below(300));
                alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &[&keyword]), None).wait().map(drop)
            }
            _ => {
                rig.housekeep();
                Ok(())
            }
        };
        let refused =
            [ErrorKind::AlreadyExists, ErrorKind::NotFound, ErrorKind::InUse, ErrorKind::InvalidInput];
        if let Err(error) = result {
            let known = refused.contains(&error.kind) || error.kind == ErrorKind::LimitReached;
            assert!(known, "{error}");
        }
        // Sometimes several changes at once.
        if below(3) > 0 {
            same(&alice, &rig.again(&alice), round);
        }
    }
}

fn same(account: &Account, fresh: &Account, round: u32) {
    let (here, there) = (account.snapshot().unwrap(), fresh.snapshot().unwrap());
    let nodes = |snapshot: &koi_mailbox::Snapshot<'_>| -> Vec<NameNode> {
        snapshot.hierarchy().nodes().cloned().collect()
    };
    assert_eq!(nodes(&here), nodes(&there), "round {round}");
    assert_eq!(here.keywords(), there.keywords(), "round {round}");
    for row in there.mailboxes().unwrap() {
        assert_eq!(here.mailbox(row.id).unwrap().as_ref(), Some(&row), "round {round}");
    }
}

/// A list that is under way keeps what it began with.
#[test]
fn who_holds_the_names_sees_no_change() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let held = alice.snapshot().unwrap().hierarchy();
    let before: Vec<NameNode> = held.nodes().cloned().collect();
    alice.create(&name("Sent/below"), None).wait().unwrap();
    alice.delete(&name("Junk")).wait().unwrap();
    alice.rename(&name("Trash"), &name("Waste")).wait().unwrap();
    // Junk and Trash stay as subscriptions.
    assert_eq!(look(&alice), before.len() + 2);
    assert!(held.nodes().eq(before.iter()));
}
