//! What has changed for a user since it was told last: the one source of all StateChange objects (RFC 8620
//! §7.1), whatever carries them.
//!
//! A state of ours is the modseq at which a type of data changed last. So how far somebody was told is one
//! modseq for each account, and a stamp of the user's Quotas: [`Told`], which can be handed to the client and
//! taken back (event ids of RFC 8620 §7.3, pushState of RFC 8887 §4.3.5.1). What has a state beyond it is
//! news. Must not: know who is asking how often, nor wait.

use std::collections::BTreeMap;
use std::fmt;

use koi_mailbox::emails::DataType;
use koi_mailbox::{Account, MailboxService};
use koi_proto::jmap::Id;
use koi_proto::jmap::push::{AccountStates, PushType, PushTypes, StateChange, TypeState};
use koi_types::{AccountId, ErrorKind, Result};

use crate::session::Login;

/// Accounts that are named; of the others everything is told again, which harms nobody.
const NAMED_MAX: usize = 200;

/// How far a client was told of each account: up to which modseq; and of which Quotas of the user's own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Told {
    modseqs: BTreeMap<AccountId, u64>,
    quota: Option<u64>,
}

/// Before the stamp of Quotas; no account is printed like that.
const QUOTA: &str = "q";

/// What is to be told, and how far everything is then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct News {
    /// Empty: nothing.
    pub change: StateChange,
    pub told: Told,
}

impl Told {
    /// Reads what was printed; nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut told = Self::default();
        for item in text.split('_').filter(|item| !item.is_empty()) {
            let (account, modseq) = item.split_once('-')?;
            let plain = !modseq.is_empty() && modseq.bytes().all(|digit| digit.is_ascii_digit());
            let number = modseq.parse().ok().filter(|_| plain)?;
            if account == QUOTA {
                told.quota = Some(number);
            } else {
                told.modseqs.insert(AccountId::parse(account)?, number);
            }
            if told.modseqs.len() > NAMED_MAX {
                return None;
            }
        }
        (!told.modseqs.is_empty()).then_some(told)
    }
    /// The accounts it is about.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.modseqs.keys().copied()
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (account, modseq)) in self.modseqs.iter().take(NAMED_MAX).enumerate() {
            let between = if at == 0 { "" } else { "_" };
            write!(f, "{between}{account}-{modseq}")?;
        }
        self.quota.map_or(Ok(()), |stamp| write!(f, "_{QUOTA}-{stamp}"))
    }
}

/// What has changed in the user's own account and in those that are shared with it, of these types. Of an
/// account that was not told of before, everything.
///
/// # Errors
/// The user's account is gone, or the store does not answer.
pub fn news(service: &MailboxService, login: &Login, types: &PushTypes, since: &Told) -> Result<News> {
    let own = service.account(login.account)?;
    let mut news = News { change: StateChange::default(), told: Told::default() };
    news.add(&own, &OWN, types, since)?;
    let shared = own.snapshot()?.shared()?;
    let owners: BTreeMap<AccountId, ()> =
        shared.iter().filter_map(|shared| Some((shared.mailbox.owner?, ()))).collect();
    for owner in owners.into_keys() {
        match own.of(owner).and_then(|account| news.add(&account, &SHARED, types, since)) {
            // It was removed meanwhile.
            Err(error) if error.kind == ErrorKind::NotFound => {}
            added => added?,
        }
    }
    Ok(news)
}

/// A type of ours, as it is pushed.
type Pushed = (PushType, DataType);

const OWN: [Pushed; 7] = [
    (PushType::Mailbox, DataType::Mailbox),
    (PushType::Thread, DataType::Thread),
    (PushType::Email, DataType::Email),
    (PushType::EmailDelivery, DataType::EmailDelivery),
    (PushType::Identity, DataType::Identity),
    (PushType::EmailSubmission, DataType::EmailSubmission),
    (PushType::VacationResponse, DataType::VacationResponse),
];

/// What a guest can ask for.
const SHARED: [Pushed; 4] = [
    (PushType::Mailbox, DataType::Mailbox),
    (PushType::Thread, DataType::Thread),
    (PushType::Email, DataType::Email),
    (PushType::EmailDelivery, DataType::EmailDelivery),
];

impl News {
    fn add(&mut self, account: &Account, pushed: &[Pushed], types: &PushTypes, since: &Told) -> Result<()> {
        let snapshot = account.snapshot()?;
        let before = since.modseqs.get(&account.id()).copied();
        let mut states = Vec::new();
        for (push_type, data) in pushed {
            let state = snapshot.state(*data);
            let is_new = before.is_none_or(|before| state.modseq > before);
            if is_new && types.contains(*push_type) {
                states.push(TypeState { push_type: *push_type, state: state.to_string().into() });
            }
        }
        if !account.is_others() {
            let quota = snapshot.quota_state();
            self.told.quota = Some(quota.stamp());
            if self.told.quota != since.quota && types.contains(PushType::Quota) {
                states.push(TypeState { push_type: PushType::Quota, state: quota.text().into() });
            }
        }
        self.told.modseqs.insert(account.id(), snapshot.modseq().value());
        if !states.is_empty() {
            self.change.changed.push(AccountStates { account_id: Id::from(account.id()), states });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec: RFC 8620 §7.3; RFC 8887 §4.3.5.1
    #[test]
    fn how_far_is_read_as_it_is_printed() {
        let told = |of: &[(u32, u64)]| {
            let modseqs = of.iter().map(|(account, modseq)| (AccountId(*account), *modseq)).collect();
            Told { modseqs, quota: None }
        };
        let with_quota = Told { quota: Some(u64::MAX), ..told(&[(1, 7)]) };
        for told in [told(&[(1, 0)]), told(&[(1, 77), (5, u64::MAX)]), with_quota] {
            assert_eq!(Told::parse(&told.to_string()), Some(told));
        }
        let one = told(&[(1, 7)]).to_string();
        for bad in [
            "",
            "_",
            "x",
            "1-2",
            "q-1",
            &one[1..],
            &one[..one.len() - 1],
            &format!("{one}.1"),
            "a1-+7",
            "a1-",
        ] {
            assert_eq!(Told::parse(bad), None, "{bad}");
        }
        let many: Vec<_> = (0..1000).map(|n| (n, 1)).collect();
        assert_eq!(Told::parse(&told(&many).to_string()), Some(told(&many[..NAMED_MAX])));
        assert_eq!(Told::parse(&format!("{}_{}", told(&many), told(&[(2000, 1)]))), None, "it is bounded");
        let text = told(&[(1, 77), (5, 9)]).to_string();
        assert!(text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet)), "{text}");
    }
}
