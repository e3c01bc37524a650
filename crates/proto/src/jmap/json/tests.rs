//! Reading and writing of JSON: the rules of I-JSON, the bounds, round trips.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Json, NotJson> {
    Json::parse(text.as_bytes(), &Bounds::default())
}

fn wrong(octets: &[u8]) -> String {
    match Json::parse(octets, &Bounds::default()) {
        Err(NotJson::Wrong { what }) => what,
        other => panic!("{:?}: {other:?}", String::from_utf8_lossy(octets)),
    }
}

/// spec: RFC 7493 §2.1; RFC 7493 §2.2; RFC 7493 §2.3; RFC 8620 §1.5
#[test]
fn what_is_no_i_json_is_refused() {
    assert!(wrong(br#"{"a":1,"b":2,"\u0061":3}"#).contains("\"a\" stands twice"), "after escapes");
    assert!(wrong(br#"[{"x":{"":1,"":2}}]"#).contains("stands twice"), "however deep");
    assert!(wrong(br#""\uDEAD""#).contains("surrogate"));
    assert!(wrong(br#""\uFFFF""#).contains("noncharacter ffff"));
    assert!(wrong("{\"\u{fdd0}\":1}".as_bytes()).contains("noncharacter fdd0"));
    assert!(wrong("\"\u{10fffe}\"".as_bytes()).contains("noncharacter 10fffe"));
    assert!(wrong(b"\"\xff\"").contains("unicode"));
    assert!(wrong(b"1E400").contains("range"));
    for octets in [&b""[..], b"{", b"[1,]", b"{\"a\"}", b"nul", b"1 2", b"\xef\xbb\xbf{}", b"'a'", b"NaN"] {
        wrong(octets);
    }
    assert!(parse(r#""\uD800\uDEAD""#).is_ok(), "a pair of surrogates is a character");
}

/// spec: RFC 8620 §8.4; RFC 8620 §8.5
#[test]
fn structure_is_bounded_before_anything_is_built() {
    let bounds = Bounds { depth_max: 3, values_max: 6 };
    let parse = |text: &str| Json::parse(text.as_bytes(), &bounds);
    assert!(parse(r#"[[[1,"[[[[[,,,,,,,\"[[["]]]"#).is_ok(), "what stands in strings does not count");
    assert_eq!(parse("[[[["), Err(NotJson::TooDeep { depth_max: 3 }));
    assert_eq!(parse(r#"{"a":[{"b":{}}]}"#), Err(NotJson::TooDeep { depth_max: 3 }));
    assert_eq!(parse("[1,2,3,4,5,6]"), Err(NotJson::TooManyValues { values_max: 6 }));
    assert!(parse("[1,2,3,4,5]").is_ok());
    assert!(parse("[[],[],[]]").is_err());
    assert!(parse("]]]]]]]]").is_err());
    let deepest = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert!(Json::parse(deepest.as_bytes(), &Bounds { depth_max: 100, values_max: 1000 }).is_ok());
}

/// spec: RFC 8620 §1.3
#[test]
fn integers_are_what_a_double_holds() {
    let int = |text: &str| match parse(text) {
        Ok(Json::Number(number)) => number.int(),
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(int("9007199254740991"), Some(9_007_199_254_740_991));
    assert_eq!(int("-9007199254740991"), Some(-9_007_199_254_740_991));
    for text in ["9007199254740992", "-9007199254740992", "18446744073709551615", "1.5", "1e16", "1e300"] {
        assert_eq!(int(text), None, "{text}");
    }
    assert_eq!(int("1e3"), Some(1000));
    assert_eq!(int("-0"), Some(0));
    assert_eq!(parse("1.0"), parse("1"));
    assert_ne!(parse("-1"), parse("1"));
    assert_eq!(parse("[-2.0,3.0]"), parse("[-2,3]"));
}

#[test]
fn objects_are_equal_in_any_order() {
    assert_eq!(parse(r#"{"a":1,"b":[2]}"#), parse(r#"{"b":[2],"a":1}"#));
    assert_ne!(parse(r#"{"a":1,"b":2}"#), parse(r#"{"a":1,"c":2}"#));
    assert_ne!(parse(r#"{"a":1}"#), parse(r#"{"a":1,"b":2}"#));
}

#[test]
fn a_slot_is_always_filled() {
    let mut out = Vec::new();
    Slot::new(&mut out).members(|object| {
        drop(object.member("forgotten"));
        object.put("list", &vec![Some(1u64), None]);
        object.member("inner").members(|inner| inner.put("x", "\u{1}\"\\\n\r\t\u{7f}ä\u{fffe}😀\u{1ffff}"));
        object.member("empty").members(|_| {});
        object.put_some("absent", None::<&str>);
        object.put_some("present", Some("y"));
        object.member("none").each(Vec::<u64>::new(), |value, slot| value.write(slot));
        object.put("items", &["a", "b"].into_iter().collect::<Items>());
        object.member("int").int(-5);
    });
    let text = String::from_utf8(out).unwrap();
    let expected = concat!(
        r#"{"forgotten":null,"list":[1,null],"inner":{"x":"\u0001\"\\\n\r\t"#,
        "\u{7f}ä\u{fffd}😀\u{fffd}",
        r#""},"empty":{},"present":"y","none":[],"items":["a","b"],"int":-5}"#
    );
    assert_eq!(text, expected);
    assert!(parse(&text).is_ok());
}

pub(crate) fn any_json() -> impl Strategy<Value = Json> {
    let text = "[a-z~/*#\"\\\\\u{1}é😀]{0,6}";
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<u64>().prop_map(|value| Json::Number(Number::Unsigned(value))),
        (i64::MIN..0).prop_map(|value| Json::Number(Number::Negative(value))),
        any::<f64>()
            .prop_filter("JSON has no other", |value| value.is_finite())
            .prop_map(|value| Json::Number(Number::Float(value))),
        text.prop_map(|value| Json::String(value.into())),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let members = proptest::collection::btree_map(text, inner.clone(), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Json::Array),
            members.prop_map(|members| {
                let member = |(name, value): (String, Json)| Member { name: name.into(), value };
                Json::Object(Members(members.into_iter().map(member).collect()))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in any_json()) {
        let text = value.to_string();
        prop_assert_eq!(parse(&text).unwrap(), value);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Json::parse(&octets, &Bounds::default());
    }
}
