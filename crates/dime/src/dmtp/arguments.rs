//! Arguments of commands in either syntax: `<value>` and `[value]` by their place, or `NAME=<value>`.

use crate::fingerprint::Fingerprint;

/// What is left of a line.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    rest: &'a str,
}

impl<'a> Arguments<'a> {
    pub(super) const fn new(rest: &'a str) -> Self {
        Self { rest }
    }
    pub(super) fn is_empty(&self) -> bool {
        self.rest.trim_ascii().is_empty()
    }

    /// Up to the next space.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_ascii_start();
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// The value of `name`, as `name=` or `name:` before it in any case, or without a name; in brackets of
    /// the given kind. Nothing is read when something else comes.
    pub(super) fn bracketed(&mut self, name: &str, open: char, close: char) -> Option<&'a str> {
        let rest = self.rest.trim_ascii_start();
        let named = rest.get(..name.len()).filter(|found| found.eq_ignore_ascii_case(name));
        let after = named.and_then(|found| rest.get(found.len()..));
        let unnamed = after.and_then(|after| after.strip_prefix(['=', ':'])).unwrap_or(rest);
        let (value, rest) = unnamed.trim_ascii_start().strip_prefix(open)?.split_once(close)?;
        let is_end = rest.is_empty() || rest.starts_with(' ');
        is_end.then(|| {
            self.rest = rest;
            value
        })
    }

    /// `[fingerprint]` or `NAME=[fingerprint]`.
    pub(super) fn fingerprint(&mut self, name: &str) -> Result<Option<Fingerprint>, ()> {
        match self.bracketed(name, '[', ']') {
            None => Ok(None),
            Some(text) => Fingerprint::parse(text).map(Some).ok_or(()),
        }
    }
}
