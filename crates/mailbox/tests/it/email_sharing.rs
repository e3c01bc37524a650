//! Emails of another account, as far as they are shared (RFC 8621 §2, myRights).

use koi_mailbox::emails::{
    DataType, EmailChange, EmailCreation, EmailKeyword, EmailRefused, EmailUpdate, MailboxChange,
    MailboxRefused, MailboxUpdate, SetOutcome, SetUpdate, Told,
};
use koi_mailbox::{Account, AclChange, FlagOp};
use koi_types::{BlobName, EmailId, ErrorKind, Rights, SystemFlags, limits};

use crate::emails::{state, view};
use crate::rig::{Rig, change, incoming, message, name, new_message, uids};

// spec: RFC 8621 §2; RFC 8621 §4.6
#[test]
fn a_guest_sees_and_does_what_it_may() {
    let rig = Rig::new();
    let (alice, ben) = (rig.account("alice"), rig.account("ben"));
    let [a, b] = ["a", "b"].map(|text| alice.create(&name(text), None).wait().unwrap().mailbox);
    alice.append(a, vec![new_message(&message(1), &[])]).wait().unwrap();
    alice.append(b, vec![new_message(&message(2), &[]), new_message(&message(3), &[])]).wait().unwrap();
    alice.copy(b, &uids(&[2]), a).wait().unwrap();
    alice.set_acl(a, "ben@example.org", AclChange::Replace(Rights::parse("lrs").unwrap())).wait().unwrap();
    let guest = ben.of(alice.id()).unwrap();
    let ids: Vec<EmailId> = view(&guest, |emails| emails.ids().collect());
    let all: Vec<EmailId> = view(&alice, |emails| emails.ids().collect());
    assert_eq!((ids.len(), all.len()), (2, 3));
    let [first, third] = ids[..] else { panic!("{ids:?}") };
    let second = *all.iter().find(|id| !ids.contains(id)).unwrap();
    assert_eq!(view(&guest, |emails| emails.email(third)).unwrap().mailboxes, [a]);
    let boxes = view(&guest, |emails| emails.mailboxes().unwrap());
    assert_eq!((boxes.len(), &*boxes[0].name, boxes[0].counts.unread_emails), (1, "a", 2));

    alice.set_flags(a, &uids(&[1]), change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    let seen = |id| view(&guest, |emails| emails.email(id)).unwrap().flags.contains(SystemFlags::SEEN);
    assert!(!seen(first), "what the owner has seen");
    let before = state(&guest, DataType::Email);
    let keyword = |name: &str| EmailKeyword::parse(name).unwrap();
    let patch = |email, name: &str| {
        let keywords = Some(SetUpdate::Patch { add: vec![keyword(name)], remove: vec![] });
        EmailChange::Update { email, update: EmailUpdate { keywords, mailboxes: None } }
    };
    let create = |mailbox| {
        EmailChange::Create(EmailCreation {
            message: incoming(&message(4)),
            mailboxes: [mailbox].into_iter().collect(),
            keywords: vec![],
            received_at: None,
        })
    };
    let changes = vec![
        patch(third, "$seen"),
        patch(third, "$flagged"),
        patch(second, "$seen"),
        create(a),
        create(b),
        EmailChange::Destroy(first),
    ];
    let outcome = guest.set_emails(None, changes).wait().unwrap();
    let SetOutcome::Done { results, .. } = outcome else { panic!("no state was asked for") };
    assert!(
        matches!(
            &results[..],
            [
                Ok(_),
                Err(EmailRefused::Forbidden),
                Err(EmailRefused::NotFound),
                Err(EmailRefused::Forbidden),
                Err(EmailRefused::MailboxNotFound(_)),
                Err(EmailRefused::Forbidden)
            ]
        ),
        "{results:?}"
    );
    assert!(seen(third) && !seen(first));
    let Told::Changes(told) = view(&guest, |emails| emails.email_changes(before, 10).unwrap()) else {
        panic!("cannot calculate")
    };
    assert_eq!((told.created, told.updated, told.destroyed), (vec![], vec![third], vec![]));

    let snapshot = guest.snapshot().unwrap();
    assert!(snapshot.blob(&BlobName::Message(first)).unwrap().is_some());
    assert!(snapshot.blob(&BlobName::Message(second)).unwrap().is_none());
    assert!(snapshot.identities().unwrap().is_empty());
    drop(snapshot);
    assert_eq!(
        guest.set_identities(None, vec![]).wait().err().map(|e| e.kind),
        Some(ErrorKind::NoPermission)
    );
    let subscribe = |mailbox| MailboxChange::Update {
        mailbox,
        update: MailboxUpdate { subscribed: Some(true), ..MailboxUpdate::default() },
    };
    let destroy = MailboxChange::Destroy { mailbox: a, remove_emails: true };
    let outcome = guest.set_mailboxes(None, vec![subscribe(a), subscribe(b), destroy]).wait().unwrap();
    let SetOutcome::Done { results, .. } = outcome else { panic!("no state was asked for") };
    assert!(
        matches!(&results[..], [Ok(_), Err(MailboxRefused::NotFound), Err(MailboxRefused::Forbidden)]),
        "{results:?}"
    );
    assert!(view(&guest, |emails| emails.mailbox(a).unwrap()).unwrap().subscribed);

    alice.set_acl(b, "ben@example.org", AclChange::Replace(Rights::parse("lr").unwrap())).wait().unwrap();
    assert_eq!(view(&guest, |emails| emails.ids().count()), 3);
    let told = view(&guest, |emails| emails.email_changes(before, 10).unwrap());
    assert_eq!(told, Told::CannotCalculate);
}

// spec: RFC 8620 §6.1
#[test]
fn what_a_guest_uploads_takes_nothing_of_others_away() {
    let rig = Rig::new();
    let (alice, ben) = (rig.account("alice"), rig.account("ben"));
    let a = alice.create(&name("a"), None).wait().unwrap().mailbox;
    alice.set_acl(a, "ben@example.org", AclChange::Replace(Rights::parse("lri").unwrap())).wait().unwrap();
    let guest = ben.of(alice.id()).unwrap();
    let upload = |account: &Account, text: &str| {
        let mut stage = account.stage_upload();
        stage.write(text.as_bytes()).unwrap();
        account.keep_upload(stage, "text/plain").unwrap().wait().map(|uploaded| uploaded.id)
    };
    let there =
        |account: &Account, id| account.snapshot().unwrap().blob(&BlobName::Upload(id)).unwrap().is_some();
    let owners = upload(&alice, "owner's").unwrap();
    let first = upload(&guest, "guest's").unwrap();
    for n in 0..limits::UPLOADS_MAX {
        upload(&guest, &n.to_string()).unwrap();
    }
    assert!(there(&alice, owners) && !there(&guest, first));
    for n in 0..limits::UPLOADS_MAX {
        upload(&alice, &n.to_string()).unwrap();
    }
    assert_eq!(upload(&guest, "more").unwrap_err().kind, ErrorKind::LimitReached, "all are the owner's");
}
