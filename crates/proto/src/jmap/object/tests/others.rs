//! Quotas and MDNs (RFC 9425 §4, RFC 9007 §2).

use super::*;

/// spec: RFC 9425 §3.1; RFC 9425 §3.2; RFC 9425 §4.1; RFC 9425 §4.2; RFC 9425 §5.1
#[test]
fn a_quota() {
    let quota = Quota {
        id: id("q1"),
        resource_type: ResourceType::Count,
        used: 1056,
        hard_limit: 2000,
        scope: Scope::Account,
        name: "bob@example.com".into(),
        types: vec!["Email"],
        warn_limit: Some(1600),
        soft_limit: None,
        description: None,
    };
    let expected = concat!(
        r#"{"id":"q1","resourceType":"count","used":1056,"hardLimit":2000,"scope":"account","#,
        r#""name":"bob@example.com","types":["Email"],"warnLimit":1600,"softLimit":null,"description":null}"#
    );
    assert_eq!(shown(|slot| quota.write(QuotaProperty::ALL, slot)), expected);
    assert_eq!(shown(|slot| quota.write(&[QuotaProperty::Used], slot)), r#"{"id":"q1","used":1056}"#);
}

/// spec: RFC 9425 §4.4
#[test]
fn quotas_are_queried() {
    let query = |text: &str| {
        let text = format!(r#"{{"accountId":"a",{text}}}"#);
        reading(|reading| QueryArguments::<Quotas>::read(arguments(&text), reading))
    };
    let filter = r#""filter":{"name":"bob","scope":"domain","resourceType":"octets","type":"Email"}"#;
    let condition = QuotaCondition {
        name: Some("bob".into()),
        scope: Some(Scope::Domain),
        resource_type: Some(ResourceType::Octets),
        data_type: Some("Email".into()),
    };
    assert_eq!(query(filter).unwrap().filter, Some(Filter::Condition(condition)));
    assert_eq!(query(r#""filter":{"scope":"galaxy"}"#).unwrap_err().kind(), "invalidArguments");
    let sort = query(r#""sort":[{"property":"used"},{"property":"name"}]"#).unwrap().sort;
    assert_eq!(sort.iter().map(|one| one.key).collect::<Vec<_>>(), [QuotaSortKey::Used, QuotaSortKey::Name]);
    assert_eq!(query(r#""sort":[{"property":"scope"}]"#).unwrap_err().kind(), "unsupportedSort");
}

/// spec: RFC 9007 §2; RFC 9007 §2.1; RFC 9007 §3.1
#[test]
fn an_mdn_is_sent() {
    let read = |mdn: &str| {
        let text = format!(
            r##"{{"accountId":"ue150411c","identityId":"I64588216","send":{{"k1546":{mdn}}},
            "onSuccessUpdateEmail":{{"#k1546":{{"keywords/$mdnsent":true}}}}}}"##
        );
        reading(|reading| MdnSend::read(arguments(&text), reading)).unwrap()
    };
    let disposition = r#""disposition":{"actionMode":"manual-action","sendingMode":"mdn-sent-manually","type":"displayed"}"#;
    let given = read(&format!(
        r#"{{"forEmailId":"Md45","subject":"Read receipt","textBody":"This","reportingUA":"joes-pc; Foomail",
        {disposition},"extensionFields":{{"EXTENSION-EXAMPLE":"example.com"}}}}"#
    ));
    let mdn = given.send[0].object.as_ref().unwrap();
    assert_eq!(mdn.for_email_id, Some(IdRef::Id(id("Md45"))));
    assert_eq!(mdn.disposition.disposition_type, DispositionType::Displayed);
    assert!(!mdn.include_original_message);
    assert_eq!(mdn.extension_fields.as_ref().unwrap()[0].value.as_ref(), "example.com");
    let success = given.on_success_update_email[0].change.as_ref().unwrap();
    let mdnsent = EmailKeyword::parse("$mdnsent").unwrap();
    assert_eq!(success.keywords, SetChange::Edit { add: vec![mdnsent], remove: Vec::new() });
    let bad = read(
        r#"{"disposition":{"actionMode":"Manual-action","sendingMode":"x","type":"y"},"originalMessageId":"z",
        "extensionFields":{"A":5},"includeOriginalMessage":null}"#,
    );
    let found = wrong(bad.send[0].object.clone());
    assert_eq!(found, "forEmailId disposition includeOriginalMessage extensionFields/A originalMessageId");
    let mut response =
        MdnSendResponse { account_id: id("u"), sent: Table::default(), not_sent: Table::default() };
    response.not_sent.put(
        &id("k1546"),
        SetError::described(SetErrorKind::MdnAlreadySent, "$mdnsent keyword is already present"),
    );
    let expected = concat!(
        r#"{"accountId":"u","sent":null,"notSent":{"k1546":{"type":"mdnAlreadySent","#,
        r#""description":"$mdnsent keyword is already present"}}}"#
    );
    assert_eq!(Raw::of(&response).as_str(), expected);
}

/// spec: RFC 9007 §2.2; RFC 9007 §3.3
#[test]
fn an_mdn_is_parsed() {
    let text = r#"{"accountId":"a","blobIds":["0f9f65ab"]}"#;
    let given = reading(|reading| MdnParse::read(arguments(text), reading)).unwrap();
    assert_eq!(given.blob_ids.known, [id("0f9f65ab")]);
    let mdn = Mdn {
        for_email_id: None,
        subject: Some("s".into()),
        text_body: None,
        include_original_message: false,
        reporting_ua: None,
        disposition: Disposition {
            action_mode: ActionMode::Automatic,
            sending_mode: SendingMode::Automatically,
            disposition_type: DispositionType::Deleted,
        },
        mdn_gateway: None,
        original_recipient: None,
        final_recipient: Some("rfc822; john@example.com".into()),
        original_message_id: Some("<199509192301.23456@example.org>".into()),
        error: Some(vec!["e".into()]),
        extension_fields: Some(vec![ExtensionField { name: "X".into(), value: "y".into() }]),
    };
    let expected = concat!(
        r#"{"forEmailId":null,"subject":"s","textBody":null,"includeOriginalMessage":false,"reportingUA":null,"#,
        r#""disposition":{"actionMode":"automatic-action","sendingMode":"mdn-sent-automatically","#,
        r#""type":"deleted"},"mdnGateway":null,"originalRecipient":null,"#,
        r#""finalRecipient":"rfc822; john@example.com","#,
        r#""originalMessageId":"<199509192301.23456@example.org>","error":["e"],"extensionFields":{"X":"y"}}"#
    );
    assert_eq!(Raw::of(&mdn).as_str(), expected);
}
