//! META blocks: what a client keeps with a message, a mailbox or a signet, encrypted under the realm `meta`
//! (docs/DIME.md, META). To the server they are octets.
//!
//! Plaintext: version `01`, then `type(1) || length(2) || value`, ascending.

use crate::octets::Cursor;
use crate::secret::SecretOctets;

/// Octets of one block as the server stores it, with its envelope.
pub const META_OCTETS_MAX: usize = 65_536;
/// Entries of one block: there are no more types.
pub const META_ENTRIES_MAX: usize = 256;
/// The only version there is.
const VERSION: u8 = 1;

/// The type of an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MetaType(pub u8);

impl MetaType {
    /// Flags and keywords, UTF-8, with a space between.
    pub const FLAGS: Self = Self(1);
    /// Eight octets that grow with each change.
    pub const REVISION: Self = Self(2);
    /// Sixteen octets: who wrote last.
    pub const DEVICE: Self = Self(3);
    pub const SNIPPET: Self = Self(4);
    pub const MAILBOX_NAME: Self = Self(5);
    pub const MAILBOX_ROLE: Self = Self(6);
    /// One octet of [`Trust`], eight of time.
    pub const TRUST: Self = Self(7);
    /// 32 octets: what the block belongs to.
    pub const BINDING: Self = Self(16);
    /// Names of flags that were taken off, with revisions.
    pub const DELETED_FLAGS: Self = Self(17);
}

/// What a user thinks of a signet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    None,
    FirstUse,
    Verified,
    Blocked,
}

/// The entries in their order; those of unknown types stay.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Meta {
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    kind: MetaType,
    value: SecretOctets,
}

/// Why octets are no META block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetaError {
    TooLarge,
    Version(u8),
    /// An entry is cut.
    Cut,
    /// Not in ascending order, or twice.
    Order(MetaType),
}

impl std::fmt::Display for MetaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => write!(f, "a META block has at most {META_OCTETS_MAX} octets"),
            Self::Version(version) => write!(f, "META blocks of version {version} are not known"),
            Self::Cut => f.write_str("a META block ends within an entry"),
            Self::Order(kind) => write!(f, "META entry {} is twice or too late", kind.0),
        }
    }
}

impl std::error::Error for MetaError {}

impl std::fmt::Debug for Meta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Meta({} entries)", self.entries.len())
    }
}

impl Meta {
    /// Of the plaintext.
    pub fn parse(plaintext: &[u8]) -> Result<Self, MetaError> {
        if plaintext.len() > META_OCTETS_MAX {
            return Err(MetaError::TooLarge);
        }
        let mut cursor = Cursor::new(plaintext);
        match cursor.u8() {
            Some(VERSION) => {}
            Some(version) => return Err(MetaError::Version(version)),
            None => return Err(MetaError::Cut),
        }
        let mut meta = Self::default();
        while let Some(kind) = cursor.u8().map(MetaType) {
            let length = cursor.be16().ok_or(MetaError::Cut)?;
            let value = cursor.take(usize::from(length)).ok_or(MetaError::Cut)?;
            if meta.entries.last().is_some_and(|last| last.kind >= kind) {
                return Err(MetaError::Order(kind));
            }
            meta.entries.push(Entry { kind, value: value.to_vec().into() });
        }
        Ok(meta)
    }

    /// The plaintext.
    #[must_use]
    pub fn plaintext(&self) -> SecretOctets {
        let whole: usize = self.entries.iter().map(|entry| 3 + entry.value.len()).sum();
        let mut out = SecretOctets::new(Vec::with_capacity(1 + whole));
        out.push(VERSION);
        for entry in &self.entries {
            let length = u16::try_from(entry.value.len()).unwrap_or(u16::MAX);
            out.push(entry.kind.0);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&entry.value);
        }
        out
    }

    #[must_use]
    pub fn value(&self, kind: MetaType) -> Option<&[u8]> {
        self.entries.iter().find(|entry| entry.kind == kind).map(|entry| entry.value.as_slice())
    }
    /// Adds or replaces an entry; an empty value takes it away. Refused when the block would be too large for
    /// a server.
    pub fn set(&mut self, kind: MetaType, value: &[u8]) -> Result<(), MetaError> {
        let others: usize =
            self.entries.iter().filter(|entry| entry.kind != kind).map(|entry| 3 + entry.value.len()).sum();
        // Envelope and padding.
        if others + value.len() + 64 > META_OCTETS_MAX {
            return Err(MetaError::TooLarge);
        }
        self.entries.retain(|entry| entry.kind != kind);
        if !value.is_empty() {
            let at = self.entries.partition_point(|entry| entry.kind < kind);
            self.entries.insert(at, Entry { kind, value: value.to_vec().into() });
        }
        Ok(())
    }

    /// [`MetaType::REVISION`]; `None` when there is none, or not of eight octets.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        self.value(MetaType::REVISION)?.try_into().ok().map(u64::from_be_bytes)
    }
    /// [`MetaType::FLAGS`].
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        let text = self.value(MetaType::FLAGS).and_then(|value| std::str::from_utf8(value).ok());
        text.unwrap_or_default().split(' ').filter(|flag| !flag.is_empty())
    }
    /// [`MetaType::TRUST`] without its time.
    #[must_use]
    pub fn trust(&self) -> Option<Trust> {
        match self.value(MetaType::TRUST)?.first()? {
            0 => Some(Trust::None),
            1 => Some(Trust::FirstUse),
            2 => Some(Trust::Verified),
            3 => Some(Trust::Blocked),
            _ => None,
        }
    }
    /// Whether [`MetaType::BINDING`] is that of this: all octets of a message, the opaque name of a mailbox,
    /// or the address of a signet.
    #[must_use]
    pub fn is_bound_to(&self, object: &[u8]) -> bool {
        self.value(MetaType::BINDING) == Some(binding(object).as_slice())
    }
}

/// The value of [`MetaType::BINDING`]: the first half of SHA-512.
#[must_use]
pub fn binding(object: &[u8]) -> [u8; 32] {
    let hash = crate::hash::sha512(&[object]);
    let mut half = [0; 32];
    half.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    half
}
