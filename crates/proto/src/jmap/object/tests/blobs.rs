//! Push subscriptions and blobs (RFC 8620 §6, RFC 8620 §7.2, RFC 9404 §4).

use super::*;

/// spec: RFC 8620 §7.2; RFC 8620 §7.2.1; RFC 8620 §7.2.2; RFC 8620 §7.2.3
#[test]
fn push_subscriptions() {
    let subscription = PushSubscription {
        id: id("e50b2c1d"),
        device_client_id: "b37ff8001ca0".into(),
        verification_code: Some("b210".into()),
        expires: UtcDate::parse("2018-07-31T00:13:21Z"),
        types: Some(vec!["Todo".into()]),
    };
    let get = |text: &str| reading(|reading| read_get(arguments(text), reading));
    let all = get(r#"{"ids":null}"#).unwrap();
    let expected = concat!(
        r#"{"id":"e50b2c1d","deviceClientId":"b37ff8001ca0","verificationCode":"b210","#,
        r#""expires":"2018-07-31T00:13:21Z","types":["Todo"]}"#
    );
    assert_eq!(shown(|slot| subscription.write(&all.properties, slot)), expected);
    for secret in ["url", "keys"] {
        let error = get(&format!(r#"{{"properties":["id","{secret}"]}}"#)).unwrap_err();
        assert_eq!(error, MethodError::Forbidden, "{secret}");
    }
    assert_eq!(get(r#"{"accountId":"a"}"#).unwrap_err().kind(), "invalidArguments");
    let set = |text: &str| reading(|reading| read_set(arguments(text), reading));
    let given =
        set(r#"{"create":{"4f29":{"deviceClientId":"a889-ffea-910","url":"https://example.com/push/",
        "keys":{"p256dh":"BC","auth":"tB"},"types":null,"verificationCode":null},
        "bad":{"url":"http://example.com/","verificationCode":"x","keys":{"auth":"y"},"id":"z"}},
        "update":{"P43":{"verificationCode":"da1f","expires":"2018-08-13T00:00:00Z","url":"https://x"}}}"#)
        .unwrap();
    let created = given.create[0].object.as_ref().unwrap();
    assert_eq!((&*created.url, created.types.as_ref()), ("https://example.com/push/", None));
    assert_eq!(created.keys.as_ref().unwrap().auth.as_ref(), "tB");
    let SetErrorKind::InvalidProperties { properties } = &given.create[1].object.as_ref().unwrap_err().kind
    else {
        panic!()
    };
    assert_eq!(properties.join(" "), "deviceClientId url keys verificationCode id");
    let changed = given.update[0].change.as_ref().unwrap();
    assert_eq!(changed.verification_code, Change::Set(Some("da1f".into())));
    assert_eq!(changed.claims[0].property(), "url");
    assert_eq!(set(r#"{"ifInState":"1"}"#).unwrap_err().kind(), "invalidArguments");
}

/// spec: RFC 8620 §6.1; RFC 8620 §6.3
#[test]
fn blobs_are_uploaded_and_copied() {
    let read = |text: &str| reading(|reading| BlobCopy::read(arguments(text), reading));
    let given = read(r##"{"fromAccountId":"a","accountId":"b","blobIds":["b1","#k","b1"]}"##).unwrap();
    assert_eq!(given.blob_ids.known, [id("b1"), id("made")]);
    assert!(read(r#"{"fromAccountId":"a","accountId":"b"}"#).is_err());
    let mut response = BlobCopyResponse {
        from_account_id: id("a"),
        account_id: id("b"),
        copied: Table::default(),
        not_copied: Table::default(),
    };
    response.copied.put(&id("b1"), id("b9"));
    response.not_copied.put(&id("b2"), SetErrorKind::NotFound.into());
    let expected = concat!(
        r#"{"fromAccountId":"a","accountId":"b","copied":{"b1":"b9"},"#,
        r#""notCopied":{"b2":{"type":"notFound"}}}"#
    );
    assert_eq!(Raw::of(&response).as_str(), expected);
    let uploaded =
        Uploaded { account_id: id("a"), blob_id: id("b1"), media_type: "image/png".into(), size: 95 };
    let expected = r#"{"accountId":"a","blobId":"b1","type":"image/png","size":95}"#;
    assert_eq!(Raw::of(&uploaded).as_str(), expected);
}

/// spec: RFC 9404 §4.1; RFC 9404 §4.1.1; RFC 9404 §4.1.2
#[test]
fn blobs_are_put_together() {
    let read = |create: &str| {
        let text = format!(r#"{{"accountId":"account1","create":{create}}}"#);
        reading(|reading| BlobUpload::read(arguments(&text), reading))
    };
    let given = read(
        r##"{"cat":{"data":[{"data:asText":"How"},{"blobId":"#b4","length":7,"offset":3},{"blobId":"b5"},
        {"data:asBase64":"YXQ/"}],"type":"image/png"},"empty":{"data":[]}}"##,
    )
    .unwrap();
    let cat = given.create[0].object.as_ref().unwrap();
    let blob = |text: &str, offset, length| DataSource::Blob {
        blob_id: IdRef::parse(text).unwrap(),
        offset,
        length,
    };
    let expected = [
        DataSource::Octets(b"How".to_vec()),
        blob("#b4", 3, Some(7)),
        blob("b5", 0, None),
        DataSource::Octets(b"at?".to_vec()),
    ];
    assert_eq!(cat.data, expected);
    assert_eq!(given.create[1].object.as_ref().unwrap().media_type, None);
    for bad in [
        r#"{"data:asText":"x","data:asBase64":"YQ=="}"#,
        r#"{"data:asText":"x","offset":0}"#,
        r#"{"data:asBase64":"Y!=="}"#,
        r#"{"blobId":"a b"}"#,
        r#"{"blobId":"b","length":-1}"#,
        r#"{"url":"https://x"}"#,
        "{}",
        "5",
    ] {
        let given = read(&format!(r#"{{"k":{{"data":[{bad}]}}}}"#)).unwrap();
        assert_eq!(wrong(given.create[0].object.clone()), "data", "{bad}");
    }
    let many = vec![r#"{"data:asText":""}"#; 101].join(",");
    assert_eq!(
        wrong(read(&format!(r#"{{"k":{{"data":[{many}]}}}}"#)).unwrap().create[0].object.clone()),
        "data"
    );
    let mut response = BlobUploadResponse {
        account_id: id("account1"),
        created: Table::default(),
        not_created: Table::default(),
    };
    let created = CreatedBlob { id: id("G4c"), media_type: Some("image/png".into()), size: 95 };
    response.created.put(&id("1"), Raw::of(&created));
    let expected = concat!(
        r#"{"accountId":"account1","created":{"1":{"id":"G4c","type":"image/png","size":95}},"#,
        r#""notCreated":null}"#
    );
    assert_eq!(Raw::of(&response).as_str(), expected);
}

/// spec: RFC 9404 §4.2; RFC 9404 §4.2.1; RFC 9404 §4.2.2
#[test]
fn blobs_are_shown_as_in_the_rfc() {
    let given = reading(|reading| {
        GetArguments::<Blobs>::read(
            arguments(r#"{"accountId":"a","ids":["b"],"offset":4,"length":9}"#),
            reading,
        )
    })
    .unwrap()
    .selection;
    assert_eq!(given.extra, BlobRange { offset: 4, length: Some(9) });
    assert_eq!(given.properties, [BlobProperty::Data, BlobProperty::Size]);
    let b1 = Blob {
        id: id("G72c"),
        size: 43,
        selected: b"jumped over the \x81\x81 dog.".to_vec(),
        is_truncated: true,
        digests: vec![vec![0; 3]],
    };
    let b2 = Blob { id: id("G2aa"), size: 11, selected: Vec::new(), is_truncated: true, digests: Vec::new() };
    let show = |blob: &Blob, properties: &[&str]| {
        let properties: Vec<_> = properties.iter().map(|name| BlobProperty::parse(name).unwrap()).collect();
        shown(|slot| blob.write(&properties, slot))
    };
    let problem = r#"{"id":"G72c","isTruncated":true,"isEncodingProblem":true"#;
    let base64 = r#""data:asBase64":"anVtcGVkIG92ZXIgdGhlIIGBIGRvZy4=""#;
    assert_eq!(show(&b1, &["data", "size"]), format!(r#"{problem},{base64},"size":43}}"#));
    assert_eq!(show(&b1, &["data:asText", "size"]), format!(r#"{problem},"data:asText":null,"size":43}}"#));
    let whole = format!(r#"{{"id":"G72c","isTruncated":true,{base64},"digest:sha-256":"AAAA"}}"#);
    assert_eq!(show(&b1, &["data:asBase64", "digest:sha-256", "id"]), whole);
    assert_eq!(show(&b1, &["data", "data:asBase64"]), format!("{problem},{base64}}}"), "no name twice");
    assert_eq!(
        show(&b2, &["data", "size"]),
        r#"{"id":"G2aa","isTruncated":true,"data:asText":"","size":11}"#
    );
    for unknown in ["digest:md5", "digest:", "data:", "data:asHex", "type"] {
        assert_eq!(BlobProperty::parse(unknown), None, "{unknown}");
    }
}

/// spec: RFC 9404 §4.3; RFC 9404 §4.3.1; RFC 9404 §6.2
#[test]
fn blobs_are_looked_up() {
    let read = |text: &str| reading(|reading| BlobLookup::read(arguments(text), reading));
    let given = read(r#"{"accountId":"a","typeNames":["Mailbox","Email","Email"],"ids":["Gd2"]}"#).unwrap();
    assert_eq!(given.types, [LookupType::Mailbox, LookupType::Email]);
    let unknown = read(r#"{"accountId":"a","typeNames":["Todo"],"ids":[]}"#).unwrap_err();
    assert_eq!(unknown.kind(), "unknownDataType");
    let (limits, created_ids) = (CoreLimits::default(), CreatedIds::default());
    let using = Capabilities::NONE.with(Capability::Blob);
    let without = Reading { limits: &limits, created_ids: &created_ids, using };
    let text = r#"{"accountId":"a","typeNames":["Email"],"ids":[]}"#;
    assert_eq!(BlobLookup::read(arguments(text), &without).unwrap_err().kind(), "unknownDataType");
    let matched = Matched { lookup_type: LookupType::Email, ids: vec![id("E16e")] };
    let none = Matched { lookup_type: LookupType::Thread, ids: Vec::new() };
    let response = BlobLookupResponse {
        account_id: id("a"),
        list: vec![BlobInfo { id: id("Gd2"), matched: vec![matched, none] }],
        not_found: Vec::new(),
    };
    let expected = concat!(
        r#"{"accountId":"a","list":[{"id":"Gd2","matchedIds":{"Email":["E16e"],"Thread":[]}}],"#,
        r#""notFound":[]}"#
    );
    assert_eq!(Raw::of(&response).as_str(), expected);
}
