//! Queries of emails: windows, filters and orders one by one.

use koi_mailbox::emails::{
    DataType, EmailCondition, EmailFilter, EmailKeyword, EmailOrder, EmailQuery, OrderBy, Queried,
    QueryChanges, QueryOutcome, QueryRun, Window, WindowFrom,
};
use koi_mailbox::{Account, FlagOp, INBOX, NewMessage, Options, SearchBounds};
use koi_message::Collation;
use koi_types::{EmailId, ErrorKind, Timestamp};

use crate::emails::view;
use crate::rig::{Rig, START, change, name, new_message, uids};

fn at(secs: i64) -> Timestamp {
    Timestamp(START.0 + secs * 1000)
}

fn mail(n: i64, header: &str, body: &str) -> NewMessage {
    let text = format!("From: A{n} <a{n}@x>\nSubject: s{}\n{header}\n{body}\n", n % 3);
    NewMessage { received_at: at(n), ..new_message(&text, &[]) }
}

fn query(filter: EmailFilter, order: Vec<EmailOrder>) -> EmailQuery {
    EmailQuery { filter, order, collapse_threads: false }
}

fn run(account: &Account, query: &EmailQuery, window: &Window) -> Option<Queried> {
    match account.query_emails(query.clone()).unwrap().finish(window).unwrap() {
        QueryOutcome::Found(found) => Some(found),
        QueryOutcome::NoAnchor => None,
    }
}

/// The emails of an INBOX that is filled once, as they were received.
fn ids(account: &Account) -> Vec<EmailId> {
    view(account, |emails| emails.ids().collect())
}

/// Which of the emails are found, by their places as they were received.
fn found(account: &Account, query: &EmailQuery) -> Vec<usize> {
    let all = ids(account);
    let found = run(account, query, &Window::ALL).unwrap();
    found.ids.iter().map(|id| all.iter().position(|other| other == id).unwrap()).collect()
}

fn is(condition: EmailCondition) -> EmailQuery {
    let by = EmailOrder { by: OrderBy::ReceivedAt, ascending: true, collation: Collation::default() };
    query(EmailFilter::Is(condition), vec![by])
}

// spec: RFC 8620 §5.5
#[test]
fn windows_begin_at_positions_and_anchors() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice.append(INBOX, (0..10).map(|n| mail(n, "", "x")).collect()).wait().unwrap();
    let newest: Vec<EmailId> = ids(&alice).into_iter().rev().collect();
    let in_inbox = query(EmailFilter::Is(EmailCondition::InMailbox(INBOX)), vec![]);
    let in_order = query(EmailFilter::all(), vec![EmailOrder::newest(), EmailOrder::newest()]);
    for query in [in_inbox, in_order] {
        let window = |from, ids_max| run(&alice, &query, &Window { from, ids_max, total: true });
        let position = |position, ids_max| window(WindowFrom::Position(position), ids_max).unwrap();
        let anchor = |at: usize, offset| window(WindowFrom::Anchor { email: newest[at], offset }, 2).unwrap();
        for (queried, start) in [
            (position(0, 2), 0),
            (position(3, 2), 3),
            (position(-3, 2), 7),
            (position(-99, 2), 0),
            (anchor(4, 0), 4),
            (anchor(4, -2), 2),
            (anchor(4, -9), 0),
            (anchor(4, 3), 7),
        ] {
            assert_eq!((queried.position, queried.total), (start, Some(10)));
            assert_eq!(queried.ids, newest[start as usize..start as usize + 2]);
        }
        assert_eq!(position(9, 5).ids.len(), 1);
        assert!(position(10, 5).ids.is_empty());
        let nobody = WindowFrom::Anchor { email: EmailId([9; 16]), offset: 0 };
        assert_eq!(window(nobody, 2), None);
    }
}

// spec: RFC 8621 §4.4.1
#[test]
fn every_filter_finds_what_it_says() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let attached = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n";
    let parts = "--b\n\ntext\n--b\nContent-Type: image/png\nContent-Disposition: attachment\n\nx\n--b--\n";
    let messages = vec![
        mail(0, "To: T <t@x>\nCc: c@x\nBcc: b@x\n", "first words here"),
        mail(1, "X-Some: value\n", "second words there"),
        mail(2, attached, parts),
        mail(3, "X-Some: other\n", &"long ".repeat(200)),
    ];
    alice.append(INBOX, messages).wait().unwrap();
    let two = alice.create(&name("Two"), None).wait().unwrap().mailbox;
    alice.copy(INBOX, &uids(&[2]), two).wait().unwrap();
    alice.move_(INBOX, &uids(&[3]), two).wait().unwrap();
    alice.set_flags(INBOX, &uids(&[1, 2]), change(FlagOp::Add, &["\\Flagged"]), None).wait().unwrap();
    let flagged = EmailKeyword::parse("$flagged").unwrap();
    let header = |name: &str, text: Option<&str>| EmailCondition::Header {
        name: name.into(),
        text: text.map(Into::into),
    };
    let cases: Vec<(EmailCondition, &[usize])> = vec![
        (EmailCondition::InMailbox(INBOX), &[0, 1, 3]),
        (EmailCondition::InMailbox(two), &[1, 2]),
        (EmailCondition::InMailboxOtherThan(vec![INBOX]), &[1, 2]),
        (EmailCondition::InMailboxOtherThan(vec![INBOX, two]), &[]),
        (EmailCondition::Before(at(2)), &[0, 1]),
        (EmailCondition::After(at(2)), &[2, 3]),
        (EmailCondition::MinSize(900), &[3]),
        (EmailCondition::MaxSize(900), &[0, 1, 2]),
        (EmailCondition::Has(flagged.clone()), &[0, 1]),
        (EmailCondition::HasNot(flagged.clone()), &[2, 3]),
        (EmailCondition::SomeInThreadHave(flagged.clone()), &[0, 1]),
        (EmailCondition::AllInThreadHave(flagged.clone()), &[0, 1]),
        (EmailCondition::NoneInThreadHave(flagged), &[2, 3]),
        (EmailCondition::HasAttachment(true), &[2]),
        (EmailCondition::HasAttachment(false), &[0, 1, 3]),
        (EmailCondition::Text("words".into()), &[0, 1]),
        (EmailCondition::Text("here words".into()), &[0, 1]),
        (EmailCondition::Text("\"words here\"".into()), &[0]),
        (EmailCondition::Text("A3".into()), &[3]),
        (EmailCondition::From("a1@x".into()), &[1]),
        (EmailCondition::To("t@x".into()), &[0]),
        (EmailCondition::Cc("c@x".into()), &[0]),
        (EmailCondition::Bcc("b@x".into()), &[0]),
        (EmailCondition::Subject("s0".into()), &[0, 3]),
        (EmailCondition::Body("there".into()), &[1]),
        (header("X-Some", None), &[1, 3]),
        (header("x-some", Some("val")), &[1]),
    ];
    for (condition, expected) in cases {
        assert_eq!(found(&alice, &is(condition.clone())), expected, "{condition:?}");
    }
    let not = EmailFilter::Not(vec![
        EmailFilter::Is(EmailCondition::Subject("s0".into())),
        EmailFilter::Is(EmailCondition::InMailbox(two)),
    ]);
    assert_eq!(found(&alice, &query(not, vec![])), [0usize; 0]);
    assert_eq!(found(&alice, &query(EmailFilter::Or(vec![]), vec![])), [0usize; 0]);
    let deep = (0..100).fold(EmailFilter::all(), |filter, _| EmailFilter::And(vec![filter]));
    assert!(alice.query_emails(query(deep, vec![])).is_err());
}

// spec: RFC 8621 §4.4.2
#[test]
fn every_order_is_kept() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let date = |day: u32| format!("Date: {day} Jan 2026 00:00:00 +0000\nTo: z{} <x@x>\n", 9 - day);
    let messages = vec![
        mail(0, &date(3), &"x".repeat(30)),
        mail(1, &date(2), &"x".repeat(10)),
        mail(2, &date(1), &"x".repeat(20)),
    ];
    alice.append(INBOX, messages).wait().unwrap();
    alice.set_flags(INBOX, &uids(&[2]), change(FlagOp::Add, &["k"]), None).wait().unwrap();
    let keyword = EmailKeyword::parse("k").unwrap();
    let cases = [
        (OrderBy::ReceivedAt, [0, 1, 2]),
        (OrderBy::Size, [1, 2, 0]),
        (OrderBy::From, [0, 1, 2]),
        (OrderBy::To, [0, 1, 2]),
        (OrderBy::Subject, [0, 1, 2]),
        (OrderBy::SentAt, [2, 1, 0]),
        (OrderBy::HasKeyword(keyword.clone()), [0, 2, 1]),
        (OrderBy::SomeInThreadHave(keyword.clone()), [0, 2, 1]),
        (OrderBy::AllInThreadHave(keyword), [0, 2, 1]),
    ];
    for (by, expected) in cases {
        let received = EmailOrder { ascending: true, ..EmailOrder::newest() };
        let order = EmailOrder { by: by.clone(), ascending: true, collation: Collation::default() };
        let up = query(EmailFilter::all(), vec![order.clone(), received.clone()]);
        assert_eq!(found(&alice, &up), expected, "{by:?}");
        let first = EmailOrder { ascending: false, ..order };
        let down = found(&alice, &query(EmailFilter::all(), vec![first, EmailOrder::newest()]));
        assert_eq!(down, expected.into_iter().rev().collect::<Vec<_>>(), "{by:?}");
    }
}

// spec: RFC 8620 §5.6
#[test]
fn changes_of_results_are_bounded_and_end_where_nothing_moves() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice.append(INBOX, (0..4).map(|n| mail(n, "", "x")).collect()).wait().unwrap();
    let sized = query(EmailFilter::Is(EmailCondition::MinSize(1)), vec![]);
    let before = run(&alice, &sized, &Window::ALL).unwrap();
    alice.append(INBOX, vec![mail(-5, "", "y"), mail(9, "", "z")]).wait().unwrap();
    let ask = |max, up_to| {
        let run = alice.query_email_changes(sized.clone(), before.state, max, up_to).unwrap();
        run.finish().unwrap()
    };
    let QueryChanges::Changes(all) = ask(None, None) else { panic!("cannot calculate") };
    assert_eq!(all.added.iter().map(|added| added.index).collect::<Vec<_>>(), [0, 5]);
    assert!(all.removed.is_empty() && all.total == 6);
    let QueryChanges::Changes(some) = ask(None, Some(before.ids[0])) else { panic!("cannot calculate") };
    assert_eq!(some.added.len(), 1);
    assert_eq!(ask(Some(1), None), QueryChanges::TooMany);
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    let QueryChanges::Changes(after) = ask(None, None) else { panic!("cannot calculate") };
    assert!(after.removed.is_empty(), "no filter or order looks at keywords");
}

fn applied(mut ids: Vec<EmailId>, changes: &QueryChanges) -> Vec<EmailId> {
    let QueryChanges::Changes(changes) = changes else { panic!("{changes:?}") };
    ids.retain(|id| !changes.removed.contains(id));
    for added in &changes.added {
        ids.insert(added.index as usize, added.email);
    }
    ids
}

// spec: RFC 8620 §5.6
#[test]
fn what_comes_while_a_query_runs_is_told_by_the_next() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let subject = || EmailFilter::Is(EmailCondition::Subject("s1".into()));
    let by = |by| vec![EmailOrder { by, ascending: true, collation: Collation::default() }];
    let mut next = 0;
    let mut more = || {
        next += 3;
        alice.append(INBOX, vec![mail(next + 1, "", "x"), mail(next, "", "x")]).wait().unwrap();
    };
    for query in [
        query(subject(), vec![]),
        query(EmailFilter::Not(vec![subject()]), vec![]),
        query(EmailFilter::all(), by(OrderBy::Subject)),
    ] {
        more();
        let mut running = alice.query_emails(query.clone()).unwrap();
        assert!(running.advance(&Window::ALL).unwrap().is_none(), "it takes several steps");
        more();
        let QueryOutcome::Found(found) = running.finish(&Window::ALL).unwrap() else { panic!("no anchor") };
        let run_from = |state| alice.query_email_changes(query.clone(), state, None, None).unwrap();
        let then = run_from(found.state).finish().unwrap();
        assert_eq!(applied(found.ids.clone(), &then), run(&alice, &query, &Window::ALL).unwrap().ids);

        let QueryChanges::Changes(told) = &then else { panic!("{then:?}") };
        more();
        let mut running = run_from(told.new_state);
        assert!(running.advance().unwrap().is_none(), "it takes several steps");
        more();
        let during = running.finish().unwrap();
        let QueryChanges::Changes(told) = &during else { panic!("{during:?}") };
        let ids = applied(applied(found.ids, &then), &during);
        let ids = applied(ids, &run_from(told.new_state).finish().unwrap());
        assert_eq!(ids, run(&alice, &query, &Window::ALL).unwrap().ids);
    }
}

// spec: RFC 8620 §5.5; RFC 8620 §3.6.2
#[test]
fn a_query_that_costs_too_much_is_stopped() {
    let bounds = SearchBounds { secs_max: 60, octets_max: Some(200_000) };
    let rig = Rig::with(Options { query_bounds: bounds, ..Options::default() });
    let alice = rig.account("alice");
    let long = "x ".repeat(1000);
    alice
        .append(INBOX, (0..3000).map(|n| mail(n, "", if n < 1200 { "y" } else { &long })).collect())
        .wait()
        .unwrap();
    let body = |word: &str| EmailFilter::Is(EmailCondition::Body(word.into()));
    let refused = |run: QueryRun| {
        let error = run.finish(&Window::ALL).unwrap_err();
        assert_eq!(error.kind, ErrorKind::LimitReached);
        error.text
    };
    // Of those that are decided otherwise, nothing is read.
    let few = EmailFilter::And(vec![EmailFilter::Is(EmailCondition::MaxSize(1000)), body("y")]);
    assert_eq!(run(&alice, &query(few, vec![]), &Window::ALL).unwrap().total, Some(1200));
    let much = alice.query_emails(query(body("y"), vec![])).unwrap();
    assert_eq!(&*refused(much), "this search reads too much");
    let mut slow = alice.query_emails(query(body("y"), vec![])).unwrap();
    assert!(slow.advance(&Window::ALL).unwrap().is_none());
    rig.env.advance_secs(60);
    assert_eq!(&*refused(slow), "this search takes too long");
    // Also when it is asked what changed; what the table decides is quick.
    let state = run(&alice, &query(EmailFilter::all(), vec![]), &Window::ALL).unwrap().state;
    let mut changes = alice.query_email_changes(query(body("y"), vec![]), state, None, None).unwrap();
    let error = std::iter::repeat_with(|| changes.advance()).find_map(Result::err).unwrap();
    assert_eq!(error.kind, ErrorKind::LimitReached);
}

// spec: RFC 8621 §4.4.1
#[test]
fn a_condition_that_stands_twice_is_searched_once() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice
        .append(INBOX, (0..10).map(|n| mail(n, "", if n < 4 { "y" } else { "x" })).collect())
        .wait()
        .unwrap();
    let body = || EmailFilter::Is(EmailCondition::Body("y".into()));
    let sized = |octets| EmailFilter::Is(EmailCondition::MinSize(octets));
    let pair = |octets| EmailFilter::And(vec![sized(octets), body()]);
    let not = |filter| EmailFilter::Not(vec![filter]);
    let examined = |filter: &EmailFilter| {
        let mut running = alice.query_emails(query(filter.clone(), vec![])).unwrap();
        let found = loop {
            match running.advance(&Window::ALL).unwrap() {
                None => {}
                Some(QueryOutcome::Found(found)) => break found.ids.len(),
                Some(QueryOutcome::NoAnchor) => panic!("no anchor was asked for"),
            }
        };
        (found, running.examined())
    };
    let once = examined(&body());
    assert_eq!((once.0, once.1.messages), (4, 10));
    assert_eq!(examined(&EmailFilter::Or(vec![pair(1), pair(2)])), once);
    let none = EmailFilter::And(vec![body(), not(body())]);
    assert_eq!(examined(&none), (0, once.1));
}

// spec: RFC 8620 §5.5; RFC 8620 §3.6.2
#[test]
fn so_many_conditions_are_not_looked_for_among_so_many_emails() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice.append(INBOX, vec![new_message("Subject: x\n\nx\n", &[]); 16_500]).wait().unwrap();
    let texts = (0..1023).map(|n| EmailFilter::Is(EmailCondition::Body(n.to_string().into()))).collect();
    let much = query(EmailFilter::Or(texts), vec![]);
    let mut running = alice.query_emails(much.clone()).unwrap();
    let refused = std::iter::repeat_with(|| running.advance(&Window::ALL)).find_map(Result::err).unwrap();
    assert_eq!(refused.kind, ErrorKind::LimitReached);
    assert_eq!(&*refused.text, "this search has too many conditions for so many emails");
    assert_eq!(running.examined().messages, 0, "nothing was looked for");
    let state = view(&alice, |emails| emails.state(DataType::Email));
    let changes = alice.query_email_changes(much, state, None, None).unwrap();
    assert_eq!(changes.finish().unwrap_err().kind, ErrorKind::LimitReached);
}
