//! EmailSubmission (RFC 8621 §7).

use super::email::update::{self, EmailUpdate};
use super::print;
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::date::UtcDate;
use crate::jmap::error::MethodError;
use crate::jmap::form::Form;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Json, Members, Slot, ToJson};
use crate::jmap::patch::{Change, Claim, Patch};
use crate::jmap::set_error::SetError;
use crate::jmap::standard::set::updates;
use crate::jmap::standard::{
    Condition, Extra, Object, Property, Queried, Settable, SortKey, Update, properties,
};
use crate::jmap::value::{FromJson, Reader, Wrong};

/// The data type.
#[derive(Debug)]
pub struct EmailSubmissions;

properties! {
    /// The properties of an EmailSubmission.
    pub SubmissionProperty {
        Id "id",
        IdentityId "identityId",
        EmailId "emailId",
        ThreadId "threadId",
        Envelope "envelope",
        SendAt "sendAt",
        UndoStatus "undoStatus",
        DeliveryStatus "deliveryStatus",
        DsnBlobIds "dsnBlobIds",
        MdnBlobIds "mdnBlobIds",
    }
}

/// An EmailSubmission to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailSubmission {
    pub id: Id,
    pub identity_id: Id,
    pub email_id: Id,
    pub thread_id: Id,
    pub envelope: Envelope,
    pub send_at: UtcDate,
    pub undo_status: UndoStatus,
    pub delivery_status: Vec<DeliveryStatus>,
    pub dsn_blob_ids: Vec<Id>,
    pub mdn_blob_ids: Vec<Id>,
}

/// Whether it may be canceled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UndoStatus {
    Pending,
    Final,
    Canceled,
}

/// What SMTP is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    pub mail_from: SmtpAddress,
    pub rcpt_to: Vec<SmtpAddress>,
}

/// Address: with the parameters of MAIL or RCPT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SmtpAddress {
    pub email: Box<str>,
    pub parameters: Option<Vec<SmtpParameter>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SmtpParameter {
    pub name: Box<str>,
    pub value: Option<Box<str>>,
}

/// DeliveryStatus of one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryStatus {
    pub recipient: Box<str>,
    pub smtp_reply: Box<str>,
    pub delivered: Delivered,
    pub is_displayed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivered {
    Queued,
    Yes,
    No,
    Unknown,
}

impl UndoStatus {
    const ALL: [Self; 3] = [Self::Pending, Self::Final, Self::Canceled];

    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Final => "final",
            Self::Canceled => "canceled",
        }
    }
}

impl Delivered {
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl EmailSubmission {
    pub fn write(&self, properties: &[SubmissionProperty], slot: Slot<'_>) {
        print(&self.id, properties, slot, |property, name, object| match property {
            SubmissionProperty::Id => {}
            SubmissionProperty::IdentityId => object.put(name, &self.identity_id),
            SubmissionProperty::EmailId => object.put(name, &self.email_id),
            SubmissionProperty::ThreadId => object.put(name, &self.thread_id),
            SubmissionProperty::Envelope => object.put(name, &self.envelope),
            SubmissionProperty::SendAt => object.put(name, &self.send_at),
            SubmissionProperty::UndoStatus => object.put(name, self.undo_status.text()),
            SubmissionProperty::DeliveryStatus => object.member(name).members(|object| {
                self.delivery_status.iter().for_each(|status| object.put(&status.recipient, status));
            }),
            SubmissionProperty::DsnBlobIds => object.put(name, &self.dsn_blob_ids),
            SubmissionProperty::MdnBlobIds => object.put(name, &self.mdn_blob_ids),
        });
    }
}

impl ToJson for DeliveryStatus {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("smtpReply", &self.smtp_reply);
            object.put("delivered", self.delivered.text());
            object.put("displayed", if self.is_displayed { "yes" } else { "unknown" });
        });
    }
}

impl ToJson for Envelope {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("mailFrom", &self.mail_from);
            object.put("rcptTo", &self.rcpt_to);
        });
    }
}

impl ToJson for SmtpAddress {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("email", &self.email);
            let slot = object.member("parameters");
            if let Some(parameters) = &self.parameters {
                slot.members(|object| parameters.iter().for_each(|p| object.put(&p.name, &p.value)));
            }
        });
    }
}

impl FromJson for Envelope {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let mut reader = Reader::of(value)?;
        let envelope = Self { mail_from: reader.required("mailFrom")?, rcpt_to: reader.required("rcptTo")? };
        reader.finish().map(|()| envelope)
    }
}

impl FromJson for SmtpAddress {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let mut reader = Reader::of(value)?;
        let email = reader.required("email")?;
        let parameters: Option<Members> = reader.optional("parameters")?;
        reader.finish()?;
        let parameter = |member: crate::jmap::json::Member| {
            let value = Option::from_json(member.value);
            let value = value.map_err(|wrong| wrong.within(&member.name).within("parameters"))?;
            Ok(SmtpParameter { name: member.name, value })
        };
        let parameters = parameters.map(|given| given.into_iter().map(parameter).collect()).transpose()?;
        Ok(Self { email, parameters })
    }
}

impl FromJson for UndoStatus {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let status = Self::ALL.into_iter().find(|status| value.as_str() == Some(status.text()));
        status.ok_or(Wrong::expected("pending, final or canceled"))
    }
}

/// An EmailSubmission to be created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubmissionCreate {
    pub identity_id: IdRef,
    pub email_id: IdRef,
    /// `None`: to be made from the Email (RFC 8621 §7).
    pub envelope: Option<Envelope>,
}

/// An EmailSubmission to be changed: it can be canceled.
#[derive(Clone, PartialEq, Debug)]
pub struct SubmissionUpdate {
    pub undo_status: Change<UndoStatus>,
    pub claims: Vec<Claim>,
}

/// EmailSubmission/set (RFC 8621 §7.5): what becomes of the Emails that were sent.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SubmissionSetExtra {
    /// By EmailSubmission, as a creation id or an id.
    pub on_success_update_email: Vec<Update<EmailUpdate>>,
    pub on_success_destroy_email: Vec<IdRef>,
}

/// All that are given must match (RFC 8621 §7.3).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubmissionCondition {
    pub identity_ids: Option<Vec<Id>>,
    pub email_ids: Option<Vec<Id>>,
    pub thread_ids: Option<Vec<Id>>,
    pub undo_status: Option<UndoStatus>,
    pub before: Option<UtcDate>,
    pub after: Option<UtcDate>,
}

/// What EmailSubmissions are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubmissionSortKey {
    EmailId,
    ThreadId,
    /// RFC 8621 §7.3 calls it `sentAt`; `sendAt`, which is the property's name, means the same.
    SendAt,
}

impl Object for EmailSubmissions {
    const TYPE: &'static str = "EmailSubmission";
    type Property = SubmissionProperty;
    type GetExtra = ();
    fn default_properties() -> Vec<SubmissionProperty> {
        SubmissionProperty::ALL.to_vec()
    }
}

impl Settable for EmailSubmissions {
    type Create = SubmissionCreate;
    type Update = SubmissionUpdate;
    type SetExtra = SubmissionSetExtra;

    fn create(form: &mut Form<'_>) -> Option<SubmissionCreate> {
        let identity_id = form.required("identityId");
        let email_id = form.required("emailId");
        let envelope = form.optional("envelope");
        Some(SubmissionCreate { identity_id: identity_id?, email_id: email_id?, envelope })
    }

    fn update(mut patch: Patch) -> Result<SubmissionUpdate, SetError> {
        let undo_status = patch.value("undoStatus", None);
        let claims = patch.finish(|name| SubmissionProperty::parse(name).is_some())?;
        Ok(SubmissionUpdate { undo_status, claims })
    }
}

impl Extra for SubmissionSetExtra {
    fn take(arguments: &mut Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let given = arguments.map("onSuccessUpdateEmail")?;
        let destroy: Vec<IdRef> = arguments.optional("onSuccessDestroyEmail")?.unwrap_or_default();
        // They become an Email/set, which has this limit.
        if !reading.limits.may_set(given.len() + destroy.len()) {
            return Err(MethodError::RequestTooLarge);
        }
        let on_success_update_email = updates(given, "onSuccessUpdateEmail", update::read)?;
        Ok(Self { on_success_update_email, on_success_destroy_email: destroy })
    }
}

impl Condition for SubmissionCondition {
    fn read(given: &mut Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        Ok(Self {
            identity_ids: given.all_existing("identityIds", reading.created_ids)?,
            email_ids: given.all_existing("emailIds", reading.created_ids)?,
            thread_ids: given.all_existing("threadIds", reading.created_ids)?,
            undo_status: given.given("undoStatus")?,
            before: given.given("before")?,
            after: given.given("after")?,
        })
    }
}

impl SortKey for SubmissionSortKey {
    fn read(property: &str, _: &mut Arguments) -> Result<Option<Self>, MethodError> {
        Ok(match property {
            "emailId" => Some(Self::EmailId),
            "threadId" => Some(Self::ThreadId),
            "sentAt" | "sendAt" => Some(Self::SendAt),
            _ => None,
        })
    }
}

impl Queried for EmailSubmissions {
    type Condition = SubmissionCondition;
    type SortKey = SubmissionSortKey;
    type QueryExtra = ();
    type QueryChangesExtra = ();
}
