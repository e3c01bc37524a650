//! Prints what the parser finds in the messages given as file names, one line of JSON each, in the form of
//! the goldens: `cargo run -p koi-message --example show tests/mail/*.eml`.

use std::io::Write;

#[path = "../tests/it/imap.rs"]
mod imap;
#[path = "../tests/it/jmap.rs"]
mod jmap;
#[path = "../tests/it/show.rs"]
mod show;

fn main() -> std::io::Result<()> {
    for name in std::env::args().skip(1) {
        let raw = std::fs::read(&name)?;
        writeln!(std::io::stdout(), "{}", show::message(&raw))?;
    }
    Ok(())
}
