//! The header of every file that holds groups or bodies, and the names of these files (docs/STORE.md,
//! "Files").

use std::path::PathBuf;

use super::wire::Fields;

/// The header's room at the front of a journal segment; groups follow it.
pub(crate) const SEGMENT_HEADER_OCTETS: u64 = 4096;
/// The header's room in pack and body files.
pub(crate) const SMALL_HEADER_OCTETS: u64 = 128;
/// Of journal segments and body files, and of the packs made before bodies were made smaller in them.
const VERSION_PLAIN: u16 = 1;
/// Of packs: a body record may hold its body in frames.
const VERSION_FRAMES: u16 = 2;
/// Of packs: or in pieces.
const VERSION_PIECES: u16 = 3;
/// Of journal segments made ahead of need: sequence and chain are those of the first group.
const VERSION_AHEAD: u16 = 2;
const MAGIC: &[u8; 8] = b"koistore";
/// What of its room a header fills.
pub(crate) const FIELDS_OCTETS: usize = 80;

/// Random octets that name a store; all its files carry them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StoreId(pub(crate) [u8; 16]);

/// What a file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileKind {
    Journal = 1,
    Pack = 2,
    Body = 3,
}

/// First octets of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) kind: FileKind,
    /// Journal: made before it was known which group would be the first. In the file `sequence` and `chain`
    /// are 0 then; in memory they are what the first group says.
    pub(crate) ahead: bool,
    pub(crate) store: StoreId,
    pub(crate) segment: u32,
    /// Random, per file; part of every checksum, so that a mail cannot contain a believable group.
    pub(crate) salt: [u8; 8],
    /// Journal: of the first group. Pack: of the last group of the segment it replaces.
    pub(crate) sequence: u64,
    /// Journal: checksum of the header of the group before the first. Pack: of that last group.
    pub(crate) chain: u32,
    /// Pack: the sequence the index had reached when it was made. An older index cannot be used with it.
    pub(crate) applied: u64,
    pub(crate) created_millis: u64,
}

impl Header {
    /// Seeds the checksums of the groups in this file.
    pub(crate) fn seed(&self) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.store.0), &self.salt)
    }
    pub(crate) fn room(&self) -> u64 {
        match self.kind {
            FileKind::Journal => SEGMENT_HEADER_OCTETS,
            FileKind::Pack | FileKind::Body => SMALL_HEADER_OCTETS,
        }
    }
    fn version(&self) -> u16 {
        match self.kind {
            FileKind::Journal if self.ahead => VERSION_AHEAD,
            FileKind::Journal | FileKind::Body => VERSION_PLAIN,
            FileKind::Pack => VERSION_PIECES,
        }
    }
    /// The header with its room.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.room() as usize);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.version().to_le_bytes());
        out.push(self.kind as u8);
        out.push(0);
        out.extend_from_slice(&self.segment.to_le_bytes());
        out.extend_from_slice(&self.store.0);
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.created_millis.to_le_bytes());
        // Which key the file is encrypted with; 0 is none, and the only one there is yet.
        out.extend_from_slice(&0u64.to_le_bytes());
        out.extend_from_slice(&self.applied.to_le_bytes());
        out.extend_from_slice(&self.chain.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.resize(self.room() as usize, 0);
        out
    }
    /// The header with its room as it is in the file, whatever is known by now.
    pub(crate) fn as_written(&self) -> Vec<u8> {
        match self.ahead {
            true => Self { sequence: 0, chain: 0, ..*self }.encode(),
            false => self.encode(),
        }
    }
    /// `None` when this is no header, or a damaged one.
    pub(crate) fn decode(octets: &[u8]) -> Option<Self> {
        let covered = octets.get(..FIELDS_OCTETS - 4)?;
        let mut fields = Fields(octets.get(..FIELDS_OCTETS)?);
        let (magic, version) = (fields.array::<8>()?, fields.u16()?);
        let kind = match fields.u8()? {
            1 => FileKind::Journal,
            2 => FileKind::Pack,
            3 => FileKind::Body,
            _ => return None,
        };
        let _reserved = fields.u8()?;
        let segment = fields.u32()?;
        let (store, salt) = (StoreId(fields.array()?), fields.array()?);
        let (sequence, created_millis) = (fields.u64()?, fields.u64()?);
        let encryption = fields.u64()?;
        let applied = fields.u64()?;
        let (chain, checksum) = (fields.u32()?, fields.u32()?);
        let sound = magic == *MAGIC
            && (version == VERSION_PLAIN
                || matches!(version, VERSION_FRAMES | VERSION_PIECES) && kind == FileKind::Pack
                || version == VERSION_AHEAD && kind == FileKind::Journal)
            && encryption == 0
            && checksum == crc32c::crc32c(covered);
        let ahead = version == VERSION_AHEAD && kind == FileKind::Journal;
        sound.then_some(Self { kind, ahead, store, segment, salt, sequence, chain, applied, created_millis })
    }
    /// Where one octet of a header is damaged, the checksum says which it is: the only other one with which
    /// the header of this file is sound. Puts it right in `octets`.
    pub(crate) fn mend(octets: &mut [u8], kind: FileKind, segment: u32) -> Option<Self> {
        let fields = octets.get_mut(..FIELDS_OCTETS)?;
        let mut sound = Vec::new();
        for at in 0..FIELDS_OCTETS {
            let before = *fields.get(at)?;
            for other in 0..=u8::MAX {
                *fields.get_mut(at)? = other;
                let header = Self::decode(fields).filter(|h| h.kind == kind && h.segment == segment);
                sound.extend(header.map(|header| (at, other, header)));
            }
            *fields.get_mut(at)? = before;
        }
        let [(at, octet, header)] = sound.as_slice() else { return None };
        *fields.get_mut(*at)? = *octet;
        Some(*header)
    }
}

/// The files of one store.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
}

impl Layout {
    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }
    pub(crate) fn bodies(&self) -> PathBuf {
        self.root.join("bodies")
    }
    pub(crate) fn index(&self) -> PathBuf {
        self.root.join("index")
    }
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("koi.lock")
    }
    pub(crate) fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }
    pub(crate) fn segment(&self, number: u32) -> PathBuf {
        self.journal().join(format!("{number:08x}.seg"))
    }
    pub(crate) fn pack(&self, number: u32) -> PathBuf {
        self.journal().join(format!("{number:08x}.pack"))
    }
    pub(crate) fn body(&self, number: u32) -> PathBuf {
        self.bodies().join(format!("{number:08x}.body"))
    }
}

/// Reads the number out of `NNNNNNNN.suffix`.
pub(crate) fn number_of(name: &str, suffix: &str) -> Option<u32> {
    let digits = name.strip_suffix(suffix)?.strip_suffix('.')?;
    (digits.len() == 8).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back_and_a_flipped_octet_is_seen() {
        let header = Header {
            kind: FileKind::Journal,
            ahead: false,
            store: StoreId([3; 16]),
            segment: 7,
            salt: [9; 8],
            sequence: 1 << 40,
            chain: 0xdead_beef,
            applied: 0,
            created_millis: 1_700_000_000_000,
        };
        let octets = header.encode();
        assert_eq!(octets.len() as u64, SEGMENT_HEADER_OCTETS);
        assert_eq!(Header::decode(&octets), Some(header));
        let ahead = Header { ahead: true, sequence: 0, chain: 0, ..header };
        assert_eq!(Header::decode(&ahead.encode()), Some(ahead));
        for at in 0..FIELDS_OCTETS {
            let mut flipped = octets.clone();
            flipped[at] ^= 0x10;
            assert_eq!(Header::decode(&flipped), None, "octet {at}");
            assert_eq!(Header::mend(&mut flipped, FileKind::Journal, 7), Some(header), "octet {at}");
            assert_eq!(flipped, octets);
        }
        let mut flipped = octets.clone();
        flipped[70] ^= 0x40;
        assert_eq!(Header::mend(&mut flipped.clone(), FileKind::Pack, 7), None, "another kind");
        assert_eq!(Header::mend(&mut flipped.clone(), FileKind::Journal, 8), None, "another place");
        flipped[11] ^= 0x01;
        assert_eq!(Header::mend(&mut flipped, FileKind::Journal, 7), None, "two octets");
        assert_eq!(number_of("0000001f.seg", "seg"), Some(31));
        assert_eq!(number_of("1f.seg", "seg"), None);
    }
}
