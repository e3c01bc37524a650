//! Fixtures of version 1, and that whatever is written is read.

use koi_types::{EmailId, ModSeq};

use super::*;

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn head() -> IndexHead {
    let segment = SegmentRecord { number: 3, docs: 5000, rows: 9, terms: 0x0102, octets: 0x0304 };
    IndexHead {
        rules: 0x0708,
        modseq: ModSeq::new(0x0506).unwrap(),
        upto: None,
        next_segment: 4,
        purged: 7,
        segments: vec![segment],
    }
}

#[test]
fn heads() {
    let building = IndexHead { upto: Some(EmailId([9; 16])), segments: Vec::new(), ..head() };
    let none = "0000000000000000 0000000000000000";
    let some = "0909090909090909 0909090909090909";
    let table = [
        (
            head(),
            format!(
                "01 0807000000000000 0605000000000000 00 {none} 04000000 0700000000000000
                 03000000 88130000 09000000 02010000 0403000000000000"
            ),
        ),
        (building, format!("01 0807000000000000 0605000000000000 01 {some} 04000000 0700000000000000")),
    ];
    for (head, fixture) in table {
        let stored = head.encode();
        assert_eq!(hex(&stored), fixture.split_whitespace().collect::<String>());
        assert_eq!(IndexHead::decode(&stored), Some(head));
        assert_eq!(IndexHead::decode(&stored[..stored.len() - 1]), None);
        let mut newer = stored.clone();
        newer[0] = 2;
        assert_eq!(IndexHead::decode(&newer), None);
    }
    assert_eq!((head().docs(), head().octets(), head().segments[0].doc_rows()), (5000, 0x0304, 3));
    let impossible = IndexHead { next_segment: 3, ..head() };
    assert_eq!(IndexHead::decode(&impossible.encode()), None);
}

#[test]
fn rows_of_emails_and_the_counter() {
    let docs = [EmailId([1; 16]), EmailId([2; 16])];
    let stored = encode_docs(&docs);
    assert_eq!(hex(&stored), format!("01{}{}", "01".repeat(16), "02".repeat(16)));
    assert_eq!(decode_docs(&stored), Some([[1; 16], [2; 16]].as_slice()));
    assert_eq!(decode_docs(&stored[..20]), None);
    let full = encode_docs(&vec![EmailId([0; 16]); INDEX_DOCS_PER_ROW as usize]);
    assert!(full.len() <= INDEX_ROW_OCTETS_MAX && full.len() + 16 > INDEX_ROW_OCTETS_MAX);
    assert_eq!(hex(&encode_purged(258)), "010201000000000000");
    assert_eq!(decode_purged(&encode_purged(258)), Some(258));
    assert_eq!(decode_purged(&[1]), None);
}

struct Read {
    term: Vec<u8>,
    docs: Vec<u32>,
}

fn read(row: &[u8]) -> Result<Vec<Read>, Unreadable> {
    let mut walk = TermRow::decode(row).ok_or(Unreadable)?.walk();
    let mut all = Vec::new();
    while let Some(term) = walk.next_term()? {
        let mut docs = Vec::new();
        walk.postings(|doc| docs.push(doc))?;
        all.push(Read { term: term.to_vec(), docs });
    }
    Ok(all)
}

#[test]
fn a_row_of_terms() {
    let mut row = TermRowBuilder::default();
    assert!(row.is_empty());
    let sets: [(&[u8], &[u32]); 4] =
        [(b"", &[0]), (b"a", &[5]), (b"bc", &[1, 300, 301]), (b"d", &[2, 3, 4, 5, 7, 11])];
    for (term, docs) in sets {
        let mut postings = Vec::new();
        encode_postings(docs, &mut postings);
        assert!(row.push(term, &postings));
    }
    let stored = row.take();
    let fixture = "01 04 08 0a 61 0a 62 63 0a 64 0a  00  14  05 02 aa02 00  0a 02 17 01";
    assert_eq!(hex(&stored), fixture.split_whitespace().collect::<String>());
    for (read, (term, docs)) in read(&stored).unwrap().iter().zip(sets) {
        assert_eq!((read.term.as_slice(), read.docs.as_slice()), (term, docs));
    }
    // Skipping gives the same terms.
    let mut walk = TermRow::decode(&stored).unwrap().walk();
    let mut terms = 0;
    while walk.next_term().unwrap().is_some() {
        terms += 1;
    }
    assert_eq!((terms, TermRow::decode(&stored).unwrap().terms()), (4, 4));
    for cut in 0..stored.len() {
        assert!(read(&stored[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn any_set_is_read_as_it_was_written() {
    let mut random = 12345u32;
    let mut next = move |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) % below
    };
    for round in 0..500 {
        let span = [3, 100, 5000, INDEX_SEGMENT_DOCS_MAX][round % 4];
        let mut docs: Vec<u32> = (0..=next(400)).map(|_| next(span)).collect();
        docs.sort_unstable();
        docs.dedup();
        let mut postings = Vec::new();
        encode_postings(&docs, &mut postings);
        let mut row = TermRowBuilder::default();
        assert!(row.push(b"x", &postings) && row.push(b"y", &[4]));
        let stored = row.take();
        assert_eq!(read(&stored).unwrap()[0].docs, docs);
        // What is left out is as long as what is read.
        let mut walk = TermRow::decode(&stored).unwrap().walk();
        let terms = [walk.next_term(), walk.next_term()];
        let mut last = Vec::new();
        walk.postings(|doc| last.push(doc)).unwrap();
        assert_eq!((terms, last), ([Ok(Some(&b"x"[..])), Ok(Some(&b"y"[..]))], vec![1]));
        assert_eq!(walk.next_term(), Ok(None));
    }
    let all: Vec<u32> = (0..INDEX_SEGMENT_DOCS_MAX).collect();
    let mut postings = Vec::new();
    encode_postings(&all, &mut postings);
    assert!(postings.len() + 300 < INDEX_ROW_OCTETS_MAX, "{}", postings.len());
}

#[test]
fn a_row_that_is_full_takes_no_more() {
    let mut row = TermRowBuilder::default();
    let mut terms = 0;
    while row.push(&[b'x'; 200], &[4]) {
        terms += 1;
    }
    let stored = row.take();
    assert!(terms > 100 && stored.len() <= INDEX_ROW_OCTETS_MAX && stored.len() > INDEX_ROW_OCTETS_MAX - 300);
    assert!(row.is_empty() && row.push(b"y", &[4]));
}
