//! What is to be told of the selected mailbox in IMAP: the news of the view, and `\Recent`, keywords and
//! rights (RFC 3501 §2.3.2, RFC 4314 §5.1.1, RFC 5465 §5.2). Must not: write the wire.

use koi_mailbox::{Account, Snapshot};
use koi_types::{NumSet, Result, Rights, Uid};

use crate::imap::open::Open;
use crate::selected::Selected;
use crate::selected::news::{Looked, Manner, News, look};
use crate::selected::telling::Telling;

/// What of this client besides.
#[derive(Clone, Copy)]
pub(super) struct Client {
    pub(super) rev2: bool,
    pub(super) offers_chat: bool,
}

/// Moves the view on to the snapshot; `None` when the mailbox is gone.
pub(super) fn compute(
    open: &mut Open,
    snapshot: &Snapshot<'_>,
    manner: &Manner,
    client: Client,
    telling: &Telling,
) -> Result<Option<News>> {
    let before = open.view.largest_uid();
    let Some(Looked { mut news, moved, row }) = look(&mut open.view, snapshot, manner, telling)? else {
        return Ok(None);
    };
    if moved {
        open.watching.seen(open.view.told_vanished());
        news.new_keywords = open.has_new_keywords(&snapshot.keywords(), client.offers_chat);
        // RFC 5465 §5.2: not what this client has put there itself.
        news.arrivals = news.arrivals.difference(&open.own_added);
        open.own_added = NumSet::new();
    }
    // RFC 4314 §5.1.1
    let of_flags = Rights::SEEN.union(Rights::WRITE).union(Rights::DELETE_MESSAGES);
    let (told, now) = (open.rights_told, row.rights);
    if of_flags.without(told) != of_flags.without(now) {
        news.permanent = Some(if open.view.read_only { Rights::NONE } else { now });
    }
    open.rights_told = now;
    if !client.rev2 {
        // Which are recent is less than the news, and the view has moved on.
        let _ = claim(&mut open.view, &open.account, before);
        if news.exists.is_some() || !news.expunged.is_empty() || !news.vanished.is_empty() {
            news.recent = open.view.tell_recent();
        }
    }
    Ok(Some(news))
}

/// Messages the client has just learnt of are `\Recent` here if no session had them before (RFC 3501 §2.3.2).
/// One that only looks takes them from nobody.
pub(crate) fn claim(view: &mut Selected, account: &Account, before: Option<u32>) -> Result<()> {
    let Some(last) = view.largest_uid().filter(|last| Some(*last) != before) else { return Ok(()) };
    let Some(upto) = Uid::new(last).and_then(Uid::next) else { return Ok(()) };
    let from = match view.read_only {
        true => account.recent_from(view.mailbox)?,
        false => account.claim_recent(view.mailbox, upto)?,
    };
    let new = before.map_or(1, |before| before.saturating_add(1));
    view.add_recent(new.max(from.value())..=last);
    Ok(())
}
