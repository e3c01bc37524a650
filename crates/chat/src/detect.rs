//! Which messages are chat, and of which group (COI-server §configure-message-filtering, COI-client
//! §group-messages).
//!
//! Any of three signs is enough: the field `Chat-Version`, a Message-ID that begins with `chat$`, or the
//! same of the first id in References. Only the first one counts there, so that a chat which has become a
//! long exchange of ordinary mail is ordinary mail.

use koi_message::{Field, Fields};

use crate::first_id::first_id;
use crate::limits::{GROUP_ID_OCTETS_MAX, HEADER_OCTETS_MAX};

/// What every id of a chat message begins with. Older drafts had `coi$`, which is no sign.
const PREFIX: &[u8] = b"chat$";
/// COI-client §group-messages: `chat$group.<group id>.<domain unique value>@<domain>`.
const GROUP_PREFIX: &[u8] = b"chat$group.";

/// A chat message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chat {
    /// From its Message-ID, else from the first id of References.
    pub group: Option<GroupId>,
}

/// The id of a group: letters, digits, `-` and `_`, at most `GROUP_ID_OCTETS_MAX`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GroupId(Box<str>);

impl GroupId {
    /// `None` for what cannot be one. Shorter ones than COI-client §group-messages asks for are taken as they
    /// are: they tell groups apart just as well.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= GROUP_ID_OCTETS_MAX;
        let valid = fits && text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        let text = std::str::from_utf8(text).ok().filter(|_| valid)?;
        Some(Self(text.into()))
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Looks at a header: `octets` begin with its first field and may go on beyond it.
#[must_use]
pub fn detect(octets: &[u8]) -> Option<Chat> {
    let mut signs = Signs::default();
    let header = octets.get(..HEADER_OCTETS_MAX).unwrap_or(octets);
    Fields::new(header).for_each(|field| signs.field(&field));
    signs.chat()
}

/// The signs met so far, for whoever goes over the fields anyway.
#[derive(Clone, Debug, Default)]
pub struct Signs {
    version: bool,
    /// The id in the first field of that name: of repeated fields the first counts.
    message_id: Option<Id>,
    references: Option<Id>,
}

#[derive(Clone, Debug)]
struct Id {
    is_chat: bool,
    group: Option<GroupId>,
}

impl Signs {
    /// Takes in a field, if it is one of ours.
    pub fn field(&mut self, field: &Field<'_>) {
        match field.name.len() {
            10 if self.message_id.is_none() && field.is(b"message-id") => {
                self.message_id = Some(Id::of(field.value));
            }
            10 if self.references.is_none() && field.is(b"references") => {
                self.references = Some(Id::of(field.value));
            }
            12 => self.version |= field.is(b"chat-version"),
            _ => {}
        }
    }
    /// What they say.
    #[must_use]
    pub fn chat(self) -> Option<Chat> {
        let ids = [self.message_id, self.references];
        let is_chat = self.version || ids.iter().flatten().any(|id| id.is_chat);
        let group = ids.into_iter().flatten().find_map(|id| id.group);
        is_chat.then_some(Chat { group })
    }
}

impl Id {
    fn of(value: &[u8]) -> Self {
        let id = first_id(value);
        Self { is_chat: id.starts_with(PREFIX), group: group_of(&id) }
    }
}

fn group_of(id: &[u8]) -> Option<GroupId> {
    let rest = id.strip_prefix(GROUP_PREFIX)?;
    let end = rest.iter().position(|octet| *octet == b'.')?;
    GroupId::new(rest.get(..end)?)
}

#[cfg(test)]
mod tests;
