//! Errors of one record in /set, /copy, import and their like (RFC 8620 §5.3): one enum with every name there
//! is, each with the members it must have.

use super::id::Id;
use super::json::{Slot, ToJson};

/// Why one record was not created, updated or destroyed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetError {
    pub kind: SetErrorKind,
    /// For whoever wrote the client; of `forbiddenToSend` also for the user (RFC 8621 §7.5).
    pub description: Option<Box<str>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetErrorKind {
    Forbidden,
    OverQuota,
    /// With the largest size there may be where it is known; EmailSubmission must say it (RFC 8621 §7.5).
    TooLarge {
        max_size: Option<u64>,
    },
    RateLimit,
    NotFound,
    InvalidPatch,
    WillDestroy,
    /// Every property that is wrong.
    InvalidProperties {
        properties: Vec<Box<str>>,
    },
    Singleton,
    /// RFC 8620 §5.4 and RFC 8621 §4.8.
    AlreadyExists {
        existing_id: Id,
    },
    /// RFC 8621 §2.5.
    MailboxHasChild,
    /// RFC 8621 §2.5.
    MailboxHasEmail,
    /// RFC 8621 §4.6: every blob that an EmailBodyPart refers to in vain.
    BlobNotFound {
        not_found: Vec<Id>,
    },
    /// RFC 8621 §4.6.
    TooManyKeywords,
    /// RFC 8621 §4.6.
    TooManyMailboxes,
    /// RFC 8621 §4.8 (nothing to list) and RFC 8621 §7.5 (every property of the Email that is wrong).
    InvalidEmail {
        properties: Vec<Box<str>>,
    },
    /// RFC 8621 §7.5.
    TooManyRecipients {
        max_recipients: u64,
    },
    /// RFC 8621 §7.5.
    NoRecipients,
    /// RFC 8621 §7.5.
    InvalidRecipients {
        invalid_recipients: Vec<Box<str>>,
    },
    /// RFC 8621 §7.5.
    ForbiddenMailFrom,
    /// RFC 8621 §6.3, RFC 8621 §7.5 and RFC 9007 §2.1.
    ForbiddenFrom,
    /// RFC 8621 §7.5.
    ForbiddenToSend,
    /// RFC 8621 §7.5.
    CannotUnsend,
    /// RFC 9007 §2.1.
    MdnAlreadySent,
}

impl SetError {
    pub fn described(kind: SetErrorKind, description: impl Into<Box<str>>) -> Self {
        Self { kind, description: Some(description.into()) }
    }
    /// One wrong property, and what is wrong with it.
    pub fn invalid_property(property: impl Into<Box<str>>, description: impl Into<Box<str>>) -> Self {
        let kind = SetErrorKind::InvalidProperties { properties: vec![property.into()] };
        Self::described(kind, description)
    }
    pub fn invalid_patch(description: impl Into<Box<str>>) -> Self {
        Self::described(SetErrorKind::InvalidPatch, description)
    }
}

impl From<SetErrorKind> for SetError {
    fn from(kind: SetErrorKind) -> Self {
        Self { kind, description: None }
    }
}

impl SetErrorKind {
    /// The value of `type`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::OverQuota => "overQuota",
            Self::TooLarge { .. } => "tooLarge",
            Self::RateLimit => "rateLimit",
            Self::NotFound => "notFound",
            Self::InvalidPatch => "invalidPatch",
            Self::WillDestroy => "willDestroy",
            Self::InvalidProperties { .. } => "invalidProperties",
            Self::Singleton => "singleton",
            Self::AlreadyExists { .. } => "alreadyExists",
            Self::MailboxHasChild => "mailboxHasChild",
            Self::MailboxHasEmail => "mailboxHasEmail",
            Self::BlobNotFound { .. } => "blobNotFound",
            Self::TooManyKeywords => "tooManyKeywords",
            Self::TooManyMailboxes => "tooManyMailboxes",
            Self::InvalidEmail { .. } => "invalidEmail",
            Self::TooManyRecipients { .. } => "tooManyRecipients",
            Self::NoRecipients => "noRecipients",
            Self::InvalidRecipients { .. } => "invalidRecipients",
            Self::ForbiddenMailFrom => "forbiddenMailFrom",
            Self::ForbiddenFrom => "forbiddenFrom",
            Self::ForbiddenToSend => "forbiddenToSend",
            Self::CannotUnsend => "cannotUnsend",
            Self::MdnAlreadySent => "mdnAlreadySent",
        }
    }
}

impl ToJson for SetError {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("type", self.kind.name());
            object.put_some("description", self.description.as_ref());
            match &self.kind {
                SetErrorKind::TooLarge { max_size } => object.put_some("maxSize", max_size.as_ref()),
                SetErrorKind::InvalidProperties { properties } => object.put("properties", properties),
                SetErrorKind::InvalidEmail { properties } if properties.is_empty() => {}
                SetErrorKind::InvalidEmail { properties } => object.put("properties", properties),
                SetErrorKind::AlreadyExists { existing_id } => object.put("existingId", existing_id),
                SetErrorKind::BlobNotFound { not_found } => object.put("notFound", not_found),
                SetErrorKind::TooManyRecipients { max_recipients } => {
                    object.put("maxRecipients", max_recipients);
                }
                SetErrorKind::InvalidRecipients { invalid_recipients } => {
                    object.put("invalidRecipients", invalid_recipients);
                }
                _ => {}
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::json::Raw;

    /// spec: RFC 8620 §5.3; RFC 8620 §5.4; RFC 8621 §2.5; RFC 8621 §4.6; RFC 8621 §4.8; RFC 8621 §6.3;
    /// RFC 8621 §7.5; RFC 9007 §2.1
    #[test]
    fn every_error_has_its_name_and_members() {
        let texts = |text: &str| vec![Box::<str>::from(text)];
        let id = Id::parse("e1").unwrap();
        let known = [
            (SetErrorKind::Forbidden, r#"{"type":"forbidden"}"#),
            (SetErrorKind::OverQuota, r#"{"type":"overQuota"}"#),
            (SetErrorKind::TooLarge { max_size: None }, r#"{"type":"tooLarge"}"#),
            (SetErrorKind::TooLarge { max_size: Some(9) }, r#"{"type":"tooLarge","maxSize":9}"#),
            (SetErrorKind::RateLimit, r#"{"type":"rateLimit"}"#),
            (SetErrorKind::NotFound, r#"{"type":"notFound"}"#),
            (SetErrorKind::InvalidPatch, r#"{"type":"invalidPatch"}"#),
            (SetErrorKind::WillDestroy, r#"{"type":"willDestroy"}"#),
            (
                SetErrorKind::InvalidProperties { properties: texts("name") },
                r#"{"type":"invalidProperties","properties":["name"]}"#,
            ),
            (SetErrorKind::Singleton, r#"{"type":"singleton"}"#),
            (
                SetErrorKind::AlreadyExists { existing_id: id.clone() },
                r#"{"type":"alreadyExists","existingId":"e1"}"#,
            ),
            (SetErrorKind::MailboxHasChild, r#"{"type":"mailboxHasChild"}"#),
            (SetErrorKind::MailboxHasEmail, r#"{"type":"mailboxHasEmail"}"#),
            (
                SetErrorKind::BlobNotFound { not_found: vec![id] },
                r#"{"type":"blobNotFound","notFound":["e1"]}"#,
            ),
            (SetErrorKind::TooManyKeywords, r#"{"type":"tooManyKeywords"}"#),
            (SetErrorKind::TooManyMailboxes, r#"{"type":"tooManyMailboxes"}"#),
            (SetErrorKind::InvalidEmail { properties: Vec::new() }, r#"{"type":"invalidEmail"}"#),
            (
                SetErrorKind::InvalidEmail { properties: texts("from") },
                r#"{"type":"invalidEmail","properties":["from"]}"#,
            ),
            (
                SetErrorKind::TooManyRecipients { max_recipients: 100 },
                r#"{"type":"tooManyRecipients","maxRecipients":100}"#,
            ),
            (SetErrorKind::NoRecipients, r#"{"type":"noRecipients"}"#),
            (
                SetErrorKind::InvalidRecipients { invalid_recipients: texts("a@") },
                r#"{"type":"invalidRecipients","invalidRecipients":["a@"]}"#,
            ),
            (SetErrorKind::ForbiddenMailFrom, r#"{"type":"forbiddenMailFrom"}"#),
            (SetErrorKind::ForbiddenFrom, r#"{"type":"forbiddenFrom"}"#),
            (SetErrorKind::ForbiddenToSend, r#"{"type":"forbiddenToSend"}"#),
            (SetErrorKind::CannotUnsend, r#"{"type":"cannotUnsend"}"#),
            (SetErrorKind::MdnAlreadySent, r#"{"type":"mdnAlreadySent"}"#),
        ];
        for (kind, expected) in known {
            assert_eq!(Raw::of(&SetError::from(kind)).as_str(), expected);
        }
        let described = SetError::invalid_property("role", "there is no such role");
        assert_eq!(
            Raw::of(&described).as_str(),
            r#"{"type":"invalidProperties","description":"there is no such role","properties":["role"]}"#
        );
    }
}
