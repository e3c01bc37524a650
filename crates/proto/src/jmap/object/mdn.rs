//! MDN (RFC 9007 §2): disposition notifications to be sent and parsed. MDN/parse answers as Email/parse does.

use super::email::update::{self, EmailUpdate};
use crate::jmap::arguments::{Arguments, Ids, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::form::Form;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Json, Member, Members, Raw, Slot, ToJson};
use crate::jmap::set_error::SetError;
use crate::jmap::standard::set::{creations, filled, updates};
use crate::jmap::standard::{Create, Table, Update, get};
use crate::jmap::value::{FromJson, Reader, Wrong};

/// An MDN: what a client wants to be sent, or what was found in a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mdn {
    /// Always there in what is to be sent.
    pub for_email_id: Option<IdRef>,
    pub subject: Option<Box<str>>,
    pub text_body: Option<Box<str>>,
    pub include_original_message: bool,
    pub reporting_ua: Option<Box<str>>,
    pub disposition: Disposition,
    /// Only of what was parsed, as the following.
    pub mdn_gateway: Option<Box<str>>,
    pub original_recipient: Option<Box<str>>,
    pub final_recipient: Option<Box<str>>,
    /// Only of what was parsed.
    pub original_message_id: Option<Box<str>>,
    /// Only of what was parsed.
    pub error: Option<Vec<Box<str>>>,
    pub extension_fields: Option<Vec<ExtensionField>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExtensionField {
    pub name: Box<str>,
    pub value: Box<str>,
}

/// Words of RFC 8098 in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disposition {
    pub action_mode: ActionMode,
    pub sending_mode: SendingMode,
    pub disposition_type: DispositionType,
}

/// Declares words that are compared as they are.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident $expected:literal { $($variant:ident $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl FromJson for $name {
            fn from_json(value: Json) -> Result<Self, Wrong> {
                let found = Self::ALL.iter().copied().find(|known| value.as_str() == Some(known.text()));
                found.ok_or(Wrong::expected($expected))
            }
        }
    };
}

words! {
    ActionMode "manual-action or automatic-action" {
        Manual "manual-action",
        Automatic "automatic-action",
    }
}
words! {
    SendingMode "mdn-sent-manually or mdn-sent-automatically" {
        Manually "mdn-sent-manually",
        Automatically "mdn-sent-automatically",
    }
}
words! {
    DispositionType "deleted, dispatched, displayed or processed" {
        Deleted "deleted",
        Dispatched "dispatched",
        Displayed "displayed",
        Processed "processed",
    }
}

impl FromJson for Disposition {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let mut reader = Reader::of(value)?;
        let disposition = Self {
            action_mode: reader.required("actionMode")?,
            sending_mode: reader.required("sendingMode")?,
            disposition_type: reader.required("type")?,
        };
        reader.finish().map(|()| disposition)
    }
}

impl ToJson for Disposition {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("actionMode", self.action_mode.text());
            object.put("sendingMode", self.sending_mode.text());
            object.put("type", self.disposition_type.text());
        });
    }
}

impl ToJson for Mdn {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("forEmailId", &self.for_email_id);
            object.put("subject", &self.subject);
            object.put("textBody", &self.text_body);
            object.put("includeOriginalMessage", &self.include_original_message);
            object.put("reportingUA", &self.reporting_ua);
            object.put("disposition", &self.disposition);
            object.put("mdnGateway", &self.mdn_gateway);
            object.put("originalRecipient", &self.original_recipient);
            object.put("finalRecipient", &self.final_recipient);
            object.put("originalMessageId", &self.original_message_id);
            object.put("error", &self.error);
            let slot = object.member("extensionFields");
            if let Some(fields) = &self.extension_fields {
                slot.members(|object| fields.iter().for_each(|field| object.put(&field.name, &field.value)));
            }
        });
    }
}

/// Arguments of MDN/send (RFC 9007 §2.1).
#[derive(Clone, PartialEq, Debug)]
pub struct MdnSend {
    pub account_id: Id,
    pub identity_id: IdRef,
    pub send: Vec<Create<Mdn>>,
    /// By creation id. Each MDN must have one that sets `$mdnsent`.
    pub on_success_update_email: Vec<Update<EmailUpdate>>,
}

impl MdnSend {
    /// # Errors
    /// `invalidArguments`; `requestTooLarge`, before any MDN is read.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let identity_id = arguments.required("identityId")?;
        let send: Members = arguments.required("send")?;
        let on_success = arguments.map("onSuccessUpdateEmail")?;
        arguments.finish()?;
        if !reading.limits.may_set(send.len()) || !reading.limits.may_set(on_success.len()) {
            return Err(MethodError::RequestTooLarge);
        }
        let send = creations(send, "send", |object| filled(object, mdn))?;
        let on_success_update_email = updates(on_success, "onSuccessUpdateEmail", update::read)?;
        Ok(Self { account_id, identity_id, send, on_success_update_email })
    }
}

/// What the server sets is not taken, so it is refused.
fn mdn(form: &mut Form<'_>) -> Option<Mdn> {
    let for_email_id: Option<IdRef> = form.required("forEmailId");
    let disposition = form.required("disposition");
    let mdn = Mdn {
        subject: form.optional("subject"),
        text_body: form.optional("textBody"),
        include_original_message: form.or("includeOriginalMessage", false),
        reporting_ua: form.optional("reportingUA"),
        final_recipient: form.optional("finalRecipient"),
        extension_fields: extension_fields(form),
        mdn_gateway: None,
        original_recipient: None,
        original_message_id: None,
        error: None,
        for_email_id: Some(for_email_id?),
        disposition: disposition?,
    };
    Some(mdn)
}

/// The example of RFC 9007 §3.1 calls them `extension`; the property is `extensionFields`.
fn extension_fields(form: &mut Form<'_>) -> Option<Vec<ExtensionField>> {
    let fields: Members = form.optional("extensionFields")?;
    let mut read = Vec::new();
    for Member { name, value } in fields {
        match value {
            Json::String(value) => read.push(ExtensionField { name, value }),
            _ => form.wrong(&format!("extensionFields/{name}"), "an extension field must be a String"),
        }
    }
    Some(read)
}

/// Response of MDN/send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MdnSendResponse {
    pub account_id: Id,
    pub sent: Table<Raw>,
    pub not_sent: Table<SetError>,
}

impl ToJson for MdnSendResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("accountId", &self.account_id);
            object.put("sent", &self.sent);
            object.put("notSent", &self.not_sent);
        });
    }
}

/// Arguments of MDN/parse (RFC 9007 §2.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MdnParse {
    pub account_id: Id,
    pub blob_ids: Ids,
}

impl MdnParse {
    /// # Errors
    /// `invalidArguments`, `requestTooLarge`.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let blob_ids = get::ids(&mut arguments, "blobIds", reading)?;
        let blob_ids = blob_ids.ok_or_else(|| MethodError::invalid("blobIds is missing"))?;
        arguments.finish()?;
        Ok(Self { account_id, blob_ids })
    }
}
