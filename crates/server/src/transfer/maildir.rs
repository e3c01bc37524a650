//! Maildir and Maildir++ on the disk: file names and their flags, folder names, Dovecot's list of keywords.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use koi_types::{Flags, Keyword, MailboxName, SystemFlags};

use crate::problem::Problem;

/// Keywords that have a letter (`a` to `z`).
pub(super) const LETTERS_MAX: usize = 26;
/// Where the letters are explained, as Dovecot does it: lines `0 $Forwarded`.
pub(super) const KEYWORDS_FILE: &str = "dovecot-keywords";
/// A list of keywords is not longer than this.
const KEYWORDS_FILE_OCTETS_MAX: u64 = 64 * 1024;

/// Letters after `:2,`, in the order a Maildir has them.
const SYSTEM_LETTERS: [(char, SystemFlags); 5] = [
    ('D', SystemFlags::DRAFT),
    ('F', SystemFlags::FLAGGED),
    ('R', SystemFlags::ANSWERED),
    ('S', SystemFlags::SEEN),
    ('T', SystemFlags::DELETED),
];
const FORWARDED: &str = "$Forwarded";

/// One message file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct MessageFile {
    /// The time in the name, then the name: the order of arrival.
    time: u64,
    pub(super) name: String,
    pub(super) path: PathBuf,
}

impl MessageFile {
    /// The name without flags: it stays the same when flags change.
    pub(super) fn unique(&self) -> &str {
        self.name.split(":2,").next().unwrap_or(&self.name)
    }
}

/// The messages of a folder in the order of arrival. `tmp` is not looked at.
pub(super) fn files(folder: &Path) -> Result<Vec<MessageFile>, Problem> {
    let mut files = Vec::new();
    for part in ["new", "cur"] {
        let part = folder.join(part);
        for entry in std::fs::read_dir(&part).map_err(Problem::file("read the Maildir folder", &part))? {
            let entry = entry.map_err(Problem::file("read the Maildir folder", &part))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_file = entry.file_type().is_ok_and(|t| t.is_file());
            if is_file && !name.starts_with('.') {
                let time = name.split('.').next().and_then(|t| t.parse().ok()).unwrap_or(u64::MAX);
                files.push(MessageFile { time, name, path: entry.path() });
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A folder of a tree and the mailbox it stands for.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) mailbox: MailboxName,
}

/// All folders of a Maildir++ tree: the folder itself is INBOX, `.A.B` is the mailbox `A/B`.
pub(super) fn tree(root: &Path) -> Result<Vec<Folder>, Problem> {
    let mut folders = vec![Folder { path: root.to_owned(), mailbox: MailboxName::inbox() }];
    for entry in std::fs::read_dir(root).map_err(Problem::file("read the Maildir", root))? {
        let entry = entry.map_err(Problem::file("read the Maildir", root))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(below) = name.strip_prefix('.').filter(|b| !b.is_empty()) else { continue };
        if !entry.path().join("cur").is_dir() {
            continue;
        }
        let mailbox = mailbox_of(below).ok_or_else(|| {
            let what = format!("{}: the folder's name is not a mailbox name", entry.path().display());
            Problem::new(what, "rename it, or import it alone with --mailbox")
        })?;
        folders.push(Folder { path: entry.path(), mailbox });
    }
    folders.sort_by(|a, b| a.mailbox.cmp(&b.mailbox));
    Ok(folders)
}

/// The folder of a mailbox below the root, without the leading dot; `None` for INBOX, which is the root.
pub(super) fn folder_of(mailbox: &MailboxName) -> Option<String> {
    if mailbox.is_inbox() {
        return None;
    }
    let level = |level: &str| {
        let mut wire = Vec::new();
        koi_proto::imap::utf7::encode(level, &mut wire);
        // Dots separate levels; written as the shift sequence that modified UTF-7 has for them.
        String::from_utf8_lossy(&wire).replace('.', "&AC4-")
    };
    let levels: Vec<String> = mailbox.as_str().split(koi_types::name::SEPARATOR).map(level).collect();
    Some(levels.join("."))
}

fn mailbox_of(folder: &str) -> Option<MailboxName> {
    let level = |level: &str| {
        let plain: Vec<String> = level.split("&AC4-").map(decoded).collect();
        plain.join(".")
    };
    let levels: Vec<String> = folder.split('.').map(level).collect();
    MailboxName::new(&levels.join("/")).ok()
}

/// Modified UTF-7, or what is written when it is not that.
fn decoded(text: &str) -> String {
    koi_proto::imap::utf7::decode(text.as_bytes()).unwrap_or_else(|_| text.to_owned())
}

/// The letters of a folder's keywords.
#[derive(Default)]
pub(super) struct Letters(BTreeMap<char, Keyword>);

impl Letters {
    /// From the folder's list; none when there is no list.
    pub(super) fn read(folder: &Path) -> Result<Self, Problem> {
        let file = folder.join(KEYWORDS_FILE);
        let length = match std::fs::metadata(&file) {
            Ok(facts) => facts.len(),
            Err(_) => return Ok(Self::default()),
        };
        if length > KEYWORDS_FILE_OCTETS_MAX {
            let what = format!("{} has {length} octets, too many for a list of keywords", file.display());
            return Err(Problem::new(what, "remove it, or correct it"));
        }
        let text = std::fs::read_to_string(&file).map_err(Problem::file("read", &file))?;
        let line = |line: &str| -> Option<(char, Keyword)> {
            let (number, keyword) = line.trim().split_once(' ')?;
            Some((letter_of(number.parse().ok()?)?, Keyword::new(keyword)?))
        };
        Ok(Self(text.lines().filter_map(line).collect()))
    }
    /// The first 26 keywords get letters.
    pub(super) fn of(keywords: impl Iterator<Item = Keyword>) -> Self {
        let plain = keywords.filter(|k| !k.as_str().eq_ignore_ascii_case(FORWARDED));
        Self(plain.take(LETTERS_MAX).enumerate().filter_map(|(n, k)| Some((letter_of(n)?, k))).collect())
    }
    /// For the list.
    pub(super) fn list(&self) -> String {
        self.0.values().enumerate().map(|(n, k)| format!("{n} {k}\n")).collect()
    }
    /// What follows `:2,`.
    pub(super) fn encode(&self, flags: &Flags) -> String {
        let mut letters: Vec<char> =
            SYSTEM_LETTERS.iter().filter(|(_, f)| flags.system.contains(*f)).map(|(l, _)| *l).collect();
        if flags.keywords.iter().any(|k| k.as_str().eq_ignore_ascii_case(FORWARDED)) {
            letters.push('P');
        }
        letters.extend(self.0.iter().filter(|(_, k)| flags.has(k)).map(|(l, _)| *l));
        letters.sort_unstable();
        letters.into_iter().collect()
    }
    /// From a file name.
    pub(super) fn decode(&self, name: &str) -> Flags {
        let mut flags = Flags::default();
        for letter in name.split_once(":2,").map_or("", |(_, letters)| letters).chars() {
            if let Some((_, flag)) = SYSTEM_LETTERS.iter().find(|(l, _)| *l == letter) {
                flags.system = flags.system.union(*flag);
            } else if letter == 'P' {
                Keyword::new(FORWARDED).into_iter().for_each(|k| flags.insert(k));
            } else if let Some(keyword) = self.0.get(&letter) {
                flags.insert(keyword.clone());
            }
        }
        flags
    }
}

fn letter_of(number: usize) -> Option<char> {
    let number = u8::try_from(number).ok().filter(|n| usize::from(*n) < LETTERS_MAX)?;
    Some(char::from(b'a' + number))
}
