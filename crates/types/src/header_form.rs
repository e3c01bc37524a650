//! The forms in which a header field is shown and set (RFC 8621 §4.1.2), and which form is for which field.
//!
//! Reading and writing the forms is `message`'s work; the syntax of property names is `proto`'s.

/// A form of a header field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum HeaderForm {
    #[default]
    Raw,
    Text,
    Addresses,
    GroupedAddresses,
    MessageIds,
    Date,
    Urls,
}

impl HeaderForm {
    pub const ALL: [Self; 7] = [
        Self::Raw,
        Self::Text,
        Self::Addresses,
        Self::GroupedAddresses,
        Self::MessageIds,
        Self::Date,
        Self::Urls,
    ];

    /// As it stands behind `:as` in the name of a property (RFC 8621 §4.1.3).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "Raw",
            Self::Text => "Text",
            Self::Addresses => "Addresses",
            Self::GroupedAddresses => "GroupedAddresses",
            Self::MessageIds => "MessageIds",
            Self::Date => "Date",
            Self::Urls => "URLs",
        }
    }
    /// The form of this name; case counts, as it does everywhere in JSON.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }
    /// Whether a field of this name, in any case of ASCII, may be fetched and set in this form. RFC 8621
    /// §4.1.2.1: every field has the raw form; a field not defined in RFC 5322 or RFC 2369 has them all.
    #[must_use]
    pub fn is_for(self, field: &str) -> bool {
        match (self, Kind::of(field)) {
            (Self::Raw, _) | (_, Kind::Open) => true,
            (Self::Text, kind) => kind == Kind::Text,
            (Self::Addresses | Self::GroupedAddresses, kind) => kind == Kind::Addresses,
            (Self::MessageIds, kind) => kind == Kind::MessageIds,
            (Self::Date, kind) => kind == Kind::Date,
            (Self::Urls, kind) => kind == Kind::Urls,
        }
    }
}

/// What RFC 5322 §3.6 and RFC 2369 §3 say a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Addresses,
    MessageIds,
    Date,
    Urls,
    /// A syntax of its own: only the raw form.
    Trace,
    /// Defined elsewhere or nowhere.
    Open,
}

impl Kind {
    fn of(field: &str) -> Self {
        let is_in = |(names, _): &(&[&str], Self)| names.iter().any(|name| name.eq_ignore_ascii_case(field));
        FIELDS.iter().find(|row| is_in(row)).map_or(Self::Open, |row| row.1)
    }
}

/// The fields of RFC 5322 §3.6 and §4.5, and of RFC 2369 §3.
const FIELDS: &[(&[&str], Kind)] = &[
    (&["Subject", "Comments", "Keywords"], Kind::Text),
    (
        &[
            "From",
            "Sender",
            "Reply-To",
            "To",
            "Cc",
            "Bcc",
            "Resent-From",
            "Resent-Sender",
            "Resent-Reply-To",
            "Resent-To",
            "Resent-Cc",
            "Resent-Bcc",
        ],
        Kind::Addresses,
    ),
    (&["Message-ID", "In-Reply-To", "References", "Resent-Message-ID"], Kind::MessageIds),
    (&["Date", "Resent-Date"], Kind::Date),
    (
        &["List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post", "List-Owner", "List-Archive"],
        Kind::Urls,
    ),
    (&["Return-Path", "Received"], Kind::Trace),
];

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 8621 §4.1.2.1; RFC 8621 §4.1.2.2; RFC 8621 §4.1.2.3; RFC 8621 §4.1.2.4
    // spec: RFC 8621 §4.1.2.5; RFC 8621 §4.1.2.6; RFC 8621 §4.1.2.7
    #[test]
    fn forms_are_for_the_fields_they_make_sense_of() {
        use HeaderForm::{Addresses, Date, GroupedAddresses, MessageIds, Raw, Text, Urls};
        let table: [(&str, &[HeaderForm]); 14] = [
            ("subject", &[Raw, Text]),
            ("Comments", &[Raw, Text]),
            ("KEYWORDS", &[Raw, Text]),
            ("from", &[Raw, Addresses, GroupedAddresses]),
            ("Resent-Reply-To", &[Raw, Addresses, GroupedAddresses]),
            ("resent-bcc", &[Raw, Addresses, GroupedAddresses]),
            ("message-id", &[Raw, MessageIds]),
            ("References", &[Raw, MessageIds]),
            ("Date", &[Raw, Date]),
            ("List-Post", &[Raw, Urls]),
            ("Received", &[Raw]),
            ("return-path", &[Raw]),
            ("List-Id", &HeaderForm::ALL),
            ("X-Anything", &HeaderForm::ALL),
        ];
        for (field, forms) in table {
            for form in HeaderForm::ALL {
                assert_eq!(form.is_for(field), forms.contains(&form), "{field} {form:?}");
            }
        }
    }

    // spec: RFC 8621 §4.1.3
    #[test]
    fn names_are_read_as_they_are_written() {
        for form in HeaderForm::ALL {
            assert_eq!(HeaderForm::of_name(form.name()), Some(form));
        }
        assert_eq!(HeaderForm::of_name("Urls"), None);
        assert_eq!(HeaderForm::of_name("text"), None);
    }
}
