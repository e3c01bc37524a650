//! A PatchObject: whatever paths and values it has, it is refused with the names of what is wrong, or what it
//! changes is no contradiction and its claims can be compared (RFC 8620 §5.3).

use koi_proto::jmap::arguments::{Arguments, Reading};
use koi_proto::jmap::json::Bounds;
use koi_proto::jmap::object::email::Emails;
use koi_proto::jmap::object::identity::Identities;
use koi_proto::jmap::object::mailbox::Mailboxes;
use koi_proto::jmap::standard::{SetArguments, Settable};
use koi_proto::jmap::{
    Capabilities, Claim, CoreLimits, CreatedIds, Envelope, Json, Members, Request, Responses, SetChange,
    SetError, SetErrorKind,
};

use super::Target;

/// PatchObjects of Emails, Mailboxes and Identities.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 5] = [
        br##"{"keywords/$seen":true,"keywords/$draft":null,"mailboxIds":{"m1":true,"#k":true}}"##,
        br#"{"name":"x","parentId":null,"sortOrder":5,"myRights/mayRename":true,"id":"a"}"#,
        br#"{"replyTo":[{"name":null,"email":"a@b"}],"textSignature":null,"email":"x"}"#,
        br#"{"a/b":1,"a":2,"a~1b":3,"/":4,"":5}"#,
        br#"{"keywords":{"a":true},"keywords/b":true}"#,
    ];
    Target { name: "jmap_patch", body, seeds: seeds.iter().map(|seed| seed.to_vec()).collect(), words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\"keywords/$Seen\":null,",
    b"\"mailboxIds/#k\":true,",
    b"\"subject\":\"x\",",
    b"\"from/0/name\":1,",
    b"\"role\":null,",
    b"~0",
    b"~1",
    b"~2",
    b"/",
    b"null",
    b"true",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let Ok(value) = Json::parse(input, &Bounds::default()) else { return };
    if let Some(update) = update::<Emails>(&value) {
        for change in [count(&update.mailbox_ids), count(&update.keywords)] {
            assert!(change <= input.len());
        }
        compare(&update.claims);
    }
    if let Some(update) = update::<Mailboxes>(&value) {
        compare(&update.claims);
    }
    if let Some(update) = update::<Identities>(&value) {
        compare(&update.claims);
    }
}

/// The change that is read, if it is one.
fn update<O: Settable>(value: &Json) -> Option<O::Update> {
    let text =
        format!(r#"{{"using":[],"methodCalls":[["x",{{"accountId":"a","update":{{"e":{value}}}}},"c"]]}}"#);
    let limits = CoreLimits::default();
    let mut request = Request::parse(text.as_bytes(), &limits, Capabilities::all()).ok()?;
    let arguments: Arguments = Responses::new(&Envelope::Http).arguments(request.calls.first_mut()?).ok()?;
    let created_ids = CreatedIds::default();
    let reading = Reading { limits: &limits, created_ids: &created_ids, using: request.using };
    let mut set = SetArguments::<O>::read(arguments, &reading).expect("it is one update");
    let update = set.objects.update.pop().expect("there is one");
    update.change.map_err(|error| refused(&error)).ok()
}

fn refused(error: &SetError) {
    match &error.kind {
        SetErrorKind::InvalidProperties { properties } => assert!(!properties.is_empty()),
        kind => assert_eq!(*kind, SetErrorKind::InvalidPatch),
    }
    assert!(error.description.is_some());
}

fn count<T: PartialEq>(change: &SetChange<T>) -> usize {
    match change {
        SetChange::Keep => 0,
        SetChange::Replace(members) => members.len(),
        SetChange::Edit { add, remove } => {
            assert!(add.iter().all(|member| !remove.contains(member)), "added and removed");
            add.len() + remove.len()
        }
    }
}

/// With an object that has nothing, only null is right.
fn compare(claims: &[Claim]) {
    claims.iter().for_each(|claim| assert!(!claim.property().is_empty()));
    if let Err(error) = Claim::check(claims, &Members::default()) {
        refused(&error);
    }
}
