//! `koi import` of an mbox with 50,000 messages.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::{Bench, Group};
use crate::corpus::{self, Kind};
use crate::failure::Outcome;
use crate::net::imap::Imap;
use crate::server::{PASSWORD, dovecot, user};
use crate::sheet::{Mark, Row, Unit};

pub(super) const GROUP: Group = Group {
    name: "import",
    peer: "dovecot",
    rows: &[Row {
        name: "import",
        what: "`koi import` of an mbox of 50,000 messages of 4 KB into a running server",
        unit: Unit::PerSecond,
        mark: Mark::AtLeast(5_000.0),
    }],
    run,
};

const SEED: u64 = 0x5eed_0006;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let count = bench.plan.size(50_000, 2_000);
    let path = bench.folder.join("import.mbox");
    write_mbox(&path, count, 4_096, SEED)?;
    let runs = bench.plan.runs;
    for server in bench.servers.iter_mut().filter(|server| server.name() == "koi") {
        for _ in 0..runs {
            server.start_empty(1)?;
            let Some(program) = server.program() else { continue };
            let start = Instant::now();
            import(program, server.data(), &path)?;
            let time = start.elapsed().as_secs_f64();
            let exists = Imap::login(server.ports().imap, &user(0), PASSWORD)?.select()?;
            bench.sheet.record("import", "koi", exists as f64 / time);
            server.stop()?;
        }
    }
    std::fs::remove_file(path)?;
    Ok(())
}

/// Runs `koi import mbox` into account 0.
pub(super) fn import(program: &Path, data: &Path, mbox: &Path) -> Outcome<()> {
    let mut command = Command::new(program);
    command.arg("import").arg("mbox").arg(mbox).args(["--account", &user(0), "--mailbox", "INBOX"]);
    command.arg("--config").arg(data.join("koi.toml"));
    dovecot::run(&mut command)
}

/// Writes an mbox of `count` messages, none with a line that begins with "From ".
pub(super) fn write_mbox(path: &Path, count: u64, octets: usize, seed: u64) -> Outcome<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for number in 0..count {
        let message = corpus::message(seed, number, octets, Kind::Prose);
        file.write_all(b"From sender@example.com Thu Jan  1 00:00:00 2026\n")?;
        for line in message.split(|octet| *octet == b'\n') {
            file.write_all(line.strip_suffix(b"\r").unwrap_or(line))?;
            file.write_all(b"\n")?;
        }
    }
    Ok(file.flush()?)
}
