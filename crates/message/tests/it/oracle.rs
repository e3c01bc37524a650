//! The crate `mailparse` as an oracle, over the museum, where it does what the standards say.

use koi_message::{Part, parse};
use mailparse::{MailHeaderMap, ParsedMail};

use crate::museum::exhibits;

/// Messages on which `mailparse` is wrong or sees it otherwise, by the beginning of their names.
const ELSEWHERE: &[&str] = &[
    "header-folded-everything",
    "header-inner-white",
    "header-only-wsp-values",
    "header-space-before-colon",
    "header-trailing-white",
    "multi-boundary-comment",
    "multi-boundary-never-found",
    "multi-boundary-trailing-space-param",
    "multi-cte-base64-encoded",
    "multi-empty-body",
    "multi-nested-inner-no-parts",
    "multi-nested-prefix-inner",
    "multi-nested-same-boundary",
    "multi-no-body-at-all",
    "multi-no-boundary-param",
    "multi-no-close-no-eol",
    "multi-slash-only",
    "type-colon",
    "type-comma",
    "type-comments",
    "type-empty",
    "type-missing-semicolon",
    "type-no-slash-params",
    "type-no-subtype",
    "type-only-params",
    "type-slash-twice",
    "word-bad-base64",
    "word-bad-charset",
    "word-folded-inside",
    "word-language",
    "word-split-character",
    "word-touching",
    "word-utf-16",
];

// spec: RFC 2046 §5.1.1
#[test]
fn parts_are_those_of_mailparse() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for exhibit in exhibits() {
        if ELSEWHERE.iter().any(|name| exhibit.name.starts_with(name)) {
            continue;
        }
        let Ok(theirs) = mailparse::parse_mail(&exhibit.raw) else { continue };
        compared += 1;
        let facts = parse(&exhibit.raw).facts;
        compare(&exhibit.raw, &facts.structure.root, &theirs, &exhibit.name, &mut wrong);
        let subject = theirs.headers.get_all_values("subject").pop();
        let ours = facts.envelope.subject.map(|raw| koi_message::encoded_word::decode_text(&raw));
        if subject != ours {
            wrong.push(format!("{}: subject {ours:?}, theirs {subject:?}", exhibit.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared >= 150, "{compared} compared");
}

fn compare(raw: &[u8], ours: &Part, theirs: &ParsedMail<'_>, name: &str, wrong: &mut Vec<String>) {
    let children = if ours.content.is_type(b"multipart") { ours.children() } else { &[] };
    let kind = [ours.content.media_type.as_slice(), &ours.content.subtype].join(&b'/').to_ascii_lowercase();
    if kind != theirs.ctype.mimetype.as_bytes() {
        wrong.push(format!("{name}: {}, theirs {}", kind.escape_ascii(), theirs.ctype.mimetype));
    }
    if children.is_empty() != theirs.subparts.is_empty() || children.len() != theirs.subparts.len() {
        wrong.push(format!("{name}: {} parts, theirs {}", children.len(), theirs.subparts.len()));
        return;
    }
    if theirs.subparts.is_empty() {
        let header = theirs.get_headers().get_raw_bytes();
        if ours.header.of(raw).trim_ascii_end() != header.trim_ascii_end() {
            wrong.push(format!("{name}: header {}", header.escape_ascii()));
        }
    }
    for (child, other) in children.iter().zip(&theirs.subparts) {
        compare(raw, child, other, name, wrong);
    }
}
