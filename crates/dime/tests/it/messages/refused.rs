//! Messages that are none, or not what they were: nobody believes them.

use super::*;

#[test]
fn what_is_no_data() {
    let author = signing(USER_SIGN);
    let mut random = Counted(4);
    let mut writer = Writer::authored(&readers(), &author, &mut random).unwrap();
    assert_eq!(writer.data(ChunkType::DISPLAY, b""), Err(WriteError::Empty(ChunkType::DISPLAY)));
    assert_eq!(writer.data(ChunkType(77), b"x"), Err(WriteError::Kind(ChunkType(77))));
    assert_eq!(writer.data(ChunkType(224), b"x"), Err(WriteError::Kind(ChunkType(224))));
    assert_eq!(writer.room(ChunkType::DISPLAY), Err(WriteError::Kind(ChunkType::DISPLAY)));
}

#[test]
fn forms_that_are_none() {
    let build = |kinds: &[u8], magic| {
        let mut random = Counted(5);
        let author = signing(USER_SIGN);
        let mut writer = Writer::authored(&readers(), &author, &mut random).unwrap();
        for &kind in kinds {
            match ChunkType(kind) {
                ChunkType::TREE_SIGNATURE => writer.sign().unwrap(),
                kind if kind.is_signature() => writer.room(kind).unwrap(),
                kind => writer.data(kind, b"x").unwrap(),
            }
        }
        Outline::of(&writer.finish(magic).unwrap()).unwrap().form()
    };
    let message = |kinds: &[u8]| build(kinds, Magic::Message);
    assert_eq!(message(&[2, 3, 32, 67, 131, 224]), Ok(MessageForm::AuthorSigned));
    assert_eq!(message(&[2, 3, 32, 32, 33, 33, 65, 66, 129, 224, 254]), Ok(MessageForm::AuthorSigned));
    assert_eq!(message(&[2, 3, 32, 224, 248, 249, 254, 255]), Ok(MessageForm::AuthorSigned));
    let (missing, unexpected) =
        (|kind| Err(FormError::Missing(ChunkType(kind))), |kind| Err(FormError::Unexpected(ChunkType(kind))));
    assert_eq!(message(&[3, 32, 224]), missing(2));
    assert_eq!(message(&[2, 2, 3, 32, 224]), missing(3));
    assert_eq!(message(&[2, 3, 224]), missing(32));
    assert_eq!(message(&[2, 3, 32, 131, 67, 224]), missing(224));
    assert_eq!(message(&[2, 3, 32, 48, 224]), missing(224));
    assert_eq!(message(&[2, 3, 32, 67]), missing(224));
    assert_eq!(message(&[2, 3, 32, 224, 254, 254]), unexpected(254));
    assert_eq!(message(&[2, 3, 32, 224, 254, 248]), unexpected(248));
    assert_eq!(message(&[2, 3, 32, 224, 224]), unexpected(224));
    assert_eq!(build(&[32, 131, 67, 224], Magic::DraftMessage), Ok(MessageForm::Draft));
    assert_eq!(build(&[2, 3, 32, 224], Magic::DraftMessage), missing(224));
    assert_eq!(build(&[32, 33, 48, 224, 255], Magic::NakedMessage), Err(FormError::Signer));
    assert_eq!(build(&[2, 3, 32, 224], Magic::BounceMessage), Ok(MessageForm::Bounce));
    assert_eq!(build(&[2, 3, 32, 224], Magic::AbuseMessage), Ok(MessageForm::Abuse));
}

#[test]
fn frames_that_are_none() {
    let with = |at: usize, octets: &[u8]| {
        let mut changed = NAKED.to_vec();
        changed.splice(at..at + octets.len(), octets.iter().copied());
        Outline::of(&changed).unwrap_err()
    };
    assert_eq!(with(0, &1776u16.to_be_bytes()), OutlineError::Magic(1776));
    assert_eq!(with(2, &[0, 0, 6, 57]), OutlineError::Length);
    assert_eq!(with(2, &[0, 0, 6, 55]), OutlineError::Length);
    assert_eq!(with(2, &[255; 4]), OutlineError::Length);
    assert_eq!(with(6, &[2]), OutlineError::Ephemeral);
    assert_eq!(with(79, &[1]), OutlineError::Ephemeral);
    assert_eq!(with(79, &[34]), OutlineError::Type(ChunkType(34)));
    assert_eq!(with(79, &[0]), OutlineError::Type(ChunkType::TRACING));
    assert_eq!(with(7, &[1]), OutlineError::Keys, "its length");
    assert_eq!(with(10, &[2]), OutlineError::Keys);
    assert_eq!(with(46, &[4]), OutlineError::Keys, "an uncompressed point");
    assert_eq!(with(80, &[0, 1, 33]), OutlineError::ChunkLength(ChunkType::COMMON_HEADERS));
    assert_eq!(with(80, &[0, 1, 0]), OutlineError::ChunkLength(ChunkType::COMMON_HEADERS));
    assert_eq!(with(80, &[255, 255, 240]), OutlineError::Length);
    assert_eq!(Outline::of(b""), Err(OutlineError::Length));
    let many = [7, 45, 0, 0].repeat(101);
    assert_eq!(Outline::of(&[&many, NAKED].concat()), Err(OutlineError::TooMany));
}

/// A message whose envelope names the right signet, but which somebody else signed.
#[test]
fn another_author_is_found_out() {
    let (origin, destination) = (origin_envelope(), destination_envelope());
    let forged = parts().message(&origin, &destination, &readers(), &signing(ORG_ENC), &mut Counted(6));
    let forged = forged.unwrap();
    let message = Message::parse(&forged).unwrap();
    let submission = Submission::open(&message, &decryption(ORG_ENC)).unwrap();
    assert_eq!(submission.verify(&user_signet()), Err(HandoverError::Open(OpenError::Signature)));
    let by_user = sign_as_origin(&forged, &decryption(ORG_ENC), &signing(USER_SIGN), Bounces::default());
    let by_user = by_user.unwrap();
    let message = Message::parse(&by_user).unwrap();
    let delivery = Delivery::open(&message, &decryption(DESTINATION_ENC)).unwrap();
    assert_eq!(delivery.verify(&org_signet()), Err(HandoverError::Open(OpenError::Signature)));
}

/// What the recipient believes of a message another organisation sent: all of it, or nothing.
fn believed(octets: &[u8]) -> bool {
    let Ok(message) = Message::parse(octets) else { return false };
    if message.outline().form() != Ok(MessageForm::OriginSigned) {
        return false;
    }
    let author = *user_signet().signing();
    let reader = message.reader(Actor::Recipient, &decryption(RECIPIENT_ENC));
    let kinds =
        [ChunkType::COMMON_HEADERS, ChunkType::OTHER_HEADERS, ChunkType::DISPLAY, ChunkType::ATTACHMENT];
    reader.verify(ChunkType::TREE_SIGNATURE, &author).is_ok()
        && reader.verify(ChunkType::AUTHOR_SIGNATURE, &author).is_ok()
        && reader.verify(ChunkType::ORIGIN_SIGNATURE, org_signet().primary()).is_ok()
        && kinds.into_iter().all(|kind| reader.read(kind, &author).is_ok())
}

/// Where the last signature's slots begin: nothing is after them to cover them.
fn slots_of_254(octets: &[u8]) -> usize {
    octets.len() - 4 * 32
}

#[test]
fn a_chunk_is_bound_to_its_type_and_place() {
    let octets = authored();
    let message = Message::parse(&octets).unwrap();
    let recipient = decryption(RECIPIENT_ENC);
    let (one, two) =
        (message.section(ChunkType::DISPLAY, 1).unwrap(), message.section(ChunkType::DISPLAY, 2).unwrap());
    assert_eq!(one.len(), two.len());
    let places: Vec<usize> = message.places(ChunkType::DISPLAY).collect();
    let facts: Vec<ChunkFact> = message.outline().chunks().to_vec();
    let (first, second) = (facts[places[0]].start as usize, facts[places[1]].start as usize);
    let mut swapped = octets.clone();
    swapped[first..first + one.len()].copy_from_slice(two);
    swapped[second..second + two.len()].copy_from_slice(one);
    let mut retyped = octets.clone();
    retyped[second] = ChunkType::ATTACHMENT.0;
    for changed in [swapped, retyped] {
        let message = Message::parse(&changed).unwrap();
        assert!(message.outline().form().is_ok());
        let reader = message.reader(Actor::Recipient, &recipient);
        assert_eq!(reader.open(places[1]).unwrap_err(), OpenError::Forged);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is changed or cut, nobody believes it.
    #[test]
    fn changed_or_cut(at: proptest::sample::Index, bit in 0u32..8) {
        let good = submitted();
        prop_assert!(believed(&good));
        let mut changed = good.clone();
        let at = at.index(good.len());
        changed[at] ^= 1 << bit;
        let is_others_slot = (slots_of_254(&good)..good.len() - 32).contains(&at);
        prop_assert_eq!(believed(&changed), is_others_slot);
        prop_assert!(!believed(&good[..at]));
    }

    #[test]
    fn any_octets(mut octets in proptest::collection::vec(any::<u8>(), 6..600)) {
        octets[..6].copy_from_slice(&[7, 0x37, 0, 0, 0, 0]);
        let length = u32::try_from(octets.len() - 6).unwrap();
        octets[2..6].copy_from_slice(&length.to_be_bytes());
        prop_assert!(!believed(&octets));
    }
}
