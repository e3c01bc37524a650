//! Encrypted mail in the mailbox service: modes, keys, content, META, submission (docs/DMAP.md).

mod content;
mod delayed;
mod disk;
mod keys;
mod modes;
mod receiving;
mod repairing;
mod rig;
mod sending;
mod strangers;
mod submitting;
