//! Accounts as DMAP sees them: modes, STACIE, keys, signets, encrypted messages, META, submission
//! (DMAP-00 §7, docs/DMAP.md).
//!
//! An encrypted message is kept beside a fixed text, which is what every other protocol shows of it: so IMAP
//! and JMAP need no special case, and open nothing. What a mode forbids is refused in the store, once; here
//! mail is encrypted before any of it is written. Must not: know DMAP's syntax; write anything of a message
//! for an account that is not `Trustful` before it is encrypted.

mod content;
mod disclose;
mod keys;
mod login;
mod meta;
mod mode;
mod organisation;
mod others;
mod prime;
mod queue;
mod random;
mod realms;
mod receive;
mod ring;
pub(crate) mod seal;
pub(crate) mod submit;
mod waiting;

use std::sync::{Arc, LazyLock};

pub use koi_dime::Organisation;
use koi_dime::stacie::BONUS_DEFAULT;
use koi_types::{ErrorKind, MailError};

use crate::incoming::Incoming;

pub use content::{Content, ContentFacts, ContentOctets};
pub use disclose::{Disclosed, DisclosedKey, DisclosedParts};
pub use keys::{FormerKey, KeyRow, KeyStatus, NewKey};
pub use koi_types::mode::{FORWARDED, SUBMIT_PENDING, SUBMITTED};
pub use login::{StacieLogin, StacieProven};
pub use mode::{ModeChange, PrivatePart, RealmShard, StaciePasswd};
pub use organisation::LocalSignets;
pub use others::{FoundOrganisation, KnownOrganisation, NamedOrganisation};
pub use prime::{NewPrimeMessage, Prime, PrimeStage, is_prime};
pub use queue::{DueMail, FoundMail, MailSettled, OutgoingMail};
pub use realms::{NewRealm, RealmRow};
pub use receive::{Brought, BroughtStage};
pub use ring::{NewSignet, SignetName, SignetRow};
pub use submit::{Claim, SubmitOptions, Submitted};
pub use waiting::WaitingMail;

/// What an administrator may set.
#[derive(Clone, Debug)]
pub struct DmapOptions {
    /// Those whose keys this server has: one for each domain whose accounts may have encrypted mail.
    pub organisations: Vec<Arc<Organisation>>,
    /// Rounds that are added to those of a password.
    pub stacie_bonus: u32,
    /// Ordinary mail for accounts that are `Paranoid` is encrypted, instead of refused.
    pub paranoid_wraps: bool,
    /// Messages of suite 1 are taken, which an organisation can read.
    pub takes_suite_one: bool,
    /// Somebody carries messages to other organisations; else they are refused.
    pub sends: bool,
    /// What ordinary mail may become when it is encrypted for one of its recipients.
    pub encrypted_octets_max: u64,
}

impl Default for DmapOptions {
    fn default() -> Self {
        Self {
            organisations: Vec::new(),
            stacie_bonus: BONUS_DEFAULT,
            paranoid_wraps: false,
            takes_suite_one: false,
            sends: false,
            encrypted_octets_max: u64::from(u32::MAX),
        }
    }
}

/// What other protocols show of an encrypted message. Without Date: it is not known when the message was
/// written, and clients then show when it came.
const PLACEHOLDER: &str = "From: \"Encrypted message\" <encrypted@encrypted.invalid>\r\n\
    Subject: Encrypted message\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=us-ascii\r\n\
    \r\n\
    This message is encrypted, and this server cannot read it.\r\n\
    Read it with a program that speaks DMAP.\r\n";

/// The same octets for all, so stored once.
pub(crate) fn placeholder() -> Result<&'static Incoming, MailError> {
    static PARSED: LazyLock<Option<Incoming>> = LazyLock::new(|| Incoming::of(PLACEHOLDER.as_bytes()).ok());
    PARSED.as_ref().ok_or_else(|| MailError::new(ErrorKind::Internal, "internal error"))
}

/// DMAP, or a domain without an organisation's key.
pub(crate) fn not_offered() -> MailError {
    MailError::new(ErrorKind::Unsupported, "this server has no keys for encrypted mail of this domain")
}
