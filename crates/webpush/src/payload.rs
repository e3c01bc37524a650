//! What a push message says (COI-webpush §payload-data-format): JSON in the order in which clients know it,
//! and short enough for one record.
//!
//! Texts come in decoded; whether a message is announced at all is decided elsewhere.

use koi_types::limits::PUSH_GROUP_ID_OCTETS_MAX;
use koi_types::{Timestamp, Uid, UidValidity, ZoneOffset};

use crate::json::{Object, escaped_octets};
use crate::rfc3339::rfc3339;

/// RFC 8291 §4: 4,096 octets without header, delimiter and tag.
pub const PAYLOAD_OCTETS_MAX: usize = 3993;
/// From here on a text may be cut, counted as it stands in JSON.
const TEXT_OCTETS_MIN: usize = 100;
/// The same for `content-type`.
const CONTENT_TYPE_OCTETS_MIN: usize = 200;
/// A longer name of a mailbox is left out: cut it would name another one.
const MAILBOX_OCTETS_MAX: usize = 200;

/// A message that has arrived, in the words of a push message. Texts that are absent or blank are left out.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    pub mailbox: &'a str,
    pub uidvalidity: UidValidity,
    pub uid: Uid,
    /// Of the Date field.
    pub date: Option<Date>,
    /// `local@domain` of the From field, in Unicode; it is put in lower case here.
    pub from_email: Option<&'a str>,
    /// The name in the From field, decoded.
    pub from_name: Option<&'a str>,
    /// Decoded.
    pub subject: Option<&'a str>,
    /// With its angle brackets, which are taken off, or without.
    pub msg_id: Option<&'a str>,
    /// COI-client §group-messages.
    pub group_id: Option<&'a str>,
    /// Nothing when the body may not be shown, or is known to be too long.
    pub content: Option<Content<'a>>,
}

/// When a message says it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Date {
    pub at: Timestamp,
    pub zone: ZoneOffset,
}

/// The body of a message as it was sent, without its header.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    pub octets: &'a [u8],
    /// The value of Content-Type, unfolded; empty when there is none.
    pub content_type: &'a str,
    /// The value of Content-Transfer-Encoding; empty when there is none.
    pub transfer_encoding: &'a str,
}

impl Notice<'_> {
    /// The payload: at most [`PAYLOAD_OCTETS_MAX`] octets. The content is in it when all of it fits.
    #[must_use]
    pub fn payload(&self) -> String {
        let notice = self.without_content();
        let with_content = self.content.and_then(|content| content.put(&notice));
        with_content.unwrap_or_else(|| notice.finish())
    }

    /// Nine members of texts that are cut: about 1,200 octets at most.
    fn without_content(&self) -> Object {
        let mut object = Object::new();
        if escaped_octets(self.mailbox) <= MAILBOX_OCTETS_MAX {
            object.text("folder", self.mailbox);
        }
        object.number("uidvalidity", u64::from(self.uidvalidity.value()));
        object.number("uid", u64::from(self.uid.value()));
        if let Some(date) = self.date.and_then(|date| rfc3339(date.at, date.zone)) {
            object.text("date", &date);
        }
        let mut cut = |name, value: Option<&str>| {
            if let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) {
                object.cut_text(name, value, TEXT_OCTETS_MIN);
            }
        };
        cut("from-email", self.from_email.map(str::to_lowercase).as_deref());
        cut("from-name", self.from_name);
        cut("subject", self.subject);
        cut("msg-id", self.msg_id.map(without_brackets));
        let is_usable = |id: &&str| (1..=PUSH_GROUP_ID_OCTETS_MAX).contains(&escaped_octets(id));
        if let Some(id) = self.group_id.filter(is_usable) {
            object.text("group-id", id);
        }
        object
    }
}

/// The example in COI-webpush §payload-data-format has none.
fn without_brackets(id: &str) -> &str {
    let inside = id.trim().strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inside.unwrap_or(id)
}

impl Content<'_> {
    /// The whole payload. `None` when it does not fit, or when the body is not UTF-8: COI-webpush has no way
    /// to say how other octets would have been made text, and a client can always FETCH.
    fn put(&self, notice: &Object) -> Option<String> {
        if self.octets.len() > PAYLOAD_OCTETS_MAX {
            return None;
        }
        let text = std::str::from_utf8(self.octets).ok()?;
        let mut object = notice.clone();
        if !self.is_plain() {
            object.cut_text("content-type", self.content_type.trim(), CONTENT_TYPE_OCTETS_MIN);
        }
        let encoding = self.transfer_encoding.trim();
        if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("8bit") {
            object.cut_text("content-encoding", encoding, TEXT_OCTETS_MIN);
        }
        object.text("content", text);
        (object.octets() <= PAYLOAD_OCTETS_MAX).then(|| object.finish())
    }

    /// `text/plain` needs no saying, unless a parameter says how to read it. The charset of a body that is
    /// UTF-8 as it stands does not: but one that is encoded may be in any charset.
    fn is_plain(&self) -> bool {
        let mut pieces = self.content_type.split(';').map(str::trim);
        let media_type = pieces.next().unwrap_or_default();
        let says_nothing = |piece: &str| {
            let value: String = piece.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
            let value = value.to_ascii_lowercase();
            matches!(value.as_str(), "" | "charset=utf-8" | "charset=us-ascii")
        };
        (media_type.is_empty() || media_type.eq_ignore_ascii_case("text/plain")) && pieces.all(says_nothing)
    }
}

/// The payload that asks a client to prove that it gets what is pushed (COI-webpush
/// §sending-a-validation-push-message). `text` is at most 1,024 octets of ASCII.
#[must_use]
pub fn validation(text: &str) -> String {
    let mut object = Object::new();
    object.text("validation", text);
    object.finish()
}

#[cfg(test)]
mod tests;
