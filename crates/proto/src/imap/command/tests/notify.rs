//! NOTIFY.

use super::*;

fn asked(line: &str) -> NotifySet {
    match read(line) {
        Command::Notify(Notify::Set(set)) => *set,
        other => panic!("{other:?}"),
    }
}

/// RFC 5465 §8
#[test]
fn what_is_asked_for() {
    assert_eq!(read("a notify none"), Command::Notify(Notify::None));
    let all = asked(
        "a NOTIFY SET STATUS (SELECTED-DELAYED (MessageNew (uid flags uid) MessageExpunge)) \
         (mailboxes (inbox \"a b\") (MailboxName FlagChange messageExpunge MessageNew)) \
         (subtree x NONE) (personal (SubscriptionChange)) (inboxes (ServerMetadataChange)) \
         (subscribed (MailboxMetadataChange))",
    );
    assert!(all.status && !all.unknown_event);
    let selected = all.selected.unwrap();
    assert!(selected.delayed);
    assert_eq!(selected.events, Events::MESSAGES);
    assert_eq!(selected.items, [FetchItem::Uid, FetchItem::Flags]);
    let named = NotifyMailboxes::Mailboxes(vec![name("INBOX"), name("a b")]);
    let group = |mailboxes, events| NotifyGroup { mailboxes, events };
    let messages_and_names = Events::MESSAGES | Events::FLAG_CHANGE | Events::MAILBOX_NAME;
    assert_eq!(
        all.groups,
        [
            group(named, messages_and_names),
            group(NotifyMailboxes::Subtree(vec![name("x")]), Events::NONE),
            group(NotifyMailboxes::Personal, Events::SUBSCRIPTION_CHANGE),
            group(NotifyMailboxes::Inboxes, Events::SERVER_METADATA_CHANGE),
            group(NotifyMailboxes::Subscribed, Events::MAILBOX_METADATA_CHANGE),
        ]
    );
    let selected = asked("a NOTIFY SET (selected MessageNew (body[]) MessageExpunge)").selected.unwrap();
    assert!(!selected.delayed && selected.items.len() == 1, "QUIRK notify_events");
    let none = asked("a NOTIFY SET (selected NONE)");
    assert!(none.selected.unwrap().events.is_empty() && !none.status && none.groups.is_empty());
    assert!(asked("a NOTIFY SET (personal (NONESUCH))").unknown_event);
}
