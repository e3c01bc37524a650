//! Searches: every condition on messages that differ in it, combinations, and pieces.

use koi_mailbox::{Account, DayRange, FILTER_DEPTH_MAX, Filter, FlagOp, INBOX, NewMessage};
use koi_types::{Day, ErrorKind, Keyword, ModSeq, NumSet, SystemFlags, ZoneOffset};

use crate::rig::{Rig, START, change, flags, incoming, new_message, uids};

fn all() -> NumSet {
    let mut all = NumSet::new();
    all.insert_range(1..=u32::MAX);
    all
}

fn found(account: &Account, filter: Filter) -> String {
    account.search(INBOX, all(), &filter).unwrap().finish().unwrap().to_string()
}

fn text(text: &str) -> Filter {
    Filter::Text(text.into())
}

/// 1: plain, seen. 2: quoted-printable UTF-8, keyword work. 3: base64 part in a multipart, large, no date.
fn mailbox(rig: &Rig) -> Account {
    let alice = rig.account("alice");
    let plain = "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: lunch today\n\
        Date: Thu, 1 Jan 2026 23:30:00 -0200\nMessage-ID: <1@x>\n\nCome at noon\n";
    let quoted = "From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\nCc: carl@example.org\n\
        Subject: =?utf-8?b?w5xiZXI=?= lunch\nIn-Reply-To: <1@x>\n\
        Date: Fri, 2 Jan 2026 00:30:00 +0000\nContent-Type: text/plain; charset=utf-8\n\
        Content-Transfer-Encoding: quoted-printable\n\n\
        Sch=C3=B6n=\nheit\n";
    let parts = "From: ann@example.org\nSubject: parts\nX-Odd: yes\n\
        Content-Type: multipart/mixed; boundary=b\n\npreamble words\n--b\n\
        Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nbmVlZGxlIGhlcmU=\n--b--\n";
    let at = |text, names: &[&str], received_at, zone| NewMessage {
        message: incoming(text),
        flags: flags(names),
        received_at,
        received_zone: ZoneOffset(zone),
    };
    let messages = vec![
        at(plain, &["\\Seen"], START, -60),
        at(quoted, &["work"], START, 0),
        at(parts, &["\\Deleted", "\\Flagged"], START, 60),
    ];
    alice.append(INBOX, messages).wait().unwrap();
    alice
}

// spec: RFC 9051 §6.4.4
#[test]
fn every_condition_finds_its_messages() {
    let rig = Rig::new();
    let alice = mailbox(&rig);
    let first = Day::from_date(2026, 1, 1).unwrap();
    let before_last = Day(first.0 - 1);
    let table = [
        (Filter::All, "1:3"),
        (Filter::Uids([2, 9].into_iter().collect()), "2"),
        (Filter::Flags(SystemFlags::SEEN), "1"),
        (Filter::negated(Filter::Flags(SystemFlags::SEEN)), "2:3"),
        (Filter::Flags(SystemFlags::DELETED.union(SystemFlags::FLAGGED)), "3"),
        (Filter::Keyword(Keyword::new("WORK").unwrap()), "2"),
        (Filter::Keyword(Keyword::new("none").unwrap()), ""),
        (Filter::Received(DayRange::on(first)), "2:3"),
        (Filter::Received(DayRange::before(first)), "1"),
        (Filter::Received(DayRange::since(before_last)), "1:3"),
        (Filter::Sent(DayRange::on(first)), "1"),
        (Filter::Sent(DayRange::since(Day(first.0 + 1))), "2"),
        (Filter::Sent(DayRange::before(Day(first.0 + 1))), "1"),
        (Filter::Saved(DayRange::on(first)), "1:3"),
        (Filter::header("subject", "LUNCH"), "1:2"),
        (Filter::header("subject", "über"), "2"),
        (Filter::header("from", "ann@"), "1,3"),
        (Filter::header("from", "JÖRG"), "2"),
        (Filter::header("cc", ""), "2"),
        (Filter::header("X-Odd", ""), "3"),
        (Filter::header("x-odd", "no"), ""),
        (Filter::Body("schönheit".into()), "2"),
        (Filter::Body("lunch".into()), ""),
        (Filter::Body("needle".into()), "3"),
        (text("needle HERE"), "3"),
        (text("lunch"), "1:2"),
        (text("preamble"), ""),
        (text(""), "1:3"),
    ];
    for (filter, expected) in table {
        assert_eq!(found(&alice, filter.clone()), expected, "{filter:?}");
    }
}

#[test]
fn sizes_are_strict() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice.append(INBOX, vec![new_message("a: b\n\nx\n", &[])]).wait().unwrap();
    let octets = u64::from(incoming("a: b\n\nx\n").octets());
    assert_eq!(found(&alice, Filter::Larger(octets)), "");
    assert_eq!(found(&alice, Filter::Larger(octets - 1)), "1");
    assert_eq!(found(&alice, Filter::Smaller(octets)), "");
    assert_eq!(found(&alice, Filter::Smaller(octets + 1)), "1");
}

#[test]
fn conditions_combine() {
    let rig = Rig::new();
    let alice = mailbox(&rig);
    let seen = || Filter::Flags(SystemFlags::SEEN);
    let lunch = || Filter::header("subject", "lunch");
    let needle = || text("needle");
    let table = [
        (Filter::And(vec![lunch(), Filter::negated(seen())]), "2"),
        (Filter::Or(vec![seen(), needle()]), "1,3"),
        (Filter::negated(Filter::Or(vec![seen(), needle()])), "2"),
        (Filter::negated(Filter::And(vec![needle(), lunch()])), "1:3"),
        (Filter::And(vec![]), "1:3"),
        (Filter::Or(vec![]), ""),
        (Filter::And(vec![needle(), Filter::Or(vec![lunch(), text("parts")])]), "3"),
    ];
    for (filter, expected) in table {
        assert_eq!(found(&alice, filter.clone()), expected, "{filter:?}");
    }
    let among = alice.search(INBOX, [1, 3, 7].into_iter().collect(), &Filter::All).unwrap();
    assert_eq!(among.finish().unwrap(), uids(&[1, 3]));
}

// spec: RFC 7162 §3.1.5
#[test]
fn modseq_is_a_condition_and_an_answer() {
    let rig = Rig::new();
    let alice = mailbox(&rig);
    let before = alice.snapshot().unwrap().modseq();
    alice.set_flags(INBOX, &uids(&[2]), change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    let now = alice.snapshot().unwrap().modseq();
    assert_eq!(found(&alice, Filter::ModSeq(now)), "2");
    assert_eq!(found(&alice, Filter::ModSeq(before)), "1:3");
    assert_eq!(found(&alice, Filter::ModSeq(ModSeq::new(now.value() + 1).unwrap())), "");
    let highest = |filter: Filter| {
        let mut run = alice.search(INBOX, all(), &filter).unwrap();
        while !run.advance().unwrap() {}
        (run.found().to_string(), run.modseq())
    };
    let some = || Filter::Uids([1, 3].into_iter().collect());
    let any_modseq = Filter::ModSeq(ModSeq::new(1).unwrap());
    assert_eq!(highest(Filter::And(vec![some(), any_modseq])), ("1,3".into(), Some(before)));
    // Without the condition nobody asks for it, and no row is looked at.
    assert_eq!(highest(some()), ("1,3".into(), None));
}

#[test]
fn uids_alone_decide_as_rows_do() {
    let rig = Rig::new();
    let alice = mailbox(&rig);
    alice.set_flags(INBOX, &uids(&[2]), change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    alice.expunge(INBOX, Some(&uids(&[2]))).wait().unwrap();
    let some = |uids: &[u32]| Filter::Uids(uids.iter().copied().collect());
    let table = [
        (Filter::All, "1,3"),
        (some(&[2, 3, 9]), "3"),
        (Filter::negated(some(&[2, 3, 9])), "1"),
        (Filter::And(vec![some(&[1, 2]), Filter::negated(some(&[1]))]), ""),
        (Filter::And(vec![Filter::All, some(&[1, 2])]), "1"),
        (Filter::Or(vec![some(&[1]), some(&[3, 4])]), "1,3"),
        (Filter::negated(Filter::Or(vec![])), "1,3"),
    ];
    for (filter, expected) in table {
        assert_eq!(found(&alice, filter.clone()), expected, "{filter:?}");
        // The same with a condition that every row meets.
        let by_rows = Filter::And(vec![filter, Filter::ModSeq(ModSeq::new(1).unwrap())]);
        assert_eq!(found(&alice, by_rows.clone()), expected, "{by_rows:?}");
    }
}

// spec: RFC 8621 §3
#[test]
fn replies_share_a_thread_and_other_subjects_do_not() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let mail = |id: u32, subject: &str, to: u32| {
        let text = format!("Message-ID: <{id}@x>\nReferences: <{to}@x>\nSubject: {subject}\n\nx\n");
        new_message(&text, &[])
    };
    let messages =
        vec![mail(1, "hello", 0), mail(2, "Re: hello", 1), mail(3, "other", 2), mail(4, "RE: Hello", 2)];
    let appended = alice.append(INBOX, messages).wait().unwrap();
    assert_eq!(found(&alice, Filter::Thread(appended[0].thread)), "1:2,4");
    assert_eq!(found(&alice, Filter::Thread(appended[2].thread)), "3");
    assert_eq!(found(&alice, Filter::Email(appended[3].email)), "4");
}

#[test]
fn long_searches_go_in_pieces_over_what_changes_meanwhile() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let number = |n: u32| format!("Subject: {n}\n\n{}\n", if n.is_multiple_of(3) { "needle" } else { "hay" });
    let messages = (1..=5000).map(|n| new_message(&number(n), &[])).collect();
    alice.append(INBOX, messages).wait().unwrap();
    let mut run = alice.search(INBOX, all(), &text("NEEDLE")).unwrap();
    let mut pieces = 1;
    while !run.advance().unwrap() {
        pieces += 1;
        if pieces == 2 {
            alice.set_flags(INBOX, &uids(&[4998]), change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
            alice.expunge(INBOX, None).wait().unwrap();
        }
    }
    assert!(pieces > 3, "{pieces} pieces");
    assert_eq!(run.found().count(), 1665);
    assert!(run.corrupt().is_empty());
    assert_eq!(found(&alice, Filter::header("subject", "4999")), "4999");
}

#[test]
fn a_large_header_is_read_to_its_end() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let long = format!("X-A: {}\nSubject: at the end\n\nSubject: not a field\n", "x".repeat(100_000));
    alice.append(INBOX, vec![new_message(&long, &[])]).wait().unwrap();
    assert_eq!(found(&alice, Filter::header("subject", "at the end")), "1");
    assert_eq!(found(&alice, Filter::header("subject", "not a field")), "");
}

#[test]
fn a_filter_too_deep_is_refused() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let deep = (0..FILTER_DEPTH_MAX).fold(Filter::All, |filter, _| Filter::negated(filter));
    let refused = alice.search(INBOX, all(), &deep).err().unwrap();
    assert_eq!(refused.kind, ErrorKind::InvalidInput);
}
