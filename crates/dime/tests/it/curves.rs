//! secp256k1 and Ed25519: published vectors, and what is no key.

use koi_dime::{DecryptionKey, EncryptionKey, Secret, Signature, SigningKey, VerifyingKey};

use crate::material::{decryption, hex, secret, to_hex};

/// magma, check/magma/prime/secp256k1_check.c.
#[test]
fn agreement_is_the_raw_x_coordinate() {
    let one = decryption("0000000000000000000000000000000000000000000000000000000000000045");
    let two = decryption("0000000c562e65f1e2603616804cec8dc4bf8bc5c183bffa66acc6148edbecc3");
    assert_eq!(
        to_hex(&one.public().octets()),
        "025edd5cc23c51e87a497ca815d5dce0f8ab52554f849ed8995de64c5f34ce7143"
    );
    assert_eq!(
        to_hex(&two.public().octets()),
        "03a7f953b0fa3f407bbf37cec394800cceeadd0670c3f344524c347312f2c1da96"
    );
    let agreed = "97495184dc4de0a3dc614d15f699df6a8cb65a752434368fb7f1d2702c53ab19";
    assert_eq!(to_hex(one.agree(&two.public()).expose()), agreed);
    assert_eq!(one.agree(&two.public()), two.agree(&one.public()));
}

#[test]
fn scalars_from_1_to_below_the_order() {
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let one_more = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142";
    for bad in [&"00".repeat(32), order, one_more, &"ff".repeat(32)] {
        assert!(DecryptionKey::new(&secret(&hex(bad))).is_none(), "{bad}");
    }
    let one_less = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140";
    let key = decryption(one_less);
    assert_eq!(to_hex(key.scalar().expose()), one_less);
    assert_eq!(format!("{key:?}"), "DecryptionKey(…)");
}

#[test]
fn points_are_compressed_and_on_the_curve() {
    let good = "025edd5cc23c51e87a497ca815d5dce0f8ab52554f849ed8995de64c5f34ce7143";
    assert!(EncryptionKey::from_slice(&hex(good)).is_some());
    let prime = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
    let uncompressed = format!("04{}{}", &good[2..], "00".repeat(32));
    let bad = [
        format!("04{}", &good[2..]),
        format!("00{}", &good[2..]),
        format!("02{}", "00".repeat(32)),
        format!("02{prime}"),
        good[..64].to_owned(),
        uncompressed,
        String::from("00"),
        String::new(),
    ];
    for text in bad {
        assert!(EncryptionKey::from_slice(&hex(&text)).is_none(), "{text}");
    }
}

/// spec: RFC 8032 §7.1
#[test]
fn signatures_of_the_rfc() {
    let table = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ];
    for (seed, public, message, signature) in table {
        let key = SigningKey::new(&secret(&hex(seed)));
        assert_eq!(to_hex(key.public().octets()), public);
        let made = key.sign(&hex(message));
        assert_eq!(made, Signature::from_slice(&hex(signature)).unwrap());
        assert!(key.public().verifies(&hex(message), &made));
        assert!(!key.public().verifies(b"another", &made));
    }
}

/// spec: RFC 8032 §5.1.7
#[test]
fn keys_of_small_order_are_none() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert!(VerifyingKey::new(&neutral).is_none());
    assert!(VerifyingKey::new(&[0; 32]).is_none(), "order 4");
    assert!(VerifyingKey::from_slice(&[3; 31]).is_none());
    let key = SigningKey::new(&Secret::new(&[7; 32]));
    assert_eq!(format!("{key:?}"), "SigningKey(…)");
}
