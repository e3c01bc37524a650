//! The mailbox service on the memory engine: scenarios, a model, delivery tables. Every test ends with a
//! check.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod annotations;
mod answers;
mod coi;
mod contacts;
mod copies;
mod delivery;
mod dmap;
mod email_change_pieces;
mod email_changes;
mod email_query;
mod email_sending;
mod email_sharing;
mod email_texts;
mod email_writes;
mod emails;
mod fuzzy;
mod index;
mod logins;
mod meddling;
mod model;
mod names;
mod names_table;
mod push;
mod push_subscription;
mod recent;
mod rig;
mod scenarios;
mod search;
mod sharing;
mod sort;
mod submission;
mod threads;
mod uids;
mod upkeep;
