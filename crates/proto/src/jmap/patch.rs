//! PatchObjects (RFC 8620 §5.3): paths and values, taken property by property into typed changes.

use std::collections::BTreeMap;

use koi_types::limits;

use super::form::Wrongs;
use super::json::{Json, Members};
use super::pointer::{Pointer, Token};
use super::set_error::{SetError, SetErrorKind};
use super::value::{FromJson, Wrong};

/// The patches of one update. No path is the beginning of another.
#[derive(Clone, PartialEq, Debug)]
pub struct Patch {
    entries: Vec<Entry>,
    wrongs: Wrongs,
    /// Why a path is none that may be patched; this is told before anything else.
    bad_path: Option<Box<str>>,
}

#[derive(Clone, PartialEq, Debug)]
struct Entry {
    path: Pointer,
    value: Json,
}

/// What becomes of one property.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change<T> {
    Keep,
    Set(T),
}

impl<T> Change<T> {
    /// The new value, if there is one.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// What becomes of a property that is a set (mailboxIds, keywords).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetChange<T> {
    Keep,
    Replace(Vec<T>),
    Edit { add: Vec<T>, remove: Vec<T> },
}

impl<T> SetChange<T> {
    fn of(edited: BTreeMap<T, bool>) -> Self {
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        for (member, is_added) in edited {
            if is_added { add.push(member) } else { remove.push(member) }
        }
        if add.is_empty() && remove.is_empty() { Self::Keep } else { Self::Edit { add, remove } }
    }
}

/// A value given for what cannot be changed: right only if it is what is there (RFC 8620 §5.3).
#[derive(Clone, PartialEq, Debug)]
pub struct Claim {
    path: Pointer,
    value: Json,
}

impl Patch {
    /// # Errors
    /// `invalidPatch`: not an object, a path that is no pointer, or one that is the beginning of another.
    pub fn read(value: Json) -> Result<Self, SetError> {
        let Json::Object(members) = value else {
            return Err(SetError::invalid_patch("a PatchObject is an object"));
        };
        let entry = |member: super::json::Member| match Pointer::parse_relative(&member.name) {
            Ok(path) => Ok(Entry { path, value: member.value }),
            Err(why) => Err(SetError::invalid_patch(format!("{}: {why}", member.name))),
        };
        let entries = members.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        refuse_overlap(&entries)?;
        Ok(Self { entries, wrongs: Wrongs::default(), bad_path: None })
    }

    /// A property that is patched as a whole. `default`: what null sets it to; `None`: it cannot be removed.
    pub fn value<T: FromJson>(&mut self, property: &str, default: Option<T>) -> Change<T> {
        match self.take(property, 1).pop() {
            None => Change::Keep,
            Some(Entry { value: Json::Null, .. }) => match default {
                Some(default) => Change::Set(default),
                None => {
                    self.wrong(property, format!("{property} cannot be removed"));
                    Change::Keep
                }
            },
            Some(Entry { value, .. }) => match self.checked(property, T::from_json(value)) {
                Some(value) => Change::Set(value),
                None => Change::Keep,
            },
        }
    }

    /// A property that is a set: replaced as a whole or edited by member. `default`: what null sets it to.
    pub fn set<T: Ord>(
        &mut self,
        property: &str,
        default: Option<Vec<T>>,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> SetChange<T> {
        // Whether a member is added. Two paths may mean the same one, as keywords do in other case.
        let mut edited = BTreeMap::new();
        for entry in self.take(property, 2) {
            let Some(key) = entry.path.tokens().get(1) else {
                return match (entry.value, default) {
                    (Json::Null, Some(default)) => SetChange::Replace(default),
                    (Json::Null, None) => {
                        self.wrong(property, format!("{property} cannot be removed"));
                        SetChange::Keep
                    }
                    (value, _) => self
                        .checked(property, super::value::set_of(value, expected, read))
                        .map_or(SetChange::Keep, SetChange::Replace),
                };
            };
            let name = format!("{property}/{key}");
            let is_added = match entry.value {
                Json::Null => false,
                Json::Bool(true) => true,
                _ => {
                    self.wrong(&name, format!("{name} must be true or null"));
                    continue;
                }
            };
            let Some(key) = read(key.as_str()) else {
                self.wrong(&name, format!("{name} must be {expected}"));
                continue;
            };
            if edited.insert(key, is_added).is_some_and(|before| before != is_added) {
                self.wrong(&name, format!("{name} is both added and removed"));
            }
        }
        SetChange::of(edited)
    }

    /// Adds a complaint.
    pub fn wrong(&mut self, property: &str, why: impl Into<Box<str>>) {
        self.wrongs.add(property, why);
    }

    /// What was not taken: claims about properties that this object has and no update changes.
    ///
    /// # Errors
    /// `invalidPatch` for a path to nothing, or for more claims than an object has properties;
    /// `invalidProperties` for what is wrong or unknown.
    pub fn finish(mut self, is_property: impl Fn(&str) -> bool) -> Result<Vec<Claim>, SetError> {
        let most = limits::JMAP_PROPERTIES_MAX;
        if self.entries.len() > most {
            return Err(SetError::invalid_patch(format!("more than {most} properties that cannot be set")));
        }
        let mut claims = Vec::new();
        for Entry { path, value } in std::mem::take(&mut self.entries) {
            let property = path.tokens().first().map(Token::as_str).unwrap_or_default().to_owned();
            if is_property(&property) {
                claims.push(Claim { path, value });
            } else if path.tokens().len() > 1 {
                self.bad_path.get_or_insert_with(|| format!("there is no {property}").into());
            } else {
                self.wrong(&property, format!("{property} cannot be set"));
            }
        }
        match self.bad_path {
            Some(why) => Err(SetError::invalid_patch(why)),
            None => self.wrongs.or(Some(claims)),
        }
    }

    /// The entries of a property, taken out; those with a longer path than it has are bad.
    fn take(&mut self, property: &str, tokens_max: usize) -> Vec<Entry> {
        let is_its = |entry: &Entry| entry.path.tokens().first().is_some_and(|t| t.as_str() == property);
        let (taken, left) = std::mem::take(&mut self.entries).into_iter().partition(is_its);
        self.entries = left;
        let (good, bad): (Vec<Entry>, Vec<Entry>) =
            Vec::into_iter(taken).partition(|entry| entry.path.tokens().len() <= tokens_max);
        if let Some(entry) = bad.first() {
            let why = format!("{} points into what has no members", entry.path);
            self.bad_path.get_or_insert_with(|| why.into());
        }
        good
    }

    fn checked<T>(&mut self, property: &str, read: Result<T, Wrong>) -> Option<T> {
        read.map_err(|wrong| self.wrong(property, wrong.within(property).to_string())).ok()
    }
}

/// RFC 8620 §5.3. In sorted order everything a path is the beginning of stands directly behind it.
fn refuse_overlap(entries: &[Entry]) -> Result<(), SetError> {
    let mut paths: Vec<&[Token]> = entries.iter().map(|entry| entry.path.tokens()).collect();
    paths.sort_unstable();
    let overlap = paths.windows(2).find_map(|pair| match pair {
        [a, b] if b.starts_with(a) => Some((*a, *b)),
        _ => None,
    });
    let written = |path: &[Token]| path.iter().map(Token::to_string).collect::<Vec<_>>().join("/");
    match overlap {
        Some((a, b)) => Err(SetError::invalid_patch(format!("{} is a part of {}", written(b), written(a)))),
        None => Ok(()),
    }
}

impl Claim {
    /// The property it is about.
    #[must_use]
    pub fn property(&self) -> &str {
        self.path.tokens().first().map(Token::as_str).unwrap_or_default()
    }

    /// What is said of the whole property; nothing when it is about something within it.
    #[must_use]
    pub fn whole(&self) -> Option<&Json> {
        (self.path.tokens().len() == 1).then_some(&self.value)
    }

    /// Compares claims with the object as it is, printed with at least these properties.
    ///
    /// # Errors
    /// `invalidPatch`: a path leads into an array or nowhere. `invalidProperties`: the values of these are
    /// others.
    pub fn check<'c>(claims: impl IntoIterator<Item = &'c Self>, current: &Members) -> Result<(), SetError> {
        let mut properties: Vec<Box<str>> = Vec::new();
        for claim in claims {
            if !claim.is_right(current)? {
                properties.push(claim.path.to_string().trim_start_matches('/').into());
            }
        }
        if properties.is_empty() {
            return Ok(());
        }
        let why = format!("{} cannot be changed", properties.join(", "));
        Err(SetError::described(SetErrorKind::InvalidProperties { properties }, why))
    }

    fn is_right(&self, current: &Members) -> Result<bool, SetError> {
        let Some((last, before)) = self.path.tokens().split_last() else { return Ok(true) };
        let mut parent = current;
        for token in before {
            match parent.value(token.as_str()) {
                Some(Json::Object(members)) => parent = members,
                _ => return Err(SetError::invalid_patch(format!("{} leads to no object", self.path))),
            }
        }
        let is = parent.value(last.as_str()).unwrap_or(&Json::Null);
        Ok(*is == self.value)
    }
}

#[cfg(test)]
mod tests;
