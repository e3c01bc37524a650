//! SIGNET and REALM responses (DMAP-00 §7.5).

use super::key::push_part;
use crate::dmap::command::{serial, words};
use crate::dmap::id::{
    Fingerprint, Label, SignetAddress, address, base64url_encode, fingerprint, label, octets64,
};
use crate::dmap::text::{self, nbin, push_list, push_text};
use crate::line::date::{DateTime, date_time, push_date_time};
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::string::push_utf8;

/// A signet of the signet ring. LISTSIGNETS says no items.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signet {
    pub address: SignetAddress,
    pub fingerprint: Fingerprint,
    pub items: Vec<SignetItem>,
}

/// One item; `None` for a part that is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignetItem {
    /// The signet.
    Data(Option<Vec<u8>>),
    /// The signet of the organisation that signed it.
    Org(Option<Vec<u8>>),
    /// The management record of its domain, as it stands in the DNS.
    Record(Option<Box<str>>),
    Meta(Option<Vec<u8>>),
    Fetched(DateTime),
    Status(SignetState),
    Source(Source),
    /// What the server has verified.
    Validation(Vec<Check>),
}

words! {
    /// Whether it is still the one to encrypt to.
    SignetState {
        Current = "CURRENT",
        /// There is a newer one.
        Update = "UPDATE",
        Unknown = "UNKNOWN",
    }
}

words! {
    /// Where the server has it from.
    Source {
        Ring = "RING",
        Cache = "CACHE",
        Dmtp = "DMTP",
        /// It is one of this server's own.
        Local = "LOCAL",
    }
}

words! {
    /// Something the server has verified.
    Check {
        /// Its own signature.
        SelfSigned = "SELF",
        /// The signature of the organisation.
        Organisation = "ORG",
        /// The chain of custody from an older one.
        ChainOfCustody = "COC",
        Dnssec = "DNSSEC",
        Tls = "TLS",
    }
}

/// ```abnf
/// signet-resp = "SIGNET" SP address SP fingerprint [SP "(" sig-att *(SP sig-att) ")"]
/// ```
pub(super) fn signet(cursor: &mut Cursor<'_>) -> Result<Signet, SyntaxError> {
    cursor.space()?;
    let address = address(cursor)?;
    cursor.space()?;
    let fingerprint = fingerprint(cursor)?;
    let items = text::optional(cursor, |cursor| cursor.list(item))?.unwrap_or_default();
    Ok(Signet { address, fingerprint, items })
}

/// ```abnf
/// sig-att = "DATA" SP nbin / "ORG" SP nbin / "RECORD" SP nstring / "META" SP nbin / "FETCHED" SP date-time /
///           "STATUS" SP ("CURRENT" / "UPDATE" / "UNKNOWN") / "SOURCE" SP ("RING" / "CACHE" / "DMTP" / "LOCAL") /
///           "VALIDATION" SP "(" [atom *(SP atom)] ")"         ; SELF ORG COC DNSSEC TLS
/// ```
fn item(cursor: &mut Cursor<'_>) -> Result<SignetItem, SyntaxError> {
    let before = cursor.error("unknown item of a signet");
    let name = cursor.atom(before.what)?.to_ascii_uppercase();
    cursor.space()?;
    match name.as_str() {
        "DATA" => nbin(cursor, usize::MAX, "").map(SignetItem::Data),
        "ORG" => nbin(cursor, usize::MAX, "").map(SignetItem::Org),
        "META" => nbin(cursor, usize::MAX, "").map(SignetItem::Meta),
        "RECORD" => {
            let text = cursor.nstring()?;
            Ok(SignetItem::Record(text.map(|text| String::from_utf8_lossy(&text).into())))
        }
        "FETCHED" => date_time(cursor).map(SignetItem::Fetched),
        "STATUS" => {
            let before = cursor.error("unknown state of a signet");
            SignetState::parse(cursor.atom(before.what)?).map(SignetItem::Status).ok_or(before)
        }
        "SOURCE" => {
            let before = cursor.error("unknown source of a signet");
            Source::parse(cursor.atom(before.what)?).map(SignetItem::Source).ok_or(before)
        }
        "VALIDATION" => {
            // A check that is not known here cannot be relied on.
            let checks = cursor.list_or_empty(|cursor| cursor.atom("expected a check").map(Check::parse))?;
            Ok(SignetItem::Validation(checks.into_iter().flatten().collect()))
        }
        _ => Err(before),
    }
}

impl Signet {
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SIGNET ");
        push_text(&self.address.written(), out);
        out.extend_from_slice(format!(" {}", self.fingerprint).as_bytes());
        if !self.items.is_empty() {
            out.push(b' ');
            push_list(&self.items, |item, out| item.push(out), out);
        }
    }
}

impl SignetItem {
    fn push(&self, out: &mut Vec<u8>) {
        match self {
            Self::Data(octets) => push_part("DATA ", octets.as_deref(), out),
            Self::Org(octets) => push_part("ORG ", octets.as_deref(), out),
            Self::Meta(octets) => push_part("META ", octets.as_deref(), out),
            Self::Record(None) => out.extend_from_slice(b"RECORD NIL"),
            Self::Record(Some(text)) => {
                out.extend_from_slice(b"RECORD ");
                push_utf8(text, out);
            }
            Self::Fetched(date) => {
                out.extend_from_slice(b"FETCHED ");
                push_date_time(*date, out);
            }
            Self::Status(state) => out.extend_from_slice(format!("STATUS {}", state.name()).as_bytes()),
            Self::Source(source) => out.extend_from_slice(format!("SOURCE {}", source.name()).as_bytes()),
            Self::Validation(checks) => {
                out.extend_from_slice(b"VALIDATION ");
                push_list(checks, |check, out| out.extend_from_slice(check.name().as_bytes()), out);
            }
        }
    }
}

/// A realm: what its key is derived with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Realm {
    pub label: Label,
    pub serial: u16,
    pub form: ShardForm,
    pub shard: [u8; 64],
}

words! {
    /// How the key of a realm is derived.
    ShardForm {
        /// From the salt, the shard joined to the result: the form of today.
        Salt = "SALT",
        /// From the shard.
        Shard = "SHARD",
    }
}

/// ```abnf
/// realm-resp = "REALM" SP label SP number SP ("SALT" / "SHARD") SP b64u
/// ```
pub(super) fn realm(cursor: &mut Cursor<'_>) -> Result<Realm, SyntaxError> {
    cursor.space()?;
    let label = label(cursor)?;
    cursor.space()?;
    let serial = serial(cursor)?;
    cursor.space()?;
    let before = cursor.error("expected SALT or SHARD");
    let form = ShardForm::parse(cursor.atom(before.what)?).ok_or(before)?;
    cursor.space()?;
    let shard = octets64(cursor, "expected a shard of 64 octets in base64url")?;
    Ok(Realm { label, serial, form, shard })
}

impl Realm {
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        let Self { label, serial, form, shard } = self;
        let shard = base64url_encode(shard);
        out.extend_from_slice(
            format!("REALM {} {serial} {} {shard}", label.as_str(), form.name()).as_bytes(),
        );
    }
}
