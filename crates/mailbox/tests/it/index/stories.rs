//! Random mail and searches: the same is found with an index and without one, at any moment.

use super::*;

/// Numbers that look random, the same for a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const WORDS: &[&str] = &[
    "alpha",
    "Beta",
    "gamma7",
    "naïve",
    "Grüße",
    "ΣΊΣΥΦΟΣ",
    "日本語の",
    "検索、",
    "ไทยภาษา",
    "한국어",
    "x",
    "foo@bar.example",
    "0123456789abcdefghijklmnopqrstuvwxyz0123456789",
    "<a href=\"https://x.example/?q=1\">",
    "“quoted”",
    "😀",
    "İI",
    "=?utf-8?q?enc=20oded?=",
    "back\\slash",
    "K\u{212a}elvin",
    "e\u{301}te",
    "-",
    "\u{feff}bom",
];

fn words(random: &mut Random, count: usize) -> String {
    (0..count)
        .map(|_| format!("{}{}", random.of(WORDS), random.of(&[" ", " ", "", ".", "\r\n", "\t"])))
        .collect()
}

fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in octets.chunks(3) {
        let number =
            three.iter().fold(0u32, |all, octet| all << 8 | u32::from(*octet)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            match digit <= three.len() {
                true => out.push(char::from(DIGITS[(number >> (18 - 6 * digit) & 63) as usize])),
                false => out.push('='),
            }
        }
    }
    out
}

/// A text part in one of many forms, and what it says.
fn part(random: &mut Random, out: &mut Vec<u8>) {
    let count = 1 + random.below(12);
    let text = words(random, count);
    let charset = random.of(&[
        "utf-8",
        "us-ascii",
        "iso-8859-1",
        "utf-16",
        "shift_jis",
        "gb2312",
        "x-none",
        "utf-7",
        "",
    ]);
    let kind = random.of(&["text/plain", "text/html", "message/delivery-status", "image/png"]);
    let octets: Vec<u8> = match charset {
        "utf-16" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "iso-8859-1" => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
        _ => text.into_bytes(),
    };
    out.extend_from_slice(format!("Content-Type: {kind}; charset={charset}\r\n").as_bytes());
    if charset == "utf-16" || random.below(3) == 0 {
        out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
        out.extend_from_slice(base64(&octets).as_bytes());
    } else if random.below(3) == 0 {
        out.extend_from_slice(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
        for octet in octets {
            match octet {
                b' '..=b'<' | b'>'..=b'~' => out.push(octet),
                _ => out.extend_from_slice(format!("={octet:02X}").as_bytes()),
            }
        }
    } else {
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&octets);
    }
    out.extend_from_slice(b"\r\n");
}

fn message(random: &mut Random, depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for field in ["From", "To", "Subject", "X-Odd", "Cc"] {
        if random.below(4) > 0 {
            let count = 1 + random.below(5);
            let value = words(random, count).replace("\r\n", "\r\n ").replace("\n\t", "\n ");
            out.extend_from_slice(format!("{field}: {value}\r\n").as_bytes());
        }
    }
    match random.below(if depth > 2 { 1 } else { 3 }) {
        0 => part(random, &mut out),
        1 => {
            let boundary = format!("b{}", random.below(1_000_000));
            let head = format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\npreamble\r\n");
            out.extend_from_slice(head.as_bytes());
            for _ in 0..1 + random.below(3) {
                out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
                part(random, &mut out);
            }
            out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        }
        _ => {
            out.extend_from_slice(b"Content-Type: message/rfc822\r\n\r\n");
            let inner = message(random, depth + 1);
            out.extend_from_slice(&inner);
        }
    }
    out
}

/// A piece of a word or of two, anything that may be asked for.
fn needle(random: &mut Random) -> String {
    let count = 1 + random.below(2);
    let text = words(random, count);
    let chars: Vec<char> = text.chars().collect();
    let start = random.below(chars.len());
    let end = start + 1 + random.below(chars.len() - start);
    let piece: String = chars[start..end].iter().collect();
    match random.below(3) {
        0 => piece.to_uppercase(),
        1 => piece.to_lowercase(),
        _ => piece,
    }
}

fn filter(random: &mut Random, depth: usize) -> Filter {
    let piece = needle(random);
    match random.below(if depth > 2 { 5 } else { 10 }) {
        0 | 1 => text(&piece),
        2 => Filter::Body(piece.into()),
        3 => Filter::header(random.of(&["from", "subject", "cc", "x-odd"]), &piece),
        4 => Filter::Uids((1..=20 + random.below(40) as u32).collect()),
        5 => Filter::And(vec![filter(random, depth + 1), filter(random, depth + 1)]),
        6 => Filter::Or(vec![filter(random, depth + 1), filter(random, depth + 1)]),
        7 => Filter::negated(filter(random, depth + 1)),
        8 => Filter::fuzzy(filter(random, depth + 1)),
        _ => {
            let collation = Collation::ALL[random.below(3)];
            Filter::Collated(collation, Box::new(filter(random, depth + 1)))
        }
    }
}

/// One random story: mail comes, is copied and goes, the index is made in pieces, and every search finds the
/// same with it and without.
fn story(seed: u64) -> usize {
    let random = &mut Random(seed);
    let rig = Rig::on(Arc::new(MemoryKv::new(Arc::new(Deaf))) as Arc<dyn Kv>, options(on()));
    let alice = rig.account("alice");
    let plain = without(&rig, &alice);
    let mut hits = 0;
    for _ in 0..12 {
        match random.below(6) {
            0 => {
                let uid = 1 + random.below(60) as u32;
                alice.copy(INBOX, &uids(&[uid, uid + 7]), INBOX).wait().unwrap();
            }
            1 => {
                let gone: Vec<u32> = (0..8).map(|_| 1 + random.below(60) as u32).collect();
                alice
                    .set_flags(INBOX, &uids(&gone), change(FlagOp::Add, &["\\Deleted"]), None)
                    .wait()
                    .unwrap();
                alice.expunge(INBOX, None).wait().unwrap();
                rig.env.advance_secs(4000);
                rig.housekeep();
            }
            _ => {
                let messages = (0..1 + random.below(12)).map(|_| NewMessage {
                    message: Arc::new(Incoming::of(&message(random, 0)).unwrap()),
                    flags: Flags::default(),
                    received_at: START,
                    received_zone: ZoneOffset(0),
                });
                alice.append(INBOX, messages.collect()).wait().unwrap();
            }
        }
        let mut run = rig.service.index_run(alice.id(), random.below(4) == 0).unwrap();
        let steps = random.below(20);
        for _ in 0..steps {
            let Some(run) = &mut run else { break };
            if run.advance().unwrap() == IndexStep::Done {
                break;
            }
        }
        for _ in 0..25 {
            let filter = filter(random, 0);
            let expected = found(&plain, &filter);
            hits += usize::from(expected.count() > 0);
            assert_eq!(found(&alice, &filter), expected, "seed {seed}, {filter:?}");
        }
    }
    hits
}

// spec: RFC 9051 §6.4.4
#[test]
fn a_search_finds_the_same_with_an_index_and_without() {
    let quick = std::env::var_os("KOI_QUICK").is_some();
    let first = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let stories = if quick { 3 } else { 12 };
    let hits: usize = (0..stories).map(|number| story(first.wrapping_add(number))).sum();
    assert!(hits > 30 * stories as usize, "{hits} searches found something");
}
