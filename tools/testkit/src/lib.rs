//! Script runner, in-memory peers, fake clock, fixtures. Only a dev-dependency.
//!
//! [`script`] reads `tests/scripts/**.script` (the format is in the README there), [`world`] is a whole server
//! without sockets and without a clock of its own, [`runner`] plays a script in a world.

pub mod fuzz;
pub mod script;
