//! The selected mailbox while it is open: what of it its client was told, and the keywords the client knows
//! (DMAP-00 §8.2.3).

use koi_mailbox::{KeywordTable, Watching};
use koi_proto::dmap::{Code, Response};
use koi_types::{Flags, Keyword, Mode, SystemFlags};

use super::core::Core;
use super::flags;
use super::made::Made;
use super::reply::tell;
use crate::selected::Selected;

/// The selected mailbox and what the service must know about it being open.
pub(crate) struct Open {
    pub(crate) view: Selected,
    /// How many keywords of the account were told with FLAGS.
    pub(crate) keywords_told: usize,
    pub(crate) watching: Watching,
    /// What was made of ordinary mail to be read in pieces.
    pub(crate) made: Made,
}

impl Open {
    /// Octets of memory it takes beside itself.
    pub(crate) fn memory_octets(&self) -> usize {
        self.view.memory_octets().saturating_add(self.made.memory_octets())
    }
    /// Whether there are keywords that the client was not told of.
    pub(crate) fn has_new_keywords(&self, keywords: &KeywordTable) -> bool {
        count(keywords) > self.keywords_told
    }
    /// FLAGS, and PERMANENTFLAGS where flags are permanent.
    pub(crate) fn tell_flags(&mut self, keywords: &KeywordTable, mode: Mode, out: &mut Vec<u8>) {
        self.keywords_told = count(keywords);
        flags_line(keywords, out);
        if !self.view.read_only {
            permanent_flags(keywords, Some(mode), out);
        }
    }
}

/// Those that are told only once they were set: DMAP's own always are.
pub(crate) fn count(keywords: &KeywordTable) -> usize {
    let is_own = |keyword: &&Keyword| flags::OWN.iter().any(|own| own.eq_ignore_ascii_case(keyword.as_str()));
    keywords.iter().filter(|keyword| !is_own(keyword)).count()
}

/// `* FLAGS (…)`
pub(crate) fn flags_line(keywords: &KeywordTable, out: &mut Vec<u8>) {
    Response::Flags(told(keywords)).push(out);
}

/// `* OK [PERMANENTFLAGS (…)]`: what the server keeps in this mode; without one, in a mailbox that is
/// read-only, nothing.
pub(crate) fn permanent_flags(keywords: &KeywordTable, mode: Option<Mode>, out: &mut Vec<u8>) {
    let mut flags = mode.map(|_| told(keywords)).unwrap_or_default();
    if let Some(mode) = mode {
        flags.system = mode.system_flags();
        flags.keywords.retain(|keyword| mode.keeps_keyword(keyword));
    }
    let new_keywords = mode.is_some_and(|mode| mode != Mode::Paranoid);
    tell(Code::PermanentFlags { flags, new_keywords }, "flags that can be changed", out);
}

/// All there are, and those of DMAP's own whether one was ever set or not.
fn told(keywords: &KeywordTable) -> Flags {
    let mut told = Flags::system(SystemFlags::ALL);
    let own = flags::OWN.iter().filter_map(|name| Keyword::new(name));
    keywords.iter().cloned().chain(own).for_each(|keyword| told.insert(keyword));
    told
}

impl Core {
    /// Tells keywords of the selected mailbox that are new: a message must not have one before.
    pub(crate) fn tell_keywords(&mut self, keywords: &KeywordTable, out: &mut Vec<u8>) {
        let mode = self.keeps();
        if let Some(open) = self.selected.as_deref_mut().filter(|open| open.has_new_keywords(keywords)) {
            open.tell_flags(keywords, mode, out);
        }
    }
    /// Whether there are keywords that the client was not told of.
    pub(crate) fn has_new_keywords(&self, keywords: &KeywordTable) -> bool {
        self.selected.as_ref().is_some_and(|open| open.has_new_keywords(keywords))
    }
}
