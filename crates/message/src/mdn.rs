//! Message disposition notifications, read and made (RFC 8098; the object of RFC 9007 §2).
//!
//! Sent from the null reverse-path (RFC 8098 §3), to the one address in Disposition-Notification-To.

use koi_types::HeaderForm;

use crate::body::{BodyLists, BodyPart, BodyValue, body_value};
use crate::build::{BuildError, EmailForm, Given, HeaderSetting, PartForm, build};
use crate::form::{self, EmailAddress, HeaderValue, RawHeader};
use crate::header::{Field, Fields, unfold};
use crate::parse::parse;
use crate::vacation::{line, setting, threading};

/// Octets of a part that can be a notification; a longer one is none.
const FIELDS_OCTETS_MAX: usize = 64 * 1024;
/// Error and extension fields that are kept of a notification, each.
const FIELDS_MAX: usize = 100;
/// Octets of the value of a field that is written.
const FIELD_OCTETS_MAX: usize = 800;
/// Octets of the text for people that are shown.
const TEXT_OCTETS_MAX: usize = 256 * 1024;

const NOTIFICATION: &str = "disposition-notification";

/// RFC 9007 §2, without what refers to other objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mdn {
    pub subject: Option<String>,
    pub text_body: Option<String>,
    pub reporting_ua: Option<String>,
    pub disposition: MdnDisposition,
    pub mdn_gateway: Option<String>,
    /// With its type, as `rfc822; a@b`.
    pub original_recipient: Option<String>,
    /// With its type, as `rfc822; a@b`.
    pub final_recipient: Option<String>,
    /// With its angle brackets, as it stands in the field.
    pub original_message_id: Option<String>,
    pub error: Vec<String>,
    pub extension_fields: Vec<RawHeader>,
}

/// RFC 8098 §3.2.6, without its modifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MdnDisposition {
    pub action_mode: ActionMode,
    pub sending_mode: SendingMode,
    pub kind: DispositionType,
}

/// RFC 8098 §3.2.6.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActionMode {
    #[default]
    Manual,
    Automatic,
}

/// RFC 8098 §3.2.6.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendingMode {
    #[default]
    Manually,
    Automatically,
}

/// RFC 8098 §3.2.6.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DispositionType {
    Deleted,
    Dispatched,
    #[default]
    Displayed,
    Processed,
}

impl ActionMode {
    /// As RFC 9007 §2 spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ActionMode::Manual => "manual-action",
            ActionMode::Automatic => "automatic-action",
        }
    }
    /// ASCII case is ignored (RFC 8098 §3.2.6).
    #[must_use]
    pub fn of_name(name: &str) -> Option<ActionMode> {
        [ActionMode::Manual, ActionMode::Automatic]
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(name))
    }
}

impl SendingMode {
    /// As RFC 9007 §2 spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SendingMode::Manually => "mdn-sent-manually",
            SendingMode::Automatically => "mdn-sent-automatically",
        }
    }
    /// ASCII case is ignored (RFC 8098 §3.2.6).
    #[must_use]
    pub fn of_name(name: &str) -> Option<SendingMode> {
        let all = [SendingMode::Manually, SendingMode::Automatically];
        all.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(name))
    }
}

impl DispositionType {
    pub const ALL: [DispositionType; 4] = [
        DispositionType::Deleted,
        DispositionType::Dispatched,
        DispositionType::Displayed,
        DispositionType::Processed,
    ];
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            DispositionType::Deleted => "deleted",
            DispositionType::Dispatched => "dispatched",
            DispositionType::Displayed => "displayed",
            DispositionType::Processed => "processed",
        }
    }
    /// ASCII case is ignored (RFC 8098 §3.2.6).
    #[must_use]
    pub fn of_name(name: &str) -> Option<DispositionType> {
        DispositionType::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// The notification that the message `raw` is; `None` if it is none, or says nothing that RFC 8098 §3.2.6
/// knows.
#[must_use]
pub fn parse_mdn(raw: &[u8]) -> Option<Mdn> {
    let structure = parse(raw).facts.structure;
    let tree = BodyPart::of(&structure);
    let mut found = None;
    tree.visit(&mut |part| {
        let content = &part.part.content;
        let is = content.is(b"message", NOTIFICATION.as_bytes())
            || content.is(b"message", b"global-disposition-notification");
        found = found.or(is.then_some(part.part));
    });
    let octets = found.filter(|part| part.body.len() as usize <= FIELDS_OCTETS_MAX)?.octets(raw);
    let mut mdn = Mdn::default();
    let mut disposition = None;
    for field in Fields::new(octets.trim_ascii_start()) {
        mdn.field(&field, &mut disposition);
    }
    mdn.disposition = disposition?;
    mdn.subject = match form::last(structure.root.header.of(raw), "Subject", HeaderForm::Text) {
        Some(HeaderValue::Text(subject)) => Some(subject),
        _ => None,
    };
    mdn.text_body = text_for_people(&tree, raw);
    Some(mdn)
}

/// RFC 8098 §3: the first part of the report.
fn text_for_people(tree: &BodyPart<'_>, raw: &[u8]) -> Option<String> {
    let lists = BodyLists::of(tree);
    let first = lists.text.iter().find(|part| part.part.content.is(b"text", b"plain"))?;
    Some(body_value(first.part, raw, TEXT_OCTETS_MAX).value)
}

impl Mdn {
    fn field(&mut self, field: &Field<'_>, disposition: &mut Option<MdnDisposition>) {
        if field.name.is_empty() {
            return;
        }
        let mut unfolded = Vec::new();
        unfold(field.value, &mut unfolded);
        let value = form::raw(&unfolded).trim().to_owned();
        let known = [
            (&b"Reporting-UA"[..], &mut self.reporting_ua),
            (b"MDN-Gateway", &mut self.mdn_gateway),
            (b"Original-Recipient", &mut self.original_recipient),
            (b"Final-Recipient", &mut self.final_recipient),
            (b"Original-Message-ID", &mut self.original_message_id),
        ];
        for (name, place) in known {
            if field.is(name) {
                place.get_or_insert(value);
                return;
            }
        }
        if field.is(b"Disposition") {
            *disposition = disposition.or_else(|| read_disposition(&value));
        } else if field.is(b"Error") {
            if self.error.len() < FIELDS_MAX {
                self.error.push(value);
            }
        } else if self.extension_fields.len() < FIELDS_MAX {
            self.extension_fields.push(RawHeader { name: form::raw(field.name), value });
        }
    }
}

/// `action-mode "/" sending-mode ";" disposition-type [ "/" modifiers ]` (RFC 8098 §3.2.6).
fn read_disposition(value: &str) -> Option<MdnDisposition> {
    let (modes, kind) = value.split_once(';')?;
    let (action, sending) = modes.split_once('/')?;
    let kind = kind.split('/').next().unwrap_or_default();
    Some(MdnDisposition {
        action_mode: ActionMode::of_name(action.trim())?,
        sending_mode: SendingMode::of_name(sending.trim())?,
        kind: DispositionType::of_name(kind.trim())?,
    })
}

/// To whom a notification about the message with this header goes (RFC 8098 §2.1). Nobody if no one asks for
/// it, or several do.
#[must_use]
pub fn notification_to(header: &[u8]) -> Option<EmailAddress> {
    let Some(HeaderValue::Addresses(list)) =
        form::last(header, "Disposition-Notification-To", HeaderForm::Addresses)
    else {
        return None;
    };
    match list.as_slice() {
        [only] if only.email.contains('@') => Some(only.clone()),
        _ => None,
    }
}

/// A notification to be sent.
#[derive(Clone, Copy, Debug)]
pub struct MdnLetter<'m> {
    pub mdn: &'m Mdn,
    pub from: &'m EmailAddress,
    pub to: &'m EmailAddress,
    /// The header of the message it is about.
    pub header: &'m [u8],
    /// The message it is about, if it is to be sent along (RFC 9007 §2 includeOriginalMessage).
    pub original: Option<&'m [u8]>,
}

/// What RFC 9007 §2 has the server set in an MDN about the message with this header: originalRecipient and
/// originalMessageId (RFC 8098 §3.2.3, §3.2.5).
pub fn fill_in(mdn: &mut Mdn, header: &[u8]) {
    let value = |name: &str| match form::last(header, name, HeaderForm::Raw) {
        Some(HeaderValue::Raw(raw)) => Some(line(&raw)).filter(|value| !value.is_empty()),
        _ => None,
    };
    mdn.original_recipient = value("Original-Recipient").filter(|value| value.contains(';'));
    mdn.original_message_id = match form::last(header, "Message-ID", HeaderForm::MessageIds) {
        Some(HeaderValue::MessageIds(Some(ids))) => ids.first().map(|id| format!("<{id}>")),
        _ => None,
    };
}

impl MdnLetter<'_> {
    /// The octets of the message: multipart/report with a text for people, the fields, and the original.
    pub fn build(&self, given: &Given<'_>) -> Result<Vec<u8>, BuildError> {
        let fields = self.fields();
        let is_global = !fields.is_ascii();
        let text = self.mdn.text_body.clone().unwrap_or_else(|| self.text());
        let mut form = EmailForm { headers: self.headers(), ..EmailForm::default() };
        form.body_values.insert("text".into(), BodyValue { value: text, ..BodyValue::default() });
        let part = |media_type: &str, part_id: Option<&str>, blob_id: Option<&str>| PartForm {
            media_type: Some(media_type.to_owned()),
            part_id: part_id.map(str::to_owned),
            blob_id: blob_id.map(str::to_owned),
            ..PartForm::default()
        };
        // RFC 6533 §3: fields that are not ASCII have a type of their own.
        let global = if is_global { "global-" } else { "" };
        let mut parts = vec![
            part("text/plain", Some("text"), None),
            part(&format!("message/{global}{NOTIFICATION}"), None, Some("fields")),
        ];
        parts.extend(self.original.map(|_| part("message/rfc822", None, Some("original"))));
        let mut report = part("multipart/report", None, None);
        report.sub_parts = Some(parts);
        form.body_structure = Some(report);
        build(&form, given, &mut |id| match id {
            "fields" => Some(fields.clone().into_bytes()),
            _ => self.original.map(<[u8]>::to_vec),
        })
    }

    fn headers(&self) -> Vec<HeaderSetting> {
        let subject =
            self.mdn.subject.as_deref().map(line).unwrap_or_else(|| "Disposition notification".to_owned());
        let mut headers = vec![
            setting("From", HeaderValue::Addresses(vec![self.from.clone()])),
            setting("To", HeaderValue::Addresses(vec![self.to.clone()])),
            setting("Subject", HeaderValue::Text(subject)),
        ];
        // RFC 3834 §5.2: only for what no person sent.
        if self.mdn.disposition.sending_mode == SendingMode::Automatically {
            headers.push(setting("Auto-Submitted", HeaderValue::Text("auto-replied".to_owned())));
        }
        headers.extend(threading(self.header));
        headers
    }

    /// RFC 8098 §3.1, in the order that is recommended there.
    fn fields(&self) -> String {
        let mdn = self.mdn;
        let Mdn {
            reporting_ua, mdn_gateway, original_recipient, final_recipient, original_message_id, ..
        } = mdn;
        let own = Some(format!("rfc822; {}", self.from.email));
        let MdnDisposition { action_mode, sending_mode, kind } = mdn.disposition;
        let modifier = if mdn.error.is_empty() { "" } else { "/error" };
        let disposition =
            format!("{}/{}; {}{modifier}", action_mode.name(), sending_mode.name(), kind.name());
        let mut out = String::new();
        let mut push = |name: &str, value: &str| {
            let value = line(value);
            let end = value.floor_char_boundary(FIELD_OCTETS_MAX);
            out.push_str(&format!("{name}: {}\r\n", value.get(..end).unwrap_or_default()));
        };
        let optional = [
            ("Reporting-UA", reporting_ua),
            ("MDN-Gateway", mdn_gateway),
            ("Original-Recipient", original_recipient),
            ("Final-Recipient", if final_recipient.is_some() { final_recipient } else { &own }),
            ("Original-Message-ID", original_message_id),
        ];
        for (name, value) in optional {
            value.iter().for_each(|value| push(name, value));
        }
        push("Disposition", &disposition);
        mdn.error.iter().for_each(|error| push("Error", error));
        let is_field = |field: &&RawHeader| {
            field.name.len() <= 100
                && !field.name.is_empty()
                && field.name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
        };
        mdn.extension_fields.iter().filter(is_field).for_each(|field| push(&field.name, &field.value));
        out
    }

    /// RFC 8098 §3: what a person reads.
    fn text(&self) -> String {
        let kind = self.mdn.disposition.kind.name();
        format!(
            "Your message was {kind} by {}.\n\nThis is no guarantee that it has been read or understood.\n",
            self.from.email
        )
    }
}

#[cfg(test)]
mod tests;
