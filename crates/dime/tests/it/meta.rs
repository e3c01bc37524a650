//! META blocks: our vector, order, limits (docs/DIME.md, META).

use koi_dime::meta::{META_OCTETS_MAX, Meta, MetaError, MetaType, Trust};
use koi_dime::stacie::{RealmForm, RealmKey, RealmLabel, envelope};
use proptest::prelude::*;

use crate::material::{hex, to_hex};
use crate::stacie::{derived, salt, shard};

const PLAINTEXT: &str = "010100105c466c61676765642024557267656e7402000800000000000000071000\
                         20fa911ddcabee4f3663cca34a4d7de0c5327f1a054306f77f128701a50617b305";
const ENVELOPE: &str = "0001000102030405060708090a0b0c0d0e0fcc7ee262af07ff3d969ea9a6089b7b03570e4903f108
    33fb834ed3b4b4b6c0fa318b628450054f2075704806dee00e1c3e658eeebd7e976ed3b2cc753e7c025465e1ac1c37289950
    672602ab9753ae87719c647ca18d0d6aa15522c51ad8fd45";

#[test]
fn our_vector() {
    let master_key = derived("SiliconSally", 128).master_key;
    let key = RealmKey::derive(&master_key, &RealmLabel::meta(), &salt(), &shard(), RealmForm::Salt);
    let wanted = "0da1aab6f20153c7d0692048cc454482fa68746df5cfadd1a7d878e644f8f09d
                  1588b55d371014ba8122d7c3d35207276efaa2a37748c0629d78058a2e7c6a29";
    assert_eq!(to_hex(key.0.expose()), to_hex(&hex(wanted)));
    let opened = envelope::open(&key, &hex(ENVELOPE)).unwrap();
    assert_eq!(to_hex(&opened), PLAINTEXT);
    let meta = Meta::parse(&opened).unwrap();
    assert_eq!(meta.flags().collect::<Vec<_>>(), ["\\Flagged", "$Urgent"]);
    assert_eq!(meta.revision(), Some(7));
    assert!(meta.is_bound_to(include_bytes!("../vectors/naked.bin")));
    assert!(!meta.is_bound_to(b"another message"));
    assert_eq!(meta.plaintext(), opened);
    let sealed = envelope::seal(&key, 1, &std::array::from_fn(|at| at as u8), &opened).unwrap();
    assert_eq!(to_hex(&sealed), to_hex(&hex(ENVELOPE)));
}

#[test]
fn entries_come_and_go() {
    let mut meta = Meta::default();
    assert_eq!((meta.plaintext().as_slice(), meta.trust(), meta.revision()), ([1].as_slice(), None, None));
    meta.set(MetaType::TRUST, &[2, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap();
    meta.set(MetaType::FLAGS, b"a").unwrap();
    meta.set(MetaType(99), b"unknown").unwrap();
    assert_eq!(meta.trust(), Some(Trust::Verified));
    assert_eq!(Meta::parse(&meta.plaintext()), Ok(meta.clone()));
    meta.set(MetaType::FLAGS, b"").unwrap();
    assert_eq!((meta.value(MetaType::FLAGS), meta.value(MetaType(99))), (None, Some(b"unknown".as_slice())));
    assert_eq!(meta.set(MetaType::SNIPPET, &vec![0; META_OCTETS_MAX - 80]), Err(MetaError::TooLarge));
    assert_eq!(format!("{meta:?}"), "Meta(2 entries)");
}

#[test]
fn refused() {
    let table: [(&[u8], MetaError); 7] = [
        (b"", MetaError::Cut),
        (&[2], MetaError::Version(2)),
        (&[1, 1], MetaError::Cut),
        (&[1, 1, 0], MetaError::Cut),
        (&[1, 1, 0, 2, 65], MetaError::Cut),
        (&[1, 2, 0, 0, 1, 0, 0], MetaError::Order(MetaType(1))),
        (&[1, 2, 0, 0, 2, 0, 0], MetaError::Order(MetaType(2))),
    ];
    for (octets, wanted) in table {
        assert_eq!(Meta::parse(octets), Err(wanted), "{octets:?}");
    }
    assert_eq!(Meta::parse(&vec![1; META_OCTETS_MAX + 1]), Err(MetaError::TooLarge));
}

proptest! {
    #[test]
    fn any_octets(mut octets in proptest::collection::vec(0u8..8, 1..60)) {
        octets[0] = 1;
        if let Ok(meta) = Meta::parse(&octets) {
            let plaintext = meta.plaintext();
            prop_assert_eq!(plaintext.as_slice(), octets.as_slice());
        }
    }
}
