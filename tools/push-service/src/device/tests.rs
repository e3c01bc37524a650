//! The device reads the example of RFC 8291, and the token of the example of RFC 8292.

use std::time::Instant;

use super::*;
use crate::recorded::{Field, Http};

fn octets<const N: usize>(text: &str) -> [u8; N] {
    URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
}

/// spec: RFC 8291 §5
#[test]
fn the_example_is_read() {
    let private_key: [u8; 32] = octets("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94");
    let private_key = PrivateKey::from_private_key(&ECDH_P256, &private_key).unwrap();
    let device = Device { private_key, auth: octets("BTBZMqHH6r4Tts7J_aSIgg") };
    assert!(device.p256dh().starts_with("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUz"));
    let body: [u8; 144] = octets(concat!(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml",
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT",
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
    ));
    assert_eq!(device.decrypt(&body), b"When I grow up, I want to be a watermelon");
}

fn with_authorization(value: &str) -> Recorded {
    Recorded {
        resource: "x".into(),
        method: "POST".into(),
        authority: "push.example.net".into(),
        http: Http::One,
        headers: vec![Field { name: "authorization".into(), value: value.into() }],
        body: Vec::new(),
        connection: 1,
        at: Instant::now(),
        fault: None,
    }
}

const EXAMPLE: &str = "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";

/// spec: RFC 8292 §2.4
#[test]
fn the_example_is_verified() {
    let claims = with_authorization(EXAMPLE).vapid_claims();
    let expected = json!({
        "aud": "https://push.example.net", "exp": 1_453_523_768, "sub": "mailto:push@example.com",
    });
    assert_eq!(claims, expected);
}

#[test]
#[should_panic(expected = "a valid signature")]
fn a_forged_token_is_not() {
    let _ = with_authorization(&EXAMPLE.replace("0NTM1MjM3NjgsInN1", "0NTM1MjM3NjgsInN2")).vapid_claims();
}
