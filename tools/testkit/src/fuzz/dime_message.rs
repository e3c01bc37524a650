//! Messages of D/MIME: the outline is the same however the octets come, its chunks lie one after the other,
//! and nobody signs what the mutator made (docs/DIME.md, chunks).

use koi_dime::message::{NakedParts, Scanner, plain, wrap};
use koi_dime::{
    Actor, ChunkType, DecryptionKey, Magic, Message, NoRandomness, Outline, Random, Secret, SigningKey,
};

use super::Target;

const NAKED: &[u8] = include_bytes!("../../../../crates/dime/tests/vectors/naked.bin");
const MAIL: &[u8] = b"Subject: Test\r\n\r\nAttack at dawn!\r\n";
/// Where a message made here has chunk types.
const PIECE_OCTETS: usize = 37;

/// A naked message of each suite, one with tracing.
#[must_use]
pub fn target() -> Target {
    let traced = [b"\x07\x2d\0\x03abc".as_slice(), NAKED].concat();
    let mut seeds = vec![NAKED.to_vec(), traced];
    seeds.extend(sealed());
    Target { name: "dime_message", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\x07\x74\0\0",
    b"\x07\x37\0\0",
    b"\x07\x2d\0\0",
    b"\x01\0\0\x23\x02\x21\x02",
    b"\x20\0\x01\x20",
    b"\x30\0\x01\x20",
    b"\x43\xff\xff\xff",
    b"\xe0",
    b"\xe1",
    b"\xfe",
    b"\xff",
    b"\x80\x01\x02",
];

struct Same(u8);

impl Random for Same {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        self.0 = self.0.wrapping_add(1);
        octets.fill(self.0);
        Ok(())
    }
}

fn signing() -> SigningKey {
    SigningKey::new(&Secret::new(&[1; 32]))
}

fn sealed() -> Option<Vec<u8>> {
    let key = DecryptionKey::new(&Secret::new(&[2; 32]))?;
    let signing = signing();
    let (recipient, destination) = (key.public(), key.public());
    let parts = NakedParts { recipient, destination, signing: &signing, magic: Magic::NakedMessage };
    wrap(MAIL, &parts, &mut Same(2)).ok()
}

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let outline = Outline::of(input);
    assert_eq!(in_pieces(input), outline, "however it comes");
    let Ok(message) = Message::parse(input) else { return };
    let outline = message.outline();
    assert_eq!(outline.octets(), input.len() as u64);
    let mut end = 0;
    for fact in outline.facts() {
        let gap = fact.start - end;
        assert!(gap == 0 || gap == 6, "only the header is no chunk");
        end = fact.start + fact.octets;
    }
    assert!(end == outline.octets());
    let _ = outline.form();
    assert!(outline.section(ChunkType::EPHEMERAL, 1).is_some());
    nobody_signs(&message);
}

/// All but octets that no signature covers: header, tracing, and slots of the last chunk.
fn nobody_signs(message: &Message<'_>) {
    let Some(key) = DecryptionKey::new(&Secret::new(&[2; 32])) else { return };
    let reader = message.reader(Actor::Recipient, &key);
    if let Ok(mail) = plain(&reader, &signing().public()) {
        assert_eq!(mail.as_slice(), MAIL);
    }
}

fn in_pieces(input: &[u8]) -> Result<Outline, koi_dime::message::OutlineError> {
    let mut scanner = Scanner::new();
    for piece in input.chunks(PIECE_OCTETS) {
        scanner.feed(piece)?;
    }
    scanner.finish()
}
