//! Calls that read.

use super::*;

/// The examples of the draft: Thread/get, and how what is not known is answered.
/// spec: JMAP-2018 §mail/thread-get
#[test]
fn threads() {
    let calls = r##"[["Thread/get",{"ids":["f123u4","f41u44"]},"#1"],["Todo/get",{},"#2"]]"##;
    let asked = r#"Thread/get {"ids":["f123u4","f41u44"],"accountId":"a1"}"#;
    let answered = concat!(
        r#"Thread/get {"accountId":"a1","state":"f6a7e214","list":[{"id":"f123u4","emailIds":["eaa623","#,
        r#""f782cbb"]},{"id":"f41u44","emailIds":["82cf7bb"]}],"notFound":[]}"#
    );
    let said = drive(calls, &[part(asked, answered)]);
    let expected = concat!(
        r##"#1 Thread/get {"accountId":"a1","state":"f6a7e214","list":[{"id":"f123u4","emailIds":["eaa623","##,
        r#""f782cbb"]},{"id":"f41u44","emailIds":["82cf7bb"]}],"notFound":null}"#
    );
    assert_eq!(said, [expected, r##"#2 error {"type":"unknownMethod"}"##]);
}

/// The example of the draft, which asks for `date`; and a null accountId.
/// spec: JMAP-2018 §mail/email-get
#[test]
fn some_properties_of_emails() {
    one(
        r##"["Email/get",{"accountId":null,"ids":["f123u456","f123u457"],
            "properties":["threadId","mailboxIds","from","subject","date"]},"#1"]"##,
        concat!(
            r#"Email/get {"accountId":"a1","ids":["f123u456","f123u457"],"#,
            r#""properties":["id","threadId","mailboxIds","from","subject","sentAt","receivedAt"]}"#
        ),
        concat!(
            r#"Email/get {"accountId":"a1","state":"41234123231","list":[{"id":"f123u457","#,
            r#""threadId":"ef1314a","mailboxIds":{"f123":true},"from":[{"name":"Joe Bloggs","#,
            r#""email":"joe@bloggs.com"},{"name":null,"email":"joe"}],"subject":null,"#,
            r#""sentAt":"2013-10-13T14:12:00Z","receivedAt":"2013-10-13T14:13:00Z"}],"notFound":["f123u456"]}"#
        ),
        concat!(
            r#"Email/get {"accountId":"a1","state":"41234123231","list":[{"id":"f123u457","#,
            r#""threadId":"ef1314a","mailboxIds":{"f123":true},"from":[{"name":"Joe Bloggs","#,
            r#""email":"joe@bloggs.com"},{"name":"","email":"joe@"}],"subject":"","#,
            r#""date":"2013-10-13T14:12:00Z"}],"notFound":["f123u456"]}"#
        ),
    );
}

/// spec: JMAP-2018 §mail/email-get/example
#[test]
fn bodies_are_texts() {
    one(
        r#"["Email/get",{"ids":["e1"],"properties":["textBody","htmlBody","attachments","keywords","sender",
            "headers.X-Spam","headers.received"]},"0"]"#,
        concat!(
            r#"Email/get {"ids":["e1"],"accountId":"a1","bodyProperties":["partId","blobId","size","name","#,
            r#""type","cid"],"fetchTextBodyValues":true,"fetchHTMLBodyValues":true,"properties":["id","#,
            r#""keywords","headers","sender","textBody","htmlBody","attachments","bodyValues"]}"#
        ),
        concat!(
            r#"Email/get {"accountId":"a1","state":"1","list":[{"id":"e1","keywords":{"$seen":true,"#,
            r#""custom":true},"sender":[{"name":null,"email":"s@x"}],"headers":[{"name":"Received","#,
            r#""value":" one"},{"name":"X-Other","value":" no"},{"name":"Received","value":" two"},"#,
            r#"{"name":"X-SPAM","value":" =?utf-8?q?=C3=A9?="}],"#,
            r#""textBody":[{"partId":"2","type":"text/html"}],"htmlBody":[{"partId":"2","type":"text/html"},"#,
            r#"{"partId":"3","type":"image/png","blobId":"b3","size":3,"name":null,"cid":null}],"#,
            r#""attachments":[{"partId":"4","type":"image/gif","blobId":"b4","size":4,"name":"x.gif","#,
            r#""cid":"foo"}],"bodyValues":{"2":{"value":"<p>Hi</p><img src=cid:foo>"}}}],"notFound":[]}"#
        ),
        concat!(
            r#"Email/get {"accountId":"a1","state":"1","list":[{"id":"e1","keywords":{"$Seen":true,"#,
            r#""custom":true},"sender":{"name":"","email":"s@x"},"headers":{"x-spam":"é","#,
            r#""received":"one\ntwo"},"textBody":"Hi\n<img src=cid:foo>","htmlBody":"<p>Hi</p><img src=cid:foo>","#,
            r#""attachments":[{"blobId":"b4","type":"image/gif","name":"x.gif","size":4,"cid":"foo","#,
            r#""isInline":true},{"blobId":"b3","type":"image/png","name":null,"size":3,"cid":null,"#,
            r#""isInline":false}]}],"notFound":null}"#
        ),
    );
    one(
        r#"["Email/get",{"ids":["e1"],"properties":["body"]},"0"]"#,
        concat!(
            r#"Email/get {"ids":["e1"],"accountId":"a1","bodyProperties":["partId","blobId","size","name","#,
            r#""type","cid"],"fetchTextBodyValues":true,"fetchHTMLBodyValues":true,"properties":["id","#,
            r#""textBody","htmlBody","attachments","bodyValues"]}"#
        ),
        concat!(
            r#"Email/get {"accountId":"a1","state":"1","list":[{"id":"e1","textBody":[{"partId":"1","#,
            r#""type":"text/plain"}],"htmlBody":[{"partId":"1","type":"text/plain"}],"attachments":[],"#,
            r#""bodyValues":{"1":{"value":"plain"}}}],"notFound":[]}"#
        ),
        r#"Email/get {"accountId":"a1","state":"1","list":[{"id":"e1","textBody":"plain"}],"notFound":null}"#,
    );
    let said = drive(r#"[["Email/get",{"ids":[],"properties":["bodyStructure"]},"0"]]"#, &[]);
    let no = r#"0 error {"type":"invalidArguments","description":"properties: there is no bodyStructure"}"#;
    assert_eq!(said, [no]);
}

/// spec: JMAP-2018 §mail/email-get
#[test]
fn messages_within_a_message() {
    let get = concat!(
        r#"Email/get {"ids":["e1"],"accountId":"a1","bodyProperties":["partId","blobId","size","name","type","#,
        r#""cid"],"fetchTextBodyValues":true,"fetchHTMLBodyValues":true,"properties":["id","textBody","#,
        r#""htmlBody","attachments","bodyValues"]}"#
    );
    let got = concat!(
        r#"Email/get {"accountId":"a1","state":"1","list":[{"id":"e1","textBody":[],"htmlBody":[],"#,
        r#""attachments":[{"partId":"2","blobId":"b2","type":"message/rfc822","size":9,"name":null,"#,
        r#""cid":null}],"bodyValues":{}}],"notFound":[]}"#
    );
    let parse = concat!(
        r#"Email/parse {"accountId":"a1","blobIds":["b2"],"bodyProperties":["partId","blobId","size","name","#,
        r#""type","cid"],"fetchTextBodyValues":true,"fetchHTMLBodyValues":true,"properties":["headers","#,
        r#""sender","from","to","cc","bcc","replyTo","subject","sentAt","receivedAt","textBody","htmlBody","#,
        r#""attachments","bodyValues"]}"#
    );
    let parsed = concat!(
        r#"Email/parse {"accountId":"a1","parsed":{"b2":{"subject":"inner","from":[{"name":"X","email":"x@y"}],"#,
        r#""textBody":[{"partId":"1","type":"text/plain"}],"htmlBody":[],"attachments":[],"#,
        r#""bodyValues":{"1":{"value":"in"}}}},"notParsable":[],"notFound":[]}"#
    );
    let calls = r#"[["Email/get",{"ids":["e1"],"properties":["attachedEmails"]},"0"]]"#;
    let said = drive(calls, &[part(get, got), part(parse, parsed)]);
    let Json::Object(mut said) = json(said[0].strip_prefix("0 Email/get ").unwrap()) else { panic!() };
    let expected = concat!(
        r#"[{"id":"e1","attachedEmails":{"b2":{"headers":{},"subject":"inner","from":[{"name":"X","#,
        r#""email":"x@y"}],"textBody":"in","htmlBody":null,"attachments":null,"attachedEmails":null}}}]"#
    );
    assert_eq!(said.take("list"), Some(json(expected)));
}

/// spec: JMAP-2018 §mail/email-query; JMAP-2018 §mail/filtering; JMAP-2018 §mail/sorting
/// spec: JMAP-2018 §mail/email-querychanges
#[test]
fn queries_and_their_changes() {
    one(
        r#"["Email/query",{"filter":{"operator":"NOT","conditions":[{"hasKeyword":"$Draft","after":
            "2018-01-01T00:00:00Z"},{"inMailbox":"m1"}]},"sort":[{"property":"someInThreadHaveKeyword:$Flagged",
            "isAscending":false},{"property":"subject","collation":"i;ascii-casemap"},
            {"property":"receivedAt desc","isAscending":false}],"anchor":"e9","anchorOffset":-1,"limit":10},"0"]"#,
        concat!(
            r#"Email/query {"filter":{"operator":"NOT","conditions":[{"hasKeyword":"$draft","after":"#,
            r#""2018-01-01T00:00:00Z"},{"inMailbox":"m1"}]},"sort":[{"property":"someInThreadHaveKeyword","#,
            r#""keyword":"$flagged","isAscending":false},{"property":"subject","collation":"#,
            r#""i;ascii-casemap"},{"property":"receivedAt","isAscending":false}],"anchor":"e9","#,
            r#""anchorOffset":1,"limit":10,"accountId":"a1","calculateTotal":true}"#
        ),
        concat!(
            r#"Email/query {"accountId":"a1","queryState":"7","canCalculateChanges":true,"position":3,"#,
            r#""ids":["e9"],"total":9,"limit":5}"#
        ),
        concat!(
            r#"Email/query {"accountId":"a1","state":"7","canCalculateChanges":true,"position":3,"ids":["e9"],"#,
            r#""total":9,"collapseThreads":false,"filter":{"operator":"NOT","conditions":[{"hasKeyword":"#,
            r#""$Draft","after":"2018-01-01T00:00:00Z"},{"inMailbox":"m1"}]},"sort":[{"property":"#,
            r#""someInThreadHaveKeyword:$Flagged","isAscending":false},{"property":"subject","collation":"#,
            r#""i;ascii-casemap"},{"property":"receivedAt desc","isAscending":false}]}"#
        ),
    );
    one(
        r#"["Email/queryChanges",{"sinceState":"7","uptoId":"e1","collapseThreads":true},"0"]"#,
        concat!(
            r#"Email/queryChanges {"collapseThreads":true,"accountId":"a1","sinceQueryState":"7","#,
            r#""upToId":"e1","calculateTotal":true}"#
        ),
        concat!(
            r#"Email/queryChanges {"accountId":"a1","oldQueryState":"7","newQueryState":"8","total":2,"#,
            r#""removed":[],"added":[{"id":"e2","index":0}]}"#
        ),
        concat!(
            r#"Email/queryChanges {"accountId":"a1","oldState":"7","newState":"8","total":2,"removed":[],"#,
            r#""added":[{"id":"e2","index":0}],"filter":null,"sort":null,"uptoId":"e1","collapseThreads":true}"#
        ),
    );
    one(
        r#"["Mailbox/query",{"filter":{"hasRole":true},"sort":[{"property":"parent/name"},
            {"property":"sortOrder"}]},"0"]"#,
        concat!(
            r#"Mailbox/query {"filter":{"hasAnyRole":true},"sort":[{"property":"name"}],"accountId":"a1","#,
            r#""sortAsTree":true,"calculateTotal":true}"#
        ),
        r#"error {"type":"serverUnavailable"}"#,
        r#"error {"type":"serverError"}"#,
    );
    for (call, kind) in [
        (r#"["Email/query",{"filter":{"attachments":"x"}},"0"]"#, "unsupportedFilter"),
        (
            r#"["Mailbox/query",{"sort":[{"property":"name"},{"property":"parent/name"}]},"0"]"#,
            "unsupportedSort",
        ),
    ] {
        let said = drive(&format!("[{call}]"), &[]).remove(0);
        assert!(said.contains(kind), "{said}");
    }
}

/// References point into what the draft says: `changed` is not there in the RFC's answer.
/// spec: JMAP-2018 §mail/email-changes; JMAP-2018 §core/changes
/// spec: JMAP-2018 §core/references-to-previous-method-results
#[test]
fn changes_and_references_to_them() {
    let calls = concat!(
        r#"[["Mailbox/changes",{"sinceState":"1"},"t0"],["Mailbox/get",{"#,
        r##""#ids":{"resultOf":"t0","name":"Mailbox/changes","path":"/changed"},"##,
        r##""#properties":{"resultOf":"t0","name":"Mailbox/changes","path":"/changedProperties"}},"t1"],"##,
        r##"["Mailbox/get",{"#ids":{"resultOf":"t0","name":"Mailbox/changes","path":"/created"}},"t2"]]"##
    );
    let changes = part(
        r#"Mailbox/changes {"sinceState":"1","accountId":"a1"}"#,
        concat!(
            r#"Mailbox/changes {"accountId":"a1","oldState":"1","newState":"2","hasMoreChanges":false,"#,
            r#""created":[],"updated":["m1","m2"],"destroyed":[],"updatedProperties":["totalEmails"]}"#
        ),
    );
    let get = part(
        r#"Mailbox/get {"ids":["m1","m2"],"properties":["totalEmails"],"accountId":"a1"}"#,
        r#"Mailbox/get {"accountId":"a1","state":"2","list":[],"notFound":["m1","m2"]}"#,
    );
    let said = drive(calls, &[changes, get]);
    assert_eq!(
        said[0],
        concat!(
            r#"t0 Mailbox/changes {"accountId":"a1","oldState":"1","newState":"2","hasMoreChanges":false,"#,
            r#""destroyed":null,"changedProperties":["totalEmails"],"changed":["m1","m2"]}"#
        )
    );
    assert!(said[2].starts_with(r#"t2 error {"type":"resultReference""#), "{}", said[2]);
    one(
        r#"["Mailbox/changes",{"sinceState":"1"},"0"]"#,
        r#"Mailbox/changes {"sinceState":"1","accountId":"a1"}"#,
        concat!(
            r#"Mailbox/changes {"accountId":"a1","oldState":"1","newState":"2","hasMoreChanges":false,"#,
            r#""created":["m3"],"updated":["m1"],"destroyed":["m9"],"updatedProperties":["totalEmails"]}"#
        ),
        concat!(
            r#"Mailbox/changes {"accountId":"a1","oldState":"1","newState":"2","hasMoreChanges":false,"#,
            r#""changedProperties":null,"changed":["m3","m1"],"destroyed":["m9"]}"#
        ),
    );
}

/// Only what a page refers to by its whole Content-ID is shown within it.
#[test]
fn pictures_of_a_page_are_inline() {
    one(
        r#"["Email/get",{"ids":["e1"],"properties":["attachments"]},"0"]"#,
        concat!(
            r#"Email/get {"ids":["e1"],"accountId":"a1","bodyProperties":["partId","blobId","size","name","type","cid"],"#,
            r#""fetchTextBodyValues":true,"fetchHTMLBodyValues":true,"#,
            r#""properties":["id","textBody","htmlBody","attachments","bodyValues"]}"#
        ),
        concat!(
            r#"Email/get {"accountId":"a1","state":"1","list":[{"id":"e1","textBody":[{"partId":"1","type":"text/html"}],"#,
            r#""htmlBody":[{"partId":"1","type":"text/html"}],"bodyValues":{"1":{"value":"<img src='cid:a@x'> <img src=cid:bb>"}},"#,
            r#""attachments":[{"partId":"2","blobId":"b2","size":1,"name":null,"type":"image/png","cid":"a@x"},"#,
            r#"{"partId":"3","blobId":"b3","size":1,"name":null,"type":"image/png","cid":"b"}]}],"notFound":[]}"#
        ),
        concat!(
            r#"Email/get {"accountId":"a1","state":"1","list":[{"id":"e1","attachments":["#,
            r#"{"blobId":"b2","type":"image/png","name":null,"size":1,"cid":"a@x","isInline":true},"#,
            r#"{"blobId":"b3","type":"image/png","name":null,"size":1,"cid":"b","isInline":false}]}],"notFound":null}"#
        ),
    );
}
