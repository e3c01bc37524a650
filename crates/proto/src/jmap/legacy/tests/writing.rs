//! Calls that write.

use super::*;

/// spec: JMAP-2018 §mail/email-set
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
/// spec: JMAP-2018 §mail/email-set; JMAP-2018 §core/set
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

/// spec: JMAP-2018 §mail/email-copy; JMAP-2018 §mail/email-import
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

/// spec: JMAP-2018 §mail/emailsubmission-set
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

/// What cannot be compared is not written: the call fails as the reading did.
#[test]
fn what_was_not_compared_is_not_written() {
    let calls = r#"[["Email/set",{"update":{"e1":{"subject":"x","keywords/$Seen":true}}},"0"]]"#;
    let get = r#"Email/get {"accountId":"a1","ids":["e1"],"properties":["id","subject"]}"#;
    for (answered, expected) in [
        (r#"error {"type":"requestTooLarge"}"#, r#"0 error {"type":"requestTooLarge"}"#),
        (r#"error {"type":"serverFail"}"#, r#"0 error {"type":"serverError"}"#),
        ("Other {}", r#"0 error {"type":"serverError","description":"no answer"}"#),
    ] {
        assert_eq!(drive(calls, &[part(get, answered)]), [expected]);
    }
}

/// An Email that an earlier call made is compared as any other; one of this very call cannot be.
#[test]
fn emails_that_were_just_made_are_compared_too() {
    let calls = r##"[["Thread/get",{"ids":[]},"0"],
        ["Email/set",{"update":{"#k":{"subject":"x"},"#l":{"subject":"x"}}},"1"]]"##;
    let mut conversation = conversation(calls);
    let Next::Ask(_) = conversation.advance() else { panic!() };
    conversation.answered(br#"{"methodResponses":[["Thread/get",{},"0"]],"createdIds":{"k":"e1"}}"#);
    let Next::Ask(_) = conversation.advance() else { panic!("it is looked at") };
    let list = r#"{"methodResponses":[["Email/get",{"list":[{"id":"e1","subject":"y"}]},"0"]]}"#;
    conversation.answered(list.as_bytes());
    let Next::Ask(mut request) = conversation.advance() else { panic!("the rest is done") };
    let arguments = Responses::new(&crate::jmap::Envelope::Http).arguments(&mut request.calls[0]).unwrap();
    assert_eq!(Json::Object(arguments.into_members()), json(r#"{"update":{},"accountId":"a1"}"#));
    conversation.answered(br#"{"methodResponses":[["Email/set",{"notUpdated":null},"0"]]}"#);
    let Next::Done(octets) = conversation.advance() else { panic!() };
    let said = String::from_utf8(octets).unwrap();
    for id in ["#k", "#l"] {
        assert!(said.contains(&format!(r#""{id}":{{"type":"invalidProperties""#)), "{said}");
    }
}

/// However many header fields there are, each is looked at once.
#[test]
fn many_fields_take_no_longer_than_they_are_long() {
    let fields: Vec<String> = (0..200_000).map(|n| format!(r#""x-{n}":"1""#)).collect();
    let call = format!(r#"["Email/set",{{"create":{{"k":{{"headers":{{{}}}}}}}}},"0"]"#, fields.join(","));
    let began = std::time::Instant::now();
    let Next::Ask(request) = conversation(&format!("[{call}]")).advance() else { panic!() };
    assert_eq!(&*request.calls[0].name, "Email/set");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
