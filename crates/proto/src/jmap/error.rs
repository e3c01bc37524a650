//! Method-level errors (RFC 8620 §3.6.2 and those of the standard methods): one enum with every name.

use super::json::{ObjectWriter, Slot, ToJson};
use super::reference::Unresolved;

/// Why a call failed as a whole. But for [`MethodError::ServerPartialFail`] nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MethodError {
    /// Something inside is not there for the moment.
    ServerUnavailable,
    ServerFail {
        description: Box<str>,
    },
    ServerPartialFail,
    UnknownMethod,
    InvalidArguments {
        description: Box<str>,
    },
    InvalidResultReference {
        description: Box<str>,
    },
    Forbidden,
    AccountNotFound,
    AccountNotSupportedByMethod,
    AccountReadOnly,
    /// RFC 8620 §5.1 and RFC 8620 §5.3: more objects than are processed in one call.
    RequestTooLarge,
    /// RFC 8620 §5.2 and RFC 8620 §5.6.
    CannotCalculateChanges,
    /// RFC 8620 §5.3.
    StateMismatch,
    /// RFC 8620 §5.4.
    FromAccountNotFound,
    /// RFC 8620 §5.4.
    FromAccountNotSupportedByMethod,
    /// RFC 8620 §5.5.
    AnchorNotFound,
    /// RFC 8620 §5.5.
    UnsupportedSort {
        description: Box<str>,
    },
    /// RFC 8620 §5.5.
    UnsupportedFilter {
        description: Box<str>,
    },
    /// RFC 8620 §5.6.
    TooManyChanges,
    /// RFC 9404 §4.3.
    UnknownDataType {
        description: Box<str>,
    },
    /// Of the dialect of 2018 alone (`legacy`).
    InvalidUrl,
}

impl MethodError {
    /// An argument is wrong; says what and where, for whoever wrote the client.
    pub fn invalid(description: impl Into<Box<str>>) -> Self {
        Self::InvalidArguments { description: description.into() }
    }

    /// The value of `type`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ServerUnavailable => "serverUnavailable",
            Self::ServerFail { .. } => "serverFail",
            Self::ServerPartialFail => "serverPartialFail",
            Self::UnknownMethod => "unknownMethod",
            Self::InvalidArguments { .. } => "invalidArguments",
            Self::InvalidResultReference { .. } => "invalidResultReference",
            Self::Forbidden => "forbidden",
            Self::AccountNotFound => "accountNotFound",
            Self::AccountNotSupportedByMethod => "accountNotSupportedByMethod",
            Self::AccountReadOnly => "accountReadOnly",
            Self::RequestTooLarge => "requestTooLarge",
            Self::CannotCalculateChanges => "cannotCalculateChanges",
            Self::StateMismatch => "stateMismatch",
            Self::FromAccountNotFound => "fromAccountNotFound",
            Self::FromAccountNotSupportedByMethod => "fromAccountNotSupportedByMethod",
            Self::AnchorNotFound => "anchorNotFound",
            Self::UnsupportedSort { .. } => "unsupportedSort",
            Self::UnsupportedFilter { .. } => "unsupportedFilter",
            Self::TooManyChanges => "tooManyChanges",
            Self::UnknownDataType { .. } => "unknownDataType",
            Self::InvalidUrl => "invalidUrl",
        }
    }

    #[must_use]
    pub const fn description(&self) -> Option<&str> {
        match self {
            Self::ServerFail { description }
            | Self::InvalidArguments { description }
            | Self::InvalidResultReference { description }
            | Self::UnsupportedSort { description }
            | Self::UnsupportedFilter { description }
            | Self::UnknownDataType { description } => Some(description),
            _ => None,
        }
    }

    /// The arguments of an `error` response.
    pub(super) fn arguments(&self, object: &mut ObjectWriter<'_>) {
        object.put("type", self.kind());
        object.put_some("description", self.description());
    }
}

impl ToJson for MethodError {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| self.arguments(object));
    }
}

impl From<Unresolved> for MethodError {
    fn from(why: Unresolved) -> Self {
        Self::InvalidResultReference { description: why.to_string().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::json::Raw;

    /// spec: RFC 8620 §3.6.2; RFC 8620 §5.1; RFC 8620 §5.2; RFC 8620 §5.3; RFC 8620 §5.4; RFC 8620 §5.5;
    /// RFC 8620 §5.6; RFC 8620 §9.5.3; RFC 9404 §6.2
    #[test]
    fn every_error_has_its_name() {
        let why = || Box::<str>::from("why");
        let known = [
            (MethodError::ServerUnavailable, r#"{"type":"serverUnavailable"}"#),
            (MethodError::ServerFail { description: why() }, r#"{"type":"serverFail","description":"why"}"#),
            (MethodError::ServerPartialFail, r#"{"type":"serverPartialFail"}"#),
            (MethodError::UnknownMethod, r#"{"type":"unknownMethod"}"#),
            (MethodError::invalid("why"), r#"{"type":"invalidArguments","description":"why"}"#),
            (
                MethodError::InvalidResultReference { description: why() },
                r#"{"type":"invalidResultReference","description":"why"}"#,
            ),
            (MethodError::Forbidden, r#"{"type":"forbidden"}"#),
            (MethodError::AccountNotFound, r#"{"type":"accountNotFound"}"#),
            (MethodError::AccountNotSupportedByMethod, r#"{"type":"accountNotSupportedByMethod"}"#),
            (MethodError::AccountReadOnly, r#"{"type":"accountReadOnly"}"#),
            (MethodError::RequestTooLarge, r#"{"type":"requestTooLarge"}"#),
            (MethodError::CannotCalculateChanges, r#"{"type":"cannotCalculateChanges"}"#),
            (MethodError::StateMismatch, r#"{"type":"stateMismatch"}"#),
            (MethodError::FromAccountNotFound, r#"{"type":"fromAccountNotFound"}"#),
            (MethodError::FromAccountNotSupportedByMethod, r#"{"type":"fromAccountNotSupportedByMethod"}"#),
            (MethodError::AnchorNotFound, r#"{"type":"anchorNotFound"}"#),
            (
                MethodError::UnsupportedSort { description: why() },
                r#"{"type":"unsupportedSort","description":"why"}"#,
            ),
            (
                MethodError::UnsupportedFilter { description: why() },
                r#"{"type":"unsupportedFilter","description":"why"}"#,
            ),
            (MethodError::TooManyChanges, r#"{"type":"tooManyChanges"}"#),
            (
                MethodError::UnknownDataType { description: why() },
                r#"{"type":"unknownDataType","description":"why"}"#,
            ),
        ];
        for (error, expected) in known {
            assert_eq!(Raw::of(&error).as_str(), expected);
        }
    }
}
