//! Search snippets (RFC 8621 §5): where the subject and the text of a message match what was searched for, as
//! HTML with the matches in `<mark>`.
//!
//! Texts are compared as SEARCH compares them (`i;unicode-casemap`); white space of any length is one blank,
//! because that is how the text is shown.

use memchr::memmem;

use crate::body::{BodyLists, BodyPart};
use crate::charset::{self, Extent};
use crate::collation::casemap;
use crate::preview::{html, is_invisible};
use crate::structure::{Part, Structure};
use crate::transfer::Decoder;

/// RFC 8621 §5: octets of a preview, with its markup.
const PREVIEW_OCTETS_MAX: usize = 255;
/// Octets of a subject that are shown, without its markup.
const SUBJECT_OCTETS_MAX: usize = 2_000;
/// Octets of a part, as stored, that are looked at.
const LOOK_OCTETS: usize = 2 * 1024 * 1024;
/// Parts that are looked at.
const PARTS_MAX: usize = 20;
/// Texts that are looked for.
const TERMS_MAX: usize = 50;
/// Octets of what stands before the first match in a preview.
const BEFORE_OCTETS_MAX: usize = 60;

const OPEN: &str = "<mark>";
const CLOSE: &str = "</mark>";
const CUT: &str = "...";

/// What is marked.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    finders: Vec<memmem::Finder<'static>>,
}

impl Terms {
    /// The texts of a filter, each as a whole.
    #[must_use]
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Terms {
        let key = |text: &str| {
            let mut key = Vec::new();
            casemap(&collapsed(text), &mut key);
            key
        };
        let keys = texts.into_iter().map(key).filter(|key| !key.is_empty());
        Terms { finders: keys.take(TERMS_MAX).map(|key| memmem::Finder::new(&key).into_owned()).collect() }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.finders.is_empty()
    }

    /// The subject, in the form Text, with its matches marked; `None` without any.
    #[must_use]
    pub fn mark_subject(&self, subject: &str) -> Option<String> {
        let shown = subject.get(..subject.floor_char_boundary(SUBJECT_OCTETS_MAX)).unwrap_or(subject);
        let matches = self.matches(shown);
        let mut marked = Marked { out: String::new(), octets_max: usize::MAX };
        (!matches.is_empty()).then(|| {
            marked.push(shown, 0, &matches);
            marked.out
        })
    }

    /// What stands around the first match in the body of the message `raw`: in its plain text and its HTML,
    /// in the order of display. `None` without any.
    #[must_use]
    pub fn preview(&self, raw: &[u8], structure: &Structure) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let tree = BodyPart::of(structure);
        let lists = BodyLists::of(&tree);
        let mut seen: Vec<&[u32]> = Vec::new();
        for part in lists.text.iter().chain(&lists.html).chain(&lists.attachments) {
            let is_text = part.part.content.is_type(b"text");
            if !is_text || seen.contains(&part.path.as_slice()) || seen.len() >= PARTS_MAX {
                continue;
            }
            seen.push(&part.path);
            let text = visible_text(part.part, raw);
            let matches = self.matches(&text);
            if let Some(first) = matches.first() {
                return Some(around(&text, first.start, &matches));
            }
        }
        None
    }

    /// Where any of the terms is, in order, those that touch as one.
    fn matches(&self, text: &str) -> Vec<Match> {
        let folded = Folded::of(text);
        let mut found: Vec<Match> = Vec::new();
        for finder in &self.finders {
            let length = finder.needle().len();
            found.extend(finder.find_iter(&folded.key).filter_map(|at| folded.original(at, length)));
        }
        found.sort_by_key(|place| place.start);
        let mut merged: Vec<Match> = Vec::with_capacity(found.len());
        for place in found {
            match merged.last_mut() {
                Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
                _ => merged.push(place),
            }
        }
        merged
    }
}

/// Octets of the original text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Match {
    start: usize,
    end: usize,
}

/// A text as it is compared, and where each octet of that comes from.
struct Folded {
    key: Vec<u8>,
    /// For each octet of the key the first octet of its character, and the end of the text.
    origins: Vec<u32>,
    /// Octets of the text.
    end: usize,
}

impl Folded {
    fn of(text: &str) -> Folded {
        let mut folded = Folded { key: Vec::with_capacity(text.len()), origins: Vec::new(), end: text.len() };
        folded.origins.reserve(text.len());
        for (at, c) in text.char_indices() {
            casemap(c.encode_utf8(&mut [0; 4]), &mut folded.key);
            folded.origins.resize(folded.key.len(), u32::try_from(at).unwrap_or(u32::MAX));
        }
        folded
    }

    /// The characters of which so many octets of the key were made.
    fn original(&self, at: usize, length: usize) -> Option<Match> {
        let start = *self.origins.get(at)? as usize;
        let last = *self.origins.get(at + length.checked_sub(1)?)?;
        let rest = self.origins.get(at + length..).unwrap_or_default();
        let end = rest.iter().find(|origin| **origin > last).map_or(self.end, |origin| *origin as usize);
        Some(Match { start, end })
    }
}

/// The text of a part as it would be shown, on one line.
fn visible_text(part: &Part, raw: &[u8]) -> String {
    let body = part.body.of(raw);
    let looked_at = body.get(..LOOK_OCTETS).unwrap_or(body);
    let mut octets = Vec::new();
    if let Some(mut decoder) = Decoder::new(part.known_encoding()) {
        decoder.push(looked_at, &mut octets);
        if looked_at.len() == body.len() {
            decoder.finish(&mut octets);
        }
    } else {
        octets.extend_from_slice(&part.octets(raw));
    }
    let extent = if looked_at.len() == body.len() { Extent::Whole } else { Extent::Beginning };
    let mut text = String::new();
    let label = part.charset().unwrap_or_default();
    charset::decode_telling(label.as_bytes(), &octets, extent, &mut text);
    if !(part.content.is(b"text", b"html") || part.content.is(b"text", b"enriched")) {
        return collapsed(&text);
    }
    let mut shown = String::with_capacity(text.len() / 2);
    html::visible(&text, &mut |piece| {
        shown.push_str(piece);
        true
    });
    collapsed(&shown)
}

/// On one line: white space is one blank, what nobody sees is left out.
pub(crate) fn collapsed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else if !is_invisible(c) {
            out.push(c);
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// So much of `text` as may be shown, from a word shortly before `first` on.
fn around(text: &str, first: usize, matches: &[Match]) -> String {
    let before = text.get(..first).unwrap_or_default();
    let mut octets = 0;
    let mut start = first;
    for (at, c) in before.char_indices().rev() {
        octets += escaped_octets(c);
        if octets > BEFORE_OCTETS_MAX {
            break;
        }
        start = at;
    }
    if start > 0 {
        // The whole word, if one begins there.
        let context = text.get(start..first).unwrap_or_default();
        start += context.find(' ').map_or(0, |blank| blank + 1);
    }
    let mut marked = Marked { out: String::new(), octets_max: PREVIEW_OCTETS_MAX - CUT.len() };
    if start > 0 {
        marked.out.push_str(CUT);
    }
    if !marked.push(text, start, matches) {
        marked.out.push_str(CUT);
    }
    marked.out
}

struct Marked {
    out: String,
    octets_max: usize,
}

impl Marked {
    /// Appends `text` from `start` on, escaped and marked; false if not all of it found room.
    fn push(&mut self, text: &str, start: usize, matches: &[Match]) -> bool {
        let mut matches = matches.iter().skip_while(|place| place.end <= start).peekable();
        let mut open = false;
        let mut complete = true;
        for (offset, c) in text.get(start..).unwrap_or_default().char_indices() {
            let at = start + offset;
            if open && matches.peek().is_none_or(|place| at >= place.end) {
                self.out.push_str(CLOSE);
                matches.next();
                open = false;
            }
            let opens = !open && matches.peek().is_some_and(|place| at >= place.start);
            let frame = if opens {
                OPEN.len() + CLOSE.len()
            } else if open {
                CLOSE.len()
            } else {
                0
            };
            if self.out.len() + frame + escaped_octets(c) > self.octets_max {
                complete = false;
                break;
            }
            if opens {
                self.out.push_str(OPEN);
                open = true;
            }
            push_escaped(c, &mut self.out);
        }
        if open {
            self.out.push_str(CLOSE);
        }
        complete
    }
}

/// RFC 8621 §5: `&`, `<` and `>` must be escaped; quotes are, for whoever puts the text into an attribute.
fn entity(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    }
}

fn escaped_octets(c: char) -> usize {
    entity(c).map_or(c.len_utf8(), str::len)
}

fn push_escaped(c: char, out: &mut String) {
    match entity(c) {
        Some(entity) => out.push_str(entity),
        None => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::Terms;
    use crate::parse;

    // spec: RFC 8621 §5
    #[test]
    fn subjects_are_marked_and_escaped() {
        let table = [
            ("The Foosball competition", vec!["foo"], Some("The <mark>Foo</mark>sball competition")),
            (
                "a & <b> \"c\" 'd'",
                vec!["<B>"],
                Some("a &amp; <mark>&lt;b&gt;</mark> &quot;c&quot; &#39;d&#39;"),
            ),
            ("foofoo", vec!["foo"], Some("<mark>foofoo</mark>")),
            ("one two three", vec!["two", "one"], Some("<mark>one</mark> <mark>two</mark> three")),
            ("overlap", vec!["over", "erla"], Some("<mark>overla</mark>p")),
            ("Caf\u{e9} STRASSE", vec!["CAF\u{c9}"], Some("<mark>Caf\u{e9}</mark> STRASSE")),
            ("Caf\u{e9}s", vec!["cafe"], Some("<mark>Caf\u{e9}</mark>s")),
            ("e\u{301}t\u{e9}", vec!["\u{e9}t"], Some("<mark>e\u{301}t</mark>\u{e9}")),
            ("\u{bd}n", vec!["1"], Some("<mark>\u{bd}</mark>n")),
            ("nothing", vec!["other"], None),
            ("nothing", vec![], None),
            ("nothing", vec!["", " "], None),
        ];
        for (subject, terms, expected) in table {
            let found = Terms::new(terms.iter().copied()).mark_subject(subject);
            assert_eq!(found.as_deref(), expected, "{subject} {terms:?}");
        }
    }

    fn preview(message: &str, term: &str) -> Option<String> {
        let structure = parse(message.as_bytes()).facts.structure;
        let found = Terms::new([term]).preview(message.as_bytes(), &structure);
        assert!(found.as_ref().is_none_or(|found| found.len() <= 255), "{found:?}");
        found
    }

    // spec: RFC 8621 §5
    #[test]
    fn previews_show_what_is_around_the_first_match() {
        let plain = |body: &str| format!("Subject: x\r\n\r\n{body}");
        assert_eq!(
            preview(&plain("a needle\r\nin   hay"), "NEEDLE in"),
            Some("a <mark>needle in</mark> hay".into())
        );
        assert_eq!(preview(&plain("nothing"), "needle"), None);
        assert_eq!(preview(&plain("x"), "x"), Some("<mark>x</mark>".into()));
        let long = plain(&format!("{} needle {}", "hay ".repeat(100), "<&> ".repeat(100)));
        let found = preview(&long, "needle").unwrap();
        assert!(
            found.starts_with("...hay hay") && found.contains(" <mark>needle</mark> &lt;&amp;&gt; "),
            "{found}"
        );
        assert!(found.ends_with("...") && found.len() > 200, "{found}");
        let html = "Content-Type: text/html; charset=utf-8\r\n\r\n<style>needle</style><p title=\"needle\">a <b>nee</b>dle&lt;</p>";
        assert_eq!(preview(html, "needle"), Some("a <mark>needle</mark>&lt;".into()));
        let endless = plain(&"n".repeat(1_000));
        assert_eq!(preview(&endless, "nnn").unwrap().len(), 255);
        let wide = plain(&format!("{}needle", "\u{1f600}".repeat(200)));
        assert!(preview(&wide, "needle").unwrap().contains("<mark>needle</mark>"));
    }

    // spec: RFC 8621 §5
    #[test]
    fn the_part_that_is_shown_first_comes_first() {
        let message = "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n\
                       <p>html needle\r\n--b\r\n\r\nplain needle\r\n--b\r\nContent-Type: image/png\r\n\r\npicture\r\n--b--\r\n";
        assert_eq!(preview(message, "needle"), Some("plain <mark>needle</mark>".into()));
        assert_eq!(preview(message, "html"), Some("<mark>html</mark> needle".into()));
        assert_eq!(preview(message, "picture"), None);
    }
}
