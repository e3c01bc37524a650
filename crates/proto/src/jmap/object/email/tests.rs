//! Emails: their properties, what is shown, what is created, changed, imported and searched for.

use super::import::{CreatedEmail, EmailImport, ImportResponse, copied};
use super::query::{CollapseThreads, EmailCondition, EmailSortKey, EmailTerm};
use super::*;
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::capability::Capabilities;
use crate::jmap::date::Date;
use crate::jmap::error::MethodError;
use crate::jmap::id::{CreatedIds, IdRef};
use crate::jmap::json::{Bounds, Json, Raw};
use crate::jmap::limits::CoreLimits;
use crate::jmap::object::address::{EmailAddress, EmailAddressGroup};
use crate::jmap::patch::SetChange;
use crate::jmap::set_error::SetErrorKind;
use crate::jmap::standard::{
    Comparator, CopyArguments, Filter, GetArguments, Operator, QueryArguments, QueryChangesArguments,
    SetArguments, Table,
};
use create::{BodyValueCreate, HeaderSetting, PartCreate};
use header::HeaderValue;

fn arguments(text: &str) -> Arguments {
    let Ok(Json::Object(members)) = Json::parse(text.as_bytes(), &Bounds::default()) else {
        panic!("{text}")
    };
    Arguments::new(members)
}

fn reading<T>(read: impl FnOnce(&Reading<'_>) -> T) -> T {
    let (limits, mut created_ids) = (CoreLimits::default(), CreatedIds::default());
    created_ids.insert(id("box"), id("m1"));
    read(&Reading { limits: &limits, created_ids: &created_ids, using: Capabilities::all() })
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn property(name: &str) -> EmailProperty {
    EmailProperty::parse(name).unwrap()
}

fn set(text: &str) -> SetArguments<Emails> {
    reading(|reading| SetArguments::read(arguments(&format!(r#"{{"accountId":"a",{text}}}"#)), reading))
        .unwrap()
}

fn create(text: &str) -> Result<EmailCreate, SetError> {
    set(&format!(r#""create":{{"k":{text}}}"#)).objects.create.remove(0).object
}

fn update(text: &str) -> Result<EmailUpdate, SetError> {
    set(&format!(r#""update":{{"e1":{text}}}"#)).objects.update.remove(0).change
}

fn wrong<T: std::fmt::Debug>(result: Result<T, SetError>) -> String {
    match result.unwrap_err().kind {
        SetErrorKind::InvalidProperties { properties } => properties.join(" "),
        other => other.name().to_owned(),
    }
}

/// spec: RFC 8621 §4.1; RFC 8621 §4.1.1; RFC 8621 §4.1.3; RFC 8621 §4.1.4
#[test]
fn every_property_has_its_name() {
    let names: Vec<_> = EmailProperty::NAMED.iter().map(|property| property.name().into_owned()).collect();
    let expected = "id blobId threadId mailboxIds keywords size receivedAt headers bodyStructure \
                    bodyValues textBody htmlBody attachments hasAttachment preview messageId inReplyTo \
                    references sender from to cc bcc replyTo subject sentAt";
    assert_eq!(names.join(" "), expected);
    for name in names {
        assert_eq!(property(&name).name(), name);
    }
    for unknown in ["", "Id", "body", "header", "header:from:asDate", "reply-to"] {
        assert_eq!(EmailProperty::parse(unknown), None, "{unknown}");
    }
    let header = |name: &str| property(name).as_header().map(|header| header.to_string());
    let known = [
        ("messageId", "header:Message-ID:asMessageIds"),
        ("inReplyTo", "header:In-Reply-To:asMessageIds"),
        ("references", "header:References:asMessageIds"),
        ("sender", "header:Sender:asAddresses"),
        ("from", "header:From:asAddresses"),
        ("to", "header:To:asAddresses"),
        ("cc", "header:Cc:asAddresses"),
        ("bcc", "header:Bcc:asAddresses"),
        ("replyTo", "header:Reply-To:asAddresses"),
        ("subject", "header:Subject:asText"),
        ("sentAt", "header:Date:asDate"),
        ("header:X-y:all", "header:X-y:all"),
    ];
    for (name, expected) in known {
        assert_eq!(header(name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(header("size"), None);
}

/// spec: RFC 8621 §4.2; RFC 8621 §4.2.1
#[test]
fn what_is_fetched() {
    let read = |text: &str| reading(|reading| GetArguments::<Emails>::read(arguments(text), reading));
    let given = read(
        r#"{"accountId":"a","ids":["f123u456","f123u457"],"properties":["threadId","mailboxIds","from",
        "subject","receivedAt","header:List-POST:asURLs","htmlBody","bodyValues"],
        "bodyProperties":["partId","blobId","size","type","header:Content-Type"],"fetchHTMLBodyValues":true,
        "maxBodyValueBytes":256}"#,
    )
    .unwrap()
    .selection;
    assert_eq!(given.properties.len(), 8);
    assert_eq!(given.properties[5].name(), "header:List-POST:asURLs");
    assert_eq!(given.extra.properties.len(), 5);
    let fetch = &given.extra;
    assert_eq!((fetch.text_values, fetch.html_values, fetch.all_values), (false, true, false));
    assert_eq!(fetch.value_octets_max, Some(256));
    let defaults = read(r#"{"accountId":"a","ids":[]}"#).unwrap().selection;
    let names: Vec<_> = defaults.properties.iter().map(|property| property.name().into_owned()).collect();
    let expected = "id blobId threadId mailboxIds keywords size receivedAt messageId inReplyTo references \
                    sender from to cc bcc replyTo subject sentAt hasAttachment preview bodyValues textBody \
                    htmlBody attachments";
    assert_eq!(names.join(" "), expected);
    let names: Vec<_> = defaults.extra.properties.iter().map(|one| one.name().into_owned()).collect();
    assert_eq!(names.join(" "), "partId blobId size name type charset disposition cid language location");
    assert_eq!(defaults.extra.value_octets_max, None);
    for bad in [
        r#""properties":["header:From:asDate"]"#,
        r#""properties":["nope"]"#,
        r#""bodyProperties":["header:Date:asURLs"]"#,
        r#""bodyProperties":["preview"]"#,
        r#""maxBodyValueBytes":-1"#,
        r#""fetchHtmlBodyValues":true"#,
    ] {
        let error = read(&format!(r#"{{"accountId":"a",{bad}}}"#)).unwrap_err();
        assert_eq!(error.kind(), "invalidArguments", "{bad}");
    }
}

/// spec: RFC 8621 §4.9
#[test]
fn parse() {
    let read = |text: &str| reading(|reading| fetch::EmailParse::read(arguments(text), reading));
    let given = read(r#"{"accountId":"a","blobIds":["b1","b2","b1"]}"#).unwrap();
    assert_eq!(given.blob_ids.known, [id("b1"), id("b2")]);
    let names: Vec<_> = given.properties.iter().map(|property| property.name().into_owned()).collect();
    let expected = "messageId inReplyTo references sender from to cc bcc replyTo subject sentAt \
                    hasAttachment preview bodyValues textBody htmlBody attachments";
    assert_eq!(names.join(" "), expected);
    assert!(read(r#"{"accountId":"a"}"#).is_err());
    let many = vec!["\"b\""; 501].join(",");
    assert!(read(&format!(r#"{{"accountId":"a","blobIds":[{many}]}}"#)).is_ok(), "the same one");
    let mut parsed = Table::default();
    let nothing = Email { fields: vec![FieldValue::Last(None)], ..Email::default() };
    let properties = ["id", "mailboxIds", "keywords", "receivedAt", "threadId", "subject"].map(property);
    parsed.put(&id("b1"), Raw::build(|slot| nothing.write(&properties, &[], slot)));
    let response = fetch::ParseResponse {
        account_id: id("a"),
        parsed,
        not_parsable: vec![id("b2")],
        not_found: Vec::new(),
    };
    let expected = concat!(
        r#"{"accountId":"a","parsed":{"b1":{"id":null,"mailboxIds":null,"keywords":null,"receivedAt":null,"#,
        r#""threadId":null,"subject":null}},"notParsable":["b2"],"notFound":null}"#
    );
    assert_eq!(Raw::of(&response).as_str(), expected);
}

/// spec: RFC 8621 §4.1.2.3; RFC 8621 §4.1.2.4; RFC 8621 §4.1.3; RFC 8621 §4.1.4; RFC 8621 §4.2.1
#[test]
fn an_email_is_shown_as_in_the_rfc() {
    let joe = EmailAddress { name: Some("Joe Bloggs".into()), email: "joe@example.com".into() };
    let html = BodyPart {
        part_id: Some("1".into()),
        blob_id: Some(id("B841623871")),
        size: 283_331,
        media_type: "text/html".into(),
        ..BodyPart::default()
    };
    let multipart = BodyPart {
        media_type: "multipart/mixed".into(),
        sub_parts: Some(vec![html.clone()]),
        ..BodyPart::default()
    };
    let email = Email {
        id: Some(id("f123u457")),
        thread_id: Some(id("ef1314a")),
        mailbox_ids: Some(vec![id("f123")]),
        keywords: Some(vec![EmailKeyword::Seen]),
        received_at: UtcDate::parse("2013-10-13T14:12:00Z"),
        headers: vec![header::RawHeader { name: "Subject".into(), value: " x".into() }],
        fields: vec![
            FieldValue::Last(Some(HeaderValue::Addresses(vec![joe.clone()]))),
            FieldValue::Last(Some(HeaderValue::Text("Dinner on Thursday?".into()))),
            FieldValue::Last(Some(HeaderValue::Urls(Some(vec![
                "mailto:partytime@lists.example.com".into(),
            ])))),
            FieldValue::All(vec![
                HeaderValue::GroupedAddresses(vec![EmailAddressGroup { name: None, addresses: vec![joe] }]),
                HeaderValue::GroupedAddresses(Vec::new()),
            ]),
            FieldValue::Last(Some(HeaderValue::Date(Date::parse("2013-10-13T14:12:00+10:00")))),
        ],
        body_structure: Some(multipart),
        body_values: vec![BodyValue {
            part_id: "1".into(),
            value: "<html>".into(),
            is_encoding_problem: false,
            is_truncated: true,
        }],
        html_body: vec![html],
        size: 7,
        has_attachment: true,
        preview: "p".into(),
        ..Email::default()
    };
    let properties = [
        "threadId",
        "mailboxIds",
        "keywords",
        "from",
        "subject",
        "receivedAt",
        "header:List-POST:asURLs",
        "header:to:asGroupedAddresses:all",
        "sentAt",
        "header:X",
        "htmlBody",
        "bodyValues",
        "bodyStructure",
        "headers",
        "size",
        "hasAttachment",
        "preview",
        "attachments",
        "id",
    ]
    .map(property);
    let body = ["partId", "size", "type", "blobId"].map(|name| BodyProperty::parse(name).unwrap());
    let shown = Raw::build(|slot| email.write(&properties, &body, slot));
    let part = r#"{"partId":"1","size":283331,"type":"text/html","blobId":"B841623871"}"#;
    let joe = r#"{"name":"Joe Bloggs","email":"joe@example.com"}"#;
    let expected = format!(
        concat!(
            r#"{{"id":"f123u457","threadId":"ef1314a","mailboxIds":{{"f123":true}},"keywords":{{"$seen":true}},"#,
            r#""from":[{joe}],"subject":"Dinner on Thursday?","receivedAt":"2013-10-13T14:12:00Z","#,
            r#""header:List-POST:asURLs":["mailto:partytime@lists.example.com"],"#,
            r#""header:to:asGroupedAddresses:all":[[{{"name":null,"addresses":[{joe}]}}],[]],"#,
            r#""sentAt":"2013-10-13T14:12:00+10:00","header:X":null,"htmlBody":[{part}],"#,
            r#""bodyValues":{{"1":{{"value":"<html>","isEncodingProblem":false,"isTruncated":true}}}},"#,
            r#""bodyStructure":{{"partId":null,"size":0,"type":"multipart/mixed","blobId":null,"subParts":[{part}]}},"#,
            r#""headers":[{{"name":"Subject","value":" x"}}],"size":7,"hasAttachment":true,"preview":"p","#,
            r#""attachments":[]}}"#
        ),
        joe = joe,
        part = part
    );
    assert_eq!(shown.as_str(), expected);
}

/// spec: RFC 8621 §4.1.4
#[test]
fn parts_show_all_their_properties() {
    let part = BodyPart {
        name: Some("a.txt".into()),
        charset: Some("us-ascii".into()),
        disposition: Some("inline".into()),
        cid: Some("c@x".into()),
        language: Some(vec!["en".into()]),
        location: Some("l".into()),
        media_type: "text/plain".into(),
        fields: vec![FieldValue::Last(Some(HeaderValue::Raw(" text/plain".into())))],
        ..BodyPart::default()
    };
    let names = "name charset header:Content-Type disposition cid language location headers subParts";
    let properties: Vec<_> = names.split(' ').map(|name| BodyProperty::parse(name).unwrap()).collect();
    let shown = Raw::build(|slot| part.write(&properties, slot));
    let expected = concat!(
        r#"{"name":"a.txt","charset":"us-ascii","header:Content-Type":" text/plain","disposition":"inline","#,
        r#""cid":"c@x","language":["en"],"location":"l","headers":[],"subParts":null}"#
    );
    assert_eq!(shown.as_str(), expected);
    let tree = BodyPart { sub_parts: Some(vec![part]), ..BodyPart::default() };
    let properties = [BodyProperty::parse("subParts").unwrap()];
    let shown = Raw::build(|slot| tree.write_tree(&properties, slot));
    assert_eq!(shown.as_str(), r#"{"subParts":[{"subParts":null}]}"#, "once, though it is named");
}

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

/// spec: RFC 8621 §4.4; RFC 8621 §4.4.1; RFC 8621 §4.4.3; RFC 8621 §4.5
#[test]
fn filters() {
    let filter = |text: &str| {
        let text = format!(r#"{{"accountId":"a","filter":{text}}}"#);
        reading(|reading| QueryArguments::<Emails>::read(arguments(&text), reading))
            .map(|given| given.filter.unwrap())
    };
    let all = filter(
        r##"{"inMailbox":"#box","inMailboxOtherThan":["m2"],"before":"2018-01-01T00:00:00Z",
        "after":"2017-01-01T00:00:00.000Z","minSize":1,"maxSize":2,"allInThreadHaveKeyword":"$Seen",
        "someInThreadHaveKeyword":"a","noneInThreadHaveKeyword":"b","hasKeyword":"c","notKeyword":"d",
        "hasAttachment":true,"text":"t","from":"f","to":"o","cc":"c","bcc":"b","subject":"s","body":"y",
        "header":["X-a","v"]}"##,
    );
    let Ok(Filter::Condition(EmailCondition(terms))) = all else { panic!("{all:?}") };
    assert_eq!(terms.len(), 20);
    assert_eq!(terms[0], EmailTerm::InMailbox(id("m1")));
    assert_eq!(terms[2], EmailTerm::Before(UtcDate::parse("2018-01-01T00:00:00Z").unwrap()));
    assert_eq!(terms[6], EmailTerm::AllInThreadHaveKeyword(EmailKeyword::Seen));
    assert_eq!(terms[19], EmailTerm::Header { name: "X-a".into(), text: Some("v".into()) });
    assert_eq!(filter("{}"), Ok(Filter::Condition(EmailCondition(Vec::new()))));
    let name = Filter::Condition(EmailCondition(vec![EmailTerm::Header { name: "X".into(), text: None }]));
    let not = Filter::Operator { operator: Operator::Not, conditions: vec![name] };
    assert_eq!(filter(r#"{"operator":"NOT","conditions":[{"header":["X"]}]}"#), Ok(not));
    for bad in [
        r#"{"header":[]}"#,
        r#"{"header":["a","b","c"]}"#,
        r#"{"header":"a"}"#,
        r#"{"hasKeyword":"a b"}"#,
        r#"{"before":"2018-01-01T00:00:00+00:00"}"#,
        r#"{"minSize":-1}"#,
        r#"{"inMailbox":null}"#,
        r##"{"inMailbox":"#nothing"}"##,
        r#"{"hasAttachment":"yes"}"#,
    ] {
        assert_eq!(filter(bad).unwrap_err().kind(), "invalidArguments", "{bad}");
    }
    assert_eq!(filter(r#"{"isUnread":true}"#).unwrap_err().kind(), "unsupportedFilter");
}

/// spec: RFC 8621 §4.4.2; RFC 8621 §4.4.3; RFC 8621 §4.5
#[test]
fn sorting_and_collapsing() {
    let query = |text: &str| {
        let text = format!(r#"{{"accountId":"a",{text}}}"#);
        reading(|reading| QueryArguments::<Emails>::read(arguments(&text), reading))
    };
    let given = query(
        r#""sort":[{"property":"someInThreadHaveKeyword","keyword":"$flagged","isAscending":false},
        {"property":"subject","collation":"i;ascii-casemap"},{"property":"receivedAt","isAscending":false}],
        "collapseThreads":true"#,
    )
    .unwrap();
    assert_eq!(given.extra, CollapseThreads(true));
    let comparator = |key, is_ascending, collation: Option<&str>| Comparator {
        key,
        is_ascending,
        collation: collation.map(Into::into),
    };
    let expected = [
        comparator(EmailSortKey::SomeInThreadHaveKeyword(EmailKeyword::Flagged), false, None),
        comparator(EmailSortKey::Subject, true, Some("i;ascii-casemap")),
        comparator(EmailSortKey::ReceivedAt, false, None),
    ];
    assert_eq!(given.sort, expected);
    for name in EmailSortKey::NAMES {
        let keyword = if name.ends_with("Keyword") { r#","keyword":"x""# } else { "" };
        assert!(query(&format!(r#""sort":[{{"property":"{name}"{keyword}}}]"#)).is_ok(), "{name}");
    }
    let kind = |sort: &str| query(&format!(r#""sort":[{sort}]"#)).unwrap_err().kind();
    assert_eq!(kind(r#"{"property":"hasKeyword"}"#), "invalidArguments", "the keyword is missing");
    assert_eq!(kind(r#"{"property":"size","keyword":"x"}"#), "invalidArguments");
    assert_eq!(kind(r#"{"property":"cc"}"#), "unsupportedSort");
    let changes = reading(|reading| {
        let text = r#"{"accountId":"a","sinceQueryState":"1","collapseThreads":true}"#;
        QueryChangesArguments::<Emails>::read(arguments(text), reading)
    });
    assert_eq!(changes.unwrap().extra, CollapseThreads(true));
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
