//! The selected mailbox while it is open: whose it is, what of it its client was told, and the keywords the
//! client knows (RFC 9051 §7.3.5, RFC 9051 §7.1).
//!
//! Must not: compute what is to be told of messages (`sync`).

use koi_mailbox::{Account, KeywordTable, Watching};
use koi_types::{NumSet, Rights};

use super::contexts::UpdateContext;
use super::core::Core;
use super::notify::Place;
use super::untagged;
use crate::selected::Selected;

/// The selected mailbox and what the service must know about it being open.
pub(crate) struct Open {
    /// Whose mailbox it is, as this user may use it.
    pub(crate) account: Account,
    pub(crate) view: Selected,
    /// Searches whose changes are told (RFC 5267 §4.3).
    pub(crate) contexts: Vec<UpdateContext>,
    /// How many keywords of the account were told with FLAGS.
    pub(crate) keywords_told: usize,
    /// The rights that were told with PERMANENTFLAGS.
    pub(crate) rights_told: Rights,
    pub(crate) watching: Watching,
    /// UIDs of messages this client has put here and was not told of yet.
    pub(crate) own_added: NumSet,
}

impl Open {
    /// Octets of memory it takes beside itself.
    pub(crate) fn memory_octets(&self) -> usize {
        let contexts: usize = self.contexts.iter().map(UpdateContext::memory_octets).sum();
        self.view.memory_octets() + self.own_added.memory_octets() + contexts
    }
    pub(crate) const fn place(&self) -> Place {
        Place { owner: self.account.id(), mailbox: self.view.mailbox }
    }
    /// Whether there are keywords that the client was not told of.
    pub(crate) fn has_new_keywords(&self, keywords: &KeywordTable, offers_chat: bool) -> bool {
        untagged::told_count(keywords, offers_chat) > self.keywords_told
    }
    /// FLAGS, and PERMANENTFLAGS where keywords are permanent, if there are keywords that the client was not
    /// told of: a message must not have one before (RFC 9051 §7.3.5, RFC 9051 §7.1).
    pub(crate) fn tell_keywords(&mut self, keywords: &KeywordTable, offers_chat: bool, out: &mut Vec<u8>) {
        if !self.has_new_keywords(keywords, offers_chat) {
            return;
        }
        let told = untagged::told_keywords(keywords, offers_chat);
        self.keywords_told = told.len();
        untagged::flags(&told, out);
        if !self.view.read_only && self.rights_told.contains(Rights::WRITE) {
            untagged::permanent_flags(&told, self.rights_told, out);
        }
    }
}

impl Core {
    /// Tells keywords of the selected mailbox that are new.
    pub(crate) fn tell_keywords(&mut self, keywords: &KeywordTable, out: &mut Vec<u8>) {
        let offers_chat = self.offers_chat();
        if let Some(open) = &mut self.selected {
            open.tell_keywords(keywords, offers_chat, out);
        }
    }
    /// Tells which flags can be changed, which has changed (RFC 4314 §5.1.1).
    pub(crate) fn tell_permanent(&mut self, keywords: &KeywordTable, rights: Rights, out: &mut Vec<u8>) {
        let told = untagged::told_keywords(keywords, self.offers_chat());
        untagged::flags(&told, out);
        untagged::permanent_flags(&told, rights, out);
        if let Some(open) = &mut self.selected {
            open.keywords_told = told.len();
        }
    }
    /// Whether there are keywords that the client was not told of.
    pub(crate) fn has_new_keywords(&self, keywords: &KeywordTable) -> bool {
        let offers_chat = self.offers_chat();
        self.selected.as_ref().is_some_and(|open| open.has_new_keywords(keywords, offers_chat))
    }
}
