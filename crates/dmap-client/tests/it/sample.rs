//! The sample session (DMAP-00 §9) with the vectors' own values: what the client sends is known octet by
//! octet.

use koi_dime::meta::{Meta, MetaType, binding};
use koi_dime::stacie::{RealmLabel, Salt};
use koi_dime::{NoRandomness, Random, Secret};
use koi_dmap_client::{Connection, Credentials, Mode, SealedMeta, Wallet, open_meta, seal_meta};
use koi_proto::dmap::id::base64url_decode;
use koi_types::{Role, Timestamp};

use crate::peer::Peer;
use crate::world::{Counted, Shared, add, address, hex, login, login_as, password, world_with};

const USER: &str = "user@example.tld";
const SALT: &str = "lyrtpzN8cBRZvsiHX6y4j-pJOjIyJeuw5aVXzrItw1G4EOa-6CA4R9BhVpinkeH0UeXyOeTisHR3Ik3yuOhxbWPyesMJvfp0IBtx\
    0f0uorb8wPnhw5BxDJVCb1TOSE50PFKGBFMkc63Koa7vMDj-WEoDj2X0kkTtlW6cUvF8i-M";
const NONCE: &str = "oDdYAHOsiX7Nl2qTwT18onW0hZdeTO3ebxzZp6nXMTo__0_vr_AsmAm3vYRwWtSCPJz0sA2o66uhNm6YenOGz0NkHcSAVgQhKdEB\
    f_BTYkyULDuw2fSkbO7mlnxEhxqrJEc27ZVam6ogYABfHZjgVUTAi_SICyKAN7KOMuImL2g";
const SHARD: &str = "gD65Kdeda1hB2Q6gdZl0fetGg2viLXWG0vmKN4HxE3Jp3Z0Gkt5prqSmcuY2o8t24iGSCOnFDpP71c3xl9SX9Q";
const LOGIN: &str = "dD1fLU1PVWtGYkpMQUVGWDhJNGs5QmYtOFZWazlEUWxFVEFsaW9vVUg1dW5MVW1nUGt4YzJwZVFhUVVYdnlvUnJNODdERjNrU2ZGaENoX3V5djNCTWI3UQ==";
const KEY_ID: &str = "5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ";
const REQUEST: &str = "04bf00008601200df2e74073e6d417690935d22c5b367382451b338f96a62312847a2421e842410221022894d1382d9762d5d4fca
    7f208eadff0694e12b8936a0f7a31f55ef5a88179a40550007a533a3528318023fce7d715fcb8c666023a9f89698b3c8faf35a22ee
    989572716592027ff72878ffcb5e032eba1dac6023deec6878784bc6d25f74a2106";
const PRIVATE: &str = "07b800000070000102030405060708090a0b0c0d0e0f7ee2d70309ef9cc208fe8c41bee8825b79de3357954761650dbcb9de25d86bab
    9e2033284f0b3392c74e878e7d80de011813d3ff701745c07233b1bed030044630810621a5ec1190e53efb
    304274abbc5ca252a0499a7e1e032c2c05b536ca3c";
const META: &str = "0001000102030405060708090a0b0c0d0e0fcc7ee262af07ff3d969ea9a6089b7b03570e4903f10833fb834ed3b4b4b6c0fa318b628
    450054f2075704806dee00e1c3e658eeebd7e976ed3b2cc753e7c025465e1ac1c37289950672602ab9753a
    e87719c647ca18d0d6aa15522c51ad8fd45";

/// The seeds of the vectors, then the vector shard 00..0f.
pub(crate) struct Given(pub(crate) Vec<Vec<u8>>);

impl Random for Given {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        octets.copy_from_slice(&self.0.remove(0));
        Ok(())
    }
}

pub(crate) fn user_key_random() -> Given {
    let half = |text: &str| hex::<32>(text).to_vec();
    Given(vec![
        half("b90508ff699ad7e99c13eff58da2d36ca538ec50237bda7a5ea98761bc26df95"),
        half("a5080c0cc7a6bf550e59fd1f53e18b5beb1dbbc3f4480fe220b9019d8fcc4fcd"),
        (0..16).collect(),
    ])
}

fn decoded(text: &str) -> Vec<u8> {
    base64url_decode(text.as_bytes()).unwrap()
}

/// The account of the vectors, whose realm `mail` is there.
pub(crate) fn vector_world() -> Shared {
    let world = world_with(&[("bob@example.tld", Mode::Paranoid)]);
    add(&world, USER, Mode::Cautious, "SiliconSally", 128);
    let salt = Salt(decoded(SALT).try_into().unwrap());
    {
        let mut world = world.borrow_mut();
        let holding = world.holdings.get_mut(USER).unwrap();
        let inputs = koi_dime::stacie::Inputs {
            username: USER,
            password: &password("SiliconSally"),
            salt: &salt,
            bonus: 128,
        };
        (holding.token, holding.salt) = (inputs.derive().verification_token, salt);
        let shard: [u8; 64] = decoded(SHARD).try_into().unwrap();
        holding.realms.insert(("mail".into(), 0), shard);
        holding.realms.insert(("meta".into(), 0), shard);
        world.nonces.push(koi_dime::stacie::Nonce(decoded(NONCE).try_into().unwrap()));
    }
    world
}

fn came(world: &Shared, octets: &[u8]) -> bool {
    world.borrow().octets.windows(octets.len()).any(|window| window == octets)
}

// spec: DMAP-00 §9; DMAP-00 §7.2.1; DMAP-00 §7.4.2
#[test]
fn the_sample_session() {
    let world = vector_world();
    // Login: the proof is that of the vector.
    let mut account = login_as(&world, USER, "SiliconSally", Wallet::default()).unwrap();
    assert!(came(
        &world,
        format!("AUTHENTICATE STACIE AHVzZXJAZXhhbXBsZS50bGQ=\r\n{LOGIN}\r\n\r\n").as_bytes()
    ));
    assert_eq!(account.mode(), Mode::Cautious);
    // A key: request, id and encrypted private part are those of the vectors.
    let mut random = user_key_random();
    let made = account.make_key(None, &mut random).unwrap();
    assert_eq!(made.id().to_string(), KEY_ID);
    let own = account.upload_key(made).unwrap();
    assert!(random.0.is_empty());
    let upload = [
        format!("ADDKEY {KEY_ID} ~{{139+}}\r\n").as_bytes(),
        &hex::<139>(REQUEST),
        b" ~{118+}\r\n",
        &hex::<118>(PRIVATE),
        b"\r\n",
    ]
    .concat();
    assert!(came(&world, &upload));
    assert_eq!(own.signet.identifier(), Some(USER));
    let names: Vec<String> = account.mailboxes().unwrap().into_iter().map(|line| line.shown).collect();
    assert_eq!(names, ["Drafts", "INBOX", "Sent"]);
    assert_eq!(account.mailbox_for(Role::Drafts).unwrap().unwrap().as_str(), "Drafts");
    // Mail for the account, to be read.
    let naked = include_bytes!("../../../dime/tests/vectors/naked.bin");
    let uid = world.borrow_mut().put(USER, "INBOX", naked.to_vec(), koi_types::Flags::default());
    assert_eq!(uid, 7);
    let inbox = koi_types::MailboxName::inbox();
    let selected = account.select(&inbox, false).unwrap();
    let listed = account.glimpses(selected, 10).unwrap();
    assert_eq!((listed.len(), listed[0].octets), (1, 1598));
    assert!(listed[0].header.as_ref().unwrap().starts_with(b"Date: Mon, 19 Oct 2015"));
    // A message for another account: key looked up and verified, encrypted, appended, submitted.
    let mut bob = login(&world, "bob@example.tld");
    let made = bob.make_key(None, &mut Counted(3)).unwrap();
    bob.upload_key(made).unwrap();
    let mut random = Counted(4);
    let now = Timestamp::from_secs(1_445_248_920);
    let contact = account.contact(&address("bob@example.tld"), now, &mut random).unwrap();
    let me = address(USER);
    let letter = koi_dmap_client::Letter {
        from: &me,
        to: &[address("bob@example.tld")],
        subject: "Test",
        text: "Attack at dawn!\n",
        attachments: &[],
        date: now,
        message_id: "1@example.tld",
        in_reply_to: None,
    };
    let message = koi_dmap_client::encrypt(&letter, &own, &contact.user, &mut random).unwrap();
    let placed = account.place(&message, now).unwrap();
    let sent = account.submit(&placed, koi_dmap_client::SendOptions::default()).unwrap();
    assert_eq!((sent.transaction.as_deref(), sent.held), (Some("AQID"), None));
    // A second time it is refused.
    world.borrow_mut().put(USER, "Drafts", message, koi_types::Flags::default());
    let again = koi_dmap_client::Placed { uid: koi_types::Uid::new(10).unwrap(), ..placed };
    let race = account.submit(&again, koi_dmap_client::SendOptions::default()).unwrap_err();
    assert!(race.is(&koi_proto::dmap::Code::SubmissionRace), "{race}");
    account.logout();
    let heard = world.borrow().heard.clone();
    let of_user: Vec<&str> =
        heard.iter().map(String::as_str).filter(|line| !line.contains("SIGNET")).collect();
    assert!(of_user.contains(&"GETREALM mail") && of_user.contains(&"LISTKEYS"), "{of_user:#?}");
    assert!(of_user.contains(&"UID SUBMIT 8 (SAVETO Sent SENTFLAGS (\\Seen))"), "{of_user:#?}");
    assert_eq!(of_user.last(), Some(&"LOGOUT"));
}

/// docs/DIME.md, META: the block of the vectors, sealed and opened.
#[test]
fn the_meta_block_of_the_vectors() {
    let world = vector_world();
    let mut account = login_as(&world, USER, "SiliconSally", Wallet::default()).unwrap();
    let mut realm = account.realms(&RealmLabel::meta()).unwrap().pop().unwrap();
    realm.serial = 1;
    let naked = include_bytes!("../../../dime/tests/vectors/naked.bin");
    let mut meta = Meta::default();
    meta.set(MetaType::FLAGS, b"\\Flagged $Urgent").unwrap();
    meta.set(MetaType::REVISION, &6u64.to_be_bytes()).unwrap();
    let sealed = seal_meta(&realm, &meta, naked, &mut Given(vec![(0..16).collect()])).unwrap();
    assert_eq!(sealed.0, hex::<114>(META));
    let opened = open_meta(&realm, &sealed, naked, Some(7)).unwrap();
    assert_eq!(opened.flags().collect::<Vec<_>>(), ["\\Flagged", "$Urgent"]);
    assert_eq!(opened.value(MetaType::BINDING), Some(binding(naked).as_slice()));
    for (object, seen) in [(b"another".as_slice(), None), (naked.as_slice(), Some(8))] {
        assert!(matches!(open_meta(&realm, &sealed, object, seen), Err(koi_dmap_client::Error::Meta(_))));
    }
    let mut changed = sealed.0.clone();
    changed[60] ^= 1;
    assert!(open_meta(&realm, &SealedMeta(changed), naked, None).is_err());
}

/// STACIE-PLUS is bound to the channel; who is in the middle has another one.
#[test]
fn the_channel_is_bound() {
    let world = vector_world();
    let (user, word) = (address(USER), password("SiliconSally"));
    let credentials =
        Credentials { address: &user, password: &word, channel: Some([9; 32]), accept_new_salt: false };
    // The peer offers no STACIE-PLUS: the plain one is spoken.
    let account =
        Connection::open(Peer::new(&world)).unwrap().login(&credentials, Wallet::default()).unwrap();
    assert!(came(&world, b"AUTHENTICATE STACIE AHVz"));
    assert_eq!(account.pin().bonus, 128);
    let secret = Secret::<64>::new(&[0; 64]);
    assert!(!world.borrow().knows(secret.expose()));
}
