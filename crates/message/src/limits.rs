//! Limits of the message parser: name, unit, reason. Beyond a limit parsing goes on with less detail; it
//! never fails.

/// Octets of a message that are looked at; ranges are 32 bits wide.
pub const MESSAGE_OCTETS_MAX: usize = u32::MAX as usize;

/// Levels of nested parts. A part at this depth is a leaf whatever its type says.
pub const PART_DEPTH_MAX: usize = 64;

/// Parts of one message. Once there are so many, delimiters open no more parts.
pub const PARTS_MAX: usize = 10_000;

/// Octets of one header that are examined for facts; the range of the header still covers all of it.
pub const HEADER_OCTETS_MAX: usize = 256 * 1024;

/// Octets of field values copied into the facts of one message, embedded messages included.
pub const FACTS_OCTETS_MAX: usize = 2 * 1024 * 1024;

/// Addresses kept of one address field.
pub const ADDRESSES_MAX: usize = 10_000;

/// Parameters kept of one Content-Type or Content-Disposition field.
pub const PARAMS_MAX: usize = 200;

/// Language tags kept of one Content-Language field.
pub const LANGUAGES_MAX: usize = 50;

/// Message-IDs kept of a References or In-Reply-To field: the first one and the last ones.
pub const REFERENCES_MAX: usize = 100;

/// Octets of one Message-ID kept for threading; a longer one is dropped.
pub const MESSAGE_ID_OCTETS_MAX: usize = 998;
