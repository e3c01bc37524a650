//! The Session object (RFC 8620 §2): which accounts there are for a login, and what can be done with each.
//!
//! It is made anew for every request, because `sessionState` tells of its changes: mailboxes that were
//! shared, rights that were given or taken away, a setting that changed with a restart. Must not: know where
//! it is sent; URLs begin with what the edge says.

use std::collections::BTreeMap;

use koi_mailbox::Account;
use koi_message::collation::Collation;
use koi_proto::jmap::session::{
    BlobCapability, MailCapability, SessionAccount, SessionUrls, SubmissionCapability, WebSocketCapability,
};
use koi_proto::jmap::standard::Table;
use koi_proto::jmap::{Capability, Id, Session, SessionObject};
use koi_types::{AccountId, Result, Rights, limits};

use super::Jmap;
use crate::session::Login;

/// What only the edge knows.
pub struct Place<'a> {
    /// What URLs begin with, `https:` and without a slash at the end.
    pub base: &'a str,
    /// What signs pushes, as clients want it (RFC 9749 §3).
    pub application_server_key: Option<&'a str>,
    /// A short text that differs when the octets do.
    pub digest: &'a dyn Fn(&[u8]) -> String,
}

/// What somebody who is logged in may know of the server.
///
/// # Errors
/// The account is gone, or the store does not answer.
pub fn session_object(jmap: &Jmap, login: &Login, place: &Place<'_>) -> Result<SessionObject> {
    Ok(session(jmap, login, place)?.with_state(place.digest))
}

/// The state of that object alone.
///
/// # Errors
/// As [`session_object`].
pub fn session_state(jmap: &Jmap, login: &Login, place: &Place<'_>) -> Result<String> {
    Ok(session(jmap, login, place)?.state(place.digest))
}

fn session(jmap: &Jmap, login: &Login, place: &Place<'_>) -> Result<Session> {
    let own = jmap.service.account(login.account)?;
    let mut accounts = vec![personal(jmap, login)];
    for (owner, rights) in shared(&own)? {
        accounts.extend(others(jmap, &own, owner, rights)?);
    }
    let base = place.base;
    let socket = base.strip_prefix("https:").map(|rest| format!("wss:{rest}/jmap/ws/"));
    let websocket = socket.filter(|_| jmap.supported.contains(Capability::WebSocket));
    Ok(Session {
        capabilities: jmap.supported,
        limits: jmap.limits,
        collation_algorithms: Collation::ALL.map(Collation::name).to_vec(),
        websocket: websocket.map(|url| WebSocketCapability { url: url.into(), supports_push: true }),
        application_server_key: place.application_server_key.map(Into::into),
        accounts,
        username: login.address.to_string().into(),
        urls: SessionUrls::below(base),
    })
}

fn personal(jmap: &Jmap, login: &Login) -> SessionAccount {
    SessionAccount {
        id: Id::from(login.account),
        name: login.address.to_string().into(),
        is_personal: true,
        is_read_only: false,
        mail: Some(mail(jmap, true)),
        submission: Some(submission(jmap)),
        has_vacation_response: true,
        blob: Some(blob(jmap)),
        has_quota: true,
        has_mdn: true,
    }
}

/// The parameters of envelopes are those of `method::submission::hold`.
fn submission(jmap: &Jmap) -> SubmissionCapability {
    let mut submission_extensions = Table::default();
    let size = jmap.service.options().message_octets_max.to_string();
    // RFC 4865 §3 (2): without the latest time, which would be another every second.
    let delay = limits::SUBMISSION_DELAY_SECS_MAX.to_string();
    let extensions =
        [("8BITMIME", None), ("FUTURERELEASE", Some(delay)), ("SIZE", Some(size)), ("SMTPUTF8", None)];
    for (keyword, argument) in extensions {
        submission_extensions.put(&keyword, argument.into_iter().map(Into::into).collect());
    }
    let max_delayed_send = u64::from(limits::SUBMISSION_DELAY_SECS_MAX);
    SubmissionCapability { max_delayed_send, submission_extensions }
}

/// The account of another user; nothing when it was removed meanwhile.
fn others(jmap: &Jmap, own: &Account, owner: AccountId, rights: Rights) -> Result<Option<SessionAccount>> {
    let Some(address) = own.of(owner)?.owner()? else { return Ok(None) };
    Ok(Some(SessionAccount {
        id: Id::from(owner),
        name: address.to_string().into(),
        is_personal: false,
        is_read_only: !rights.has_any(writing()),
        mail: Some(mail(jmap, false)),
        submission: None,
        has_vacation_response: false,
        blob: Some(blob(jmap)),
        has_quota: false,
        has_mdn: false,
    }))
}

/// Who shares something with the user, and what the user may do with it, all mailboxes taken together.
fn shared(own: &Account) -> Result<BTreeMap<AccountId, Rights>> {
    let mut owners = BTreeMap::new();
    for shared in own.snapshot()?.shared()? {
        let Some(owner) = shared.mailbox.owner else { continue };
        let rights = owners.entry(owner).or_insert(Rights::NONE);
        *rights = rights.union(shared.mailbox.rights);
    }
    Ok(owners)
}

/// Any of these changes something (RFC 4314 §2.1).
fn writing() -> Rights {
    let all = [
        Rights::SEEN,
        Rights::WRITE,
        Rights::INSERT,
        Rights::CREATE,
        Rights::DELETE,
        Rights::DELETE_MESSAGES,
        Rights::EXPUNGE,
    ];
    all.into_iter().fold(Rights::NONE, Rights::union)
}

fn mail(jmap: &Jmap, may_create_top_level_mailbox: bool) -> MailCapability {
    // In base64, with its line ends, it must still be a message.
    let attachments = jmap.service.options().message_octets_max / 4 * 3 / 78 * 76;
    MailCapability {
        max_mailboxes_per_email: None,
        max_mailbox_depth: Some(limits::MAILBOX_DEPTH_MAX as u64),
        max_size_mailbox_name: limits::MAILBOX_NAME_OCTETS_MAX as u64,
        max_size_attachments_per_email: attachments,
        may_create_top_level_mailbox,
    }
}

fn blob(jmap: &Jmap) -> BlobCapability {
    BlobCapability {
        max_size_blob_set: Some(jmap.limits.upload_octets_max),
        max_data_sources: limits::JMAP_DATA_SOURCES_MAX as u64,
    }
}
