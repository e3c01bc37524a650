//! Signets: the published one, our set, how a request becomes a signet, chain of custody, what is refused.

use koi_dime::field::{Field, Fields};
use koi_dime::record::{Vouched, sign_certificate};
use koi_dime::signet::{
    Detail, DetailName, Form, OrgParts, OrgSignet, Permissions, SecondaryKey, Signed, SignetError,
    SigningRequest, UserSignet,
};
use koi_dime::{Fingerprint, SIGNATURE_OCTETS};
use proptest::prelude::*;

use crate::material::{ORG_ENC, ORG_SIGN, USER_ENC, USER_SIGN, decryption, hex, signing, to_hex};

const ORG_SIGNET: &str = "06f0000086012038bb36bd3b844a9598bd6a6a009c524c760a800e966a2b193d9274cf6f39c078
    03210217aeb6d7e1494b08f8211575013ad9c5408a39f650bef42a457eeeccc764b8ae
    04e6eb01db6fe3955098c0fa5d20231643b34d1fe3f7c723ba288cdc1f5ceb4a98e3cffc02eb289dafae9824d81c
    06857314b9a867b70e2123a84a2331d21fe30b";
const SSR: &str = "04bf00008601200df2e74073e6d417690935d22c5b367382451b338f96a62312847a2421e84241
    0221022894d1382d9762d5d4fca7f208eadff0694e12b8936a0f7a31f55ef5a88179a4
    0550007a533a3528318023fce7d715fcb8c666023a9f89698b3c8faf35a22ee989572716592027ff72878ffcb5e0
    32eba1dac6023deec6878784bc6d25f74a2106";
const USER_SIGNET_TAIL: &str = "06ab587ca6d8c08a05612168a0ffe8d28fae9547460c84e1a063be0de2680e46d68b0077
    6450c9c19c10e2a8639b868c71452576073383d5b1004104037bf08304";
const ROTATED: &str =
    "06fd00010801208a1fe7b24dcf0c2474cd84d99d306eae1eb14d50d0450066b1a7138af30d6b92022103914657a992d1660f
    88248c7c75e9f9f06f8bdd0a609192fd5327b48b91099e3a040671421c9e8a11bb11c9727b5ff0bc13b0e2bc2681bde22784
    3e02fff814681e46e00f211c5de2105308729d4fbe9bcc1b392c7ae43565b275aff5e80a6aa308059fb4ef073ffc05d5ba0d
    2edf0628a2794448afcd7cfacab3bc93b469093f7e72a34e6a0fd530cf9fd72d5e98ef1c4036b4c875321bf2540f7f11c195
    92df310b0670dcc1bd454cfd5650df2ed4827d134f3708e90b37802d72ae6a117b1915e9ed5080f63fe651bf9b7e10db0708
    7f7d84da40e28646c3ac3f9b5d5f45003ddd06";
const KEY_ID: &str = "5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ";

pub(crate) fn org_signet() -> OrgSignet {
    OrgSignet::parse(&hex(ORG_SIGNET)).unwrap()
}

pub(crate) fn request() -> SigningRequest {
    SigningRequest::parse(&hex(SSR)).unwrap()
}

pub(crate) fn user_signet() -> UserSignet {
    request().issue(&signing(ORG_SIGN), &[], None).unwrap()
}

fn org_parts(details: &[Detail]) -> OrgParts<'_> {
    OrgParts { encryption: decryption(ORG_ENC).public(), secondary: &[], details, identifier: None }
}

fn details() -> Vec<Detail> {
    let own = |name: &str| Detail { name: DetailName::Own(String::from(name)), data: b"x".to_vec() };
    vec![own("b"), Detail::text(160, "https://example.net"), Detail::text(16, "Zoë"), own("a")]
}

/// magma, sandbox/etc/dime.localhost.localdomain.signet.
#[test]
fn the_published_signet() {
    let object = hex(
        "06f00000860120878e24038017cb68059e517ea2cb9c1b6b7848e05ebbc080dd65b1a3a44b7c80032102ff5d28d73031
         b7f56b6558d42586080e0eabe4cf8a6b485c211bb30ea254e211045b1fc4da7098a2f5563cf94eeed624cc6e0cf859c65
         eea98f8e2393c328acb38c220b57eb29fc8dd30aeb078f4a74fb24ec6b5a1d94add67c9b34f76a0fed00c",
    );
    let signet = OrgSignet::parse(&object).unwrap();
    assert_eq!((signet.form(), signet.object()), (Form::Core, object));
    assert_eq!(
        to_hex(&signet.core_fingerprint().0),
        "0b48aabf262318ff5588bea37c7d36783d896069b1772dc6779e5b448680842b\
         16ba0fb85475eb80e4aac2e41e00dd4065998c1199a1cf47c6ec22eb8ed062a3"
    );
}

#[test]
fn our_set() {
    let made = OrgSignet::create(&signing(ORG_SIGN), &org_parts(&[])).unwrap();
    assert_eq!(to_hex(&made.object()), to_hex(&hex(ORG_SIGNET)));
    assert_eq!(made, org_signet());
    let encryption = decryption(USER_ENC).public();
    let made = SigningRequest::create(&signing(USER_SIGN), &encryption, &[], None).unwrap();
    assert_eq!(to_hex(&made.object()), to_hex(&hex(SSR)));
    assert_eq!(made.key_id().to_string(), KEY_ID);
    let signet = user_signet();
    let fields = &made.object()[5..];
    assert_eq!(signet.object(), [&hex("06fd0000c7"), fields, &hex(USER_SIGNET_TAIL)].concat());
    assert_eq!(
        signet.core_fingerprint().to_string(),
        "XubLFi6HpvgstpMP79K-0BS0cZHHi5PgKIaKUnTydf90u6lifnz3dfNBewOfDejvgEd41EmgAApSwZQTGPMpPg"
    );
    assert_eq!(signet.verify(&org_signet()), Ok(Form::Core));
    assert_eq!(signet.key_id(), made.key_id());
    assert_eq!(signet.request(), Ok(made));
    assert_eq!(UserSignet::parse(&signet.object()), Ok(signet));
}

#[test]
fn a_rotated_key_is_followed() {
    let rotated = UserSignet::parse(&hex(ROTATED)).unwrap();
    assert_eq!(rotated.verify(&org_signet()), Ok(Form::Core));
    assert_eq!(rotated.follows(user_signet().signing()), Ok(()));
    assert_eq!(rotated.follows(rotated.signing()), Err(SignetError::Signature(Signed::Custody)));
    assert_eq!(user_signet().follows(rotated.signing()), Err(SignetError::NoCustody));
    assert_eq!(rotated.request().unwrap().follows(user_signet().signing()), Ok(()));
    assert_eq!(
        rotated.core_fingerprint().to_string(),
        "OjcMp1R4CStFRnIPeomdXf2XownMBUt8_w7qEKMqZqJYtQWGsWgOoZBYc0MmRFuw6olmJWZ7_UwFlgmDkTFO_w"
    );
    assert_eq!(
        rotated.key_id().to_string(),
        "3MFKJOJVn6chK-37XEs7-EnQzpAOnJQAxFxKTJVrU36CkdbPK4r1_vjHlDB3dr3rOnCX6OMnpeUF-K4hY-4qgQ"
    );
    let (rotated_first, first) = ([rotated.clone(), user_signet()], [user_signet(), rotated.clone()]);
    assert_eq!(UserSignet::verify_custody(&rotated_first), Ok(()));
    assert_eq!(UserSignet::verify_custody(&first), Err(SignetError::NoCustody));
    assert_eq!(UserSignet::verify_custody(&first[1..]), Ok(()));
    let made = SigningRequest::create(
        &signing(USER_SIGN),
        rotated.encryption(),
        &[*user_signet().encryption(), *rotated.encryption()],
        Some(&signing(ORG_SIGN)),
    );
    assert_eq!(made.unwrap().follows(org_signet().primary()), Ok(()));
}

#[test]
fn with_details_and_identifier() {
    let signet = request().issue(&signing(ORG_SIGN), &details(), Some("bob@example.net")).unwrap();
    assert_eq!(signet.verify(&org_signet()), Ok(Form::Identifiable));
    assert_eq!(signet.identifier(), Some("bob@example.net"));
    let names: Vec<DetailName> = signet.details().into_iter().map(|detail| detail.name).collect();
    let own = |name: &str| DetailName::Own(String::from(name));
    assert_eq!(names, [DetailName::Number(16), DetailName::Number(160), own("b"), own("a")]);
    let read = UserSignet::parse(&signet.object()).unwrap();
    assert_eq!(read, signet);
    assert_eq!(read.core_fingerprint(), user_signet().core_fingerprint());
    let prints: Vec<_> = [Form::Request, Form::Core, Form::Full, Form::Identifiable]
        .map(|form| read.fingerprint(form).unwrap())
        .to_vec();
    assert_eq!(prints[0], read.key_id());
    assert!(prints.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(read.cut(Form::Core), Some(user_signet()));
    let full = read.cut(Form::Full).unwrap();
    assert_eq!((full.verify(&org_signet()), full.identifier()), (Ok(Form::Full), None));
    assert_eq!(full.fingerprint(Form::Identifiable), None);
    assert_eq!(user_signet().cut(Form::Full), None);
}

#[test]
fn secondary_keys_sign_what_they_may() {
    let secondary = |permissions| {
        let secondary = [SecondaryKey { permissions, key: signing(USER_ENC).public() }];
        let parts = OrgParts { secondary: &secondary, ..org_parts(&[]) };
        OrgSignet::create(&signing(ORG_SIGN), &parts).unwrap()
    };
    let issued = request().issue(&signing(USER_ENC), &[], None).unwrap();
    assert_eq!(issued.verify(&secondary(Permissions::SIGNETS)), Ok(Form::Core));
    let refused = Err(SignetError::Signature(Signed::Core));
    assert_eq!(issued.verify(&secondary(Permissions::MESSAGES)), refused);
    assert_eq!(issued.verify(&org_signet()), refused);
    assert_eq!(secondary(Permissions(15)).secondary().len(), 1);
}

#[test]
fn a_server_certificate() {
    let key = signing(ORG_SIGN);
    let good = Fingerprint(sign_certificate(&key, b"certificate").0);
    let wrong = Fingerprint(sign_certificate(&signing(USER_SIGN), b"certificate").0);
    let signet = |text: &str| {
        let details = [Detail::text(206, "dmap.example.net"), Detail::text(207, text)];
        OrgSignet::create(&key, &org_parts(&details)).unwrap()
    };
    let both = signet(&format!("{wrong}; {}==", good.standard()));
    assert_eq!(both.mail_access_host(), Some("dmap.example.net"));
    assert_eq!(both.vouches_for(b"certificate"), Vouched::Signed);
    assert_eq!(both.vouches_for(b"another"), Vouched::Other);
    assert_eq!(signet(&wrong.to_string()).vouches_for(b"certificate"), Vouched::Other);
    assert_eq!(signet("malformed").vouches_for(b"certificate"), Vouched::Other);
    assert_eq!(org_signet().vouches_for(b"certificate"), Vouched::Unnamed);
}

struct New {
    id: u8,
    data: Vec<u8>,
}

/// An object of the fields of another with some changed.
fn edited(object: &[u8], edit: impl Fn(&Field<'_>) -> Vec<New>) -> Vec<u8> {
    let mut fields = Vec::new();
    for field in Fields::new(&object[5..]) {
        for New { id, data } in edit(&field.unwrap()) {
            Field { id, name: b"", data: &data }.write(&mut fields).unwrap();
        }
    }
    let length = u32::try_from(fields.len()).unwrap().to_be_bytes();
    [&object[..2], &length[1..], &fields].concat()
}

#[test]
fn refused() {
    let same = |field: &Field<'_>| vec![New { id: field.id, data: field.data.to_vec() }];
    let user = user_signet().object();
    assert_eq!(edited(&user, same), user);
    let parse = |edit: &dyn Fn(&Field<'_>) -> Vec<New>| UserSignet::parse(&edited(&user, edit));
    let without = |id| parse(&|field| if field.id == id { vec![] } else { same(field) });
    assert_eq!(without(1), Err(SignetError::Missing(1)));
    assert_eq!(without(2), Err(SignetError::Missing(2)));
    assert_eq!(without(5), Err(SignetError::Missing(5)));
    assert_eq!(without(6), Err(SignetError::Missing(6)));
    let twice = |id| {
        parse(&|field| {
            let again = (field.id == id).then(|| same(field)).into_iter().flatten();
            same(field).into_iter().chain(again).collect()
        })
    };
    assert_eq!(twice(1), Err(SignetError::Repeated(1)));
    assert_eq!(twice(6), Err(SignetError::Repeated(6)));
    let behind = |id, added: u8, data: Vec<u8>| {
        parse(&|field| {
            let more = (field.id == id).then(|| New { id: added, data: data.clone() });
            same(field).into_iter().chain(more).collect()
        })
    };
    assert_eq!(behind(6, 5, vec![0; 64]), Err(SignetError::Order(5)));
    assert_eq!(behind(6, 7, vec![0; 64]), Err(SignetError::Unexpected(7)));
    assert_eq!(behind(6, 16, b"Eve".to_vec()), Err(SignetError::Missing(253)), "unsigned details");
    assert_eq!(behind(6, 254, b"eve@x".to_vec()), Err(SignetError::Missing(253)));
    assert_eq!(behind(2, 3, vec![2; 32]), Err(SignetError::Value(3)));
    assert_eq!(behind(2, 3, vec![0; 33]), Err(SignetError::Value(3)));
    assert_eq!(behind(2, 4, vec![0; 64]), Err(SignetError::Signature(Signed::Own)));
    let ssr = edited(&hex(SSR), |field| {
        let more = (field.id == 5).then(|| New { id: 16, data: b"Eve".to_vec() });
        same(field).into_iter().chain(more).collect()
    });
    assert_eq!(SigningRequest::parse(&ssr), Err(SignetError::Unexpected(16)));
    assert_eq!(OrgSignet::parse(&vec![0; 200_000]), Err(SignetError::TooLarge));
    let secondary =
        [SecondaryKey { permissions: Permissions::MESSAGES, key: signing(USER_SIGN).public() }; 9];
    let parts = |count: usize| OrgParts { secondary: &secondary[..count], ..org_parts(&[]) };
    let most = OrgSignet::create(&signing(ORG_SIGN), &parts(8)).unwrap();
    assert_eq!(OrgSignet::parse(&most.object()).unwrap().secondary().len(), 8);
    assert_eq!(OrgSignet::create(&signing(ORG_SIGN), &parts(9)), Err(SignetError::TooLarge));
    let more = edited(&most.object(), |field| {
        let times = if field.id == 2 { 2 } else { 1 };
        (0..times).flat_map(|_| same(field)).collect()
    });
    assert_eq!(OrgSignet::parse(&more), Err(SignetError::TooLarge));
}

#[test]
fn fingerprints_in_both_alphabets() {
    let print = user_signet().core_fingerprint();
    assert_eq!(Fingerprint::parse(&print.to_string()), Some(print));
    assert_eq!(Fingerprint::parse(&print.standard()), Some(print));
    assert_ne!(print.standard(), print.to_string());
    assert_eq!(Fingerprint::parse(&format!("{print}==")), None);
    assert_eq!(Fingerprint::parse(&print.to_string()[1..]), None);
}

proptest! {
    /// Whichever bit is turned: it is refused, or the organisation did not sign it.
    #[test]
    fn changed_or_cut(at: proptest::sample::Index, bit in 0u32..8) {
        let good = request().issue(&signing(ORG_SIGN), &details(), Some("bob@example.net")).unwrap().object();
        let at = at.index(good.len());
        let mut changed = good.clone();
        changed[at] ^= 1 << bit;
        let verified = UserSignet::parse(&changed).and_then(|signet| signet.verify(&org_signet()));
        prop_assert!(verified.is_err());
        prop_assert!(UserSignet::parse(&good[..at]).is_err());
        let org = org_signet().object();
        let at = at % org.len();
        let mut changed = org.clone();
        changed[at] ^= 1 << bit;
        prop_assert!(OrgSignet::parse(&changed).is_err());
    }

    #[test]
    fn any_details(texts in proptest::collection::btree_map(22u8..160, "\\PC{0,40}", 0..8)) {
        let details: Vec<Detail> = texts.iter().map(|(&id, text)| Detail::text(id, text)).collect();
        let signet = OrgSignet::create(&signing(ORG_SIGN), &OrgParts {
            identifier: Some("example.net"),
            ..org_parts(&details)
        }).unwrap();
        let read = OrgSignet::parse(&signet.object()).unwrap();
        prop_assert_eq!(read.details(), details);
        prop_assert_eq!(read.identifier(), Some("example.net"));
        prop_assert!(read.object().len() > 2 * SIGNATURE_OCTETS);
    }
}
