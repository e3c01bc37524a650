//! Realms, in whose keys clients encrypt for themselves, and the change of the password they derive from
//! (DMAP-00 §7.2.1 names STACIE and says no more).

use koi_types::limits;

use super::{Command, Encoded, Secret};
use crate::dmap::id::{Label, base64url, base64url_encode, label, octets64};
use crate::line::lex::{Cursor, SyntaxError};

/// ADDREALM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddRealm {
    pub label: Label,
    /// Which of the keys of this label; an envelope names its own.
    pub serial: u16,
    pub shard: [u8; 64],
}

/// STACIE-PASSWD: everything that depends on the password, in one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StaciePasswd {
    /// The key of the old password, by which the client shows that it may; 64 octets.
    pub password_key: Secret,
    /// Rounds added to those that the length of the new password asks for.
    pub bonus: u32,
    pub salt: Box<[u8; 128]>,
    /// Of the new password; 64 octets.
    pub verification_token: Secret,
    /// One for each key of each realm, so that it stays what it was.
    pub shards: Vec<NewShard>,
}

/// The shard of a realm under the new password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewShard {
    pub label: Label,
    /// Which of the keys of this label; the newest where it is not said.
    pub serial: Option<u16>,
    pub shard: [u8; 64],
}

const SHARD: &str = "expected a shard of 64 octets in base64url";

/// ```abnf
/// getrealm = "GETREALM" SP label
/// ```
pub(super) fn get(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    Ok(Command::GetRealm { label: label(cursor)? })
}

/// ```abnf
/// addrealm = "ADDREALM" SP label SP number SP b64u              ; serial, 64-octet shard
/// ```
pub(super) fn add(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let label = label(cursor)?;
    cursor.space()?;
    let serial = serial(cursor)?;
    cursor.space()?;
    let shard = octets64(cursor, SHARD)?;
    Ok(Command::AddRealm(Box::new(AddRealm { label, serial, shard })))
}

/// The serial of a realm's key has two octets in an envelope.
pub(in crate::dmap) fn serial(cursor: &mut Cursor<'_>) -> Result<u16, SyntaxError> {
    let before = cursor.error("a serial is at most 65535");
    u16::try_from(cursor.number()?).map_err(|_| before)
}

impl AddRealm {
    pub(super) fn push(&self, out: &mut Encoded) {
        let shard = base64url_encode(&self.shard);
        out.push(&format!("ADDREALM {} {} {shard}", self.label.as_str(), self.serial));
    }
}

/// ```abnf
/// passwd    = "STACIE-PASSWD" SP b64u SP number SP b64u SP b64u SP "(" [new-shard *(SP new-shard)] ")"
///             ; password_key, bonus, salt(128), verification_token
/// new-shard = label SP [number SP] b64u      ; serial, shard of 64 octets
/// ```
pub(super) fn passwd(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let password_key = secret64(cursor, "expected a password key of 64 octets in base64url")?;
    cursor.space()?;
    let bonus = cursor.number()?;
    cursor.space()?;
    let before = cursor.error("expected a salt of 128 octets in base64url");
    let salt: [u8; 128] = base64url(cursor, before.what)?.try_into().map_err(|_| before)?;
    cursor.space()?;
    let token = secret64(cursor, "expected a verification token of 64 octets in base64url")?;
    cursor.space()?;
    let shards = cursor.list_or_empty(new_shard)?;
    if shards.len() > limits::DMAP_REALMS_MAX {
        return cursor.fail("too many realms");
    }
    let is_same = |one: &NewShard, other: &NewShard| (&one.label, one.serial) == (&other.label, other.serial);
    let mut each = shards.iter().enumerate();
    if each.any(|(at, one)| shards.iter().skip(at + 1).any(|other| is_same(one, other))) {
        return cursor.fail("a realm is named twice");
    }
    Ok(Command::StaciePasswd(Box::new(StaciePasswd {
        password_key,
        bonus,
        salt: Box::new(salt),
        verification_token: token,
        shards,
    })))
}

/// 64 octets that leave no copy.
fn secret64(cursor: &mut Cursor<'_>, what: &'static str) -> Result<Secret, SyntaxError> {
    let before = cursor.error(what);
    let secret = Secret(base64url(cursor, what)?);
    if secret.0.len() == 64 { Ok(secret) } else { Err(before) }
}

fn new_shard(cursor: &mut Cursor<'_>) -> Result<NewShard, SyntaxError> {
    let label = label(cursor)?;
    cursor.space()?;
    // A shard is longer than any number.
    let digits = cursor.rest().iter().take_while(|octet| octet.is_ascii_digit()).count();
    let serial = match cursor.rest().get(digits) {
        Some(b' ') => {
            let serial = serial(cursor)?;
            cursor.space()?;
            Some(serial)
        }
        _ => None,
    };
    Ok(NewShard { label, serial, shard: octets64(cursor, SHARD)? })
}

impl StaciePasswd {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.push("STACIE-PASSWD ");
        out.push(&base64url_encode(&self.password_key.0));
        out.push(&format!(" {} ", self.bonus));
        out.push(&base64url_encode(&*self.salt));
        out.push(" ");
        out.push(&base64url_encode(&self.verification_token.0));
        out.push(" ");
        out.list(&self.shards, |out, NewShard { label, serial, shard }| {
            let serial = serial.map_or_else(String::new, |serial| format!("{serial} "));
            out.push(&format!("{} {serial}{}", label.as_str(), base64url_encode(shard)));
        });
    }
}
