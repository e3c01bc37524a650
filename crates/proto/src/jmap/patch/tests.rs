//! Patches, right and wrong, and random ones against a plain model.

use super::*;
use crate::jmap::json::Bounds;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Bounds::default()).unwrap()
}

fn patch(text: &str) -> Patch {
    Patch::read(json(text)).unwrap()
}

fn kind(error: &SetError) -> String {
    match &error.kind {
        SetErrorKind::InvalidProperties { properties } => {
            format!("invalidProperties {}", properties.join(" "))
        }
        other => other.name().to_owned(),
    }
}

fn keywords(patch: &mut Patch) -> SetChange<String> {
    let read = |text: &str| text.starts_with('$').then(|| text.to_owned());
    patch.set("keywords", Some(Vec::new()), "a keyword", read)
}

/// spec: RFC 8620 §5.3; RFC 8620 §5.7
#[test]
fn the_two_ways_of_the_rfc() {
    let mut whole = patch(r#"{"id":"a","title":"Practise Piano","keywords":{"$music":true,"$chopin":true}}"#);
    assert_eq!(whole.value::<Box<str>>("title", None), Change::Set("Practise Piano".into()));
    assert_eq!(keywords(&mut whole), SetChange::Replace(vec!["$chopin".into(), "$music".into()]));
    let claims = whole.finish(|property| property == "id").unwrap();
    assert_eq!(claims.len(), 1);
    let mut minimal = patch(r#"{"keywords/$chopin":true,"keywords/$mozart":null}"#);
    let edit = SetChange::Edit { add: vec!["$chopin".into()], remove: vec!["$mozart".into()] };
    assert_eq!(keywords(&mut minimal), edit);
    assert_eq!(minimal.value::<Box<str>>("title", None), Change::Keep);
    assert_eq!(minimal.finish(|_| false), Ok(Vec::new()));
}

/// spec: RFC 8620 §5.3
#[test]
fn null_sets_the_default_or_removes() {
    let mut patch = patch(r#"{"name":null,"sortOrder":null,"parentId":null,"keywords":null,"role":"x"}"#);
    assert_eq!(patch.value::<Box<str>>("name", None), Change::Keep);
    assert_eq!(patch.value("sortOrder", Some(0u64)), Change::Set(0));
    assert_eq!(patch.value::<Option<Box<str>>>("parentId", Some(None)), Change::Set(None));
    assert_eq!(patch.value::<Option<Box<str>>>("role", Some(None)), Change::Set(Some("x".into())));
    assert_eq!(keywords(&mut patch), SetChange::Replace(Vec::new()));
    assert_eq!(kind(&patch.finish(|_| false).unwrap_err()), "invalidProperties name");
}

/// spec: RFC 8620 §5.3
#[test]
fn paths_that_may_not_be_patched() {
    for text in [
        "[]",
        "null",
        r#"{"keywords":{},"keywords/$a":true}"#,
        r#"{"a/b/c":1,"x":1,"a/b":2}"#,
        r#"{"a~2":1}"#,
    ] {
        assert_eq!(kind(&Patch::read(json(text)).unwrap_err()), "invalidPatch", "{text}");
    }
    assert!(
        Patch::read(json(r#"{"alerts/1":1,"alerts/10":2,"alert":3}"#)).is_ok(),
        "by token, not by letter"
    );
    let refused = |text: &str| {
        let mut patch = patch(text);
        let _ = patch.value("name", Some(Json::Null));
        let _ = keywords(&mut patch);
        kind(&patch.finish(|property| property == "id").unwrap_err())
    };
    assert_eq!(refused(r#"{"name/first":1}"#), "invalidPatch");
    assert_eq!(refused(r#"{"keywords/$a/b":true}"#), "invalidPatch");
    assert_eq!(refused(r#"{"unknown/x":1,"unheard":2}"#), "invalidPatch", "before anything else");
    assert_eq!(refused(r#"{"unknown":1}"#), "invalidProperties unknown");
    assert_eq!(
        refused(r#"{"keywords/$a":false,"keywords/b":true}"#),
        "invalidProperties keywords/$a keywords/b"
    );
    assert_eq!(refused(r#"{"keywords":["$a"]}"#), "invalidProperties keywords");
    assert_eq!(refused(r#"{"":1}"#), "invalidProperties ");
}

/// spec: RFC 8620 §5.3
#[test]
fn what_cannot_be_changed_may_be_repeated() {
    let Json::Object(current) = json(r#"{"id":"a","n":5,"rights":{"mayRead":true},"from":[{"name":"x"}]}"#)
    else {
        panic!()
    };
    let check = |text: &str| {
        let claims = patch(text).finish(|_| true).unwrap();
        Claim::check(&claims, &current).err().as_ref().map_or("right".to_owned(), kind)
    };
    assert_eq!(
        check(r#"{"id":"a","n":5.0,"rights/mayRead":true,"from":[{"name":"x"}],"none":null}"#),
        "right"
    );
    assert_eq!(check(r#"{"id":"b"}"#), "invalidProperties id");
    assert_eq!(check(r#"{"rights/mayRead":false}"#), "invalidProperties rights/mayRead");
    assert_eq!(check(r#"{"id":"b","n":5,"rights/mayRead":1}"#), "invalidProperties id rights/mayRead");
    assert_eq!(check(r#"{"from/0":{"name":"x"}}"#), "invalidPatch");
    assert_eq!(check(r#"{"from/0/name":"x"}"#), "invalidPatch");
    assert_eq!(check(r#"{"none/x":null}"#), "invalidPatch");
    assert_eq!(check(r#"{"id/x":null}"#), "invalidPatch");
}

proptest! {
    /// spec: RFC 8620 §5.3
    #[test]
    fn overlap_is_what_it_is(paths in proptest::collection::btree_set("[ab]{1,2}(/[ab~]{0,2}){0,3}", 0..6)) {
        let members: Vec<String> = paths.iter().map(|path| format!("{:?}:1", path.replace('~', "~0"))).collect();
        let overlaps = paths.iter().any(|a| paths.iter().any(|b| b.starts_with(&format!("{a}/"))));
        prop_assert_eq!(Patch::read(json(&format!("{{{}}}", members.join(",")))).is_err(), overlaps);
    }

    #[test]
    fn an_edit_is_the_members_that_were_patched(members in proptest::collection::btree_map("[$a-c/~]{1,3}", any::<bool>(), 0..6)) {
        let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
        let text: Vec<String> = members.iter()
            .map(|(name, adds)| format!("{:?}:{}", format!("s/{}", escape(name)), if *adds { "true" } else { "null" }))
            .collect();
        let mut patch = patch(&format!("{{{}}}", text.join(",")));
        let (add, remove) = match patch.set("s", None, "a name", |name| Some(name.to_owned())) {
            SetChange::Edit { add, remove } => (add, remove),
            SetChange::Keep => (Vec::new(), Vec::new()),
            SetChange::Replace(_) => return Err(TestCaseError::fail("nothing was replaced")),
        };
        let of = |wanted: bool| -> BTreeSet<String> {
            members.iter().filter(|(_, adds)| **adds == wanted).map(|(name, _)| name.clone()).collect()
        };
        prop_assert_eq!(add.into_iter().collect::<BTreeSet<_>>(), of(true));
        prop_assert_eq!(remove.into_iter().collect::<BTreeSet<_>>(), of(false));
        prop_assert_eq!(patch.finish(|_| false), Ok(Vec::new()));
    }
}
