//! The mailbox service on the memory engine: scenarios, a model, delivery tables. Every test ends with a check.

mod model;
mod names;
mod rig;
mod scenarios;
mod search;
