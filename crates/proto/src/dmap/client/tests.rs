//! Framing of responses: literals, limits, text that looks like a literal; each input whole and cut.

use super::*;

fn run(input: &[u8], octets_max: usize, piece: usize) -> Vec<String> {
    let mut decoder = Decoder::new(octets_max);
    let mut seen = Vec::new();
    for octets in input.chunks(piece) {
        decoder.feed(octets);
        loop {
            match decoder.receive() {
                Received::NeedMore => break,
                Received::Response(response) => {
                    let mut out = Vec::new();
                    response.push(&mut out);
                    seen.push(out.escape_ascii().to_string());
                }
                Received::Malformed { error, .. } => seen.push(error.to_string()),
                Received::TooLarge => seen.push("too large".into()),
            }
        }
        assert!(decoder.buffered() <= octets_max + piece, "more is held than may be");
    }
    seen
}

#[track_caller]
fn sees(input: &[u8], expected: &[&str]) {
    for piece in [input.len().max(1), 1, 2, 3, 7] {
        assert_eq!(run(input, 1000, piece), expected, "in pieces of {piece}");
    }
}

/// DMAP-00 §3.2.2, DMAP-00 §5.3
#[test]
fn responses_follow_each_other() {
    sees(b"* 3 EXISTS\r\na OK x\r\n+ \r\n* 4", &["* 3 EXISTS\\r\\n", "a OK x\\r\\n", "+ \\r\\n"]);
    sees(
        b"* 1 FETCH (META ~{3}\r\n\r\n) BODY[] ~{2}\r\n\0\n)\r\n* 1 EXISTS\r\n",
        &["* 1 FETCH (META ~{3}\\r\\n\\r\\n) BODY[] ~{2}\\r\\n\\x00\\n)\\r\\n", "* 1 EXISTS\\r\\n"],
    );
    sees(b"* STATUS {1}\r\nx (MESSAGES 1)\r\n", &["* STATUS x (MESSAGES 1)\\r\\n"]);
}

/// DMAP-00 §8: text for people is no literal, whatever it ends in; what nobody knows is stepped over.
#[test]
fn text_is_no_literal() {
    sees(
        b"* OK text {5}\r\n* xfoo {5}\r\na NO {5}\r\n+ {5}\r\n",
        &["* OK text {5}\\r\\n", "* XFOO {5}\\r\\n", "a NO {5}\\r\\n", "+ {5}\\r\\n"],
    );
    sees(b"* FOO {3}\r\n\r\n* bar\r\n* 1 EXISTS\r\n", &["* FOO\\r\\n", "* 1 EXISTS\\r\\n"]);
}

/// DMAP-00 §3.2.2
#[test]
fn malformed_responses() {
    sees(b"* 0 EXPUNGE\r\n* 1 EXISTS\r\n", &["number must not be 0 at octet 2", "* 1 EXISTS\\r\\n"]);
    sees(b"\r\n* 1 EXISTS\r\n", &["expected a tag at octet 0", "* 1 EXISTS\\r\\n"]);
}

/// No more is held than the client allows (DMAP-00 §5.3).
#[test]
fn large_responses_are_refused_before_they_come() {
    sees(b"* 1 FETCH (META ~{1000}\r\nx", &["too large"]);
    sees(b"* 1 FETCH (META ~{99999999999999999999}\r\nx", &["too large"]);
    sees(&b"x".repeat(1001), &["too large"]);
    let whole = [b"* MBOXMETA x ~{900}\r\n", b"x".repeat(900).as_slice(), b"\r\n"].concat();
    assert_eq!(run(&whole, 1000, 100).len(), 1);
}
