//! Maildir and Maildir++ on the disk: file names and their flags, folder names, Dovecot's list of keywords.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use koi_types::{Flags, Keyword, MailboxName, SystemFlags};

use super::{LeftOut, inside};
use crate::problem::Problem;

/// Keywords that have a letter (`a` to `z`).
pub(super) const LETTERS_MAX: usize = 26;
/// Where the letters are explained, as Dovecot does it: lines `0 $Forwarded`.
pub(super) const KEYWORDS_FILE: &str = "dovecot-keywords";
/// A list of keywords is not longer than this.
const KEYWORDS_FILE_OCTETS_MAX: u64 = 64 * 1024;

/// What every Maildir has.
const PARTS: [&str; 3] = ["cur", "new", "tmp"];

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

/// The messages of a folder in the order of arrival. `tmp` is not looked at, and what begins with a dot is no
/// message: Maildir has it so. What else is not a file is left out and told.
pub(super) fn files(folder: &Path, left_out: &mut LeftOut) -> Result<Vec<MessageFile>, Problem> {
    let mut files = Vec::new();
    for part in ["new", "cur"] {
        let part = folder.join(part);
        if part.is_symlink() {
            left_out.add(part.display(), inside::LINK);
            continue;
        }
        for entry in std::fs::read_dir(&part).map_err(Problem::file("read the Maildir folder", &part))? {
            let entry = entry.map_err(Problem::file("read the Maildir folder", &part))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_file() => {
                    let time = name.split('.').next().and_then(|t| t.parse().ok()).unwrap_or(u64::MAX);
                    files.push(MessageFile { time, name, path: entry.path() });
                }
                Ok(kind) if kind.is_symlink() => left_out.add(entry.path().display(), inside::LINK),
                Ok(kind) if kind.is_dir() => left_out.add(entry.path().display(), "a folder, not a message"),
                Ok(_) => left_out.add(entry.path().display(), "neither a file nor a folder"),
                Err(error) => left_out.add(entry.path().display(), error),
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

/// Also what cannot be looked at, and links that lead nowhere: none of it is passed over without a word.
fn may_be_there(part: &Path) -> bool {
    use std::io::ErrorKind as Kind;
    match part.symlink_metadata() {
        Ok(facts) => facts.is_dir() || facts.is_symlink(),
        Err(error) => !matches!(error.kind(), Kind::NotFound | Kind::NotADirectory),
    }
}

/// All folders of a Maildir++ tree: the folder itself is INBOX, `.A.B` is the mailbox `A/B`. What looks like
/// a Maildir and is none of these is left out and told.
pub(super) fn tree(root: &Path, left_out: &mut LeftOut) -> Result<Vec<Folder>, Problem> {
    let mut folders = vec![Folder { path: root.to_owned(), mailbox: MailboxName::inbox() }];
    for entry in std::fs::read_dir(root).map_err(Problem::file("read the Maildir", root))? {
        let entry = entry.map_err(Problem::file("read the Maildir", root))?;
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if PARTS.contains(&name.as_str()) || !["cur", "new"].iter().any(|part| may_be_there(&path.join(part)))
        {
            continue;
        }
        if path.is_symlink() {
            left_out.add(path.display(), inside::LINK);
            continue;
        }
        let Some(below) = name.strip_prefix('.').filter(|below| !below.is_empty()) else {
            left_out.add(path.display(), "its name does not begin with a dot: import it with --mailbox");
            continue;
        };
        if !path.join("cur").is_dir() {
            left_out.add(path.display(), "it has no folder `cur` that can be read");
            continue;
        }
        let mailbox = mailbox_of(below).ok_or_else(|| {
            let what = format!("{}: the folder's name is not a mailbox name", path.display());
            Problem::new(what, "rename it, or import it alone with --mailbox")
        })?;
        folders.push(Folder { path, mailbox });
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
        let Some(mut opened) = inside::open_if_there(&file)? else { return Ok(Self::default()) };
        let length = opened.metadata().map_err(Problem::file("read", &file))?.len();
        if length > KEYWORDS_FILE_OCTETS_MAX {
            let what = format!("{} has {length} octets, too many for a list of keywords", file.display());
            return Err(Problem::new(what, "remove it, or correct it"));
        }
        let mut text = String::new();
        opened.read_to_string(&mut text).map_err(Problem::file("read", &file))?;
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
