//! The embedded engine: journal in front, LMDB behind, overlay between. Its rules are in docs/STORE.md.

pub(crate) mod body_row;
pub(crate) mod merge;
