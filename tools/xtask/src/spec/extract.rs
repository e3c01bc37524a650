//! `--texts DIR`: the numbers and titles of sections, read out of the full texts of the documents.
//!
//! Three kinds of text: RFC plain text (numbered headings at the left margin), Markdown with numbers in its
//! headings or counted by depth, and Markdown whose sections only have names. A document whose text is not in
//! DIR keeps the sections it had.

use super::documents::{Documents, SECTIONS, Section, sections};
use crate::failure::Failure;
use crate::repo::Repo;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const HEAD: &str = "\
# Sections of the documents in status.txt, so that marks can be checked without the texts.
# Written by `cargo xtask spec --texts DIR`.
";

/// Names of files for documents that are no RFC; several files are read one after the other.
const FILES: &[(&str, &[(&str, &str)])] = &[
    ("COI-server", &[("coi-server-spec.md", "")]),
    ("COI-client", &[("coi-client-spec.md", "")]),
    ("COI-webpush", &[("webpush-spec.md", "")]),
    ("JMAP-2018", &[("jmap-core-draft-2018.md", "core/"), ("jmap-mail-draft-2018.md", "mail/")]),
];

const DMAP: &str = "draft-melnikov-dmap-00";

/// Rewrites sections.txt.
pub(crate) fn rebuild(repo: &Repo, dir: &str) -> Result<(), Failure> {
    let files = files_below(Path::new(dir))?;
    let documents = Documents::read(repo)?;
    let mut old = sections(&repo.read(SECTIONS)?);
    let mut text = HEAD.to_owned();
    for document in documents.all() {
        let mut found = of_document(&document.name, &files);
        if found.is_empty() {
            found = old.remove(&document.name).unwrap_or_default();
            println!("{}: no text in {dir}; keeps the {} sections it had", document.name, found.len());
        }
        let _ = writeln!(text, "\n= {}", document.name);
        for section in found {
            let _ = writeln!(text, "{} {}", section.number, section.title);
        }
    }
    std::fs::write(repo.root.join(SECTIONS), text)
        .map_err(|error| Failure::new(format!("cannot write {SECTIONS}: {error}")))
}

fn files_below(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        let wrong = |error| Failure::new(format!("cannot read {}: {error}", dir.display()));
        for entry in std::fs::read_dir(&dir).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

fn of_document(name: &str, files: &[PathBuf]) -> Vec<Section> {
    let file_name =
        |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let read = |path: &PathBuf| {
        std::fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    };
    if let Some(number) = name.strip_prefix("RFC ") {
        let of_rfc = |path: &&PathBuf| {
            let name = file_name(path);
            let rest = name.strip_prefix(&format!("rfc{number}"));
            rest.is_some_and(|rest| rest.starts_with(['.', '-']))
        };
        let Some(path) = files.iter().find(of_rfc) else { return Vec::new() };
        let is_markdown = path.extension().is_some_and(|end| end == "md");
        return if is_markdown { numbered_markdown(&read(path)) } else { plain(&read(path)) };
    }
    if name == "DMAP-00" {
        let is_draft = |text: &String| text.get(..400).is_some_and(|head| head.contains(DMAP));
        // Its text has some of its headings underlined.
        let plainly = |text: String| plain(&text.replace("<u>", "").replace("</u>", ""));
        return files.iter().map(read).find(is_draft).map(plainly).unwrap_or_default();
    }
    let parts = FILES.iter().find(|(document, _)| *document == name).map_or(&[][..], |(_, parts)| *parts);
    let mut found = Vec::new();
    for (wanted, prefix) in parts {
        if let Some(path) = files.iter().find(|path| file_name(path) == *wanted) {
            found.extend(named_markdown(&read(path), prefix));
        }
    }
    found
}

/// Headings of an RFC: at the left margin if there are any there, indented in some old ones. Most begin at 1;
/// one that only amends another begins with that one's number.
fn plain(text: &str) -> Vec<Section> {
    let mut best = Vec::new();
    for (indent_max, begins_at_one) in [(0, true), (4, true), (0, false), (12, true)] {
        let found = plain_indented(text, indent_max, begins_at_one);
        if found.len() >= 3 {
            return found;
        }
        if found.len() > best.len() {
            best = found;
        }
    }
    best
}

/// The longest chain of headings that can follow each other: the rest are lists, examples and contents.
fn plain_indented(text: &str, indent_max: usize, begins_at_one: bool) -> Vec<Section> {
    let mut candidates: Vec<(Vec<u32>, Section)> = Vec::new();
    let mut is_after_blank = true;
    for line in text.lines() {
        let is_heading_place = is_after_blank && line.len() - line.trim_start().len() <= indent_max;
        is_after_blank = line.trim().is_empty();
        if let Some((number, title)) = heading(line.trim()).filter(|_| is_heading_place) {
            candidates.push((numbers(&number), Section { number, title }));
        }
    }
    let mut best: Vec<usize> = Vec::new();
    for (start, (path, _)) in candidates.iter().enumerate() {
        if begins_at_one && path.as_slice() != [1] {
            continue;
        }
        let mut chain = vec![start];
        let mut last = path;
        for (at, (path, _)) in candidates.iter().enumerate().skip(start + 1) {
            if follows(last, path) {
                chain.push(at);
                last = path;
            }
        }
        if chain.len() > best.len() {
            best = chain;
        }
    }
    let chosen = candidates.into_iter().enumerate().filter(|(at, _)| best.contains(at));
    chosen.map(|(_, (_, section))| section).collect()
}

/// `6.4.5.  FETCH Command`, `Appendix A.  Changes`, `A.1. More`; not a line of a table of contents.
fn heading(line: &str) -> Option<(String, String)> {
    if line.contains("...") || line.contains(". . .") || line.contains('\t') {
        return None;
    }
    let rest = line.strip_prefix("Appendix ").or_else(|| line.strip_prefix("APPENDIX ")).unwrap_or(line);
    let is_appendix = rest.len() != line.len();
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
    let (written, title) = rest.split_at(end);
    let number = written.trim_end_matches('.');
    let has_dot = written.len() != number.len();
    let first = number.split('.').next()?;
    let is_letter = first.len() == 1 && first.bytes().all(|b| b.is_ascii_uppercase());
    let is_number = !first.is_empty() && first.len() <= 2 && first.bytes().all(|b| b.is_ascii_digit());
    let tail_is_digits =
        number.split('.').skip(1).all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    let title = title.trim_start_matches([':', '-']).trim();
    let is_title = title.starts_with(|c: char| c.is_alphanumeric() || "\"<[\\/(*#'_`".contains(c));
    let is_good = is_number || (is_letter && (has_dot || is_appendix || number.contains('.')));
    (is_good && tail_is_digits && is_title).then(|| (number.to_owned(), title.to_owned()))
}

/// `6.4.5` as numbers; letters come after all numbers.
fn numbers(number: &str) -> Vec<u32> {
    let part = |part: &str| match part.bytes().next() {
        Some(letter) if letter.is_ascii_uppercase() => 100 + u32::from(letter - b'A'),
        _ => part.parse().unwrap_or(0),
    };
    number.split('.').map(part).collect()
}

/// Whether a heading can come after another: one deeper, or a later one at some level, with small gaps.
fn follows(last: &[u32], next: &[u32]) -> bool {
    const GAP_MAX: u32 = 3;
    let Some((&here, above)) = next.split_last() else { return false };
    if last.is_empty() || last.get(..above.len()) != Some(above) {
        return false;
    }
    match last.get(above.len()) {
        None => here <= 1,
        Some(_) if above.is_empty() && here == 100 => true,
        Some(&before) => before < here && here <= before + GAP_MAX,
    }
}

/// Headings outside code fences: depth and text.
fn markdown_headings(text: &str) -> Vec<(usize, String)> {
    let mut in_fence = false;
    let mut found = Vec::new();
    for line in text.lines() {
        in_fence ^= line.starts_with("```") || line.starts_with("~~~");
        let depth = line.bytes().take_while(|&b| b == b'#').count();
        if !in_fence && depth > 0 && line.as_bytes().get(depth) == Some(&b' ') {
            let title = line.get(depth..).unwrap_or_default().trim();
            found.push((depth, title.split(" {#").next().unwrap_or_default().to_owned()));
        }
    }
    found
}

/// Numbers as written in the headings, or counted by depth where none are written.
fn numbered_markdown(text: &str) -> Vec<Section> {
    let headings = markdown_headings(text);
    let written: Vec<Section> = headings
        .iter()
        .filter_map(|(_, title)| heading(title))
        .map(|(number, title)| Section { number, title })
        .collect();
    if written.len() >= 2 {
        return written;
    }
    let mut counts: Vec<u32> = Vec::new();
    let mut found = Vec::new();
    for (depth, title) in headings {
        counts.resize(depth, 0);
        if let Some(last) = counts.last_mut() {
            *last += 1;
        }
        let number: Vec<String> = counts.iter().map(u32::to_string).collect();
        found.push(Section { number: number.join("."), title });
    }
    found
}

/// Sections by name: the title in small letters and hyphens, behind its parent's where that is not unique.
fn named_markdown(text: &str, prefix: &str) -> Vec<Section> {
    let headings = markdown_headings(text);
    let names: Vec<String> = headings.iter().map(|(_, title)| name_of(title)).collect();
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut found: Vec<Section> = Vec::new();
    for ((depth, title), name) in headings.iter().zip(&names) {
        above.retain(|(of, _)| of < depth);
        let is_unique = names.iter().filter(|other| *other == name).count() == 1;
        let parent = above.last().map(|(_, parent)| parent.as_str()).filter(|_| !is_unique);
        let number = match parent {
            Some(parent) => format!("{prefix}{parent}/{name}"),
            None => format!("{prefix}{name}"),
        };
        above.push((*depth, name.clone()));
        if !found.iter().any(|section| section.number == number) {
            found.push(Section { number, title: title.clone() });
        }
    }
    found
}

fn name_of(title: &str) -> String {
    let plain: String = title.to_lowercase().replace('/', " ");
    let plain: String =
        plain.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-')).collect();
    plain.split_whitespace().collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sections: &[Section]) -> Vec<String> {
        sections.iter().map(|section| format!("{} {}", section.number, section.title)).collect()
    }

    #[test]
    fn headings_are_told_from_contents_lists_and_examples() {
        let text = "Contents\n\n1. Intro ........ 1\n2.1. More . . . . 2\n\n1.  Intro\n\n   1. a list\n\n\
                    1.1.  Deeper\n\n2.  Next\n\n250 OK\n\n2.1.1 Bold\n\n7.  Far away\n\n3.  Third\n\n\
                    Appendix A.  Last\n\nA.1.  Of it\n\nA word\n";
        let expected = ["1 Intro", "1.1 Deeper", "2 Next", "3 Third", "A Last", "A.1 Of it"];
        assert_eq!(shown(&plain(text)), expected);
    }

    #[test]
    fn markdown_is_numbered_or_named() {
        let text = "# One\n## Sub\n```\n# no\n```\n# Two\n";
        assert_eq!(shown(&numbered_markdown(text)), ["1 One", "1.1 Sub", "2 Two"]);
        assert_eq!(shown(&numbered_markdown("# T\n## 3. A\n### 3.1. B\n")), ["3 A", "3.1 B"]);
        let text = "# Configure COI\n### IMAP\n# Filter/set it!\n### IMAP\n";
        let expected = ["configure-coi", "configure-coi/imap", "filter-set-it", "filter-set-it/imap"];
        let found: Vec<String> = named_markdown(text, "").into_iter().map(|section| section.number).collect();
        assert_eq!(found, expected);
    }
}
