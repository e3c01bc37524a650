//! The storage engine: journal in front, index behind, overlay between; transactions, snapshots, bodies,
//! recovery.
//!
//! Two levels: [`kv`] (ordered keys and bodies; the embedded engine and the memory oracle), and above it the
//! mail store: [`key`] (layout), [`record`] (values) and [`mail`] (UIDs, MODSEQ, change log: mutations and
//! checks). Knows no protocol. The journal's specification is in docs/STORE.md.

pub mod body;
pub mod engine;
pub mod key;
pub mod kv;
pub mod mail;
pub mod memory;
pub mod record;
pub mod vfs;
