//! Rows of the search index: whatever is in the store, reading it ends, stays within its bounds, and what is
//! read as a head is written as it was.

use koi_store::record::index::{
    INDEX_SEGMENT_DOCS_MAX, IndexHead, SegmentRecord, TermRow, TermRowBuilder, decode_docs, decode_purged,
    encode_docs, encode_postings,
};
use koi_types::{EmailId, ModSeq};

use super::Target;

/// Rows of every kind.
#[must_use]
pub fn target() -> Target {
    let segment = SegmentRecord { number: 1, docs: 3, rows: 1, terms: 2, octets: 99 };
    let (modseq, segments) = (ModSeq::MIN, vec![segment]);
    let head = IndexHead { rules: 1, modseq, upto: None, next_segment: 2, purged: 0, segments };
    let mut row = TermRowBuilder::default();
    for (term, docs) in [(b"".as_slice(), [1, 2].as_slice()), (b"ab", &[0, 300, 70_000]), (b"b", &[5])] {
        let mut postings = Vec::new();
        encode_postings(docs, &mut postings);
        row.push(term, &postings);
    }
    let seeds = vec![head.encode(), encode_docs(&[EmailId([7; 16])]), row.take()];
    Target { name: "index_rows", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[b"\n", b"\x01", b"\x02", b"\xff\xff\xff\xff\x0f", b"\x80\x80\x08"];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    if let Some(head) = IndexHead::decode(input) {
        assert_eq!(head.encode(), input, "a head reads as it was written");
        let _ = (head.docs(), head.octets());
    }
    let _ = (decode_docs(input), decode_purged(input));
    let Some(row) = TermRow::decode(input) else { return };
    let mut walk = row.walk();
    let mut visited = 0u64;
    while let Ok(Some(term)) = walk.next_term() {
        assert!(term.len() < input.len() && !term.contains(&b'\n'));
        let mut last = None;
        let read = walk.postings(|doc| {
            assert!(doc < INDEX_SEGMENT_DOCS_MAX && last < Some(doc), "ascending, within a segment");
            last = Some(doc);
            visited += 1;
        });
        if read.is_err() {
            break;
        }
    }
    assert!(visited <= 8 * input.len() as u64, "no more postings than octets could hold");
    // Passing over postings comes to the same end.
    let mut walk = row.walk();
    while let Ok(Some(_)) = walk.next_term() {}
}
