//! Entries that are faces of other state: the one place that knows which they are.
//!
//! Below a prefix that is in the table there are no rows: what is there, [`list`] makes, and what is set,
//! [`set`] carries out in the transaction of all the other entries of the command, or refuses with an error
//! whose text is shown to the client. Must not: hold more than the dispatch.

use koi_store::mail::AccountTxn;
use koi_types::annotation::{Depth, EntryName, Target};
use koi_types::{ErrorKind, MailError, MailboxId, Result, Role, limits};

use super::Annotation;
use crate::service::Lent;
use crate::snapshot::Snapshot;
use crate::{coi, push};

/// Whose entries they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Special {
    /// COI-server §getting-coi-namespace-configuration/imap
    Coi,
    /// COI-webpush §subscriptions
    WebPush,
    /// What all users of the server see (RFC 5464 §3.2.1.1).
    Shared,
    /// RFC 6154 §4
    Use(MailboxId),
}

/// Entries of the server.
const OF_SERVER: [(&str, Special); 3] = [
    ("/private/vendor/vendor.dovecot/coi", Special::Coi),
    ("/private/vendor/vendor.dovecot/webpush", Special::WebPush),
    ("/shared", Special::Shared),
];
const SPECIAL_USE: &str = "/private/specialuse";

/// What came of setting an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Set {
    Done,
    /// It is a row like most.
    NotSpecial,
}

/// The largest value an entry takes.
#[must_use]
pub fn value_octets_max(target: Target, name: &EntryName) -> usize {
    match special_of(target, name) {
        Some(Special::WebPush) => limits::PUSH_SUBSCRIPTION_OCTETS_MAX,
        _ => limits::ANNOTATION_VALUE_OCTETS_MAX,
    }
}

/// Whether what an entry of the server says holds elsewhere too. Push subscriptions are bound to a server's
/// keys; what the administrator sets is that server's.
pub(super) fn is_portable(name: &EntryName) -> bool {
    special_of(Target::Server, name) == Some(Special::Coi) && coi::is_set_by_clients(name)
}

/// Those at `asked` and below it down to `depth`.
pub(super) fn list(
    snapshot: &Snapshot<'_>,
    target: Target,
    asked: &EntryName,
    depth: Depth,
) -> Result<Vec<Annotation>> {
    let mut found = Vec::new();
    for (prefix, special) in table(target) {
        let inside = asked.below(prefix).is_some();
        let above = EntryName::new(prefix).is_ok_and(|prefix| prefix.below(asked.as_str()).is_some());
        if inside || (above && depth != Depth::Zero) {
            found.extend(entries(snapshot, special)?);
        }
    }
    found.retain(|entry| entry.name.is_within(asked, depth));
    Ok(found)
}

/// Sets or removes an entry, if it is one of these.
pub(super) fn set(
    lent: &Lent,
    account: &mut AccountTxn<'_>,
    target: Target,
    name: &EntryName,
    value: Option<&[u8]>,
) -> Result<Set> {
    let Some(special) = special_of(target, name) else { return Ok(Set::NotSpecial) };
    match special {
        Special::Coi => coi::set(lent, account, name, value)?,
        Special::WebPush => push::set(lent, account, name, value)?,
        Special::Shared => return Err(administrators_own()),
        Special::Use(mailbox) => set_special_use(account, mailbox, name, value)?,
    }
    Ok(Set::Done)
}

fn special_of(target: Target, name: &EntryName) -> Option<Special> {
    let found = table(target).into_iter().find(|(prefix, _)| name.below(prefix).is_some());
    found.map(|(_, special)| special)
}

fn table(target: Target) -> Vec<(&'static str, Special)> {
    match target {
        Target::Server => OF_SERVER.to_vec(),
        Target::Mailbox(mailbox) => vec![(SPECIAL_USE, Special::Use(mailbox))],
    }
}

fn entries(snapshot: &Snapshot<'_>, special: Special) -> Result<Vec<Annotation>> {
    match special {
        Special::Coi => coi::list(snapshot),
        Special::WebPush => push::list(snapshot),
        Special::Shared => Ok(shared(snapshot)),
        Special::Use(mailbox) => Ok(special_use(snapshot, mailbox)),
    }
}

/// An entry with a name that is known to be one.
pub(crate) fn entry(name: &str, value: impl AsRef<[u8]>) -> Option<Annotation> {
    Some(Annotation { name: EntryName::new(name).ok()?, value: value.as_ref().into() })
}

/// RFC 5464 §6.2.1 and §6.2.2: set in the configuration.
fn shared(snapshot: &Snapshot<'_>) -> Vec<Annotation> {
    let options = snapshot.options;
    let comment = options.server_comment.as_deref().and_then(|text| entry("/shared/comment", text));
    let admin = options.server_admin.as_deref().and_then(|uri| entry("/shared/admin", uri));
    comment.into_iter().chain(admin).collect()
}

/// RFC 5464 §3.3: who may create shared entries of the server is the server's to say.
fn administrators_own() -> MailError {
    MailError::new(ErrorKind::NoPermission, "only the administrator may set shared entries of the server")
}

fn special_use(snapshot: &Snapshot<'_>, mailbox: MailboxId) -> Vec<Annotation> {
    let role = snapshot.role_of(mailbox);
    role.and_then(|role| entry(SPECIAL_USE, role.attribute())).into_iter().collect()
}

/// RFC 6154 §4: valid is what would be for CREATE: one use of a mailbox, one mailbox of a use.
fn set_special_use(
    account: &mut AccountTxn<'_>,
    mailbox: MailboxId,
    name: &EntryName,
    value: Option<&[u8]>,
) -> Result<()> {
    if *name.key() != *SPECIAL_USE {
        return Err(MailError::new(ErrorKind::InvalidInput, "there is no entry below /private/specialuse"));
    }
    let text = value.map(str::from_utf8).transpose();
    let text = text.map_err(|_| unsupported("this use is not known"))?.unwrap_or_default();
    let mut uses = text.split(' ').filter(|word| !word.is_empty());
    let role = match (uses.next(), uses.next()) {
        (None, _) => None,
        (Some(_), _) if mailbox == crate::INBOX => return Err(unsupported("INBOX has no special use")),
        (Some(word), None) => Some(role(word)?),
        (Some(_), Some(_)) => return Err(unsupported("a mailbox has one use")),
    };
    account.set_role(mailbox, role)
}

fn role(attribute: &str) -> Result<Role> {
    match Role::from_attribute(attribute) {
        // RFC 6154 §2: these two are views of other mailboxes.
        Some(Role::All | Role::Flagged) => Err(unsupported("this use is not for mailboxes of users")),
        Some(role) => Ok(role),
        None => Err(unsupported("this use is not known")),
    }
}

fn unsupported(text: &'static str) -> MailError {
    MailError::new(ErrorKind::Unsupported, text)
}
