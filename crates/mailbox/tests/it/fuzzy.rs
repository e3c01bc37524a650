//! Fuzzy search and its scores (RFC 6203).

use koi_mailbox::{Account, Filter, INBOX};
use koi_types::{NumSet, SystemFlags};

use crate::rig::{Rig, new_message};

fn all() -> NumSet {
    let mut all = NumSet::new();
    all.insert_range(1..=u32::MAX);
    all
}

/// What is found, best first, as UIDs.
fn ranked(account: &Account, filter: &Filter) -> Vec<u32> {
    let mut run = account.search_ranked(INBOX, all(), filter).unwrap();
    while !run.advance().unwrap() {}
    let mut ranked = run.ranked().to_vec();
    assert_eq!(ranked.iter().map(|each| each.uid).collect::<koi_types::UidSet>(), *run.found());
    assert!(ranked.iter().all(|each| (1..=100).contains(&each.relevancy.value())));
    ranked.sort_by_key(|each| std::cmp::Reverse(each.relevancy));
    ranked.iter().map(|each| each.uid.value()).collect()
}

fn text(text: &str) -> Filter {
    Filter::fuzzy(Filter::Text(text.into()))
}

fn subject(text: &str) -> Filter {
    Filter::fuzzy(Filter::header("Subject", text))
}

fn mailbox(rig: &Rig) -> Account {
    let alice = rig.account("alice");
    let mail = |subject: &str, body: &str, flags: &[&str]| {
        let text = format!("Subject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n{body}\n");
        new_message(&text, flags)
    };
    let messages = vec![
        mail("broken IMAP", "it does not work", &[]),
        mail("other", "she runs, and IMAP is breaking again", &["\\Seen"]),
        mail("running", "a runner runs", &[]),
        mail("fern", &format!("{} run", "nothing here ".repeat(2000)), &[]),
        mail("häuser", "日本語の全文検索について", &[]),
        mail("Haus am See", "全部の文", &[]),
    ];
    alice.append(INBOX, messages).wait().unwrap();
    alice
}

// spec: RFC 6203 §3
#[test]
fn words_are_met_in_any_order_by_their_stems() {
    let rig = Rig::new();
    let alice = mailbox(&rig);
    let table: [(Filter, &[u32]); 9] = [
        (subject("IMAP broken"), &[1]),
        (text("imap breaks"), &[2]),
        (subject("runs"), &[3]),
        (subject("hauses"), &[6]),
        (text("検索"), &[5]),
        (text("全文検索"), &[5]),
        (text("nowhere"), &[]),
        (Filter::fuzzy(Filter::Body("runs".into())), &[3, 2, 4]),
        (Filter::fuzzy(Filter::Flags(SystemFlags::SEEN)), &[2]),
    ];
    for (filter, expected) in table {
        assert_eq!(ranked(&alice, &filter), expected, "{filter:?}");
    }
    // One character of a script without spaces is in the pairs of its neighbours.
    for (one, expected) in [("語", &[5][..]), ("文", &[5, 6])] {
        let mut found = ranked(&alice, &text(one));
        found.sort_unstable();
        assert_eq!(found, expected, "{one}");
    }
    // The texts of an ordinary search stay as they are.
    let exact = Filter::And(vec![text("runs"), Filter::Text("imap".into())]);
    assert_eq!(ranked(&alice, &exact), [2]);
}

// spec: RFC 6203 §4
#[test]
fn scores_tell_how_well_a_message_fits() {
    let rig = Rig::new();
    let alice = mailbox(&rig);
    // In the header and often before in the body once; in a short text before in a long one.
    assert_eq!(ranked(&alice, &text("run")), [3, 2, 4]);
    // Of several conditions the mean or the best; what is negated says nothing.
    let either = Filter::Or(vec![text("imap"), subject("running")]);
    let found = ranked(&alice, &either);
    assert_eq!((found.len(), found.contains(&2)), (3, true));
    let seen = Filter::Or(vec![Filter::Flags(SystemFlags::SEEN), subject("running")]);
    assert_eq!(ranked(&alice, &seen), [3, 2]);
    assert_eq!(ranked(&alice, &Filter::negated(text("run"))).len(), 3);
    assert_eq!(ranked(&alice, &Filter::All).len(), 6);
}
