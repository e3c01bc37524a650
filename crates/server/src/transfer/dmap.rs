//! What an account has for DMAP, among exported files: the encrypted messages of a mailbox in `koi-prime`,
//! each under the name of its message file, and keys, shards and signets of the account in `koi-dmap.jsonl`,
//! a JSON object per line, in the folder of INBOX.
//!
//! Private halves are written as GETKEY shows them: those that the server can open are in clear, so that mail
//! can be read elsewhere. On the way in the organisation of the server signs the keys anew.

use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use koi_dime::Secret;
use koi_dime::stacie::{RealmLabel, Shard};
use koi_mailbox::Account;
use koi_mailbox::dmap::{Content, NewKey, NewPrimeMessage, NewRealm, NewSignet, Prime};
use koi_proto::sasl::{base64_decode, base64_encode};
use koi_types::{KeyId, MailError, Timestamp, limits};
use serde::{Deserialize, Serialize};

use super::export::{Failed, create};
use super::lines::read_line;
use super::{Moved, inside, sidecar};
use crate::problem::Problem;

/// The file of the account.
const OF_ACCOUNT: &str = "koi-dmap.jsonl";
/// The folder of a mailbox's encrypted messages.
const MESSAGES: &str = "koi-prime";
/// A signet with its META, in base64, and the rest.
const LINE_OCTETS_MAX: usize =
    2 * (limits::DMAP_SIGNET_OCTETS_MAX + limits::DMAP_META_OCTETS_MAX) + 64 * 1024;
/// Octets of an encrypted message that are read and written at a time.
const PIECE_OCTETS: u64 = 1 << 20;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line {
    Key {
        id: String,
        request: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        private: Option<String>,
        /// Milliseconds since 1970.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<i64>,
        /// It is only in the history.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        deleted: bool,
    },
    Realm {
        label: String,
        serial: u16,
        shard: String,
    },
    Signet {
        address: String,
        object: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        meta: Option<String>,
    },
}

/// Writes the file of the account, unless there is nothing to write.
pub(super) fn export_account(account: &Account, folder: &Path) -> Result<(), Problem> {
    let snapshot = account.snapshot()?;
    let mut lines = Vec::new();
    // The oldest first: each is signed by the one before.
    for former in snapshot.key_history()?.into_iter().rev() {
        let key = former.key;
        let private = snapshot.key(&key.id)?.and_then(|key| key.private);
        lines.push(Line::Key {
            id: base64_encode(&key.id.0),
            request: base64_encode(&key.request),
            private: private.map(|octets| base64_encode(&octets)),
            expires_at: key.expires_at.map(|at| at.0),
            deleted: former.is_deleted,
        });
    }
    for realm in snapshot.realms()? {
        let label = realm.label.as_str().to_owned();
        lines.push(Line::Realm { label, serial: realm.serial, shard: base64_encode(realm.shard.0.expose()) });
    }
    for name in snapshot.signets()?.into_iter().rev() {
        if let Some(signet) = snapshot.signet(&name.address, Some(&name.fingerprint))? {
            lines.push(Line::Signet {
                address: signet.address.into(),
                object: base64_encode(&signet.object),
                meta: signet.meta.map(|meta| base64_encode(&meta)),
            });
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    let path = folder.join(OF_ACCOUNT);
    let mut out = BufWriter::new(create(&path)?);
    for line in &lines {
        sidecar::write(&mut out, line).map_err(Problem::file("write", &path))?;
    }
    let file = out.into_inner().map_err(|e| Problem::file("write", &path)(e.into_error()))?;
    file.sync_all().map_err(Problem::file("write", &path))
}

/// Reads the file, if it is there, and adds what is in it. What is refused is left out and told.
pub(super) fn import_account(account: &Account, folder: &Path, moved: &mut Moved) -> Result<(), Problem> {
    let path = folder.join(OF_ACCOUNT);
    let Some(file) = inside::open_if_there(&path)? else { return Ok(()) };
    let mut input = BufReader::new(file);
    let mut line = Vec::new();
    let mut number = 0u64;
    // The key that was read last, if it was deleted: it goes when the next one has followed it.
    let mut deleted = None;
    while read_line(&mut input, LINE_OCTETS_MAX, &mut line).map_err(Problem::file("read", &path))? > 0 {
        number += 1;
        if let Err(why) = add(account, &line, &mut deleted) {
            moved.left_out.add(format_args!("{}:{number}", path.display()), why);
        }
    }
    Ok(())
}

fn add(account: &Account, line: &[u8], gone: &mut Option<KeyId>) -> Result<(), String> {
    let octets = |text: &str| base64_decode(text.as_bytes()).map_err(str::to_owned);
    let told = |error: MailError| error.to_string();
    match serde_json::from_slice(line).map_err(|error| error.to_string())? {
        Line::Key { id, request, private, expires_at, deleted } => {
            let id = KeyId(octets(&id)?.try_into().map_err(|_| "a key id has 64 octets".to_owned())?);
            let private = private.map(|text| octets(&text)).transpose()?;
            let expires_at = expires_at.map(Timestamp);
            let new = NewKey { id, request: octets(&request)?, private, expires_at };
            account.add_key(&new).and_then(koi_mailbox::Pending::wait).map_err(told)?;
            match std::mem::replace(gone, deleted.then_some(id)) {
                Some(former) => account.forget_key(former).wait().map_err(told),
                None => Ok(()),
            }
        }
        Line::Realm { label, serial, shard } => {
            let label = RealmLabel::new(&label).ok_or("not the label of a realm")?;
            let shard = Secret::from_slice(&octets(&shard)?).ok_or("a shard has 64 octets")?;
            account.add_realm(&NewRealm { label, serial, shard: Shard(shard) }).wait().map_err(told)
        }
        Line::Signet { address, object, meta } => {
            let meta = meta.map(|text| octets(&text)).transpose()?;
            let new =
                NewSignet { address: address.into(), object: octets(&object)?, meta, is_verified: true };
            account.add_signet(&new).and_then(koi_mailbox::Pending::wait).map_err(told)
        }
    }
}

/// Writes the encrypted message that a message file stands for.
pub(super) fn export_message(
    account: &Account,
    folder: &Path,
    file: &str,
    content: &Content,
) -> Result<(), Failed> {
    let folder = folder.join(MESSAGES);
    crate::folder::make_private(&folder)?;
    let path = folder.join(file);
    let mut out = create(&path)?;
    let mut at = 0;
    while at < content.octets() {
        let mut piece = Vec::new();
        let end = content.octets().min(at + PIECE_OCTETS);
        let read = |piece| account.snapshot()?.read_content(content.whole(), at..end, piece);
        if let Err(error) = read(&mut piece) {
            std::fs::remove_file(&path).map_err(Problem::file("remove", &path))?;
            return Err(Failed::Unreadable(error));
        }
        out.write_all(&piece).map_err(Problem::file("write", &path))?;
        at = end;
    }
    Ok(())
}

/// Reads the encrypted message that a message file stands for.
pub(super) fn read_message(account: &Account, folder: &Path, file: &str) -> Result<Prime, String> {
    let messages = folder.join(MESSAGES);
    if messages.is_symlink() {
        return Err(format!("{}: {}", messages.display(), inside::LINK));
    }
    let path = messages.join(file);
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = inside::open(&path).map_err(told)?;
    let mut stage = account.stage_prime().stored();
    let mut piece = Vec::new();
    // What is too large is refused on the way.
    while (&mut file).take(PIECE_OCTETS).read_to_end(&mut piece).map_err(told)? > 0 {
        stage.write(&piece).map_err(|error| error.to_string())?;
        piece.clear();
    }
    stage.finish().map_err(|error| error.to_string())
}

/// What is known of an encrypted message, or of META, from the line about it.
pub(super) fn message(
    line: &sidecar::Line,
    prime: Prime,
    flags: koi_types::Flags,
) -> Result<NewPrimeMessage, String> {
    let key = line.prime_key.as_deref().map(|text| base64_decode(text.as_bytes())).transpose()?;
    let key = key.map(|octets| octets.try_into().map_err(|_| "a key id has 64 octets")).transpose()?;
    Ok(NewPrimeMessage {
        prime,
        key: key.map(KeyId),
        peer: line.prime_peer.as_deref().map(Into::into),
        flags,
        received_at: Timestamp(line.internaldate),
        received_zone: koi_types::ZoneOffset(line.zone_minutes),
        meta: line.meta.as_deref().map(meta).transpose()?,
    })
}

/// A META block.
pub(super) fn meta(text: &str) -> Result<Arc<[u8]>, String> {
    base64_decode(text.as_bytes()).map(Into::into).map_err(str::to_owned)
}
