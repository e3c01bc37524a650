//! Naked messages: ordinary mail that the recipient's server encrypts to the recipient when it comes, so that
//! it can no longer read it (docs/DIME.md, naked messages).

use zeroize::Zeroizing;

use super::MESSAGE_HEADER_OCTETS;
use super::form::FormError;
use super::payload::{self, CHUNK_DATA_OCTETS_MAX};
use super::read::{OpenError, Reader};
use super::write::{Readers, WriteError, Writer};
use crate::agree::EncryptionKey;
use crate::chunk::ChunkType;
use crate::object::Magic;
use crate::random::Random;
use crate::secret::SecretOctets;
use crate::sign::{SigningKey, VerifyingKey};

/// The fields of the chunk "common headers", in their order.
const COMMON: &[&str] =
    &["Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-Id"];
/// Octets of the chunk "common headers": what is longer is in the other headers, as all are.
const COMMON_OCTETS_MAX: usize = 64 * 1024;

/// For whom, and who says that it came so.
#[derive(Clone, Copy, Debug)]
pub struct NakedParts<'a> {
    pub recipient: EncryptionKey,
    /// The encryption key of the recipient's organisation, which is this one, and its signing key.
    pub destination: EncryptionKey,
    pub signing: &'a SigningKey,
    /// [`Magic::NakedMessage`], or [`Magic::BounceMessage`] for what the server itself writes.
    pub magic: Magic,
}

/// Encrypts RFC 5322 mail.
pub fn wrap(mail: &[u8], parts: &NakedParts<'_>, random: &mut dyn Random) -> Result<Vec<u8>, WriteError> {
    let readers = Readers {
        recipient: Some(parts.recipient),
        destination: Some(parts.destination),
        ..Readers::default()
    };
    let mut writer = Writer::naked(&readers, random)?;
    let (headers, body) = split(mail);
    let common = common(headers);
    let chunks = [
        (ChunkType::COMMON_HEADERS, common.as_slice()),
        (ChunkType::OTHER_HEADERS, headers),
        (ChunkType::BODY, body),
    ];
    for (kind, data) in chunks.into_iter().filter(|(_, data)| !data.is_empty()) {
        writer.data(kind, data)?;
    }
    writer.sign()?;
    writer.sign_as(ChunkType::DESTINATION_SIGNATURE, parts.signing)?;
    writer.finish(parts.magic)
}

/// How many octets [`wrap`] makes of mail of so many octets that begins with `start`, without encrypting
/// anything; `None` when the header does not end in there.
#[must_use]
pub fn naked_octets(start: &[u8], octets: u64) -> Option<u64> {
    let (headers, rest) = split(start);
    let ends = start.len() as u64 == octets || !rest.is_empty() || is_empty_line(headers);
    let body = octets.checked_sub(headers.len() as u64).filter(|_| ends)?;
    let data = [common(headers).len() as u64, headers.len() as u64, body];
    let chunks = data.into_iter().fold(0, |sum, octets| sum + data_octets(octets));
    Some(MESSAGE_HEADER_OCTETS as u64 + EPHEMERAL_OCTETS + chunks + SIGNATURES_OCTETS)
}

/// Whether the last line is the one between header and body.
fn is_empty_line(headers: &[u8]) -> bool {
    headers.ends_with(b"\n\r\n") || headers.ends_with(b"\n\n") || matches!(headers, b"\r\n" | b"\n")
}

/// The ephemeral chunk with both keys and the suite.
const EPHEMERAL_OCTETS: u64 = 4 + 34 + 35 + 3;
/// Chunks 224 and 225 with three slots each, and 255 with two.
const SIGNATURES_OCTETS: u64 = 3 * 65 + 8 * 32;

/// What data become: chunks of two slots each.
fn data_octets(octets: u64) -> u64 {
    let whole = payload::chunk_octets(CHUNK_DATA_OCTETS_MAX as u64, 2);
    let rest = octets % CHUNK_DATA_OCTETS_MAX as u64;
    let last = if rest == 0 { 0 } else { payload::chunk_octets(rest, 2) };
    octets / CHUNK_DATA_OCTETS_MAX as u64 * whole + last
}

/// The mail again, once the message has the form of such mail and its signatures are verified: the ephemeral
/// key's over every chunk read, over the tree and over all, and the organisation's.
pub fn plain(reader: &Reader<'_, '_>, organisation: &VerifyingKey) -> Result<SecretOctets, OpenError> {
    let outline = reader.outline();
    outline.form().map_err(OpenError::Form)?;
    // Bounces and forwards have either form.
    let ephemeral = outline.ephemeral().signing.as_ref().ok_or(OpenError::Form(FormError::Signer))?;
    reader.verify(ChunkType::DESTINATION_SIGNATURE, organisation)?;
    for kind in [ChunkType::TREE_SIGNATURE, ChunkType::AUTHOR_SIGNATURE] {
        reader.verify(kind, ephemeral)?;
    }
    // As much as there can be: growing would leave copies behind.
    let mut mail = Zeroizing::new(Vec::with_capacity(reader.octets()));
    for kind in [ChunkType::OTHER_HEADERS, ChunkType::BODY] {
        for data in reader.read(kind, ephemeral)? {
            mail.extend_from_slice(&data);
        }
    }
    Ok(mail)
}

/// The header with its empty line, and the rest.
fn split(mail: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in mail.split_inclusive(|&octet| octet == b'\n') {
        at += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
    }
    mail.split_at_checked(at).unwrap_or((mail, b""))
}

/// The first field of each common name, on one line each, LF behind it.
fn common(headers: &[u8]) -> SecretOctets {
    // As much as there can be: growing would leave copies behind.
    let mut out = Zeroizing::new(Vec::with_capacity(headers.len() + 2 * COMMON.len()));
    for name in COMMON {
        let Some(value) = value(headers, name) else { continue };
        if out.len() + name.len() + value.len() + 3 <= COMMON_OCTETS_MAX {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(&value);
            out.push(b'\n');
        }
    }
    out
}

/// Unfolded (RFC 5322 §2.2.3), without white space around.
fn value(headers: &[u8], name: &str) -> Option<SecretOctets> {
    let mut lines = headers.split_inclusive(|&octet| octet == b'\n').peekable();
    while let Some(line) = lines.next() {
        let Some(colon) = line.iter().position(|&octet| octet == b':') else { continue };
        let (found, value) = line.split_at_checked(colon)?;
        if !found.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes()) {
            continue;
        }
        let mut whole = Zeroizing::new(Vec::with_capacity(headers.len()));
        whole.extend_from_slice(without_end(value.get(1..)?));
        while let Some(more) = lines.next_if(|line| matches!(line.first(), Some(b' ' | b'\t'))) {
            whole.extend_from_slice(without_end(more));
        }
        return Some(whole.trim_ascii().to_vec().into());
    }
    None
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
