//! Emails: their properties, what is shown, what is created, changed, imported and searched for.

mod searching;
mod writing;

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
