//! Identities, EmailSubmissions and the VacationResponse (RFC 8621 §6, RFC 8621 §7, RFC 8621 §8).

use super::*;

/// spec: RFC 8621 §6; RFC 8621 §6.1; RFC 8621 §6.3; RFC 8621 §6.4
#[test]
fn identities() {
    let identity = Identity {
        id: id("XD-3301-222-11_22AAz"),
        name: "Joe Bloggs".into(),
        email: "joe@example.com".into(),
        reply_to: None,
        bcc: Some(vec![EmailAddress { name: None, email: "joe+archive@example.com".into() }]),
        text_signature: "-- \nJoe Bloggs".into(),
        html_signature: "<div><b>Joe</b></div>".into(),
        may_delete: false,
    };
    let expected = concat!(
        r#"{"id":"XD-3301-222-11_22AAz","name":"Joe Bloggs","email":"joe@example.com","replyTo":null,"#,
        r#""bcc":[{"name":null,"email":"joe+archive@example.com"}],"textSignature":"-- \nJoe Bloggs","#,
        r#""htmlSignature":"<div><b>Joe</b></div>","mayDelete":false}"#
    );
    assert_eq!(shown(|slot| identity.write(IdentityProperty::ALL, slot)), expected);
    let created = create::<Identities>(r#"{"email":"*@example.com","bcc":[{"email":"x@y"}]}"#).unwrap();
    assert_eq!((&*created.name, &*created.email, created.reply_to), ("", "*@example.com", None));
    assert_eq!(created.bcc.unwrap().len(), 1);
    assert_eq!(
        wrong(create::<Identities>(r#"{"name":null,"bcc":[{"name":"x"}],"mayDelete":true}"#)),
        "name email bcc mayDelete"
    );
    let changed =
        update::<Identities>(r#"{"name":null,"replyTo":[{"email":"r@x","name":null}],"email":"same"}"#)
            .unwrap();
    assert_eq!(changed.name, Change::Set("".into()));
    assert!(matches!(changed.reply_to, Change::Set(Some(list)) if list.len() == 1));
    assert_eq!(changed.claims[0].property(), "email");
    assert_eq!(wrong(update::<Identities>(r#"{"bcc/0":{"email":"x"}}"#)), "invalidPatch");
}

/// spec: RFC 8621 §7; RFC 8621 §7.1
#[test]
fn a_submission() {
    let address = |email: &str| SmtpAddress { email: email.into(), parameters: None };
    let held = SmtpParameter { name: "HOLDFOR".into(), value: Some("60".into()) };
    let body = SmtpParameter { name: "SMTPUTF8".into(), value: None };
    let submission = EmailSubmission {
        id: id("ES1"),
        identity_id: id("I64588216"),
        email_id: id("M7f6"),
        thread_id: id("T1"),
        envelope: Envelope {
            mail_from: SmtpAddress { parameters: Some(vec![held, body]), ..address("john@example.com") },
            rcpt_to: vec![address("jane@example.com")],
        },
        send_at: UtcDate::parse("2018-07-10T01:03:11Z").unwrap(),
        undo_status: UndoStatus::Pending,
        delivery_status: vec![DeliveryStatus {
            recipient: "jane@example.com".into(),
            smtp_reply: "250 2.1.5 Ok".into(),
            delivered: Delivered::Yes,
            is_displayed: false,
        }],
        dsn_blob_ids: Vec::new(),
        mdn_blob_ids: vec![id("b1")],
    };
    let expected = concat!(
        r#"{"id":"ES1","identityId":"I64588216","emailId":"M7f6","threadId":"T1","envelope":{"mailFrom":"#,
        r#"{"email":"john@example.com","parameters":{"HOLDFOR":"60","SMTPUTF8":null}},"#,
        r#""rcptTo":[{"email":"jane@example.com","parameters":null}]},"sendAt":"2018-07-10T01:03:11Z","#,
        r#""undoStatus":"pending","deliveryStatus":{"jane@example.com":{"smtpReply":"250 2.1.5 Ok","#,
        r#""delivered":"yes","displayed":"unknown"}},"dsnBlobIds":[],"mdnBlobIds":["b1"]}"#
    );
    assert_eq!(shown(|slot| submission.write(SubmissionProperty::ALL, slot)), expected);
    let words = [Delivered::Queued, Delivered::Yes, Delivered::No, Delivered::Unknown].map(Delivered::text);
    assert_eq!(words, ["queued", "yes", "no", "unknown"]);
}

/// spec: RFC 8621 §7.5; RFC 8621 §7.5.1
#[test]
fn submissions_are_created_and_canceled() {
    let given = set::<EmailSubmissions>(
        r##""create":{"k1490":{"identityId":"I64588216","emailId":"#k","envelope":{
        "mailFrom":{"email":"john@example.com","parameters":{"RET":"HDRS","X":null}},
        "rcptTo":[{"email":"jane@example.com","parameters":null}]}}},
        "onSuccessUpdateEmail":{"#k1490":{"mailboxIds/7cb4":null,"mailboxIds/73db":true,"keywords/$draft":null},
        "ES1":{"subject/x":1}},"onSuccessDestroyEmail":["#k1490"]"##,
    );
    let created = given.objects.create[0].object.as_ref().unwrap();
    assert_eq!(created.email_id, IdRef::Creation(id("k")));
    let parameters = created.envelope.as_ref().unwrap().mail_from.parameters.as_ref().unwrap();
    assert_eq!((&*parameters[0].name, parameters[0].value.as_deref()), ("RET", Some("HDRS")));
    assert_eq!((&*parameters[1].name, parameters[1].value.as_deref()), ("X", None));
    let success = &given.extra.on_success_update_email;
    assert_eq!(success[0].id, IdRef::Creation(id("k1490")));
    let keywords = SetChange::Edit { add: Vec::new(), remove: vec![EmailKeyword::Draft] };
    assert_eq!(success[0].change.as_ref().unwrap().keywords, keywords);
    assert_eq!(given.extra.on_success_destroy_email, [IdRef::Creation(id("k1490"))]);
    assert_eq!(success[1].change.as_ref().unwrap().claims.len(), 1, "to be compared with the Email");
    let wrong_ones = r#"{"emailId":5,"envelope":{"mailFrom":{"email":"x"},"rcptTo":[{}]},"sendAt":"x","undoStatus":"final"}"#;
    assert_eq!(
        wrong(create::<EmailSubmissions>(wrong_ones)),
        "identityId emailId envelope sendAt undoStatus"
    );
    let envelope = create::<EmailSubmissions>(
        r#"{"identityId":"i","emailId":"e","envelope":{"mailFrom":{"email":"x","parameters":{"A":1}},"rcptTo":[]}}"#,
    );
    let why = envelope.unwrap_err().description.unwrap();
    assert_eq!(&*why, "envelope/mailFrom/parameters/A must be a String");
    let canceled = update::<EmailSubmissions>(r#"{"undoStatus":"canceled"}"#).unwrap();
    assert_eq!(canceled.undo_status, Change::Set(UndoStatus::Canceled));
    assert_eq!(wrong(update::<EmailSubmissions>(r#"{"undoStatus":"undone"}"#)), "undoStatus");
}

/// spec: RFC 8621 §7.3
#[test]
fn submissions_are_queried() {
    let query = |text: &str| {
        let text = format!(r#"{{"accountId":"a",{text}}}"#);
        reading(|reading| QueryArguments::<EmailSubmissions>::read(arguments(&text), reading))
    };
    let given = query(
        r#""filter":{"identityIds":["i"],"emailIds":["e"],"threadIds":["t"],"undoStatus":"final",
        "before":"2018-01-01T00:00:00Z","after":"2017-01-01T00:00:00Z"},
        "sort":[{"property":"emailId"},{"property":"threadId"},{"property":"sentAt"},{"property":"sendAt"}]"#,
    )
    .unwrap();
    let Some(Filter::Condition(condition)) = given.filter else { panic!() };
    assert_eq!(condition.undo_status, Some(UndoStatus::Final));
    assert_eq!(condition.thread_ids, Some(vec![id("t")]));
    let keys: Vec<_> = given.sort.iter().map(|one| one.key).collect();
    use SubmissionSortKey::{EmailId, SendAt, ThreadId};
    assert_eq!(keys, [EmailId, ThreadId, SendAt, SendAt]);
    assert_eq!(query(r#""sort":[{"property":"undoStatus"}]"#).unwrap_err().kind(), "unsupportedSort");
    assert_eq!(query(r#""filter":{"undoStatus":"x"}"#).unwrap_err().kind(), "invalidArguments");
}

/// spec: RFC 8621 §8; RFC 8621 §8.1; RFC 8621 §8.2
#[test]
fn the_vacation_response() {
    let expected = concat!(
        r#"{"id":"singleton","isEnabled":false,"fromDate":null,"toDate":null,"subject":null,"#,
        r#""textBody":null,"htmlBody":null}"#
    );
    assert_eq!(shown(|slot| VacationResponse::default().write(VacationProperty::ALL, slot)), expected);
    let changed = update::<VacationResponses>(
        r#"{"isEnabled":true,"fromDate":"2018-01-01T00:00:00Z","toDate":null,"subject":"Away","id":"singleton"}"#,
    )
    .unwrap();
    assert_eq!((changed.is_enabled, changed.to_date), (Change::Set(true), Change::Set(None)));
    assert_eq!((changed.text_body, changed.claims.len()), (Change::Keep, 1));
    assert_eq!(
        wrong(update::<VacationResponses>(r#"{"isEnabled":null,"fromDate":"x"}"#)),
        "isEnabled fromDate"
    );
    assert!(create::<VacationResponses>(r#"{"isEnabled":true}"#).is_ok(), "it is refused as the second one");
    assert_eq!(singleton().kind.name(), "singleton");
}
