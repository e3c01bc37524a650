//! Reads `koi.toml` exactly as written: unknown sections and keys, wrong types and numbers out of bounds are
//! refused with their line and, where one is near, the key that was probably meant.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Fallback, Key, Kind};
use crate::problem::Problem;

/// The largest file that is read as configuration.
const FILE_OCTETS_MAX: u64 = 1024 * 1024;

/// A value of the type its key asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    Text(String),
    List(Vec<String>),
    Switch(bool),
    Number(u64),
    Addresses(Vec<SocketAddr>),
}

impl Value {
    /// As it would be written.
    #[must_use]
    pub fn as_toml(&self) -> String {
        let quoted = |t: &String| toml::Value::from(t.as_str()).to_string();
        match self {
            Self::Text(text) => quoted(text),
            Self::List(list) => format!("[{}]", list.iter().map(quoted).collect::<Vec<_>>().join(", ")),
            Self::Switch(on) => on.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Addresses(all) => {
                format!("[{}]", all.iter().map(|a| format!("\"{a}\"")).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The values of one file, defaults included.
#[derive(Debug)]
pub struct Raw {
    /// As given, for messages.
    pub file: PathBuf,
    values: BTreeMap<&'static str, Value>,
    lines: BTreeMap<&'static str, usize>,
    asked: RefCell<BTreeSet<&'static str>>,
}

/// Reads a file.
pub fn read(file: &Path) -> Result<Raw, Problem> {
    let octets = std::fs::metadata(file).map_err(Problem::file("read", file))?.len();
    if octets > FILE_OCTETS_MAX {
        let what =
            format!("{} has {octets} octets; a configuration has at most {FILE_OCTETS_MAX}", file.display());
        return Err(Problem::usage(what, "name Koi's configuration file, koi.toml"));
    }
    let text = std::fs::read_to_string(file).map_err(Problem::file("read", file))?;
    parse(file, &text)
}

/// Reads a text; `file` is only for messages and relative paths.
pub fn parse(file: &Path, text: &str) -> Result<Raw, Problem> {
    let reader = Reader { file, text };
    let table = DeTable::parse(text).map_err(|e| {
        let at = e.span().unwrap_or_default();
        reader.wrong(&at, e.message(), "correct the line; `koi config show --defaults` prints a valid file")
    })?;
    let mut raw = Raw {
        file: file.to_owned(),
        values: BTreeMap::new(),
        lines: BTreeMap::new(),
        asked: RefCell::default(),
    };
    for (section, inside) in table.get_ref() {
        let name: &str = section.get_ref();
        if !keys::SECTIONS.iter().any(|(known, _)| *known == name) {
            return Err(reader.unknown(&section.span(), &format!("section [{name}]"), name, section_names()));
        }
        let Some(inside) = inside.get_ref().as_table() else {
            return Err(reader.wrong(
                &section.span(),
                &format!("{name} must be a section"),
                &format!("write [{name}]"),
            ));
        };
        reader.section(name, inside, &mut raw)?;
    }
    for key in keys::KEYS {
        if let Fallback::Value(default) = key.default
            && !raw.values.contains_key(key.name)
        {
            raw.values.insert(key.name, of_default(key, default)?);
        }
    }
    Ok(raw)
}

struct Reader<'t> {
    file: &'t Path,
    text: &'t str,
}

impl Reader<'_> {
    fn section(&self, section: &str, inside: &DeTable<'_>, raw: &mut Raw) -> Result<(), Problem> {
        for (short, value) in inside {
            let name = format!("{section}.{}", short.get_ref());
            let Some(key) = keys::find(&name) else {
                let near = keys::KEYS.iter().map(|k| k.name);
                return Err(self.unknown(&short.span(), &format!("key {name}"), &name, near));
            };
            let read = read_value(key, value).map_err(|wrong| {
                let what = format!("{name}: {wrong}");
                self.wrong(
                    &short.span(),
                    &what,
                    &format!("write {}, e.g. {} = {}", key.kind.describe(), key.short(), key.example),
                )
            })?;
            raw.values.insert(key.name, read);
            raw.lines.insert(key.name, self.line(short.span().start));
        }
        Ok(())
    }

    fn unknown<'k>(
        &self,
        at: &Range<usize>,
        what: &str,
        written: &str,
        known: impl Iterator<Item = &'k str>,
    ) -> Problem {
        let near = known.map(|k| (distance(written, k), k)).min().filter(|(d, k)| *d * 3 <= k.len());
        let remedy = match near {
            Some((_, near)) => format!("did you mean {near}?"),
            None => "remove it; docs/CONFIG.md lists all keys".into(),
        };
        self.wrong(at, &format!("unknown {what}"), &remedy)
    }

    fn wrong(&self, at: &Range<usize>, what: &str, remedy: &str) -> Problem {
        Problem::usage(format!("{}:{}: {what}", self.file.display(), self.line(at.start)), remedy)
    }

    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
    }
}

fn section_names() -> impl Iterator<Item = &'static str> {
    keys::SECTIONS.iter().map(|(name, _)| *name)
}

fn of_default(key: &'static Key, default: &str) -> Result<Value, Problem> {
    let wrong = |e: String| {
        Problem::new(format!("default of {} is not valid: {e}", key.name), "report this as a bug")
    };
    let value = DeValue::parse(default).map_err(|e| wrong(e.to_string()))?;
    read_value(key, &value).map_err(wrong)
}

fn read_value(key: &Key, value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
    let value = value.get_ref();
    let type_error = || format!("found {}, not {}", value.type_str(), key.kind.describe());
    let text = |v: &DeValue<'_>| v.as_str().map(str::to_owned).ok_or_else(type_error);
    let list = || -> Result<Vec<String>, String> {
        value.as_array().ok_or_else(type_error)?.iter().map(|v| text(v.get_ref())).collect()
    };
    match key.kind {
        Kind::Text | Kind::Path => {
            let text = text(value)?;
            if text.is_empty() { Err("is empty".into()) } else { Ok(Value::Text(text)) }
        }
        Kind::TextList => list().map(Value::List),
        Kind::Addresses => {
            let parse = |t: &String| t.parse().map_err(|_| format!("`{t}` is not an address with a port"));
            list()?.iter().map(parse).collect::<Result<_, _>>().map(Value::Addresses)
        }
        Kind::Switch => value.as_bool().map(Value::Switch).ok_or_else(type_error),
        Kind::Number { min, max } => {
            let written = value.as_integer().ok_or_else(type_error)?;
            let number =
                i128::from_str_radix(written.as_str(), written.radix()).map_err(|e| e.to_string())?;
            match u64::try_from(number) {
                Ok(n) if (min..=max).contains(&n) => Ok(Value::Number(n)),
                _ => Err(format!("{number} is out of bounds ({min} to {max})")),
            }
        }
        Kind::Choice(words) => {
            let word = text(value)?;
            if words.contains(&word.as_str()) {
                Ok(Value::Text(word))
            } else {
                Err(format!("`{word}` is not known"))
            }
        }
    }
}

/// How many letters have to change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let up = *slot;
            let best = (diagonal + usize::from(x != y)).min(up + 1).min(left + 1);
            diagonal = up;
            *slot = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

impl Raw {
    /// Whether the file itself (not a default) gives the key; then its line.
    #[must_use]
    pub fn line(&self, name: &str) -> Option<usize> {
        self.lines.get(name).copied()
    }
    /// `file:line` of a key, or the file alone.
    #[must_use]
    pub fn place(&self, name: &str) -> String {
        match self.line(name) {
            Some(line) => format!("{}:{line}", self.file.display()),
            None => self.file.display().to_string(),
        }
    }
    /// The value in force.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        if let Some(key) = keys::find(name) {
            self.asked.borrow_mut().insert(key.name);
        }
        self.values.get(name)
    }
    /// Keys nobody asked for; used by a test that no key is without effect.
    #[must_use]
    pub fn never_asked(&self) -> Vec<&'static str> {
        let asked = self.asked.borrow();
        keys::KEYS.iter().map(|k| k.name).filter(|n| !asked.contains(n)).collect()
    }
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.value(name) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::List(list)) => list.clone(),
            _ => Vec::new(),
        }
    }
    pub(super) fn addresses(&self, name: &str) -> Vec<SocketAddr> {
        match self.value(name) {
            Some(Value::Addresses(list)) => list.clone(),
            _ => Vec::new(),
        }
    }
    pub(super) fn switch(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Switch(true)))
    }
    pub(super) fn number(&self, name: &str) -> u64 {
        match self.value(name) {
            Some(Value::Number(n)) => *n,
            _ => 0,
        }
    }
}
