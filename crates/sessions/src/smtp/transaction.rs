//! One mail transaction: reverse-path, recipients, and the message as far as it has arrived (RFC 5321 §3.3).

use koi_mailbox::{SentShares, Stage};
use koi_proto::smtp::{Mail, Reply};
use koi_types::{AccountId, Address, ReversePath};

use crate::account_rates::Counted;

pub(super) struct Transaction {
    pub(super) from: ReversePath,
    /// As MAIL declared it (RFC 1870 §6), 0 when it did not.
    pub(super) size: u64,
    /// RFC 6531 §3.4
    pub(super) smtputf8: bool,
    /// What a user has sent with it.
    pub(super) counted: Option<Counted>,
    pub(super) recipients: Vec<Recipient>,
    pub(super) message: Arriving,
    /// Chunks come by BDAT; DATA is not allowed any more (RFC 3030 §2).
    pub(super) chunking: bool,
    /// The chunk that arrives is the last; also set by DATA.
    pub(super) last: bool,
    /// What went wrong while the message arrived: the reply instead of a delivery.
    pub(super) broken: Option<Reply>,
}

#[derive(Clone, Debug)]
pub(super) struct Recipient {
    /// As the peer wrote it.
    pub(super) address: Address,
    pub(super) account: AccountId,
    pub(super) counted: Option<Counted>,
}

/// The message since DATA or the first BDAT.
#[derive(Default)]
pub(super) enum Arriving {
    #[default]
    NotYet,
    /// The header is looked at when it is complete.
    Head(Vec<u8>),
    Body(Box<Bodies>),
    /// Something went wrong; `broken` says what.
    Dropped,
}

/// What is stored, as it grows.
pub(super) struct Bodies {
    pub(super) stage: Stage,
    /// The sender's own form, which has Bcc, when it differs.
    pub(super) own_form: Option<Stage>,
    /// Which program made the message, as a number for `Submission::client`.
    pub(super) client: u64,
}

impl Transaction {
    pub(super) fn new(mail: &Mail, counted: Option<Counted>) -> Self {
        Self {
            from: mail.from.clone(),
            size: mail.size.unwrap_or(0),
            smtputf8: mail.smtputf8,
            counted,
            recipients: Vec::new(),
            message: Arriving::NotYet,
            chunking: false,
            last: false,
            broken: None,
        }
    }
    pub(super) const fn has_begun(&self) -> bool {
        !matches!(self.message, Arriving::NotYet)
    }
    /// Nothing of the message is kept; the first reason counts.
    pub(super) fn fail(&mut self, reply: Reply) {
        self.message = Arriving::Dropped;
        self.broken.get_or_insert(reply);
    }
    /// What it takes of what its sender may send.
    pub(super) fn counts(&self) -> SentShares {
        let recipients = self.recipients.iter().filter_map(|recipient| recipient.counted.as_ref());
        let all = self.counted.iter().chain(recipients).map(Counted::shares);
        all.fold(SentShares::default(), SentShares::and)
    }
    /// The accounts to deliver to: two addresses of one account get one message.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        let mut seen = std::collections::BTreeSet::new();
        self.recipients.iter().map(|r| r.account).filter(|a| seen.insert(*a)).collect()
    }
}
