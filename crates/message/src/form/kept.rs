//! Forms made from the envelope that is kept of a message, without its header: what lists of messages show
//! (RFC 8621 §4.2 names the properties that are to be fast).

use koi_types::HeaderForm;

use super::addresses::mailbox;
use super::{HeaderValue, message_ids, text};
use crate::date::parse_date;
use crate::envelope::{FormField, Kept};
use crate::record::{Addresses, EnvelopeView};

/// The last field of a name, as far as an envelope tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptForm {
    /// The message has no such field.
    Absent,
    /// What [`super::last`] makes of the header.
    Value(HeaderValue),
    /// The header must be asked.
    Unknown,
}

impl EnvelopeView<'_> {
    /// The last field of this name, in any case of ASCII, in this form.
    #[must_use]
    pub fn form(&self, name: &str, form: HeaderForm) -> KeptForm {
        let is = |field: &str| name.eq_ignore_ascii_case(field);
        match form {
            _ if !self.faithful.is_whole() => KeptForm::Unknown,
            HeaderForm::Text if is("Subject") => self
                .kept(FormField::Subject, |view| HeaderValue::Text(text(view.subject.unwrap_or_default()))),
            HeaderForm::Date if is("Date") => of(self.date, |date| HeaderValue::Date(parse_date(date))),
            HeaderForm::MessageIds if is("Message-ID") => {
                of(self.message_id, |ids| HeaderValue::MessageIds(message_ids(ids)))
            }
            HeaderForm::MessageIds if is("In-Reply-To") => {
                of(self.in_reply_to, |ids| HeaderValue::MessageIds(message_ids(ids)))
            }
            HeaderForm::Addresses => self.addresses(&is),
            _ => KeptForm::Unknown,
        }
    }

    fn addresses(&self, is: &dyn Fn(&str) -> bool) -> KeptForm {
        let (field, list) = match () {
            () if is("From") => (FormField::From, &self.from),
            () if is("To") => (FormField::To, &self.to),
            () if is("Cc") => (FormField::Cc, &self.cc),
            () if is("Bcc") => (FormField::Bcc, &self.bcc),
            () if is("Sender") => (FormField::Sender, &self.sender),
            () if is("Reply-To") => (FormField::ReplyTo, &self.reply_to),
            () => return KeptForm::Unknown,
        };
        self.kept(field, |_| HeaderValue::Addresses(mailboxes(list)))
    }

    fn kept(&self, field: FormField, value: impl FnOnce(&Self) -> HeaderValue) -> KeptForm {
        match self.faithful.kept(field) {
            Kept::Absent => KeptForm::Absent,
            Kept::Faithful => KeptForm::Value(value(self)),
            Kept::Otherwise => KeptForm::Unknown,
        }
    }
}

fn of(kept: Option<&[u8]>, value: impl FnOnce(&[u8]) -> HeaderValue) -> KeptForm {
    kept.map_or(KeptForm::Absent, |kept| KeptForm::Value(value(kept)))
}

fn mailboxes(list: &Addresses<'_>) -> Vec<super::EmailAddress> {
    list.clone().filter_map(|entry| mailbox(entry.name, entry.mailbox, entry.host)).collect()
}
