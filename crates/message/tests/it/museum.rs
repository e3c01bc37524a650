//! The museum: `tests/mail/*.eml`, each with its golden `.json`. How the goldens came about: `compare.py`
//! there.

use std::path::PathBuf;

use koi_message::{Envelope, Needle, PartKind, Scratch, Section, Structure, find_part, locate, parse};
use serde_json::Value;

use crate::show;

pub(crate) struct Exhibit {
    pub(crate) name: String,
    pub(crate) raw: Vec<u8>,
    golden: Value,
}

pub(crate) fn exhibits() -> Vec<Exhibit> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/mail");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let golden = std::fs::read(path.with_extension("json"));
        let golden = golden.unwrap_or_else(|error| panic!("no golden for {}: {error}", path.display()));
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let golden = serde_json::from_slice(&golden).unwrap();
        all.push(Exhibit { name, raw: std::fs::read(path).unwrap(), golden });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(all.len() >= 150, "the museum has lost exhibits: {}", all.len());
    all
}

// spec: RFC 9051 §7.5.2
// spec: RFC 9051 §6.4.5.1
// spec: RFC 2046 §5.1.1
// spec: RFC 2045 §5.2
// spec: RFC 5322 §4.4
// spec: RFC 2231 §3
#[test]
fn every_message_is_as_its_golden_says() {
    let mut wrong = Vec::new();
    for Exhibit { name, raw, golden } in exhibits() {
        let shown = show::message(&raw);
        for (item, expected) in golden.as_object().unwrap() {
            if item != "search" && item != "source" && shown.get(item) != Some(expected) {
                wrong.push(format!("{name} {item}\n  is     {}\n  golden {expected}", shown[item]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

// spec: RFC 9051 §6.4.4
// spec: RFC 2047 §6.2
#[test]
fn searching_finds_what_the_goldens_say() {
    let mut scratch = Scratch::default();
    let mut asked = 0;
    for Exhibit { name, raw, golden } in exhibits() {
        let structure = parse(&raw).facts.structure;
        for (key, expected) in [("finds", true), ("finds_not", false)] {
            let words = golden["search"][key].as_array().cloned().unwrap_or_default();
            for word in words.iter().map(|word| word.as_str().unwrap()) {
                let found = Needle::new(word).in_text(&raw, &structure, &mut scratch);
                assert_eq!(found, expected, "{name}: {word:?}");
                asked += 1;
            }
        }
    }
    assert!(asked >= 80, "{asked} questions");
}

#[test]
fn ranges_nest_and_records_round_trip() {
    for Exhibit { name, raw, .. } in exhibits() {
        crate::properties::check_message(&name, &raw);
    }
}

// spec: RFC 9051 §6.4.5.1
#[test]
fn sections_exist_where_the_standard_says() {
    let all = exhibits();
    let nested = all.iter().find(|exhibit| exhibit.name == "message-with-multipart").unwrap();
    let structure = parse(&nested.raw).facts.structure;
    let exists = |path: &[u32], section: Section<'_>| locate(&structure, path, &section).is_some();
    assert!(exists(&[1], Section::Header), "a message part has a header of its own");
    assert!(exists(&[1], Section::Text));
    assert!(exists(&[1, 2], Section::Mime));
    assert!(exists(&[2], Section::Full));
    assert!(!exists(&[2], Section::Header), "a text part has none");
    assert!(!exists(&[2], Section::Text));
    assert!(!exists(&[], Section::Mime), "MIME needs a part number");
    assert!(!exists(&[0], Section::Full));
    assert!(!exists(&[3], Section::Full));
    assert!(!exists(&[2, 1], Section::Full), "a leaf that is no message has no parts");
    assert!(!exists(&[1, 3], Section::Full));
    let message = find_part(&structure, &[1]).unwrap();
    assert!(matches!(message.kind, PartKind::Message(_)));
}

/// The other way of `escape_ascii`, as far as the fixtures need it.
fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once("\\x") {
        octets.extend_from_slice(plain.as_bytes());
        octets.push(u8::from_str_radix(&escape[..2], 16).unwrap());
        rest = &escape[2..];
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

/// The golden records of each version: what was written once must be readable for ever.
#[test]
fn the_record_format_has_not_changed() {
    let raw =
        b"From: A <a@b>\r\nTo: g: c@d;\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-ID: <i>\r\nContent-Language: en\r\nContent-Disposition: inline; a=b\r\n\r\none\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ntwo\r\n--b--\r\n";
    let facts = parse(raw).facts;
    let (mut structure, mut envelope) = (Vec::new(), Vec::new());
    facts.structure.encode(&mut structure);
    facts.envelope.encode(&mut envelope);
    assert_eq!(structure.escape_ascii().to_string(), include_str!("structure-v1.txt").trim_end());
    assert_eq!(envelope.escape_ascii().to_string(), include_str!("envelope-v2.txt").trim_end());
    assert_eq!(Structure::decode(&structure), Ok(facts.structure));
    // Version 1 did not know which forms can be made of it.
    let old = unescaped(include_str!("envelope-v1.txt").trim_end());
    let old = Envelope::decode(&old).unwrap();
    assert!(!old.faithful.is_whole());
    assert_eq!(Envelope { faithful: facts.envelope.faithful, ..old }, facts.envelope);
}
