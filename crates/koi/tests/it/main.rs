//! The real binary: started, spoken to, killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod accounts;
mod bad_peers;
mod clients;
mod damage;
mod dmap;
mod dmtp;
mod dns;
mod https;
mod imap;
mod index;
mod kill;
mod openssl;
mod quickstart;
mod rig;
mod signals;
mod transfer;
mod webpush;
