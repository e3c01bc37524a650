//! Replies in absence (RFC 8621 §8): to whom one is never sent (RFC 3834 §2, RFC 5230 §4.5, §4.6), and what
//! it says (RFC 3834 §3, RFC 5230 §5).
//!
//! It goes from the null reverse-path (RFC 5230 §5.1), to the reverse-path of the message it answers
//! (RFC 3834 §4), and to the same sender but once in several days (RFC 3834 §2): the one who sends sees to
//! that.

use std::collections::BTreeMap;

use koi_types::{Address, HeaderForm, ReversePath, Timestamp};

use crate::body::BodyValue;
use crate::build::{BuildError, EmailForm, Given, HeaderSetting, PartForm, build};
use crate::form::{self, EmailAddress, HeaderValue};
use crate::header::{Field, Fields};
use crate::lexer::{Lexer, is_token};
use crate::preview::html;
use crate::snippet::collapsed;

/// Characters of the subject that is answered.
const SUBJECT_CHARS_MAX: usize = 200;
/// Ids in References: the first and the last ones.
const REFERENCES_MAX: usize = 20;
const SUBJECT: &str = "Automated reply";
const TEXT: &str =
    "This is an automatic reply: your message has arrived, but it may be some time until it is read.\n";

/// The settings of an account (RFC 8621 §8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vacation {
    pub is_enabled: bool,
    pub from_date: Option<Timestamp>,
    pub to_date: Option<Timestamp>,
    pub subject: Option<String>,
    pub text_body: Option<String>,
    pub html_body: Option<String>,
}

/// A message that has arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'m> {
    /// Its header.
    pub header: &'m [u8],
    pub reverse_path: &'m ReversePath,
    /// The addresses of the account, and that to which the message came.
    pub own: &'m [Address],
}

/// Why no reply is sent. The first reason found is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoReply {
    /// RFC 3834 §2: there is nobody to answer.
    NullReversePath,
    /// RFC 5230 §4.6: nobody reads what is sent to such an address.
    SystemAddress,
    /// It comes from the account itself.
    Own,
    /// RFC 3834 §2, §5: it was sent by a machine, or asks for no automatic replies.
    AutoSubmitted,
    /// RFC 5230 §4.6: it came from a list.
    List,
    /// It says that it was sent to many, or is junk (RFC 3834 §2).
    Precedence,
    /// RFC 5230 §4.5: no address of the account is among its recipients.
    NotToUs,
}

impl Vacation {
    /// Whether messages that arrive at `now` are answered (RFC 8621 §8).
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.is_enabled
            && self.from_date.is_none_or(|from| from <= now)
            && self.to_date.is_none_or(|to| now < to)
    }

    /// The reply to a message with this header, which comes from `from` and goes to `to`.
    pub fn reply(
        &self,
        header: &[u8],
        from: &EmailAddress,
        to: &Address,
        given: &Given<'_>,
    ) -> Result<Vec<u8>, BuildError> {
        let to = EmailAddress { name: None, email: to.to_string() };
        let text = |property: &str, value: String| setting(property, HeaderValue::Text(value));
        let mut headers = vec![
            setting("From", HeaderValue::Addresses(vec![from.clone()])),
            setting("To", HeaderValue::Addresses(vec![to])),
            text("Subject", self.subject_for(header)),
            // RFC 3834 §3.1.7, RFC 5230 §5.6
            text("Auto-Submitted", "auto-replied".to_owned()),
        ];
        headers.extend(threading(header));
        let mut values = BTreeMap::new();
        let mut body = |id: &str, subtype: &str, value: Option<String>| {
            let part = value.map(|value| {
                values.insert(id.to_owned(), BodyValue { value, ..BodyValue::default() });
                let media_type = Some(format!("text/{subtype}"));
                PartForm { part_id: Some(id.to_owned()), media_type, ..PartForm::default() }
            });
            part.map(|part| vec![part])
        };
        let text_body = body("text", "plain", Some(self.text()));
        let html_body = body("html", "html", self.html_body.clone());
        let form = EmailForm { headers, text_body, html_body, body_values: values, ..EmailForm::default() };
        build(&form, given, &mut |_| None)
    }

    /// RFC 5230 §5.3, RFC 3834 §3.1.5.
    fn subject_for(&self, header: &[u8]) -> String {
        if let Some(subject) = &self.subject {
            return line(subject);
        }
        let answered = match form::last(header, "Subject", HeaderForm::Text) {
            Some(HeaderValue::Text(subject)) => line(&subject),
            _ => String::new(),
        };
        if answered.is_empty() {
            return SUBJECT.to_owned();
        }
        let cut: String = answered.chars().take(SUBJECT_CHARS_MAX).collect();
        format!("Auto: {cut}")
    }

    /// RFC 8621 §8: without a text it is made of the HTML, without either it is ours.
    fn text(&self) -> String {
        if let Some(text) = &self.text_body {
            return text.clone();
        }
        let Some(page) = &self.html_body else { return TEXT.to_owned() };
        html::text(page)
    }
}

/// To whom a reply to the message goes, or why none is sent.
pub fn reply_to<'m>(arrived: &Arrived<'m>) -> Result<&'m Address, NoReply> {
    let ReversePath::Address(sender) = arrived.reverse_path else { return Err(NoReply::NullReversePath) };
    if is_system_address(sender) {
        return Err(NoReply::SystemAddress);
    }
    let is_own = |address: &Address| arrived.own.iter().any(|own| own.account_key() == address.account_key());
    if is_own(sender) {
        return Err(NoReply::Own);
    }
    let mut to_us = false;
    for field in Fields::new(arrived.header) {
        refuse(&field)?;
        to_us = to_us || (is_recipient_field(&field) && names(&field, &is_own));
    }
    if to_us { Ok(sender) } else { Err(NoReply::NotToUs) }
}

/// RFC 5230 §4.6, RFC 3834 §2: addresses that automatons send from. Not postmaster, whom people read.
fn is_system_address(address: &Address) -> bool {
    const NAMES: &[&str] = &[
        "mailer-daemon",
        "listserv",
        "majordomo",
        "mailman",
        "noreply",
        "no-reply",
        "no_reply",
        "donotreply",
        "do-not-reply",
        "do_not_reply",
        "bounce",
        "bounces",
    ];
    let local = address.local().to_lowercase();
    let base = local.split('+').next().unwrap_or_default();
    NAMES.contains(&base)
        || local.starts_with("owner-")
        || ["-request", "-owner", "-bounces"].iter().any(|end| base.ends_with(end))
}

/// What a field has against a reply.
fn refuse(field: &Field<'_>) -> Result<(), NoReply> {
    const LIST_FIELDS: [&[u8]; 7] = [
        b"List-Id",
        b"List-Help",
        b"List-Subscribe",
        b"List-Unsubscribe",
        b"List-Post",
        b"List-Owner",
        b"List-Archive",
    ];
    if LIST_FIELDS.iter().any(|name| field.is(name)) {
        return Err(NoReply::List);
    }
    let word = || first_word(field.value);
    if field.is(b"Auto-Submitted") && word() != "no" {
        return Err(NoReply::AutoSubmitted);
    }
    // What many senders of notices say instead: none at all, or none in absence.
    if field.is(b"X-Auto-Response-Suppress") {
        let value = String::from_utf8_lossy(field.value).to_ascii_lowercase();
        let mut words = value.split(|c: char| !c.is_ascii_alphanumeric());
        if words.any(|word| matches!(word, "all" | "oof" | "autoreply")) {
            return Err(NoReply::AutoSubmitted);
        }
    }
    if field.is(b"Precedence") && matches!(word().as_str(), "list" | "bulk" | "junk" | "auto_reply") {
        return Err(NoReply::Precedence);
    }
    Ok(())
}

/// The first token of a value, comments passed over (RFC 3834 §5.1), in lower case.
fn first_word(value: &[u8]) -> String {
    let mut lexer = Lexer::new(value);
    lexer.skip_cfws();
    String::from_utf8_lossy(lexer.run(is_token)).to_ascii_lowercase()
}

/// RFC 5230 §4.5.
fn is_recipient_field(field: &Field<'_>) -> bool {
    let names: [&[u8]; 6] = [b"To", b"Cc", b"Bcc", b"Resent-To", b"Resent-Cc", b"Resent-Bcc"];
    names.iter().any(|name| field.is(name))
}

fn names(field: &Field<'_>, is_own: &dyn Fn(&Address) -> bool) -> bool {
    let list = form::addresses(field.value);
    list.iter().filter_map(|address| Address::parse(&address.email)).any(|address| is_own(&address))
}

/// In-Reply-To and References of a reply (RFC 5322 §3.6.4, RFC 5230 §5.8); none without a Message-ID.
pub(crate) fn threading(header: &[u8]) -> Vec<HeaderSetting> {
    let ids = |name: &str| match form::last(header, name, HeaderForm::MessageIds) {
        Some(HeaderValue::MessageIds(Some(ids))) => ids,
        _ => Vec::new(),
    };
    let Some(id) = ids("Message-ID").into_iter().find(|id| is_writable(id)) else { return Vec::new() };
    let mut references = ids("References");
    let in_reply_to = ids("In-Reply-To");
    if references.is_empty() && in_reply_to.len() == 1 {
        references = in_reply_to;
    }
    references.retain(|id| is_writable(id));
    references.push(id.clone());
    if references.len() > REFERENCES_MAX {
        references.drain(1..references.len() + 1 - REFERENCES_MAX);
    }
    vec![
        setting("In-Reply-To", HeaderValue::MessageIds(Some(vec![id]))),
        setting("References", HeaderValue::MessageIds(Some(references))),
    ]
}

fn is_writable(id: &str) -> bool {
    id.len() <= 500 && id.bytes().all(|octet| octet.is_ascii_graphic())
}

pub(crate) fn setting(field: &str, value: HeaderValue) -> HeaderSetting {
    HeaderSetting {
        property: field.to_owned(),
        field: field.to_owned(),
        form: value.form(),
        values: vec![value],
    }
}

/// Without line ends and other control characters.
pub(crate) fn line(text: &str) -> String {
    collapsed(text)
}

#[cfg(test)]
mod tests;
