//! The content coding `aes128gcm` (RFC 8188 §2): its header, its keys, its records.
//!
//! A push message is one record (RFC 8291 §4); the number of a record is here because it is part of the
//! coding, and of its known answers.

use crate::primitives::{Failed, Primitives};

/// Octets of the tag that each record ends with.
pub(crate) const TAG_OCTETS: usize = 16;

/// What stands behind the text of a record (RFC 8188 §2).
#[derive(Clone, Copy)]
pub(crate) enum Delimiter {
    #[cfg(test)]
    MoreRecords = 1,
    LastRecord = 2,
}

/// RFC 8188 §2.1. `keyid` is never longer than 255 octets here: it is a point of P-256, or empty.
pub(crate) fn push_header(salt: &[u8; 16], record_octets: u32, keyid: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(salt);
    out.extend_from_slice(&record_octets.to_be_bytes());
    out.push(u8::try_from(keyid.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(keyid);
}

/// The key and the nonce of one message.
pub(crate) struct ContentKey {
    key: [u8; 16],
    nonce: [u8; 12],
}

impl ContentKey {
    /// RFC 8188 §2.2 and RFC 8188 §2.3.
    pub(crate) fn derive(ikm: &[u8], salt: &[u8; 16], primitives: &impl Primitives) -> Self {
        let prk = primitives.hmac_sha256(salt, &[ikm]);
        let key = primitives.hmac_sha256(&prk, &[b"Content-Encoding: aes128gcm\0", &[1]]);
        let nonce = primitives.hmac_sha256(&prk, &[b"Content-Encoding: nonce\0", &[1]]);
        Self { key: beginning(&key), nonce: beginning(&nonce) }
    }

    /// Appends one record: text, delimiter, zeros up to `padded_octets` with the delimiter, encrypted.
    pub(crate) fn push_record(
        &self,
        number: u64,
        text: &[u8],
        delimiter: Delimiter,
        padded_octets: usize,
        primitives: &impl Primitives,
        out: &mut Vec<u8>,
    ) -> Result<(), Failed> {
        let mut record = Vec::with_capacity(padded_octets.max(text.len() + 1) + TAG_OCTETS);
        record.extend_from_slice(text);
        record.push(delimiter as u8);
        if record.len() < padded_octets {
            record.resize(padded_octets, 0);
        }
        let mut nonce = self.nonce;
        nonce.iter_mut().rev().zip(number.to_be_bytes().iter().rev()).for_each(|(to, from)| *to ^= from);
        primitives.aes128gcm_seal(&self.key, &nonce, &mut record)?;
        out.extend_from_slice(&record);
        Ok(())
    }
}

fn beginning<const N: usize>(of: &[u8; 32]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(of).for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::base64url;
    use crate::oracle::{Oracle, octets};

    /// spec: RFC 8188 §2; RFC 8188 §2.2; RFC 8188 §2.3; RFC 8188 §3.1
    #[test]
    fn one_record() {
        let oracle = Oracle::default();
        let salt = octets("I1BsxtFttlv3u_Oo94xnmw");
        let key = ContentKey::derive(&octets::<16>("yqdlZ-tYemfogSmv7Ws5PQ"), &salt, &oracle);
        assert_eq!(base64url(&key.key), "_wniytB-ofscZDh4tbSjHw");
        assert_eq!(base64url(&key.nonce), "Bcs8gkIRKLI8GeI8");
        let mut body = Vec::new();
        push_header(&salt, 4096, b"", &mut body);
        key.push_record(0, b"I am the walrus", Delimiter::LastRecord, 0, &oracle, &mut body).unwrap();
        let expected = "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg";
        assert_eq!(base64url(&body), expected);
    }

    /// spec: RFC 8188 §3.2
    #[test]
    fn two_records_the_first_padded() {
        let oracle = Oracle::default();
        let salt = octets("uNCkWiNYzKTnBN9ji3-qWA");
        let key = ContentKey::derive(&octets::<16>("BO3ZVPxUlnLORbVGMpbT1Q"), &salt, &oracle);
        let mut body = Vec::new();
        push_header(&salt, 25, b"a1", &mut body);
        key.push_record(0, b"I am th", Delimiter::MoreRecords, 9, &oracle, &mut body).unwrap();
        key.push_record(1, b"e walrus", Delimiter::LastRecord, 0, &oracle, &mut body).unwrap();
        let expected = "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA";
        assert_eq!(base64url(&body), expected);
    }
}
