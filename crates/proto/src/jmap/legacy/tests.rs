//! Calls of the draft, the calls of the RFC they become, and back.

use super::{Conversation, Dialect, Next, Texts};
use crate::jmap::json::{Bounds, Json, Raw};
use crate::jmap::{Capabilities, CoreLimits, Id, Responses};

fn texts() -> Texts {
    fn header(raw: &str) -> String {
        raw.trim().replace("=?utf-8?q?=C3=A9?=", "é")
    }
    fn of_html(html: &str) -> String {
        html.replace("<p>", "").replace("</p>", "\n")
    }
    Texts { header, of_html }
}

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Bounds::default()).unwrap_or_else(|_| panic!("{text}"))
}

fn read(using: &str, calls: &str) -> Result<Dialect, crate::jmap::RequestError> {
    let request = format!(r#"{{"using":{using},"methodCalls":{calls}}}"#);
    let primary = Id::parse("a1").unwrap();
    Dialect::read(request.as_bytes(), &CoreLimits::default(), Capabilities::all(), &primary, texts())
}

fn conversation(calls: &str) -> Conversation {
    match read(r#"["ietf:jmap","ietf:jmapmail"]"#, calls).unwrap() {
        Dialect::Draft(conversation) => *conversation,
        Dialect::Rfc(_) => panic!("not of the draft"),
    }
}

/// What the RFC's side is asked, and answers with: `Name {…}` each, several answers in lines.
struct Part {
    asked: &'static str,
    answered: &'static str,
}

const fn part(asked: &'static str, answered: &'static str) -> Part {
    Part { asked, answered }
}

fn split(line: &str) -> (&str, Json) {
    let (name, arguments) = line.trim().split_once(' ').unwrap();
    (name, json(arguments))
}

/// The answers of a request, `id Name {…}` each.
fn drive(calls: &str, parts: &[Part]) -> Vec<String> {
    let mut conversation = conversation(calls);
    let mut parts = parts.iter();
    let response = loop {
        match conversation.advance() {
            Next::Done(octets) => break octets,
            Next::Ask(mut request) => {
                let Part { asked, answered } = parts.next().expect("nothing more is asked");
                let call = &mut request.calls[0];
                let arguments = Responses::new(&crate::jmap::Envelope::Http).arguments(call).unwrap();
                let (name, expected) = split(asked);
                let arguments = Json::Object(arguments.into_members());
                assert_eq!((&*call.name, &arguments), (name, &expected), "{arguments}");
                let mut responses = Responses::new(&crate::jmap::Envelope::Http);
                for (name, said) in answered.lines().map(split) {
                    responses.respond("0", name, &said);
                }
                conversation.answered(&responses.finish(&request.created_ids, "s"));
            }
        }
    };
    assert!(parts.next().is_none(), "it was not asked");
    let Json::Object(mut members) = json(std::str::from_utf8(&response).unwrap()) else { panic!() };
    let Some(Json::Array(all)) = members.take("methodResponses") else { panic!() };
    assert!(members.is_empty(), "the draft has nothing else in it");
    let line = |one: Json| match one {
        Json::Array(parts) => {
            let [name, arguments, id] = <[Json; 3]>::try_from(parts).unwrap();
            format!("{} {} {arguments}", id.as_str().unwrap(), name.as_str().unwrap())
        }
        _ => panic!(),
    };
    all.into_iter().map(line).collect()
}

/// One call; only its answer.
fn one(call: &str, asked: &'static str, answered: &'static str, expected: &str) {
    let calls = format!("[{call}]");
    let said = drive(&calls, &[part(asked, answered)]).remove(0);
    let (_, said) = said.split_once(' ').unwrap();
    let (name, said) = split(said);
    let (expected_name, expected) = split(expected);
    assert_eq!((name, &said), (expected_name, &expected), "{said}");
}

#[test]
fn which_dialect_is_what_a_request_uses() {
    let is_draft = |using| matches!(read(using, "[]"), Ok(Dialect::Draft(_)));
    assert!(is_draft(r#"["ietf:jmapmail"]"#) && is_draft(r#"["ietf:jmap","urn:ietf:params:jmap:quota"]"#));
    assert!(!is_draft(r#"["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"]"#));
    assert!(read(r#"["ietf:jmapmail","ietf:other"]"#, "[]").is_err());
    assert!(read(r#"["ietf:jmapmail"]"#, "{}").is_err());
}

/// The examples of the draft: Thread/get, and how what is not known is answered.
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

#[test]
fn emails_are_made() {
    one(
        r#"["Email/set",{"create":{"k":{"mailboxIds":{"m1":true},"keywords":{"$Draft":true},
            "from":[{"name":"","email":"a@b"}],"sender":{"name":"S","email":"s@b"},"subject":"x",
            "headers":{"x-one":"1","x-two":"é\nz","from":"ignored","content-type":"ignored"},
            "textBody":"text","htmlBody":"<p>html","attachments":[{"blobId":"b1","type":"image/png",
            "name":"n","size":5,"cid":"c","isInline":true}]}}},"0"]"#,
        concat!(
            r#"Email/set {"accountId":"a1","create":{"k":{"mailboxIds":{"m1":true},"keywords":{"$draft":true},"#,
            r#""from":[{"name":null,"email":"a@b"}],"sender":[{"name":"S","email":"s@b"}],"subject":"x","#,
            r#""htmlBody":[{"partId":"html","type":"text/html"}],"textBody":[{"partId":"text","type":"#,
            r#""text/plain"}],"bodyValues":{"html":{"value":"<p>html"},"text":{"value":"text"}},"#,
            r#""attachments":[{"blobId":"b1","type":"image/png","name":"n","cid":"c","disposition":"inline"}],"#,
            r#""header:x-one":" 1","header:x-two:asText:all":["é","z"]}}}"#
        ),
        concat!(
            r#"Email/set {"accountId":"a1","oldState":"1","newState":"2","created":null,"updated":null,"#,
            r#""destroyed":null,"notCreated":{"k":{"type":"blobNotFound","notFound":["b1"]},"l":{"type":"#,
            r#""invalidProperties","properties":["header:x-one","bodyValues/text","subject"]}},"#,
            r#""notUpdated":null,"notDestroyed":null}"#
        ),
        concat!(
            r#"Email/set {"accountId":"a1","oldState":"1","newState":"2","created":null,"updated":null,"#,
            r#""destroyed":null,"notUpdated":null,"notDestroyed":null,"notCreated":{"k":{"type":"#,
            r#""attachmentNotFound","notFound":["b1"]},"l":{"type":"invalidProperties","properties":["#,
            r#""headers","textBody","subject"]}}}"#
        ),
    );
}

/// A whole Email is a patch too, as long as it says what is so.
#[test]
fn emails_are_changed() {
    let plain = r#"[["Email/set",{"update":{"e1":{"keywords/$Seen":true,"mailboxIds":{"m2":true}}}},"0"]]"#;
    let asked =
        r#"Email/set {"update":{"e1":{"keywords/$seen":true,"mailboxIds":{"m2":true}}},"accountId":"a1"}"#;
    let done = concat!(
        r#"Email/set {"accountId":"a1","oldState":"1","newState":"2","created":null,"updated":{"e1":null},"#,
        r#""destroyed":null,"notCreated":null,"notUpdated":null,"notDestroyed":null}"#
    );
    let said = drive(plain, &[part(asked, done)]);
    assert!(said[0].contains(r#""updated":{"e1":null}"#), "{}", said[0]);

    let whole = concat!(
        r#"[["Email/set",{"update":{"e1":{"id":"e1","subject":"","keywords":{"$Flagged":true}},"#,
        r#""e2":{"subject":"other","size":5},"e3":{"subject":"gone"},"e4":null}},"0"]]"#
    );
    let get = part(
        r#"Email/get {"accountId":"a1","ids":["e1","e2","e3"],"properties":["id","subject","size"]}"#,
        concat!(
            r#"Email/get {"accountId":"a1","state":"1","list":[{"id":"e1","subject":null,"size":5},"#,
            r#"{"id":"e2","subject":"this","size":5}],"notFound":["e3"]}"#
        ),
    );
    let set = part(
        r#"Email/set {"update":{"e1":{"keywords":{"$flagged":true}},"e3":{},"e4":null},"accountId":"a1"}"#,
        concat!(
            r#"Email/set {"accountId":"a1","oldState":"1","newState":"2","created":null,"updated":{"e1":null},"#,
            r#""destroyed":null,"notCreated":null,"notUpdated":{"e3":{"type":"notFound"}},"notDestroyed":null}"#
        ),
    );
    let said = drive(whole, &[get, set]);
    let expected = concat!(
        r#""notUpdated":{"e3":{"type":"notFound"},"e2":{"type":"invalidProperties","description":"#,
        r#""this cannot be changed","properties":["subject"]}}"#
    );
    assert!(said[0].contains(expected), "{}", said[0]);
}

#[test]
fn copies_and_imports() {
    one(
        r#"["Email/copy",{"toAccountId":"a2","create":{"k":{"id":"e1","mailboxIds":{"m1":true}}}},"0"]"#,
        concat!(
            r#"Email/copy {"create":{"k":{"id":"e1","mailboxIds":{"m1":true},"keywords":{}}},"#,
            r#""fromAccountId":"a1","accountId":"a2"}"#
        ),
        concat!(
            r#"Email/copy {"fromAccountId":"a1","accountId":"a2","oldState":null,"newState":"2","created":null,"#,
            r#""notCreated":{"k":{"type":"alreadyExists","existingId":"e9"}}}"#
        ),
        concat!(
            r#"Email/copy {"fromAccountId":"a1","toAccountId":"a2","created":null,"notCreated":{"k":{"type":"#,
            r#""alreadyExists","emailId":"e9"}}}"#
        ),
    );
    one(
        r#"["Blob/copy",{"toAccountId":"a2","blobIds":["b"]},"0"]"#,
        r#"Blob/copy {"blobIds":["b"],"fromAccountId":"a1","accountId":"a2"}"#,
        r#"error {"type":"accountNotFound"}"#,
        r#"error {"type":"toAccountNotFound"}"#,
    );
    one(
        r#"["Email/import",{"emails":{"k":{"blobId":"b","mailboxIds":{"m1":true},"keywords":{"$Junk":true}}}},"0"]"#,
        concat!(
            r#"Email/import {"accountId":"a1","emails":{"k":{"blobId":"b","mailboxIds":{"m1":true},"#,
            r#""keywords":{"$junk":true}}}}"#
        ),
        concat!(
            r#"Email/import {"accountId":"a1","oldState":"1","newState":"2","created":null,"#,
            r#""notCreated":{"k":{"type":"overQuota"}}}"#
        ),
        r#"Email/import {"accountId":"a1","created":{},"notCreated":{"k":{"type":"maxQuotaReached"}}}"#,
    );
}

#[test]
fn sending_and_what_follows_of_it() {
    let calls = concat!(
        r#"[["EmailSubmission/set",{"create":{"s":{"identityId":"i1","emailId":"e1"}},"onSuccessUpdateEmail":"#,
        r##"{"#s":{"keywords/$Draft":null}}},"0"]]"##
    );
    let set = part(
        concat!(
            r#"EmailSubmission/set {"create":{"s":{"identityId":"i1","emailId":"e1"}},"accountId":"a1","#,
            r##""onSuccessUpdateEmail":{"#s":{"keywords/$draft":null}}}"##
        ),
        concat!(
            r#"EmailSubmission/set {"accountId":"a1","oldState":"1","newState":"2","created":null,"#,
            r#""notCreated":{"s":{"type":"invalidProperties","properties":["emailId"]}}}"#,
            "\n",
            r#"Email/set {"accountId":"a1","oldState":"1","newState":"2","notCreated":null}"#
        ),
    );
    let said = drive(calls, &[set]);
    assert_eq!(said.len(), 2);
    assert!(said[0].contains(r#""type":"emailNotFound""#) && said[1].starts_with("0 Email/set "), "{said:?}");
    one(
        r#"["Identity/get",{},"0"]"#,
        r#"Identity/get {"accountId":"a1"}"#,
        concat!(
            r#"Identity/get {"accountId":"a1","state":"1","list":[{"id":"i1","name":"","email":"a@b","#,
            r#""replyTo":[{"name":null,"email":"r@b"}],"bcc":null}],"notFound":[]}"#
        ),
        concat!(
            r#"Identity/get {"accountId":"a1","state":"1","list":[{"id":"i1","name":"","email":"a@b","#,
            r#""replyTo":[{"name":"","email":"r@b"}],"bcc":null}],"notFound":null}"#
        ),
    );
    one(
        r#"["SearchSnippet/get",{"emailIds":["e1"],"filter":{"text":"x"}},"0"]"#,
        r#"SearchSnippet/get {"emailIds":["e1"],"accountId":"a1","filter":{"text":"x"}}"#,
        concat!(
            r#"SearchSnippet/get {"accountId":"a1","list":[{"emailId":"e1","subject":null,"preview":"p"}],"#,
            r#""notFound":null}"#
        ),
        concat!(
            r#"SearchSnippet/get {"accountId":"a1","notFound":null,"list":[{"emailId":"e1","subject":null,"#,
            r#""preview":"p","attachments":null}],"filter":{"text":"x"}}"#
        ),
    );
}

/// Nobody is pushed to who has not shown that it wants it (RFC 8620 §7.2).
#[test]
fn pushes_are_not_made_and_other_methods_are_as_they_are() {
    let calls = concat!(
        r#"[["PushSubscription/get",{},"0"],["PushSubscription/set",{"pushSubscription":null},"1"],"#,
        r#"["PushSubscription/set",{"pushSubscription":{"url":"https://x/"}},"2"],"#,
        r#"["PushSubscription/set",{"pushSubscription":{"url":"http://x/"}},"3"],"#,
        r#"["Quota/get",{"accountId":"a1","ids":null},"4"]]"#
    );
    let said = drive(calls, &[]);
    let expected = [
        r#"0 PushSubscription/get {"pushSubscription":null}"#,
        "1 PushSubscription/set {}",
        r#"2 error {"type":"forbidden"}"#,
        r#"3 error {"type":"invalidUrl"}"#,
        r#"4 error {"type":"unknownMethod"}"#,
    ];
    assert_eq!(said, expected);
    let using = r#"["ietf:jmapmail","urn:ietf:params:jmap:quota"]"#;
    let Ok(Dialect::Draft(mut conversation)) = read(using, r#"[["Quota/get",{"accountId":"a1"},"4"]]"#)
    else {
        panic!()
    };
    let Next::Ask(request) = conversation.advance() else { panic!("it is known") };
    assert_eq!(&*request.calls[0].name, "Quota/get");
    conversation.answered(br#"{"methodResponses":[["Quota/get",{"list":[],"notFound":[]},"0"]]}"#);
    let Next::Done(octets) = conversation.advance() else { panic!() };
    let expected = r#"{"methodResponses":[["Quota/get",{"list":[],"notFound":[]},"4"]]}"#;
    assert_eq!(std::str::from_utf8(&octets).unwrap(), expected);
}

/// What was created can be named in later calls.
#[test]
fn creation_ids_are_known_to_later_calls() {
    let calls = concat!(
        r#"[["Mailbox/set",{"create":{"k":{"name":"n"}},"onDestroyRemoveMessages":true},"0"],"#,
        r##"["Mailbox/get",{"ids":["#k"],"properties":["id"]},"1"]]"##
    );
    let mut conversation = conversation(calls);
    let Next::Ask(mut request) = conversation.advance() else { panic!() };
    let (name, expected) =
        split(r#"Mailbox/set {"create":{"k":{"name":"n"}},"accountId":"a1","onDestroyRemoveEmails":true}"#);
    let call = &mut request.calls[0];
    let arguments = Responses::new(&crate::jmap::Envelope::Http).arguments(call).unwrap();
    assert_eq!((&*call.name, Json::Object(arguments.into_members())), (name, expected));
    conversation.answered(br#"{"methodResponses":[["Mailbox/set",{},"0"]],"createdIds":{"k":"m7"}}"#);
    let Next::Ask(request) = conversation.advance() else { panic!() };
    assert_eq!(Raw::of(&request.created_ids).as_str(), r#"{"k":"m7"}"#);
}

/// Whatever the other side says, the client gets an answer.
#[test]
fn an_answer_that_is_none() {
    for bad in ["", "[]", "{}", r#"{"methodResponses":[1,["x"],["Email/get",{"list":1},"0"]]}"#] {
        let mut conversation = conversation(r#"[["Email/get",{"ids":[]},"0"],["Nothing",{},"1"]]"#);
        let Next::Ask(_) = conversation.advance() else { panic!() };
        conversation.answered(bad.as_bytes());
        let Next::Done(octets) = conversation.advance() else { panic!("{bad}") };
        assert!(matches!(json(std::str::from_utf8(&octets).unwrap()), Json::Object(_)));
    }
}
