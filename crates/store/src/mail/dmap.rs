//! What an account has for DMAP: encrypted messages, META, keys, shards, signets of others, submissions, and
//! the mode that says what of its mail may lie here (DMAP-00 §7.4 to §7.6, docs/DMAP.md).
//!
//! Objects of D/MIME are opaque: who calls has parsed and verified them. Must not: let anything in clear into
//! an account whose mode forbids it.

pub mod keys;
pub mod meta;
pub mod mode;
pub mod organisation;
pub mod outbox;
pub mod prime;
pub mod queue;
pub mod ring;
pub mod taken;
