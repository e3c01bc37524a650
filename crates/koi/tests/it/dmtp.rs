//! Servers of organisations that know each other only by the DNS: keys are verified, and nothing that was
//! submitted is lost.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use koi_server::ca::LocalCa;

use crate::dmap::Person;
use crate::dns::Dns;
use crate::rig::{KOI, PASSWORD, Server, complained, free_base, koi, said};

mod both;
mod dnssec;
mod peer;
mod queue;
mod sending;

const ONE: &str = "one.test";
const TWO: &str = "two.test";
const ALICE: &str = "alice@one.test";
const BOB: &str = "bob@two.test";

/// Where what must happen must have happened.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with a domain, at an address of its own.
struct Site {
    domain: &'static str,
    folder: PathBuf,
    address: Ipv4Addr,
    dmap: u16,
    server: Option<Server>,
}

impl Site {
    fn new(outer: &Path, name: &str, domain: &'static str, last: u8) -> Self {
        let folder = outer.join(name);
        std::fs::create_dir(&folder).unwrap();
        LocalCa::make(&folder, domain).unwrap();
        let address = Ipv4Addr::new(127, 0, 0, last);
        Self { domain, folder, address, dmap: free_base() + 9933, server: None }
    }
    /// Configuration, keys and an account.
    fn found(&mut self, dns: &Dns, port: u16, account: &str) {
        let Self { domain, folder, address, dmap, .. } = self;
        let dns = dns.settings(folder);
        let text = format!(
            "[server]\nhostname = \"{domain}\"\ndomains = [\"{domain}\"]\n\
             [listen]\ndmap = [\"127.0.0.1:{dmap}\"]\ndmtp = [\"{address}:{port}\"]\n\
             [tls]\ncertificate = \"tls/cert.pem\"\nkey = \"tls/key.pem\"\n\
             {dns}\
             [dmtp]\nport = {port}\nprivate = true\nca_file = \"partners.pem\"\nretry_secs = 1\n"
        );
        std::fs::write(folder.join("koi.toml"), text).unwrap();
        said(&koi(folder, &["account", "add", account], &format!("{PASSWORD}\n")));
    }
    /// What `koi dns` says is put into the zone.
    fn publish(&self, dns: &Dns) {
        let text = said(&koi(&self.folder, &["dns"], ""));
        let record = text.lines().find(|line| line.starts_with("_dx.")).unwrap();
        let (_, strings) = record.split_once('"').unwrap();
        let strings: String = strings.trim_end_matches('"').split("\" \"").collect();
        assert!(strings.contains(" tls=") && strings.contains(&format!(" dx={}", self.domain)), "{record}");
        dns.txt(&format!("_dx.{}", self.domain), &strings);
        dns.a(self.domain, self.address);
    }
    fn person(&self, outer: &Path, address: &'static str) -> Person {
        let person = Person::at(outer, &self.folder, self.dmap, address);
        person.logs_in();
        person.says(&["keys", "create"]);
        person
    }
    fn start(&mut self) {
        let mut command = Command::new(KOI);
        command.arg("serve").arg("--config").arg(self.folder.join("koi.toml"));
        self.server = Some(Server::spawn(command, &self.folder, self.dmap - 9933).unwrap());
    }
    fn kill(&mut self) {
        self.server.take().unwrap().kill();
    }
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.with_extension("log")).unwrap()
    }
}

fn send(from: &Person, outer: &Path, to: &str, subject: &str) -> String {
    let text = outer.join("text");
    std::fs::write(&text, format!("This is {subject}.")).unwrap();
    from.says(&["send", "--to", to, "--subject", subject, "--text", text.to_str().unwrap()])
}

/// Until the mailbox has it; its number.
fn arrives(person: &Person, wanted: &str) -> String {
    let began = Instant::now();
    loop {
        let listed = person.says(&["list"]);
        if let Some(line) = listed.lines().find(|line| line.contains(wanted)) {
            return line.split_whitespace().next().unwrap().to_owned();
        }
        assert!(began.elapsed() < PATIENCE, "{wanted} does not arrive:\n{listed}");
    }
}

/// What was looked up is used for a second.
fn refuses(alice: &Person, wanted: &str) {
    let began = Instant::now();
    loop {
        let text = complained(&alice.run(&["send", "--to", BOB, "--text", "/dev/null"], ""), 1);
        if text.contains(wanted) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "not said: {wanted}\n{text}");
    }
}
