//! `cargo xtask spec`: marks such as `RFC 9051 §6.4.5` in code, tests, scripts and docs; docs/SPECS.md.
//!
//! The tables it knows are docs/specs/status.txt, docs/specs/untested.txt and docs/specs/imaptest.txt
//! (written by hand) and docs/specs/sections.txt (made from the full texts by `--texts`). It must not need
//! the texts for anything else: a clone has only the tables.

mod documents;
mod extract;
mod marks;
mod page;

use crate::failure::Failure;
use crate::imaptest::mends;
use crate::repo::Repo;
use crate::tidy::finding::{Finding, Rule};
use crate::tidy::report;
use crate::tidy::workspace::Workspace;
use documents::Documents;
use marks::{Mark, Trouble};

const PAGE: &str = "docs/SPECS.md";

const UNKNOWN: Rule = Rule {
    name: "spec-mark",
    why: "a mark that points nowhere is worse than none: it is believed",
    fix: "correct it; a document that is new here goes into docs/specs/status.txt, then \
          `cargo xtask spec --texts DIR` with its text in DIR",
};

const FORM: Rule = Rule {
    name: "spec-mark-form",
    why: "one form can be searched for and counted; ten forms can not",
    fix: "write `RFC 9051 §6.4.5`: name, space, §, number",
};

const DEVIATION: Rule = Rule {
    name: "deviation",
    why: "a deviation that does not say why is a bug with a comment",
    fix: "write `// DEVIATION RFC 3501 §5.5: what we do instead, because …`",
};

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let repo = Repo::open()?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => write(&repo),
        ["--check"] => check(&repo),
        ["--texts", dir] => {
            extract::rebuild(&repo, dir)?;
            write(&repo)
        }
        _ => Err(Failure::new("wants nothing, `--check`, or `--texts DIR`; see `cargo xtask help spec`")),
    }
}

/// Marks that point nowhere or are written in another form; a rule of `tidy`.
pub(crate) fn dangling(repo: &Repo, workspace: &Workspace) -> Result<Vec<Finding>, Failure> {
    let documents = Documents::read(repo)?;
    Ok(findings(&documents, &marks::collect(repo, workspace)?))
}

fn write(repo: &Repo) -> Result<(), Failure> {
    let (documents, marks) = whole(repo)?;
    let page = page::write(&documents, &marks, &mends::read(repo)?);
    let changed = repo.read(PAGE).map_or(true, |old| old != page);
    std::fs::write(repo.root.join(PAGE), page)
        .map_err(|error| Failure::new(format!("cannot write {PAGE}: {error}")))?;
    println!("{} marks; {PAGE} {}", marks.len(), if changed { "rewritten" } else { "was up to date" });
    Ok(())
}

fn check(repo: &Repo) -> Result<(), Failure> {
    let (documents, marks) = whole(repo)?;
    if repo.read(PAGE)? != page::write(&documents, &marks, &mends::read(repo)?) {
        return Err(Failure::new(format!("{PAGE} is out of date: run `cargo xtask spec` and commit it")));
    }
    println!("{} marks, none dangling; {PAGE} is up to date", marks.len());
    Ok(())
}

fn whole(repo: &Repo) -> Result<(Documents, Vec<Mark>), Failure> {
    let documents = Documents::read(repo)?;
    let marks = marks::collect(repo, &Workspace::open(repo)?)?;
    report(&mut findings(&documents, &marks))?;
    Ok((documents, marks))
}

fn findings(documents: &Documents, marks: &[Mark]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for mark in marks {
        let mut find = |rule, what: String| findings.push(Finding::new(rule, &mark.path, mark.line, what));
        match &mark.trouble {
            Some(Trouble::Form(text)) => find(&FORM, format!("`{text}`")),
            Some(Trouble::NoReason) => find(&DEVIATION, "a deviation without `because`".to_owned()),
            None => {}
        }
        if mark.document.is_empty() {
            continue;
        }
        match (documents.find(&mark.document), &mark.section) {
            (None, _) => find(&UNKNOWN, format!("{} is not in docs/specs/status.txt", mark.document)),
            (Some(document), Some(section)) if document.title_of(section).is_none() => {
                find(&UNKNOWN, format!("{} has no §{section}", mark.document));
            }
            _ => {}
        }
    }
    findings
}
