//! Framing of SMTP: lines, DATA, BDAT, limits; each input whole and cut.

use super::*;

/// What a session would have seen, as text; DATA is answered with 354, AUTH is read in its own phase.
fn run(input: &[u8], piece: usize) -> Vec<String> {
    run_up_to(1000, input, piece)
}

fn run_up_to(message_octets_max: u64, input: &[u8], piece: usize) -> Vec<String> {
    let mut decoder = Decoder::new(Protocol::Lmtp, message_octets_max);
    let mut seen: Vec<String> = Vec::new();
    let mut phase = Phase::Command;
    for octets in input.chunks(piece) {
        decoder.feed(octets);
        loop {
            let decoded = decoder.next(phase);
            phase = Phase::Command;
            match decoded {
                Decoded::NeedMore => {
                    phase = if seen.last().is_some_and(|s| s == "Auth") { Phase::Auth } else { phase };
                    break;
                }
                Decoded::Data => {
                    let data = decoder.data().escape_ascii().to_string();
                    match seen.last_mut().filter(|last| last.starts_with("data ")) {
                        Some(last) => last.push_str(&data),
                        None => seen.push(format!("data {data}")),
                    }
                }
                Decoded::DataEnd(end) => {
                    let marks = [
                        (end.bare_lf, " lf"),
                        (end.bare_cr, " cr"),
                        (end.nul, " nul"),
                        (end.too_large, " large"),
                    ];
                    let marks: String =
                        marks.into_iter().filter(|(on, _)| *on).map(|(_, mark)| mark).collect();
                    seen.push(format!("end {}{marks}", end.octets));
                }
                Decoded::Command(Command::Data) => {
                    decoder.begin_data();
                    seen.push("Data".into());
                }
                Decoded::Command(Command::Auth { .. }) => {
                    phase = Phase::Auth;
                    seen.push("Auth".into());
                }
                Decoded::Command(command) => seen.push(format!("{command:?}")),
                Decoded::Bad(reply) => seen.push(reply.code.to_string()),
                Decoded::Fatal(reply) => seen.push(format!("fatal {}", reply.code)),
                Decoded::AuthLine(line) => seen.push(format!("auth {line}")),
            }
        }
    }
    seen
}

#[track_caller]
fn sees(input: &[u8], expected: &[&str]) {
    for piece in [input.len().max(1), 1, 2, 3, 7] {
        assert_eq!(run(input, piece), expected, "in pieces of {piece}: {}", input.escape_ascii());
    }
}

/// RFC 5321 §2.3.8 and §4.1.1, RFC 2920 §3.2
#[test]
fn lines_end_in_crlf_only() {
    sees(b"NOOP\r\nrset\r\nQUIT\r\n", &["Noop", "Rset", "Quit"]);
    sees(b"NOOP\nNOOP\r\n", &["500", "Noop"]);
    sees(b"NO\rOP\r\nNOOP\r\n", &["500", "Noop"]);
    sees(b"FOO\r\n\r\nNOOP\r\n", &["500", "500", "Noop"]);
    sees(b"EHLO x\r\nNOOP", &["500"]);
}

/// RFC 5321 §4.5.2
#[test]
fn dots_are_taken_away() {
    sees(b"DATA\r\n.\r\nNOOP\r\n", &["Data", "end 0", "Noop"]);
    sees(b"DATA\r\nHi\r\n.\r\nNOOP\r\n", &["Data", "data Hi\\r\\n", "end 4", "Noop"]);
    sees(
        b"DATA\r\n..\r\n...\r\n.x\r\nx.\r\n.\r\n",
        &["Data", "data .\\r\\n..\\r\\nx\\r\\nx.\\r\\n", "end 14"],
    );
    sees(b"DATA\r\n\r\n\r\n.\r\n", &["Data", "data \\r\\n\\r\\n", "end 4"]);
    sees(b"DATA\r\nx\r\n..", &["Data", "data x\\r\\n."]);
    sees(b"DATA\r\nx\r\n.", &["Data", "data x\\r\\n"]);
    sees(b"DATA\r\nx\r\n.\r", &["Data", "data x\\r\\n"]);
}

/// RFC 5321 §4.1.1.4: only CRLF.CRLF is the end; anything like it is data, and is told.
#[test]
fn nothing_else_ends_a_message() {
    sees(b"DATA\r\nx\n.\nNOOP\r\n.\r\n", &["Data", "data x\\n.\\nNOOP\\r\\n", "end 10 lf"]);
    sees(b"DATA\r\nx\r\n.\nNOOP\r\n.\r\n", &["Data", "data x\\r\\n\\nNOOP\\r\\n", "end 10 lf"]);
    sees(b"DATA\r\nx\n.\r\nNOOP\r\n.\r\n", &["Data", "data x\\n.\\r\\nNOOP\\r\\n", "end 11 lf"]);
    sees(b"DATA\r\nx\r.\rNOOP\r\n.\r\n", &["Data", "data x\\r.\\rNOOP\\r\\n", "end 10 cr"]);
    sees(b"DATA\r\nx\r\r\n.\r\n", &["Data", "data x\\r\\r\\n", "end 4 cr"]);
    sees(b"DATA\r\nx\r\n.\rx\r\n.\r\n", &["Data", "data x\\r\\n\\rx\\r\\n", "end 7 cr"]);
    sees(b"DATA\r\na\0b\r\n.\r\n", &["Data", "data a\\x00b\\r\\n", "end 5 nul"]);
    sees(b"DATA\r\n\n\r\n.\r\n", &["Data", "data \\n\\r\\n", "end 3 lf"]);
}

/// A long message is handed out in pieces: what means something does so across their ends too.
#[test]
fn pieces_end_anywhere() {
    let tails = [
        ("\r\n..y\r\n", "\r\n.y\r\n", ""),
        ("\r\n.\r\r\n", "\r\n\r\r\n", " cr"),
        ("\n.\r\n", "\n.\r\n", " lf"),
        ("\ry\r\n", "\ry\r\n", " cr"),
        ("\0y\r\n", "\0y\r\n", " nul"),
    ];
    for (tail, shown, marks) in tails {
        for before in 0..8 {
            let filling = "x".repeat(PIECE_OCTETS - before);
            let input = format!("DATA\r\n{filling}{tail}.\r\nNOOP\r\n");
            let data = format!("data {}", format!("{filling}{shown}").escape_default());
            let end = format!("end {}{marks}", filling.len() + shown.len());
            let expected = ["Data", &data.replace("\\u{0}", "\\x00"), &end, "Noop"];
            let seen = run_up_to(1 << 20, input.as_bytes(), input.len());
            assert_eq!(seen, expected, "{before} before the end, then {tail:?}");
        }
    }
}

/// RFC 3030 §2: octets are octets.
#[test]
fn chunks() {
    sees(b"BDAT 5 LAST\r\nhelloNOOP\r\n", &["Bdat { octets: 5, last: true }", "data hello", "end 5", "Noop"]);
    sees(
        b"BDAT 4\r\na\r\n.BDAT 3 LAST\r\n\r\n.RSET\r\n",
        &[
            "Bdat { octets: 4, last: false }",
            "data a\\r\\n.",
            "end 4",
            "Bdat { octets: 3, last: true }",
            "data \\r\\n.",
            "end 3",
            "Rset",
        ],
    );
    sees(b"BDAT 0 LAST\r\n", &["Bdat { octets: 0, last: true }", "end 0"]);
    sees(
        b"BDAT 2\r\na\rBDAT 1 LAST\r\n\n",
        &[
            "Bdat { octets: 2, last: false }",
            "data a\\r",
            "end 2",
            "Bdat { octets: 1, last: true }",
            "data \\n",
            "end 1",
        ],
    );
    sees(
        b"BDAT 2\r\na\rBDAT 1 LAST\r\nx",
        &[
            "Bdat { octets: 2, last: false }",
            "data a\\r",
            "end 2",
            "Bdat { octets: 1, last: true }",
            "data x",
            "end 1 cr",
        ],
    );
    sees(b"BDAT 2 LAST\r\nx\r", &["Bdat { octets: 2, last: true }", "data x\\r", "end 2 cr"]);
    sees(b"BDAT 2 LAST\r\n\nxRSET\r\n", &["Bdat { octets: 2, last: true }", "data \\nx", "end 2 lf", "Rset"]);
    sees(b"BDAT x\r\nNOOP\r\n", &["fatal 501"]);
    sees(b"BDAT\r\nNOOP\r\n", &["fatal 501"]);
    sees(b"BDATX 1\r\nNOOP\r\n", &["500", "Noop"]);
}

/// What passes the limit is dropped as it comes, and the end is still found.
#[test]
fn messages_that_are_too_large() {
    let large = [b"DATA\r\n", &b"0123456\r\n".repeat(112)[..], b".\r\nNOOP\r\n"].concat();
    for piece in [large.len(), 64, 1] {
        let seen = run(&large, piece);
        assert_eq!(seen[seen.len() - 2..], ["end 1008 large", "Noop"], "pieces of {piece}");
    }
    let exact = [b"BDAT 1000 LAST\r\n", &[b'x'; 1000][..]].concat();
    assert_eq!(run(&exact, 9999).last().unwrap(), "end 1000");
    let above = [b"BDAT 1001 LAST\r\n", &[b'x'; 1001][..], b"NOOP\r\n"].concat();
    assert_eq!(run(&above, 100).split_off(2), ["end 1001 large", "Noop"]);
}

/// RFC 5321 §4.5.3.1.4 and §4.5.3.1.10: refused without being held, and the next line is read.
#[test]
fn lines_that_are_too_long() {
    let line = [b"NOOP ", &[b'x'; 10_000][..], b"\r\nNOOP\r\n"].concat();
    for piece in [line.len(), 100, 1] {
        assert_eq!(run(&line, piece), ["500", "Noop"], "pieces of {piece}");
    }
    let longest = [b"NOOP ", &[b'x'; limits::SMTP_LINE_OCTETS_MAX - 7][..], b"\r\n"].concat();
    assert_eq!(run(&longest, 100), ["Noop"]);
    let mut decoder = Decoder::new(Protocol::Smtp, 10);
    for _ in 0..100 {
        decoder.feed(&[b'x'; 1000]);
        while !matches!(decoder.next(Phase::Command), Decoded::NeedMore) {}
        assert!(decoder.buffered() <= limits::SMTP_LINE_OCTETS_MAX);
    }
}

/// RFC 4954 §4: lines longer than commands may be.
#[test]
fn auth_lines() {
    sees(b"AUTH PLAIN\r\nAGEAYg==\r\nNOOP\r\n", &["Auth", "auth AGEAYg==", "Noop"]);
    sees(b"AUTH PLAIN\r\n*\r\nNOOP\r\n", &["Auth", "auth *", "Noop"]);
    sees(b"AUTH PLAIN\r\n\xff\r\nNOOP\r\n", &["Auth", "501", "Noop"]);
    let long = [b"AUTH PLAIN\r\n", &[b'A'; 12_286][..], b"\r\n"].concat();
    assert_eq!(run(&long, 1000)[1].len(), "auth ".len() + 12_286);
}

/// RFC 3207 §4.2
#[test]
fn nothing_survives_starttls() {
    let mut decoder = Decoder::new(Protocol::Smtp, 10);
    decoder.feed(b"STARTTLS\r\nMAIL FROM:<eve@example.org>\r\nRC");
    assert!(matches!(decoder.next(Phase::Command), Decoded::Command(Command::StartTls)));
    decoder.discard_buffered();
    decoder.feed(b"NOOP\r\n");
    assert!(matches!(decoder.next(Phase::Command), Decoded::Command(Command::Noop)));
    assert_eq!(decoder.buffered(), 0);
}
