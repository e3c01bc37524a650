//! Framing: literals, streaming of APPEND, limits, and how it goes on after errors; each input whole and cut.

use super::*;
use crate::imap::command::{AppendLiteral, AppendPiece};

/// What a session would have seen, as text. APPEND is accepted.
fn run(input: &[u8], phase: Phase, piece: usize) -> Vec<String> {
    let mut decoder = Decoder::new(1000);
    let mut seen = Vec::new();
    for octets in input.chunks(piece) {
        decoder.feed(octets);
        loop {
            match decoder.next(phase) {
                Decoded::NeedMore => break,
                Decoded::AppendData => {
                    let data = decoder.append_data().escape_ascii().to_string();
                    match seen.last_mut().filter(|last: &&mut String| last.starts_with("data ")) {
                        Some(last) => last.push_str(&data),
                        None => seen.push(format!("data {data}")),
                    }
                }
                Decoded::AppendBegin(begin) => {
                    seen.push(format!("append {}{}", begin.tag, line(&begin.line)));
                    decoder.accept_append();
                }
                Decoded::AppendNext { nul, line: next } => {
                    let nul = if nul { " nul" } else { "" };
                    let next = line(&next);
                    seen.push(if next == " end" { format!("end{nul}") } else { format!("next{nul}{next}") });
                    decoder.accept_append();
                }
                Decoded::Command { tag, .. } => seen.push(format!("{tag}")),
                Decoded::Bad { tag, code, .. } => {
                    let big = if code.is_some() { " big" } else { "" };
                    seen.push(format!("{} BAD{big}", tag.map_or("*".to_owned(), |t| t.to_string())));
                }
                Decoded::Refused { tag, .. } => seen.push(format!("{tag} NO")),
                Decoded::Fatal { .. } => seen.push("fatal".into()),
                Decoded::Continue => seen.push("+".into()),
                Decoded::AppendAborted { .. } => seen.push("aborted".into()),
                Decoded::Sasl(line) => seen.push(format!("{line:?}")),
                Decoded::Done => seen.push("done".into()),
                Decoded::NotDone => seen.push("not done".into()),
            }
        }
    }
    seen
}

/// What a line of APPEND says: `(date)` for a message, `cat` for one to be catenated.
fn line(line: &AppendLine) -> String {
    let mut said = String::new();
    for piece in &line.pieces {
        said.push_str(&match piece {
            AppendPiece::Message { catenated: true, .. } => " cat".to_owned(),
            AppendPiece::Message { flags, date, .. } => {
                let flags = if flags.system == koi_types::SystemFlags::NONE { "" } else { " flags" };
                format!("{flags}{}", if date.is_some() { " date" } else { "" })
            }
            AppendPiece::Url(url) => format!(" <{}>", url.escape_ascii()),
            AppendPiece::End => " end".to_owned(),
        });
    }
    match line.literal {
        Some(literal) => format!("{said} {}", literal.octets),
        None => said,
    }
}

/// Whole, octet by octet, and in all pieces of two and three.
#[track_caller]
fn sees(input: &[u8], expected: &[&str]) {
    for piece in [input.len().max(1), 1, 2, 3, 7] {
        assert_eq!(
            run(input, Phase::Authenticated, piece),
            expected,
            "in pieces of {piece}: {}",
            input.escape_ascii()
        );
    }
}

/// RFC 5464 §4.3: the limit is told before the value is sent; the sum of all literals is held to its own.
#[test]
fn large_annotations() {
    sees(b"a SETMETADATA INBOX (/private/x {65537}\r\nb NOOP\r\n", &["a NO", "b"]);
    sees(b"a SETMETADATA {5+}\r\nINBOX (/private/x ~{65537}\r\nb NOOP\r\n", &["a NO", "b"]);
    sees(b"a SETMETADATA a {262145}\r\nb NOOP\r\n", &["a BAD big", "b"]);
    sees(b"a SETMETADATA \"\" (/private/x {1}\r\ny)\r\nb NOOP\r\n", &["+", "a", "b"]);
    sees(b"a GETMETADATA \"\" {262145}\r\nb NOOP\r\n", &["a BAD big", "b"]);
}

/// RFC 9051 §2.2.1
#[test]
fn commands_follow_each_other() {
    sees(b"a NOOP\r\nb CAPABILITY\r\n", &["a", "b"]);
    sees(b"a NOOP\nb NOOP\r\n", &["a", "b"]);
    sees(b"\r\n\r\na NOOP\r\n\n", &["a"]);
    sees(b"a NOOP\r\nb NO", &["a"]);
    sees(b"", &[]);
}

/// RFC 9051 §2.2.1 and §7.1.3: BAD, and the next command is read.
#[test]
fn after_an_error_it_goes_on() {
    sees(b"a FOO\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"foo\r\nb NOOP\r\n", &["foo BAD", "b"]);
    sees(b"(x) NOOP\r\nb NOOP\r\n", &["* BAD", "b"]);
    sees(b"a NOOP\rb\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"\0\xff\r\nb NOOP\r\n", &["* BAD", "b"]);
    sees(b"a LOGIN x\r\nb NOOP\r\n", &["a BAD", "b"]);
}

/// RFC 9051 §4.3 (the example of §6.2.3), RFC 7888 §3
#[test]
fn literals() {
    sees(b"A001 LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man\r\nb NOOP\r\n", &["+", "+", "A001", "b"]);
    sees(b"A001 LOGIN {11+}\r\nFRED FOOBAR {7+}\r\nfat man\r\nb NOOP\r\n", &["A001", "b"]);
    sees(b"a LOGIN {0}\r\n {3+}\r\n\r\n\n\r\n", &["+", "a"]);
    sees(b"a LOGIN {3}\na\nb c\n", &["+", "a"]);
    sees(b"a LOGIN {5+}\r\n{9+}\n x\r\n", &["a"]);
    sees(b"a LOGIN x \"{5}\"\r\nb NOOP\r\n", &["a", "b"]);
    sees(b"a LOGIN x~{5+}\r\nabcde\r\nb NOOP\r\n", &["a BAD", "b"]);
}

/// RFC 9051 §2.2.1: an error seen early is answered before the literal is sent.
#[test]
fn a_literal_of_a_bad_command() {
    sees(b"a FOO {5}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a FOO {5+}\r\nhello more\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a FOO {5+}\r\nhello {3+}\r\nx\ny more\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a FOO {5+}\r\nhello {3}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"{5}\r\nb NOOP\r\n", &["* BAD", "b"]);
    sees(b"a LOGIN \"x {5}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a LOGIN \"\\\"{5}\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a LOGIN \"x {5+}\r\nhello\r\nb NOOP\r\n", &["a BAD", "b"]);
    sees(b"a NOOP {5+}\r\nhello\r\nb NOOP\r\n", &["a BAD", "b"]);
}

/// RFC 9051 §4.3, RFC 7888 §4: what is too large is refused before it is held.
#[test]
fn literals_that_are_too_large() {
    sees(b"a LOGIN {262145}\r\nb NOOP\r\n", &["a BAD big", "b"]);
    sees(b"a LOGIN {99999999999999999999}\r\nb NOOP\r\n", &["a BAD big", "b"]);
    sees(b"a LOGIN {262145+}\r\nb NOOP\r\n", &["fatal"]);
    sees(b"a FOO {1001+}\r\nb NOOP\r\n", &["fatal"]);
    sees(b"a FOO {5+}\r\nhello {1001+}\r\nb NOOP\r\n", &["a BAD", "fatal"]);
    let two = [&b"a LOGIN {262143+}\r\n"[..], &[b'x'; 262_143], b" {2}\r\nb NOOP\r\n"].concat();
    assert_eq!(run(&two, Phase::Authenticated, 10_000), ["a BAD big", "b"]);
    let mut large = [b"a LOGIN {262145+}\r\n", &[b'x'; 262_145][..], b"\r\nb NOOP\r\n"].concat();
    let mut decoder = Decoder::new(1 << 20);
    decoder.feed(&large.split_off(100_000));
    drop(decoder);
    let mut decoder = Decoder::new(1 << 20);
    decoder.feed(&large);
    assert!(matches!(decoder.next(Phase::Authenticated), Decoded::Bad { code: Some(Code::TooBig), .. }));
    assert!(matches!(decoder.next(Phase::Authenticated), Decoded::NeedMore));
    assert_eq!(decoder.buffered(), 0, "a refused literal is not held");
}

/// RFC 7888 §5 names the number; nobody may make us hold more before login.
#[test]
fn before_login_literals_are_small() {
    let before = |input: &[u8]| run(input, Phase::NotAuthenticated, 5);
    assert_eq!(before(b"a LOGIN {4096}\r\n"), ["+"]);
    assert_eq!(before(b"a LOGIN {4097}\r\nb NOOP\r\n"), ["a BAD big", "b"]);
    assert_eq!(before(b"a LOGIN {4097+}\r\nb NOOP\r\n"), ["fatal"]);
    assert_eq!(before(b"a LOGIN {4000+}\r\n"), [""; 0]);
    assert_eq!(before(b"a APPEND x {5}\r\nb NOOP\r\n"), ["a BAD", "b"]);
    assert_eq!(before(b"a APPEND x {5+}\r\nhello\r\nb NOOP\r\n"), ["a BAD", "b"]);
    let two = [&b"a LOGIN {4000+}\r\n"[..], &[b'x'; 4000], b" {97}\r\nb NOOP\r\n"].concat();
    assert_eq!(before(&two), ["a BAD big", "b"]);
}

/// `limits::IMAP_LINE_OCTETS_MAX`: refused, skipped without being held, and the next command is read.
#[test]
fn lines_that_are_too_long() {
    let long = [b"a SEARCH ", &b"SEEN ".repeat(14_000)[..], b"SEEN\r\nb NOOP\r\n"].concat();
    for piece in [1000, long.len()] {
        assert_eq!(run(&long, Phase::Authenticated, piece), ["a BAD big", "b"]);
    }
    let with_literal =
        [b"a SEARCH ", &b"SEEN ".repeat(14_000)[..], b"TEXT {6+}\r\nx\r\ny\r\n\r\nb NOOP\r\n"].concat();
    for piece in [1, 1000, with_literal.len()] {
        assert_eq!(run(&with_literal, Phase::Authenticated, piece), ["a BAD big", "b"]);
    }
    let after_literal =
        [b"a SEARCH TEXT {3}\r\na\nb ", &b"SEEN ".repeat(14_000)[..], b"\r\nb NOOP\r\n"].concat();
    assert_eq!(run(&after_literal, Phase::Authenticated, 777), ["+", "a BAD big", "b"]);
    let mut decoder = Decoder::new(1000);
    for _ in 0..1000 {
        decoder.feed(&[b'x'; 1000]);
        while !matches!(decoder.next(Phase::Authenticated), Decoded::NeedMore) {}
        assert!(decoder.buffered() <= limits::IMAP_LINE_OCTETS_MAX + 1000);
    }
}

/// RFC 9051 §6.3.12
#[test]
fn append_is_streamed() {
    sees(
        b"a APPEND saved (\\Seen) {5}\r\nhello\r\nb NOOP\r\n",
        &["append a flags 5", "+", "data hello", "end", "b"],
    );
    sees(b"a APPEND saved {5+}\r\nhello\r\nb NOOP\r\n", &["append a 5", "data hello", "end", "b"]);
    sees(b"a APPEND saved ~{3+}\r\nx\0y\n", &["append a 3", "data x\\x00y", "end nul"]);
    sees(b"a APPEND {5}\r\nsaved {2}\r\nab\r\n", &["+", "append a 2", "+", "data ab", "end"]);
    sees(b"a APPEND saved {0+}\r\n\r\n", &["append a 0", "end"]);
    sees(b"a APPEND s {4+}\r\n\r\n\r\n\r\nb NOOP\r\n", &["append a 4", "data \\r\\n\\r\\n", "end", "b"]);
    sees(b"a APPEND s {5000+}\r\n", &["append a 5000"]);
    sees(b"a APPEND s {1+}\r\nx y\r\nb NOOP\r\n", &["append a 1", "data x", "aborted", "b"]);
    sees(b"a APPEND s {1+}\r\nx\rb NOOP\r\nc NOOP\r\n", &["append a 1", "data x", "aborted", "c"]);
    for bad in ["s (\\Foo) ", "s (", "s \"x\" ", "s () () ", "s x ", "", "s", "s (\\Seen)", "\"s "] {
        let sync = format!("a APPEND {bad}{{5}}\r\nb NOOP\r\n");
        let expected: &[&str] = if bad.is_empty() { &["+", "a BAD"] } else { &["a BAD", "b"] };
        assert_eq!(run(sync.as_bytes(), Phase::Authenticated, 4), expected, "{bad:?}");
    }
}

#[test]
fn what_append_begins_with() {
    let mut decoder = Decoder::new(1000);
    decoder.feed(b"A003 APPEND Entw&APw-rfe (\\Draft $x \\Recent) \" 7-Feb-1994 21:52:25 -0800\" ~{310}\r\n");
    let Decoded::AppendBegin(begin) = decoder.next(Phase::Authenticated) else { panic!() };
    assert_eq!(begin.mailbox.name().map(ToString::to_string).as_deref(), Ok("Entwürfe"));
    let [AppendPiece::Message { flags, date, catenated: false }] = &begin.line.pieces[..] else { panic!() };
    assert_eq!(flags.system, koi_types::SystemFlags::DRAFT);
    assert_eq!(flags.keywords.len(), 1);
    assert_eq!(date.map(|date| date.at.secs()), Some(760_686_745));
    let literal = AppendLiteral { octets: 310, synchronising: true, literal8: true };
    assert_eq!((begin.line.literal, begin.replaces), (Some(literal), None));
    assert!(matches!(decoder.next(Phase::Authenticated), Decoded::NeedMore), "undecided");
    decoder.refuse_append();
    decoder.feed(b"b NOOP\r\n");
    assert!(matches!(decoder.next(Phase::Authenticated), Decoded::Command { .. }));
}

/// RFC 9051 §4.3: a refused literal that was not asked for is skipped with the rest of its command.
#[test]
fn append_refused() {
    let refuse_after = |input: &[u8], answers: usize| {
        let mut decoder = Decoder::new(1000);
        let mut left = answers;
        let mut last = String::new();
        for octet in input {
            decoder.feed(&[*octet]);
            loop {
                let decoded = decoder.next(Phase::Authenticated);
                if matches!(decoded, Decoded::NeedMore) {
                    break;
                }
                last = format!("{decoded:?}");
                if matches!(decoded, Decoded::AppendBegin(_) | Decoded::AppendNext { .. }) {
                    decoder.accept_append();
                }
                left = left.saturating_sub(1);
                if left == 0 && answers > 0 {
                    decoder.refuse_append();
                    left = usize::MAX;
                }
            }
        }
        (last.contains("Noop"), decoder.buffered())
    };
    for answers in 1..5 {
        let input = b"a APPEND s {5+}\r\nhello\r\nb NOOP\r\n";
        assert_eq!(refuse_after(input, answers), (true, 0), "after {answers} answers");
    }
    for answers in 1..16 {
        let input = b"a APPEND s {5+}\r\nhello (\\Seen) CATENATE (URL {2+}\r\n/x TEXT {3+}\r\nab\n URL x) \
            UTF8 (~{2+}\r\n\0y)\r\nb NOOP\r\n";
        assert_eq!(refuse_after(input, answers), (true, 0), "after {answers} answers");
    }
}

/// RFC 3502
#[test]
fn append_of_many() {
    sees(
        b"a APPEND s (\\Seen) {2}\r\nab {1+}\r\nc \" 7-Feb-1994 22:43:04 -0800\" {3}\r\nx\r\n\r\nb NOOP\r\n",
        &[
            "append a flags 2",
            "+",
            "data ab",
            "next end 1",
            "data c",
            "next end date 3",
            "+",
            "data x\\r\\n",
            "end",
            "b",
        ],
    );
    sees(b"a APPEND s {1+}\r\na{1+}\r\nb\r\nb NOOP\r\n", &["append a 1", "data a", "aborted", "b"]);
    sees(b"a APPEND s {1+}\r\na  \r\nb NOOP\r\n", &["append a 1", "data a", "end", "b"]);
    sees(b"a APPEND s {1+}\r\na x{1}\r\nb NOOP\r\n", &["append a 1", "data a", "aborted", "b"]);
    sees(b"a APPEND s {1+}\r\n\0 {1+}\r\nb\r\nb NOOP\r\n", &["append a 1", "data \\x00", "aborted", "b"]);
    sees(b"a APPEND s {1+}\r\na (\\Foo) {1001+}\r\n", &["append a 1", "data a", "fatal"]);
    sees(
        b"a APPEND s ~{1+}\r\n\0 {1+}\r\nb\r\nb NOOP\r\n",
        &["append a 1", "data \\x00", "next nul end 1", "data b", "end", "b"],
    );
}

/// RFC 4469 §5, RFC 6855 §4
#[test]
fn append_of_parts() {
    sees(b"a APPEND s CATENATE (URL /x)\r\nb NOOP\r\n", &["append a cat </x> end", "b"]);
    sees(
        b"a APPEND s () CATENATE (URL \"/x y\" TEXT {2+}\r\nab URL {4}\r\n/z)\" URL y TEXT {0+}\r\n)\r\n",
        &["append a cat </x y> 2", "data ab", "+", "next </z)\\\"> <y> 0", "end"],
    );
    sees(
        b"a APPEND s CATENATE (UTF8 (~{2+}\r\nab) TEXT {1+}\r\nc) CATENATE (URL y) {1+}\r\nz\r\n",
        &["append a cat 2", "data ab", "next 1", "data c", "next end cat <y> end 1", "data z", "end"],
    );
    sees(b"a APPEND s UTF8 (~{2+}\r\nab)\r\nb NOOP\r\n", &["append a 2", "data ab", "end", "b"]);
    sees(b"a APPEND s UTF8 (~{2+}\r\nab\r\nb NOOP\r\n", &["append a 2", "data ab", "aborted", "b"]);
    for bad in
        ["UTF8 (", "CATENATE (TEXT ~", "CATENATE (", "CATENATE (URL x", "CATENATE (URL x)", "CATENATE () "]
    {
        let sync = format!("a APPEND s {bad}{{5}}\r\nb NOOP\r\n");
        assert_eq!(run(sync.as_bytes(), Phase::Authenticated, 4), ["a BAD", "b"], "{bad:?}");
    }
    for bad in ["CATENATE (URL x", "CATENATE ()", "CATENATE (URL )", "CATENATE (URL x )", "CATENATE (x)", ""]
    {
        let whole = format!("a APPEND s {bad}\r\nb NOOP\r\n");
        assert_eq!(run(whole.as_bytes(), Phase::Authenticated, 4), ["a BAD", "b"], "{bad:?}");
    }
    let large = b"a APPEND s CATENATE (TEXT {1+}\r\na URL {300000+}\r\nb NOOP\r\n";
    assert_eq!(run(large, Phase::Authenticated, 9), ["append a cat 1", "data a", "fatal"]);
    let waits = b"a APPEND s CATENATE (TEXT {1+}\r\na URL {300000}\r\nb NOOP\r\n";
    assert_eq!(run(waits, Phase::Authenticated, 9), ["append a cat 1", "data a", "aborted", "b"]);
}

/// RFC 8508 §5
#[test]
fn replace_is_an_append_of_one() {
    sees(b"a REPLACE 4 s (\\Seen) {2}\r\nab\r\n", &["append a flags 2", "+", "data ab", "end"]);
    sees(b"a UID REPLACE * {1}\r\ns {2+}\r\nab\r\n", &["+", "append a 2", "data ab", "end"]);
    sees(b"a uid replace 3 s catenate (url x)\r\nb NOOP\r\n", &["append a cat <x> end", "b"]);
    sees(b"a REPLACE 3 s {1+}\r\na {1+}\r\nb\r\nb NOOP\r\n", &["append a 1", "data a", "aborted", "b"]);
    for bad in ["REPLACE 0 s", "REPLACE 1:2 s", "REPLACE $ s", "REPLACE s", "REPLACEX 1 s"] {
        let sync = format!("a {bad} {{5}}\r\nb NOOP\r\n");
        assert_eq!(run(sync.as_bytes(), Phase::Authenticated, 4), ["a BAD", "b"], "{bad:?}");
    }
    let mut decoder = Decoder::new(1000);
    decoder.feed(b"A004 UID REPLACE 2000 Drafts (\\Seen \\Draft) {350}\r\n");
    let Decoded::AppendBegin(begin) = decoder.next(Phase::Authenticated) else { panic!() };
    let replaces = begin.replaces.unwrap();
    assert!(replaces.by_uid);
    assert_eq!(replaces.message.resolve(9).iter().collect::<Vec<_>>(), [2000]);
}

/// Many literals of no octets in one line cost no stack, and too many no time.
#[test]
fn many_urls_of_append() {
    for begin in ["a APPEND s CATENATE (TEXT {0+}\r\n", "a APPEND s CATENATE (URL x"] {
        for (urls, fits) in [(999, true), (1001, false), (4000, false)] {
            let input = format!("{begin}{})\r\nb NOOP\r\n", " URL {0+}\r\n".repeat(urls));
            let seen = run(input.as_bytes(), Phase::Authenticated, 60_000);
            let end = ["aborted", "a BAD"].iter().any(|end| seen.iter().any(|seen| seen == end));
            assert_eq!((end, seen.last().map(String::as_str)), (!fits, Some("b")), "{begin} {urls}");
        }
    }
}

/// RFC 9051 §6.2.2
#[test]
fn sasl_lines() {
    let sasl = |input: &[u8]| run(input, Phase::Sasl, 3);
    assert_eq!(
        sasl(b"dGVzdAB0ZXN0AHRlc3Q=\r\n\r\n*\r\n"),
        ["Response(Secret(14 octets))", "Response(Secret(0 octets))", "Cancelled"]
    );
    assert!(sasl(b"x{5}\r\n")[0].starts_with("Malformed"));
    assert_eq!(sasl(&[b'A'; 20_000]), ["fatal"]);
}

/// RFC 9051 §6.3.13
#[test]
fn idle_ends_with_done() {
    let idle = |input: &[u8]| run(input, Phase::Idle, 3);
    assert_eq!(idle(b"DONE\r\n"), ["done"]);
    assert_eq!(idle(b"done\n"), ["done"]);
    assert_eq!(idle(b"a NOOP\r\n"), ["not done"]);
    assert_eq!(idle(b"DON"), [""; 0]);
}

/// RFC 9051 §6.2.1: nothing that came in clear text survives STARTTLS.
#[test]
fn nothing_survives_starttls() {
    let mut decoder = Decoder::new(1000);
    decoder.feed(b"a STARTTLS\r\nb LOGIN eve {4+}\r\nevil");
    assert!(matches!(decoder.next(Phase::NotAuthenticated), Decoded::Command { .. }));
    assert!(decoder.buffered() > 0);
    decoder.discard_buffered();
    decoder.feed(b"c NOOP\r\n");
    assert!(
        matches!(decoder.next(Phase::NotAuthenticated), Decoded::Command { tag, .. } if tag.as_str() == "c")
    );
}

/// The error says what and where.
#[test]
fn errors_say_what_is_wrong() {
    let first = |line: &str| {
        let mut decoder = Decoder::new(0);
        decoder.feed(line.as_bytes());
        decoder.next(Phase::Authenticated)
    };
    let text = |line: &str| match first(line) {
        Decoded::Bad { text, .. } => text.into_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text("a FETCH 1 FOO\r\n"), "unknown item at octet 10");
    assert_eq!(text("a STORE 1 FLAGS (\\Foo)\r\n"), "unknown system flag at octet 17");
    assert_eq!(text("a SELECT\r\n"), "expected a space at octet 8");
    assert_eq!(text("a NOOP x\r\n"), "expected the end of the command at octet 6");
}

/// After `Fatal` nothing is read and nothing is held.
#[test]
fn dead_is_dead() {
    let mut decoder = Decoder::new(10);
    decoder.feed(b"a LOGIN {300000+}\r\n");
    assert!(matches!(decoder.next(Phase::Authenticated), Decoded::Fatal { .. }));
    decoder.feed(b"b NOOP\r\n");
    assert!(matches!(decoder.next(Phase::Authenticated), Decoded::NeedMore));
    assert_eq!(decoder.buffered(), 0);
}
