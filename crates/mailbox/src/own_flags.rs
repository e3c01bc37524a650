//! Messages as a guest has them: `\Seen` and the MODSEQ are its own, everything else is everybody's.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use koi_store::key::{self, PerUserKey};
use koi_store::record::membership::Membership;
use koi_store::record::sharing::PerUserRecord;
use koi_types::{AccountId, MailboxId, NumSet, Result, Rights, SystemFlags};

use crate::row::MessageRow;
use crate::snapshot::{Scanned, Snapshot, no_such_mailbox};

/// UIDs whose own flags are held at a time.
const WINDOW: u32 = 4096;

/// A message with a guest's own flags on it.
pub(crate) fn own_view(everybodys: Membership<'_>, own: Option<PerUserRecord>) -> Membership<'_> {
    let seen = own.map_or(SystemFlags::NONE, |own| own.flags);
    let modseq = own.map_or(everybodys.modseq, |own| own.modseq.max(everybodys.modseq));
    let flags = everybodys.flags.without(SystemFlags::SEEN).union(seen);
    Membership { flags, modseq, ..everybodys }
}

impl Snapshot<'_> {
    /// Visits messages as a user has them.
    pub(crate) fn messages_of(
        &self,
        user: AccountId,
        mailbox: MailboxId,
        uids: &NumSet,
        mut visit: impl FnMut(&MessageRow<'_>) -> ControlFlow<()>,
    ) -> Result<Scanned> {
        self.require(mailbox, Rights::READ)?;
        let record = self.mailbox_record(mailbox)?.ok_or_else(no_such_mailbox)?;
        let mut left = uids.clone();
        left.remove_range(record.uidnext.value()..=u32::MAX);
        let mut all = Scanned::default();
        let mut flow = ControlFlow::Continue(());
        while let Some(first) = left.first().filter(|_| flow.is_continue()) {
            let last = first.saturating_add(WINDOW - 1);
            let mut window = NumSet::new();
            window.insert_range(first..=last);
            let wanted = left.intersect(&window);
            left.remove_range(first..=last);
            let own = self.own_rows(user, mailbox, first, last)?;
            let scanned = self.everybodys(mailbox, &wanted, |row| {
                let own = own.get(&row.uid.value()).copied();
                flow = visit(&MessageRow { uid: row.uid, membership: own_view(row.membership, own) });
                flow
            })?;
            all.corrupt.0.extend(&scanned.corrupt.0);
        }
        Ok(all)
    }
    fn own_rows(
        &self,
        user: AccountId,
        mailbox: MailboxId,
        first: u32,
        last: u32,
    ) -> Result<BTreeMap<u32, PerUserRecord>> {
        let from = key::per_user(self.account, mailbox, user, first);
        let end = key::below(&key::per_user(self.account, mailbox, user, last)).end;
        let mut rows = BTreeMap::new();
        self.view.scan(&from, &end, &mut |key, row| {
            let uid = PerUserKey::of(key).and_then(|key| key.uid);
            if let (Some(uid), Some(row)) = (uid, PerUserRecord::decode(row)) {
                rows.insert(uid.value(), row);
            }
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }
}
