//! Koi's command line: one file per subcommand.
fn main() {}
