//! Encrypts a push message for one subscription (RFC 8291 §3, COI-webpush §push-message-encryption).

use std::fmt;

use crate::aes128gcm::{ContentKey, Delimiter, push_header};
use crate::key::Keys;
use crate::payload::PAYLOAD_OCTETS_MAX;
use crate::primitives::{Agreed, Failed, Primitives};

/// What a push service must take (RFC 8030 §7.2), and the size of a record we name (RFC 8291 §4).
pub const RECORD_OCTETS: u32 = 4096;

/// RFC 8291 §7: the length of a message is hidden by padding it, here to a multiple of this many octets with
/// its delimiter. A notice without the text of its message is 200 to 1,000 octets long, so that a push
/// service can tell four lengths of them and not the length of a name or a subject; a phone pays at most one
/// packet for it.
pub const PADDING_STEP_OCTETS: usize = 256;

/// Why a payload could not be encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EncryptError {
    /// Longer than [`PAYLOAD_OCTETS_MAX`].
    TooLarge,
    /// The subscription's key is not a point of the curve, so nobody has a private key for it; or the
    /// library failed.
    Failed,
}

impl fmt::Display for EncryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "a push message holds {PAYLOAD_OCTETS_MAX} octets"),
            Self::Failed => Failed.fmt(f),
        }
    }
}

impl std::error::Error for EncryptError {}

impl From<Failed> for EncryptError {
    fn from(_: Failed) -> Self {
        Self::Failed
    }
}

/// The body of a request with `Content-Encoding: aes128gcm`: at most 4,096 octets, padded.
pub fn encrypt(
    keys: &Keys,
    payload: &[u8],
    primitives: &mut impl Primitives,
) -> Result<Vec<u8>, EncryptError> {
    let with_delimiter = payload.len().saturating_add(1);
    let padded = with_delimiter.next_multiple_of(PADDING_STEP_OCTETS).min(PAYLOAD_OCTETS_MAX + 1);
    encrypt_padded(keys, payload, padded, primitives)
}

/// The same with padding to `padded_octets`, the delimiter included; less than there is means none.
pub fn encrypt_padded(
    keys: &Keys,
    payload: &[u8],
    padded_octets: usize,
    primitives: &mut impl Primitives,
) -> Result<Vec<u8>, EncryptError> {
    if payload.len() > PAYLOAD_OCTETS_MAX || padded_octets > PAYLOAD_OCTETS_MAX + 1 {
        return Err(EncryptError::TooLarge);
    }
    let salt = primitives.salt()?;
    let Agreed { public, secret } = primitives.agree(&keys.p256dh)?;
    let ikm = input_keying_material(keys, &public, &secret, primitives);
    let mut body = Vec::with_capacity(RECORD_OCTETS as usize);
    push_header(&salt, RECORD_OCTETS, public.octets(), &mut body);
    let key = ContentKey::derive(&ikm, &salt, primitives);
    key.push_record(0, payload, Delimiter::LastRecord, padded_octets, primitives, &mut body)?;
    Ok(body)
}

/// RFC 8291 §3.3: what was agreed on, combined with the authentication secret.
fn input_keying_material(
    keys: &Keys,
    ours: &crate::key::PublicKey,
    secret: &[u8; 32],
    primitives: &impl Primitives,
) -> [u8; 32] {
    let prk_key = primitives.hmac_sha256(&keys.auth.0, &[secret]);
    primitives.hmac_sha256(&prk_key, &[b"WebPush: info\0", keys.p256dh.octets(), ours.octets(), &[1]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Auth, PublicKey, base64url};
    use crate::oracle::{Oracle, Receiver, octets};

    const PAYLOAD: &[u8] = b"When I grow up, I want to be a watermelon";

    fn keys() -> Keys {
        let point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        let auth = Auth::parse("BTBZMqHH6r4Tts7J_aSIgg").unwrap();
        Keys { p256dh: PublicKey::parse(point).unwrap(), auth }
    }

    fn example() -> Oracle {
        Oracle::playing(
            octets("DGv6ra1nlYgDCS1FRnbzlw"),
            octets("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
        )
    }

    /// spec: RFC 8291 §5
    #[test]
    fn the_example() {
        let body = encrypt_padded(&keys(), PAYLOAD, 0, &mut example()).unwrap();
        let expected = concat!(
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml",
            "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT",
            "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
        );
        assert_eq!(base64url(&body), expected);
    }

    /// spec: RFC 8291 §3.1; RFC 8291 §3.2; RFC 8291 §3.3; RFC 8291 §3.4; RFC 8291 §A
    /// The intermediate values of its appendix.
    #[test]
    fn the_intermediate_values() {
        let mut oracle = example();
        let agreed = oracle.agree(&keys().p256dh).unwrap();
        assert_eq!(base64url(&agreed.secret), "kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let ikm = input_keying_material(&keys(), &agreed.public, &agreed.secret, &oracle);
        assert_eq!(base64url(&ikm), "S4lYMb_L0FxCeq0WhDx813KgSYqU26kOyzWUdsXYyrg");
    }

    /// spec: RFC 8291 §4; RFC 8291 §7; RFC 8188 §4.8
    #[test]
    fn lengths_are_hidden_and_bounded() {
        let receiver = Receiver::new();
        for (octets, body_octets) in
            [(0, 86 + 256 + 16), (255, 86 + 256 + 16), (256, 86 + 512 + 16), (3993, 4096)]
        {
            let payload = vec![b'x'; octets];
            let body = encrypt(&receiver.keys(), &payload, &mut Oracle::default()).unwrap();
            assert_eq!(body.len(), body_octets, "{octets}");
            assert_eq!(receiver.decrypt(&body), payload);
        }
        let long = vec![0; PAYLOAD_OCTETS_MAX + 1];
        let refused = encrypt(&receiver.keys(), &long, &mut Oracle::default());
        assert_eq!(refused, Err(EncryptError::TooLarge));
    }

    /// spec: RFC 8291 §7
    #[test]
    fn a_point_off_the_curve_is_refused() {
        let mut point = *keys().p256dh.octets();
        point[64] ^= 1;
        let keys = Keys { p256dh: PublicKey::new(point).unwrap(), ..keys() };
        assert_eq!(encrypt(&keys, PAYLOAD, &mut Oracle::default()), Err(EncryptError::Failed));
    }

    /// spec: RFC 8188 §2.1; RFC 8188 §4.3; COI-webpush §push-message-encryption
    #[test]
    fn nothing_is_used_twice() {
        let receiver = Receiver::new();
        let mut oracle = Oracle::default();
        let first = encrypt(&receiver.keys(), PAYLOAD, &mut oracle).unwrap();
        let second = encrypt(&receiver.keys(), PAYLOAD, &mut oracle).unwrap();
        assert_ne!(first[..16], second[..16], "salt");
        assert_ne!(first[21..86], second[21..86], "one-time key");
    }
}
