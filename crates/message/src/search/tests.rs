//! What SEARCH finds and what it does not.

use super::{Needle, Scratch};
use crate::parse;

const MESSAGE: &[u8] = b"From: \"Joe \\\"Q\\\" Doe\" <a@b>\r\n\
Subject: top folded\r\n subject =?utf-8?q?W=C3=B6rld?=\r\n\
X-Empty:\r\n\
Content-Type: multipart/mixed; boundary=bb\r\n\r\n\
preamble\r\n\
--bb\r\nX-Mime: mimename\r\n\r\nplain text\r\n\
--bb\r\nContent-Type: image/png\r\n\r\npicture\r\n\
--bb\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nwithin\r\n\
--bb\r\nContent-Type: message/delivery-status\r\n\r\nreport: x\r\n\
--bb\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
soft=\r\nbreak caf=C3=A9\r\n\
--bb\r\nContent-Transfer-Encoding: base64\r\n\r\nYmFzZTY0\r\ndGV4dA==\r\n\
--bb\r\nContent-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\nAHcAaQBkAGU=\r\n\
--bb\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nna\xefve\r\n\
--bb\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
\xce\xa3\xce\x8a\xce\xa3\xce\xa5\xce\xa6\xce\x9f\xce\xa3\r\n\
--bb--\r\nepilogue\r\n";

struct Answer {
    text: bool,
    body: bool,
}

fn ask(word: &str) -> Answer {
    let structure = parse(MESSAGE).facts.structure;
    let mut record = Vec::new();
    structure.encode(&mut record);
    let (needle, mut scratch) = (Needle::new(word), Scratch::default());
    let text = needle.in_text(MESSAGE, &structure, &mut scratch);
    let body = needle.in_body(MESSAGE, &structure, &mut scratch);
    assert_eq!(needle.in_text_by_record(MESSAGE, &record, &mut scratch), Ok(text), "{word}");
    assert_eq!(needle.in_body_by_record(MESSAGE, &record, &mut scratch), Ok(body), "{word}");
    Answer { text, body }
}

// spec: RFC 9051 §6.4.4
#[test]
fn text_and_body() {
    let both =
        ["plain TEXT", "inner", "within", "report: x", "softbreak", "café", "CAFÉ", "base64text", "wide"];
    for word in both.iter().chain(&["naïve", "NAÏVE", "σίσυφος", "cafe", "nai", "σι", ""]) {
        let answer = ask(word);
        assert!(answer.text && answer.body, "{word}");
    }
    for word in ["folded subject wörld", "subject: top", "X-Mime", "mimename", "boundary=bb", "joe"] {
        let answer = ask(word);
        assert!(answer.text && !answer.body, "{word}");
    }
    for word in ["preamble", "epilogue", "picture", "utf-8?q", "YmFzZ", "cafè", "plain  text", "=C3", "naí"]
    {
        let answer = ask(word);
        assert!(!answer.text && !answer.body, "{word}");
    }
}

// spec: RFC 9051 §6.4.4
#[test]
fn header_fields() {
    let table = [
        ("subject", "top folded subject W\u{f6}rld", true),
        ("SUBJECT", "w\u{d6}RLD", true),
        ("subject", "utf-8", false),
        ("subject", "inner", false),
        ("subject", "subject:", false),
        ("from", "joe \"q\" doe", true),
        ("from", "Joe \\\"Q", true),
        ("from", "a@b", true),
        ("x-empty", "", true),
        ("x-none", "", false),
    ];
    for (name, word, expected) in table {
        let found = Needle::new(word).in_header(MESSAGE, Some(name.as_bytes()), &mut Scratch::default());
        assert_eq!(found, expected, "{name} {word}");
    }
}

fn folded(text: &str) -> Vec<u8> {
    let mut folded = Vec::new();
    crate::collation::casemap(text, &mut folded);
    folded
}

/// RFC 9051 §6.4.4: what ENVELOPE shows is found, whatever stands between its parts in the field.
#[test]
fn addresses_are_found_as_the_envelope_has_them() {
    let table = [
        ("From: <user (c)@ (c) example.org>\r\n", "user@example.org", true),
        ("From: user@\r\n example.org\r\n", "user@example.org", true),
        ("From: a <user\t@example.org>\r\n", "user@example.org", true),
        ("From: =?utf-8?q?J=C3=BCrgen?= <j @b>\r\n", "J\u{fc}rgen <j@b>", true),
        ("From: a@b, c@d\r\n", "b, c", true),
        ("From: a@b c@d\r\n", "a@bc", false),
        ("Subject: user @ example.org\r\n", "user@example.org", false),
    ];
    for (header, word, expected) in table {
        let name = header.split(':').next().map(str::as_bytes);
        let found = Needle::new(word).in_header(header.as_bytes(), name, &mut Scratch::default());
        assert_eq!(found, expected, "{header} {word}");
        let mut passages = Vec::new();
        let raw = format!("{header}\r\n");
        let structure = parse(raw.as_bytes()).facts.structure;
        let mut record = Vec::new();
        structure.encode(&mut record);
        let _ = super::visit_passages(raw.as_bytes(), &record, &mut Scratch::default(), &mut |passage| {
            passages.push(folded(&String::from_utf8_lossy(passage.text)));
            std::ops::ControlFlow::Continue(())
        });
        let word = folded(word);
        let indexed = passages.iter().any(|passage| memchr::memmem::find(passage, &word).is_some());
        assert!(indexed || !found, "{header}: what is found is in the index");
    }
}

// spec: RFC 5255 §4.6; RFC 4790 §9.2.1; RFC 4790 §9.3.1
#[test]
fn the_collation_decides() {
    use crate::collation::Collation::{AsciiCasemap, Octet, UnicodeCasemap};
    let structure = parse(MESSAGE).facts.structure;
    let table = [
        ("CAFE", [true, false, false]),
        ("CAFé", [true, true, false]),
        ("café", [true, true, true]),
        ("PLAIN TEXT", [true, true, false]),
        ("plain text", [true, true, true]),
        ("wörld", [true, true, false]),
        ("WÖRLD", [true, false, false]),
        ("Top Folded", [true, true, false]),
        ("BASE64text", [true, true, false]),
    ];
    for (word, expected) in table {
        for (collation, expected) in [UnicodeCasemap, AsciiCasemap, Octet].into_iter().zip(expected) {
            let found = Needle::by(word, collation).in_text(MESSAGE, &structure, &mut Scratch::default());
            assert_eq!(found, expected, "{word} {collation:?}");
        }
    }
}

#[test]
fn ascii_finder_agrees_with_a_plain_search() {
    let text = "xabcABxyz aBc=ab, zab yab AAAB \n";
    for start in 0..text.len() {
        for end in start + 1..=text.len() {
            let word = text[start..end].to_uppercase();
            for haystack in [text, &text[start..], &text[..end], &text[..end - 1], &text[start + 1..], ""] {
                let expected = haystack.to_lowercase().contains(&word.to_lowercase());
                let found = super::ascii::AsciiFinder::new(word.as_bytes()).is_in(haystack.as_bytes());
                assert_eq!(found, expected, "{word:?} in {haystack:?}");
            }
        }
    }
}
