//! Numbers in rows that never go down: what was given out once (UIDs, MODSEQ, ids) must not be given out
//! again. The engine watches them while it reads the journal again, without knowing what they are.

use super::account::AccountRecord;
use super::directory::CountersRecord;
use super::mailbox::MailboxRecord;
use crate::key::{self, table};

/// Numbers of one row.
pub type Rising = [u64; 3];

/// Those of rows A, C and Z; nothing for other rows, and for those that cannot be read.
#[must_use]
pub fn rising(key: &[u8], value: &[u8]) -> Option<Rising> {
    match (*key.get(4)?, key.len()) {
        (table::ACCOUNT, 5) => {
            let a = AccountRecord::decode(value)?;
            Some([a.modseq, u64::from(a.next_mailbox.0), u64::from(a.last_uidvalidity)])
        }
        (table::MAILBOX, 9) => {
            let c = MailboxRecord::decode(value)?;
            // A mailbox that was repaired begins anew, with a higher UIDVALIDITY.
            let (uidvalidity, uidnext) = (u64::from(c.uidvalidity.value()), u64::from(c.uidnext.value()));
            Some([uidvalidity << 32 | uidnext, c.highest_modseq.value(), 0])
        }
        (table::global::COUNTERS, 5) if key == key::counters() => {
            let z = CountersRecord::decode(value)?;
            Some([u64::from(z.next_account.0), u64::from(z.next_scope.0), 0])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use koi_types::{AccountId, MailboxId, ModSeq, UidValidity};

    use super::*;
    use crate::body::Scope;

    #[test]
    fn counters_are_found_in_their_rows_only() {
        let account = AccountRecord { modseq: 7, ..AccountRecord::new(Scope(1)) };
        let key = key::account(AccountId(3));
        assert_eq!(rising(&key, &account.encode()), Some([7, 1, 0]));
        assert_eq!(rising(&key, b"\x63"), None);
        let mailbox = MailboxRecord::new(UidValidity::new(5).unwrap(), ModSeq::new(6).unwrap()).encode();
        let key = key::mailbox(AccountId(3), table::MAILBOX, MailboxId(2));
        assert_eq!(rising(&key, &mailbox), Some([5 << 32 | 1, 6, 0]));
        assert_eq!(rising(&key::mailbox(AccountId(3), table::MAILBOX_NAME, MailboxId(2)), &mailbox), None);
        let counters = CountersRecord { next_account: AccountId(4), next_scope: Scope(2) };
        assert_eq!(rising(&key::counters(), &counters.encode()), Some([4, 2, 0]));
        assert_eq!(rising(b"", b""), None);
    }
}
