//! What of HTML is text for people: tags, comments, scripts and style sheets are passed over, character
//! references are resolved (RFC 8970 §3.3: markup is removed).
//!
//! This does not make HTML safe to show, and need not: what comes out is plain text. It never looks back, so
//! that it costs a constant per character.

use crate::snippet::collapsed;

/// Elements whose content is not text of the page.
const HIDDEN: &[&str] = &["script", "style", "title", "template"];

/// Elements that stand within a line of text; all others part words.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "dfn", "em", "font", "i", "kbd",
    "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var",
    "wbr",
];

/// Octets of a name that is compared; no element or reference known here is longer.
const NAME_OCTETS_MAX: usize = 12;

/// The text in lines: as good as HTML can be read without a browser.
#[must_use]
pub fn text(html: &str) -> String {
    let mut lines = String::new();
    visible(html, &mut |piece| {
        // What parts words in HTML is shown as a blank; people want lines.
        lines.push_str(if piece == " " { "\n" } else { piece });
        true
    });
    let lines = lines.lines().map(collapsed).filter(|line| !line.is_empty());
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

/// Hands out the text piece by piece, until `text` answers `false`.
pub(crate) fn visible(html: &str, text: &mut dyn FnMut(&str) -> bool) {
    let mut rest = html;
    while !rest.is_empty() {
        let end = rest.find(['<', '&']).unwrap_or(rest.len());
        let (plain, from) = rest.split_at(end);
        if !plain.is_empty() && !text(plain) {
            return;
        }
        rest = match from.as_bytes() {
            [b'<', next, ..] if next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?') => {
                let Tag { parts_words, after } = tag(from);
                if parts_words && !text(" ") {
                    return;
                }
                after
            }
            [b'&', ..] => {
                let Reference { text: referred, after } = reference(from);
                if !text(referred.as_str()) {
                    return;
                }
                after
            }
            [b'<', ..] => {
                if !text("<") {
                    return;
                }
                from.get(1..).unwrap_or_default()
            }
            _ => from,
        };
    }
}

struct Tag<'h> {
    parts_words: bool,
    after: &'h str,
}

/// At `<`: behind the tag, and behind its element when that is hidden.
fn tag(from: &str) -> Tag<'_> {
    if let Some(comment) = from.strip_prefix("<!--") {
        let after = comment.find("-->").and_then(|at| comment.get(at + 3..)).unwrap_or_default();
        return Tag { parts_words: false, after };
    }
    let inside = from.get(1..).unwrap_or_default();
    let closes = inside.starts_with('/');
    let name = name(inside.trim_start_matches('/'));
    let after = behind_tag(inside);
    let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    if is(HIDDEN) && !closes {
        return Tag { parts_words: true, after: behind_element(after, name) };
    }
    Tag { parts_words: !is(INLINE), after }
}

/// The name at the beginning; one that is too long to be known is cut.
fn name(text: &str) -> &str {
    let octets = text.bytes().take(NAME_OCTETS_MAX);
    let length = octets.take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
    text.get(..length).unwrap_or_default()
}

/// Behind the next `>` that is not in quotes. A quote that is never closed is none.
fn behind_tag(text: &str) -> &str {
    let mut quote = None;
    let mut first_end = None;
    for (at, octet) in text.bytes().enumerate() {
        match (quote, octet) {
            (None, b'>') => return text.get(at + 1..).unwrap_or_default(),
            (None, b'"' | b'\'') => quote = Some(octet),
            (Some(open), octet) if open == octet => quote = None,
            (Some(_), b'>') => first_end = first_end.or(Some(at)),
            _ => {}
        }
    }
    first_end.and_then(|at| text.get(at + 1..)).unwrap_or_default()
}

/// Behind `</name`; everything when it is never closed.
fn behind_element<'h>(text: &'h str, element: &str) -> &'h str {
    let mut rest = text;
    while let Some(at) = rest.find("</") {
        rest = rest.get(at + 2..).unwrap_or_default();
        if name(rest).eq_ignore_ascii_case(element) {
            return behind_tag(rest);
        }
    }
    ""
}

struct Reference<'h> {
    text: Referred,
    after: &'h str,
}

enum Referred {
    Char([u8; 4], usize),
    Known(&'static str),
}

impl Referred {
    fn char(c: char) -> Self {
        let mut octets = [0; 4];
        let length = c.encode_utf8(&mut octets).len();
        Self::Char(octets, length)
    }
    fn as_str(&self) -> &str {
        match self {
            Self::Char(octets, length) => {
                octets.get(..*length).and_then(|octets| std::str::from_utf8(octets).ok()).unwrap_or_default()
            }
            Self::Known(text) => text,
        }
    }
}

/// At `&`: the character it stands for; `&` itself when it stands for none.
fn reference(from: &str) -> Reference<'_> {
    let inside = from.get(1..).unwrap_or_default();
    let name = name(inside);
    let behind = inside.get(name.len()..).unwrap_or_default();
    let after = behind.strip_prefix(';').unwrap_or(behind);
    let number = name.strip_prefix('#').map(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    });
    let referred = match number {
        Some(number) => number.ok().and_then(char::from_u32).map(Referred::char),
        None => NAMED.iter().find(|named| named.name == name).map(|named| Referred::Known(named.text)),
    };
    match referred {
        Some(text) => Reference { text, after },
        None => Reference { text: Referred::Known("&"), after: inside },
    }
}

struct Named {
    name: &'static str,
    text: &'static str,
}

const fn named(name: &'static str, text: &'static str) -> Named {
    Named { name, text }
}

/// The references that mail has; whoever writes others writes characters or numbers today.
const NAMED: &[Named] = &[
    named("nbsp", "\u{a0}"),
    named("amp", "&"),
    named("lt", "<"),
    named("gt", ">"),
    named("quot", "\""),
    named("apos", "'"),
    named("zwnj", ""),
    named("zwj", ""),
    named("shy", ""),
    named("lrm", ""),
    named("rlm", ""),
    named("ndash", "–"),
    named("mdash", "—"),
    named("hellip", "…"),
    named("bull", "•"),
    named("middot", "·"),
    named("lsquo", "‘"),
    named("rsquo", "’"),
    named("sbquo", "‚"),
    named("ldquo", "“"),
    named("rdquo", "”"),
    named("bdquo", "„"),
    named("laquo", "«"),
    named("raquo", "»"),
    named("ensp", " "),
    named("emsp", " "),
    named("thinsp", " "),
    named("euro", "€"),
    named("pound", "£"),
    named("yen", "¥"),
    named("cent", "¢"),
    named("copy", "©"),
    named("reg", "®"),
    named("trade", "™"),
    named("deg", "°"),
    named("sect", "§"),
    named("para", "¶"),
    named("plusmn", "±"),
    named("times", "×"),
    named("larr", "←"),
    named("rarr", "→"),
    named("auml", "ä"),
    named("ouml", "ö"),
    named("uuml", "ü"),
    named("Auml", "Ä"),
    named("Ouml", "Ö"),
    named("Uuml", "Ü"),
    named("szlig", "ß"),
    named("agrave", "à"),
    named("aacute", "á"),
    named("acirc", "â"),
    named("atilde", "ã"),
    named("aring", "å"),
    named("aelig", "æ"),
    named("ccedil", "ç"),
    named("egrave", "è"),
    named("eacute", "é"),
    named("ecirc", "ê"),
    named("euml", "ë"),
    named("igrave", "ì"),
    named("iacute", "í"),
    named("icirc", "î"),
    named("iuml", "ï"),
    named("ntilde", "ñ"),
    named("ograve", "ò"),
    named("oacute", "ó"),
    named("ocirc", "ô"),
    named("otilde", "õ"),
    named("oslash", "ø"),
    named("ugrave", "ù"),
    named("uacute", "ú"),
    named("ucirc", "û"),
    named("yacute", "ý"),
    named("yuml", "ÿ"),
    named("Agrave", "À"),
    named("Aacute", "Á"),
    named("Eacute", "É"),
    named("Oslash", "Ø"),
    named("Aring", "Å"),
    named("Ccedil", "Ç"),
];
