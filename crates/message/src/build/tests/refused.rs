//! Everything that is refused when a message is made.

use super::*;

/// What is refused, as `property rule`.
fn refused(form: &EmailForm) -> Vec<(String, Rule)> {
    match build(form, &GIVEN, &mut |_| Some(Vec::new())) {
        Err(BuildError::Refused(refusals)) => {
            refusals.into_iter().map(|Refusal { property, rule }| (property, rule)).collect()
        }
        other => panic!("not refused: {other:?}"),
    }
}

pub(super) fn only(form: &EmailForm, property: &str, rule: Rule) {
    assert_eq!(refused(form), [(property.to_owned(), rule)]);
}

// spec: RFC 8621 §4.6
#[test]
fn header_properties_that_are_refused() {
    let email = |headers| EmailForm { headers, ..EmailForm::default() };
    only(&EmailForm { has_headers: true, ..EmailForm::default() }, "headers", Rule::HeadersGiven);
    only(&email(vec![subject("x"), raw("header:Subject", " y")]), "header:Subject", Rule::FieldTwice);
    let date = || HeaderValue::Date(Some(GIVEN.date));
    only(
        &email(vec![setting("header:From:asDate", HeaderForm::Date, date())]),
        "header:From:asDate",
        Rule::FormForbidden,
    );
    only(
        &email(vec![raw("header:Content-Language", " x")]),
        "header:Content-Language",
        Rule::ContentFieldOnEmail,
    );
    only(&email(vec![raw("header:a b", " x")]), "header:a b", Rule::FieldName);
    let bad_raw = ["a\r\nBcc: x", "a\nBcc: x", "a\r\n", "a\rb", "a\0b", "a\r\n \r\n b", "a\r\n "];
    for value in bad_raw {
        only(&email(vec![raw("header:X", value)]), "header:X", Rule::FieldValue);
    }
    only(&email(vec![raw("header:X", &"x".repeat(997))]), "header:X", Rule::FieldValue);
    assert!(built(&email(vec![raw("header:X", &"x".repeat(996))])).contains("X:xxxx"));
    assert!(built(&email(vec![raw("header:X", " a\r\n b\r\n\tc")])).contains("\r\nX: a\r\n b\r\n\tc\r\n"));
    only(&email(vec![subject("a\r\nBcc: x")]), "subject", Rule::FieldValue);
    let address = |name: &str, email: &str| {
        HeaderValue::Addresses(vec![EmailAddress { name: Some(name.into()), email: email.into() }])
    };
    for bad in [address("a\nb", "a@b"), address("a", "a@b\r\nBcc: x")] {
        only(&email(vec![setting("to", HeaderForm::Addresses, bad)]), "to", Rule::FieldValue);
    }
    for bad in ["a>b@c", "a b@c", "", "a\r\n@b"] {
        let ids = HeaderValue::MessageIds(Some(vec![bad.to_owned()]));
        only(
            &email(vec![setting("header:X:asMessageIds", HeaderForm::MessageIds, ids)]),
            "header:X:asMessageIds",
            Rule::FieldValue,
        );
        let urls = HeaderValue::Urls(Some(vec![bad.to_owned()]));
        only(
            &email(vec![setting("header:X:asURLs", HeaderForm::Urls, urls)]),
            "header:X:asURLs",
            Rule::FieldValue,
        );
    }
    let never = HeaderValue::Date(Some(DateTime { unix_s: i64::MAX, zone_min: 0 }));
    only(
        &email(vec![setting("header:X:asDate", HeaderForm::Date, never)]),
        "header:X:asDate",
        Rule::FieldValue,
    );
}

// spec: RFC 8621 §4.6
#[test]
fn bodies_that_are_refused() {
    let values = || with_values(&[("t", "x")]);
    let text = || value_part("text/plain", "t");
    let tree = |part: PartForm| EmailForm { body_structure: Some(part), ..values() };
    let both = EmailForm { text_body: Some(vec![text()]), attachments: Some(vec![]), ..tree(text()) };
    assert_eq!(
        refused(&both),
        [("textBody".into(), Rule::BodyTwice), ("attachments".into(), Rule::BodyTwice)]
    );
    let mut twice = tree(PartForm { headers: vec![raw("header:X-A", " x")], ..text() });
    twice.headers = vec![raw("header:x-a:all", " y")];
    only(&twice, "bodyStructure/header:X-A", Rule::FieldOnEmailAndBody);
    only(&EmailForm { text_body: Some(vec![]), ..values() }, "textBody", Rule::NotOneTextPart);
    only(&EmailForm { text_body: Some(vec![text(), text()]), ..values() }, "textBody", Rule::NotOneTextPart);
    only(
        &EmailForm { text_body: Some(vec![value_part("text/html", "t")]), ..values() },
        "textBody",
        Rule::NotOneTextPart,
    );
    only(&EmailForm { html_body: Some(vec![text()]), ..values() }, "htmlBody", Rule::NotOneHtmlPart);
    let mut flagged = values();
    flagged.body_values.get_mut("t").unwrap().is_truncated = true;
    only(&flagged, "bodyValues/t/isTruncated", Rule::Truncated);
    let mut flagged = values();
    flagged.body_values.get_mut("t").unwrap().is_encoding_problem = true;
    only(&flagged, "bodyValues/t/isEncodingProblem", Rule::EncodingProblem);
    let cases = [
        (PartForm { blob_id: Some("b".into()), ..text() }, "blobId", Rule::PartIdAndBlobId),
        (value_part("text/plain", "none"), "partId", Rule::NoSuchBodyValue),
        (PartForm { charset: Some("utf-8".into()), ..text() }, "charset", Rule::CharsetWithPartId),
        (PartForm { has_size: true, ..text() }, "size", Rule::SizeWithPartId),
        (PartForm { has_headers: true, ..text() }, "headers", Rule::HeadersGiven),
        (
            PartForm { headers: vec![raw("header:Content-Transfer-Encoding", " 8bit")], ..text() },
            "header:Content-Transfer-Encoding",
            Rule::TransferEncodingGiven,
        ),
        (
            PartForm { headers: vec![raw("header:content-type", " text/plain")], ..text() },
            "header:content-type",
            Rule::FieldTwice,
        ),
        (
            PartForm {
                name: Some("n".into()),
                headers: vec![raw("header:Content-Disposition", " inline")],
                ..text()
            },
            "header:Content-Disposition",
            Rule::FieldTwice,
        ),
        (
            PartForm {
                media_type: None,
                headers: vec![raw("header:Content-Type", " text/plain; charset=x")],
                ..text()
            },
            "header:Content-Type",
            Rule::RawContentType,
        ),
        (PartForm { sub_parts: Some(vec![text()]), ..text() }, "subParts", Rule::SubPartsMisplaced),
        (value_part("multipart/mixed", "t"), "subParts", Rule::SubPartsMisplaced),
        (value_part("text", "t"), "type", Rule::MediaType),
        (value_part("text/plain; charset=x", "t"), "type", Rule::MediaType),
        (PartForm { cid: Some("a>b".into()), ..text() }, "cid", Rule::FieldValue),
        (PartForm { name: Some("a\nb".into()), ..text() }, "name", Rule::FieldValue),
        (PartForm { disposition: Some("a b".into()), ..text() }, "disposition", Rule::FieldValue),
        (PartForm { location: Some("a b".into()), ..text() }, "location", Rule::FieldValue),
        (PartForm { language: Some(vec!["a b".into()]), ..text() }, "language", Rule::FieldValue),
    ];
    for (part, property, rule) in cases {
        only(&tree(part.clone()), &format!("bodyStructure/{property}"), rule);
        let below = PartForm {
            media_type: Some("multipart/mixed".into()),
            sub_parts: Some(vec![text(), part]),
            ..PartForm::default()
        };
        only(&tree(below), &format!("bodyStructure/subParts/1/{property}"), rule);
    }
    let empty = |media_type: &str| PartForm { media_type: Some(media_type.into()), ..PartForm::default() };
    only(&tree(empty("multipart/mixed")), "bodyStructure", Rule::NothingInPart);
    only(&tree(empty("text/plain")), "bodyStructure", Rule::NothingInPart);
}

// spec: RFC 8621 §4.6
#[test]
fn limits_and_missing_blobs() {
    let text = value_part("text/plain", "t");
    let mut deep = text.clone();
    for _ in 0..40 {
        deep = PartForm { sub_parts: Some(vec![deep]), ..PartForm::default() };
    }
    let form = EmailForm { body_structure: Some(deep), ..with_values(&[("t", "x")]) };
    assert_eq!(refused(&form)[0].1, Rule::TooDeep);
    let form = EmailForm { attachments: Some(vec![blob_part("a/b", "x"); 1_001]), ..EmailForm::default() };
    only(&form, "attachments/1000", Rule::TooManyParts);
    let blobs = ["a", "b", "a", "c"].map(|id| blob_part("a/b", id)).to_vec();
    let form = EmailForm { attachments: Some(blobs), ..EmailForm::default() };
    let found = build(&form, &GIVEN, &mut |id| (id == "b").then(Vec::new));
    assert_eq!(found, Err(BuildError::BlobsNotFound(vec!["a".into(), "c".into()])));
    for octets in [1 << 20, (1 << 20) - 300_000, (1 << 20) + 1] {
        assert_eq!(build(&form, &GIVEN, &mut |_| Some(vec![0; octets])), Err(BuildError::TooLarge));
    }
}

// spec: RFC 8621 §4.6
#[test]
fn many_fields_and_endless_names_are_refused_in_time() {
    let refused = |headers: Vec<HeaderSetting>| {
        let form = EmailForm { headers, ..EmailForm::default() };
        match build(&form, &GIVEN, &mut |_| None) {
            Err(BuildError::Refused(refusals)) => {
                refusals.iter().map(|refusal| refusal.rule).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    let endless = "x".repeat(2_000);
    assert!(refused(vec![raw(&format!("header:{endless}"), " y")]).contains(&Rule::FieldName));
    let mut many: Vec<_> = (0..100_000).map(|n| raw(&format!("header:X-{n}"), " y")).collect();
    many.push(raw("header:x-99999", " z"));
    assert_eq!(refused(many), [Rule::FieldTwice]);
    let cid = PartForm { cid: Some(endless), ..blob_part("image/png", "b") };
    let form = EmailForm { attachments: Some(vec![cid; 3]), ..EmailForm::default() };
    assert_eq!(form.blob_ids(), ["b"]);
    let Err(BuildError::Refused(refusals)) = build(&form, &GIVEN, &mut |_| None) else { panic!("refused") };
    assert!(
        refusals.iter().all(|refusal| refusal.rule == Rule::FieldValue && refusal.property.ends_with("/cid"))
    );
}

// spec: RFC 5322 §3.6; RFC 8621 §4.6
#[test]
fn a_field_that_stands_once_is_not_written_twice() {
    let address = |email: &str| vec![EmailAddress { name: None, email: email.into() }];
    let mut from =
        setting("header:From:asAddresses:all", HeaderForm::Addresses, HeaderValue::Addresses(address("a@b")));
    from.values.push(HeaderValue::Addresses(address("c@d")));
    let form = EmailForm { headers: vec![from.clone()], ..EmailForm::default() };
    only(&form, "header:From:asAddresses:all", Rule::FieldOnce);
    from.values.truncate(1);
    assert!(header(vec![from]).contains("\r\nFrom: a@b\r\n"));
    let mut types = raw("header:Content-Type:all", " text/plain");
    types.values.push(HeaderValue::Raw(" text/html".into()));
    let part = PartForm { part_id: Some("t".into()), headers: vec![types], ..PartForm::default() };
    let form = EmailForm { body_structure: Some(part), ..with_values(&[("t", "x")]) };
    only(&form, "bodyStructure/header:Content-Type:all", Rule::FieldOnce);
    let mut received = raw("header:Received:all", " by a; x");
    received.values.push(HeaderValue::Raw(" by b; x".into()));
    assert!(header(vec![received]).contains("\r\nReceived: by a; x\r\nReceived: by b; x\r\n"));
}

// spec: RFC 5322 §2.1.1
#[test]
fn an_address_that_is_too_long_in_quotes_is_refused() {
    let of = |email: String| {
        let list = HeaderValue::Addresses(vec![EmailAddress { name: None, email }]);
        EmailForm { headers: vec![setting("to", HeaderForm::Addresses, list)], ..EmailForm::default() }
    };
    only(&of("\"".repeat(900)), "to", Rule::FieldValue);
    let fits = built(&of("\"".repeat(400)));
    assert!(fits.lines().all(|line| line.len() <= 998), "{fits}");
}
