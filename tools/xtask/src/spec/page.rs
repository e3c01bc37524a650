//! docs/SPECS.md: what we claim of each document, and where its sections stand in code and tests.
//!
//! Only sections with marks are listed, only paths are linked (line numbers would be stale the next day).

use super::documents::{Document, Documents};
use super::marks::{Mark, Place};
use crate::imaptest::mends::Mend;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// How many paths a cell links before it only counts.
const LINKS_MAX: usize = 3;

const HEAD: &str = "\
<!-- written by `cargo xtask spec`; edit docs/specs/status.txt or the marks in the sources instead -->
# Specifications

What Koi does of each document, and where. A mark like `RFC 9051 §6.4.5` in a comment of the code, in a test
or in a script makes a row below; `cargo xtask spec --check` fails when a mark points nowhere.

Status: **yes** all of what concerns a server; **partial** some of it; **planned**; **no** not intended;
**reference** read, nothing to implement. Open: sections neither tested, nor deviated from, nor
listed with a reason in docs/specs/untested.txt; counted where that file speaks of the document.
";

const IMAPTEST: &str = "
## ImapTest

`cargo xtask imaptest` runs all scripted groups of Dovecot's ImapTest. These ask for what no standard does,
and are mended in the copy it runs (docs/specs/imaptest.txt):

| group | says | right | section | why |
|---|---|---|---|---|
";

/// The whole page.
pub(crate) fn write(documents: &Documents, marks: &[Mark], mends: &[Mend]) -> String {
    let mut page = HEAD.to_owned();
    let uses: BTreeMap<&str, Use<'_>> =
        documents.all().map(|document| (document.name.as_str(), Use::of(document, marks))).collect();
    for group in &documents.groups {
        let _ = write!(page, "\n## {}\n\n", group.title);
        page.push_str("| document | status | title | sections marked | with a test | deviations | open |\n");
        page.push_str("|---|---|---|---:|---:|---:|---:|\n");
        for document in &group.documents {
            if let Some(use_) = uses.get(document.name.as_str()) {
                page.push_str(&overview_row(document, use_));
            }
        }
    }
    for document in documents.all() {
        if let Some(use_) = uses.get(document.name.as_str()).filter(|use_| !use_.sections.is_empty()) {
            page.push_str(&chapter(document, use_));
        }
    }
    page.push_str(IMAPTEST);
    for Mend { group, says, right, section, why } in mends {
        let code = |text: &str| format!("`{}`", text.trim_end().replace('\n', "` `"));
        let _ = writeln!(page, "| {group} | {} | {} | {section} | {why} |", code(says), code(right));
    }
    page
}

/// The marks of one document.
struct Use<'a> {
    /// By number of section.
    sections: BTreeMap<&'a str, Vec<&'a Mark>>,
}

impl<'a> Use<'a> {
    fn of(document: &Document, marks: &'a [Mark]) -> Use<'a> {
        let mut sections: BTreeMap<&str, Vec<&Mark>> = BTreeMap::new();
        for mark in
            marks.iter().filter(|mark| mark.document == document.name && mark.place != Place::Document)
        {
            if let Some(section) = mark.section.as_deref() {
                sections.entry(section).or_default().push(mark);
            }
        }
        Use { sections }
    }

    fn tested(&self) -> usize {
        self.sections.values().filter(|marks| marks.iter().any(|mark| mark.place == Place::Test)).count()
    }

    /// Sections nobody has accounted for, in their order.
    fn open<'d>(&'d self, document: &'d Document) -> impl Iterator<Item = &'d str> {
        let explained = |number: &str| {
            let mut all = document.untested.iter().flat_map(|untested| &untested.sections);
            all.any(|section| section == number)
        };
        let numbers = document.sections.iter().map(|section| section.number.as_str());
        numbers.filter(move |number| !self.is_tested(number) && !explained(number))
    }

    fn is_tested(&self, number: &str) -> bool {
        let counts = |mark: &&Mark| mark.place == Place::Test || mark.deviation.is_some();
        self.sections.get(number).is_some_and(|marks| marks.iter().any(counts))
    }

    fn deviations(&self) -> impl Iterator<Item = &'a Mark> {
        self.sections.values().flatten().copied().filter(|mark| mark.deviation.is_some())
    }
}

fn overview_row(document: &Document, use_: &Use<'_>) -> String {
    let name = if use_.sections.is_empty() {
        document.name.clone()
    } else {
        format!("[{}](#{})", document.name, anchor(&document.name))
    };
    let blank = |count: usize| if count == 0 { String::new() } else { count.to_string() };
    let of_all = match use_.sections.len() {
        0 => String::new(),
        some => format!("{some} of {}", document.sections.len()),
    };
    let open = match document.untested.is_empty() {
        true => String::new(),
        false => use_.open(document).count().to_string(),
    };
    format!(
        "| {name} | {} | {} | {of_all} | {} | {} | {open} |\n",
        document.status,
        document.title,
        blank(use_.tested()),
        blank(use_.deviations().count())
    )
}

fn chapter(document: &Document, use_: &Use<'_>) -> String {
    let mut text = format!("\n### {}\n\n{}\n\n", document.name, document.title);
    text.push_str("| section | code | tests |\n|---|---|---|\n");
    let in_order = document.sections.iter().filter_map(|section| {
        let marks = use_.sections.get(section.number.as_str())?;
        Some((section, marks))
    });
    for (section, marks) in in_order {
        let code = links(marks, Place::Code);
        let tests = links(marks, Place::Test);
        let _ = writeln!(
            text,
            "| §{} {} | {code} | {tests} |",
            section.number,
            section.title.replace('|', "\\|")
        );
    }
    let open: Vec<&str> = use_.open(document).collect();
    if !document.untested.is_empty() && !open.is_empty() {
        let _ = writeln!(text, "\nOpen: §{}", open.join(", §"));
    }
    if !document.untested.is_empty() {
        text.push_str("\nNothing to test:\n\n");
    }
    for untested in &document.untested {
        let _ = writeln!(text, "- §{}: {}", untested.sections.join(", §"), untested.why);
    }
    let deviations: Vec<&Mark> = use_.deviations().collect();
    if !deviations.is_empty() {
        text.push_str("\nDeviations:\n\n");
    }
    for mark in deviations {
        let section = mark.section.as_deref().unwrap_or_default();
        let what = mark.deviation.as_deref().unwrap_or_default();
        let _ = writeln!(text, "- §{section}: {what} ({})", link(&mark.path));
    }
    text
}

/// Links to the files with marks of this kind, each once, the first few by name.
fn links(marks: &[&Mark], place: Place) -> String {
    let paths: BTreeSet<&str> =
        marks.iter().filter(|mark| mark.place == place).map(|mark| mark.path.as_str()).collect();
    let mut shown: Vec<String> = paths.iter().take(LINKS_MAX).map(|path| link(path)).collect();
    if paths.len() > LINKS_MAX {
        shown.push(format!("{} more", paths.len() - LINKS_MAX));
    }
    shown.join(", ")
}

/// `crates/proto/src/imap/lex.rs` is shown as `proto/imap/lex.rs`.
fn link(path: &str) -> String {
    let short = path.trim_start_matches("crates/").trim_start_matches("tests/").replacen("/src/", "/", 1);
    format!("[{short}](../{path})")
}

fn anchor(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::super::documents::{Group, Section, Untested};
    use super::*;

    fn mark(path: &str, place: Place, deviation: Option<&str>) -> Mark {
        Mark {
            path: path.to_owned(),
            line: 1,
            place,
            document: "RFC 2177".to_owned(),
            section: Some("3".to_owned()),
            deviation: deviation.map(str::to_owned),
            trouble: None,
        }
    }

    #[test]
    fn a_page_lists_what_is_marked_and_counts_the_rest() {
        let sections = vec![
            Section { number: "1".to_owned(), title: "Abstract".to_owned() },
            Section { number: "3".to_owned(), title: "Specification".to_owned() },
        ];
        let document = Document {
            name: "RFC 2177".to_owned(),
            status: "yes".to_owned(),
            title: "IDLE".to_owned(),
            sections,
            untested: vec![Untested { sections: vec!["1".to_owned()], why: "short".to_owned() }],
        };
        let documents =
            Documents { groups: vec![Group { title: "IMAP".to_owned(), documents: vec![document] }] };
        let marks = [
            mark("crates/sessions/src/imap/cmd/idle.rs", Place::Code, Some("so, because x")),
            mark("tests/scripts/imap/idle.script", Place::Test, None),
        ];
        let mend = Mend {
            group: "urlauth2".to_owned(),
            says: "a: 2\n".to_owned(),
            right: "a: 2\nb: 3\n".to_owned(),
            section: "RFC 2177 §3".to_owned(),
            why: "so".to_owned(),
        };
        let page = write(&documents, &marks, &[mend]);
        assert!(page.contains("| [RFC 2177](#rfc-2177) | yes | IDLE | 1 of 2 | 1 | 1 | 0 |"), "{page}");
        let row = "| §3 Specification | \
                   [sessions/imap/cmd/idle.rs](../crates/sessions/src/imap/cmd/idle.rs) | \
                   [scripts/imap/idle.script](../tests/scripts/imap/idle.script) |";
        assert!(page.contains(row), "{page}");
        assert!(page.contains("- §3: so, because x ("), "{page}");
        assert!(!page.contains("Abstract"), "{page}");
        assert!(page.contains("| urlauth2 | `a: 2` | `a: 2` `b: 3` | RFC 2177 §3 | so |"), "{page}");
        assert!(page.contains("- §1: short") && !page.contains("Open: §"), "{page}");
    }
}
