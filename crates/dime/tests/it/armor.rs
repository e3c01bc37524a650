//! Armor: the published checksums, line ends, what was not copied whole.

use koi_dime::Magic;
use koi_dime::armor::{ArmorError, Label, decode, encode};
use proptest::prelude::*;

use crate::material::hex;

const ORG_KEY: &str = "07a00000440120b6b730a4b6474f6daf2d9702d3822f4d24c9ee0db634c9857779cb80131db0
         300320828afadc48deead84ed90d5855223d845592bda42631658f81daeb06b325f595";

#[test]
fn the_published_checksum() {
    let object = hex(
        "06f00000860120878e24038017cb68059e517ea2cb9c1b6b7848e05ebbc080dd65b1a3a44b7c80032102ff5d28d73031
         b7f56b6558d42586080e0eabe4cf8a6b485c211bb30ea254e211045b1fc4da7098a2f5563cf94eeed624cc6e0cf859c65
         eea98f8e2393c328acb38c220b57eb29fc8dd30aeb078f4a74fb24ec6b5a1d94add67c9b34f76a0fed00c",
    );
    let text = encode(Label::OrgSignet, &object);
    assert!(text.starts_with("-----BEGIN ORGANIZATIONAL SIGNET-----\n"));
    assert!(text.ends_with("\n=Rli0\n-----END ORGANIZATIONAL SIGNET-----\n"));
    assert!(text.lines().all(|line| line.len() <= 64));
    let read = decode(&text, 139).unwrap();
    assert_eq!((read.label, read.octets.as_slice()), (Label::OrgSignet, object.as_slice()));
    assert_eq!(format!("{read:?}"), "Armored(ORGANIZATIONAL SIGNET, 139 octets)");
    assert_eq!(decode(&text, 138), Err(ArmorError::TooLarge));
    let crlf = text.replace('\n', "\r\n");
    assert_eq!(decode(&format!("\r\n{crlf}\r\n"), 139), Ok(read));
}

#[test]
fn the_published_key() {
    let object = hex(ORG_KEY);
    assert!(encode(Label::OrgKey, &object).contains("\n=dQkX\n"), "{}", *encode(Label::OrgKey, &object));
}

#[test]
fn refused() {
    let good = encode(Label::UserKey, b"octets");
    let bad = |from: &str, to: &str| decode(&good.replace(from, to), 100).unwrap_err();
    assert_eq!(bad("BEGIN USER KEY", "BEGIN USER SIGNET"), ArmorError::Frame);
    assert_eq!(bad("USER KEY", "LOSER KEY"), ArmorError::Frame);
    assert_eq!(bad("-----END", "--END"), ArmorError::Frame);
    assert_eq!(bad("\n=", "\n"), ArmorError::Base64);
    assert_eq!(bad("b2N0ZXRz", "b2N0ZXR0"), ArmorError::Checksum);
    assert_eq!(bad("b2N0ZXRz", "b2N0"), ArmorError::Checksum);
    assert_eq!(bad("b2N0ZXRz", "b2N0 ZXRz"), ArmorError::Base64);
    for text in ["", "\n", "-----BEGIN USER KEY-----", "-----BEGIN USER KEY-----\n-----END USER KEY-----"] {
        assert!(decode(text, 100).is_err(), "{text}");
    }
    assert_eq!(decode(&"x".repeat(1000), 100), Err(ArmorError::TooLarge));
}

#[test]
fn labels_of_objects() {
    assert_eq!(Label::of(Magic::NakedMessage), Some(Label::EncryptedMessage));
    assert_eq!(Label::of(Magic::EncryptedUserKey), Some(Label::EncryptedUserKey));
    assert_eq!(Label::of(Magic::Tracing), None);
}

proptest! {
    #[test]
    fn reads_back(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = encode(Label::SigningRequest, &octets);
        let read = decode(&text, octets.len()).unwrap();
        prop_assert_eq!(read.octets.as_slice(), octets.as_slice());
    }

    #[test]
    fn any_text(text in "(-----BEGIN USER KEY-----)?[ -~\n]{0,200}(-----END USER KEY-----)?") {
        if let Ok(read) = decode(&text, 300) {
            prop_assert!(read.octets.len() <= 300);
        }
    }
}
