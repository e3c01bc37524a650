//! Scripted groups that ask for what no standard does (docs/specs/imaptest.txt), and a copy of all groups in
//! which they are mended.
//!
//! A mend whose text is not found, or found twice, is an error: ImapTest has changed, and so must the table.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::repo::Repo;

const TABLE: &str = "docs/specs/imaptest.txt";

/// One place in one group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mend {
    pub(crate) group: String,
    pub(crate) says: String,
    pub(crate) right: String,
    /// `RFC 9051 §6.4.5`
    pub(crate) section: String,
    pub(crate) why: String,
}

/// The whole table.
pub(crate) fn read(repo: &Repo) -> Result<Vec<Mend>, Failure> {
    parse(&repo.read(TABLE)?)
}

fn parse(text: &str) -> Result<Vec<Mend>, Failure> {
    let mut mends = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.splitn(5, '|').map(str::trim).collect();
        let [group, says, right, section, why] = fields.as_slice() else {
            let form = "write `group | what it says | what is right | section | why`";
            return Err(Failure::new(format!("{TABLE}:{}: {form}", index + 1)));
        };
        let line_ends = |text: &str| text.replace("\\n", "\n");
        mends.push(Mend {
            group: (*group).to_owned(),
            says: line_ends(says),
            right: line_ends(right),
            section: (*section).to_owned(),
            why: (*why).to_owned(),
        });
    }
    Ok(mends)
}

/// Copies groups and their messages, all or those of one group, with the mends made.
pub(super) fn copy(from: &Path, to: &Path, only: Option<&str>, mends: &[Mend]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", from.display()));
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let group = name.strip_suffix(".mbox").unwrap_or(&name);
        if !path.is_file() || only.is_some_and(|only| group != only && group != "default") {
            continue;
        }
        let mut mends = mends.iter().filter(|mend| mend.group == name);
        let octets = fs::read(&path).map_err(failed)?;
        let octets = mends.try_fold(octets, mended)?;
        fs::write(to.join(&name), octets).map_err(failed)?;
    }
    match only {
        Some(group) if !to.join(group).exists() => Err(Failure::new(format!("there is no group {group}"))),
        _ => Ok(()),
    }
}

fn mended(octets: Vec<u8>, mend: &Mend) -> Result<Vec<u8>, Failure> {
    let text = String::from_utf8(octets);
    let text = text.map_err(|_| Failure::new(format!("the group {} is not UTF-8", mend.group)))?;
    match text.matches(&mend.says).count() {
        1 => Ok(text.replace(&mend.says, &mend.right).into_bytes()),
        count => Err(Failure::new(format!(
            "the group {} has {:?} {count} times, not once: look at {TABLE} again",
            mend.group, mend.says
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_mended_once() {
        let mends = parse("# x\n\na | b: 2\\n | b: 2\\nc: 3\\n | RFC 9051 §1 | because\n").unwrap();
        let mend = &mends[0];
        assert_eq!((mends.len(), mend.section.as_str(), mend.why.as_str()), (1, "RFC 9051 §1", "because"));
        let run = |text: &str| mended(text.into(), mend).map(|octets| String::from_utf8(octets).unwrap());
        assert_eq!(run("a\nb: 2\nd\n").unwrap(), "a\nb: 2\nc: 3\nd\n");
        assert!(run("a\nb: 3\n").is_err());
        assert!(run("b: 2\nb: 2\n").is_err());
        assert!(parse("a | b | c").is_err());
    }
}
