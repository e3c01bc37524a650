//! How many octets parts have without their transfer encodings (RFC 8621 §4.1.4, size): found out by decoding
//! them, in pieces, so that neither memory nor a step grows with them.

use koi_message::transfer::{self, Decoder};
use koi_message::{BodyPart, Part, PartKind, Range32, TransferEncoding};
use koi_types::Result;

use super::Octets;

/// Octets of a part decoded at a time.
const PIECE_OCTETS: u32 = 256 * 1024;

/// What one step may still do, in octets of messages.
pub(in crate::jmap) struct Effort(u64);

/// About 5 ms.
const STEP_OCTETS: u64 = 4 << 20;
/// What any object costs beside the octets it reads.
const OBJECT_COST: u64 = STEP_OCTETS / 100;

impl Effort {
    /// Of a step that begins.
    pub(in crate::jmap) const fn of_step() -> Self {
        Self(STEP_OCTETS)
    }
    pub(in crate::jmap) const fn spend(&mut self, octets: u64) {
        self.0 = self.0.saturating_sub(octets);
    }
    /// One more object was looked at.
    pub(in crate::jmap) const fn object(&mut self) {
        self.spend(OBJECT_COST);
    }
    pub(in crate::jmap) const fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// The sizes of the encoded parts of one message.
#[derive(Default)]
pub(in crate::jmap) struct Sizes {
    known: Vec<Sized>,
    under_way: Option<Decoding>,
}

/// A part by where its body is.
struct Sized {
    body: Range32,
    octets: u64,
}

struct Decoding {
    decoder: Decoder,
    body: Range32,
    /// How far it was read.
    at: u32,
    octets: u64,
}

impl Sizes {
    /// Goes on finding out the sizes of all parts; answers whether all are known.
    pub(super) fn measure(
        &mut self,
        tree: &BodyPart<'_>,
        octets: &Octets<'_>,
        effort: &mut Effort,
    ) -> Result<bool> {
        let mut unknown = Vec::new();
        tree.visit(&mut |shown| {
            if encoding(shown.part).is_some() && self.of(shown.part).is_none() {
                unknown.push(shown.part);
            }
        });
        for part in unknown {
            if !self.measure_part(part, octets, effort)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
    /// The size of a part, if it needs not be measured or was.
    pub(super) fn of(&self, part: &Part) -> Option<u64> {
        // RFC 8621 §4.1.4: what would be downloaded, and of a multipart nothing can be.
        if matches!(part.kind, PartKind::Multipart(_)) {
            return Some(0);
        }
        if encoding(part).is_none() {
            return Some(u64::from(part.body.len()));
        }
        self.known.iter().find(|known| known.body == part.body).map(|known| known.octets)
    }
    fn measure_part(&mut self, part: &Part, octets: &Octets<'_>, effort: &mut Effort) -> Result<bool> {
        let (body, Some(encoding)) = (part.body, encoding(part)) else { return Ok(true) };
        let going_on = self.under_way.take().filter(|decoding| decoding.body == body);
        let begun = || {
            let decoder = Decoder::new(encoding)?;
            Some(Decoding { decoder, body, at: body.start, octets: 0 })
        };
        let Some(mut decoding) = going_on.or_else(begun) else {
            // An encoding that is only decoded as a whole.
            let mut decoded = Vec::new();
            transfer::decode(encoding, &octets.of(body)?, &mut decoded);
            effort.spend(u64::from(body.len()));
            self.known.push(Sized { body, octets: decoded.len() as u64 });
            return Ok(true);
        };
        let mut decoded = Vec::new();
        while decoding.at < body.end {
            if effort.is_spent() {
                self.under_way = Some(decoding);
                return Ok(false);
            }
            let end = body.end.min(decoding.at.saturating_add(PIECE_OCTETS));
            decoding.decoder.push(&octets.of(Range32::new(decoding.at, end))?, &mut decoded);
            effort.spend(u64::from(end - decoding.at));
            decoding.at = end;
            decoding.octets += decoded.len() as u64;
            decoded.clear();
        }
        decoding.decoder.finish(&mut decoded);
        self.known.push(Sized { body, octets: decoding.octets + decoded.len() as u64 });
        Ok(true)
    }
}

/// The transfer encoding of a part that must be taken off to know its size. RFC 8621 §4.1.4: one that is not
/// known is none; multiparts have none (RFC 2045 §6.4).
fn encoding(part: &Part) -> Option<TransferEncoding> {
    let encoding = part.content.transfer_encoding();
    let opaque = encoding == TransferEncoding::Unknown || part.content.is_type(b"multipart");
    (!opaque && !encoding.is_identity()).then_some(encoding)
}
