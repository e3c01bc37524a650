//! Changes of emails and mailboxes as JMAP makes them: what is done, what is refused and why; uploads.

use koi_mailbox::emails::{
    DataType, EmailChange, EmailChanged, EmailCreation, EmailKeyword, EmailRefused, EmailUpdate,
    MailboxChange, MailboxChanged, MailboxCreation, MailboxRefused, MailboxRole, MailboxUpdate, SetOutcome,
    SetUpdate, State,
};
use koi_mailbox::{Account, INBOX, Options, Quota};
use koi_types::{BlobName, EmailId, MailboxId, Role, SystemFlags, UploadId, limits};

use crate::emails::{state, view};
use crate::rig::{Rig, incoming, listed, mailbox, message, name};

fn keyword(name: &str) -> EmailKeyword {
    EmailKeyword::parse(name).unwrap()
}

fn set(account: &Account, changes: Vec<EmailChange>) -> Vec<Result<EmailChanged, EmailRefused>> {
    match account.set_emails(None, changes).wait().unwrap() {
        SetOutcome::Done { results, .. } => results,
        SetOutcome::StateMismatch => panic!("no state was asked for"),
    }
}

fn create(n: u32, mailboxes: &[MailboxId], keywords: &[&str]) -> EmailChange {
    EmailChange::Create(EmailCreation {
        message: incoming(&message(n)),
        mailboxes: mailboxes.iter().copied().collect(),
        keywords: keywords.iter().map(|name| keyword(name)).collect(),
        received_at: None,
    })
}

fn created(account: &Account, change: EmailChange) -> EmailId {
    match set(account, vec![change]).remove(0) {
        Ok(EmailChanged::Created { email, .. }) => email,
        other => panic!("{other:?}"),
    }
}

fn update(
    email: EmailId,
    keywords: Option<SetUpdate<EmailKeyword>>,
    to: Option<Vec<MailboxId>>,
) -> EmailChange {
    let mailboxes = to.map(SetUpdate::Replace);
    EmailChange::Update { email, update: EmailUpdate { keywords, mailboxes } }
}

// spec: RFC 8621 §4.6
#[test]
fn an_email_in_two_mailboxes_is_changed_in_both() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice.create(&name("Two"), None).wait().unwrap();
    let two = mailbox(&alice, "Two").id;
    let email = created(&alice, create(1, &[INBOX, two], &["$draft", "Work"]));
    assert_eq!(
        (listed(&alice, INBOX), listed(&alice, two)),
        (vec!["1 \\Draft Work".into()], vec!["1 \\Draft Work".to_owned()])
    );
    let patch = SetUpdate::Patch { add: vec![keyword("$seen")], remove: vec![keyword("work")] };
    assert!(set(&alice, vec![update(email, Some(patch), None)])[0].is_ok());
    assert_eq!(
        (listed(&alice, INBOX), listed(&alice, two)),
        (vec!["1 \\Seen \\Draft".into()], vec!["1 \\Seen \\Draft".to_owned()])
    );
    let replace = SetUpdate::Replace(vec![keyword("x")]);
    assert!(set(&alice, vec![update(email, Some(replace), Some(vec![two]))])[0].is_ok());
    assert_eq!((listed(&alice, INBOX), listed(&alice, two)), (vec![], vec!["1 x".to_owned()]));
    assert!(set(&alice, vec![update(email, None, Some(vec![INBOX]))])[0].is_ok());
    assert_eq!((listed(&alice, INBOX), listed(&alice, two)), (vec!["2 x".to_owned()], vec![]));
    assert_eq!(view(&alice, |emails| emails.email(email)).unwrap().mailboxes, [INBOX]);
    assert!(set(&alice, vec![EmailChange::Destroy(email)])[0].is_ok());
    assert_eq!(view(&alice, |emails| emails.email(email)), None);
}

// spec: RFC 8620 §5.3
#[test]
fn each_change_is_refused_alone() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let email = created(&alice, create(1, &[INBOX], &[]));
    let nowhere = MailboxId(99);
    let many: Vec<EmailKeyword> =
        (0..=limits::KEYWORDS_PER_MESSAGE_MAX).map(|n| keyword(&format!("k{n}"))).collect();
    let results = set(
        &alice,
        vec![
            create(2, &[], &[]),
            create(3, &[INBOX, nowhere], &[]),
            update(EmailId([7; 16]), None, Some(vec![INBOX])),
            update(email, None, Some(vec![])),
            update(email, None, Some(vec![nowhere])),
            update(email, Some(SetUpdate::Replace(many)), None),
            update(email, Some(SetUpdate::Replace(vec![keyword("fine")])), None),
            EmailChange::Destroy(EmailId([7; 16])),
        ],
    );
    let words: Vec<String> = results
        .iter()
        .map(|result| match result {
            Ok(done) => format!("{done:?}"),
            Err(EmailRefused::MailboxNotFound(mailbox)) => format!("no mailbox {}", mailbox.0),
            Err(refused) => format!("{refused:?}"),
        })
        .collect();
    assert_eq!(
        words,
        [
            "NoMailbox",
            "no mailbox 99",
            "NotFound",
            "NoMailbox",
            "no mailbox 99",
            "TooManyKeywords",
            "Updated",
            "NotFound"
        ]
    );
    assert_eq!(listed(&alice, INBOX), ["1 fine"]);
    let old = state(&alice, DataType::Email);
    assert!(set(&alice, vec![create(4, &[INBOX], &[])])[0].is_ok());
    let outcome = alice.set_emails(Some(old), vec![create(5, &[INBOX], &[])]).wait().unwrap();
    assert!(matches!(outcome, SetOutcome::StateMismatch));
    assert_eq!(listed(&alice, INBOX).len(), 2);
}

// spec: RFC 8620 §5.3; RFC 9208 §4.3.1
#[test]
fn a_full_account_may_still_move() {
    let quota = Quota { messages_max: 2, ..Quota::UNLIMITED };
    let rig = Rig::with(Options { quota, ..Options::default() });
    let alice = rig.account("alice");
    alice.create(&name("Two"), None).wait().unwrap();
    let two = mailbox(&alice, "Two").id;
    let email = created(&alice, create(1, &[INBOX], &[]));
    let results = set(&alice, vec![create(2, &[INBOX], &[]), create(3, &[INBOX], &[])]);
    assert!(matches!(&results[..], [Ok(_), Err(EmailRefused::OverQuota)]), "{results:?}");
    let results =
        set(&alice, vec![update(email, None, Some(vec![INBOX, two])), update(email, None, Some(vec![two]))]);
    assert!(matches!(&results[..], [Err(EmailRefused::OverQuota), Ok(_)]), "{results:?}");
}

// spec: RFC 8621 §4.6
#[test]
fn hundreds_of_changes_are_told_in_order() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let before = state(&alice, DataType::Email);
    let results = set(&alice, (0..450).map(|n| create(n, &[INBOX], &["$seen"])).collect());
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 450);
    let ids: Vec<EmailId> = view(&alice, |emails| emails.ids().collect());
    let flag = SetUpdate::Patch { add: vec![keyword("$flagged")], remove: vec![] };
    let changes = ids.iter().map(|id| update(*id, Some(flag.clone()), None)).collect();
    let outcome = alice.set_emails(None, changes).wait().unwrap();
    let SetOutcome::Done { old_state, new_state, results } = outcome else { panic!() };
    assert!(old_state.is_some_and(|old| old != before) && new_state == state(&alice, DataType::Email));
    assert!(results.iter().all(Result::is_ok));
    let flagged = |email: &EmailId| view(&alice, |emails| emails.email(*email)).unwrap().flags;
    assert!(ids.iter().all(|id| flagged(id) == SystemFlags::SEEN.union(SystemFlags::FLAGGED)));
}

fn mailboxes(account: &Account, changes: Vec<MailboxChange>) -> Vec<String> {
    match account.set_mailboxes(None, changes).wait().unwrap() {
        SetOutcome::Done { results, .. } => results
            .into_iter()
            .map(|result| match result {
                Ok(MailboxChanged::Created(id)) => format!("created {}", id.0),
                Ok(done) => format!("{done:?}"),
                Err(MailboxRefused::InvalidName(_)) => "InvalidName".to_owned(),
                Err(refused) => format!("{refused:?}"),
            })
            .collect(),
        SetOutcome::StateMismatch => vec!["mismatch".to_owned()],
    }
}

// spec: RFC 8621 §2.5
#[test]
fn mailboxes_are_made_moved_and_destroyed() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let make = |name: &str, parent, role| {
        let (name, subscribed) = (name.into(), true);
        MailboxChange::Create(MailboxCreation { name, parent, role, sort_order: 5, subscribed })
    };
    let special = |role| Some(MailboxRole::Special(role));
    let first = mailboxes(&alice, vec![make("a", None, special(Role::Important))]);
    let a = mailbox(&alice, "a").id;
    assert_eq!(first, [format!("created {}", a.0)]);
    let shown = view(&alice, |emails| emails.mailbox(a).unwrap().unwrap());
    assert_eq!((shown.role, shown.sort_order, shown.subscribed), (special(Role::Important), 5, true));
    let again = [
        make("a", None, None),
        make("b/c", None, None),
        make("", None, None),
        make("b", Some(MailboxId(99)), None),
        make("b", None, special(Role::Important)),
        make("b", None, Some(MailboxRole::Inbox)),
        make("b", Some(a), None),
    ];
    let words = mailboxes(&alice, again.to_vec());
    let b = mailbox(&alice, "a/b").id;
    assert_eq!(
        words[..6],
        ["NameTaken", "InvalidName", "InvalidName", "ParentNotFound", "RoleTaken", "InvalidRole"]
    );
    assert_eq!(words[6], format!("created {}", b.0));
    let change = |mailbox, update| MailboxChange::Update { mailbox, update };
    let update = MailboxUpdate::default;
    rig.deliver(&[&alice], &message(1));
    alice.copy(INBOX, &crate::rig::uids(&[1]), b).wait().unwrap();
    let words = mailboxes(
        &alice,
        vec![
            change(a, MailboxUpdate { parent: Some(Some(b)), ..update() }),
            change(INBOX, MailboxUpdate { name: Some("Post".into()), ..update() }),
            change(MailboxId(99), update()),
            MailboxChange::Destroy { mailbox: a, remove_emails: false },
            MailboxChange::Destroy { mailbox: b, remove_emails: false },
            MailboxChange::Destroy { mailbox: INBOX, remove_emails: true },
            change(
                b,
                MailboxUpdate {
                    parent: Some(None),
                    name: Some("c".into()),
                    role: Some(special(Role::Important)),
                    ..update()
                },
            ),
            change(a, MailboxUpdate { role: Some(None), ..update() }),
            change(
                b,
                MailboxUpdate {
                    parent: Some(None),
                    name: Some("c".into()),
                    role: Some(special(Role::Important)),
                    subscribed: Some(false),
                    ..update()
                },
            ),
            MailboxChange::Destroy { mailbox: a, remove_emails: false },
            MailboxChange::Destroy { mailbox: b, remove_emails: true },
        ],
    );
    assert_eq!(
        words,
        [
            "Loop",
            "Forbidden",
            "NotFound",
            "HasChild",
            "HasEmail",
            "Forbidden",
            "RoleTaken",
            "Updated",
            "Updated",
            "Destroyed",
            "Destroyed"
        ]
    );
    assert!(view(&alice, |emails| emails.mailbox(b).unwrap()).is_none());
    let email = view(&alice, |emails| emails.ids().collect::<Vec<_>>());
    assert_eq!(view(&alice, |emails| emails.email(email[0])).unwrap().mailboxes, [INBOX]);
    let outcome = alice.set_mailboxes(Some(State::at(0)), vec![make("z", None, None)]).wait().unwrap();
    assert!(matches!(outcome, SetOutcome::StateMismatch));
}

fn upload(account: &Account, octets: &[u8]) -> UploadId {
    let mut stage = account.stage_upload();
    stage.write(octets).unwrap();
    account.keep_upload(stage, "text/plain").unwrap().wait().unwrap().id
}

fn read(account: &Account, name: &BlobName, range: std::ops::Range<u64>) -> Option<String> {
    let snapshot = account.snapshot().unwrap();
    let blob = snapshot.blob(name).unwrap()?;
    let mut out = Vec::new();
    snapshot.read_blob(&blob, range, &mut out).unwrap();
    Some(String::from_utf8(out).unwrap())
}

// spec: RFC 8620 §6.1; RFC 8620 §6.2; RFC 8621 §4.8
#[test]
fn uploads_stay_for_a_while_and_become_emails() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    let id = upload(&alice, message(1).replace('\n', "\r\n").as_bytes());
    let name = BlobName::Upload(id);
    assert_eq!(read(&alice, &name, 0..4).as_deref(), Some("From"));
    assert_eq!(read(&alice, &name, 5..5).as_deref(), Some(""));
    assert_eq!(read(&bob, &name, 0..4), None, "looked up in one account");
    let snapshot = alice.snapshot().unwrap();
    let message = snapshot.message_of_blob(&name, rig.service.stage()).unwrap().unwrap();
    drop(snapshot);
    let change = EmailChange::Create(EmailCreation {
        message: std::sync::Arc::new(message),
        mailboxes: [INBOX].into_iter().collect(),
        keywords: vec![],
        received_at: None,
    });
    let email = created(&alice, change);
    rig.env.advance_secs(i64::from(limits::UPLOAD_SECS) + 1);
    rig.housekeep();
    assert_eq!(read(&alice, &name, 0..4), None, "its time is over");
    assert_eq!(read(&alice, &BlobName::Message(email), 0..4).as_deref(), Some("From"));
    let part = BlobName::Part { email, path: vec![1] };
    assert_eq!(read(&alice, &part, 0..100).as_deref(), Some("body 1\r\n"));
    assert_eq!(read(&alice, &BlobName::Part { email, path: vec![2] }, 0..100), None);
}

// spec: RFC 8620 §6.3; RFC 8621 §4.7
#[test]
fn blobs_and_emails_go_to_another_account() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    let email = created(&alice, create(1, &[INBOX], &[]));
    let name = BlobName::Message(email);
    let mut copy = bob.stage_upload();
    copy.write(read(&alice, &name, 0..4).unwrap().as_bytes()).unwrap();
    let copied = bob.keep_upload(copy, "text/plain").unwrap().wait().unwrap();
    assert_eq!(read(&bob, &BlobName::Upload(copied.id), 0..4).as_deref(), Some("From"));
    assert_eq!(read(&alice, &BlobName::Upload(copied.id), 0..4), None);
    let message = alice.snapshot().unwrap().message_of_blob(&name, bob.stage_upload()).unwrap().unwrap();
    let change = EmailChange::Create(EmailCreation {
        message: std::sync::Arc::new(message),
        mailboxes: [INBOX].into_iter().collect(),
        keywords: vec![keyword("$seen")],
        received_at: None,
    });
    created(&bob, change);
    assert_eq!(listed(&bob, INBOX), ["1 \\Seen"]);
}

// spec: RFC 8620 §6.1
#[test]
fn the_oldest_uploads_go_first() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let first = upload(&alice, b"first");
    for n in 0..limits::UPLOADS_MAX {
        rig.env.advance_secs(1);
        upload(&alice, format!("{n}").as_bytes());
    }
    assert_eq!(read(&alice, &BlobName::Upload(first), 0..9), None);
}

// spec: RFC 8621 §4.9
#[test]
fn what_is_taken_for_a_message_again_and_again_is_so_a_few_times() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let text = BlobName::Upload(upload(&alice, b"Subject: a\r\n\r\nSubject: b\r\n\r\nc"));
    assert_eq!(read(&alice, &text.part(&[1]), 0..99).as_deref(), Some("Subject: b\r\n\r\nc"));
    assert_eq!(read(&alice, &text.part(&[1, 1]), 0..99).as_deref(), Some("c"));
    assert!(read(&alice, &text.part(&[1; 5]), 0..99).is_some());
    assert_eq!(read(&alice, &text.part(&[1; 60]), 0..99), None, "each is parsed as a whole");
}
