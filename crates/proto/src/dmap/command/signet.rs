//! The signet ring: GETSIGNET, ADDSIGNET, DELETESIGNET, LISTSIGNETS (DMAP-00 §7.5).

use koi_types::limits;

use super::list::pattern;
use super::mailbox::{MetaChange, meta_change};
use super::{Command, Encoded};
use crate::dmap::id::{Fingerprint, SignetAddress, address, fingerprint};
use crate::dmap::text;
use crate::line::lex::{Cursor, SyntaxError};

/// GETSIGNET.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetSignet {
    pub address: SignetAddress,
    pub version: Version,
    pub lookup: Lookup,
}

/// Which of the signets an address has had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    Current,
    /// The one with this fingerprint.
    Fingerprint(Fingerprint),
    /// All of them.
    History,
}

/// Where it is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lookup {
    /// In the ring and, when it is not fresh, over the network.
    Usual,
    /// Verified over the network whatever is in the ring.
    Refresh,
    /// In the ring alone.
    Ring,
}

/// ADDSIGNET.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddSignet {
    pub address: SignetAddress,
    /// At most `DMAP_SIGNET_OCTETS_MAX` octets.
    pub signet: Vec<u8>,
    pub meta: Option<MetaChange>,
}

/// ```abnf
/// getsignet  = "GETSIGNET" SP address [SP "(" getsig-opt *(SP getsig-opt) ")"]
/// getsig-opt = "FINGERPRINT" SP fingerprint / "REFRESH" / "RING" / "HISTORY"
/// ```
pub(super) fn get(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let address = address(cursor)?;
    let (mut version, mut lookup) = (None, None);
    text::options(cursor, false, |cursor| {
        let before = cursor.error("unknown GETSIGNET option");
        match cursor.atom("expected an option")?.to_ascii_uppercase().as_str() {
            "FINGERPRINT" => {
                cursor.space()?;
                text::once(&mut version, Version::Fingerprint(fingerprint(cursor)?), before)
            }
            "HISTORY" => text::once(&mut version, Version::History, before),
            "REFRESH" => text::once(&mut lookup, Lookup::Refresh, before),
            "RING" => text::once(&mut lookup, Lookup::Ring, before),
            _ => Err(before),
        }
    })?;
    let (version, lookup) = (version.unwrap_or(Version::Current), lookup.unwrap_or(Lookup::Usual));
    Ok(Command::GetSignet(GetSignet { address, version, lookup }))
}

impl GetSignet {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.with_name("GETSIGNET ", &self.address.written());
        let version = match self.version {
            Version::Current => None,
            Version::Fingerprint(fingerprint) => Some(format!("FINGERPRINT {fingerprint}")),
            Version::History => Some("HISTORY".to_owned()),
        };
        let lookup = match self.lookup {
            Lookup::Usual => None,
            Lookup::Refresh => Some("REFRESH".to_owned()),
            Lookup::Ring => Some("RING".to_owned()),
        };
        let options: Vec<String> = [version, lookup].into_iter().flatten().collect();
        if !options.is_empty() {
            out.push(&format!(" ({})", options.join(" ")));
        }
    }
}

/// ```abnf
/// addsignet = "ADDSIGNET" SP address SP literal8 [SP "META" SP nbin]
/// ```
pub(super) fn add(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let address = address(cursor)?;
    cursor.space()?;
    let signet = text::literal8(cursor, limits::DMAP_SIGNET_OCTETS_MAX, "signet is too large")?;
    let meta = match cursor.take_word(" META ") {
        true => Some(meta_change(cursor)?),
        false => None,
    };
    Ok(Command::AddSignet(AddSignet { address, signet, meta }))
}

impl AddSignet {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.with_name("ADDSIGNET ", &self.address.written());
        out.push(" ");
        out.literal8(&self.signet);
        if let Some(meta) = &self.meta {
            out.push(" META ");
            out.nbin(meta.octets());
        }
    }
}

/// ```abnf
/// deletesignet = "DELETESIGNET" SP address [SP fingerprint]
/// ```
pub(super) fn delete(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let address = address(cursor)?;
    Ok(Command::DeleteSignet { address, fingerprint: text::optional(cursor, fingerprint)? })
}

/// ```abnf
/// listsignets = "LISTSIGNETS" SP list-mailbox     ; "*" any, "%" any but "@"
/// ```
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    Ok(Command::ListSignets { pattern: pattern(cursor)? })
}
