//! What an account has decided for itself, among exported files: whether the server files sent mail, the
//! answer while its owner is away, and identities (RFC 8621 §6 and §8); `koi-account.jsonl` in the folder of
//! INBOX, a JSON object per line.
//!
//! What the account that it is imported into has decided already stays. Must not: hold a secret.

use std::io::{BufReader, BufWriter};
use std::path::Path;

use koi_mailbox::Account;
use koi_mailbox::emails::{
    IdentityChange, IdentityRecord, IdentityUpdate, NamedAddress, OWN_IDENTITY, SetOutcome, SettingRefused,
    VacationRecord,
};
use koi_types::{MailError, Timestamp, limits};
use serde::{Deserialize, Serialize};

use super::export::create;
use super::lines::read_line;
use super::{Moved, inside, sidecar};
use crate::problem::Problem;

/// The file of the account.
const FILE: &str = "koi-account.jsonl";
/// One line: a name, two signatures, two lists of addresses, with every octet written as `\u001b`.
const LINE_OCTETS_MAX: usize = 6 * 5 * limits::SETTING_TEXT_OCTETS_MAX + 64 * 1024;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line {
    /// The server files what is sent. Off is what there is without it.
    SentCopy,
    Vacation {
        /// Whose it is: who else gets it does not begin to answer mail with it.
        #[serde(default)]
        of: String,
        enabled: bool,
        /// Milliseconds since 1970.
        from: Option<i64>,
        to: Option<i64>,
        subject: Option<String>,
        text: Option<String>,
        html: Option<String>,
    },
    Identity {
        /// It is the one that every account has.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        own: bool,
        name: String,
        email: String,
        reply_to: Option<Vec<Named>>,
        bcc: Option<Vec<Named>>,
        text_signature: String,
        html_signature: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Named {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    email: String,
}

/// Writes the file, unless there is nothing to write.
pub(super) fn export(account: &Account, folder: &Path) -> Result<(), Problem> {
    let lines = lines(account)?;
    if lines.is_empty() {
        return Ok(());
    }
    let path = folder.join(FILE);
    let mut out = BufWriter::new(create(&path)?);
    for line in &lines {
        sidecar::write(&mut out, line).map_err(Problem::file("write", &path))?;
    }
    let file = out.into_inner().map_err(|e| Problem::file("write", &path)(e.into_error()))?;
    file.sync_all().map_err(Problem::file("write", &path))
}

fn lines(account: &Account) -> Result<Vec<Line>, MailError> {
    let mut lines = Vec::new();
    if account.files_sent()? {
        lines.push(Line::SentCopy);
    }
    let snapshot = account.snapshot()?;
    let vacation = snapshot.vacation()?;
    if vacation != VacationRecord::default() {
        let VacationRecord { enabled, from, to, subject, text_body, html_body } = vacation;
        let text = |text: Option<Box<str>>| text.map(String::from);
        let (from, to) = (from.map(|at| at.0), to.map(|at| at.0));
        let (subject, html) = (text(subject), text(html_body));
        let of = own_address(account)?;
        lines.push(Line::Vacation { of, enabled, from, to, subject, text: text(text_body), html });
    }
    for view in snapshot.identities()? {
        let own = view.id == OWN_IDENTITY;
        if own && says_nothing(&view.identity) {
            continue;
        }
        let IdentityRecord { name, email, reply_to, bcc, text_signature, html_signature } = view.identity;
        lines.push(Line::Identity {
            own,
            name: name.into(),
            email: email.into(),
            reply_to: reply_to.map(named),
            bcc: bcc.map(named),
            text_signature: text_signature.into(),
            html_signature: html_signature.into(),
        });
    }
    Ok(lines)
}

fn own_address(account: &Account) -> Result<String, MailError> {
    let identities = account.snapshot()?.identities()?;
    let own = identities.into_iter().find(|view| view.id == OWN_IDENTITY);
    Ok(own.map(|view| view.identity.email.into()).unwrap_or_default())
}

/// It is as every account has it from the beginning.
fn says_nothing(identity: &IdentityRecord) -> bool {
    *identity == IdentityRecord { email: identity.email.clone(), ..IdentityRecord::default() }
}

fn named(list: Vec<NamedAddress>) -> Vec<Named> {
    let one =
        |NamedAddress { name, email }| Named { name: name.map(String::from), email: String::from(email) };
    list.into_iter().map(one).collect()
}

fn addresses(list: Vec<Named>) -> Vec<NamedAddress> {
    let one = |Named { name, email }: Named| NamedAddress { name: name.map(Box::from), email: email.into() };
    list.into_iter().map(one).collect()
}

/// Reads the file, if it is there, and decides so what is not decided. What is refused is left out and told.
pub(super) fn import(account: &Account, folder: &Path, moved: &mut Moved) -> Result<(), Problem> {
    let path = folder.join(FILE);
    let Some(file) = inside::open_if_there(&path)? else { return Ok(()) };
    let mut input = BufReader::new(file);
    let mut line = Vec::new();
    let mut number = 0u64;
    while read_line(&mut input, LINE_OCTETS_MAX, &mut line).map_err(Problem::file("read", &path))? > 0 {
        number += 1;
        let read = serde_json::from_slice(&line).map_err(|error| error.to_string());
        if let Err(why) = read.and_then(|line| decide(account, line)) {
            moved.left_out.add(format_args!("{}:{number}", path.display()), why);
        }
    }
    Ok(())
}

fn decide(account: &Account, line: Line) -> Result<(), String> {
    let told = |error: MailError| error.to_string();
    match line {
        Line::SentCopy if account.files_sent().map_err(told)? => Ok(()),
        Line::SentCopy => account.set_files_sent(true).wait().map_err(told),
        Line::Vacation { of, enabled, from, to, subject, text, html } => {
            let enabled = enabled && of == own_address(account).map_err(told)?;
            let text_of = |text: Option<String>| text.map(Box::from);
            let at = |at: Option<i64>| at.map(Timestamp);
            let (subject, text_body, html_body) = (text_of(subject), text_of(text), text_of(html));
            let vacation =
                VacationRecord { enabled, from: at(from), to: at(to), subject, text_body, html_body };
            if account.snapshot().and_then(|s| s.vacation()).map_err(told)? != VacationRecord::default() {
                return Ok(());
            }
            done(account.set_vacation(None, vacation).wait().map_err(told)?)
        }
        Line::Identity { own, name, email, reply_to, bcc, text_signature, html_signature } => {
            let identity = IdentityRecord {
                name: name.into(),
                email: email.into(),
                reply_to: reply_to.map(addresses),
                bcc: bcc.map(addresses),
                text_signature: text_signature.into(),
                html_signature: html_signature.into(),
            };
            let there = account.snapshot().and_then(|s| s.identities()).map_err(told)?;
            match there.iter().find(|view| view.id == OWN_IDENTITY) {
                Some(known) if own && !says_nothing(&known.identity) => return Ok(()),
                _ if !own && there.iter().any(|view| view.identity == identity) => return Ok(()),
                _ => {}
            }
            let change = if own { update(identity) } else { IdentityChange::Create(identity) };
            done(account.set_identities(None, vec![change]).wait().map_err(told)?)
        }
    }
}

/// The address of the account's own identity is the account's.
pub(super) fn update(identity: IdentityRecord) -> IdentityChange {
    let IdentityRecord { name, email: _, reply_to, bcc, text_signature, html_signature } = identity;
    let update = IdentityUpdate {
        name: Some(name),
        reply_to: Some(reply_to),
        bcc: Some(bcc),
        text_signature: Some(text_signature),
        html_signature: Some(html_signature),
    };
    IdentityChange::Update { identity: OWN_IDENTITY, update }
}

fn done<D>(outcome: SetOutcome<D, SettingRefused>) -> Result<(), String> {
    let SetOutcome::Done { results, .. } = outcome else { return Ok(()) };
    let refused = results.into_iter().find_map(Result::err);
    refused.map_or(Ok(()), |refused| {
        Err(match refused {
            SettingRefused::ForbiddenFrom => "the account may not send under this address".into(),
            SettingRefused::TooLong(property) => format!("{property} is too long"),
            SettingRefused::TooMany => "there are too many".into(),
            SettingRefused::Failed(error) => error.to_string(),
            SettingRefused::NotFound | SettingRefused::Forbidden => "it cannot be changed".into(),
        })
    })
}
