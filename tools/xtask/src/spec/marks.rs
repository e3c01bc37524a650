//! Finding marks: `NAME §SECTION` in comments of Rust sources, and in scripts, test tables and documents.
//!
//! `RFC 9051 §6.4.5, §7.1 and §2` are three marks of one document. A mark may be broken over two comment
//! lines. `DEVIATION NAME §SECTION: …` takes the rest of its comment along.

use crate::failure::Failure;
use crate::repo::Repo;
use crate::tidy::source::Source;
use crate::tidy::workspace::Workspace;

/// Documents whose names are no RFC number.
const NAMES: &[&str] = &["COI-server", "COI-client", "COI-webpush", "DMAP-00", "JMAP-2018"];

/// Texts, other than Rust sources, in which marks count.
const TEXTS: &[&str] = &[".md", ".script", ".py", ".sh", ".txt", ".toml", ".json"];

/// Ends a run of comment lines; not a character of any text we read.
const BREAK: char = '\u{1}';

/// Where a mark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Code,
    Test,
    Document,
}

/// Something that is wrong with the mark itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Not in the fixed form; the text as it stands.
    Form(String),
    /// A deviation without a reason.
    NoReason,
}

/// A mark, or a mention of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) place: Place,
    /// `RFC 9051`; empty when only the form is wrong.
    pub(crate) document: String,
    /// `6.4.5`; none for a mention of the whole document.
    pub(crate) section: Option<String>,
    /// The text of a deviation from this section.
    pub(crate) deviation: Option<String>,
    pub(crate) trouble: Option<Trouble>,
}

/// All marks of the checkout, in order of path and line.
pub(crate) fn collect(repo: &Repo, workspace: &Workspace) -> Result<Vec<Mark>, Failure> {
    let mut marks = Vec::new();
    for source in &workspace.sources {
        // The tool's own sources speak about marks; they are none.
        if source.package != "tools/xtask" {
            marks.extend(of_source(source));
        }
    }
    for path in repo.files()? {
        let is_ours = !path.starts_with("docs/specs/") && path != "docs/SPECS.md";
        if is_ours && TEXTS.iter().any(|end| path.ends_with(end)) {
            let is_test = path.starts_with("tests/") && !path.ends_with(".md");
            let place = if is_test { Place::Test } else { Place::Document };
            let text = Text::of_lines(&repo.read(&path)?);
            marks.extend(text.marks().into_iter().map(|found| found.into_mark(&path, place)));
        }
    }
    Ok(marks)
}

fn of_source(source: &Source) -> Vec<Mark> {
    let starts: Vec<usize> =
        std::iter::once(0).chain(source.text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let in_tests = source.package == "tools/testkit" || source.path.contains("/tests/");
    let text = Text::of_comments(&source.comments);
    let place = |line: usize| {
        let at = line.checked_sub(1).and_then(|index| starts.get(index)).copied().unwrap_or(0);
        let end = starts.get(line).copied().unwrap_or(source.text.len());
        let is_test = in_tests || source.is_test_at(at) || source.is_test_at(end.saturating_sub(1));
        // A comment directly above `#[test]` belongs to it.
        let is_test = is_test || above_test(source, line);
        if is_test { Place::Test } else { Place::Code }
    };
    text.marks()
        .into_iter()
        .map(|found| {
            let line = found.line;
            found.into_mark(&source.path, place(line))
        })
        .collect()
}

fn above_test(source: &Source, line: usize) -> bool {
    let below = source.text.lines().skip(line);
    let mut below = below.skip_while(|text| text.trim_start().starts_with("//"));
    below.next().is_some_and(|text| text.trim() == "#[test]" || text.trim() == "#[cfg(test)]")
}

/// A mark before it is known where it stands.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    line: usize,
    document: String,
    section: Option<String>,
    deviation: Option<String>,
    trouble: Option<Trouble>,
}

impl Found {
    fn into_mark(self, path: &str, place: Place) -> Mark {
        Mark {
            path: path.to_owned(),
            line: self.line,
            place,
            document: self.document,
            section: self.section,
            deviation: self.deviation,
            trouble: self.trouble,
        }
    }
}

/// Lines joined by blanks, so that a mark may be broken between them.
struct Text {
    joined: String,
    /// Where each line begins in `joined`.
    starts: Vec<usize>,
}

impl Text {
    fn of_lines(text: &str) -> Text {
        Text::join(text.lines().map(|line| if line.trim().is_empty() { None } else { Some(line) }))
    }

    /// Comment text only, without its slashes; lines without any break the run.
    fn of_comments(comments: &str) -> Text {
        Text::join(comments.lines().map(|line| {
            let words = line.trim_start().trim_start_matches(['/', '!', '*']).trim_end();
            if words.trim().is_empty() { None } else { Some(words) }
        }))
    }

    fn join<'a>(lines: impl Iterator<Item = Option<&'a str>>) -> Text {
        let mut text = Text { joined: String::new(), starts: Vec::new() };
        for line in lines {
            text.starts.push(text.joined.len());
            match line {
                Some(words) => {
                    text.joined.push_str(words.trim());
                    text.joined.push(' ');
                }
                None => text.joined.push(BREAK),
            }
        }
        text
    }

    fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at)
    }

    fn marks(&self) -> Vec<Found> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(rest) = self.joined.get(at..).filter(|rest| !rest.is_empty()) {
            let Some((start, name)) = next_name(rest) else { break };
            let from = at + start;
            at = self.mark(from, &name, &mut found);
        }
        found
    }

    /// Reads the sections behind a name at `from`; returns where to go on.
    fn mark(&self, from: usize, name: &Name, found: &mut Vec<Found>) -> usize {
        let mut at = from + name.length;
        let mut add = |at: usize, section: Option<String>, trouble: Option<Trouble>| {
            let document = name.document.clone();
            found.push(Found { line: self.line_of(at), document, section, deviation: None, trouble });
        };
        let after = self.joined.get(at..).unwrap_or_default();
        let wrong = name.wrong_form(self.joined.get(from..).unwrap_or_default());
        let wrong = wrong.or_else(|| spelled_out(name, after)).map(Trouble::Form);
        let Some(first) = after.strip_prefix(" §") else {
            add(from, None, wrong);
            return at;
        };
        let section = section(first);
        at += " §".len() + section.len();
        add(from, Some(section), wrong);
        while let Some(glue) = glue(self.joined.get(at..).unwrap_or_default()) {
            let section = self::section(self.joined.get(at + glue..).unwrap_or_default());
            add(at, Some(section.clone()), None);
            at += glue + section.len();
        }
        let before = self.joined.get(..from).unwrap_or_default();
        if before.ends_with("DEVIATION ") {
            let text = self.joined.get(at..).unwrap_or_default();
            let text = text.split(BREAK).next().unwrap_or_default().trim_start_matches(':').trim().to_owned();
            let last = found.last_mut();
            if let Some(last) = last {
                last.trouble = (!text.contains("because")).then_some(Trouble::NoReason);
                last.deviation = Some(text);
            }
        }
        at
    }
}

/// The name of a document, as it stands in the text.
struct Name {
    document: String,
    length: usize,
}

impl Name {
    /// `RFC9051` and `rfc 9051` are understood, but not the fixed form.
    fn wrong_form(&self, here: &str) -> Option<String> {
        let written = here.get(..self.length)?;
        (written != self.document).then(|| written.to_owned())
    }
}

/// The next name of a document in a text, with its offset.
fn next_name(text: &str) -> Option<(usize, Name)> {
    let rfc = text.match_indices("RFC").find_map(|(at, _)| {
        let before = text.get(..at)?.chars().next_back();
        let rest = text.get(at + 3..)?;
        let gap = rest.len() - rest.trim_start_matches([' ', '-']).len();
        let digits = rest.get(gap..)?.bytes().take_while(u8::is_ascii_digit).count();
        let number = rest.get(gap..gap + digits)?;
        // `RFC822` and `RFC822.SIZE` are data items of IMAP.
        let is_name = (3..=5).contains(&digits) && gap <= 1 && (gap == 1 || number != "822");
        let is_name = is_name && !before.is_some_and(char::is_alphanumeric);
        is_name.then(|| (at, Name { document: format!("RFC {number}"), length: 3 + gap + digits }))
    });
    let named = NAMES.iter().filter_map(|name| {
        let at = text.find(&format!("{name} §"))?;
        Some((at, Name { document: (*name).to_owned(), length: name.len() }))
    });
    rfc.into_iter().chain(named).min_by_key(|(at, _)| *at)
}

/// `RFC 9051 section 6`, `RFC 9051, §6`, `RFC 9051§6`: meant as marks, in another form.
fn spelled_out(name: &Name, after: &str) -> Option<String> {
    let shown = |length: usize| format!("{}{}", name.document, after.get(..length).unwrap_or_default());
    let lower = after.get(..12.min(after.len())).unwrap_or_default().to_ascii_lowercase();
    for word in [" section ", ", section ", " sec. ", " sect. "] {
        let digit =
            after.get(word.len()..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if lower.starts_with(word) && digit {
            return Some(shown(word.len() + 1));
        }
    }
    for word in ["§", ", §", " (§", "  §", ": §"] {
        if after.starts_with(word) {
            return Some(shown(word.len()));
        }
    }
    None
}

/// What may stand between two sections of one document; its length with the `§`.
fn glue(text: &str) -> Option<usize> {
    [", §", " and §", ", and §", "; §", " or §", "/§", " §"]
        .iter()
        .find(|glue| text.starts_with(*glue))
        .map(|g| g.len())
}

/// The section at the beginning of a text, without the punctuation that ends the sentence.
fn section(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
    let whole: String = text.chars().take_while(|&c| is_part(c)).collect();
    let numbered = whole.starts_with(|c: char| c.is_ascii_digit());
    // `6.4-6.6` and `6.4/7` name the first of several.
    let whole = if numbered { whole.split(['-', '/', '_']).next().unwrap_or_default() } else { &whole };
    whole.trim_end_matches(['.', '-', '/']).to_owned()
}

#[cfg(test)]
mod tests;
