//! The sidecar of an exported mailbox, `koi-export.jsonl`: a line about the mailbox, then one per message.

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::path::Path;

use koi_types::{Flags, Keyword, SystemFlags};
use serde::{Deserialize, Serialize};

use super::inside;
use super::lines::read_line;
use crate::problem::Problem;

/// Beside `cur`, `new` and `tmp`.
pub(super) const FILE: &str = "koi-export.jsonl";
/// One line: rights of 256 users with long addresses, levels of a long name, and the rest.
const LINE_OCTETS_MAX: usize = 256 * 1024;
const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) mailbox: String,
    pub(super) uidvalidity: u32,
    pub(super) uidnext: u32,
    pub(super) highest_modseq: u64,
    /// As RFC 6154 §2 names it.
    pub(super) role: Option<String>,
    pub(super) subscribed: bool,
    /// What others may do with it (RFC 4314).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rights: Vec<Granted>,
    /// META of DMAP, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<String>,
    /// Levels above it that are no mailboxes (`\NonExistent`). Exports of older versions do not say: there
    /// every level becomes a mailbox.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) levels: Vec<Level>,
}

/// A name that mailboxes lie below, and that is none itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Level {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) subscribed: bool,
}

/// One entry of an access control list, as IMAP tells it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Granted {
    pub(super) identifier: String,
    pub(super) rights: String,
}

/// The line of a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    /// The file's name without flags.
    pub(super) file: String,
    pub(super) uid: u32,
    pub(super) modseq: u64,
    pub(super) octets: u64,
    /// Milliseconds since 1970 and minutes east of UTC.
    pub(super) internaldate: i64,
    pub(super) zone_minutes: i16,
    pub(super) savedate: i64,
    pub(super) flags: Vec<String>,
    pub(super) emailid: String,
    /// Octets of the encrypted message that the file stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prime_octets: Option<u64>,
    /// By which key it opens, in base64, and the domain it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prime_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prime_peer: Option<String>,
    /// META of DMAP, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<String>,
}

/// A sidecar that was read.
#[derive(Default)]
pub(super) struct Sidecar {
    pub(super) head: Option<Head>,
    lines: HashMap<String, Line>,
}

impl Head {
    pub(super) const fn version() -> u32 {
        VERSION
    }
}

impl Sidecar {
    /// Reads a folder's sidecar; empty when it has none.
    pub(super) fn read(folder: &Path) -> Result<Self, Problem> {
        let path = folder.join(FILE);
        let Some(file) = inside::open_if_there(&path)? else { return Ok(Self::default()) };
        let mut input = BufReader::new(file);
        let mut sidecar = Self::default();
        let mut line = Vec::new();
        let mut number = 0u64;
        let wrong = |number: u64, what: String| {
            let what = format!("{}:{number}: {what}", path.display());
            Problem::new(what, "remove the file to import what the Maildir itself says")
        };
        while read_line(&mut input, LINE_OCTETS_MAX, &mut line).map_err(Problem::file("read", &path))? > 0 {
            number += 1;
            if number == 1 {
                let head: Head = serde_json::from_slice(&line).map_err(|e| wrong(number, e.to_string()))?;
                if head.version != VERSION {
                    return Err(wrong(number, format!("version {} is not known", head.version)));
                }
                sidecar.head = Some(head);
            } else {
                let line: Line = serde_json::from_slice(&line).map_err(|e| wrong(number, e.to_string()))?;
                sidecar.lines.insert(line.file.clone(), line);
            }
        }
        Ok(sidecar)
    }
    pub(super) fn line(&self, unique: &str) -> Option<&Line> {
        self.lines.get(unique)
    }
}

/// Writes one line.
pub(super) fn write(out: &mut dyn Write, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Flags in words.
pub(super) fn words(flags: &Flags) -> Vec<String> {
    let system = SystemFlags::NAMES.iter().filter(|(_, f)| flags.system.contains(*f));
    let keywords = flags.keywords.iter().map(|k| k.as_str().to_owned());
    system.map(|(name, _)| (*name).to_owned()).chain(keywords).collect()
}

/// Flags from words; what is none is left out.
pub(super) fn flags(words: &[String]) -> Flags {
    let mut flags = Flags::default();
    for word in words {
        match SystemFlags::parse(word) {
            Some(flag) => flags.system = flags.system.union(flag),
            None => Keyword::new(word).into_iter().for_each(|k| flags.insert(k)),
        }
    }
    flags
}
