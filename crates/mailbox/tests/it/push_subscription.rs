//! Push subscriptions of JMAP: who may see and change them, how they are verified, what they are told.

use std::collections::BTreeSet;

use koi_mailbox::emails::DataType;
use koi_mailbox::push::{
    AccountStates, NewPushSubscription, NextPush, PushContent, PushKeys, PushOptions, PushRefused,
    PushSubscriptionChange as Change, PushSubscriptionChanged as Changed, PushSubscriptionUpdate as Update,
    PushSubscriptionView, Settled,
};
use koi_mailbox::{Account, AclChange, AnnotationChange, FlagOp, NewAppPassword, Options};
use koi_types::annotation::{Depth, EntryName, Target};
use koi_types::{Access, AccessSet, PushId, Rights, Timestamp};

use crate::rig::{Rig, change, message, name, new_message, uids};

const WEEK: i64 = 7 * 24 * 3600;

fn rig() -> Rig {
    let push = PushOptions { subscriptions_max: 3, unproven_max: 5, ..PushOptions::new("PEM") };
    Rig::with(Options { push: Some(push), ..Options::default() })
}

fn new() -> NewPushSubscription {
    NewPushSubscription {
        device_client_id: "a889-ffea-910".into(),
        url: "https://push.example/1".into(),
        keys: None,
        expires: None,
        types: None,
    }
}

fn keys() -> PushKeys {
    let point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    PushKeys { p256dh: point.into(), auth: "BTBZMqHH6r4Tts7J_aSIgg".into() }
}

fn set(account: &Account, credential: Option<&str>, change: Change) -> Result<Changed, PushRefused> {
    account.set_push_subscriptions(credential, vec![change]).wait().unwrap().remove(0)
}

fn create(account: &Account, credential: Option<&str>, new: NewPushSubscription) -> PushId {
    match set(account, credential, Change::Create(new)).unwrap() {
        Changed::Created { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

fn update(account: &Account, id: &PushId, update: Update) -> Result<Changed, PushRefused> {
    set(account, None, Change::Update { id: id.clone(), update })
}

fn code(text: &str) -> Update {
    Update { verification_code: Some(Some(text.into())), ..Update::default() }
}

/// The property that was wrong.
fn wrong(refused: Result<Changed, PushRefused>) -> &'static str {
    match refused {
        Err(PushRefused::Invalid { property, .. }) => property,
        other => panic!("{other:?}"),
    }
}

fn next(rig: &Rig, account: &Account, id: &PushId) -> Option<NextPush> {
    rig.service.next_push(account.id(), id, rig.service_now()).unwrap()
}

fn settle(rig: &Rig, account: &Account, push: NextPush, settled: Settled) {
    rig.service.settle_push(account.id(), push.attempt, settled).wait().unwrap();
}

/// The verification goes out.
fn pushed_code(rig: &Rig, account: &Account, id: &PushId) -> String {
    let push = next(rig, account, id).unwrap();
    let PushContent::Verification(code) = push.content.clone() else { panic!("{:?}", push.content) };
    settle(rig, account, push, Settled::Taken);
    code
}

fn verify(rig: &Rig, account: &Account, id: &PushId) {
    let text = pushed_code(rig, account, id);
    assert!(matches!(update(account, id, code(&text)), Ok(Changed::Updated { expires: None })));
}

fn listed(account: &Account, credential: Option<&str>) -> Vec<PushSubscriptionView> {
    account.push_subscriptions(credential).unwrap()
}

fn tell(rig: &Rig, user: &Account) {
    rig.service.tell_states(&BTreeSet::from([user.id()])).unwrap().wait().unwrap();
}

/// What is pushed, and taken by the push service: names of types by account.
fn told(rig: &Rig, user: &Account, id: &PushId) -> Vec<(u32, Vec<&'static str>)> {
    tell(rig, user);
    let mut told = Vec::new();
    while let Some(push) = next(rig, user, id) {
        let settled = match &push.content {
            PushContent::States(changed) => {
                let names = |one: &AccountStates| one.states.iter().map(|state| state.name).collect();
                told.extend(changed.iter().map(|one| (one.account.0, names(one))));
                Settled::Taken
            }
            PushContent::Gone => Settled::Pointless,
            other => panic!("{other:?}"),
        };
        settle(rig, user, push, settled);
    }
    told
}

// spec: RFC 8620 §7.2; RFC 8620 §7.2.2
#[test]
fn nothing_is_told_before_the_code_came_back() {
    let rig = rig();
    let alice = rig.account("alice");
    let id = create(&alice, None, new());
    rig.deliver(&[&alice], &message(1));
    tell(&rig, &alice);
    let text = pushed_code(&rig, &alice, &id);
    assert!(text.len() == 40 && next(&rig, &alice, &id).is_none());
    assert!(listed(&alice, None)[0].verification_code.is_none());
    assert_eq!(wrong(update(&alice, &id, code("abc"))), "verificationCode");
    assert_eq!(wrong(update(&alice, &id, code(&text.replace('0', "1")))), "verificationCode");
    let unset = Update { verification_code: Some(None), ..Update::default() };
    assert!(update(&alice, &id, unset.clone()).is_ok(), "as it is");
    assert!(update(&alice, &id, code(&text)).is_ok());
    assert!(update(&alice, &id, code(&text)).is_ok(), "again");
    assert_eq!(wrong(update(&alice, &id, unset)), "verificationCode");
    assert_eq!(listed(&alice, None)[0].verification_code.as_deref(), Some(&*text));
    assert_eq!(told(&rig, &alice, &id), [], "the client can ask for what was before");
}

// spec: RFC 8620 §7.2; RFC 8620 §7.2.3
#[test]
fn one_lives_a_week_unless_its_client_prolongs_it() {
    let rig = rig();
    let alice = rig.account("alice");
    let after = |secs: i64| Timestamp::from_secs(rig.service_now().secs() + secs);
    let expiring = |expires| NewPushSubscription { expires: Some(expires), ..new() };
    let id = create(&alice, None, new());
    assert_eq!(listed(&alice, None)[0].expires, after(WEEK));
    let soon = create(&alice, None, expiring(after(60)));
    create(&alice, None, expiring(after(WEEK + 1)));
    let mut expires: Vec<Timestamp> = listed(&alice, None).iter().map(|one| one.expires).collect();
    expires.sort_unstable();
    assert_eq!(expires, [after(60), after(WEEK), after(WEEK)]);
    assert_eq!(wrong(set(&alice, None, Change::Create(expiring(after(0))))), "expires");
    verify(&rig, &alice, &soon);
    rig.env.advance_secs(59);
    let ends = |expires| Update { expires: Some(expires), ..Update::default() };
    assert_eq!(wrong(update(&alice, &soon, ends(Some(after(-1))))), "expires");
    let asked = update(&alice, &soon, ends(Some(after(120))));
    assert!(matches!(asked, Ok(Changed::Updated { expires: None })));
    let asked = update(&alice, &soon, ends(Some(after(WEEK * 4))));
    assert!(matches!(asked, Ok(Changed::Updated { expires: Some(at) }) if at == after(WEEK)));
    let asked = update(&alice, &soon, ends(None));
    assert!(matches!(asked, Ok(Changed::Updated { expires: Some(at) }) if at == after(WEEK)));
    assert!(update(&alice, &soon, ends(Some(after(1)))).is_ok());
    rig.env.advance_secs(1);
    assert_eq!(listed(&alice, None).len(), 2, "over, also before anybody tidies up");
    rig.deliver(&[&alice], &message(1));
    tell(&rig, &alice);
    assert!(next(&rig, &alice, &soon).is_none());
    assert!(matches!(update(&alice, &soon, Update::default()), Err(PushRefused::NotFound)));
    let due = rig.service.due_pushes(rig.service_now(), 10, &|_| false).unwrap().due;
    assert_eq!(rig.service.tend_pushes(due).wait().unwrap(), 1);
    assert!(update(&alice, &id, Update::default()).is_ok());
}

// spec: RFC 8620 §7.1; RFC 8620 §7.2
#[test]
fn what_is_told_is_what_changed_since_it_was_told_last() {
    let rig = rig();
    let (alice, ben) = (rig.account("alice"), rig.account("ben"));
    let all = create(&alice, None, new());
    let some = NewPushSubscription {
        types: Some(vec!["Email".into(), "Unheard".into(), "Identity".into()]),
        keys: Some(keys()),
        ..new()
    };
    let some = create(&alice, None, some);
    [&all, &some].into_iter().for_each(|id| verify(&rig, &alice, id));
    assert_eq!(rig.service.followed(alice.id()).unwrap(), BTreeSet::from([alice.id()]));
    assert_eq!(rig.service.followed(ben.id()).unwrap(), BTreeSet::new());
    let own = alice.id().0;
    rig.deliver(&[&alice], &message(1));
    rig.deliver(&[&alice], &message(2));
    assert_eq!(told(&rig, &alice, &some), [(own, vec!["Email"])]);
    let arrival = vec!["Email", "Mailbox", "Thread", "EmailDelivery"];
    assert_eq!(told(&rig, &alice, &all), [(own, arrival)]);
    assert!(told(&rig, &alice, &some).is_empty() && told(&rig, &alice, &all).is_empty());
    let inbox = koi_mailbox::INBOX;
    alice.set_flags(inbox, &uids(&[1]), change(FlagOp::Add, &["\\Flagged"]), None).wait().unwrap();
    assert_eq!(told(&rig, &alice, &all), [(own, vec!["Email"])]);

    // Quotas, where there are any: what is used, and limits that an administrator sets (RFC 9425 §6).
    let limits = |octets| koi_mailbox::OwnQuota { octets_max: octets, ..Default::default() };
    alice.set_quota(limits(Some(1_000_000))).wait().unwrap();
    assert_eq!(told(&rig, &alice, &all), [(own, vec!["Quota"])]);
    assert!(told(&rig, &alice, &all).is_empty());
    rig.deliver(&[&alice], &message(3));
    let arrival = vec!["Email", "Mailbox", "Thread", "EmailDelivery", "Quota"];
    assert_eq!(told(&rig, &alice, &all), [(own, arrival)]);
    alice.set_quota(limits(None)).wait().unwrap();
    assert_eq!(told(&rig, &alice, &all), [(own, vec!["Quota"])]);

    // What others share, once it is shared.
    let shared = ben.create(&name("shared"), None).wait().unwrap().mailbox;
    let rights = AclChange::Replace(Rights::parse("lr").unwrap());
    ben.set_acl(shared, "alice@example.org", rights).wait().unwrap();
    assert_eq!(rig.service.followed(alice.id()).unwrap(), BTreeSet::from([alice.id(), ben.id()]));
    let first = told(&rig, &alice, &all);
    assert!(first.len() == 1 && first[0].0 == ben.id().0 && first[0].1.contains(&"Mailbox"), "{first:?}");
    assert!(!first[0].1.contains(&DataType::Identity.name()), "that is the owner's alone");
    ben.append(shared, vec![new_message(&message(1), &[])]).wait().unwrap();
    let news = told(&rig, &alice, &all);
    assert!(news.len() == 1 && news[0].0 == ben.id().0 && news[0].1.contains(&"Email"), "{news:?}");
    ben.set_acl(shared, "alice@example.org", AclChange::Replace(Rights::NONE)).wait().unwrap();
    assert_eq!(rig.service.followed(alice.id()).unwrap(), BTreeSet::from([alice.id()]));
    assert!(told(&rig, &alice, &all).is_empty());
}

/// What changes while a push is under way is told by another, and a push that failed is made up for.
#[test]
fn no_change_is_lost_between_pushes() {
    let rig = rig();
    let alice = rig.account("alice");
    let id = create(&alice, None, new());
    verify(&rig, &alice, &id);
    rig.deliver(&[&alice], &message(1));
    tell(&rig, &alice);
    let under_way = next(&rig, &alice, &id).unwrap();
    for n in 2..5 {
        rig.deliver(&[&alice], &message(n));
        tell(&rig, &alice);
    }
    settle(&rig, &alice, under_way, Settled::Taken);
    let later = next(&rig, &alice, &id).unwrap();
    let later_says = later.content.clone();
    assert!(matches!(later_says, PushContent::States(_)));
    settle(&rig, &alice, later, Settled::Refused);
    assert!(next(&rig, &alice, &id).is_none(), "two wait, not four");
    rig.deliver(&[&alice], &message(9));
    assert_eq!(told(&rig, &alice, &id).len(), 1);
    assert!(next(&rig, &alice, &id).is_none());
    // A second that has nothing to tell is not sent.
    rig.deliver(&[&alice], &message(10));
    tell(&rig, &alice);
    tell(&rig, &alice);
    let first = next(&rig, &alice, &id).unwrap();
    settle(&rig, &alice, first, Settled::Taken);
    let second = next(&rig, &alice, &id).unwrap();
    assert!(matches!(second.content, PushContent::Gone));
    settle(&rig, &alice, second, Settled::Pointless);
}

/// More accounts than one push tells of.
#[test]
fn many_accounts_are_told_of_in_several_pushes() {
    let rig = rig();
    let alice = rig.account("alice");
    let id = create(&alice, None, new());
    verify(&rig, &alice, &id);
    for n in 0..11 {
        let owner = rig.account(&format!("owner{n}"));
        let shared = owner.create(&name("shared"), None).wait().unwrap().mailbox;
        let rights = AclChange::Replace(Rights::parse("lr").unwrap());
        owner.set_acl(shared, "alice@example.org", rights).wait().unwrap();
    }
    tell(&rig, &alice);
    let mut accounts = Vec::new();
    let mut pushes = 0;
    while let Some(push) = next(&rig, &alice, &id) {
        if let PushContent::States(changed) = &push.content {
            accounts.extend(changed.iter().map(|one| one.account));
            pushes += 1;
        }
        settle(&rig, &alice, push, Settled::Taken);
    }
    let each: BTreeSet<_> = accounts.iter().copied().collect();
    assert_eq!((pushes, accounts.len(), each.len()), (2, 11, 11));
}

// spec: RFC 8620 §7.2; RFC 8620 §7.2.1
#[test]
fn each_belongs_to_its_credential_and_goes_with_it() {
    let rig = rig();
    let alice = rig.account("alice");
    let directory = rig.service.directory();
    let app = |name: &str| NewAppPassword {
        name: name.into(),
        access: AccessSet::NONE.with(Access::Jmap),
        hash: [name.len() as u8; 32],
    };
    for name in ["phone", "tablet"] {
        directory.add_app_password(alice.id(), &app(name)).unwrap();
    }
    let own = create(&alice, None, new());
    let phone = create(&alice, Some("phone"), new());
    create(&alice, Some("tablet"), new());
    let ids = |credential| listed(&alice, credential).into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!((ids(None), ids(Some("phone"))), (vec![own.clone()], vec![phone.clone()]));
    let other = set(&alice, Some("tablet"), Change::Destroy(phone.clone()));
    assert!(matches!(other, Err(PushRefused::NotFound)));
    directory.remove_app_password(alice.id(), "phone").unwrap();
    assert!(ids(Some("phone")).is_empty() && next(&rig, &alice, &phone).is_none());
    assert_eq!((ids(None).len(), ids(Some("tablet")).len()), (1, 1));
    directory.set_password(alice.id(), &"another".into()).unwrap();
    assert_eq!((ids(None).len(), ids(Some("tablet")).len()), (0, 1));
    directory.set_disabled(alice.id(), true).unwrap();
    assert_eq!(ids(Some("tablet")).len(), 0);
    directory.set_disabled(alice.id(), false).unwrap();
    create(&alice, None, new());
    directory.remove(alice.id()).unwrap();
    assert_eq!(rig.service.push_users().unwrap(), BTreeSet::new());
    rig.housekeep();
}

// spec: RFC 8620 §7.2
#[test]
fn what_is_wrong_is_named_and_how_many_is_bounded() {
    let rig = rig();
    let alice = rig.account("alice");
    let bad = |new| wrong(set(&alice, None, Change::Create(new)));
    for url in ["http://push.example/", "https://", "https://user@push.example/", "https://push.example/#x"] {
        assert_eq!(bad(NewPushSubscription { url: url.into(), ..new() }), "url", "{url}");
    }
    assert_eq!(bad(NewPushSubscription { device_client_id: "".into(), ..new() }), "deviceClientId");
    let long = "x".repeat(256).into();
    assert_eq!(bad(NewPushSubscription { device_client_id: long, ..new() }), "deviceClientId");
    for wrong_keys in [
        PushKeys { p256dh: "BN".into(), ..keys() },
        PushKeys { auth: "tB".into(), ..keys() },
        PushKeys { auth: keys().p256dh, ..keys() },
    ] {
        assert_eq!(bad(NewPushSubscription { keys: Some(wrong_keys), ..new() }), "keys");
    }
    assert_eq!(bad(NewPushSubscription { types: Some(vec!["x".into(); 65]), ..new() }), "types");
    let ids: Vec<PushId> = (0..3).map(|_| create(&alice, None, new())).collect();
    let many = set(&alice, None, Change::Create(new()));
    assert!(matches!(many, Err(PushRefused::Full(_))));
    // Those that are never verified are counted after they are gone.
    for id in &ids {
        assert!(matches!(set(&alice, None, Change::Destroy(id.clone())), Ok(Changed::Destroyed)));
        assert!(matches!(set(&alice, None, Change::Destroy(id.clone())), Err(PushRefused::NotFound)));
    }
    (0..2).for_each(|_| drop(create(&alice, None, new())));
    let many = set(&alice, None, Change::Create(new()));
    assert!(matches!(many, Err(PushRefused::TooMany(_))));
    let without = Rig::new();
    let ben = without.account("ben");
    assert!(matches!(set(&ben, None, Change::Create(new())), Err(PushRefused::NotOffered)));
    assert!(listed(&ben, None).is_empty());
}

/// Each of a request alone, and in one commit.
#[test]
fn what_is_refused_of_a_request_is_refused_alone() {
    let rig = rig();
    let alice = rig.account("alice");
    let id = create(&alice, None, new());
    let bad = NewPushSubscription { url: "x".into(), ..new() };
    let update = Update { types: Some(Some(vec!["Email".into()])), ..Update::default() };
    let changes = vec![
        Change::Create(bad),
        Change::Create(new()),
        Change::Update { id: id.clone(), update },
        Change::Destroy(PushId::new("p000000000000").unwrap()),
    ];
    let results = alice.set_push_subscriptions(None, changes).wait().unwrap();
    assert!(
        matches!(
            &results[..],
            [
                Err(PushRefused::Invalid { .. }),
                Ok(Changed::Created { .. }),
                Ok(Changed::Updated { .. }),
                Err(PushRefused::NotFound)
            ]
        ),
        "{results:?}"
    );
    let types = listed(&alice, None).into_iter().find(|one| one.id == id).unwrap().types;
    assert_eq!(types, Some(vec!["Email".into()]));
}

/// IMAP neither sees nor touches them.
#[test]
fn they_are_no_annotations() {
    let rig = rig();
    let alice = rig.account("alice");
    let id = create(&alice, None, new());
    let root = EntryName::new("/private/vendor/vendor.dovecot/webpush").unwrap();
    let snapshot = alice.snapshot().unwrap();
    let rows = snapshot.annotations(Target::Server, &root, Depth::Infinity).unwrap();
    assert_eq!(rows.len(), 1, "the key alone");
    drop((rows, snapshot));
    for entry in [format!("{root}/subscriptions/{id}"), format!("{root}/subscriptions/{id}/validate")] {
        let name = EntryName::new(&entry).unwrap();
        let changes = vec![AnnotationChange { name, value: None }];
        assert!(alice.set_annotations(Target::Server, changes).wait().is_err(), "{entry}");
    }
    assert_eq!(listed(&alice, None).len(), 1);
}
