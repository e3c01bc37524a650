//! `kill -9` of the real server under 64 LMTP connections and 8 IMAP writers, again and again.
//!
//! After each restart: everything that was acknowledged is there and nothing twice, no UID was given to two
//! messages, UIDVALIDITY stayed, UIDNEXT and HIGHESTMODSEQ never went back. The moment of the kill is a
//! random number of acknowledgements, not a time.
//!
//! `KOI_SOAK_ROUNDS` sets the rounds, `KOI_QUICK` makes it small, `KOI_SEED` repeats the same choices.

mod ledger;
mod writers;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::rig::{PASSWORD, Server, new_folder, said};
use ledger::Ledger;
use writers::{Run, imap_writer, lmtp_writer};

/// Accounts; each has one IMAP writer and some of the LMTP connections.
pub(crate) const ACCOUNTS: usize = 8;

/// The shortest there are.
const SEGMENT_OCTETS: u32 = 1 << 20;

pub(crate) fn address(account: usize) -> String {
    format!("user{account}@example.org")
}

/// A small generator, so that a seed repeats the choices (xorshift64*).
pub(crate) struct Choices(u64);

impl Choices {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let quick = std::env::var_os("KOI_QUICK").is_some();
    let rounds = number("KOI_SOAK_ROUNDS").unwrap_or(if quick { 2 } else { 12 });
    let connections = if quick { 16 } else { 64 };
    let acknowledgements_max = if quick { 300 } else { 4000 };
    let seed = number("KOI_SEED").unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
    });
    println!("KOI_SEED={seed}: {rounds} rounds, {connections} LMTP connections, {ACCOUNTS} IMAP writers");
    let (_outer, folder) = new_folder();
    make_folder(&folder);
    let mut choices = Choices::new(seed);
    let ledgers: Arc<Vec<Ledger>> = Arc::new((0..ACCOUNTS).map(Ledger::new).collect());
    for round in 0..rounds {
        let server = Server::quickstart(&folder, &[]);
        ledgers.iter().for_each(|ledger| ledger.verify(server.imap_port()));
        let target = 1 + choices.below(acknowledgements_max);
        let run = Arc::new(Run::new(round, target));
        let mut threads = Vec::new();
        for n in 0..connections {
            let (run, ledgers, port) = (Arc::clone(&run), Arc::clone(&ledgers), server.lmtp_port());
            threads.push(std::thread::spawn(move || lmtp_writer(&run, &ledgers, port, n)));
        }
        for n in 0..ACCOUNTS {
            let (run, ledgers, port) = (Arc::clone(&run), Arc::clone(&ledgers), server.imap_port());
            let choices = Choices::new(seed ^ (round << 8) ^ n as u64);
            threads.push(std::thread::spawn(move || imap_writer(&run, &ledgers[n], port, choices)));
        }
        run.wait_for_target();
        run.killed.store(true, Ordering::SeqCst);
        server.kill();
        threads.into_iter().for_each(|t| t.join().unwrap());
        println!("round {round}: killed at {target}, {} acknowledged", run.count());
    }
    let server = Server::quickstart(&folder, &[]);
    ledgers.iter().for_each(|ledger| ledger.verify(server.imap_port()));
    server.stop();
    let names = std::fs::read_dir(folder.join("store/journal")).unwrap();
    let last = names.map(|name| name.unwrap().file_name().into_string().unwrap()).max().unwrap();
    println!("the last file of the journal is {last}");
    assert!(quick || last.as_str() > "00000008", "too few files were sealed: {last}");
    println!("{}", said(&crate::rig::koi(&folder, &["check"], "")));
}

/// Accounts, and passwords in clear text: TLS would only make the rounds slower. Files of the journal are
/// short, so that the kill also comes while one is sealed, begun or packed.
fn make_folder(folder: &std::path::Path) {
    let accounts: Vec<String> =
        (0..ACCOUNTS).map(|n| format!("--account={}:{PASSWORD}", address(n))).collect();
    Server::quickstart(folder, &accounts.iter().map(String::as_str).collect::<Vec<_>>()).stop();
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("[auth]\n", "[auth]\ncleartext_login = true\n");
    let text = text.replace("[server]\n", &format!("[server]\nsegment_octets = {SEGMENT_OCTETS}\n"));
    std::fs::write(&file, format!("{text}[log]\nlevel = \"warn\"\n")).unwrap();
}
