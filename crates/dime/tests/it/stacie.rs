//! STACIE: the vectors of draft-ladar-stacie-03 (appendix A) and of magma (check/magma/prime/stacie_check.c),
//! ours, and the table of rounds.

use koi_dime::Secret;
use koi_dime::stacie::exchange::{
    BadMessage, Challenge, ClientFirst, ServerProof, parse_proof, proof_message,
};
use koi_dime::stacie::{
    BONUS_MAX, BadPassword, BadUsername, Derived, Inputs, Nonce, Password, RealmForm, RealmKey, RealmLabel,
    Rounds, Salt, Shard, Username, envelope,
};
use proptest::prelude::*;

use crate::material::{b64u, hex, secret, to_hex};

const USER: &str = "user@example.tld";
const SALT: &str = "lyrtpzN8cBRZvsiHX6y4j-pJOjIyJeuw5aVXzrItw1G4EOa-6CA4R9BhVpinkeH0UeXyOeTisHR3Ik3yuOhxbWPyesMJvfp0\
                    IBtx0f0uorb8wPnhw5BxDJVCb1TOSE50PFKGBFMkc63Koa7vMDj-WEoDj2X0kkTtlW6cUvF8i-M";
const NONCE: &str = "oDdYAHOsiX7Nl2qTwT18onW0hZdeTO3ebxzZp6nXMTo__0_vr_AsmAm3vYRwWtSCPJz0sA2o66uhNm6YenOGz0NkHcSAVgQh\
                     KdEBf_BTYkyULDuw2fSkbO7mlnxEhxqrJEc27ZVam6ogYABfHZjgVUTAi_SICyKAN7KOMuImL2g";
const SHARD: &str = "gD65Kdeda1hB2Q6gdZl0fetGg2viLXWG0vmKN4HxE3Jp3Z0Gkt5prqSmcuY2o8t24iGSCOnFDpP71c3xl9SX9Q";

pub(crate) fn salt() -> Salt {
    Salt(b64u(SALT).try_into().unwrap())
}

fn nonce() -> Nonce {
    Nonce(b64u(NONCE).try_into().unwrap())
}

pub(crate) fn shard() -> Shard {
    Shard(secret(&b64u(SHARD)))
}

pub(crate) fn derived(password: &str, bonus: u32) -> Derived {
    let password = Password::new(password.as_bytes()).unwrap();
    Inputs { username: USER, password: &password, salt: &salt(), bonus }.derive()
}

fn rounds(password: &str, bonus: u32) -> u32 {
    Rounds::of(&Password::new(password.as_bytes()).unwrap(), bonus).number()
}

fn assert_derived(derived: &Derived, [master, password, verification, login]: [&str; 4]) {
    assert_eq!(derived.master_key.0.expose(), b64u(master).as_slice());
    assert_eq!(derived.password_key.0.expose(), b64u(password).as_slice());
    assert_eq!(derived.verification_token.0.expose(), b64u(verification).as_slice());
    let token = derived.verification_token.login_token(USER, &salt(), &nonce());
    assert_eq!(token.0.expose(), b64u(login).as_slice());
}

#[test]
fn the_vector_of_the_draft() {
    let derived = derived("password", 131_072);
    assert_derived(
        &derived,
        [
            "SDt67ZfTr8c1KO1Ym6BI69i7TQNNq5J2irym6gPQlEo0MGc5x-b43bi1uXJDF4rhJJvfl9NFBQkDQ_X_2n66RA",
            "lYmvC3qutKIb6QrnxnTi_WuJR_PSiyMZ0CdH18DAxHIgwjj0_e4W6X8bKckKNGugWMMXmNgXDYb_7LlvtfN3HQ",
            "-Eu5mUcA7ko2BysV965hrf9bvMlh_S_iiI3tfMr0Qc7hf4oPmBCdGOU9VCeQ1qBrga-WyR-rko5l0-feoWuuuA",
            "8YEH_6kBdAdR5vlBaxs3KR3pZ429bEzF3AVFhkA0P2WPt2h94omJq-d8NhX0rNLBESn2yTu_z0ugJcSVLyz5iQ",
        ],
    );
    let key = RealmKey::derive(&derived.master_key, &RealmLabel::mail(), &salt(), &shard(), RealmForm::Salt);
    let wanted = "v53LS2JFjE-ErqJ2UWTe0O-dYxtYMUQzevxXczVVkQzcRPSS4sdBHPaKBniqxxr7SWaQR3moXN2tzJJhJ_p5Dw";
    assert_eq!(key.0.expose(), b64u(wanted).as_slice());
    let sealed = "AACS5PQoBg4ON1Xt6aUSddMxTTIKGdbGSelUkIbUkUjprZv9ekAwPRrJOUqJqWGhdgEvCzSkZwr-kvNZo6f2IW1a";
    let sealed = b64u(sealed);
    assert_eq!(envelope::serial(&sealed), Ok(0));
    assert_eq!(envelope::open(&key, &sealed).unwrap().as_slice(), b"Attack at dawn!");
}

#[test]
fn the_vector_of_magma() {
    let derived = derived("SiliconSally", 128);
    assert_derived(
        &derived,
        [
            "u-pbHPk-YbEY76DFA-X55HOS8BLxPGMY6oViDUed4fXrmlV1pRIpDem26P_1RBeCaWc09btoSP3E_fEF0ffxZA",
            "SeoGINQ3MXFo_xPt_uxYIgOzpU1BjDj9BfNlzbvlA2vOswkAC0sDnViURlhSRa8i91z6B-pQ8etRSaBkyDG_NA",
            "4smP8S5oGOR_OUp_T4M1RgOnOeChgme5Xv-ZX8_kt8lYKdPTUlc4oPFgg-5rAyhiqQOfxNa5HyYaefcb_haQ9Q",
            "_-MOUkFbJLAEFX8I4k9Bf-8VVk9DQlETAliooUH5unLUmgPkxc2peQaQUXvyoRrM87DF3kSfFhCh_uyv3BMb7Q",
        ],
    );
    let realm = |form| {
        let label = RealmLabel::mail();
        RealmKey::derive(&derived.master_key, &label, &salt(), &shard(), form)
    };
    let legacy = realm(RealmForm::Shard);
    let wanted = hex("bb5f0a9074358ed72fb31fa9fffd4978 c4c90c0a1e9ac23c2a9c3a04de85861f
         40b90822a31fd9e2d4c5ca1bab0ae309f09745c0872f9642787ab91ae87ef6ae");
    assert_eq!(legacy.0.expose(), wanted.as_slice());
    let ours = "0d7f4b95194235f6b902712e17d3bf3ed6f8d5addfaf328c8fee13af37e09b4b
                e68faf7757d804c588c6965cd5344140b64606bd062dc15ad4153ac9eba85b94";
    assert_eq!(realm(RealmForm::Salt).0.expose(), hex(ours).as_slice());
    let sealed = envelope::seal(&legacy, 0, &std::array::from_fn(|at| at as u8), b"Attack at dawn!").unwrap();
    let wanted = "0000000102030405060708090a0b0c0d0e0f8384ecf3f92533fecd479ffb146dc3b2
                  e93ec038b56bf19a63c690412b2d09386d7bc05940bcce47722cf0b1ac61bbd6";
    assert_eq!(to_hex(&sealed), to_hex(&hex(wanted)));
}

/// Ours: the quickest there is.
#[test]
fn eight_rounds() {
    let password = Password::new(b"correct horse battery staple").unwrap();
    let salt = Salt(std::array::from_fn(|at| at as u8));
    let derived = Inputs { username: "alice", password: &password, salt: &salt, bonus: 0 }.derive();
    let master = "7e9e307fb26bba1380332151b64f7b82dfe6c77836f4ffd6c9e9344cc3dea120
                  928ad6592f9a775e510a2e5e731657aa1cc22811239cdfc4161aa459a9ce3904";
    assert_eq!(derived.master_key.0.expose(), hex(master).as_slice());
    let password_key = "94e1ab9b2596ead2af8580dacd9cf2872d44da96891daaf78a14b7154781a7eb
                        c16e01a18affbe6061fbf1462c37a7af26b23aeb36b2981c14fa99bf15531404";
    assert_eq!(derived.password_key.0.expose(), hex(password_key).as_slice());
    let nonce = Nonce(std::array::from_fn(|at| 127 - at as u8));
    let token = derived.verification_token.login_token("alice", &salt, &nonce);
    let wanted = "0a9ba4a34eb715803d64b5f84eac442a7c47a20d5fa96cb4f700464ae6704f44
                  f38de5589ed0d6c54ccd9bd518a0bfb9a70897e3db175f0a4e06ae26691d2d8e";
    assert_eq!(token.0.expose(), hex(wanted).as_slice());
}

#[test]
fn shorter_passwords_make_more_rounds() {
    let long = "x".repeat(64);
    let table = [
        (long.as_str(), 0, 8),
        (&long, 4, 8),
        (&long, 8, 10),
        ("password", 0, 65_536),
        ("password", 128, 65_664),
        ("password", u32::MAX, 16_777_216),
        ("SiliconSally", 128, 4_224),
        ("A", 0, 8_388_608),
        ("A", 8_388_606, 16_777_214),
        ("A", 8_388_607, 16_777_215),
        ("A", 8_388_608, 16_777_216),
        ("A", 8_388_609, 16_777_216),
        ("pásswor", 0, 131_072),
        ("contraseña", 0, 16_384),
        ("teamomaḿa", 0, 32_768),
        ("我爱你", 0, 2_097_152),
        ("帐号密码", 0, 1_048_576),
        ("我的中文得很好", 0, 131_072),
    ];
    for (password, bonus, wanted) in table {
        assert_eq!(rounds(password, bonus), wanted, "{password} {bonus}");
    }
}

#[test]
fn passwords_that_are_none() {
    let refused = |octets: &[u8]| Password::new(octets).unwrap_err();
    assert_eq!(refused(b""), BadPassword::Empty);
    assert_eq!(refused(&hex("C380C3")), BadPassword::NotUtf8);
    assert_eq!(refused("\u{feff}password".as_bytes()), BadPassword::Character);
    assert_eq!(refused(b"a\nb"), BadPassword::Character);
    assert_eq!(refused(&[b'a'; 1025]), BadPassword::TooLong);
    let password = Password::new("e\u{301}\u{3000}x".as_bytes()).unwrap();
    assert_eq!(password.expose(), "é x", "composed, and a space is a space");
    assert_eq!(format!("{password:?}"), "Password(…)");
}

#[test]
fn a_new_password_keeps_the_realm_key() {
    let (old, new) =
        (derived("correct horse battery staple", 0), derived("another correct horse battery", 0));
    let label = RealmLabel::mail();
    let key = RealmKey::derive(&old.master_key, &label, &salt(), &shard(), RealmForm::Salt);
    let new_salt = Salt([9; 128]);
    let new_shard = key.shard_for(&new.master_key, &label, &new_salt);
    assert_eq!(RealmKey::derive(&new.master_key, &label, &new_salt, &new_shard, RealmForm::Salt), key);
    let checked = old.password_key.verification_token(USER, &salt());
    assert_eq!(checked, old.verification_token);
    assert_ne!(checked, new.verification_token);
}

/// The exchange of a sample session, each message with the next.
#[test]
fn an_exchange() {
    let derived = derived("SiliconSally", 128);
    let first = ClientFirst { authzid: "", authcid: USER };
    assert_eq!(ClientFirst::parse(first.message().as_bytes()), Ok(first));
    let challenge = Challenge { bonus: 128, salt: salt(), nonce: nonce(), username: None };
    assert_eq!(challenge.message(), format!("v=1,b=128,s={SALT},n={NONCE}"));
    assert_eq!(Challenge::parse(challenge.message().as_bytes()), Ok(challenge.clone()));
    let token = derived.verification_token.login_token(USER, &salt(), &nonce());
    let proof = proof_message(&token);
    assert_eq!(parse_proof(proof.as_bytes()), Ok(token));
    let (c1, s1) = (first.message(), challenge.message());
    let server =
        ServerProof::new(&derived.verification_token, c1.as_bytes(), s1.as_bytes(), proof.as_bytes());
    let wanted = "p=3BmKPX_UT22NxxVrsZSmGWcZ0vPuC_uGzK-WR1olM9OxSThHUUibwQ8vxz7IxTPubrQJw7pUy2Z1BJBMWFFe_Q";
    assert_eq!(server.message(), wanted);
    assert_eq!(ServerProof::parse(wanted.as_bytes()), Ok(server));
}

#[test]
fn names_in_challenges() {
    let challenge =
        |name: &str| Challenge { bonus: 0, salt: salt(), nonce: nonce(), username: Some(String::from(name)) };
    for name in ["a,b=c@d", "=", "名@x"] {
        assert_eq!(Challenge::parse(challenge(name).message().as_bytes()), Ok(challenge(name)));
    }
    for name in ["", "a\0", "a@x 1 s\norganisation x"] {
        assert_eq!(
            Challenge::parse(challenge(name).message().as_bytes()),
            Err(BadMessage::Syntax),
            "{name:?}"
        );
    }
    let more = challenge("a").message() + ",x=1";
    assert_eq!(Challenge::parse(more.as_bytes()), Ok(challenge("a")), "unknown attributes are passed over");
    for bad in ["", "v=1", "b=1,v=1", "v=1,b=1,b=1,s=,n=", "v=1,b=-1", "v=1,b"] {
        assert_eq!(Challenge::parse(bad.as_bytes()), Err(BadMessage::Syntax), "{bad}");
    }
    let twice = challenge("a").message() + ",b=1";
    assert_eq!(Challenge::parse(twice.as_bytes()), Err(BadMessage::Syntax));
    assert_eq!(Challenge::parse(b"v=2,b=1"), Err(BadMessage::Version));
    let most = Challenge { bonus: BONUS_MAX, ..challenge("a") };
    assert_eq!(Challenge::parse(most.message().as_bytes()), Ok(most.clone()));
    let more = Challenge { bonus: BONUS_MAX + 1, ..most };
    assert_eq!(Challenge::parse(more.message().as_bytes()), Err(BadMessage::Bonus), "it would take hours");
    for bad in ["", "a", "\0", "a\0", "\0a\0"] {
        assert_eq!(ClientFirst::parse(bad.as_bytes()), Err(BadMessage::Syntax), "{bad:?}");
    }
    assert_eq!(ClientFirst::parse(&[b'a'; 3000]), Err(BadMessage::TooLong));
}

#[test]
fn a_channel_changes_half_of_the_nonce() {
    let bound = nonce().bound_to(&[1; 32]);
    assert_eq!(bound.0[..64], nonce().0[..64]);
    assert_ne!(bound.0[64..], nonce().0[64..]);
    assert_ne!(bound, nonce().bound_to(&[2; 32]));
}

#[test]
fn nobody_has_always_the_same_salt() {
    let secret = Secret::new(&[1; 64]);
    assert_eq!(Salt::of_nobody(&secret, "a@b"), Salt::of_nobody(&secret, "a@b"));
    assert_ne!(Salt::of_nobody(&secret, "a@b"), Salt::of_nobody(&secret, "a@c"));
    assert_ne!(Salt::of_nobody(&secret, "a@b"), Salt::of_nobody(&Secret::new(&[2; 64]), "a@b"));
}

/// spec: RFC 8265 §3.1; RFC 8265 §3.3
#[test]
fn user_names() {
    let name = |text: &str| Username::new(text).map(|name| name.as_str().to_owned());
    for (text, wanted) in [
        ("User@Example.TLD", USER.to_owned()),
        ("ＵＳＥＲ@example.tld", USER.to_owned()),
        ("E\u{301}@x", "é@x".to_owned()),
        ("Odd  Name's@x", "odd  name's@x".to_owned()),
    ] {
        assert_eq!(name(text), Ok(wanted), "{text}");
    }
    let table = [
        ("", BadUsername::Empty),
        ("user", BadUsername::NotAnAddress),
        ("@x", BadUsername::NotAnAddress),
        ("a@", BadUsername::NotAnAddress),
        ("a@b@c", BadUsername::NotAnAddress),
        (" a@c", BadUsername::Character),
        ("a @c", BadUsername::Character),
        (" @c", BadUsername::Character),
        ("a\u{a0}b@c", BadUsername::Character),
        ("a@b c", BadUsername::Domain),
        ("a\0@c", BadUsername::Character),
        ("ﬁ@c", BadUsername::Character),
        ("a@bücher.example", BadUsername::Domain),
    ];
    for (text, wanted) in table {
        assert_eq!(name(text), Err(wanted), "{text:?}");
    }
    assert_eq!(name(&format!("{}@x", "a".repeat(254))), Err(BadUsername::TooLong));
}

#[test]
fn labels() {
    assert_eq!(RealmLabel::new("Mail"), Some(RealmLabel::mail()));
    for bad in ["", "a b", "ä", &"a".repeat(33)] {
        assert_eq!(RealmLabel::new(bad), None);
    }
}

proptest! {
    /// Any octet that changes makes another token.
    #[test]
    fn everything_counts(at in 0usize..128, bit in 0u32..8) {
        let token = Secret::new(&[5; 64]);
        let token = koi_dime::stacie::VerificationToken(token);
        let flip = |mut octets: [u8; 128]| { octets[at] ^= 1 << bit; octets };
        let wanted = token.login_token(USER, &salt(), &nonce());
        prop_assert_ne!(&token.login_token(USER, &Salt(flip(salt().0)), &nonce()), &wanted);
        prop_assert_ne!(&token.login_token(USER, &salt(), &Nonce(flip(nonce().0))), &wanted);
        prop_assert_ne!(&token.login_token("user@example.tle", &salt(), &nonce()), &wanted);
    }

    #[test]
    fn envelopes_open_with_their_key_only(
        data in proptest::collection::vec(any::<u8>(), 1..200),
        serial: u16,
        shard: [u8; 16],
        at: proptest::sample::Index,
        bit in 0u32..8,
    ) {
        let key = RealmKey(Secret::new(&[3; 64]));
        let sealed = envelope::seal(&key, serial, &shard, &data).unwrap();
        prop_assert_eq!(envelope::serial(&sealed), Ok(serial));
        let opened = envelope::open(&key, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), data.as_slice());
        prop_assert!(envelope::open(&RealmKey(Secret::new(&[4; 64])), &sealed).is_err());
        let mut changed = sealed.clone();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        // The serial number is not authenticated: it only says which key to take.
        prop_assert_eq!(envelope::open(&key, &changed).is_ok(), at < 2);
        prop_assert!(envelope::open(&key, &sealed[..at]).is_err());
    }
}
