//! Whether emails have attachments (RFC 8621 §4.1.4, hasAttachment): found out from the stored structure when
//! it is first asked, and kept, because it never changes.

use std::collections::{HashMap, HashSet};

use koi_message::Structure;
use koi_store::key;
use koi_store::record::email::EmailRecord;
use koi_types::{AccountId, EmailId, Result};
use parking_lot::Mutex;

use crate::snapshot::Snapshot;

/// Structures read by one step.
const READ_MAX: usize = 2048;
/// Emails of which it is kept; then all are forgotten.
const KEPT_MAX: usize = 2_000_000;

/// What was found out.
#[derive(Default)]
pub(crate) struct Attachments(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    accounts: HashMap<AccountId, HashMap<EmailId, bool>>,
    count: usize,
}

impl Attachments {
    fn keep(&self, account: AccountId, read: Vec<Known>) {
        let mut kept = self.0.lock();
        if kept.count + read.len() > KEPT_MAX {
            *kept = Kept::default();
        }
        kept.count += read.len();
        let of_account = kept.accounts.entry(account).or_default();
        of_account.extend(read.into_iter().map(|known| (known.email, known.has)));
    }
    fn of(&self, account: AccountId, email: EmailId) -> Option<bool> {
        self.0.lock().accounts.get(&account)?.get(&email).copied()
    }
}

struct Known {
    email: EmailId,
    has: bool,
}

/// Looks at more of the emails that are `left`, from their end; those with attachments are added to `found`.
/// Answers whether none is left.
pub(super) fn look(
    snapshot: &Snapshot<'_>,
    left: &mut Vec<EmailId>,
    found: &mut HashSet<EmailId>,
) -> Result<bool> {
    let (kept, mut read) = (snapshot.attachments, Vec::new());
    while read.len() < READ_MAX {
        let Some(email) = left.pop() else { break };
        let has = match kept.of(snapshot.account, email) {
            Some(has) => has,
            None => {
                let has = has_attachment(snapshot, email)?;
                read.push(Known { email, has });
                has
            }
        };
        if has {
            found.insert(email);
        }
    }
    kept.keep(snapshot.account, read);
    Ok(left.is_empty())
}

/// An email that cannot be read has none.
fn has_attachment(snapshot: &Snapshot<'_>, email: EmailId) -> Result<bool> {
    let row = snapshot.view.get(&key::email(snapshot.account, email))?;
    let record = row.as_deref().and_then(EmailRecord::decode);
    let structure = record.and_then(|record| Structure::decode(record.structure).ok());
    Ok(structure.is_some_and(|structure| koi_message::has_attachment(&structure)))
}
