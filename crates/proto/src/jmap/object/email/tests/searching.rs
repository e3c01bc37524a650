//! Emails that are searched for and sorted.

use super::*;

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
