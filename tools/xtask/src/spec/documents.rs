//! The documents we know: what we claim of each (status.txt), which sections it has (sections.txt), and which
//! of these have nothing to test (untested.txt).

use crate::failure::Failure;
use crate::repo::Repo;
use std::collections::BTreeMap;

pub(crate) const STATUS: &str = "docs/specs/status.txt";
pub(crate) const SECTIONS: &str = "docs/specs/sections.txt";
pub(crate) const UNTESTED: &str = "docs/specs/untested.txt";

const STATES: &[&str] = &["yes", "partial", "planned", "no", "reference"];

/// All documents, in the order of status.txt.
pub(crate) struct Documents {
    pub(crate) groups: Vec<Group>,
}

/// Documents under one heading.
pub(crate) struct Group {
    pub(crate) title: String,
    pub(crate) documents: Vec<Document>,
}

/// One specification.
pub(crate) struct Document {
    /// As in marks: `RFC 9051`, `COI-server`.
    pub(crate) name: String,
    /// One of `STATES`.
    pub(crate) status: String,
    pub(crate) title: String,
    /// In the order of the document.
    pub(crate) sections: Vec<Section>,
    /// Sections without a test, and why; written only where every section is accounted for.
    pub(crate) untested: Vec<Untested>,
}

/// Sections that need no test, for one reason.
pub(crate) struct Untested {
    pub(crate) sections: Vec<String>,
    pub(crate) why: String,
}

/// A numbered (or, in documents without numbers, named) section.
pub(crate) struct Section {
    pub(crate) number: String,
    pub(crate) title: String,
}

impl Documents {
    pub(crate) fn read(repo: &Repo) -> Result<Documents, Failure> {
        let mut sections = sections(&repo.read(SECTIONS)?);
        let mut groups = status(&repo.read(STATUS)?)?;
        for document in groups.iter_mut().flat_map(|group| &mut group.documents) {
            document.sections = sections.remove(&document.name).unwrap_or_default();
        }
        let mut documents = Documents { groups };
        documents.add_untested(&repo.read(UNTESTED)?)?;
        Ok(documents)
    }

    /// Lines `name | sections | why`.
    fn add_untested(&mut self, text: &str) -> Result<(), Failure> {
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what: &str| Failure::new(format!("{UNTESTED}:{}: {what}", index + 1));
            let parts: Vec<&str> = line.splitn(3, '|').map(str::trim).collect();
            let [name, sections, why] = parts.as_slice() else {
                return Err(wrong("write `name | sections | why`"));
            };
            let mut all = self.groups.iter_mut().flat_map(|group| &mut group.documents);
            let document = all.find(|document| document.name == *name);
            let document = document.ok_or_else(|| wrong(&format!("{name} is not in {STATUS}")))?;
            let sections: Vec<String> = sections.split_whitespace().map(str::to_owned).collect();
            if let Some(unknown) = sections.iter().find(|section| document.title_of(section).is_none()) {
                return Err(wrong(&format!("{name} has no §{unknown}")));
            }
            document.untested.push(Untested { sections, why: (*why).to_owned() });
        }
        Ok(())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Document> {
        self.groups.iter().flat_map(|group| &group.documents)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Document> {
        self.all().find(|document| document.name == name)
    }
}

impl Document {
    pub(crate) fn title_of(&self, number: &str) -> Option<&str> {
        let section = self.sections.iter().find(|section| section.number == number)?;
        Some(&section.title)
    }
}

/// `[group]`, then lines `name | status | title`.
fn status(text: &str) -> Result<Vec<Group>, Failure> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let wrong = |what: &str| Failure::new(format!("{STATUS}:{}: {what}", index + 1));
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            groups.push(Group { title: title.to_owned(), documents: Vec::new() });
            continue;
        }
        let parts: Vec<&str> = line.splitn(3, '|').map(str::trim).collect();
        let [name, state, title] = parts.as_slice() else {
            return Err(wrong("write `name | status | title`"));
        };
        if !STATES.contains(state) {
            return Err(wrong(&format!("status `{state}` is none of {}", STATES.join(", "))));
        }
        if groups.iter().flat_map(|group| &group.documents).any(|document| document.name == *name) {
            return Err(wrong(&format!("{name} is here twice")));
        }
        let group = groups.last_mut().ok_or_else(|| wrong("a document before the first [group]"))?;
        group.documents.push(Document {
            name: (*name).to_owned(),
            status: (*state).to_owned(),
            title: (*title).to_owned(),
            sections: Vec::new(),
            untested: Vec::new(),
        });
    }
    Ok(groups)
}

/// `= name`, then lines `number title`.
pub(crate) fn sections(text: &str) -> BTreeMap<String, Vec<Section>> {
    let mut documents: BTreeMap<String, Vec<Section>> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(next) = line.strip_prefix("= ") {
            next.clone_into(&mut name);
        } else if let Some((number, title)) = line.split_once(' ') {
            let section = Section { number: number.to_owned(), title: title.to_owned() };
            documents.entry(name.clone()).or_default().push(section);
        }
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read() {
        let groups =
            status("# x\n[IMAP]\nRFC 9051 | partial | IMAP4rev2\n\nRFC 2177 | yes | IDLE\n").unwrap();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].documents[1].name, "RFC 2177");
        for wrong in [
            "RFC 1 | yes | before a group",
            "[a]\nRFC 1 | maybe | x",
            "[a]\nRFC 1 | yes",
            "[a]\nX|no|a\nX|no|b",
        ] {
            assert!(status(wrong).is_err(), "{wrong}");
        }
        let sections = sections("# x\n= RFC 2177\n1 Abstract\n3 Specification\n\n= COI-server\na b c\n");
        assert_eq!(sections["RFC 2177"][1].title, "Specification");
        assert_eq!(sections["COI-server"][0].title, "b c");
    }

    #[test]
    fn what_needs_no_test_is_read() {
        let mut documents = Documents { groups: status("[IMAP]\nRFC 2177 | yes | IDLE\n").unwrap() };
        documents.groups[0].documents[0].sections =
            sections("= RFC 2177\n1 Abstract\n2 x\n").remove("RFC 2177").unwrap();
        documents.add_untested("# x\nRFC 2177 | 1 2 | about the document\n").unwrap();
        let untested = &documents.groups[0].documents[0].untested[0];
        assert_eq!((untested.sections.len(), untested.why.as_str()), (2, "about the document"));
        for wrong in ["RFC 2177 | 1", "RFC 1 | 1 | x", "RFC 2177 | 3 | x"] {
            assert!(documents.add_untested(wrong).is_err(), "{wrong}");
        }
    }
}
