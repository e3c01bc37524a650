//! Script runner, in-memory peers, fake clock, fixtures. Only a dev-dependency.
