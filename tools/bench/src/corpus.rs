//! Mail that looks like mail: named people, subjects, Received lines, prose, attachments.
//! The same seed gives the same message; no two numbers give the same body. Lines end in CRLF
//! and none begins with a full stop, so a message can be sent by LMTP as it is (RFC 5321 §4.5.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::rng::Rng;

/// What the body is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One text/plain part.
    Prose,
    /// A short text and one base64 attachment of random octets.
    Attachment,
}

/// One message of about `octets` octets, number `number` of the corpus `seed`.
pub(crate) fn message(seed: u64, number: u64, octets: usize, kind: Kind) -> Vec<u8> {
    let mut rng = Rng::new(seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
    let mut text = String::with_capacity(octets.saturating_add(512));
    headers(&mut text, &mut rng, seed, number);
    match kind {
        Kind::Prose => {
            text.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\n");
            prose(&mut text, &mut rng, octets);
        }
        Kind::Attachment => attachment(&mut text, &mut rng, octets),
    }
    text.push_str(&format!("\r\n-- \r\n{seed:x}-{number:x}\r\n"));
    text.into_bytes()
}

/// A message with the place for a serial number in its Message-ID and at its end.
pub(crate) fn with_serial(seed: u64, number: u64, octets: usize, serial: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(&message(seed, number, octets, Kind::Prose)).to_string();
    let head = format!("Message-ID: <{serial}.");
    format!("{}{serial}\r\n", text.replacen("Message-ID: <", &head, 1)).into_bytes()
}

/// Message `number` of the 50,000-message mailbox: sizes as in a person's mailbox, 10 KB on average.
pub(crate) fn mixed(seed: u64, number: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed.wrapping_add(number));
    let (low, high, kind) = match rng.below(100) {
        0..75 => (1_500, 7_000, Kind::Prose),
        75..92 => (7_000, 25_000, Kind::Prose),
        92..99 => (15_000, 60_000, Kind::Attachment),
        _ => (100_000, 200_000, Kind::Attachment),
    };
    message(seed, number, (low + rng.below(high - low)) as usize, kind)
}

/// Message `number` of a list with conversations: two of three answer one of the last hundred messages, and
/// name what that one answered.
pub(crate) fn conversation(seed: u64, number: u64) -> Vec<u8> {
    let id = |number: u64| format!("<{seed:x}.{number:x}@list.example>");
    let mut ancestors = Vec::new();
    let mut first = number;
    while let Some(parent) = parent(seed, first) {
        ancestors.push(parent);
        first = parent;
    }
    let mut rng = Rng::new(seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
    let (from, minutes) = (person(&mut rng), number + rng.below(30));
    let topic = subject(&mut Rng::new(seed.wrapping_add(first)));
    let mut text = format!(
        "Date: {} Mar 2024 {:02}:{:02}:00 +0000\r\nFrom: {from}\r\nTo: list@list.example\r\n",
        minutes / 1440 % 28 + 1,
        minutes / 60 % 24,
        minutes % 60
    );
    let re = if first == number { "" } else { "Re: " };
    text.push_str(&format!("Subject: {re}[list] {topic}\r\nMessage-ID: {}\r\n", id(number)));
    // As programs do: the first one and the last ones.
    let named: Vec<String> = match ancestors.len() {
        0..=10 => ancestors.iter().rev().map(|each| id(*each)).collect(),
        _ => std::iter::once(&first).chain(ancestors.iter().take(9).rev()).map(|each| id(*each)).collect(),
    };
    if let Some(last) = named.last() {
        text.push_str(&format!("In-Reply-To: {last}\r\nReferences: {}\r\n", named.join("\r\n ")));
    }
    text.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
    let octets = text.len() + 200 + rng.below(1_500) as usize;
    prose(&mut text, &mut rng, octets);
    text.into_bytes()
}

fn parent(seed: u64, number: u64) -> Option<u64> {
    let mut rng = Rng::new(seed.wrapping_mul(31).wrapping_add(number));
    let distance = 1 + rng.below(100);
    (rng.below(3) > 0).then(|| number.checked_sub(distance)).flatten()
}

/// Message `number` of the space case: every fourth is an attachment in base64.
pub(crate) fn quarter_base64(seed: u64, number: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed.wrapping_add(number));
    match number % 4 {
        0 => message(seed, number, 12_000 + rng.below(40_000) as usize, Kind::Attachment),
        _ => message(seed, number, 1_500 + rng.below(7_000) as usize, Kind::Prose),
    }
}

fn headers(text: &mut String, rng: &mut Rng, seed: u64, number: u64) {
    let (from, to) = (person(rng), person(rng));
    let date = date(rng);
    let relay = rng.pick(FAMILIES).to_lowercase();
    text.push_str(&format!(
        "Received: from mx{}.{relay}.example (mx.{relay}.example [192.0.2.{}])\r\n\
         \tby mail.example.org with ESMTPS id {:016x}\r\n\t(version=TLS1_3); {date}\r\n",
        rng.below(9),
        rng.below(254) + 1,
        rng.next(),
    ));
    text.push_str(&format!("Date: {date}\r\nFrom: {from}\r\nTo: {to}\r\n"));
    if rng.below(5) == 0 {
        text.push_str(&format!("Cc: {}, {}\r\n", person(rng), person(rng)));
    }
    let re = if rng.below(3) == 0 { "Re: " } else { "" };
    text.push_str(&format!("Subject: {re}{}\r\n", subject(rng)));
    text.push_str(&format!("Message-ID: <{seed:x}.{number:x}.{:x}@{relay}.example>\r\n", rng.next()));
    if !re.is_empty() {
        text.push_str(&format!("In-Reply-To: <{:x}.{:x}@{relay}.example>\r\n", rng.next(), rng.next()));
    }
    text.push_str("MIME-Version: 1.0\r\nUser-Agent: Quill/4.2\r\n");
}

fn person(rng: &mut Rng) -> String {
    let (given, family) = (rng.pick(GIVEN), rng.pick(FAMILIES));
    let domain = rng.pick(DOMAINS);
    format!("{given} {family} <{}.{}@{domain}>", given.to_lowercase(), family.to_lowercase())
}

fn date(rng: &mut Rng) -> String {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    format!(
        "{} {} {} {:02}:{:02}:{:02} +0{}00",
        rng.below(28) + 1,
        rng.pick(&months),
        2015 + rng.below(11),
        rng.below(24),
        rng.below(60),
        rng.below(60),
        rng.below(4)
    )
}

fn subject(rng: &mut Rng) -> String {
    let words: Vec<&str> = (0..3 + rng.below(6)).map(|_| rng.pick(WORDS)).collect();
    words.join(" ")
}

/// Sentences until the text is `octets` long, in lines of at most 76 octets.
fn prose(text: &mut String, rng: &mut Rng, octets: usize) {
    let mut column = 0;
    let mut left_in_sentence = 0;
    while text.len() < octets {
        let start = left_in_sentence == 0;
        left_in_sentence = if start { 5 + rng.below(12) } else { left_in_sentence - 1 };
        let word = word(rng, start);
        if column + word.len() > 72 {
            text.push_str("\r\n");
            column = 0;
        }
        if column > 0 {
            text.push(' ');
        }
        text.push_str(&word);
        column += word.len() + 1;
        if left_in_sentence == 0 {
            text.push('.');
            if rng.below(7) == 0 {
                text.push_str("\r\n\r\n");
                column = 0;
            }
        }
    }
    text.push_str("\r\n");
}

/// A listed word, or one made of syllables: a vocabulary large enough not to repeat itself.
fn word(rng: &mut Rng, capital: bool) -> String {
    let mut word = match rng.below(4) {
        0 => (0..2 + rng.below(3)).map(|_| rng.pick(SYLLABLES)).collect(),
        _ => rng.pick(WORDS).to_string(),
    };
    if capital && let Some(first) = word.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    word
}

fn attachment(text: &mut String, rng: &mut Rng, octets: usize) {
    let boundary = format!("=_{:016x}", rng.next());
    text.push_str(&format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n"));
    text.push_str(&format!("--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"));
    let prose_end = text.len() + (octets / 8).min(1_500);
    prose(text, rng, prose_end);
    let name = rng.pick(WORDS);
    text.push_str(&format!(
        "--{boundary}\r\nContent-Type: application/pdf; name=\"{name}.pdf\"\r\n\
         Content-Disposition: attachment; filename=\"{name}.pdf\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    ));
    let mut line = [0_u8; 56];
    while text.len() < octets {
        for eight in line.chunks_exact_mut(8) {
            eight.copy_from_slice(&rng.next().to_le_bytes());
        }
        STANDARD.encode_string(line, text);
        text.push_str("\r\n");
    }
    text.push_str(&format!("--{boundary}--\r\n"));
}

const GIVEN: &[&str] = &[
    "Ada", "Boris", "Chiara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Liam",
    "Mara", "Nils", "Olga", "Pablo", "Quentin", "Rosa", "Stefan", "Tamar", "Ulrich", "Vera", "Wanda",
    "Xenia", "Yusuf", "Zoe",
];
const FAMILIES: &[&str] = &[
    "Abel",
    "Brandt",
    "Castell",
    "Dupont",
    "Eriksen",
    "Falk",
    "Garner",
    "Holm",
    "Ivanov",
    "Jansen",
    "Keller",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
    "Quist",
    "Rossi",
    "Sandoval",
    "Tanaka",
    "Ueda",
    "Vogel",
    "Weber",
    "Young",
    "Zimmer",
];
const DOMAINS: &[&str] =
    &["example.org", "example.com", "example.net", "mail.example", "harbour.example", "lab.example"];
const WORDS: &[&str] = &[
    "the",
    "and",
    "that",
    "with",
    "from",
    "this",
    "have",
    "which",
    "their",
    "about",
    "would",
    "there",
    "report",
    "meeting",
    "schedule",
    "budget",
    "invoice",
    "project",
    "river",
    "window",
    "garden",
    "morning",
    "letter",
    "answer",
    "question",
    "number",
    "table",
    "second",
    "weather",
    "travel",
    "station",
    "ticket",
    "harbour",
    "engine",
    "paper",
    "minute",
    "evening",
    "contract",
    "version",
    "release",
    "server",
    "message",
    "folder",
    "picture",
    "music",
    "lesson",
    "teacher",
    "student",
    "holiday",
    "mountain",
    "village",
    "bridge",
    "market",
    "kitchen",
    "dinner",
    "apple",
    "orange",
    "yellow",
    "purple",
    "little",
    "narrow",
    "broken",
    "simple",
    "quiet",
    "early",
    "later",
    "before",
    "after",
    "under",
    "above",
    "between",
    "against",
    "during",
    "without",
    "because",
    "although",
    "perhaps",
    "always",
    "never",
    "often",
    "sometimes",
    "already",
    "again",
    "please",
    "thank",
    "regards",
    "attached",
    "review",
    "comment",
    "change",
    "update",
    "remove",
    "deliver",
    "receive",
    "forward",
    "remember",
    "forget",
    "discuss",
    "decide",
    "build",
    "measure",
    "compare",
    "write",
];
pub(crate) const SYLLABLES: &[&str] = &[
    "ba", "ce", "di", "fo", "gu", "ha", "ke", "li", "mo", "nu", "pa", "re", "si", "to", "vu", "lan", "mer",
    "tin", "sol", "dur", "gan", "fel", "nor", "bus", "rim", "cal", "pen", "hil", "mon", "tur",
];

#[cfg(test)]
mod tests {
    use super::{Kind, message, mixed, quarter_base64};

    #[test]
    fn messages_differ_and_are_fit_for_lmtp() {
        for (number, kind) in [(1, Kind::Prose), (2, Kind::Prose), (3, Kind::Attachment)] {
            let one = message(9, number, 4_096, kind);
            assert_eq!(one, message(9, number, 4_096, kind));
            assert_ne!(one, message(9, number + 10, 4_096, kind));
            assert!((4_000..4_400).contains(&one.len()), "{} octets", one.len());
            let text = String::from_utf8(one).unwrap();
            assert!(text.ends_with("\r\n"));
            for line in text.split_terminator("\r\n") {
                assert!(!line.starts_with('.') && !line.contains(['\r', '\n']) && line.len() < 200);
            }
        }
    }

    #[test]
    fn the_mixes_have_the_sizes_they_promise() {
        let mean =
            |make: fn(u64, u64) -> Vec<u8>| (0..2_000).map(|n| make(5, n).len()).sum::<usize>() / 2_000;
        assert!((8_000..13_000).contains(&mean(mixed)), "{}", mean(mixed));
        assert!((8_000..14_000).contains(&mean(quarter_base64)), "{}", mean(quarter_base64));
    }
}
