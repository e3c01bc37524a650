//! The algorithm on the standard's own example and at its edges; properties, sizes and values of parts.

use super::{BodyLists, BodyPart, body_value, has_attachment, part_id, part_path};
use crate::{find_part, parse};

/// A part of a made-up message: its fields behind Content-, and what is in it.
enum Made<'m> {
    Leaf(&'m str, &'m str),
    Multipart(&'m str, Vec<Made<'m>>),
}

/// A leaf of this type and disposition whose body is its name.
fn leaf<'m>(fields: &'m str, body: &'m str) -> Made<'m> {
    Made::Leaf(fields, body)
}

fn write(made: &Made<'_>, level: usize, out: &mut String) {
    match made {
        Made::Leaf(fields, body) => {
            fields.split('|').for_each(|field| *out += &format!("Content-{field}\r\n"));
            *out += &format!("\r\n{body}");
        }
        Made::Multipart(subtype, parts) => {
            *out += &format!("Content-Type: multipart/{subtype}; boundary=b{level}.\r\n\r\n");
            for part in parts {
                *out += &format!("--b{level}.\r\n");
                write(part, level + 1, out);
                *out += "\r\n";
            }
            *out += &format!("--b{level}.--\r\n");
        }
    }
}

fn message(made: &Made<'_>) -> Vec<u8> {
    let mut out = "MIME-Version: 1.0\r\n".to_owned();
    write(made, 0, &mut out);
    out.into_bytes()
}

/// The bodies of the parts in the three lists, and whether there is an attachment.
fn lists(made: &Made<'_>) -> [String; 4] {
    let raw = message(made);
    let structure = parse(&raw).facts.structure;
    let tree = BodyPart::of(&structure);
    let lists = BodyLists::of(&tree);
    let shown = |parts: &[&BodyPart<'_>]| {
        let bodies = parts.iter().map(|part| String::from_utf8(part.octets(&raw).into_owned()).unwrap());
        bodies.collect::<Vec<_>>().join(" ")
    };
    let has = has_attachment(&structure).to_string();
    [shown(&lists.text), shown(&lists.html), shown(&lists.attachments), has]
}

const PLAIN: &str = "Type: text/plain";
const PLAIN_INLINE: &str = "Type: text/plain|Disposition: inline";
const HTML: &str = "Type: text/html";
const JPEG: &str = "Type: image/jpeg";
const JPEG_INLINE: &str = "Type: image/jpeg|Disposition: inline";
const JPEG_ATTACHED: &str = "Type: image/jpeg|Disposition: attachment";

// spec: RFC 8621 §4.1.4
#[test]
fn the_example_of_the_standard() {
    use Made::Multipart;
    let bcd = vec![leaf(PLAIN_INLINE, "B"), leaf(JPEG_INLINE, "C"), leaf(PLAIN_INLINE, "D")];
    let ef = vec![leaf(HTML, "E"), leaf(JPEG, "F")];
    let alternative = Multipart("alternative", vec![Multipart("mixed", bcd), Multipart("related", ef)]);
    let inner = vec![
        alternative,
        leaf(JPEG_ATTACHED, "G"),
        leaf("Type: application/x-excel", "H"),
        leaf("Type: message/rfc822", "J"),
    ];
    let whole = vec![leaf(PLAIN_INLINE, "A"), Multipart("mixed", inner), leaf(PLAIN_INLINE, "K")];
    assert_eq!(lists(&Multipart("mixed", whole)), ["A B C D K", "A E K", "C F G H J", "true"]);
}

// spec: RFC 8621 §4.1.4
#[test]
fn lists_at_the_edges() {
    use Made::Multipart;
    let named = "Type: text/plain; name=n.txt";
    let table: Vec<(Made<'_>, [&str; 4])> = vec![
        (leaf(PLAIN, "a"), ["a", "a", "", "false"]),
        (leaf(HTML, "a"), ["a", "a", "", "false"]),
        (leaf(JPEG, "a"), ["a", "a", "", "false"]),
        (leaf("Type: application/pdf", "a"), ["", "", "a", "true"]),
        (leaf("Type: application/pdf|Disposition: inline", "a"), ["", "", "a", "false"]),
        (leaf("Type: text/plain|Disposition: ATTACHMENT", "a"), ["", "", "a", "true"]),
        (leaf("Type: TEXT/Plain", "a"), ["a", "a", "", "false"]),
        (leaf("Type: text/calendar", "a"), ["", "", "a", "true"]),
        (Multipart("alternative", vec![leaf(PLAIN, "a"), leaf(HTML, "b")]), ["a", "b", "", "false"]),
        (Multipart("alternative", vec![leaf(HTML, "b")]), ["b", "b", "", "false"]),
        (Multipart("alternative", vec![leaf(PLAIN, "a"), leaf(PLAIN, "b")]), ["a b", "a b", "", "false"]),
        (
            Multipart("alternative", vec![leaf(PLAIN, "a"), leaf("Type: text/calendar", "c")]),
            ["a", "a", "c", "true"],
        ),
        (Multipart("alternative", vec![leaf(PLAIN, "a"), leaf(JPEG, "c")]), ["a", "a", "c", "true"]),
        // A named text is an attachment unless it is the first.
        (Multipart("mixed", vec![leaf(named, "a"), leaf(named, "b")]), ["a", "a", "b", "true"]),
        (Multipart("mixed", vec![leaf(PLAIN, "a"), leaf(JPEG, "b")]), ["a b", "a b", "", "false"]),
        (
            Multipart("related", vec![leaf(HTML, "a"), leaf("Type: image/png|ID: <x>", "b")]),
            ["a", "a", "b", "false"],
        ),
        (Multipart("related", vec![leaf(HTML, "a"), leaf(JPEG, "b")]), ["a", "a", "b", "true"]),
        (
            Multipart(
                "related",
                vec![leaf(HTML, "a"), leaf("Type: image/png|ID: <x>|Disposition: attachment", "b")],
            ),
            ["a", "a", "b", "true"],
        ),
        (
            Multipart("signed", vec![leaf(PLAIN, "a"), leaf("Type: application/pgp-signature", "b")]),
            ["a", "a", "b", "false"],
        ),
        // Text for which no list is open any more.
        (
            Multipart(
                "alternative",
                vec![Multipart("mixed", vec![leaf(PLAIN, "a"), leaf(HTML, "b"), leaf(PLAIN, "c")])],
            ),
            ["a", "a", "b c", "true"],
        ),
        (
            Multipart(
                "alternative",
                vec![Multipart("mixed", vec![leaf(PLAIN, "a"), leaf(JPEG, "b")]), leaf(HTML, "c")],
            ),
            ["a b", "c", "b", "true"],
        ),
    ];
    for (made, expected) in table {
        let raw = message(&made);
        assert_eq!(lists(&made), expected, "{}", String::from_utf8_lossy(&raw));
    }
}

// spec: RFC 8621 §4.1.4; RFC 9051 §6.4.5.1
#[test]
fn part_ids_are_part_numbers() {
    let leaves = vec![leaf(PLAIN, "a"), leaf(HTML, "b")];
    let mixed = Made::Multipart("mixed", vec![leaf(PLAIN, "x"), Made::Multipart("alternative", leaves)]);
    let raw = message(&mixed);
    let structure = parse(&raw).facts.structure;
    let tree = BodyPart::of(&structure);
    let mut ids = Vec::new();
    tree.visit(&mut |part| ids.push(part.part_id()));
    assert_eq!(ids, [None, Some("1".into()), None, Some("2.1".into()), Some("2.2".into())]);
    tree.visit(&mut |part| {
        let path = part.part_id().map_or(part.path.clone(), |id| part_path(&id).unwrap());
        let found = if path.is_empty() { Some(&structure.root) } else { find_part(&structure, &path) };
        assert_eq!(found, Some(part.part));
    });
    let alone = parse(b"\r\nx").facts.structure;
    assert_eq!(BodyPart::of(&alone).part_id(), Some("1".into()));
    assert_eq!(part_id(&[3, 1, 12]), "3.1.12");
    for bad in ["", ".", "1.", "0", "01", "+1", "1.x", "99999999999", " 1"] {
        assert_eq!(part_path(bad), None, "{bad:?}");
    }
    assert_eq!(part_path(&"1.".repeat(1_000)), None);
}

// spec: RFC 8621 §4.1.4; RFC 2231 §4; RFC 2231 §3; RFC 2392 §2
#[test]
fn properties_of_a_part() {
    let raw = b"Content-Type: Text/HTML; charset=\"ISO-8859-1\"; name=\"=?utf-8?q?n=C3=A4?=\"\r\n\
Content-Disposition: INLINE; filename*0*=utf-8''%e2%82%ac; filename*1=.txt\r\n\
Content-ID: (c) < a@b > (d)\r\nContent-Language: de, en-GB (British)\r\n\
Content-Location: http://a/\r\n b\r\n\r\nx";
    let root = parse(raw).facts.structure.root;
    assert_eq!(root.full_type(), "text/html");
    assert_eq!(root.charset().as_deref(), Some("ISO-8859-1"));
    assert_eq!(root.disposition().as_deref(), Some("inline"));
    assert_eq!(root.name().as_deref(), Some("\u{20ac}.txt"));
    assert_eq!(root.cid().as_deref(), Some("a@b"));
    assert_eq!(root.language(), Some(vec!["de".to_owned(), "en-GB".to_owned()]));
    assert_eq!(root.location().as_deref(), Some("http://a/b"));
    let bare = parse(b"\r\nx").facts.structure.root;
    assert_eq!((bare.full_type().as_str(), bare.charset().as_deref()), ("text/plain", Some("us-ascii")));
    assert_eq!((bare.disposition(), bare.name(), bare.cid()), (None, None, None));
    assert_eq!((bare.language(), bare.location()), (None, None));
}

// spec: RFC 8621 §4.1.4; RFC 2231 §4
#[test]
fn names_and_charsets_in_the_spellings_of_senders() {
    let name_of = |fields: &str| {
        let raw = format!("{fields}\r\n\r\nx");
        parse(raw.as_bytes()).facts.structure.root.name()
    };
    let table = [
        ("Content-Type: a/b; name=plain.txt", Some("plain.txt")),
        ("Content-Type: a/b; name*=utf-8''%C3%A4", Some("\u{e4}")),
        ("Content-Type: a/b; name=\"=?iso-8859-1?Q?=E4?= =?utf-8?q?x?=\"", Some("\u{e4}x")),
        ("Content-Disposition: attachment; filename=raw\u{e4}.txt", Some("raw\u{e4}.txt")),
        ("Content-Disposition: attachment; filename=a; filename*=utf-8''b", Some("b")),
        ("Content-Disposition: attachment; filename*=broken", Some("broken")),
        ("Content-Disposition: attachment; filename=d\r\nContent-Type: a/b; name=t", Some("d")),
        ("Content-Disposition: attachment", None),
    ];
    for (fields, expected) in table {
        assert_eq!(name_of(fields).as_deref(), expected, "{fields}");
    }
    let charset_of = |content_type: &str| {
        let raw = format!("Content-Type: {content_type}\r\n\r\nx");
        parse(raw.as_bytes()).facts.structure.root.charset()
    };
    for (content_type, expected) in [
        ("text/plain", Some("us-ascii")),
        ("text/x-any", Some("us-ascii")),
        ("text/plain; charset*=us-ascii'en'utf-8", Some("utf-8")),
        ("application/xml; charset=utf-8", Some("utf-8")),
        ("application/xml", None),
    ] {
        assert_eq!(charset_of(content_type).as_deref(), expected, "{content_type}");
    }
}

// spec: RFC 8621 §4.1.4
#[test]
fn size_is_that_of_the_decoded_octets() {
    let table: [(&str, &[u8], u32); 7] = [
        ("7bit", b"abc\r\n", 5),
        ("base64", b"aGVs\r\nbG8=\r\n", 5),
        ("quoted-printable", b"a=3Db=\r\nc", 4),
        ("x-uuencode", b"begin 644 x\r\n#86)C\r\n`\r\nend\r\n", 3),
        ("x-none", b"as it is", 8),
        ("", b"abc", 3),
        ("base64", b"", 0),
    ];
    for (encoding, body, size) in table {
        let head = format!("Content-Type: a/b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        let raw = [head.as_bytes(), body].concat();
        let root = parse(&raw).facts.structure.root;
        assert_eq!(root.size(&raw), size, "{encoding}");
        assert_eq!(root.octets(&raw).len(), size as usize, "{encoding}");
    }
}

fn value(fields: &str, body: &[u8], octets_max: usize) -> (String, bool, bool) {
    let raw = [fields.as_bytes(), b"\r\n\r\n", body].concat();
    let root = parse(&raw).facts.structure.root;
    let value = body_value(&root, &raw, octets_max);
    assert!(octets_max == 0 || value.value.len() <= octets_max);
    (value.value, value.is_encoding_problem, value.is_truncated)
}

// spec: RFC 8621 §4.1.4; RFC 8621 §9.1
#[test]
fn values_are_decoded_and_doubts_are_told() {
    let table: [(&str, &[u8], &str, bool); 14] = [
        ("X: y", b"a\r\nb\r\n", "a\nb\n", false),
        ("X: y", b"a\nb\rc", "a\nb\rc", false),
        ("X: y", b"gr\xc3\xbcn", "gr\u{fc}n", false),
        ("X: y", b"gr\xfcn", "gr\u{fc}n", true),
        ("Content-Type: text/plain; charset=utf-8", b"gr\xc3\xbcn", "gr\u{fc}n", false),
        ("Content-Type: text/plain; charset=utf-8", b"\xef\xbb\xbfx", "x", false),
        ("Content-Type: text/plain; charset=utf-8", b"gr\xfcn", "gr\u{fffd}n", true),
        ("Content-Type: text/plain; charset=iso-8859-1", b"gr\xfcn", "gr\u{fc}n", false),
        ("Content-Type: text/plain; charset=x-none", b"plain", "plain", true),
        ("Content-Type: text/html; charset=shift_jis", b"\x82\xa0", "\u{3042}", false),
        ("Content-Transfer-Encoding: x-none", b"a=3D", "a=3D", true),
        ("Content-Transfer-Encoding: quoted-printable", b"a=3D", "a=", false),
        ("Content-Transfer-Encoding: base64", b"YQ0KYg==", "a\nb", false),
        ("Content-Type: text/plain; charset=utf-16", b"\xff\xfea\0\r\0\n\0b\0", "a\nb", false),
    ];
    for (fields, body, expected, problem) in table {
        assert_eq!(value(fields, body, 0), (expected.to_owned(), problem, false), "{fields}");
    }
}

// spec: RFC 8621 §4.2
#[test]
fn values_are_cut_at_characters_and_outside_of_tags() {
    let html = "Content-Type: text/html; charset=utf-8";
    let plain = "Content-Type: text/plain; charset=utf-8";
    let table = [
        (plain, "abcdef", 6, "abcdef", false),
        (plain, "abcdef", 5, "abcde", true),
        (plain, "ab\u{20ac}", 4, "ab", true),
        (plain, "\u{1f600}", 3, "", true),
        (plain, "a\r\nb\r\nc", 5, "a\nb\nc", false),
        (plain, "a\r\nb\r\nc", 4, "a\nb\n", true),
        (plain, "a <b", 3, "a <", true),
        (html, "ab<a href=\"x\">cd</a>", 10, "ab", true),
        (html, "ab<a href=\">\">cd</a>", 13, "ab", true),
        (html, "ab<a href=\">\">cd</a>", 14, "ab<a href=\">\">", true),
        (html, "a < b and more", 8, "a < b an", true),
        (html, "a<!-- > -->bcd", 8, "a", true),
        (html, "a&amp;bcd", 4, "a", true),
        (html, "a&amp;bcd", 7, "a&amp;b", true),
        (html, "a<", 1, "a", true),
        (html, "ab<p>", 3, "ab", true),
    ];
    for (fields, body, octets_max, expected, truncated) in table {
        let found = value(fields, body.as_bytes(), octets_max);
        assert_eq!(found, (expected.to_owned(), false, truncated), "{body} {octets_max}");
    }
}

// spec: RFC 8621 §4.2
#[test]
fn a_beginning_is_the_beginning_of_the_whole() {
    let text = "Zeile mit \u{e4}\u{20ac}\u{1f600} = und mehr   \r\n".repeat(2_000);
    let hex = |octet: &u8| {
        if octet.is_ascii_alphanumeric() || b"\r\n".contains(octet) {
            char::from(*octet).to_string()
        } else {
            format!("={octet:02X}")
        }
    };
    let quoted: String = text.as_bytes().iter().map(hex).collect();
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let bodies = [
        ("Content-Type: text/plain; charset=utf-8", text.as_bytes().to_vec()),
        (
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable",
            quoted.into_bytes(),
        ),
        ("Content-Type: text/plain; charset=utf-16", utf_16),
        ("Content-Type: text/plain", text.as_bytes().to_vec()),
    ];
    for (fields, body) in bodies {
        let (whole, problem, _) = value(fields, &body, 0);
        assert_eq!((whole.as_str(), problem), (text.replace("\r\n", "\n").as_str(), false), "{fields}");
        for octets_max in (1..200).chain([4_000, 4_096, 5_000, 65_536, whole.len() - 1, whole.len()]) {
            let (part, problem, truncated) = value(fields, &body, octets_max);
            assert!(whole.starts_with(&part) && part.len() + 4 > octets_max, "{fields} {octets_max}");
            assert_eq!((problem, truncated), (false, octets_max < whole.len()), "{fields} {octets_max}");
        }
    }
}
