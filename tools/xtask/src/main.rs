//! The project's own tools: test, quick, tidy, spec, fuzz smoke, fresh.
fn main() {}
