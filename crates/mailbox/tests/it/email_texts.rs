//! Queries of emails by what their messages say, over the search index: the same results with it and without
//! it, through what was found or through the whole table, in any window.

use koi_mailbox::emails::{
    EmailCondition, EmailFilter, EmailKeyword, EmailOrder, EmailQuery, OrderBy, Queried, QueryOutcome,
    Window, WindowFrom,
};
use koi_mailbox::{Account, Examined, FlagOp, INBOX, NewMessage};
use koi_message::Collation;
use koi_types::{EmailId, Timestamp};

use crate::index::{build, rig, without};
use crate::rig::{START, change, name, new_message, uids};

fn number(n: u32) -> NewMessage {
    let text = format!(
        "From: a{}@x\nSubject: s{}\nMessage-ID: <{n}@x>\n\nwords of message w{n}x and g{}e\n",
        n % 7,
        n % 3,
        n % 10
    );
    // Some are of the same moment.
    NewMessage { received_at: Timestamp(START.0 + i64::from(n / 3) * 1000), ..new_message(&text, &[]) }
}

fn is(condition: EmailCondition) -> EmailFilter {
    EmailFilter::Is(condition)
}

fn text(text: &str) -> EmailFilter {
    is(EmailCondition::Text(text.into()))
}

fn by(by: OrderBy, ascending: bool) -> EmailOrder {
    EmailOrder { by, ascending, collation: Collation::default() }
}

struct Found {
    queried: Option<Queried>,
    examined: Examined,
}

fn run(account: &Account, query: &EmailQuery, window: &Window) -> Found {
    let mut run = account.query_emails(query.clone()).unwrap();
    loop {
        let outcome = run.advance(window).unwrap();
        let examined = run.examined();
        match outcome {
            None => {}
            Some(QueryOutcome::Found(found)) => return Found { queried: Some(found), examined },
            Some(QueryOutcome::NoAnchor) => return Found { queried: None, examined },
        }
    }
}

fn filters(two: koi_types::MailboxId) -> Vec<EmailFilter> {
    let flagged = EmailKeyword::parse("$flagged").unwrap();
    vec![
        text("w77x"),
        text("nowhere"),
        text("w7"),
        text("words"),
        text("g3e w1"),
        EmailFilter::And(vec![is(EmailCondition::InMailbox(two)), text("w7")]),
        EmailFilter::And(vec![text("g4e"), text("w9"), is(EmailCondition::HasNot(flagged.clone()))]),
        EmailFilter::Or(vec![text("w77x"), text("w99x"), is(EmailCondition::Subject("nothing".into()))]),
        EmailFilter::Or(vec![text("w77x"), is(EmailCondition::Has(flagged))]),
        EmailFilter::Not(vec![text("w1"), text("w2")]),
        EmailFilter::And(vec![is(EmailCondition::Body("w5".into())), EmailFilter::Not(vec![text("g5e")])]),
        EmailFilter::And(vec![is(EmailCondition::HasAttachment(false)), text("w50")]),
        is(EmailCondition::From("a3@x".into())),
    ]
}

// spec: RFC 8620 §5.5; RFC 8621 §4.4.1
#[test]
fn texts_are_found_the_same_with_an_index_and_few_emails_are_read() {
    let rig = rig();
    let alice = rig.account("alice");
    let two = alice.create(&name("Two"), None).wait().unwrap().mailbox;
    alice.append(INBOX, (1..=500).map(number).collect()).wait().unwrap();
    alice.append(two, (501..=800).map(number).collect()).wait().unwrap();
    alice.set_flags(INBOX, &uids(&[5, 77, 99]), change(FlagOp::Add, &["\\Flagged"]), None).wait().unwrap();
    let plain = without(&rig, &alice);
    let compare = |at: &str| {
        for filter in filters(two) {
            for order in [vec![], vec![by(OrderBy::Subject, true)]] {
                let query = EmailQuery { filter: filter.clone(), order, collapse_threads: false };
                let with = run(&alice, &query, &Window::ALL).queried.unwrap();
                let expected = run(&plain, &query, &Window::ALL).queried.unwrap();
                assert_eq!(with, expected, "{at}: {filter:?}");
            }
        }
    };
    compare("without an index");
    let first = rig.service.index_run(alice.id(), false).unwrap().map(|mut run| run.advance());
    assert!(first.is_some(), "begun");
    compare("while it is built");
    build(&rig.service, &alice);
    compare("with it");
    let read = |filter| {
        let query = EmailQuery { filter, order: vec![], collapse_threads: false };
        run(&alice, &query, &Window::ALL).examined.messages
    };
    assert_eq!((read(text("w77x")), read(text("nowhere"))), (1, 0));
    assert_eq!(read(EmailFilter::And(vec![is(EmailCondition::InMailbox(two)), text("w77x")])), 0);
    // Of a conjunction, only what the first found is looked at for the second.
    assert_eq!(read(EmailFilter::And(vec![text("w77x"), text("words")])), 2);
    // What comes later is read, and what is copied or moved later is known.
    alice.append(two, vec![number(77), number(4000)]).wait().unwrap();
    alice.copy(INBOX, &uids(&[10, 11]), two).wait().unwrap();
    alice.move_(INBOX, &uids(&[77, 78]), two).wait().unwrap();
    compare("with later mail");
    assert!(read(text("nowhere")) <= 6);
}

// spec: RFC 8620 §5.5
#[test]
fn every_window_is_a_part_of_all_results() {
    let rig = rig();
    let alice = rig.account("alice");
    alice.append(INBOX, (1..=60).map(number).collect()).wait().unwrap();
    let filters = [EmailFilter::all(), text("w1"), text("w33x"), EmailFilter::Or(vec![])];
    let received = |ascending| vec![by(OrderBy::ReceivedAt, ascending)];
    let orders = [received(true), received(false), vec![by(OrderBy::Size, true)]];
    for (filter, order) in filters.iter().flat_map(|filter| orders.iter().map(move |order| (filter, order))) {
        for collapse_threads in [false, true] {
            let query = EmailQuery { filter: filter.clone(), order: order.clone(), collapse_threads };
            let all = run(&alice, &query, &Window::ALL).queried.unwrap().ids;
            for (from, ids_max) in windows(&all) {
                for total in [false, true] {
                    let window = Window { from, ids_max, total };
                    let found = run(&alice, &query, &window).queried;
                    assert_eq!(picked(found), plainly(&all, &window), "{query:?} {window:?}");
                }
            }
        }
    }
}

fn windows(all: &[EmailId]) -> Vec<(WindowFrom, usize)> {
    let anchor = |at: usize| all.get(at).copied().unwrap_or(EmailId([9; 16]));
    let mut from: Vec<WindowFrom> = [0, 1, 5, 59, 60, 99, -1, -7, -60, -99, i64::MAX, i64::MIN]
        .map(WindowFrom::Position)
        .into_iter()
        .collect();
    for (at, offset) in
        [(0, 0), (3, 0), (3, -2), (3, -9), (3, 2), (3, 99), (9, i64::MIN), (99, -1), (0, i64::MAX)]
    {
        from.push(WindowFrom::Anchor { email: anchor(at), offset });
    }
    from.into_iter().flat_map(|from| [0, 1, 4, 100].map(|max| (from, max))).collect()
}

type Part = Option<(u64, Vec<EmailId>, Option<u64>)>;

fn picked(found: Option<Queried>) -> Part {
    found.map(|found| (found.position, found.ids, found.total))
}

/// RFC 8620 §5.5, in the plainest way.
fn plainly(all: &[EmailId], window: &Window) -> Part {
    let start = match window.from {
        WindowFrom::Position(position) if position < 0 => {
            all.len().saturating_sub(position.unsigned_abs() as usize)
        }
        WindowFrom::Position(position) => position as usize,
        WindowFrom::Anchor { email, offset } => {
            all.iter().position(|id| *id == email)?.saturating_add_signed(offset as isize)
        }
    };
    let ids = all.iter().skip(start).take(window.ids_max).copied().collect();
    Some((start as u64, ids, window.total.then_some(all.len() as u64)))
}
