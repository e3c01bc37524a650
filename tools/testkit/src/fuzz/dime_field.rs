//! PRIME objects and META blocks: whatever comes, what is accepted has good signatures of its own and is
//! written as it was read (docs/DIME.md).

use koi_dime::field::Fields;
use koi_dime::key::{Holder, PrivateKeys, check_encrypted};
use koi_dime::meta::Meta;
use koi_dime::signet::{Form, OrgParts, SIGNET_OCTETS_MAX};
use koi_dime::{DecryptionKey, Fingerprint, OrgSignet, Secret, SigningKey, SigningRequest, UserSignet};

use super::Target;

/// A signet of each kind, keys, and a META block.
#[must_use]
pub fn target() -> Target {
    Target { name: "dime_field", body, seeds: seeds(), words: WORDS }
}

fn seeds() -> Vec<Vec<u8>> {
    let signing = SigningKey::new(&Secret::new(&[1; 32]));
    let mut seeds = vec![b"\x01\x01\x00\x01a\x02\x00\x00".to_vec()];
    let Some(decryption) = DecryptionKey::new(&Secret::new(&[2; 32])) else { return seeds };
    let encryption = decryption.public();
    let parts = OrgParts { encryption, secondary: &[], details: &[], identifier: Some("example.net") };
    seeds.extend(OrgSignet::create(&signing, &parts).map(|signet| signet.object()));
    if let Ok(request) = SigningRequest::create(&signing, &encryption, &[encryption], Some(&signing)) {
        seeds.push(request.object());
        seeds.extend(request.issue(&signing, &[], Some("a@example.net")).map(|signet| signet.object()));
    }
    let keys = PrivateKeys { holder: Holder::User, signing, decryption };
    seeds.push(keys.object().to_vec());
    seeds
}

const WORDS: &[&[u8]] = &[
    b"\x04\xbf\0\0",
    b"\x06\xf0\0\0",
    b"\x06\xfd\0\0",
    b"\x07\xdd\0\0",
    b"\x01\x20",
    b"\x02\x21\x02",
    b"\x03\x21\x03",
    b"\x10\x03abc",
    b"\xa0\0\x01x",
    b"\xfb\x01n\0\x01x",
    b"\xfc\0\0\x01x",
    b"\xfe\x01x",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    fields(input);
    if let Ok(signet) = OrgSignet::parse(input) {
        assert_eq!(signet.object(), input, "as it was read");
        assert_ne!(signet.core_fingerprint(), Fingerprint([0; 64]));
        assert!(signet.form() >= Form::Core && input.len() <= SIGNET_OCTETS_MAX);
        assert_eq!(signet.cut(Form::Core).map(|core| core.form()), Some(Form::Core));
    }
    if let Ok(signet) = UserSignet::parse(input) {
        assert_eq!(signet.object(), input, "as it was read");
        assert_eq!(signet.request().map(|request| request.key_id()), Ok(signet.key_id()));
    }
    if let Ok(request) = SigningRequest::parse(input) {
        assert_eq!(request.object(), input, "as it was read");
    }
    for holder in [Holder::Organisation, Holder::User] {
        if let Ok(keys) = PrivateKeys::parse(holder, input) {
            assert_eq!(keys.object().as_slice(), input, "as it was read");
        }
        let _ = check_encrypted(holder, input);
    }
    if let Ok(meta) = Meta::parse(input) {
        assert_eq!(meta.plaintext().as_slice(), input, "as it was read");
    }
}

fn fields(input: &[u8]) {
    let mut written = Vec::new();
    for field in Fields::new(input).map_while(Result::ok) {
        assert!(field.write(&mut written).is_ok(), "what was read can be written");
    }
    assert!(input.starts_with(&written));
}
