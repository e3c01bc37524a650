//! The key layout of the mail level: account (four octets), table letter, then big-endian numbers.
//!
//! The account comes first so that an account is one range: it can be exported, moved or dropped as one, and
//! its rows share pages. Keys are arrays of fixed length wherever their parts are, so that making one
//! allocates nothing. Table `B` of account 0 (bodies) and its layout belong to the engine.
//!
//! | table | rest of the key | value |
//! |---|---|---|
//! | A | | `AccountRecord`: MODSEQ, numbers given out, quota counters |
//! | B | owner, mailbox | `UrlKeyRecord`: what the URLs this user makes of it are signed with |
//! | C | mailbox | `MailboxRecord`: UIDVALIDITY, UIDNEXT, counters |
//! | N | mailbox | `NameRecord`: name, role |
//! | O | | `AnnotationTotals` |
//! | O | mailbox or 0 for the server, name in lower case | `AnnotationRecord` |
//! | P | name | mailbox |
//! | S | name | nothing: a subscription, with or without mailbox |
//! | U | mailbox, uid | `Membership`: one message, the row that is scanned |
//! | M | email | `EmailRecord`: where it came in, body, envelope, structure, thread |
//! | E | email, mailbox, uid | nothing: where else an email is |
//! | F | 0, hash of a Message-ID | `SubmittedRecord`: a message that was submitted |
//! | F | 1, client | since when it is known to append what it sends |
//! | F | 2 | the setting: whether the server files sent mail |
//! | F | 3 | `SentCountsRecord`: how much was sent of what an hour and a day allow |
//! | D | | `PushAccountRecord`: counts of subscriptions, throttle, when something is due |
//! | D | id | `SubscriptionRecord`: a push subscription |
//! | R | id, 0, number | `PushTaskRecord`: something to be pushed to it |
//! | G | time in ms, email | `GraceRecord`: an email that is nowhere any more and may go soon |
//! | H | 0, email | `Contact`: what a contact storage message says, wherever it is |
//! | H | 1, address hash, mailbox, 1 if blocked, email | nothing: the mailbox has a contact message on it |
//! | L | modseq | `LogRecord`: what one commit changed |
//! | V | mailbox, modseq | UIDs that left the mailbox |
//! | g | modseq, mailbox, first uid | messages that went with a mailbox when it was deleted |
//! | i, s | object | `ObjectRecord`: an identity, a submission, or that there was one |
//! | i, s | 0 | `ObjectRecord`: up to which modseq it is forgotten what there was |
//! | q | submission | `PendingRecord`: what waits to be sent |
//! | v | | `ObjectRecord`: the answer while its owner is away |
//! | a | 0, email | `AnswerRecord`: an email that is to be answered so |
//! | a | 1, hash of an address | `AnsweredRecord`: somebody who was answered |
//! | w | upload | `UploadRecord`: octets that were uploaded, for a while |
//! | d | 0, key id | `KeyRecord`: a key of DMAP, its signet, its private half encrypted |
//! | d | 1, label, 0, serial | `RealmRecord`: the server's share of a realm key |
//! | d | 2, address, 0, fingerprint | `RingRecord`: a signet of somebody else |
//! | d | 3, id | `OutboxRecord`: a message that is being submitted by DMAP |
//! | d | 4, id | `QueuedRecord`: a message on its way to another organisation |
//! | d | 5, id | how many emails open by a key |
//! | d | 6, hash | `TakenRecord`: a message that another organisation has brought |
//! | m | mailbox, uid or 0 | the META block of a message, or of the mailbox |
//! | p | email | `PrimeRecord`: the encrypted message that an email stands for |
//! | J | 0 | `CoiSettings`: chat by IMAP |
//! | J | 1, hash of a Message-ID | `FiledChatRecord`: where a submitted chat message is |
//! | K | number | keyword |
//! | I | hash of a Message-ID, email | `ThreadKeyRecord`: thread and base subject |
//! | T | thread, email | nothing: the emails of a thread but the one it is named after |
//! | W | mailbox | the first UID that was not yet `\\Recent` in a session |
//! | X | mailbox | `ReclaimRecord`: deleted, its rows still to be reclaimed |
//! | Q | mailbox, identifier | access rights of others |
//! | Y | mailbox, user, 0 | `PerUserTotals`: what a user's rows of a mailbox add up to |
//! | Y | mailbox, user, uid | `PerUserRecord`: flags that are one user's own in a shared mailbox |
//! | Z | 0 | `IndexHead`: how far the search index has come, its segments |
//! | Z | 1, segment, number | emails of a segment |
//! | Z | 2, segment, number | `TermRow`: terms and their postings |
//! | Z | 3 | how many emails were purged |
//! | D, H, J, R, Z | of account 0 | domains, addresses, accounts, removed accounts, counters |
//! | Q, W | of account 0 | the secret of the folder, app passwords by account and number |
//! | K | of account 0: purpose | a private key of the server |
//! | S | of account 0: reason, user, owner, mailbox | nothing: a mailbox of another for a user |
//! | C | of account 0: reason, user | how often what is shared with a user has changed |
//! | P | of account 0: time in ms, account | nothing: when an account's pushes are due |
//! | N | of account 0: time in ms, account, id | the domain a message is to be sent to then |
//! | O | of account 0: domain | `OrganisationRecord`: another organisation, as it is known |

pub mod index;

mod annotation;
mod answer;
mod coi;
mod contact;
mod directory;
mod dmap;
mod dmtp;
mod message;
mod object;
mod push;
mod sharing;
mod submission;
#[cfg(test)]
mod tests;
mod upload;
mod url;

use koi_types::{AccountId, MailboxId, MailboxName, limits};

pub use annotation::*;
pub use answer::*;
pub use coi::*;
pub use contact::*;
pub use directory::*;
pub use dmap::*;
pub use dmtp::*;
pub use message::*;
pub use object::*;
pub use push::*;
pub use sharing::*;
pub use submission::*;
pub use upload::*;
pub use url::*;

/// The tables of an account.
pub mod table {
    pub const ACCOUNT: u8 = b'A';
    /// Mailbox access keys; in account 0 it is the engine's.
    pub const URL_KEY: u8 = b'B';
    pub const MAILBOX: u8 = b'C';
    /// Push subscriptions, and what is known of all of them together.
    pub const PUSH: u8 = b'D';
    pub const EMAIL_MEMBERSHIP: u8 = b'E';
    /// What was submitted lately and how much, clients known to file their own sent mail, and the setting.
    pub const SENT: u8 = b'F';
    pub const GRACE: u8 = b'G';
    /// Contact storage messages, and the addresses they are about.
    pub const CONTACT: u8 = b'H';
    pub const THREAD_KEY: u8 = b'I';
    /// Chat by IMAP (COI): the settings, and what of the sent chat is filed.
    pub const COI: u8 = b'J';
    pub const KEYWORD: u8 = b'K';
    pub const LOG: u8 = b'L';
    pub const EMAIL: u8 = b'M';
    pub const MAILBOX_NAME: u8 = b'N';
    /// Annotations of mailboxes and of the server.
    pub const ANNOTATION: u8 = b'O';
    pub const NAME: u8 = b'P';
    /// What is to be pushed.
    pub const PUSH_TASK: u8 = b'R';
    pub const SUBSCRIPTION: u8 = b'S';
    pub const THREAD: u8 = b'T';
    pub const MEMBERSHIP: u8 = b'U';
    pub const VANISHED: u8 = b'V';
    /// How far messages were `\\Recent` in some session.
    pub const RECENT: u8 = b'W';
    /// Deleted mailboxes whose rows are still to be reclaimed.
    pub const RECLAIM: u8 = b'X';
    /// The search index.
    pub const INDEX: u8 = b'Z';
    /// Access rights of others.
    pub const RIGHTS: u8 = b'Q';
    /// Flags that are one user's own in a shared mailbox.
    pub const PER_USER: u8 = b'Y';
    /// Messages that went with a deleted mailbox.
    pub const GONE: u8 = b'g';
    /// Octets that were uploaded.
    pub const UPLOAD: u8 = b'w';
    /// Identities, under which mail is sent.
    pub const IDENTITY: u8 = b'i';
    /// Submissions of emails.
    pub const SUBMISSION: u8 = b's';
    /// Submissions that wait for their time.
    pub const PENDING: u8 = b'q';
    /// The answer while its owner is away.
    pub const VACATION: u8 = b'v';
    /// Emails to be answered while its owner is away, and who was.
    pub const ANSWER: u8 = b'a';
    /// Keys, shards, signets of others and submissions of DMAP.
    pub const DMAP: u8 = b'd';
    /// META blocks of DMAP.
    pub const META: u8 = b'm';
    /// Encrypted messages that emails stand for.
    pub const PRIME: u8 = b'p';

    /// Tables of account 0.
    pub mod global {
        pub const DOMAIN: u8 = b'D';
        pub const ADDRESS: u8 = b'H';
        pub const DIRECTORY: u8 = b'J';
        /// Removed accounts whose rows are still to be reclaimed.
        pub const REMOVED: u8 = b'R';
        pub const COUNTERS: u8 = b'Z';
        /// What the salts of logins come from.
        pub const SECRET: u8 = b'Q';
        pub const APP_PASSWORD: u8 = b'W';
        /// Private keys of the server.
        pub const KEY: u8 = b'K';
        /// When accounts have something to be pushed.
        pub const PUSH_DUE: u8 = b'P';
        /// When messages are to be sent to other organisations.
        pub const SEND_DUE: u8 = b'N';
        /// Other organisations.
        pub const ORGANISATION: u8 = b'O';
        /// Mailboxes of others that a user has something to do with.
        pub const SHARED: u8 = b'S';
        /// How often that has changed, so that nobody has to read it to know that it has not.
        pub const SHARING_CHANGES: u8 = b'C';
    }
}

/// Half-open range of keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRange {
    pub from: Vec<u8>,
    pub end: Vec<u8>,
}

/// Everything that begins with `prefix`.
#[must_use]
pub fn below(prefix: &[u8]) -> KeyRange {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    KeyRange { from: prefix.to_vec(), end }
}

/// All rows of one table of an account.
#[must_use]
pub fn all(account: AccountId, table: u8) -> KeyRange {
    below(&prefix(account, table))
}

/// The first five octets of every key of a table.
#[must_use]
pub fn prefix(account: AccountId, table: u8) -> [u8; 5] {
    joined(&[&account.0.to_be_bytes(), &[table]])
}

/// A, the account's own row.
#[must_use]
pub fn account(account: AccountId) -> [u8; 5] {
    prefix(account, table::ACCOUNT)
}

/// C, N, W and X: one mailbox.
#[must_use]
pub fn mailbox(account: AccountId, table: u8, mailbox: MailboxId) -> [u8; 9] {
    joined(&[&prefix(account, table), &mailbox.0.to_be_bytes()])
}

/// P and S: by name.
#[must_use]
pub fn name(account: AccountId, table: u8, name: &MailboxName) -> Vec<u8> {
    let mut key = prefix(account, table).to_vec();
    key.extend_from_slice(name.as_str().as_bytes());
    debug_assert!(key.len() <= limits::KEY_OCTETS_MAX);
    key
}

/// K: a keyword by its number.
#[must_use]
pub fn keyword(account: AccountId, number: u16) -> [u8; 7] {
    joined(&[&prefix(account, table::KEYWORD), &number.to_be_bytes()])
}

fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut key = [0u8; N];
    let mut rest: &mut [u8] = &mut key;
    for part in parts {
        let (head, tail) = std::mem::take(&mut rest).split_at_mut(part.len());
        head.copy_from_slice(part);
        rest = tail;
    }
    debug_assert!(rest.is_empty(), "a key has exactly its parts");
    key
}

/// The `N` octets of `key` from `at`, for reading numbers back out of keys.
#[must_use]
pub fn part<const N: usize>(key: &[u8], at: usize) -> Option<[u8; N]> {
    key.get(at..)?.first_chunk::<N>().copied()
}
