//! The example of RFC 7677 §3, what breaks the rules of RFC 5802, and that any password, name and nonce log
//! in, while anything changed does not.

use proptest::prelude::*;

use super::client::Binding;
use super::*;
use crate::sasl::base64_decode;

const EXPORTER: Exporter = [7; 32];
const FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const NONCE: &str = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

fn salt() -> Salt {
    let salt = base64_decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().into();
    Salt { salt, iterations: 4096, nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".into() }
}

fn keys_of(password: &str, salt: &Salt) -> ScramKeys {
    ScramKeys::new(&SaltedPassword::new(password.as_bytes(), &salt.salt, salt.iterations))
}

/// RFC 7677 §3
#[test]
fn the_example() {
    let first = ClientFirst::parse(FIRST, false, None).unwrap();
    assert_eq!((&*first.username, first.authzid.as_deref()), ("user", None));
    let challenged = first.challenge(&salt());
    let expected = format!("r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    assert_eq!(challenged.message(), expected.as_bytes());
    let Proof { auth_message, proof } = challenged.proof(FINAL.as_bytes()).unwrap();
    let signature = keys_of("pencil", &salt()).verify(&auth_message, &proof).unwrap();
    assert_eq!(crate::sasl::base64_encode(&signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    assert_eq!(keys_of("Pencil", &salt()).verify(&auth_message, &proof), None);
}

/// RFC 7677 §3, the other side of it.
#[test]
fn the_example_as_the_client_says_it() {
    let mut client = ScramClient::new("user", "rOprNGfwEbeRWgbNEkqO", Binding::None);
    assert_eq!(client.first(), FIRST);
    let server_first = format!("r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    assert_eq!(client.proof(server_first.as_bytes(), "pencil").unwrap(), FINAL.as_bytes());
    client.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
    client.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G0=").unwrap_err();
    assert_eq!(client.check(b"e=invalid-proof").unwrap_err(), "the server says invalid-proof");
    let mut client = ScramClient::new("user", "rOprNGfwEbeRWgbNEkqO", Binding::None);
    assert!(client.proof(b"r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096", "x").is_err(), "nothing added");
    assert!(client.proof(b"r=other,s=AAAA,i=4096", "x").is_err());
    assert!(client.proof(b"r=rOprNGfwEbeRWgbNEkqO1,s=AAAA,i=0", "x").is_err());
}

/// RFC 5802 §6, RFC 9266 §3: the flag, the mechanism and the offer must fit.
#[test]
fn flags_of_channel_binding() {
    use ServerError as E;
    for (flag, plus, offered, wanted) in [
        ("n", false, false, None),
        ("n", false, true, None),
        ("y", false, false, None),
        ("y", false, true, Some(E::ServerDoesSupportChannelBinding)),
        ("p=tls-exporter", true, true, None),
        ("p=tls-unique", true, true, Some(E::UnsupportedChannelBindingType)),
        ("p=tls-server-end-point", true, true, Some(E::UnsupportedChannelBindingType)),
        ("p=tls-exporter", false, true, Some(E::ChannelBindingNotSupported)),
        ("p=tls-exporter", true, false, Some(E::ChannelBindingNotSupported)),
        ("n", true, true, Some(E::OtherError)),
        ("y", true, true, Some(E::OtherError)),
        ("p=", true, true, Some(E::OtherError)),
        ("p=a b", true, true, Some(E::OtherError)),
        ("x", false, false, Some(E::OtherError)),
        ("", false, false, Some(E::OtherError)),
    ] {
        let message = format!("{flag},,n=a,r=b");
        let found = ClientFirst::parse(message.as_bytes(), plus, offered.then_some(&EXPORTER));
        assert_eq!(found.err(), wanted, "{flag} plus={plus} offered={offered}");
    }
}

/// RFC 5802 §5.1, RFC 5802 §7
#[test]
fn malformed_first_messages() {
    use ServerError as E;
    let long = format!("n,,n=a,r={}", "x".repeat(koi_types::limits::SCRAM_NONCE_OCTETS_MAX + 1));
    for (message, wanted) in [
        ("", E::OtherError),
        ("n", E::OtherError),
        ("n,", E::OtherError),
        ("n,,", E::OtherError),
        ("n,,n=a", E::OtherError),
        ("n,,r=b,n=a", E::OtherError),
        ("n,,n=,r=b", E::OtherError),
        ("n,,n=a,r=", E::OtherError),
        ("n,,n=a,r=b c", E::OtherError),
        ("n,,n=a,r=ä", E::OtherError),
        ("n,b,n=a,r=b", E::OtherError),
        ("n,a=,n=a,r=b", E::OtherError),
        ("n,,n=a,r=b,", E::OtherError),
        ("n,,n=a,r=b,ext", E::OtherError),
        ("n,,n=a,r=b,1=x", E::OtherError),
        ("n,,m=x,n=a,r=b", E::ExtensionsNotSupported),
        ("n,,n=a=,r=b", E::InvalidUsernameEncoding),
        ("n,,n=a=2c,r=b", E::InvalidUsernameEncoding),
        ("n,,n=a=3,r=b", E::InvalidUsernameEncoding),
        ("n,,n=a\0,r=b", E::OtherError),
        (long.as_str(), E::OtherError),
    ] {
        assert_eq!(ClientFirst::parse(message.as_bytes(), false, None).err(), Some(wanted), "{message:?}");
    }
    assert_eq!(ClientFirst::parse(b"n,,n=\xff,r=b", false, None).err(), Some(E::InvalidEncoding));
    let good = ClientFirst::parse("n,a=x=2Cy,n=ä=3D=2Cb,r=b,e=x=y,z=,=".as_bytes(), false, None);
    assert_eq!(good.err(), Some(E::OtherError), "an attribute may not be empty");
    let good = ClientFirst::parse("n,a=x=2Cy,n=ä=3D=2Cb,r=b,e=x=y,z=1".as_bytes(), false, None).unwrap();
    assert_eq!((&*good.username, good.authzid.as_deref()), ("ä=,b", Some("x,y")));
}

/// RFC 5802 §5.1, RFC 5802 §7
#[test]
fn malformed_final_messages() {
    use ServerError as E;
    let challenged = ClientFirst::parse(FIRST, false, None).unwrap().challenge(&salt());
    let proof = "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    for (message, wanted) in [
        (String::new(), E::OtherError),
        (format!("c=biws,r={NONCE}"), E::OtherError),
        (format!("c=biws,{proof}"), E::OtherError),
        (format!("r={NONCE},c=biws,{proof}"), E::OtherError),
        (format!("c=biws,r={NONCE}x,{proof}"), E::OtherError),
        ("c=biws,r=rOprNGfwEbeRWgbNEkqO,".to_owned() + proof, E::OtherError),
        (format!("c=biws,r={NONCE},ext,{proof}"), E::OtherError),
        (format!("c=eSws,r={NONCE},{proof}"), E::ChannelBindingsDontMatch),
        (format!("c=biwsAA==,r={NONCE},{proof}"), E::ChannelBindingsDontMatch),
        (format!("c=biw,r={NONCE},{proof}"), E::InvalidEncoding),
        (format!("c=biws,r={NONCE},p=!"), E::InvalidEncoding),
        (format!("c=biws,r={NONCE},p=AAAA"), E::InvalidProof),
    ] {
        let found = challenged.clone().proof(message.as_bytes());
        assert_eq!(found.err(), Some(wanted), "{message:?}");
    }
    let extended = format!("c=biws,r={NONCE},x=y=z,{proof}");
    let proof = challenged.proof(extended.as_bytes()).unwrap();
    assert!(proof.auth_message.ends_with(b",x=y=z"), "RFC 5802 §5.1: it is covered by the proof");
}

/// RFC 5802 §3: the salt of a name does not change and is not another's.
#[test]
fn salts_are_of_the_name_and_the_secret() {
    let salt = keys::salt_of(&[1; 32], "alice@example.org");
    assert_eq!(salt, keys::salt_of(&[1; 32], "alice@example.org"));
    assert_ne!(salt, keys::salt_of(&[2; 32], "alice@example.org"));
    assert_ne!(salt, keys::salt_of(&[1; 32], "bob@example.org"));
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", keys_of("pencil", &salt())), "ScramKeys(…)");
}

/// A whole exchange; `change` may spoil what the client sends last.
fn exchange(
    name: &str,
    password: &str,
    nonce: &str,
    plus: bool,
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<(), String> {
    let offered = plus.then_some(&EXPORTER);
    let binding = if plus { Binding::TlsExporter(&EXPORTER) } else { Binding::NotOffered };
    let mut client = ScramClient::new(name, nonce, binding);
    let salt = Salt { iterations: 2, ..salt() };
    let first = ClientFirst::parse(&client.first(), plus, offered).map_err(|e| e.value().to_owned())?;
    assert_eq!(&*first.username, name);
    let challenged = first.challenge(&salt);
    let mut last = client.proof(challenged.message(), password)?;
    change(&mut last);
    let proof = challenged.proof(&last).map_err(|e| e.value().to_owned())?;
    let prepared = crate::sasl::saslprep(password).ok_or("password")?.into_owned();
    let signature = keys_of(&prepared, &salt).verify(&proof.auth_message, &proof.proof).ok_or("proof")?;
    client.check(format!("v={}", crate::sasl::base64_encode(&signature)).as_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn anybody_logs_in(name in "[^\\x00]{1,40}", password in "[ -~äöüß]{1,40}",
                       nonce in "[!-+\\--~]{1,60}", plus: bool) {
        prop_assert_eq!(exchange(&name, &password, &nonce, plus, |_| {}), Ok(()));
    }

    #[test]
    fn whatever_is_changed_is_refused(at: prop::sample::Index, bit in 0u8..8, plus: bool) {
        let change = |last: &mut Vec<u8>| {
            let at = at.index(last.len());
            last[at] ^= 1 << bit;
        };
        prop_assert!(exchange("user", "pencil", "abc", plus, change).is_err());
    }

    #[test]
    fn no_octets_make_the_server_panic(first: Vec<u8>, last: Vec<u8>, plus: bool) {
        let _ = ClientFirst::parse(&first, plus, Some(&EXPORTER));
        let begun = ClientFirst::parse(FIRST, false, None).unwrap();
        let _ = begun.challenge(&salt()).proof(&last);
    }
}
