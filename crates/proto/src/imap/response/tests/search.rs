//! Known answers for SEARCH, ESEARCH, SORT, THREAD and COMPARATOR.

use koi_types::{ModSeq, NumSet, UidValidity};

use super::super::*;
use super::{sent, tag};

/// RFC 3501 §7.2.5, RFC 7162 §3.1.6, RFC 9051 §7.3.4, RFC 4731 §3.1 and §3.2
#[test]
fn search_responses() {
    let mod_seq = ModSeq::new(917_162_500);
    assert_eq!(sent(|out| search([2, 3, 6], None, out)), "* SEARCH 2 3 6");
    assert_eq!(sent(|out| search([], mod_seq, out)), "* SEARCH");
    assert_eq!(sent(|out| search([2, 5], mod_seq, out)), "* SEARCH 2 5 (MODSEQ 917162500)");
    let line = |answer: Esearch<'_>| sent(|out| esearch(&answer, out));
    let (a, all) = (tag("A282"), [2, 10, 11, 12].into_iter().collect::<NumSet>());
    assert_eq!(
        line(Esearch { tag: Some(&a), min: Some(2), count: Some(3), ..Esearch::default() }),
        "* ESEARCH (TAG \"A282\") MIN 2 COUNT 3"
    );
    let both = Esearch {
        tag: Some(&a),
        by_uid: true,
        max: Some(3800),
        all: Some(Numbers::Set(&all)),
        mod_seq,
        ..Esearch::default()
    };
    assert_eq!(line(both), "* ESEARCH (TAG \"A282\") UID MAX 3800 ALL 2,10:12 MODSEQ 917162500");
    let none = NumSet::new();
    assert_eq!(
        line(Esearch { tag: Some(&a), all: Some(Numbers::Set(&none)), count: Some(0), ..Esearch::default() }),
        "* ESEARCH (TAG \"A282\") COUNT 0"
    );
    assert_eq!(line(Esearch::default()), "* ESEARCH");
}

/// RFC 5256 §4, RFC 7162 §3.1.9, RFC 5255 §4.8
#[test]
fn sort_thread_and_comparator_responses() {
    assert_eq!(sent(|out| sort(&[2, 84, 3], None, out)), "* SORT 2 84 3");
    assert_eq!(sent(|out| sort(&[], ModSeq::new(5), out)), "* SORT");
    assert_eq!(sent(|out| sort(&[2], ModSeq::new(5), out)), "* SORT 2 (MODSEQ 5)");
    // (2)(3 6 (4 23)(44 7 96))
    let tree = sent(|out| {
        let mut line = ThreadLine::begin(out);
        line.open(out);
        line.member(2, out);
        line.close(out);
        line.open(out);
        line.member(3, out);
        line.member(6, out);
        for members in [&[4, 23][..], &[44, 7, 96]] {
            line.open(out);
            members.iter().for_each(|member| line.member(*member, out));
            line.close(out);
        }
        line.close(out);
        line.end(out);
    });
    assert_eq!(tree, "* THREAD (2)(3 6 (4 23)(44 7 96))");
    assert_eq!(sent(|out| ThreadLine::begin(out).end(out)), "* THREAD");
    assert_eq!(sent(|out| comparator("i;octet", true, &["i;octet"], out)), "* COMPARATOR -i;octet");
    assert_eq!(sent(|out| comparator("a", false, &["a", "b"], out)), "* COMPARATOR a (a b)");
}

/// RFC 5267 §4.3.3 and §4.4, RFC 6203 §4, RFC 7377 §2.1
#[test]
fn extended_search_responses() {
    let tag = tag("B01");
    let change = |position, numbers: &[u32]| ListChange { position, numbers: numbers.to_vec() };
    let changes = |removed: &[ListChange], added: &[ListChange]| {
        sent(|out| context_changes(&tag, true, removed, added, out))
    };
    assert_eq!(changes(&[], &[]), "");
    assert_eq!(
        changes(&[], &[change(0, &[32768, 32769])]),
        "* ESEARCH (TAG \"B01\") UID ADDTO (0 32768:32769)"
    );
    assert_eq!(
        changes(&[change(2, &[5, 4, 7, 8])], &[change(1, &[2733]), change(3, &[9])]),
        "* ESEARCH (TAG \"B01\") UID REMOVEFROM (2 5,4,7:8) ADDTO (1 2733 3 9)"
    );
    let range = |from, to, backwards| crate::imap::command::PartialRange { from, to, backwards };
    let partial = |range, numbers| {
        let partial = Some(Partial { range, numbers: Numbers::Ordered(numbers) });
        sent(|out| esearch(&Esearch { tag: Some(&tag), partial, ..Esearch::default() }, out))
    };
    assert_eq!(
        partial(range(1, 10, false), &[42, 9, 34, 13, 15]),
        "* ESEARCH (TAG \"B01\") PARTIAL (1:10 42,9,34,13,15)"
    );
    assert_eq!(partial(range(1, 100, true), &[]), "* ESEARCH (TAG \"B01\") PARTIAL (-1:-100 NIL)");
    let scored = Esearch {
        tag: Some(&tag),
        mailbox: Some(MailboxCorrelator {
            name: "folder 1",
            encoding: NameEncoding::ModifiedUtf7,
            uid_validity: UidValidity::new(7).unwrap(),
        }),
        by_uid: true,
        all: Some(Numbers::Ordered(&[5, 10, 1])),
        relevancy: Some(&[99, 42, 4]),
        ..Esearch::default()
    };
    assert_eq!(
        sent(|out| esearch(&scored, out)),
        "* ESEARCH (TAG \"B01\" MAILBOX \"folder 1\" UIDVALIDITY 7) UID ALL 5,10,1 RELEVANCY (99 42 4)"
    );
}
