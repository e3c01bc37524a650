//! Hostile messages: megabytes made to be slow, deep or numerous. They must be parsed in linear time, which
//! shows in that the suite ends, and within the limits.

use koi_message::limits::{ADDRESSES_MAX, PART_DEPTH_MAX, PARTS_MAX, REFERENCES_MAX};
use koi_message::{Needle, Part, Scratch, Structure, parse};

const OCTETS: usize = 10 << 20;

fn repeated(head: &str, piece: &str) -> Vec<u8> {
    let mut raw = head.as_bytes().to_vec();
    raw.extend(piece.bytes().cycle().take(OCTETS / piece.len() * piece.len()));
    raw
}

fn depth(part: &Part) -> usize {
    1 + part.children().iter().map(depth).max().unwrap_or(0)
}

fn count(part: &Part) -> usize {
    1 + part.children().iter().map(count).sum::<usize>()
}

#[test]
fn ten_megabytes_of_anything_end() {
    let mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    let hostile = [
        ("comments", repeated("From: ", "(")),
        ("quotes", repeated("From: ", "\"\\")),
        ("angles", repeated("From: ", "<")),
        ("groups", repeated("To: ", "a:")),
        ("parameters", repeated("Content-Type: a/b", ";a*0=b")),
        ("quoted parameter", repeated("Content-Type: a/b; c=\"", "\\\"")),
        ("encoded words", repeated("Subject: ", "=?")),
        ("encoded words without end", repeated("Subject: ", "=?a?q?")),
        ("subject blobs", repeated("Subject: ", "[a]")),
        ("subject forwards", repeated("Subject: ", "[fwd:")),
        ("references", repeated("References: ", "<")),
        ("dates", repeated("Date: ", "1 (")),
        ("folds", repeated("Subject: ", "\r\n ")),
        ("fields", repeated("", "a:\n")),
        ("one line", repeated("", "x")),
        ("line feeds", repeated("\n", "\n")),
        ("carriage returns", repeated("", "\r")),
        ("delimiters", repeated(mixed, "--b\n")),
        ("almost delimiters", repeated(mixed, "\n--")),
        ("closings", repeated(mixed, "--b--\n")),
        ("base64", repeated("Content-Transfer-Encoding: base64\n\n", "=")),
        ("quoted-printable", repeated("Content-Transfer-Encoding: quoted-printable\n\n", "=\t")),
        ("uuencode", repeated("Content-Transfer-Encoding: x-uuencode\n\nbegin 6 x\n", "#")),
        ("utf-7", repeated("Content-Type: text/plain; charset=utf-7\n\n", "+A")),
        ("nested messages", repeated("", "Content-Type: message/rfc822\n\n")),
    ];
    let mut scratch = Scratch::default();
    for (name, raw) in hostile {
        let structure = parse(&raw).facts.structure;
        assert_eq!(structure.root.body.end as usize, raw.len(), "{name}");
        assert!(depth(&structure.root) <= PART_DEPTH_MAX + 1, "{name}");
        assert!(count(&structure.root) <= 2 * PARTS_MAX, "{name}");
        let mut record = Vec::new();
        structure.encode(&mut record);
        assert!(Structure::decode(&record).is_ok(), "{name}");
        for word in ["qzqz needle", "=\u{e9}"] {
            assert!(!Needle::new(word).in_text(&raw, &structure, &mut scratch), "{name}");
        }
    }
}

#[test]
fn nested_multiparts_stop_at_the_depth_limit() {
    let mut raw = Vec::new();
    for level in 0..5_000 {
        raw.extend(format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n").bytes());
    }
    let structure = parse(&raw).facts.structure;
    assert_eq!(depth(&structure.root), PART_DEPTH_MAX + 1, "the innermost holds an empty part");
    let mut record = Vec::new();
    structure.encode(&mut record);
    assert_eq!(Structure::decode(&record), Ok(structure));
}

/// With 64 open multiparts, whose boundaries are all alike but for their ends, each line is almost a
/// delimiter.
#[test]
fn many_boundaries_with_a_long_common_beginning() {
    let common = "c".repeat(900);
    let mut raw = Vec::new();
    for level in 0..PART_DEPTH_MAX {
        let boundary = format!("{common}{level}x");
        raw.extend(format!("Content-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n").bytes());
    }
    while raw.len() < OCTETS {
        raw.extend(format!("\n--{common}y").bytes());
    }
    let root = parse(&raw).facts.structure.root;
    assert_eq!(depth(&root), PART_DEPTH_MAX + 1);
}

#[test]
fn parts_stop_at_their_limit() {
    let mut raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    for _ in 0..3 * PARTS_MAX {
        raw.extend_from_slice(b"--b\r\n\r\nx\r\n");
    }
    let root = parse(&raw).facts.structure.root;
    assert_eq!(count(&root), PARTS_MAX);
    assert_eq!(root.body.end as usize, raw.len());
}

#[test]
fn enormous_headers_are_ranged_but_not_kept() {
    let raw =
        [b"From: a@b\r\nSubject: ".as_slice(), &vec![b's'; OCTETS], b"\r\nTo: c@d\r\n\r\nbody"].concat();
    let facts = parse(&raw).facts;
    assert_eq!(facts.structure.root.body.len(), 4);
    assert_eq!(facts.envelope.from.len(), 1);
    assert_eq!(facts.envelope.subject, None);
    let mut record = Vec::new();
    facts.envelope.encode(&mut record);
    assert!(record.len() < 100);
}

#[test]
fn lists_stop_at_their_limits() {
    let raw =
        ["To: ", &"a@b,".repeat(30_000), "\r\nReferences: ", &"<a@b> ".repeat(500), "\r\n\r\n"].concat();
    let facts = parse(raw.as_bytes()).facts;
    assert_eq!(facts.envelope.to.len(), ADDRESSES_MAX);
    assert_eq!(facts.thread_ids.references.len(), REFERENCES_MAX);
}
