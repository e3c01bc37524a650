//! What a signet says of its holder besides the keys: names of the fields, and reading them as text.

use crate::field::{Field, UNDEFINED};

/// One field of details.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detail {
    pub name: DetailName,
    pub data: Vec<u8>,
}

/// Which field it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DetailName {
    /// By its number, 16 to 252 but 251.
    Number(u8),
    /// By a name of its own, at most 255 octets (field 251).
    Own(String),
}

impl Detail {
    /// A field with a text.
    #[must_use]
    pub fn text(number: u8, text: &str) -> Self {
        Self { name: DetailName::Number(number), data: text.as_bytes().to_vec() }
    }
    pub(super) fn id(&self) -> u8 {
        match self.name {
            DetailName::Number(number) => number,
            DetailName::Own(_) => UNDEFINED,
        }
    }
    pub(super) fn field(&self) -> Field<'_> {
        let name = match &self.name {
            DetailName::Number(_) => "",
            DetailName::Own(name) => name,
        };
        Field { id: self.id(), name: name.as_bytes(), data: &self.data }
    }
    /// `None` when it is no detail, or its own name is not UTF-8.
    pub(super) fn of(field: &Field<'_>) -> Option<Self> {
        let name = match field.id {
            UNDEFINED => DetailName::Own(std::str::from_utf8(field.name).ok()?.to_owned()),
            number @ 16..=252 => DetailName::Number(number),
            _ => return None,
        };
        Some(Self { name, data: field.data.to_vec() })
    }
}

/// Number, name, and whether organisations (`o`), users (`u`) or both have it.
pub const NAMES: &[Named] = &[
    Named(16, "Name", "ou"),
    Named(17, "Address", "ou"),
    Named(18, "Province", "ou"),
    Named(19, "Country", "ou"),
    Named(20, "Postal-Code", "ou"),
    Named(21, "Phone-Number", "ou"),
    Named(22, "Language", "ou"),
    Named(23, "Currency", "ou"),
    Named(24, "Cryptocurrency", "ou"),
    Named(25, "Motto", "ou"),
    Named(26, "Extensions", "ou"),
    Named(27, "Message-Size-Limit", "ou"),
    Named(93, "Supported-Codecs", "u"),
    Named(94, "Title", "u"),
    Named(95, "Employer", "u"),
    Named(96, "Gender", "u"),
    Named(97, "Alma-Mater", "u"),
    Named(98, "Supervisor", "u"),
    Named(99, "Political-Party", "u"),
    Named(160, "Website", "ou"),
    Named(200, "Contact-Abuse", "o"),
    Named(200, "Alternate-Address", "u"),
    Named(201, "Contact-Admin", "o"),
    Named(201, "Resume", "u"),
    Named(202, "Contact-Support", "o"),
    Named(202, "Endorsements", "u"),
    Named(203, "Web-Access-Host", "o"),
    Named(204, "Web-Access-Location", "o"),
    Named(205, "Web-Access-Certificate", "o"),
    Named(206, "Mail-Access-Host", "o"),
    Named(207, "Mail-Access-Certificate", "o"),
    Named(208, "Onion-Access-Host", "o"),
    Named(209, "Onion-Access-Certificate", "o"),
    Named(210, "Onion-Delivery-Host", "o"),
    Named(211, "Onion-Delivery-Certificate", "o"),
    Named(252, "Photo", "ou"),
];

/// A row of [`NAMES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Named(pub u8, pub &'static str, pub &'static str);
