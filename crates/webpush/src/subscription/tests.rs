//! The examples, every constraint from both sides, and that what was accepted reads back.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const POINT: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const CREATED: Timestamp = Timestamp::from_secs(1_571_242_457);

fn example() -> Value {
    json!({
        "client": "My awesome WebPush App",
        "device": "My Favorite Smartphone",
        "msgtype": "chat",
        "resource": {
            "endpoint": "https://my-push-service.com/some-kind-of-unique-id-1234/v2/",
            "keys": { "p256dh": POINT, "auth": "tBHItJI5svbpez7KI4CCXg==" },
        },
    })
}

fn parse(value: &Value) -> Result<Subscription, Invalid> {
    Subscription::parse(value.to_string().as_bytes())
}

/// The example with one member, named by its path, set.
fn with(path: &str, value: Value) -> Result<Subscription, Invalid> {
    let mut example = example();
    let (parent, name) = path.rsplit_once('/').unwrap();
    example.pointer_mut(parent).unwrap()[name] = value;
    parse(&example)
}

/// spec: COI-webpush §subscribe; COI-webpush §list-existing-subscriptions
#[test]
fn the_example_and_how_it_is_listed() {
    let subscription = parse(&example()).unwrap();
    assert_eq!(subscription.endpoint.origin().as_str(), "https://my-push-service.com");
    assert_eq!(subscription.keys.p256dh.base64url(), POINT);
    let expected = format!(
        "{{\"created\":\"2019-10-16T16:14:17+00:00\",\"validated\":true,\"client\":\"My awesome WebPush App\",\
         \"device\":\"My Favorite Smartphone\",\"msgtype\":\"chat\",\"resource\":{{\"endpoint\":\
         \"https://my-push-service.com/some-kind-of-unique-id-1234/v2/\",\"keys\":{{\"p256dh\":\"{POINT}\",\
         \"auth\":\"tBHItJI5svbpez7KI4CCXg==\"}}}}}}"
    );
    assert_eq!(subscription.json(CREATED, true), expected);
    assert!(subscription.json(CREATED, false).contains("\"validated\":false"));
    assert_eq!(Subscription::parse(expected.as_bytes()), Ok(subscription));
}

/// spec: COI-webpush §subscribe
#[test]
fn every_constraint_from_both_sides() {
    let name = |octets| json!("x".repeat(octets));
    let url = |octets: usize| json!(format!("https://a.example/{}", "x".repeat(octets - 18)));
    let addresses = |number| json!(vec!["a@b.example"; number]);
    for (path, good, bad) in [
        ("/client", name(128), name(129)),
        ("/device", name(128), name(129)),
        ("/client", json!("ä".repeat(64)), json!("ä".repeat(65))),
        ("/client", json!(""), json!(null)),
        ("/device", json!("\u{0}"), json!(7)),
        ("/msgtype", json!("all"), json!("All")),
        ("/msgtype", json!("mail"), json!("")),
        ("/exclude_from", json!([]), json!("a@b.example")),
        ("/exclude_from", json!(null), json!([null])),
        ("/exclude_from", addresses(PUSH_EXCLUDED_MAX), addresses(PUSH_EXCLUDED_MAX + 1)),
        (
            "/excluded_from",
            json!([name(PUSH_EXCLUDED_OCTETS_MAX)]),
            json!([name(PUSH_EXCLUDED_OCTETS_MAX + 1)]),
        ),
        ("/resource/endpoint", url(2048), url(2049)),
        ("/resource/endpoint", json!("https://a.example:8443/x"), json!("http://a.example/x")),
        ("/resource/keys/auth", json!("tBHItJI5svbpez7KI4CCXg"), json!("tBHItJI5svbpez7KI4CC")),
        ("/resource/keys/auth", json!("BTBZMqHH6r4Tts7J_aSIgg"), json!("")),
        ("/resource/keys/p256dh", json!(format!("{POINT}=")), json!(POINT.replacen('B', "C", 1))),
        ("/resource/keys/p256dh", json!(POINT), json!(POINT[..86])),
        ("/msgtype", json!("chat"), json!({"chat": null})),
        (
            "/resource/keys",
            json!({"p256dh": POINT, "auth": "BTBZMqHH6r4Tts7J_aSIgg"}),
            json!([POINT, "BTBZMqHH6r4Tts7J_aSIgg"]),
        ),
        ("/resource/keys", json!({"p256dh": POINT, "auth": "BTBZMqHH6r4Tts7J_aSIgg", "x": 1}), json!({})),
        ("/resource/x", json!([1, {"y": null}]), json!("x".repeat(PUSH_SUBSCRIPTION_OCTETS_MAX))),
        ("/x", json!({"client": 7}), json!("x".repeat(PUSH_SUBSCRIPTION_OCTETS_MAX))),
    ] {
        assert!(with(path, good.clone()).is_ok(), "{path} {good}");
        let refused = with(path, bad.clone()).expect_err(&format!("{path} {bad}")).to_string();
        assert!(!refused.is_empty() && refused.len() <= 120 && refused.is_ascii(), "{refused}");
    }
}

/// spec: COI-webpush §subscribe
#[test]
fn what_is_missing_is_named() {
    for (path, name) in [
        ("", "client"),
        ("", "device"),
        ("", "msgtype"),
        ("", "resource"),
        ("/resource", "endpoint"),
        ("/resource", "keys"),
        ("/resource/keys", "p256dh"),
        ("/resource/keys", "auth"),
    ] {
        let mut value = example();
        value.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(name);
        let refused = parse(&value).unwrap_err().to_string();
        assert!(refused.contains(&format!("missing field `{name}`")), "{refused}");
    }
}

#[test]
fn what_is_no_object_is_refused() {
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let twice = example().to_string().replacen('{', "{\"client\":\"a\",", 1);
    let trailing = format!("{} x", example());
    for text in ["", "7", "[]", "{", "{}", "\u{feff}{}", "null", &deep, &twice, &trailing] {
        assert!(Subscription::parse(text.as_bytes()).is_err(), "{text:.40}");
    }
    assert!(Subscription::parse(b"{\"client\":\"\xff\"}").is_err());
    let refused = with("/msgtype", json!("\r\nb\u{fc}cher")).unwrap_err().to_string();
    assert!(refused.is_ascii() && !refused.contains(['\r', '\n']), "{refused}");
}

/// spec: COI-webpush §subscribe: unknown members, and those that are the server's, are not kept.
#[test]
fn members_that_are_not_kept() {
    let mut value = example();
    value["created"] = json!("1999-01-01T00:00:00Z");
    value["validated"] = json!(true);
    value["x"] = json!({"y": [1, 2]});
    value["resource"]["expirationTime"] = json!(null);
    assert_eq!(parse(&value), parse(&example()));
}

/// COI-webpush §subscribe with the member that was proposed later.
#[test]
fn excluded_addresses_under_both_names() {
    let subscription = with("/exclude_from", json!(["Sender@Domain.com"])).unwrap();
    assert!(subscription.excludes("sender@domain.COM"));
    assert!(!subscription.excludes("other@domain.com"));
    let listed = subscription.json(CREATED, false);
    let order = r#""msgtype":"chat","exclude_from":["Sender@Domain.com"],"resource""#;
    assert!(listed.contains(order), "{listed}");
    assert!(!listed.contains("excluded_from"));
    let subscription = with("/excluded_from", json!(["b\u{fc}cher@b\u{dc}cher.example"])).unwrap();
    assert!(subscription.excludes("b\u{fc}cher@b\u{fc}cher.example"));
    assert!(subscription.json(CREATED, false).contains("\"excluded_from\":["));
    assert!(!subscription.json(CREATED, false).contains("exclude_from"));
}

#[test]
fn message_types() {
    let wants = |msgtype: MsgType| (msgtype.wants(true), msgtype.wants(false));
    assert_eq!(wants(MsgType::Chat), (true, false));
    assert_eq!(wants(MsgType::Mail), (false, true));
    assert_eq!(wants(MsgType::All), (true, true));
}

proptest! {
    #[test]
    fn what_was_accepted_reads_back(
        client in "\\PC{0,40}", device in "(\\PC|[\\x00-\\x1f]){0,30}",
        msgtype in prop::sample::select(vec!["chat", "mail", "all"]),
        exclude in prop::option::of(prop::collection::vec("\\PC{0,20}", 0..4)),
        validated: bool,
    ) {
        let mut value = example();
        value["client"] = json!(client);
        value["device"] = json!(device);
        value["msgtype"] = json!(msgtype);
        value["exclude_from"] = json!(exclude);
        if let Ok(subscription) = parse(&value) {
            let listed = subscription.json(CREATED, validated);
            prop_assert_eq!(Subscription::parse(listed.as_bytes()), Ok(subscription));
            let read: Value = serde_json::from_str(&listed).unwrap();
            prop_assert_eq!(&read["client"], &json!(client));
            prop_assert_eq!(&read["device"], &json!(device));
        }
    }

    #[test]
    fn no_octets_make_it_panic(octets: Vec<u8>) {
        let _ = Subscription::parse(&octets);
    }
}
