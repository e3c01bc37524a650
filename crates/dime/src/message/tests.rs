//! The vectors of suite 2 (docs/DIME.md, vectors), which need given keys and shards, and what suite 2 mends.

use super::key_slot::{Agreement, Place, split};
use super::outline::Ephemeral;
use super::payload::{SealWith, open, seal};
use super::*;
use crate::agree::DecryptionKey;
use crate::chunk::{Actor, ChunkType, Suite};
use crate::hash::sha512;
use crate::secret::Secret;
use crate::sign::SigningKey;

const NAKED: &[u8] = include_bytes!("../../tests/vectors/naked.bin");

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn half(name: &str) -> Secret<32> {
    Secret::from_slice(&sha512(&[name.as_bytes()])[..32]).unwrap()
}

fn public(name: &str) -> crate::EncryptionKey {
    DecryptionKey::new(&half(name)).unwrap().public()
}

fn agreement(actor: Actor, name: &str) -> Agreement {
    let ephemeral = DecryptionKey::new(&half("dmap-eph-enc")).unwrap();
    Agreement::new(actor, ephemeral.agree(&public(name)), &ephemeral.public())
}

const BODY: Place = Place { suite: Suite::Two, kind: ChunkType::BODY, index: 3 };

#[test]
fn the_ephemeral_chunk() {
    let ephemeral = Ephemeral {
        signing: Some(SigningKey::new(&half("dmap-eph-sign")).public()),
        encryption: public("dmap-eph-enc"),
        suite: Suite::Two,
    };
    assert_eq!(
        hex(&ephemeral.chunk()),
        "0100004801200dbbcaa25c7b1e2aa854e37998748274b847c01649e3cbea65f46b4ee6d510b50221\
         02e8d90da8ff2927182702f7b4385f602c531f8f1cf18026218ccd9ad149454fa6800102"
    );
    let chunk = Ephemeral { suite: Suite::One, ..ephemeral }.chunk();
    assert_eq!(chunk, NAKED[6..79]);
}

#[test]
fn a_slot_key() {
    let recipient = agreement(Actor::Recipient, "dmap-user-enc");
    assert_eq!(
        hex(recipient.slot_key(BODY).expose()),
        "0f1673500c49e7108d31377aadfbaf263dbb9b272a8ff32e0cf691a206eb14e6"
    );
    let one = Place { suite: Suite::One, ..BODY };
    assert_eq!(
        hex(recipient.slot_key(one).expose()),
        "cdf4f9321dc40733f649c4311f6c3ceb0f638cc6284d7ff17180dd681c8440e3"
    );
}

#[test]
fn a_body_chunk() {
    let key = half("chunk-key-48-0");
    let vector_shard: [u8; 16] = sha512(&[b"chunk-iv-48-0"])[..16].try_into().unwrap();
    let signer = SigningKey::new(&half("dmap-eph-sign"));
    let with = SealWith { place: BODY, key: &split(&key), vector_shard: &vector_shard, signer: &signer };
    let mut chunk = seal(&with, b"Attack at dawn!\r\n", false).unwrap();
    chunk.extend_from_slice(&[0; 32]);
    let recipient = agreement(Actor::Recipient, "dmap-user-enc");
    chunk.extend_from_slice(recipient.masked(BODY, key.expose()).expose());
    let wanted = concat!(
        "300001209f9f0789f65c8ad93caebcb40b9de41ab554a09aafed94be65e44a661bf97b7d7741e660491c84b6c32175541a3f8de178fbfabbbab441f1",
        "1dd8685d6af75de4e77a44eb456cbc569259745a6c5cd49b1ccb34c6f18a3b83849b5d5012df09ad1fea8411fff12127833d30772574270488d6750f",
        "3493f4d784b893624acfdbe8639fe00881315a8ad71fef052ffcdfe907222c7153c39819314a3896fbaab25fd15faca4b29da549aafb522811b265e9",
        "ff8483f0bbe5df6207f03fb15c7f2ba2e67c834593f7825f800941dea6edde449fa209b9c04d686ec0bfb15a613cfd86e77b3a37190e00a9c9ccf0d6",
        "1a08a3b5ff49d9376f2b487e1ed2feb84b6b099f9b1e04eb6a1ec31f1cab8aae39b7efb0b9cd99c83ca66cd991269f23e69707920000000000000000",
        "000000000000000000000000000000000000000000000000de9446c850be0f59dd058501f7d894f19f4a390eff1e688888786f18e4085cb8",
    );
    assert_eq!(hex(&chunk), wanted);
    let payload = &chunk[4..chunk.len() - 64];
    let opened = open(BODY, &split(&key), payload).unwrap().verify(&signer.public()).unwrap();
    assert_eq!((opened.data(), opened.continues()), (b"Attack at dawn!\r\n".as_slice(), false));
    for place in [
        Place { index: 4, ..BODY },
        Place { kind: ChunkType::DISPLAY, ..BODY },
        Place { suite: Suite::One, ..BODY },
    ] {
        assert_eq!(open(place, &split(&key), payload).unwrap_err(), OpenError::Forged);
    }
}

/// Who knows the key of one chunk learns from its slots what masks the others there, and nowhere else.
#[test]
fn one_chunk_says_nothing_of_another() {
    let recipient = agreement(Actor::Recipient, "dmap-user-enc");
    let known = Place { suite: Suite::Two, kind: ChunkType::DESTINATION_SIGNATURE, index: 6 };
    let learned = recipient.slot_key(known);
    assert_ne!(recipient.slot_key(BODY), learned);
    let one = |place| Place { suite: Suite::One, ..place };
    assert_eq!(recipient.slot_key(one(BODY)), recipient.slot_key(one(known)), "suite 1");
}

#[test]
fn padding_is_from_1_to_255() {
    let signer = SigningKey::new(&half("dmap-eph-sign"));
    let key = split(&half("k"));
    for (length, whole) in [(1, 256), (186, 256), (187, 272), (202, 272), (203, 288)] {
        let with = SealWith { place: BODY, key: &key, vector_shard: &[1; 16], signer: &signer };
        let chunk = seal(&with, &vec![7; length], true).unwrap();
        assert_eq!(chunk.len(), 4 + 32 + whole, "{length}");
        let opened = open(BODY, &key, &chunk[4..]).unwrap().verify(&signer.public()).unwrap();
        assert_eq!((opened.data().len(), opened.continues()), (length, true));
    }
}

struct Same;

impl crate::Random for Same {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), crate::NoRandomness> {
        octets.fill(7);
        Ok(())
    }
}

/// The chunks made of `pieces`: type, data, and whether it goes on.
fn read(pieces: &[(ChunkType, &[u8], bool)]) -> Result<Vec<crate::SecretOctets>, OpenError> {
    let (author, key) = (SigningKey::new(&half("a")), DecryptionKey::new(&half("b")).unwrap());
    let readers = Readers { recipient: Some(key.public()), ..Readers::default() };
    let mut random = Same;
    let mut writer = Writer::authored(&readers, &author, &mut random).unwrap();
    for (kind, data, continues) in pieces {
        writer.piece(*kind, data, *continues).unwrap();
    }
    let octets = writer.finish(crate::Magic::DraftMessage).unwrap();
    let message = Message::parse(&octets).unwrap();
    message.reader(Actor::Recipient, &key).read(ChunkType::DISPLAY, &author.public())
}

#[test]
fn data_goes_on_in_the_next_chunk() {
    const D: ChunkType = ChunkType::DISPLAY;
    let all =
        read(&[(D, b"one", false), (D, b"two ", true), (D, b"and ", true), (D, b"more", false)]).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].as_slice(), all[1].as_slice()), (b"one".as_slice(), b"two and more".as_slice()));
    assert_eq!(read(&[(D, b"one", true)]), Err(OpenError::CutOff));
    let between = [(D, b"one".as_slice(), true), (ChunkType::ATTACHMENT, b"x", false), (D, b"two", false)];
    assert_eq!(read(&between), Err(OpenError::CutOff));
}
