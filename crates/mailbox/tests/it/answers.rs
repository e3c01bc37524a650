//! Answers while an account's owner is away: who gets one, how often, and what it says.

use koi_mailbox::emails::{IdentityChange, IdentityUpdate, OWN_IDENTITY, VacationRecord};
use koi_mailbox::{Account, Delivery, INBOX, Options};
use koi_types::{Address, ReversePath, Timestamp};

use crate::rig::{Rig, incoming, listed, uid};

fn away() -> VacationRecord {
    VacationRecord { enabled: true, text_body: Some("Back on Monday.\n".into()), ..VacationRecord::default() }
}

fn set(account: &Account, vacation: VacationRecord) {
    account.set_vacation(None, vacation).wait().unwrap();
}

/// Delivers without housekeeping.
fn send(rig: &Rig, from: &str, to: &[&Account], text: &str) {
    let sender = Address::parse(from).map_or(ReversePath::Null, ReversePath::Address);
    let recipients = to.iter().map(|account| account.id()).collect();
    let delivery = Delivery { sender, recipients, message: incoming(text), received_at: rig.service_now() };
    rig.service.deliver(delivery).wait().unwrap().into_iter().for_each(|one| assert!(one.is_ok()));
}

fn message(header: &str) -> String {
    format!("From: b@x\nTo: alice@example.org\nMessage-ID: <1@x>\nSubject: Lunch?\n{header}\nbody\n")
}

fn count(account: &Account) -> usize {
    listed(account, INBOX).len()
}

fn text(account: &Account, number: u32) -> String {
    let snapshot = account.snapshot().unwrap();
    let email = snapshot.message(INBOX, uid(number), |row| row.email).unwrap().unwrap();
    let body = snapshot.email(email).unwrap().unwrap().body;
    let mut octets = Vec::new();
    snapshot.read_body(&body, 0..body.octets, &mut octets).unwrap();
    String::from_utf8(octets).unwrap()
}

// spec: RFC 8621 §8; RFC 3834 §3.1; RFC 3834 §4; RFC 5230 §5.1; RFC 5230 §5.4; RFC 5230 §5.5; RFC 5230 §5.6
// spec: RFC 5230 §5.8
#[test]
fn who_writes_to_somebody_away_is_answered_once() {
    let rig = Rig::with(Options { hostname: "mx.example.org".into(), ..Options::default() });
    let (alice, bob, carol) = (rig.account("alice"), rig.account("bob"), rig.account("carol"));
    let name = IdentityUpdate { name: Some("Alice".into()), ..IdentityUpdate::default() };
    let named = IdentityChange::Update { identity: OWN_IDENTITY, update: name };
    alice.set_identities(None, vec![named]).wait().unwrap();
    set(&alice, away());
    send(&rig, "Bob+work@example.org", &[&alice, &carol], &message(""));
    assert_eq!((count(&alice), count(&bob)), (1, 0), "the delivery itself answers nobody");
    rig.housekeep();
    assert_eq!((count(&alice), count(&bob), count(&carol)), (1, 1, 1));
    let answer = text(&bob, 1);
    assert!(answer.starts_with("Return-Path: <>\r\nReceived: by mx.example.org "), "{answer}");
    for line in [
        "From: Alice <alice@example.org>\r\nTo: Bob+work@example.org\r\n",
        "In-Reply-To: <1@x>\r\nReferences: <1@x>\r\nSubject: Auto: Lunch?\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "\r\n\r\nBack on Monday.\r\n",
    ] {
        assert!(answer.contains(line), "{line:?} is not in {answer}");
    }
    send(&rig, "bob@example.org", &[&alice], &message(""));
    rig.housekeep();
    assert_eq!((count(&alice), count(&bob)), (2, 1), "once in a while");
    send(&rig, "carol@example.org", &[&alice], &message(""));
    rig.housekeep();
    assert_eq!(count(&carol), 2, "another sender");
}

// spec: RFC 3834 §2; RFC 5230 §4.1; RFC 5230 §4.2
#[test]
fn the_same_is_said_again_after_a_week_and_something_else_at_once() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    set(&alice, away());
    let ask = |secs: i64| {
        rig.env.advance_secs(secs);
        for _ in 0..2 {
            send(&rig, "bob@example.org", &[&alice], &message(""));
        }
        rig.housekeep();
        count(&bob)
    };
    let week = 7 * 86_400;
    assert_eq!((ask(0), ask(week - 1), ask(1)), (1, 1, 2));
    set(&alice, VacationRecord { subject: Some("Away".into()), ..away() });
    assert_eq!((ask(1), ask(1)), (3, 3));
    assert!(text(&bob, 3).contains("\r\nSubject: Away\r\n"));
}

// spec: RFC 8621 §8
#[test]
fn only_between_the_dates_and_while_it_is_enabled() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    let at = |secs: i64| Some(Timestamp(rig.service_now().0 + secs * 1000));
    let within = VacationRecord { from: at(10), to: at(20), ..away() };
    let ask = || {
        send(&rig, "bob@example.org", &[&alice], &message(""));
        rig.housekeep();
        count(&bob)
    };
    assert_eq!(ask(), 0, "never set");
    set(&alice, within.clone());
    assert_eq!(ask(), 0, "not yet");
    rig.env.advance_secs(20);
    assert_eq!(ask(), 0, "not any more");
    set(&alice, VacationRecord { enabled: false, ..away() });
    assert_eq!(ask(), 0);
    set(&alice, away());
    send(&rig, "bob@example.org", &[&alice], &message(""));
    set(&alice, VacationRecord { enabled: false, ..away() });
    rig.housekeep();
    assert_eq!(count(&bob), 0, "it was taken back before anybody was answered");
    set(&alice, VacationRecord { from: within.from, ..away() });
    assert_eq!(ask(), 1);
}

// spec: RFC 3834 §2; RFC 5230 §4.5; RFC 5230 §4.6; RFC 8098 §2.1
#[test]
fn machines_lists_and_oneself_are_not_answered() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    let list = rig.account("list-request");
    set(&alice, away());
    set(&bob, away());
    let refused = [
        ("", ""),
        ("alice@example.org", ""),
        ("list-request@example.org", ""),
        ("bob@example.org", "Auto-Submitted: auto-generated\n"),
        ("bob@example.org", "List-Id: <l.example.org>\n"),
        ("bob@example.org", "Precedence: bulk\n"),
        (
            "bob@example.org",
            "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n",
        ),
        ("bob@elsewhere.example", ""),
    ];
    for (sender, header) in refused {
        send(&rig, sender, &[&alice], &message(header));
    }
    send(&rig, "bob@example.org", &[&alice], "To: others@x\n\nhidden in Bcc\n");
    rig.housekeep();
    assert_eq!((count(&alice), count(&bob), count(&list)), (refused.len() + 1, 0, 0));
    send(&rig, "bob@example.org", &[&alice], &message(""));
    rig.housekeep();
    assert_eq!((count(&alice), count(&bob)), (refused.len() + 2, 1), "two that are away stop after one");
}

/// What happens to a message between its delivery and its answer.
#[test]
fn what_waits_survives_a_restart_and_joined_threads() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    set(&alice, away());
    let with = |id: &str, refs: &str| {
        format!("To: alice@example.org\nSubject: same\nMessage-ID: <{id}@x>\nReferences: {refs}\n\nb\n")
    };
    send(&rig, "x@elsewhere.example", &[&alice], &with("1", "<a@x>"));
    send(&rig, "bob@example.org", &[&alice], &with("2", "<b@x>"));
    // Both threads become one, so that the second message gets another id.
    send(&rig, "x@elsewhere.example", &[&alice], &with("3", "<a@x> <b@x>"));
    let again = rig.again(&alice);
    drop(again);
    rig.housekeep();
    assert_eq!(count(&bob), 1);
    rig.housekeep();
    assert_eq!(count(&bob), 1);
}
