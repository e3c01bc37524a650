//! A push subscription as JSON: whatever a client writes, what is accepted is within its limits and reads
//! back as it was listed (COI-webpush §subscribe).

use koi_types::{Timestamp, limits};
use koi_webpush::Subscription;

use super::Target;

const EXAMPLE: &[u8] = br#"{"client":"My awesome WebPush App","device":"My Favorite Smartphone",
"msgtype":"chat","exclude_from":["sender@domain.com"],
"resource":{"endpoint":"https://push.example:8443/v2/?x",
"keys":{"p256dh":
"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":
"tBHItJI5svbpez7KI4CCXg=="}}}"#;

/// Subscriptions, right and wrong.
#[must_use]
pub fn target() -> Target {
    let seeds = [EXAMPLE, b"{}", b"[[[[{\"client\":\"\\ud800\"}]]]]"];
    Target {
        name: "push_subscription",
        body,
        seeds: seeds.iter().map(|seed| seed.to_vec()).collect(),
        words: WORDS,
    }
}

const WORDS: &[&[u8]] = &[
    b"\"client\":",
    b"\"excluded_from\":[\"a@b\"],",
    b"\"created\":\"2019-10-16T16:14:17+00:00\",\"validated\":true,",
    b"https://",
    b"https://[::1]:1/",
    b"@",
    b"\\u0000",
    b"\\ud83d\\ude00",
    b"null",
    b"[[[[[[[[",
    b"{\"x\":",
    b"1e999",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let subscription = match Subscription::parse(input) {
        Ok(subscription) => subscription,
        Err(refused) => {
            let text = refused.to_string();
            assert!(!text.is_empty() && text.bytes().all(|b| matches!(b, b' '..=b'~')), "one line of ASCII");
            return;
        }
    };
    assert!(input.len() <= limits::PUSH_SUBSCRIPTION_OCTETS_MAX);
    assert!(subscription.client.len().max(subscription.device.len()) <= limits::PUSH_NAME_OCTETS_MAX);
    let endpoint = &subscription.endpoint;
    assert!(endpoint.as_str().len() <= limits::PUSH_ENDPOINT_OCTETS_MAX);
    assert!(endpoint.path_and_query().starts_with('/') && !endpoint.host().is_empty());
    assert!(endpoint.origin().as_str().starts_with("https://"));
    let listed = subscription.json(Timestamp(0), true);
    assert_eq!(Subscription::parse(listed.as_bytes()).as_ref(), Ok(&subscription), "it reads back");
}
