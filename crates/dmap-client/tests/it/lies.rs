//! What a lying server can not do.

use koi_dime::signet::SigningRequest;
use koi_dime::stacie::Salt;
use koi_dime::{DecryptionKey, Organisation, Secret, SigningKey};
use koi_dmap_client::{Error, Mode, SignetProblem, Unbelievable, Verdict, Wallet};
use koi_proto::dmap::Response;
use koi_proto::dmap::response::{FetchedItem, KeyItem, SignetItem};

use crate::conversation::{ALICE, BOB, newest, now, send, two};
use crate::world::{
    Counted, ORG_ENC, ORG_SIGN, PASSWORD, Shared, StoredKey, address, hex, keys, login, login_as, world_with,
};

fn lie(world: &Shared, lie: impl Fn(&mut Response) + 'static) {
    world.borrow_mut().lie = Some(Box::new(lie));
}

/// An organisation for the same domain with other keys.
fn impostor() -> Organisation {
    let keys = keys(koi_dime::key::Holder::Organisation, ORG_ENC, ORG_SIGN);
    Organisation::new("example.tld", keys, &[]).unwrap()
}

/// A signet of keys the server has, for anybody, by whichever organisation.
fn forged(organisation: &Organisation, user: &str) -> Vec<u8> {
    let signing = SigningKey::new(&Secret::new(&[3; 32]));
    let decryption = DecryptionKey::new(&Secret::new(&[4; 32])).unwrap();
    let request = SigningRequest::create(&signing, &decryption.public(), &[], None).unwrap();
    organisation.issue(&request, &address(user), None).unwrap().object()
}

#[test]
fn it_must_know_the_account() {
    let world = world_with(&[(ALICE, Mode::Cautious)]);
    let wallet = login(&world, ALICE).logout();
    // Another token: the server has made the account up, or has lost it.
    let saved = world.borrow().holdings[ALICE].token.clone();
    world.borrow_mut().holdings.get_mut(ALICE).unwrap().token =
        koi_dime::stacie::VerificationToken(Secret::new(&[1; 64]));
    assert!(matches!(login_as(&world, ALICE, PASSWORD, Wallet::default()), Err(Error::WrongPassword)));
    world.borrow_mut().holdings.get_mut(ALICE).unwrap().token = saved;
    // Another salt, to have the password derived anew.
    world.borrow_mut().holdings.get_mut(ALICE).unwrap().salt = Salt([5; 128]);
    assert!(matches!(login_as(&world, ALICE, PASSWORD, wallet), Err(Error::PinChanged)));
    assert!(!world.borrow().octets.windows(2).any(|w| w == b"t="), "nothing was derived for it");
}

#[test]
fn wrong_passwords_and_names_look_alike() {
    let world = world_with(&[(ALICE, Mode::Cautious)]);
    for (user, word) in [(ALICE, "correct horse battery stable"), ("nobody@example.tld", PASSWORD)] {
        let error = login_as(&world, user, word, Wallet::default()).unwrap_err();
        assert!(matches!(error, Error::WrongPassword), "{error}");
    }
}

#[test]
fn an_uploaded_key_cannot_be_exchanged() {
    for (what, change) in [
        (
            "public part",
            Box::new(|item: &mut KeyItem| {
                if let KeyItem::Public(Some(octets)) = item {
                    octets[10] ^= 1;
                }
            }) as Box<dyn Fn(&mut KeyItem)>,
        ),
        (
            "other keys",
            Box::new(|item: &mut KeyItem| {
                if let KeyItem::Signet(signet) = item {
                    *signet = Some(forged(&impostor(), ALICE));
                }
            }),
        ),
    ] {
        let world = world_with(&[(ALICE, Mode::Cautious)]);
        let mut alice = login(&world, ALICE);
        let made = alice.make_key(None, &mut Counted(1)).unwrap();
        lie(&world, move |response| {
            if let Response::Key(key) = response {
                key.items.iter_mut().for_each(&change);
            }
        });
        let error = alice.upload_key(made).unwrap_err();
        assert!(matches!(error, Error::KeyChanged(_)) && error.to_string().contains(what), "{error}");
    }
}

#[test]
fn a_private_part_cannot_be_exchanged() {
    let (world, alice, _bob) = two();
    let wallet = alice.logout();
    lie(&world, |response| {
        if let Response::Key(key) = response {
            for item in &mut key.items {
                if let KeyItem::Private(Some(octets)) = item {
                    octets[50] ^= 1;
                }
            }
        }
    });
    let mut alice = login_as(&world, ALICE, PASSWORD, wallet).unwrap();
    assert!(matches!(alice.current_key(), Err(Error::Key(_))));
}

#[test]
fn a_key_in_clear_is_the_servers() {
    let (world, alice, _bob) = two();
    let mode = world.borrow().holdings[ALICE].mode;
    assert_eq!(mode, Mode::Cautious);
    let wallet = alice.logout();
    // The organisation lies: a key it has made up, signed by itself, with the private part.
    let made = keys(koi_dime::key::Holder::User, ORG_ENC, ORG_SIGN);
    let request = SigningRequest::create(&made.signing, &made.decryption.public(), &[], None).unwrap();
    let signet = world.borrow().organisation.issue(&request, &address(ALICE), None).unwrap();
    let id = request.key_id().0;
    let private = Some(made.object().to_vec());
    let stored = StoredKey { id, request: request.object(), private, signet };
    world.borrow_mut().holdings.get_mut(ALICE).unwrap().keys.push(stored);
    let mut alice = login_as(&world, ALICE, PASSWORD, wallet).unwrap();
    assert!(matches!(alice.current_key(), Err(Error::KeyChanged(_))));
    // Nor does it help to say that the account is trustful now.
    let wallet = alice.logout();
    assert!(wallet.text().contains("\nmode CAUTIOUS "));
    let wallet = Wallet::parse(&wallet.text()).unwrap();
    world.borrow_mut().holdings.get_mut(ALICE).unwrap().mode = Mode::Trustful;
    assert!(matches!(login_as(&world, ALICE, PASSWORD, wallet), Err(Error::ModeChanged)));
}

#[test]
fn signets_are_verified_here() {
    let (world, mut alice, _bob) = two();
    let give = |data: Vec<u8>, org: Option<Vec<u8>>| {
        move |response: &mut Response| {
            let Response::Signet(signet) = response else { return };
            if !signet.address.as_str().contains('@') {
                return;
            }
            for item in &mut signet.items {
                match item {
                    SignetItem::Data(old) => *old = Some(data.clone()),
                    SignetItem::Org(old) if org.is_some() => old.clone_from(&org),
                    _ => {}
                }
            }
        }
    };
    let problem = |account: &mut koi_dmap_client::Account<_>| match account.contact(
        &address(BOB),
        now(),
        &mut Counted(9),
    ) {
        Err(Error::Signet(problem)) => problem,
        other => panic!("{other:?}"),
    };
    // Signed by somebody else than the organisation seen before, who is named as it or not.
    let other = impostor();
    lie(&world, give(forged(&other, BOB), None));
    assert!(matches!(problem(&mut alice), SignetProblem::User(_)));
    lie(&world, give(forged(&other, BOB), Some(other.signet().object())));
    assert_eq!(problem(&mut alice), SignetProblem::OrganisationChanged("example.tld".into()));
    // Another user's signet.
    let own = world.borrow().signets(ALICE)[0].object();
    lie(&world, give(own, None));
    assert_eq!(problem(&mut alice), SignetProblem::Address(BOB.into()));
    // Another one than it says.
    let of_bob = forged(&world.borrow().organisation, BOB);
    lie(&world, give(of_bob, None));
    assert_eq!(problem(&mut alice), SignetProblem::Fingerprint);
}

#[test]
fn a_key_that_was_seen_cannot_be_replaced() {
    let (world, mut alice, bob) = two();
    send(&mut alice, BOB, "x", 1).unwrap();
    drop(bob);
    // The organisation itself makes a new key for him.
    let signing = SigningKey::new(&Secret::new(&[3; 32]));
    let decryption = DecryptionKey::new(&Secret::new(&[4; 32])).unwrap();
    let request = SigningRequest::create(&signing, &decryption.public(), &[], None).unwrap();
    world.borrow_mut().holdings.get_mut(BOB).unwrap().keys.clear();
    world.borrow_mut().add_key(BOB, request.key_id().0, &request.object(), None).unwrap();
    let error = send(&mut alice, BOB, "y", 2).unwrap_err();
    assert!(matches!(error, Error::Signet(SignetProblem::Custody(_))), "{error}");
    assert!(error.remedy().contains("verified"));
    // Unless the person knows better.
    alice.set_trust(&address(BOB), koi_dime::meta::Trust::Verified, now(), &mut Counted(3)).unwrap();
    send(&mut alice, BOB, "z", 4).unwrap();
}

#[test]
fn a_note_cannot_be_made_up() {
    let (world, mut alice, _bob) = two();
    send(&mut alice, BOB, "x", 1).unwrap();
    lie(&world, |response| {
        if let Response::Signet(signet) = response {
            for item in &mut signet.items {
                if let SignetItem::Meta(Some(meta)) = item {
                    meta[40] ^= 1;
                }
            }
        }
    });
    assert!(matches!(send(&mut alice, BOB, "y", 2), Err(Error::Envelope(_))));
}

/// Whatever of a message is changed on the way, it is not shown.
#[test]
fn messages_are_verified_here() {
    let (world, mut alice, mut bob) = two();
    send(&mut alice, BOB, "Attack at dawn!", 1).unwrap();
    let whole = world.borrow().holdings[BOB].mailboxes["INBOX"][0].octets.len();
    for at in (6..whole - 128).step_by(97) {
        lie(&world, move |response| {
            if let Response::Fetch(said) = response {
                for item in &mut said.items {
                    if let FetchedItem::Body { octets: Some(octets), .. } = item
                        && octets.len() == whole
                    {
                        octets[at] ^= 1;
                    }
                }
            }
        });
        let reading = bob
            .select(&koi_types::MailboxName::inbox(), true)
            .and_then(|_| bob.read(koi_types::Uid::new(7).unwrap()));
        assert!(reading.unwrap().outcome.is_err(), "octet {at}");
    }
    world.borrow_mut().lie = None;
    assert_eq!(
        newest(&mut bob, "INBOX").outcome.unwrap().verdict,
        Verdict::Signed { author: address(ALICE) }
    );
}

#[test]
fn a_message_cannot_be_shown_as_anothers() {
    let (world, mut alice, mut bob) = two();
    send(&mut alice, BOB, "x", 1).unwrap();
    // The server says that the author's signet is another.
    let other = forged(&world.borrow().organisation, ALICE);
    lie(&world, move |response| {
        if let Response::Signet(signet) = response
            && signet.address.as_str() == ALICE
        {
            for item in &mut signet.items {
                if let SignetItem::Data(data) = item {
                    *data = Some(other.clone());
                }
            }
        }
    });
    let reading = newest(&mut bob, "INBOX");
    assert_eq!(reading.outcome.unwrap_err(), Unbelievable::Signet(SignetProblem::Fingerprint));
    world.borrow_mut().lie = None;
    // Bob's message in Alice's mailbox, though it was written to Bob.
    let octets = world.borrow().holdings[BOB].mailboxes["INBOX"][0].octets.clone();
    world.borrow_mut().put(ALICE, "INBOX", octets, koi_types::Flags::default());
    let reading = newest(&mut alice, "INBOX");
    assert!(matches!(reading.outcome, Err(Unbelievable::Chunk { .. })), "{:?}", reading.outcome);
    assert_eq!(hex::<1>("0a"), [10]);
}
