//! Framing: literals, streaming of APPEND, limits, and how it goes on after errors; each input whole and cut.

use super::*;

/// What a session would have seen, as text. APPEND is accepted up to 100,000 octets.
fn run(input: &[u8], phase: Phase, piece: usize) -> Vec<String> {
    let mut decoder = Decoder::new(200_000);
    let mut seen: Vec<String> = Vec::new();
    for octets in input.chunks(piece) {
        decoder.feed(octets);
        loop {
            match decoder.next(phase) {
                Decoded::NeedMore => break,
                Decoded::AppendData => {
                    let data = decoder.append_data().escape_ascii().to_string();
                    match seen.last_mut().filter(|last| last.starts_with("data ")) {
                        Some(last) => last.push_str(&data),
                        None => seen.push(format!("data {data}")),
                    }
                }
                Decoded::AppendBegin { tag, append } => {
                    let meta =
                        append.meta.as_ref().map_or_else(String::new, |m| format!(" meta {}", m.len()));
                    seen.push(format!("append {tag} {}{meta}", append.octets));
                    match append.octets <= 100_000 {
                        true => decoder.accept_append(),
                        false => decoder.refuse_append(),
                    }
                }
                Decoded::AppendEnd => seen.push("end".into()),
                Decoded::AppendAborted { .. } => seen.push("aborted".into()),
                Decoded::Command { tag, .. } => seen.push(tag.to_string()),
                Decoded::Bad { tag, code, .. } => {
                    let big = if code.is_some() { " big" } else { "" };
                    seen.push(format!("{} BAD{big}", tag.map_or("*".to_owned(), |t| t.to_string())));
                }
                Decoded::Refused { tag, code, .. } => {
                    assert_eq!(code, Code::TooBig);
                    seen.push(format!("{tag} NO"));
                }
                Decoded::Fatal { .. } => seen.push("fatal".into()),
                Decoded::Continue => seen.push("+".into()),
                Decoded::Sasl(line) => seen.push(format!("{line:?}")),
                Decoded::Done => seen.push("done".into()),
                Decoded::NotDone => seen.push("not done".into()),
            }
        }
    }
    seen
}

#[track_caller]
fn sees_in(phase: Phase, input: &[u8], expected: &[&str]) {
    for piece in [input.len().max(1), 1, 2, 3, 7] {
        if input.len() > 50_000 && piece < 7 {
            continue;
        }
        assert_eq!(run(input, phase, piece), expected, "in pieces of {piece}: {}", input.escape_ascii());
    }
}

/// Whole, octet by octet, and in pieces.
#[track_caller]
fn sees(input: &[u8], expected: &[&str]) {
    sees_in(Phase::Authenticated, input, expected);
}

/// DMAP-00 §3.2.1
#[test]
fn commands_follow_each_other() {
    sees(b"a NOOP\r\nb CAPABILITY\r\n", &["a", "b"]);
    sees(b"a NOOP\r\nb NO", &["a"]);
    sees(b"", &[]);
}

/// DMAP-00 §3.2.2: the syntax is enforced, and the next command is read.
#[test]
fn after_an_error_it_goes_on() {
    sees(b"a FOO\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"foo\r\nb NOOP\r\n", &["foo BAD", "b"]);
    sees(b"\r\nb NOOP\r\n", &["* BAD", "b"]);
    sees(b"(x) NOOP\r\nb NOOP\r\n", &["* BAD", "b"]);
    sees(b"a NOOP \r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a  NOOP\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a NOOP\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a NOOP\rb\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"\0\xff\r\nb NOOP\r\n", &["* BAD", "b"]);
}

/// DMAP-00 §5.3, DMAP-00 §8.5, RFC 7888 §3
#[test]
fn literals() {
    sees(b"a DELETE {3}\r\nfoo\r\nb NOOP\r\n", &["+", "a", "b"]);
    sees(b"a DELETE {3+}\r\nfoo\r\nb NOOP\r\n", &["a", "b"]);
    sees(b"a RENAME {0}\r\n {3+}\r\nfoo\r\nb NOOP\r\n", &["+", "a", "b"]);
    sees(b"a MBOXMETA x ~{4}\r\n\0\r\n{\r\nb NOOP\r\n", &["+", "a", "b"]);
    sees(b"a DELETE {1+}\r\n\0\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a DELETE {3}\nb NOOP\r\n", &["a BAD", "b"]);
}

/// DMAP-00 §3.2.1: an error in front of a literal is told before the literal is sent.
#[test]
fn what_is_refused_is_not_sent() {
    sees(b"a FOO {3}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a NOOP {3}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a FOO {3+}\r\nx\r\n more {1+}\r\ny\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a DELETE ~{3}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a STORE 1 META {3}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a STORE 0 META ~{3}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a MBOXMETA x ~{65537}\r\nb NOOP\r\n", &["a NO", "b"]);
    sees(b"a MBOXMETA x ~{99999999999999999999}\r\nb NOOP\r\n", &["a NO", "b"]);
    sees(b"a CREATE x (META ~{65537}\r\nb NOOP\r\n", &["a NO", "b"]);
    sees(b"a ADDSIGNET a@b ~{262145}\r\nb NOOP\r\n", &["a NO", "b"]);
    sees(b"a XFOO ~{393217}\r\nb NOOP\r\n", &["a BAD big", "b"]);
    sees(b"a DELETE {393217}\r\nb NOOP\r\n", &["a BAD big", "b"]);
    let strings = b"{0+}\r\n ".repeat(33);
    sees(&[b"a XFOO ", strings.as_slice(), b"x\r\nb NOOP\r\n"].concat(), &["a BAD big", "b"]);
}

/// RFC 7888 §5: above 4096 octets a literal is asked for; one that comes all the same is skipped, or it ends
/// the connection.
#[test]
fn unasked_literals() {
    let meta = vec![b'x'; 4097];
    let asked = [b"a MBOXMETA x ~{4097}\r\n", meta.as_slice(), b"\r\nb NOOP\r\n"].concat();
    sees(&asked, &["+", "a", "b"]);
    let unasked = [b"a MBOXMETA x ~{4097+}\r\n", meta.as_slice(), b"\r\nb NOOP\r\n"].concat();
    sees(&unasked, &["a BAD big", "b"]);
    let most = [b"a MBOXMETA x ~{4096+}\r\n", &meta[1..], b"\r\nb NOOP\r\n"].concat();
    sees(&most, &["a", "b"]);
    sees(b"a MBOXMETA x ~{200001+}\r\nxxxx", &["fatal"]);
    sees(b"a APPEND x ~{200001+}\r\nxxxx", &["fatal"]);
}

/// DMAP-00 §3.2.1: lines have an end.
#[test]
fn long_lines() {
    let long = b"x".repeat(limits::DMAP_LINE_OCTETS_MAX + 1);
    sees(&[b"a DELETE ", long.as_slice(), b"\r\nb NOOP\r\n"].concat(), &["a BAD big", "b"]);
    sees(
        &[b"a DELETE {1+}\r\nx", long.as_slice(), b" {3+}\r\nfoo\r\nb NOOP\r\n"].concat(),
        &["a BAD big", "b"],
    );
    let mut decoder = Decoder::new(10);
    for _ in 0..20 {
        decoder.feed(&long);
        while decoder.next(Phase::Authenticated) != Decoded::NeedMore {}
        assert!(decoder.buffered() <= 100, "{} octets are held", decoder.buffered());
    }
}

/// DMAP-00 §7.3.10
#[test]
fn append_is_streamed() {
    sees(b"a APPEND x ~{3}\r\na\0b\r\nb NOOP\r\n", &["append a 3", "+", "data a\\x00b", "end", "b"]);
    sees(b"a APPEND x ~{3+}\r\na\0b\r\nb NOOP\r\n", &["append a 3", "data a\\x00b", "end", "b"]);
    sees(b"a APPEND {1}\r\nx {0}\r\n\r\nb NOOP\r\n", &["+", "append a 0", "+", "end", "b"]);
    sees(
        b"a APPEND x (\\SubmitPending $x) \"19-Oct-2015 10:02:00 +0000\" META ~{2}\r\n\0\0 ~{1+}\r\nm\r\n",
        &["+", "append a 1 meta 2", "data m", "end"],
    );
    sees(b"a APPEND META META ~{0+}\r\n ~{1+}\r\nm\r\n", &["append a 1 meta 0", "data m", "end"]);
    sees(b"a APPEND META ~{1+}\r\nm\r\n", &["append a 1", "data m", "end"]);
}

/// DMAP-00 §7.3.10, DMAP-00 §5.3.1
#[test]
fn append_that_goes_wrong() {
    sees(b"a APPEND x {3+}\r\na\0b\r\nb NOOP\r\n", &["append a 3", "data a\\x00b", "aborted", "b"]);
    sees(b"a APPEND x ~{1+}\r\nm x\r\nb NOOP\r\n", &["append a 1", "data m", "aborted", "b"]);
    sees(b"a APPEND x ~{1+}\r\nm ~{1+}\r\nm\r\nb NOOP\r\n", &["append a 1", "data m", "aborted", "b"]);
    sees(b"a APPEND x\r\nb APPEND\r\n", &["a BAD", "b BAD"]);
    sees(b"a APPEND ~{1}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a APPEND x (\\Foo) ~{1}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a APPEND x META {1}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a APPEND x META ~{65537}\r\nb NOOP\r\n", &["a NO", "b"]);
    sees(b"a APPEND x META NIL ~{1}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a APPEND x ~{100001}\r\nb NOOP\r\n", &["append a 100001", "b"]);
    sees(b"a APPEND \"x ~{1}\r\nb NOOP\r\n", &["a BAD", "b"]);
}

/// A session that has read a part may refuse the rest (DMAP-00 §7.3.10).
#[test]
fn append_is_refused_midway() {
    let mut decoder = Decoder::new(1000);
    decoder.feed(b"a APPEND x ~{10+}\r\n1234");
    assert!(matches!(decoder.next(Phase::Authenticated), Decoded::AppendBegin { .. }));
    decoder.accept_append();
    assert_eq!(decoder.next(Phase::Authenticated), Decoded::AppendData);
    decoder.refuse_append();
    decoder.feed(b"567890\r\nb NOOP\r\n");
    assert!(
        matches!(decoder.next(Phase::Authenticated), Decoded::Command { tag, .. } if tag.as_str() == "b")
    );
}

/// Before login nobody may make us hold more, and there is nothing to append to (DMAP-00 §4.1).
#[test]
fn before_login() {
    sees_in(Phase::NotAuthenticated, b"a XFOO ~{4097}\r\nb NOOP\r\n", &["a BAD big", "b"]);
    sees_in(Phase::NotAuthenticated, b"a APPEND x ~{1}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees_in(Phase::NotAuthenticated, b"a APPEND x ~{5000+}\r\nb NOOP\r\n", &["fatal"]);
}

/// DMAP-00 §7.2.1: a response, the empty one, cancellation, and what is no base64.
#[test]
fn sasl_lines() {
    sees_in(
        Phase::Sasl,
        b"AGE=\r\n\r\n*\r\nA=\r\nAG*=\r\n",
        &[
            "Response(Secret(2 octets))",
            "Response(Secret(0 octets))",
            "Cancelled",
            "Malformed(\"base64 is not a multiple of four characters\")",
            "Malformed(\"not a base64 character\")",
        ],
    );
    let long = vec![b'A'; limits::SASL_LINE_OCTETS_MAX + 1];
    sees_in(Phase::Sasl, &long, &["fatal"]);
}

/// RFC 9051 §6.3.13
#[test]
fn idle_lines() {
    sees_in(Phase::Idle, b"done\r\nb NOOP\r\n", &["done", "not done"]);
}

/// DMAP-00 §8.1.3: what is wrong, where.
#[test]
fn texts_are_precise() {
    let text = |input: &[u8]| {
        let mut decoder = Decoder::new(0);
        decoder.feed(input);
        match decoder.next(Phase::Authenticated) {
            Decoded::Bad { text, .. } => text,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(&*text(b"a8 FETCH 1 (FULL)\r\n"), "a macro must stand alone at octet 12");
    assert_eq!(&*text(b"a FOO\r\n"), "unknown command at octet 2");
    assert_eq!(&*text(b"a DELETE a b\r\n"), "expected the end of the command at octet 10");
    assert_eq!(&*text(b"a STORE 1 +META NIL\r\n"), "expected FLAGS, +FLAGS, -FLAGS or META at octet 11");
}
