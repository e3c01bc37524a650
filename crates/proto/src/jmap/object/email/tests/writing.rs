//! Emails that are created, changed, copied and imported.

use super::*;

/// spec: RFC 8621 §4.6; RFC 8621 §4.10
#[test]
fn the_drafts_of_the_rfc_are_created() {
    let email = create(
        r##"{"mailboxIds":{"2ea1ca41b38e":true,"#box":true},"keywords":{"$seen":true,"$Draft":true},
        "from":[{"name":"Joe Bloggs","email":"joe@example.com"}],"subject":"World domination",
        "receivedAt":"2018-07-10T01:03:11Z","sentAt":"2018-07-10T11:03:11+10:00",
        "header:X-Two:asText:all":["a","b"],"header:x-none":null,"replyTo":null,
        "bodyStructure":{"type":"multipart/alternative","subParts":[
          {"partId":"a49d","type":"text/html","header:Content-Language":"en"},
          {"blobId":"G1","type":"image/png","name":"i.png","disposition":"inline","cid":"c","size":5,
           "language":["en"],"location":"l","charset":null}]},
        "bodyValues":{"bd48":{"value":"I have","isTruncated":false}}}"##,
    )
    .unwrap();
    assert_eq!(email.mailbox_ids, [IdRef::Id(id("2ea1ca41b38e")), IdRef::Creation(id("box"))]);
    assert_eq!(email.keywords, [EmailKeyword::Draft, EmailKeyword::Seen], "sorted");
    assert_eq!(email.received_at, UtcDate::parse("2018-07-10T01:03:11Z"));
    let setting = |name: &str| email.headers.iter().find(|setting| &*setting.property == name).unwrap();
    assert_eq!(
        *setting("subject"),
        HeaderSetting {
            property: "subject".into(),
            field: "Subject".into(),
            form: HeaderForm::Text,
            values: vec![HeaderValue::Text("World domination".into())],
        }
    );
    assert_eq!(setting("sentAt").values, [HeaderValue::Date(Date::parse("2018-07-10T11:03:11+10:00"))]);
    let texts = ["a", "b"].map(|text| HeaderValue::Text(text.into()));
    assert_eq!(setting("header:X-Two:asText:all").values, texts);
    assert!(setting("header:x-none").values.is_empty() && setting("replyTo").values.is_empty());
    let parts = email.body_structure.unwrap().sub_parts.unwrap();
    assert_eq!(parts[0].part_id.as_deref(), Some("a49d"));
    assert_eq!(parts[0].headers[0].values, [HeaderValue::Raw("en".into())]);
    let expected = PartCreate {
        blob_id: Some(IdRef::Id(id("G1"))),
        has_size: true,
        name: Some("i.png".into()),
        media_type: Some("image/png".into()),
        disposition: Some("inline".into()),
        cid: Some("c".into()),
        language: Some(vec!["en".into()]),
        location: Some("l".into()),
        ..PartCreate::default()
    };
    assert_eq!(parts[1], expected);
    let value = BodyValueCreate {
        part_id: "bd48".into(),
        value: "I have".into(),
        is_encoding_problem: false,
        is_truncated: false,
    };
    assert_eq!(email.body_values, [value]);
    let flat = create(
        r#"{"mailboxIds":{"m":true},"textBody":[{"partId":"1"}],"htmlBody":null,"attachments":[],"headers":[]}"#,
    )
    .unwrap();
    assert_eq!(flat.text_body.unwrap().len(), 1);
    assert_eq!((flat.html_body, flat.attachments, flat.has_headers), (None, Some(Vec::new()), true));
}

/// spec: RFC 8620 §5.3; RFC 8621 §4.1.2; RFC 8621 §4.6
#[test]
fn all_that_is_wrong_with_an_email_is_named() {
    let mailbox = r#""mailboxIds":{"m":true}"#;
    let known = [
        ("{}".to_owned(), "mailboxIds"),
        (r#"{"mailboxIds":{}}"#.to_owned(), "mailboxIds"),
        (
            r#"{"mailboxIds":{"m":false},"id":"x","threadId":"t","size":1}"#.to_owned(),
            "mailboxIds id threadId size",
        ),
        (
            format!(r#"{{{mailbox},"keywords":{{"a b":true}},"preview":"x","nope":1}}"#),
            "keywords preview nope",
        ),
        (
            format!(r#"{{{mailbox},"from":[{{"email":5}}],"to":"x","subject":["a"],"sentAt":"yesterday"}}"#),
            "from to subject sentAt",
        ),
        (
            format!(r#"{{{mailbox},"header:From:asDate":"x","header:":"y","header:x:all":"z"}}"#),
            "header:From:asDate header: header:x:all",
        ),
        (
            format!(
                r#"{{{mailbox},"bodyStructure":{{"subParts":[{{"type":5,"x":1,"header:y":2}},7]}},"textBody":{{}}}}"#
            ),
            "bodyStructure/subParts/0/header:y bodyStructure/subParts/1 bodyStructure/subParts/0/type \
             bodyStructure/subParts/0/x textBody",
        ),
        (
            format!(r#"{{{mailbox},"bodyValues":{{"1":{{}},"2":{{"value":"x","y":1}},"3":"x"}}}}"#),
            "bodyValues/1 bodyValues/2 bodyValues/3",
        ),
    ];
    for (text, expected) in known {
        let mut found: Vec<String> = wrong(create(&text)).split(' ').map(str::to_owned).collect();
        let mut expected: Vec<String> = expected.split_whitespace().map(str::to_owned).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{text}");
    }
}

/// spec: RFC 8621 §4.6; RFC 8621 §4.10
#[test]
fn updates() {
    let unread = update(r#"{"keywords/$seen":null,"keywords/$FLAGGED":true}"#).unwrap();
    let edit = SetChange::Edit { add: vec![EmailKeyword::Flagged], remove: vec![EmailKeyword::Seen] };
    assert_eq!((unread.keywords, unread.mailbox_ids), (edit, SetChange::Keep));
    let moved =
        update(r##"{"mailboxIds":{"#box":true},"keywords":null,"subject":"as it was","id":"e1"}"##).unwrap();
    assert_eq!(moved.mailbox_ids, SetChange::Replace(vec![IdRef::Creation(id("box"))]));
    assert_eq!(moved.keywords, SetChange::Replace(Vec::new()));
    assert_eq!(moved.claims.iter().map(|claim| claim.property()).collect::<Vec<_>>(), ["subject", "id"]);
    assert_eq!(wrong(update(r#"{"mailboxIds":null}"#)), "mailboxIds");
    assert_eq!(wrong(update(r#"{"mailboxIds":{}}"#)), "mailboxIds");
    assert_eq!(
        wrong(update(r#"{"mailboxIds/a b":true,"keywords/x":1,"nope":1}"#)),
        "mailboxIds/a b keywords/x nope"
    );
    assert_eq!(wrong(update(r#"{"keywords":{},"keywords/x":true}"#)), "invalidPatch");
    assert_eq!(wrong(update("5")), "invalidPatch");
    assert_eq!(wrong(update(r#"{"keywords/$Seen":true,"keywords/$seen":null}"#)), "keywords/$seen");
    let once = update(r#"{"keywords/X":true,"keywords/x":true}"#).unwrap().keywords;
    assert!(matches!(once, SetChange::Edit { add, remove } if add.len() == 1 && remove.is_empty()));
}

/// spec: RFC 8621 §4.7; RFC 8621 §4.10
#[test]
fn copies() {
    let copy = |object: &str| {
        let text = format!(r#"{{"fromAccountId":"a","accountId":"b","create":{{"k45":{object}}}}}"#);
        let read = |reading: &Reading<'_>| CopyArguments::read(arguments(&text), reading, copied);
        reading(read).unwrap().create.remove(0).object
    };
    let given = copy(r#"{"id":"Md45","mailboxIds":{"75a4c956":true},"keywords":{"$seen":true}}"#).unwrap();
    assert_eq!(given.change.mailbox_ids, [IdRef::Id(id("75a4c956"))]);
    assert_eq!(given.change.keywords, Some(vec![EmailKeyword::Seen]));
    assert_eq!(given.change.received_at, None);
    assert_eq!(wrong(copy(r#"{"id":"Md45"}"#)), "mailboxIds");
    assert_eq!(wrong(copy(r#"{"id":"Md45","mailboxIds":{"m":true},"subject":"x"}"#)), "subject");
}

/// spec: RFC 8621 §4.8
#[test]
fn imports() {
    let read = |emails: &str| {
        let text = format!(r#"{{"accountId":"a","ifInState":"5","emails":{emails}}}"#);
        reading(|reading| EmailImport::read(arguments(&text), reading))
    };
    let given = read(
        r#"{"k1":{"blobId":"b1","mailboxIds":{"m":true}},"k2":{"blobId":"b2","mailboxIds":{},"from":null}}"#,
    )
    .unwrap();
    let first = given.emails[0].object.as_ref().unwrap();
    assert_eq!((&first.blob_id, first.keywords.len(), first.received_at), (&IdRef::Id(id("b1")), 0, None));
    assert_eq!(wrong(given.emails[1].object.clone()), "mailboxIds from");
    assert_eq!(read("null").unwrap_err().kind(), "invalidArguments");
    let many: Vec<String> = (0..501).map(|n| format!(r#""k{n}":{{}}"#)).collect();
    assert_eq!(read(&format!("{{{}}}", many.join(","))), Err(MethodError::RequestTooLarge));
    let created = CreatedEmail { id: id("e1"), blob_id: id("b1"), thread_id: id("t1"), size: 359 };
    let mut response = ImportResponse {
        account_id: id("a"),
        old_state: None,
        new_state: "6".into(),
        created: Table::default(),
        not_created: Table::default(),
    };
    response.created.put(&"k1", Raw::of(&created));
    let expected = concat!(
        r#"{"accountId":"a","oldState":null,"newState":"6","created":{"k1":{"id":"e1","blobId":"b1","#,
        r#""threadId":"t1","size":359}},"notCreated":null}"#
    );
    assert_eq!(Raw::of(&response).as_str(), expected);
}
