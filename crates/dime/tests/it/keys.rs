//! Key objects: the published organisational key, ours, encrypted ones.

use koi_dime::key::{
    ENCRYPTED_KEY_OCTETS, Holder, KEY_OBJECT_OCTETS, KeyError, PrivateKeys, check_encrypted,
};
use koi_dime::object::ObjectError;
use koi_dime::stacie::{RealmForm, RealmKey, RealmLabel};
use koi_dime::{DecryptionKey, Magic, Secret, SigningKey};
use proptest::prelude::*;

use crate::material::{ORG_ENC, ORG_SIGN, USER_ENC, USER_SIGN, decryption, hex, signing, to_hex};
use crate::stacie::{derived, salt, shard};

const ENCRYPTED_LEGACY: &str = "07b800000070000102030405060708090a0b0c0d0e0f
    ece2d8c0a1822c78d118a545a6dc4fe5e93e8b3df53f3cfe0852d9ba88e4f14af5e06cf69edd
    66729371dec77b16e872612f05c05ccd4c109538faca6a71262aadae3fc78768edaeb9697f0604288e77333a4e04c17a
    6d540d33c850bf042965";
const ENCRYPTED_SALT: &str = "07b800000070000102030405060708090a0b0c0d0e0f
    7ee2d70309ef9cc208fe8c41bee8825b79de3357954761650dbcb9de25d86bab9e2033284f0b
    3392c74e878e7d80de011813d3ff701745c07233b1bed030044630810621a5ec1190e53efb304274abbc5ca252a0499a
    7e1e032c2c05b536ca3c";

fn user_keys() -> PrivateKeys {
    PrivateKeys { holder: Holder::User, signing: signing(USER_SIGN), decryption: decryption(USER_ENC) }
}

/// magma, sandbox/etc/dime.localhost.localdomain.key.
#[test]
fn the_published_key() {
    let object = hex("07a00000440120b6b730a4b6474f6daf2d9702d3822f4d24c9ee0db634c9857779cb80131db0
         300320828afadc48deead84ed90d5855223d845592bda42631658f81daeb06b325f595");
    let keys = PrivateKeys::parse(Holder::Organisation, &object).unwrap();
    assert_eq!(
        to_hex(keys.signing.public().octets()),
        "878e24038017cb68059e517ea2cb9c1b6b7848e05ebbc080dd65b1a3a44b7c80"
    );
    assert_eq!(
        to_hex(&keys.decryption.public().octets()),
        "02ff5d28d73031b7f56b6558d42586080e0eabe4cf8a6b485c211bb30ea254e211"
    );
    assert_eq!(keys.object().to_vec(), object);
}

#[test]
fn our_keys() {
    let org = PrivateKeys {
        holder: Holder::Organisation,
        signing: signing(ORG_SIGN),
        decryption: decryption(ORG_ENC),
    };
    assert_eq!(to_hex(&org.object()), format!("07a00000440120{ORG_SIGN}0320{ORG_ENC}"));
    let object = user_keys().object();
    assert_eq!(to_hex(&object), format!("07dd0000440120{USER_SIGN}0220{USER_ENC}"));
    assert_eq!(object.len(), KEY_OBJECT_OCTETS);
    let read = PrivateKeys::parse(Holder::User, &object).unwrap();
    assert_eq!(read.object(), object);
    assert!(!format!("{read:?}").contains("185"), "nothing of the key is shown");
}

#[test]
fn encrypted_under_a_realm_key() {
    let master_key = derived("SiliconSally", 128).master_key;
    for (form, wanted) in [(RealmForm::Shard, ENCRYPTED_LEGACY), (RealmForm::Salt, ENCRYPTED_SALT)] {
        let key = RealmKey::derive(&master_key, &RealmLabel::mail(), &salt(), &shard(), form);
        let object = user_keys().encrypt(&key, &std::array::from_fn(|at| at as u8)).unwrap();
        assert_eq!(to_hex(&object), to_hex(&hex(wanted)));
        assert_eq!(object.len(), ENCRYPTED_KEY_OCTETS);
        assert_eq!(check_encrypted(Holder::User, &object), Ok(()));
        let read = PrivateKeys::decrypt(Holder::User, &object, &key).unwrap();
        assert_eq!(read.object(), user_keys().object());
    }
}

#[test]
fn refused() {
    let good = user_keys().object().to_vec();
    let parse = |octets: &[u8]| PrivateKeys::parse(Holder::User, octets).unwrap_err();
    let as_org = PrivateKeys::parse(Holder::Organisation, &good).unwrap_err();
    assert_eq!(as_org, KeyError::Object(ObjectError::Other(Magic::UserKey)));
    assert_eq!(parse(&good[..72]), KeyError::Object(ObjectError::Length));
    assert_eq!(parse(&good[..1]), KeyError::Object(ObjectError::TooShort));
    assert_eq!(parse(&[0, 1, 0, 0, 0]), KeyError::Object(ObjectError::Magic(1)));
    let zero = [&good[..41], [0; 32].as_slice()].concat();
    assert_eq!(parse(&zero), KeyError::Scalar);
    let swapped = [&good[..5], &good[39..], &good[5..39]].concat();
    assert_eq!(parse(&swapped), KeyError::Fields);
    let longer = [&[7, 0xdd, 0, 0, 70], &good[5..], &[16, 0]].concat();
    assert_eq!(parse(&longer), KeyError::Fields);
    let public = hex("07b8000000070000");
    assert_eq!(check_encrypted(Holder::User, &public), Err(KeyError::Object(ObjectError::Length)));
}

proptest! {
    #[test]
    fn changed_or_cut(at in 0..ENCRYPTED_KEY_OCTETS, bit in 0u32..8) {
        let key = RealmKey(Secret::new(&[3; 64]));
        let good = user_keys().encrypt(&key, &[1; 16]).unwrap();
        let mut changed = good.clone();
        changed[at] ^= 1 << bit;
        prop_assert!(PrivateKeys::decrypt(Holder::User, &changed, &key).is_err());
        prop_assert!(PrivateKeys::decrypt(Holder::User, &good[..at], &key).is_err());
    }

    #[test]
    fn any_keys(seed: [u8; 32], scalar: [u8; 32]) {
        let Some(decryption) = DecryptionKey::new(&Secret::new(&scalar)) else { return Ok(()) };
        let keys = PrivateKeys {
            holder: Holder::Organisation,
            signing: SigningKey::new(&Secret::new(&seed)),
            decryption,
        };
        let read = PrivateKeys::parse(Holder::Organisation, &keys.object()).unwrap();
        prop_assert_eq!(read.object(), keys.object());
        let realm = RealmKey(Secret::new(&[3; 64]));
        let object = keys.encrypt(&realm, &[1; 16]).unwrap();
        let read = PrivateKeys::decrypt(Holder::Organisation, &object, &realm).unwrap();
        prop_assert_eq!(read.object(), keys.object());
    }
}
