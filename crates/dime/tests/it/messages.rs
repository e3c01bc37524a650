//! Messages: the vector of suite 1 (tests/vectors/naked.bin; docs/DIME.md, vectors), what Koi makes, who can
//! open what, and that nothing changed is believed.

mod refused;

use koi_dime::chunk::{Actor, ChunkType, Suite};
use koi_dime::message::{
    AuthorParts, BadEnvelope, Bounces, ChunkFact, Delivery, DestinationEnvelope, FormError, HandoverError,
    NakedParts, OpenError, OriginEnvelope, OriginError, OutlineError, Part, PartKind, Readers, Scanner,
    Submission, Tracing, WriteError, Writer, add_tracing, naked_octets, open_alone, plain, retitled,
    sign_as_origin, wrap,
};
use koi_dime::signet::{OrgParts, OrgSignet, SigningRequest};
use koi_dime::{Fingerprint, Magic, Message, MessageForm, NoRandomness, Outline, Random};
use koi_types::Address;
use proptest::prelude::*;

use crate::material::{ORG_ENC, ORG_SIGN, USER_ENC, USER_SIGN, decryption, signing, to_hex};
use crate::signets::{org_signet, user_signet};

const NAKED: &[u8] = include_bytes!("../vectors/naked.bin");
pub(crate) const MAIL: &[u8] =
    b"Date: Mon, 19 Oct 2015 10:00:00 +0000\r\nFrom: a@example.org\r\nTo: b@example.net\r\n\
    Subject: Test\r\nMessage-Id: <1@example.org>\r\n\r\nAttack at dawn!\r\n";
/// The keys of the recipient and of its organisation are those of author and origin with this as key.
pub(crate) const RECIPIENT_ENC: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const DESTINATION_ENC: &str = "2222222222222222222222222222222222222222222222222222222222222222";

/// Octets that are the same each time, never twice.
pub(crate) struct Counted(pub(crate) u64);

impl Random for Counted {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        for octet in octets {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *octet = (self.0 >> 33) as u8;
        }
        Ok(())
    }
}

struct Broken;

impl Random for Broken {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
}

fn naked_parts(signing: &koi_dime::SigningKey) -> NakedParts<'_> {
    NakedParts {
        recipient: *user_signet().encryption(),
        destination: *org_signet().encryption(),
        signing,
        magic: Magic::NakedMessage,
    }
}

fn wrapped(mail: &[u8]) -> Vec<u8> {
    wrap(mail, &naked_parts(&signing(ORG_SIGN)), &mut Counted(1)).unwrap()
}

fn readers() -> Readers {
    Readers {
        author: Some(decryption(USER_ENC).public()),
        origin: Some(decryption(ORG_ENC).public()),
        destination: Some(decryption(DESTINATION_ENC).public()),
        recipient: Some(decryption(RECIPIENT_ENC).public()),
    }
}

fn origin_envelope() -> OriginEnvelope {
    OriginEnvelope {
        author: Address::parse("user@example.tld").unwrap(),
        author_signet: user_signet().core_fingerprint(),
        destination: String::from("example.net"),
        destination_signet: Fingerprint([0xfb; 64]),
    }
}

fn destination_envelope() -> DestinationEnvelope {
    DestinationEnvelope {
        recipient: Address::parse("bob@example.net").unwrap(),
        recipient_signet: Fingerprint([3; 64]),
        origin: String::from("example.tld"),
        origin_signet: org_signet().core_fingerprint(),
    }
}

fn parts<'a>() -> AuthorParts<'a> {
    AuthorParts {
        common_headers: b"Subject: Test\r\n",
        other_headers: b"X-A: b\r\n",
        parts: &[
            Part { kind: PartKind::Attachment, data: b"Content-Type: image/png\r\n\r\npng" },
            Part { kind: PartKind::Display, data: b"Content-Type: text/plain\r\n\r\none" },
            Part { kind: PartKind::Display, data: b"Content-Type: text/plain\r\n\r\ntwo" },
        ],
    }
}

pub(crate) fn authored() -> Vec<u8> {
    let (origin, destination) = (origin_envelope(), destination_envelope());
    parts().message(&origin, &destination, &readers(), &signing(USER_SIGN), &mut Counted(2)).unwrap()
}

pub(crate) fn submitted() -> Vec<u8> {
    let all = Bounces { meta: true, display: true };
    sign_as_origin(&authored(), &decryption(ORG_ENC), &signing(ORG_SIGN), all).unwrap()
}

fn joined(pieces: &[koi_dime::SecretOctets]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.iter().copied()).collect()
}

fn kinds_and_octets(outline: &Outline) -> Vec<(u8, u64)> {
    outline.facts().iter().map(|fact| (fact.kind.0, fact.octets)).collect()
}

#[test]
fn the_vector_of_suite_1() {
    let message = Message::parse(NAKED).unwrap();
    let outline = message.outline();
    assert_eq!(
        kinds_and_octets(outline),
        [(1, 73), (32, 356), (33, 356), (48, 356), (224, 161), (225, 161), (255, 129)]
    );
    assert_eq!((outline.octets(), outline.form()), (1598, Ok(MessageForm::Naked)));
    assert_eq!(outline.ephemeral().suite, Suite::One);
    let ephemeral = outline.ephemeral().signing.unwrap();
    let recipient = message.reader(Actor::Recipient, &decryption(USER_ENC));
    let read = |kind| joined(&recipient.read(kind, &ephemeral).unwrap());
    let common = "Date: Mon, 19 Oct 2015 10:00:00 +0000\nSubject: Test\nFrom: a@example.org\n\
                  To: b@example.net\nMessage-Id: <1@example.org>\n";
    assert_eq!(read(ChunkType::COMMON_HEADERS), common.as_bytes());
    assert_eq!(read(ChunkType::BODY), b"Attack at dawn!\r\n");
    let mail = plain(&recipient, org_signet().primary()).unwrap();
    assert_eq!(mail.as_slice(), MAIL);
    for kind in [ChunkType::TREE_SIGNATURE, ChunkType::AUTHOR_SIGNATURE] {
        assert_eq!(recipient.verify(kind, &ephemeral), Ok(()));
        assert_eq!(recipient.verify(kind, org_signet().primary()), Err(OpenError::Signature));
    }
    let destination = message.reader(Actor::Destination, &decryption(ORG_ENC));
    assert_eq!(destination.verify(ChunkType::DESTINATION_SIGNATURE, org_signet().primary()), Ok(()));
    assert_eq!(destination.open(3).unwrap_err(), OpenError::NoSlot);
    let author = message.reader(Actor::Author, &decryption(USER_ENC));
    assert_eq!(author.open(3).unwrap_err(), OpenError::NoSlot, "zeros: he is not there");
    let another = message.reader(Actor::Recipient, &decryption(ORG_ENC));
    assert_eq!(another.open(3).unwrap_err(), OpenError::Forged);
    assert_eq!(recipient.open(0).unwrap_err(), OpenError::Kind(ChunkType::EPHEMERAL));
    assert_eq!(recipient.open(4).unwrap_err(), OpenError::Kind(ChunkType::TREE_SIGNATURE));
    assert_eq!(recipient.open(7).unwrap_err(), OpenError::NoChunk);
}

/// All three signatures count, and the form: what a naked message says is nobody's word else.
#[test]
fn plain_mail_is_signed_throughout() {
    let octets = wrapped(MAIL);
    let read = |octets: &[u8]| {
        let message = Message::parse(octets).unwrap();
        let recipient = message.reader(Actor::Recipient, &decryption(USER_ENC));
        plain(&recipient, org_signet().primary()).map(|mail| mail.to_vec())
    };
    assert_eq!(read(&octets).unwrap(), MAIL);
    let message = Message::parse(&octets).unwrap();
    for kind in [ChunkType::TREE_SIGNATURE, ChunkType::AUTHOR_SIGNATURE, ChunkType::DESTINATION_SIGNATURE] {
        let place = message.places(kind).next().unwrap();
        let mut changed = octets.clone();
        changed[message.outline().chunks()[place].start as usize + 1] ^= 1;
        assert_eq!(read(&changed), Err(OpenError::Signature), "{kind}");
    }
    assert_eq!(read(&authored()), Err(OpenError::Form(FormError::Signer)));
    let untitled = retitled(&octets, Magic::SentMessage).unwrap();
    assert!(matches!(read(&untitled), Err(OpenError::Form(_))));
}

/// spec: DMAP-00 §7.6.4
#[test]
fn a_chunk_alone() {
    let octets = authored();
    let message = Message::parse(&octets).unwrap();
    let (first, key) = (message.chunk(0).unwrap(), decryption(RECIPIENT_ENC));
    let reader = message.reader(Actor::Recipient, &key);
    for (index, fact) in message.outline().chunks().iter().enumerate() {
        let chunk = message.chunk(index).unwrap();
        let alone = |index| open_alone(first, chunk, index as u32, Actor::Recipient, &key);
        match reader.open(index) {
            Ok(opened) => assert_eq!(alone(index).unwrap().claimed(), opened.claimed()),
            Err(error) => assert_eq!(alone(index).unwrap_err(), error, "{}", fact.kind),
        }
        assert!(alone(index + 1).is_err());
        for end in 0..chunk.len() {
            assert!(open_alone(first, &chunk[..end], index as u32, Actor::Recipient, &key).is_err());
        }
        assert!(open_alone(&first[1..], chunk, index as u32, Actor::Recipient, &key).is_err());
    }
}

/// What is wrong with suite 1: the organisation, with its own key alone, reads the body.
#[test]
fn suite_1_gives_every_key_to_every_reader() {
    let xor = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a ^ b).collect::<Vec<u8>>();
    let message = Message::parse(NAKED).unwrap();
    let agreed = decryption(ORG_ENC).agree(&message.outline().ephemeral().encryption);
    assert_eq!(to_hex(agreed.expose()), "30b8317059af49d017f03cdcaba958e9830e17b19e2d3dd951c8f674ae7d98d5");
    let chunk = message.section(ChunkType::DESTINATION_SIGNATURE, 1).unwrap();
    let (destination_slot, recipient_slot) = chunk[65..].split_at(32);
    let key = xor(destination_slot, agreed.expose());
    let of_recipient = "cdf4f9321dc40733f649c4311f6c3ceb0f638cc6284d7ff17180dd681c8440e3";
    assert_eq!(to_hex(&xor(recipient_slot, &key)), of_recipient);
}

/// spec: DMAP-00 §7.6.4
#[test]
fn sections() {
    let trace = |transaction| Tracing { received_from: "x.example", received_at: "", transaction };
    let traced = add_tracing(&trace("second"), &add_tracing(&trace("first"), NAKED));
    let message = Message::parse(&traced).unwrap();
    let outline = message.outline();
    let oldest = message.section(ChunkType::TRACING, 1).unwrap();
    assert!(oldest.starts_with(&[7, 45]) && oldest.ends_with(b"Transaction: first\r\n"));
    assert!(message.section(ChunkType::TRACING, 2).unwrap().ends_with(b"second\r\n"));
    assert_eq!(outline.facts().iter().map(|fact| fact.octets).sum::<u64>() + 6, outline.octets());
    assert_eq!(outline.chunks().len() + 2, outline.facts().len());
    assert_eq!(message.section(ChunkType::BODY, 1).map(<[u8]>::len), Some(356));
    for (kind, number) in
        [(ChunkType::BODY, 0), (ChunkType::BODY, 2), (ChunkType(67), 2), (ChunkType::TRACING, 3)]
    {
        assert_eq!(message.section(kind, number), None);
    }
    assert_eq!(message.chunk_hashes().len(), 4);
    assert_eq!(outline.form(), Ok(MessageForm::Naked));
    let recipient = message.reader(Actor::Recipient, &decryption(USER_ENC));
    assert_eq!(plain(&recipient, org_signet().primary()).unwrap().as_slice(), MAIL);
    let submitted = sign_as_origin(
        &add_tracing(&trace("x"), &authored()),
        &decryption(ORG_ENC),
        &signing(ORG_SIGN),
        Bounces::default(),
    );
    assert!(submitted.unwrap().starts_with(&1847u16.to_be_bytes()), "tracing is for the one who got it");
}

#[test]
fn mail_is_wrapped() {
    let octets = wrapped(MAIL);
    let message = Message::parse(&octets).unwrap();
    assert_eq!(message.outline().ephemeral().suite, Suite::Two);
    assert_eq!(message.outline().form(), Ok(MessageForm::Naked));
    let wanted = [(1, 76), (32, 356), (33, 356), (48, 356), (224, 161), (225, 161), (255, 129)];
    assert_eq!(kinds_and_octets(message.outline()), wanted);
    let ephemeral = message.outline().ephemeral().signing.unwrap();
    let recipient = message.reader(Actor::Recipient, &decryption(USER_ENC));
    let common = joined(&recipient.read(ChunkType::COMMON_HEADERS, &ephemeral).unwrap());
    assert!(common.starts_with(b"Date: Mon, 19 Oct 2015 10:00:00 +0000\nSubject: Test\nFrom"));
    assert_eq!(plain(&recipient, org_signet().primary()).unwrap().as_slice(), MAIL);
    let destination = message.reader(Actor::Destination, &decryption(ORG_ENC));
    assert_eq!(destination.verify(ChunkType::DESTINATION_SIGNATURE, org_signet().primary()), Ok(()));
    let broken = wrap(MAIL, &naked_parts(&signing(ORG_SIGN)), &mut Broken);
    assert_eq!(broken, Err(WriteError::Random(NoRandomness)));
}

#[test]
fn common_headers_are_unfolded() {
    let mail = b"subject :  a\r\n b\r\nX: y\r\nTO:\r\n\tc\r\nSubject: second\r\n\r\n";
    let octets = wrapped(mail);
    let message = Message::parse(&octets).unwrap();
    let ephemeral = message.outline().ephemeral().signing.unwrap();
    let recipient = message.reader(Actor::Recipient, &decryption(USER_ENC));
    let common = joined(&recipient.read(ChunkType::COMMON_HEADERS, &ephemeral).unwrap());
    assert_eq!(common, b"Subject: a b\nTo: c\n");
}

#[test]
fn who_reads_what() {
    let octets = submitted();
    let message = Message::parse(&octets).unwrap();
    assert_eq!(message.outline().form(), Ok(MessageForm::OriginSigned));
    let author = *user_signet().signing();
    let opens = |actor, key| -> Vec<u8> {
        let reader = message.reader(actor, &decryption(key));
        let chunks = message.outline().chunks().iter().enumerate().skip(1);
        let opened = chunks.filter(|(index, fact)| match fact.kind {
            kind if kind.is_signature() => {
                let signer = if kind.0 > 225 { *org_signet().primary() } else { author };
                reader.verify(kind, &signer).is_ok()
            }
            _ => reader.open(*index).is_ok_and(|opened| opened.verify(&author).is_ok()),
        });
        opened.map(|(_, fact)| fact.kind.0).collect()
    };
    assert_eq!(opens(Actor::Author, USER_ENC), [2, 3, 32, 33, 67, 67, 131, 224, 225, 248, 249, 254]);
    assert_eq!(opens(Actor::Origin, ORG_ENC), [2, 224, 225, 248, 249, 254]);
    assert_eq!(opens(Actor::Destination, DESTINATION_ENC), [3, 248, 249, 254]);
    assert_eq!(opens(Actor::Recipient, RECIPIENT_ENC), [2, 3, 32, 33, 67, 67, 131, 224, 225, 248, 249, 254]);
    let origin = message.reader(Actor::Origin, &decryption(ORG_ENC));
    let opened = origin.open(1).unwrap();
    assert_eq!(OriginEnvelope::parse(opened.claimed()), Ok(origin_envelope()));
    assert_eq!(opened.verify(org_signet().primary()).unwrap_err(), OpenError::Signature);
    let destination = message.reader(Actor::Destination, &decryption(DESTINATION_ENC));
    let opened = destination.open(2).unwrap();
    assert_eq!(DestinationEnvelope::parse(opened.claimed()), Ok(destination_envelope()));
    let displayed = message.reader(Actor::Recipient, &decryption(RECIPIENT_ENC));
    let displayed = displayed.read(ChunkType::DISPLAY, &author).unwrap();
    assert!(displayed[1].ends_with(b"two") && displayed.len() == 2);
}

#[test]
fn the_organisation_signs_where_there_is_room() {
    let (key, signer) = (decryption(ORG_ENC), signing(ORG_SIGN));
    let sign = |octets: &[u8]| sign_as_origin(octets, &key, &signer, Bounces::default());
    let authored = authored();
    assert_eq!(Outline::of(&authored).unwrap().form(), Ok(MessageForm::AuthorSigned));
    let signed = sign(&authored).unwrap();
    assert_eq!(signed.len(), authored.len());
    let message = Message::parse(&signed).unwrap();
    let recipient = message.reader(Actor::Recipient, &decryption(RECIPIENT_ENC));
    assert_eq!(recipient.verify(ChunkType::ORIGIN_SIGNATURE, &signer.public()), Ok(()));
    assert_eq!(recipient.verify(ChunkType::META_BOUNCE, &signer.public()), Err(OpenError::Signature));
    assert_eq!(sign(&signed), Err(OriginError::NotAuthorSigned));
    assert_eq!(sign(NAKED), Err(OriginError::NotAuthorSigned));
    let user = decryption(USER_ENC);
    let wrong = sign_as_origin(&authored, &user, &signer, Bounces::default()).unwrap();
    let message = Message::parse(&wrong).unwrap();
    let recipient = message.reader(Actor::Recipient, &decryption(RECIPIENT_ENC));
    assert_eq!(recipient.verify(ChunkType::ORIGIN_SIGNATURE, &signer.public()), Err(OpenError::Signature));
    let sent = retitled(&authored, Magic::SentMessage).unwrap();
    assert_eq!(Outline::of(&sent).unwrap().form(), Ok(MessageForm::Sent));
    assert_eq!(retitled(&authored, Magic::UserKey), None);
}

#[test]
fn drafts_are_for_their_author() {
    let draft = parts().draft(&readers(), &signing(USER_SIGN), &mut Counted(3)).unwrap();
    let message = Message::parse(&draft).unwrap();
    assert_eq!(message.outline().form(), Ok(MessageForm::Draft));
    let author = message.reader(Actor::Author, &decryption(USER_ENC));
    assert_eq!(author.read(ChunkType::ATTACHMENT, user_signet().signing()).unwrap().len(), 1);
    for (actor, key) in [(Actor::Origin, ORG_ENC), (Actor::Recipient, RECIPIENT_ENC)] {
        let reader = message.reader(actor, &decryption(key));
        assert!((1..message.outline().chunks().len()).all(|index| reader.open(index).is_err()));
    }
    assert_eq!(
        sign_as_origin(&draft, &decryption(ORG_ENC), &signing(ORG_SIGN), Bounces::default()),
        Err(OriginError::NotAuthorSigned)
    );
}

#[test]
fn envelopes() {
    let text = origin_envelope().text();
    assert!(text.starts_with("Author: <user@example.tld>\r\nAuthor-Signet: ["));
    assert!(text.contains("\r\nDestination: <example.net>\r\nDestination-Signet: [+/v7"), "{text}");
    assert_eq!(OriginEnvelope::parse(text.as_bytes()), Ok(origin_envelope()));
    assert_eq!(DestinationEnvelope::parse(text.as_bytes()), Err(BadEnvelope));
    let text = destination_envelope().text();
    assert_eq!(DestinationEnvelope::parse(text.as_bytes()), Ok(destination_envelope()));
    for bad in [
        text.replace("bob@", "bob"),
        text.replace("\r\n", "\n"),
        text.replace("Origin: <example.tld>", "Origin: <>"),
        text.replace("Origin: <example.tld>", "Origin: <a b>"),
        text.replace("[AwMD", "[A"),
        format!("{text}X: y\r\n"),
        format!("{text}\r\n"),
        text.trim_end().to_owned(),
    ] {
        assert_eq!(DestinationEnvelope::parse(bad.as_bytes()), Err(BadEnvelope), "{bad}");
    }
}

/// What the two organisations do with a message.
#[test]
fn handing_over() {
    let authored = authored();
    let message = Message::parse(&authored).unwrap();
    let submission = || Submission::open(&message, &decryption(ORG_ENC)).unwrap();
    assert_eq!(submission().envelope(), &origin_envelope());
    assert_eq!(submission().verify(&user_signet()), Ok(origin_envelope()));
    let another = SigningRequest::create(&signing(ORG_ENC), user_signet().encryption(), &[], None).unwrap();
    let another = another.issue(&signing(ORG_SIGN), &[], None).unwrap();
    assert_eq!(submission().verify(&another), Err(HandoverError::Signet));
    assert_eq!(
        Submission::open(&message, &decryption(USER_ENC)).unwrap_err(),
        HandoverError::Open(OpenError::Forged)
    );
    assert_eq!(
        Delivery::open(&message, &decryption(DESTINATION_ENC)).unwrap_err(),
        HandoverError::Other(MessageForm::AuthorSigned)
    );
    let submitted = submitted();
    let message = Message::parse(&submitted).unwrap();
    let delivery = || Delivery::open(&message, &decryption(DESTINATION_ENC)).unwrap();
    assert_eq!(delivery().envelope(), &destination_envelope());
    assert_eq!(delivery().verify(&org_signet()), Ok(destination_envelope()));
    let parts = OrgParts {
        encryption: decryption(ORG_ENC).public(),
        secondary: &[],
        details: &[],
        identifier: Some("example.tld"),
    };
    let other = OrgSignet::create(&signing(USER_ENC), &parts).unwrap();
    assert_eq!(delivery().verify(&other), Err(HandoverError::Signet));
    assert_eq!(
        Submission::open(&message, &decryption(ORG_ENC)).unwrap_err(),
        HandoverError::Other(MessageForm::OriginSigned)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_size_of_naked_mail_is_known_before(mail in proptest::collection::vec(any::<u8>(), 0..900), lines in "(To: b\r\n( c\r\n)?)?([ -~]{0,99}\r\n){0,6}") {
        let mail = [lines.as_bytes(), &mail].concat();
        let octets = mail.len() as u64;
        prop_assert_eq!(naked_octets(&mail, octets), Some(wrapped(&mail).len() as u64));
        for end in 0..mail.len() {
            let known = naked_octets(&mail[..end], octets);
            prop_assert!(known.is_none() || known == naked_octets(&mail, octets));
        }
    }

    #[test]
    fn any_mail(mail in proptest::collection::vec(any::<u8>(), 0..2000), lines in "(A: b\r\n)?([ -~]{0,9}\r\n){0,6}") {
        for mail in [mail.as_slice(), lines.as_bytes()] {
            let octets = wrapped(mail);
            let message = Message::parse(&octets).unwrap();
            prop_assert_eq!(message.outline().form(), Ok(MessageForm::Naked));
            let recipient = message.reader(Actor::Recipient, &decryption(USER_ENC));
            let read = plain(&recipient, org_signet().primary()).unwrap();
            prop_assert_eq!(read.as_slice(), mail);
        }
    }

    /// However the octets come, the outline is the same.
    #[test]
    fn in_pieces(cuts in proptest::collection::vec(1usize..400, 0..40), end: proptest::sample::Index) {
        let whole = Outline::of(NAKED);
        let mut scanner = Scanner::new();
        let mut rest = NAKED;
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            scanner.feed(piece).unwrap();
            rest = after;
        }
        scanner.feed(rest).unwrap();
        prop_assert_eq!(scanner.finish(), whole);
        prop_assert!(Outline::of(&NAKED[..end.index(NAKED.len())]).is_err());
        let mut longer = NAKED.to_vec();
        longer.push(0);
        prop_assert_eq!(Outline::of(&longer), Err(OutlineError::Length));
    }
}
