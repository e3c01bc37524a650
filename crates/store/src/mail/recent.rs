//! Which messages were `\Recent` in some session (RFC 3501 §2.3.2): per mailbox, up to which UID.
//!
//! It is no change that anybody is told of: it takes no MODSEQ and stands in no log.

use koi_types::{AccountId, MailboxId, Result, Uid};

use crate::key::{self, table};
use crate::kv::{Read, Txn};
use crate::record::small::{decode_recent, encode_recent};

/// The first UID that was not yet `\Recent` in a session. A row that is missing or cannot be read says that
/// none was: messages may be recent twice, but never not at all.
pub fn recent_from(read: &(impl Read + ?Sized), account: AccountId, mailbox: MailboxId) -> Result<Uid> {
    let row = read.get(&key::mailbox(account, table::RECENT, mailbox))?;
    Ok(row.and_then(|row| decode_recent(&row)).unwrap_or(Uid::MIN))
}

/// Messages below `upto` were `\Recent` in a session. It never goes down; without the mailbox nothing
/// happens.
pub fn claim_recent(txn: &mut dyn Txn, account: AccountId, mailbox: MailboxId, upto: Uid) -> Result<()> {
    let there = txn.get(&key::mailbox(account, table::MAILBOX, mailbox))?.is_some();
    if !there || recent_from(&*txn, account, mailbox)? >= upto {
        return Ok(());
    }
    txn.put(&key::mailbox(account, table::RECENT, mailbox), &encode_recent(upto))
}
