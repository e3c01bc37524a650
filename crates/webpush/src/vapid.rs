//! The server says who it is: VAPID (RFC 8292), and its key as clients read it (COI-webpush §vapid-key).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use koi_types::Timestamp;

use crate::endpoint::Origin;
use crate::json::Object;
use crate::key::{PublicKey, base64url};
use crate::primitives::{Failed, Signer};

/// RFC 8292 §2: a token ends at most 24 hours after a request that carries it. Whoever keeps tokens makes a
/// new one well before.
pub const TOKEN_VALID_S_MAX: u32 = 24 * 3600;

/// The value of `Authorization` for requests to one push service until `expires_at` (RFC 8292 §3). It costs
/// a signature and is the same for all resources of the origin: callers keep it (RFC 8292 §5).
///
/// `subject` is how to reach whoever runs the server, a `mailto:` or `https:` URI (RFC 8292 §2.1); an empty
/// one is left out.
pub fn vapid(
    audience: &Origin,
    subject: &str,
    expires_at: Timestamp,
    signer: &impl Signer,
) -> Result<String, Failed> {
    let mut token = signing_input(audience, subject, expires_at);
    let signature = signer.es256_sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&base64url(&signature));
    Ok(format!("vapid t={token}, k={}", signer.public_key().base64url()))
}

/// What is signed (RFC 7515 §5.1).
fn signing_input(audience: &Origin, subject: &str, expires_at: Timestamp) -> String {
    let mut claims = Object::new();
    claims.text("aud", audience.as_str());
    claims.number("exp", expires_at.secs().try_into().unwrap_or_default());
    if !subject.is_empty() {
        claims.text("sub", subject);
    }
    let header = base64url(br#"{"typ":"JWT","alg":"ES256"}"#);
    format!("{header}.{}", base64url(claims.finish().as_bytes()))
}

/// SubjectPublicKeyInfo of a P-256 key with the point in compressed form, up to the point itself.
const COMPRESSED_PREFIX: [u8; 26] = [
    0x30, 0x39, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x22, 0x00,
];
/// Characters of a line.
const PEM_LINE_OCTETS: usize = 64;

/// PEM in the form of the example in COI-webpush §vapid-key: compressed point, LF between lines, none behind
/// the last; 133 octets.
#[must_use]
pub fn public_key_pem(key: &PublicKey) -> String {
    let [_, point @ ..] = key.octets();
    let (x, y) = point.split_at(32);
    // The compressed form of SEC 1: the first octet says whether y is odd.
    let sign = 2 + (y.last().copied().unwrap_or_default() & 1);
    let info = [&COMPRESSED_PREFIX, [sign].as_slice(), x].concat();
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
    let mut column = 0;
    for character in STANDARD.encode(info).chars() {
        if column == PEM_LINE_OCTETS {
            pem.push('\n');
            column = 0;
        }
        pem.push(character);
        column += 1;
    }
    pem.push_str("\n-----END PUBLIC KEY-----");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;
    use crate::oracle::{Key, octets};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    fn origin() -> Origin {
        Endpoint::parse("https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV").unwrap().origin()
    }

    fn is_signed(message: &str, signature: &[u8; 64], key: &PublicKey) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.octets());
        key.verify(message.as_bytes(), signature).is_ok()
    }

    /// spec: RFC 8292 §2; RFC 8292 §2.1; RFC 8292 §2.4; COI-webpush §header-signing
    /// Its input is ours, so its signature fits what we would sign.
    #[test]
    fn the_example() {
        let input = signing_input(&origin(), "mailto:push@example.com", Timestamp::from_secs(1_453_523_768));
        let expected = concat!(
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3",
            "B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1ha",
            "Wx0bzpwdXNoQGV4YW1wbGUuY29tIn0",
        );
        assert_eq!(input, expected);
        let signature =
            octets("i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA");
        let key = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
        let key = PublicKey::parse(key).unwrap();
        assert!(is_signed(&input, &signature, &key));
        assert!(!is_signed(&input.replace('9', "8"), &signature, &key));
    }

    /// spec: RFC 8292 §3; RFC 8292 §3.1; RFC 8292 §3.2; RFC 8292 §5
    #[test]
    fn a_token_and_its_key() {
        let key = Key::new();
        let value = vapid(&origin(), "", Timestamp::from_secs(1), &key).unwrap();
        let (token, k) = value.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(PublicKey::parse(k), Some(key.public_key()));
        let (input, signature) = token.rsplit_once('.').unwrap();
        assert!(is_signed(input, &octets(signature), &key.public_key()));
        let claims = base64url(br#"{"aud":"https://push.example.net","exp":1}"#);
        assert_eq!(input.split_once('.').unwrap().1, claims);
    }

    /// spec: COI-webpush §vapid-key
    #[test]
    fn the_pem_of_the_example() {
        let expected = "-----BEGIN PUBLIC KEY-----\n\
                        MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACYHfTQ0biATut1VhK/AW2KmZespz+\n\
                        DEQ1yH3nvbayCuY=\n\
                        -----END PUBLIC KEY-----";
        assert_eq!(expected.len(), 133);
        let mut point = [0; 65];
        let x: [u8; 32] = octets("YHfTQ0biATut1VhK_AW2KmZespz-DEQ1yH3nvbayCuY");
        point[0] = 4;
        point[1..33].copy_from_slice(&x);
        assert_eq!(public_key_pem(&PublicKey::new(point).unwrap()), expected);
        point[64] = 0xff;
        assert_eq!(public_key_pem(&PublicKey::new(point).unwrap()), expected.replace("IgACY", "IgADY"));
    }
}
