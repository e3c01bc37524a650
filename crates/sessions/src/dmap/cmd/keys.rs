//! GETKEY, ADDKEY, DELETEKEY, LISTKEYS (DMAP-00 §7.4). What the mode of the account forbids is refused by the
//! mailbox service; here it is only said.

use koi_mailbox::dmap::{KeyRow, KeyStatus, NewKey};
use koi_proto::dmap::command::{AddKey, KeyPart};
use koi_proto::dmap::id::KeyId;
use koi_proto::dmap::response::{Key, KeyItem, KeyState};
use koi_proto::dmap::{DateTime, Response};
use koi_types::{ErrorKind, MailError, Timestamp, ZoneOffset};

use crate::dmap::job::{Job, Submitted, at_once, write};
use crate::dmap::reply::Reply;
use crate::session::Secret;

/// One key with everything that was asked for.
pub(crate) fn show(key: KeyId, part: KeyPart) -> Box<dyn Job> {
    at_once(move |cx| {
        let snapshot = cx.core.snapshot()?;
        let id = stored(key);
        let row = snapshot.key(&id)?.ok_or_else(no_such_key)?;
        let messages = u32::try_from(snapshot.key_messages(&id)?).unwrap_or(u32::MAX);
        Response::Key(Key { key, items: items(row, part, messages) }).push(cx.out);
        Ok(Reply::ok("GETKEY completed"))
    })
}

pub(crate) fn add(add: AddKey) -> Box<dyn Job> {
    write(
        move |cx| {
            let mut new = NewKey {
                id: stored(add.key),
                request: add.request,
                private: add.private.map(koi_proto::dmap::command::Secret::take),
                expires_at: add.expires.map(|date| date.at),
            };
            let added = cx.core.account()?.add_key(&new);
            // It may be the key itself: nothing of it stays behind.
            drop(new.private.take().map(Secret::new));
            added.map(Submitted::Pending)
        },
        |cx, added| {
            // Ordinary mail is encrypted for the new one from now on.
            cx.core.forget_made();
            added.map(|()| Reply::ok("ADDKEY completed"))
        },
    )
}

pub(crate) fn delete(key: KeyId) -> Box<dyn Job> {
    write(
        move |cx| Ok(Submitted::Pending(cx.core.account()?.delete_key(stored(key)))),
        |_, deleted| deleted.map(|()| Reply::ok("DELETEKEY completed")),
    )
}

/// DMAP-00 §7.4.4: the ids and nothing else.
pub(crate) fn list() -> Box<dyn Job> {
    at_once(|cx| {
        for row in cx.core.snapshot()?.keys()? {
            Response::Key(Key { key: KeyId(row.id.0), items: Vec::new() }).push(cx.out);
        }
        Ok(Reply::ok("LISTKEYS completed"))
    })
}

fn items(row: KeyRow, part: KeyPart, messages: u32) -> Vec<KeyItem> {
    let mut items = vec![
        KeyItem::Status(state(row.status)),
        KeyItem::Created(date(row.created_at)),
        KeyItem::Expires(row.expires_at.map(date)),
        KeyItem::Messages(messages),
    ];
    if part != KeyPart::Private {
        items.push(KeyItem::Public(Some(row.request)));
    }
    if part != KeyPart::Public {
        items.push(KeyItem::Private(row.private));
    }
    if part != KeyPart::Private {
        items.push(KeyItem::Signet(Some(row.signet).filter(|signet| !signet.is_empty())));
    }
    items
}

const fn state(status: KeyStatus) -> KeyState {
    match status {
        KeyStatus::Pending => KeyState::Pending,
        KeyStatus::Current => KeyState::Current,
        KeyStatus::Previous => KeyState::Previous,
        KeyStatus::Expired => KeyState::Expired,
    }
}

const fn date(at: Timestamp) -> DateTime {
    DateTime { at, zone: ZoneOffset(0) }
}

const fn stored(key: KeyId) -> koi_types::KeyId {
    koi_types::KeyId(key.0)
}

fn no_such_key() -> MailError {
    MailError::new(ErrorKind::NotFound, "no such key")
}
