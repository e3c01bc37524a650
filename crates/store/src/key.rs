//! The key layout of the mail level: account (four octets), table letter, then big-endian numbers.
//!
//! The account comes first so that an account is one range: it can be exported, moved or dropped as one, and
//! its rows share pages. Keys are arrays of fixed length wherever their parts are, so that making one
//! allocates nothing. Table `B` of account 0 (bodies) and its layout belong to the engine.
//!
//! | table | rest of the key | value |
//! |---|---|---|
//! | A | | `AccountRecord`: MODSEQ, numbers given out, quota counters |
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
//! | D | | `PushAccountRecord`: counts of subscriptions, throttle, when something is due |
//! | D | id | `SubscriptionRecord`: a push subscription |
//! | R | id, 0, number | `PushTaskRecord`: something to be pushed to it |
//! | G | time in ms, email | `GraceRecord`: an email that is nowhere any more and may go soon |
//! | H | 0, email | `Contact`: what a contact storage message says, wherever it is |
//! | H | 1, address hash, mailbox, 1 if blocked, email | nothing: the mailbox has a contact message on it |
//! | L | modseq | `LogRecord`: what one commit changed |
//! | V | mailbox, modseq | UIDs that left the mailbox |
//! | J | 0 | `CoiSettings`: chat by IMAP |
//! | J | 1, hash of a Message-ID | `FiledChatRecord`: where a submitted chat message is |
//! | K | number | keyword |
//! | I | hash of a Message-ID, email | `ThreadKeyRecord`: thread and base subject |
//! | T | thread, email | nothing: the emails of a thread but the one it is named after |
//! | W | mailbox | the first UID that was not yet `\\Recent` in a session |
//! | X | mailbox | `ReclaimRecord`: deleted, its rows still to be reclaimed |
//! | Y | mailbox, user, uid | reserved for what is one user's own in a shared mailbox |
//! | Z | 0 | `IndexHead`: how far the search index has come, its segments |
//! | Z | 1, segment, number | emails of a segment |
//! | Z | 2, segment, number | `TermRow`: terms and their postings |
//! | Z | 3 | how many emails were purged |
//! | D, H, J, R, Z | of account 0 | domains, addresses, accounts, removed accounts, counters |
//! | Q, W | of account 0 | the secret of the folder, app passwords by account and number |
//! | K | of account 0: purpose | a private key of the server |
//! | P | of account 0: time in ms, account | nothing: when an account's pushes are due |

pub mod index;

use koi_types::annotation::{EntryName, Target};
use koi_types::{
    AccountId, AddressHash, EmailId, MailboxId, MailboxName, ModSeq, PushId, ThreadId, Timestamp, Uid, limits,
};

/// The tables of an account.
pub mod table {
    pub const ACCOUNT: u8 = b'A';
    pub const MAILBOX: u8 = b'C';
    /// Push subscriptions, and what is known of all of them together.
    pub const PUSH: u8 = b'D';
    pub const EMAIL_MEMBERSHIP: u8 = b'E';
    /// What was submitted lately, clients known to file their own sent mail, and the setting.
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
    /// Reserved from the first version: flags that are one user's own in a shared mailbox.
    pub const PER_USER: u8 = b'Y';

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

/// U: one message in a mailbox.
#[must_use]
pub fn membership(account: AccountId, mailbox: MailboxId, uid: u32) -> [u8; 13] {
    joined(&[&prefix(account, table::MEMBERSHIP), &mailbox.0.to_be_bytes(), &uid.to_be_bytes()])
}

/// U: the end of all messages with a UID of at most `last`.
#[must_use]
pub fn membership_end(account: AccountId, mailbox: MailboxId, last: u32) -> [u8; 13] {
    match last.checked_add(1) {
        Some(next) => membership(account, mailbox, next),
        None => membership(account, MailboxId(mailbox.0.saturating_add(1)), 0),
    }
}

/// M: one email.
#[must_use]
pub fn email(account: AccountId, email: EmailId) -> [u8; 21] {
    joined(&[&prefix(account, table::EMAIL), &email.0])
}

/// E: one membership of an email.
#[must_use]
pub fn email_membership(account: AccountId, email: EmailId, mailbox: MailboxId, uid: Uid) -> [u8; 29] {
    joined(&[
        &prefix(account, table::EMAIL_MEMBERSHIP),
        &email.0,
        &mailbox.0.to_be_bytes(),
        &uid.value().to_be_bytes(),
    ])
}

/// The first octets of all of an email's `E` rows.
#[must_use]
pub fn email_memberships(account: AccountId, email: EmailId) -> [u8; 21] {
    joined(&[&prefix(account, table::EMAIL_MEMBERSHIP), &email.0])
}

/// The first octets of an email's `E` rows of one mailbox.
#[must_use]
pub fn email_memberships_in(account: AccountId, email: EmailId, mailbox: MailboxId) -> [u8; 25] {
    joined(&[&email_memberships(account, email), &mailbox.0.to_be_bytes()])
}

/// The `U` key of the membership that an `E` key names.
#[must_use]
pub fn membership_of_email(account: AccountId, key: &[u8]) -> Option<[u8; 13]> {
    let mailbox = MailboxId(u32::from_be_bytes(part(key, 21)?));
    Some(membership(account, mailbox, uid_at_end(key)?.value()))
}

/// L: what one commit changed.
#[must_use]
pub fn log(account: AccountId, modseq: u64) -> [u8; 13] {
    joined(&[&prefix(account, table::LOG), &modseq.to_be_bytes()])
}

/// V: UIDs that left a mailbox at a modseq.
#[must_use]
pub fn vanished(account: AccountId, mailbox: MailboxId, modseq: u64) -> [u8; 17] {
    joined(&[&prefix(account, table::VANISHED), &mailbox.0.to_be_bytes(), &modseq.to_be_bytes()])
}

/// G: an email without memberships, by the time it lost the last.
#[must_use]
pub fn grace(account: AccountId, expunged_at: Timestamp, email: EmailId) -> [u8; 29] {
    let millis = u64::try_from(expunged_at.0).unwrap_or(0);
    joined(&[&prefix(account, table::GRACE), &millis.to_be_bytes(), &email.0])
}

/// F: a message that was submitted, by the hash of its Message-ID.
#[must_use]
pub fn submitted(account: AccountId, message_id: u64) -> [u8; 14] {
    joined(&[&sent(account, 0), &message_id.to_be_bytes()])
}

/// F: a client known to append what it sends.
#[must_use]
pub fn appending_client(account: AccountId, client: u64) -> [u8; 14] {
    joined(&[&sent(account, 1), &client.to_be_bytes()])
}

/// F: whether the server files sent mail.
#[must_use]
pub fn sent_setting(account: AccountId) -> [u8; 6] {
    sent(account, 2)
}

/// F: the beginning of all rows of one kind.
#[must_use]
pub fn sent(account: AccountId, kind: u8) -> [u8; 6] {
    joined(&[&prefix(account, table::SENT), &[kind]])
}

/// H: what an email says as a contact storage message.
#[must_use]
pub fn contact(account: AccountId, email: EmailId) -> [u8; 22] {
    joined(&[&contacts(account), &email.0])
}

/// The first octets of all of an account's contact storage messages.
#[must_use]
pub fn contacts(account: AccountId) -> [u8; 6] {
    joined(&[&prefix(account, table::CONTACT), &[0]])
}

/// H: a contact storage message about an address is in a mailbox.
#[must_use]
pub fn contact_address(
    account: AccountId,
    hash: &AddressHash,
    mailbox: MailboxId,
    blocked: bool,
    email: EmailId,
) -> [u8; 59] {
    joined(&[&contact_addresses_in(account, hash, mailbox, blocked), &email.0])
}

/// The first octets of an address's rows of one mailbox, blocked or not.
#[must_use]
pub fn contact_addresses_in(
    account: AccountId,
    hash: &AddressHash,
    mailbox: MailboxId,
    blocked: bool,
) -> [u8; 43] {
    joined(&[&contact_addresses(account, hash), &mailbox.0.to_be_bytes(), &[u8::from(blocked)]])
}

/// The first octets of all rows of an address.
#[must_use]
pub fn contact_addresses(account: AccountId, hash: &AddressHash) -> [u8; 38] {
    joined(&[&prefix(account, table::CONTACT), &[1], &hash.0])
}

/// J: the settings of COI.
#[must_use]
pub fn coi_settings(account: AccountId) -> [u8; 6] {
    coi(account, 0)
}

/// The kind of [`coi`] that says where submitted chat messages are.
pub const COI_FILED: u8 = 1;

/// J: where a submitted chat message is, by the hash of its Message-ID.
#[must_use]
pub fn filed_chat(account: AccountId, message_id: u64) -> [u8; 14] {
    joined(&[&coi(account, COI_FILED), &message_id.to_be_bytes()])
}

/// J: the beginning of all rows of one kind.
#[must_use]
pub fn coi(account: AccountId, kind: u8) -> [u8; 6] {
    joined(&[&prefix(account, table::COI), &[kind]])
}

/// K: a keyword by its number.
#[must_use]
pub fn keyword(account: AccountId, number: u16) -> [u8; 7] {
    joined(&[&prefix(account, table::KEYWORD), &number.to_be_bytes()])
}

/// O: what all annotations of an account add up to.
#[must_use]
pub fn annotation_totals(account: AccountId) -> [u8; 5] {
    prefix(account, table::ANNOTATION)
}

/// O: the first octets of all annotations of the server or of one mailbox.
#[must_use]
pub fn annotations(account: AccountId, target: Target) -> [u8; 9] {
    // No mailbox has the number 0.
    let number = match target {
        Target::Server => 0,
        Target::Mailbox(mailbox) => mailbox.0,
    };
    joined(&[&prefix(account, table::ANNOTATION), &number.to_be_bytes()])
}

/// O: one annotation.
#[must_use]
pub fn annotation(account: AccountId, target: Target, name: &EntryName) -> Vec<u8> {
    let mut key = annotations(account, target).to_vec();
    key.extend_from_slice(name.key().as_bytes());
    debug_assert!(key.len() <= limits::KEY_OCTETS_MAX);
    key
}

/// O: what an annotation belongs to, and its name in lower case; nothing for the totals.
#[must_use]
pub fn annotation_of(key: &[u8]) -> Option<(Target, EntryName)> {
    let target = match part(key, 5).map(u32::from_be_bytes)? {
        0 => Target::Server,
        number => Target::Mailbox(MailboxId(number)),
    };
    let name = EntryName::new(std::str::from_utf8(key.get(9..)?).ok()?).ok()?;
    Some((target, name))
}

/// I: an email that names a Message-ID, by the hash of that id.
#[must_use]
pub fn thread_key(account: AccountId, hash: u64, email: EmailId) -> [u8; 29] {
    joined(&[&prefix(account, table::THREAD_KEY), &hash.to_be_bytes(), &email.0])
}

/// T: an email of a thread.
#[must_use]
pub fn thread(account: AccountId, thread: ThreadId, email: EmailId) -> [u8; 37] {
    joined(&[&prefix(account, table::THREAD), &thread.0, &email.0])
}

/// D: a domain, in lower case.
#[must_use]
pub fn domain(domain: &str) -> Vec<u8> {
    global_text(table::global::DOMAIN, domain)
}

/// H: an address in the form of `Address::account_key`.
#[must_use]
pub fn address(address: &koi_types::Address) -> Vec<u8> {
    global_text(table::global::ADDRESS, &address.to_string())
}

/// J and R: one account of the directory.
#[must_use]
pub fn directory(table: u8, account: AccountId) -> [u8; 9] {
    joined(&[&prefix(AccountId::GLOBAL, table), &account.0.to_be_bytes()])
}

/// Z: the counters of the directory.
#[must_use]
pub fn counters() -> [u8; 5] {
    prefix(AccountId::GLOBAL, table::global::COUNTERS)
}

/// Q: the secret of the folder.
#[must_use]
pub fn secret() -> [u8; 5] {
    prefix(AccountId::GLOBAL, table::global::SECRET)
}

/// K: a private key, by what it is for.
#[must_use]
pub fn server_key(purpose: u8) -> [u8; 6] {
    joined(&[&prefix(AccountId::GLOBAL, table::global::KEY), &[purpose]])
}

/// P: that an account has something to be pushed at a time.
#[must_use]
pub fn push_due(at: Timestamp, account: AccountId) -> [u8; 17] {
    let millis = u64::try_from(at.0).unwrap_or(0);
    let due = prefix(AccountId::GLOBAL, table::global::PUSH_DUE);
    joined(&[&due, &millis.to_be_bytes(), &account.0.to_be_bytes()])
}

/// D: what is known of all subscriptions of an account.
#[must_use]
pub fn push_account(account: AccountId) -> [u8; 5] {
    prefix(account, table::PUSH)
}

/// D: one subscription.
#[must_use]
pub fn push_subscription(account: AccountId, id: &PushId) -> Vec<u8> {
    [&prefix(account, table::PUSH), id.as_str().as_bytes()].concat()
}

/// The first octets of all of a subscription's `R` rows: no id has a NUL.
#[must_use]
pub fn push_tasks(account: AccountId, id: &PushId) -> Vec<u8> {
    [&prefix(account, table::PUSH_TASK), id.as_str().as_bytes(), &[0]].concat()
}

/// R: one thing to be pushed.
#[must_use]
pub fn push_task(account: AccountId, id: &PushId, number: u64) -> Vec<u8> {
    [push_tasks(account, id).as_slice(), &number.to_be_bytes()].concat()
}

/// W: one app password.
#[must_use]
pub fn app_password(account: AccountId, number: u32) -> [u8; 13] {
    joined(&[&app_passwords(account), &number.to_be_bytes()])
}

/// The first octets of all of an account's `W` rows.
#[must_use]
pub fn app_passwords(account: AccountId) -> [u8; 9] {
    directory(table::global::APP_PASSWORD, account)
}

fn global_text(table: u8, text: &str) -> Vec<u8> {
    let mut key = prefix(AccountId::GLOBAL, table).to_vec();
    key.extend_from_slice(text.as_bytes());
    debug_assert!(key.len() <= limits::KEY_OCTETS_MAX);
    key
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

/// The UID at the end of a `U` or `E` key.
#[must_use]
pub fn uid_at_end(key: &[u8]) -> Option<Uid> {
    Uid::new(u32::from_be_bytes(*key.last_chunk::<4>()?))
}

/// The modseq at the end of an `L` or `V` key.
#[must_use]
pub fn modseq_at_end(key: &[u8]) -> Option<ModSeq> {
    ModSeq::new(u64::from_be_bytes(*key.last_chunk::<8>()?))
}

/// The mailbox of a `C`, `N`, `X`, `U` or `V` key.
#[must_use]
pub fn mailbox_of(key: &[u8]) -> Option<MailboxId> {
    part(key, 5).map(|octets| MailboxId(u32::from_be_bytes(octets)))
}

/// What the key of an `H` row of an address says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContactAddress {
    pub hash: AddressHash,
    pub mailbox: MailboxId,
    pub blocked: bool,
    pub email: EmailId,
}

impl ContactAddress {
    /// `None` for any other key.
    #[must_use]
    pub fn of(key: &[u8]) -> Option<Self> {
        let found = Self {
            hash: AddressHash(part(key, 6)?),
            mailbox: MailboxId(u32::from_be_bytes(part(key, 38)?)),
            blocked: part(key, 42)? == [1],
            email: EmailId(part(key, 43)?),
        };
        let account = AccountId(u32::from_be_bytes(part(key, 0)?));
        (contact_address(account, &found.hash, found.mailbox, found.blocked, found.email) == key)
            .then_some(found)
    }
}

/// The subscription of a `D` key; nothing for the account's own row.
#[must_use]
pub fn push_id_of(key: &[u8]) -> Option<PushId> {
    PushId::new(std::str::from_utf8(key.get(5..)?).ok()?)
}

/// The subscription and the number of an `R` key.
#[must_use]
pub fn push_task_of(key: &[u8]) -> Option<PushTaskKey> {
    let (rest, number) = key.get(5..)?.split_last_chunk::<8>()?;
    let (nul, id) = rest.split_last()?;
    let id = PushId::new(std::str::from_utf8(id).ok()?)?;
    (*nul == 0).then(|| PushTaskKey { id, number: u64::from_be_bytes(*number) })
}

/// What an `R` key says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushTaskKey {
    pub id: PushId,
    /// Ascends in the order of commits.
    pub number: u64,
}

/// The email of an `M` or `E` key.
#[must_use]
pub fn email_of(key: &[u8]) -> Option<EmailId> {
    part(key, 5).map(EmailId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_behind_their_last_key() {
        let range = below(&[1, 255, 255]);
        assert_eq!(range.end, [2]);
        assert_eq!(below(b"\0\0\0\x01U").end, b"\0\0\0\x01V");
        let last = membership(AccountId(1), MailboxId(2), u32::MAX);
        assert!(last < membership_end(AccountId(1), MailboxId(2), u32::MAX));
        assert_eq!(membership_end(AccountId(1), MailboxId(2), 4), membership(AccountId(1), MailboxId(2), 5));
    }

    #[test]
    fn parts_come_back_out_of_keys() {
        let key = email_membership(AccountId(7), EmailId([9; 16]), MailboxId(3), Uid::MIN);
        assert_eq!(email_of(&key), Some(EmailId([9; 16])));
        assert_eq!(uid_at_end(&key), Some(Uid::MIN));
        let row = membership(AccountId(7), MailboxId(3), 1);
        assert_eq!(membership_of_email(AccountId(7), &key), Some(row));
        assert_eq!(mailbox_of(&vanished(AccountId(7), MailboxId(3), 5)), Some(MailboxId(3)));
        assert_eq!(modseq_at_end(&log(AccountId(7), 5)), ModSeq::new(5));
        let hash = AddressHash([3; 32]);
        let key = contact_address(AccountId(7), &hash, MailboxId(3), true, EmailId([9; 16]));
        let ContactAddress { hash: found, mailbox, blocked, email } = ContactAddress::of(&key).unwrap();
        assert_eq!((found, mailbox, blocked, email), (hash, MailboxId(3), true, EmailId([9; 16])));
        assert!(ContactAddress::of(&contact(AccountId(7), EmailId([9; 16]))).is_none());
        let id = PushId::new("0123456789").unwrap();
        let task = push_task_of(&push_task(AccountId(7), &id, 0x0102)).unwrap();
        assert_eq!(task, PushTaskKey { id: id.clone(), number: 0x0102 });
        assert_eq!(push_id_of(&push_subscription(AccountId(7), &id)), Some(id));
        assert_eq!(push_id_of(&push_account(AccountId(7))), None);
    }

    #[test]
    fn the_longest_name_fits_a_key() {
        let longest = MailboxName::new(&"n".repeat(limits::MAILBOX_NAME_OCTETS_MAX)).unwrap();
        assert!(name(AccountId(1), table::NAME, &longest).len() <= limits::KEY_OCTETS_MAX);
        let longest = format!("/shared/{}", "n".repeat(limits::ANNOTATION_NAME_OCTETS_MAX - 8));
        let entry = EntryName::new(&longest).unwrap();
        let target = Target::Mailbox(MailboxId(3));
        assert_eq!(annotation_of(&annotation(AccountId(1), target, &entry)), Some((target, entry)));
        let address = koi_types::Address::new(&"l".repeat(64), &"d".repeat(255)).unwrap();
        assert!(super::address(&address).len() <= limits::KEY_OCTETS_MAX);
    }
}
