//! Limits of chat: name, unit, reason.

/// The id of a group; a longer one is no id. Push payloads hold no more either.
pub const GROUP_ID_OCTETS_MAX: usize = 100;

/// Octets of a Message-ID that are looked at: `chat$group.`, the longest group id, and the dot behind it.
pub const ID_OCTETS_MAX: usize = 11 + GROUP_ID_OCTETS_MAX + 1;

/// Octets of one header that are examined, as many as of any other fact of a message.
pub const HEADER_OCTETS_MAX: usize = koi_message::limits::HEADER_OCTETS_MAX;
