//! Ordinary mail for accounts that keep encrypted messages only: encrypted before any of it is written, for
//! the signet that is current then (docs/DMAP.md, "mail that comes in clear").
//!
//! Whoever brings a message prepares it for its recipients before the transaction; the transaction takes what
//! is there. An account whose mode changed in between gets nothing in clear: its delivery fails for now, and
//! succeeds when it is tried again.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use koi_dime::message::naked_octets;
use koi_dime::{Outline, Suite};
use koi_store::body::NewBody;
use koi_store::key;
use koi_store::kv::{Kv, Read};
use koi_store::mail::dmap::keys;
use koi_store::mail::{AccountTxn, Appended, NewEmail, NewPrime};
use koi_store::record::account::AccountRecord;
use koi_store::record::prime::ChunkRow;
use koi_types::{
    AccountId, Cause, EmailId, ErrorKind, KeyId, MailError, MailboxId, Mode, Result, SystemFlags, Timestamp,
    ZoneOffset, limits,
};

use super::keys::signet_of;
use super::organisation::wrapped;
use super::placeholder;
use super::random::EnvRandom;
use crate::incoming::Incoming;
use crate::service::Inner;

/// What a message is for those who get it in one form or the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forms {
    /// Of a confidential message, for those who get it in clear.
    plain: Option<NewBody>,
    sealed: Vec<SealedFor>,
}

#[derive(Clone, Debug)]
struct SealedFor {
    account: AccountId,
    sealed: Result<Arc<Sealed>>,
}

/// An encrypted message on its way into an account.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) body: NewBody,
    pub(crate) magic: u16,
    pub(crate) suite: u8,
    pub(crate) key: Option<KeyId>,
    pub(crate) peer: Option<Box<str>>,
    pub(crate) chunks: Vec<ChunkRow>,
}

impl Sealed {
    pub(crate) fn as_new(&self) -> NewPrime<'_> {
        NewPrime {
            body: &self.body,
            magic: self.magic,
            suite: self.suite,
            key: self.key,
            peer: self.peer.as_deref(),
            chunks: &self.chunks,
        }
    }
    /// What its frame says.
    pub(crate) fn of(octets: Vec<u8>, outline: &Outline, kv: &dyn Kv) -> Result<Self> {
        Ok(Self {
            magic: outline.magic().number(),
            suite: suite_number(outline.ephemeral().suite),
            key: None,
            peer: None,
            chunks: rows(outline),
            body: stored(octets, kv)?,
        })
    }
    /// Puts it into a mailbox. `Unavailable` when the key was deleted since it was encrypted for it.
    pub(crate) fn append(
        &self,
        account: &mut AccountTxn<'_>,
        mailbox: MailboxId,
        email: EmailId,
        at: Timestamp,
        flags: SystemFlags,
    ) -> Result<Appended> {
        if let Some(key) = &self.key
            && !account.has_key(key)?
        {
            let text = "the key that the message is encrypted for was deleted meanwhile, try again";
            return Err(MailError::new(ErrorKind::Unavailable, text).because(Cause::NoSignet));
        }
        let shown = placeholder()?;
        let new = NewEmail {
            email,
            body: &shown.body,
            octets: shown.octets,
            facts: &shown.facts,
            flags,
            keywords: &[],
            received_at: at,
            received_zone: ZoneOffset(0),
        };
        account.append_dmap(mailbox, &new, Some(&self.as_new()), None)
    }
    /// Octets that count towards the quota.
    pub(crate) fn octets(&self) -> u64 {
        self.body.octets()
    }
}

/// As it is stored.
pub(super) const fn suite_number(suite: Suite) -> u8 {
    match suite {
        Suite::One => 1,
        Suite::Two => 2,
    }
}

/// The chunks as they are stored.
pub(super) fn rows(outline: &Outline) -> Vec<ChunkRow> {
    let row = |fact: &koi_dime::message::ChunkFact| ChunkRow {
        kind: fact.kind.0,
        start: fact.start,
        octets: fact.octets,
    };
    outline.facts().iter().map(row).collect()
}

/// As a body: a large one goes to a segment now.
pub(super) fn stored(octets: Vec<u8>, kv: &dyn Kv) -> Result<NewBody> {
    if octets.len() <= limits::BODY_INLINE_OCTETS_MAX {
        return Ok(NewBody::inline(octets.into()));
    }
    let mut stage = kv.stage_body()?;
    stage.write(&octets)?;
    stage.finish()
}

/// The mode of an account; `Trustful` for one that is gone.
pub(crate) fn mode_of(read: &(impl Read + ?Sized), account: AccountId) -> Result<Mode> {
    let record = read.get(&key::account(account))?.and_then(|row| AccountRecord::decode(&row));
    Ok(record.map_or(Mode::Trustful, |record| record.mode))
}

impl Inner {
    /// Makes a message ready for these accounts: encrypts it for those that keep nothing in clear. `peer`:
    /// the domain it comes from.
    pub(crate) fn prepare(
        &self,
        message: &Incoming,
        accounts: &[AccountId],
        peer: Option<&str>,
    ) -> Result<()> {
        let view = self.kv.view()?;
        let mut sealed_for = Vec::new();
        let mut in_clear = false;
        for account in accounts {
            match mode_of(&*view, *account)? {
                Mode::Trustful => in_clear = true,
                mode => sealed_for.push((*account, mode)),
            }
        }
        drop(view);
        if sealed_for.is_empty() && message.confidential.is_none() {
            return Ok(());
        }
        let octets = self.octets_of(message)?;
        let mut forms = Forms::default();
        if in_clear && message.confidential.is_some() {
            forms.plain = Some(stored(octets.to_vec(), &*self.kv)?);
        }
        for (account, mode) in sealed_for {
            let sealed = self.seal(&octets, account, mode, peer).map(Arc::new);
            forms.sealed.push(SealedFor { account, sealed });
        }
        *message.forms.lock() = forms;
        Ok(())
    }
    fn octets_of<'m>(&self, message: &'m Incoming) -> Result<Cow<'m, [u8]>> {
        match &message.body {
            NewBody::Inline { octets, .. } => Ok(Cow::Borrowed(octets)),
            NewBody::Staged(staged) => {
                let body = staged.body();
                let mut octets = Vec::new();
                self.kv.view()?.read_body(&body, 0..body.octets, &mut octets)?;
                Ok(Cow::Owned(octets))
            }
        }
    }
    /// Encrypts ordinary mail for the current signet of an account.
    fn seal(&self, mail: &[u8], account: AccountId, mode: Mode, peer: Option<&str>) -> Result<Sealed> {
        let options = self.options.dmap.as_ref();
        if mode == Mode::Paranoid && !options.is_some_and(|options| options.paranoid_wraps) {
            let text = "this user takes encrypted mail only";
            return Err(MailError::new(ErrorKind::NoPermission, text).because(Cause::PolicyDenied));
        }
        let without = |text: &str| MailError::new(ErrorKind::Unavailable, text).because(Cause::NoSignet);
        let organisation = self.organisation_of(account);
        let organisation = organisation.map_err(|_| without("mail cannot be encrypted for this user now"))?;
        let current = keys::current(&*self.kv.view()?, account)?;
        let current =
            current.ok_or_else(|| without("this user has no key yet that mail is encrypted for"))?;
        let signet = signet_of(&current)?;
        let octets_max = options.map_or(u64::MAX, |options| options.encrypted_octets_max);
        if naked_octets(mail, mail.len() as u64).is_none_or(|octets| octets > octets_max) {
            let text = "message is too large to be encrypted for this user";
            return Err(MailError::new(ErrorKind::TooLarge, text).because(Cause::Cannot));
        }
        let naked = wrapped(&organisation, mail, &signet, &mut EnvRandom(&*self.env))?;
        let internal = |error| MailError::new(ErrorKind::Internal, "internal error").context(error);
        let outline = Outline::of(&naked).map_err(internal)?;
        let sealed = Sealed::of(naked, &outline, &*self.kv)?;
        Ok(Sealed { key: Some(current.id), peer: peer.map(Into::into), ..sealed })
    }
}

impl Incoming {
    /// What of it goes into an account that keeps encrypted messages only; why not, where nothing does.
    pub(crate) fn sealed_for(&self, account: AccountId) -> Result<Arc<Sealed>> {
        let forms = self.forms.lock();
        let found = forms.sealed.iter().find(|sealed| sealed.account == account);
        found.map_or_else(|| Err(changed_meanwhile()), |found| found.sealed.clone())
    }
    /// Its octets in clear.
    pub(crate) fn plain_body(&self) -> Result<NewBody> {
        if self.confidential.is_none() {
            return Ok(self.body.clone());
        }
        self.forms.lock().plain.clone().ok_or_else(changed_meanwhile)
    }
}

fn changed_meanwhile() -> MailError {
    let text = "the mode of the account was changed meanwhile, try again";
    MailError::new(ErrorKind::Unavailable, text).because(Cause::NoSignet)
}

/// Memory that is taken by mail that may not be written yet.
#[derive(Debug, Default)]
pub(crate) struct Budget(AtomicUsize);

/// Some of it; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: Arc<Budget>,
    octets: usize,
}

impl Reserved {
    pub(crate) const fn nothing(budget: Arc<Budget>) -> Self {
        Self { budget, octets: 0 }
    }
    /// `Unavailable` when all of it is taken.
    pub(crate) fn add(&mut self, octets: usize) -> Result<()> {
        let before = self.budget.0.fetch_add(octets, Ordering::Relaxed);
        self.octets += octets;
        if before.saturating_add(octets) > limits::CONFIDENTIAL_OCTETS_MAX {
            let text = "too much mail is being encrypted at once, try again";
            return Err(MailError::new(ErrorKind::Unavailable, text));
        }
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.octets, Ordering::Relaxed);
    }
}
