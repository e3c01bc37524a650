//! Mailboxes, Threads and search snippets (RFC 8621 §2, RFC 8621 §3, RFC 8621 §5).

use super::*;

/// spec: RFC 8621 §2; RFC 8621 §2.1; RFC 8621 §2.6
#[test]
fn a_mailbox() {
    let mailbox = Mailbox {
        id: id("MB23cfa8094c0f41e6"),
        name: "Inbox".into(),
        parent_id: None,
        role: Some("inbox".into()),
        sort_order: 10,
        total_emails: 16_307,
        unread_emails: 13_905,
        total_threads: 5833,
        unread_threads: 5128,
        my_rights: MailboxRights(Rights::ALL.without(Rights::DELETE).without(Rights::EXPUNGE)),
        is_subscribed: true,
    };
    let expected = concat!(
        r#"{"id":"MB23cfa8094c0f41e6","name":"Inbox","parentId":null,"role":"inbox","sortOrder":10,"#,
        r#""totalEmails":16307,"unreadEmails":13905,"totalThreads":5833,"unreadThreads":5128,"myRights":{"#,
        r#""mayReadItems":true,"mayAddItems":true,"mayRemoveItems":false,"maySetSeen":true,"#,
        r#""maySetKeywords":true,"mayCreateChild":true,"mayRename":false,"mayDelete":false,"maySubmit":true},"#,
        r#""isSubscribed":true}"#
    );
    assert_eq!(shown(|slot| mailbox.write(MailboxProperty::ALL, slot)), expected);
    let counts = r#"{"id":"MB23cfa8094c0f41e6","totalEmails":16307,"unreadEmails":13905,"totalThreads":5833,"unreadThreads":5128}"#;
    assert_eq!(shown(|slot| mailbox.write(&MailboxProperty::COUNTS, slot)), counts);
    for property in MailboxProperty::ALL {
        assert_eq!(MailboxProperty::parse(&property.name()), Some(*property));
    }
}

/// spec: RFC 8621 §2; RFC 8621 §2.5
#[test]
fn mailboxes_are_created_and_changed() {
    let created =
        create::<Mailboxes>(r##"{"name":"Größe","parentId":"#k","sortOrder":2147483647}"##).unwrap();
    assert_eq!((&*created.name, created.parent_id), ("Größe", Some(IdRef::Creation(id("k")))));
    assert_eq!((created.sort_order, created.is_subscribed, created.role), (2_147_483_647, None, None));
    let all_wrong =
        r#"{"name":"","sortOrder":2147483648,"role":5,"isSubscribed":null,"id":"x","myRights":{}}"#;
    assert_eq!(wrong(create::<Mailboxes>(all_wrong)), "name role sortOrder isSubscribed id myRights");
    assert_eq!(wrong(create::<Mailboxes>(r#"{"name":"a\tb"}"#)), "name");
    assert_eq!(wrong(create::<Mailboxes>("{}")), "name");
    let changed =
        update::<Mailboxes>(r#"{"name":"x","parentId":null,"role":null,"sortOrder":null}"#).unwrap();
    assert_eq!(changed.name, Change::Set("x".into()));
    assert_eq!((changed.parent_id, changed.role), (Change::Set(None), Change::Set(None)));
    assert_eq!((changed.sort_order, changed.is_subscribed), (Change::Set(0), Change::Keep));
    let whole =
        update::<Mailboxes>(r#"{"id":"x","isSubscribed":true,"totalEmails":5,"myRights/mayRename":true}"#);
    assert_eq!(whole.unwrap().claims.len(), 3);
    assert_eq!(
        wrong(update::<Mailboxes>(r#"{"name":null,"sortOrder":-1,"color":"red"}"#)),
        "name sortOrder color"
    );
    assert_eq!(wrong(update::<Mailboxes>(r#"{"name/x":1}"#)), "invalidPatch");
    assert!(set::<Mailboxes>(r#""onDestroyRemoveEmails":true"#).extra.on_destroy_remove_emails);
}

/// spec: RFC 8621 §2.3
#[test]
fn mailboxes_are_queried() {
    let query = |text: &str| {
        let text = format!(r#"{{"accountId":"a",{text}}}"#);
        reading(|reading| QueryArguments::<Mailboxes>::read(arguments(&text), reading))
    };
    let given = query(
        r##""filter":{"parentId":"#k","name":"x","role":null,"hasAnyRole":false,"isSubscribed":true},
        "sort":[{"property":"sortOrder"},{"property":"name"}],"sortAsTree":true"##,
    )
    .unwrap();
    let condition = MailboxCondition {
        parent_id: Some(Some(id("made"))),
        name: Some("x".into()),
        role: Some(None),
        has_any_role: Some(false),
        is_subscribed: Some(true),
    };
    assert_eq!(given.filter, Some(Filter::Condition(condition)));
    assert_eq!(
        given.sort.iter().map(|one| one.key).collect::<Vec<_>>(),
        [MailboxSortKey::SortOrder, MailboxSortKey::Name]
    );
    assert!(given.extra.sort_as_tree && !given.extra.filter_as_tree);
    let top = query(r#""filter":{"parentId":null}"#).unwrap().filter;
    let expected = MailboxCondition { parent_id: Some(None), ..MailboxCondition::default() };
    assert_eq!(top, Some(Filter::Condition(expected)));
    assert_eq!(query(r#""sort":[{"property":"totalEmails"}]"#).unwrap_err().kind(), "unsupportedSort");
    assert_eq!(query(r##""filter":{"parentId":"#x"}"##).unwrap_err().kind(), "invalidArguments");
}

/// spec: RFC 8621 §3; RFC 8621 §3.1; RFC 8621 §3.1.1
#[test]
fn a_thread() {
    let thread = Thread { id: id("f123u4"), email_ids: vec![id("eaa623"), id("f782cbb")] };
    let expected = r#"{"id":"f123u4","emailIds":["eaa623","f782cbb"]}"#;
    assert_eq!(shown(|slot| thread.write(ThreadProperty::ALL, slot)), expected);
    let text = r#"{"accountId":"a","properties":["subject"]}"#;
    assert!(reading(|reading| GetArguments::<Threads>::read(arguments(text), reading)).is_err());
}

/// spec: RFC 8621 §5; RFC 8621 §5.1; RFC 8621 §5.2
#[test]
fn search_snippets() {
    let read = |text: &str| reading(|reading| SearchSnippetGet::read(arguments(text), reading));
    let given = read(r#"{"accountId":"a","filter":{"text":"foo"},"emailIds":["M44","M7b"]}"#).unwrap();
    assert!(given.filter.is_some());
    assert_eq!(given.email_ids.len(), 2);
    assert!(read(r#"{"accountId":"a"}"#).is_err());
    assert_eq!(
        read(r#"{"accountId":"a","emailIds":[],"filter":{"x":1}}"#).unwrap_err().kind(),
        "unsupportedFilter"
    );
    let snippet = SearchSnippet {
        email_id: id("M7b"),
        subject: Some("The <mark>Foo</mark>sball competition".into()),
        preview: None,
    };
    let mut response = SearchSnippetResponse {
        account_id: id("a"),
        list: [snippet].iter().collect::<Items>(),
        not_found: Vec::new(),
    };
    let expected = concat!(
        r#"{"accountId":"a","list":[{"emailId":"M7b","subject":"The <mark>Foo</mark>sball competition","#,
        r#""preview":null}],"notFound":"#
    );
    assert_eq!(Raw::of(&response).as_str(), format!("{expected}null}}"));
    response.not_found.push(IdRef::Id(id("M9")));
    assert_eq!(Raw::of(&response).as_str(), format!(r#"{expected}["M9"]}}"#));
}
