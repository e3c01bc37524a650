//! `koi dmap` against the real server: a CAUTIOUS account writes to a PARANOID one, whose client reads; then
//! everything the server has is searched for what it must not have.

mod client;
mod crash;
mod disclose;
mod image;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use koi_dmap_client::{Connection, Credentials, Password, Wallet};
use koi_types::Address;

use crate::rig::{ALICE, BOB, KOI, PASSWORD, Server, complained, new_folder, said};

/// What nobody but the two may read.
const TEXT: &str = "The treasure lies under the third oak, seven paces north.";
const SUBJECT: &str = "Where the treasure lies";
/// The server never sees it.
const NEW_PASSWORD: &str = "nobody but alice knows this one";

/// The port of DMAP beside the port base.
fn port(server: &Server) -> u16 {
    server.base + 9933
}

/// One person with a profile folder and a file with the password.
pub(crate) struct Person {
    address: &'static str,
    folder: PathBuf,
    server: String,
    ca: PathBuf,
}

impl Person {
    fn new(outer: &Path, server: &Server, address: &'static str) -> Self {
        Self::at(outer, &server.folder, port(server), address)
    }
    /// With an account on a server of this folder, which has DMAP at this port.
    pub(crate) fn at(outer: &Path, server: &Path, port: u16, address: &'static str) -> Self {
        let folder = outer.join(address);
        std::fs::create_dir(&folder).unwrap();
        let (server, ca) = (format!("localhost:{port}"), server.join("tls/ca.pem"));
        let person = Self { address, folder, server, ca };
        person.knows(PASSWORD);
        person
    }
    fn knows(&self, password: &str) {
        std::fs::write(self.folder.join("password"), format!("{password}\n")).unwrap();
    }
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(KOI);
        command.arg("dmap").args(arguments).arg("--profile").arg(self.folder.join("profile"));
        command.arg("--password-file").arg(self.folder.join("password"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        said(&self.run(arguments, ""))
    }
    pub(crate) fn logs_in(&self) -> String {
        let ca = self.ca.to_str().unwrap().to_owned();
        self.says(&["login", self.address, "--server", &self.server, "--ca", &ca])
    }
    /// Both private keys, which only this person has.
    fn private_keys(&self, server: &Server, password: &str) -> Vec<Vec<u8>> {
        let dialed = koi_server::dial::dial("localhost", port(server), Some(&self.ca)).unwrap();
        let folder = self.folder.join("profile").join(self.address).join("wallet");
        let wallet = Wallet::parse(&std::fs::read_to_string(folder).unwrap()).unwrap();
        let credentials = Credentials {
            address: &Address::parse(self.address).unwrap(),
            password: &Password::new(password.as_bytes()).unwrap(),
            channel: dialed.exporter,
            accept_new_salt: false,
        };
        let mut account = Connection::open(dialed.stream).unwrap().login(&credentials, wallet).unwrap();
        let own = account.current_key().unwrap();
        let keys = [own.keys.signing.seed(), own.keys.decryption.scalar()];
        account.logout();
        keys.iter().map(|key| key.expose().to_vec()).collect()
    }
}

/// Whether some file below has these octets.
fn found_in(folder: &Path, wanted: &[u8]) -> Option<PathBuf> {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if let Some(found) = found_in(&path, wanted) {
                return Some(found);
            }
        } else if path.is_file() {
            let octets = std::fs::read(&path).unwrap();
            if memchr::memmem::find(&octets, wanted).is_some() {
                return Some(path);
            }
        }
    }
    None
}

fn mode(server: &Server, address: &str, mode: &str) {
    said(&server.koi(&["account", "mode", address, mode]));
}

/// A local part that needs quotes is one like others, with them and without.
// spec: RFC 8265 §3.1; DMAP-00 §7.5
#[test]
fn a_name_with_a_space_logs_in_and_is_written_to() {
    const ODD: &str = "\"odd name\"@example.org";
    let (outer, folder) = new_folder();
    let account = |address| format!("--account={address}:{PASSWORD}");
    let server = Server::quickstart(&folder, &[&account(ODD), &account(BOB)]);
    said(&server.koi(&["account", "mode", ODD, "CAUTIOUS"]));
    mode(&server, BOB, "CAUTIOUS");
    let [odd, bob] = [ODD, BOB].map(|address| Person::new(outer.path(), &server, address));
    for person in [&odd, &bob] {
        person.logs_in();
        person.says(&["keys", "create"]);
    }
    for to in [ODD, "odd name@example.org"] {
        said(&bob.run(&["send", "--to", to, "--subject", SUBJECT], TEXT));
        assert!(bob.says(&["signet", "show", to]).contains("odd name"));
    }
    for number in ["1", "2"] {
        let read = odd.says(&["read", number]);
        assert!(read.contains(TEXT) && read.contains("signed by bob@example.org"), "{read}");
    }
    said(&odd.run(&["send", "--to", BOB, "--subject", SUBJECT], TEXT));
    let read = bob.says(&["read", "1"]);
    assert!(read.contains(TEXT) && read.contains("odd name"), "{read}");
    odd.says(&["signet", "list"]);
    server.stop();
}

// spec: DMAP-00 §7.1.1; DMAP-00 §7.4.2; DMAP-00 §7.5; DMAP-00 §7.6.7
#[test]
fn the_server_never_knows() {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    mode(&server, ALICE, "cautious");
    mode(&server, BOB, "paranoid");
    let (alice, bob) = (Person::new(outer.path(), &server, ALICE), Person::new(outer.path(), &server, BOB));
    assert!(alice.logs_in().contains("mode CAUTIOUS"));
    assert!(bob.logs_in().contains("mode PARANOID"));
    assert!(alice.says(&["keys", "create"]).contains("signed by    example.org"));
    assert!(bob.says(&["keys", "create"]).contains("in the profile folder only"));
    let text = outer.path().join("text");
    std::fs::write(&text, TEXT).unwrap();
    let attached = outer.path().join("map.txt");
    std::fs::write(&attached, "north of the oak").unwrap();
    let sent = alice.says(&[
        "send",
        "--to",
        BOB,
        "--subject",
        SUBJECT,
        "--text",
        text.to_str().unwrap(),
        "--attach",
        attached.to_str().unwrap(),
    ]);
    assert!(sent.contains("sent to bob@example.org; copy in Sent"), "{sent}");
    let listed = bob.says(&["list"]);
    let number = listed.lines().find(|line| line.contains(SUBJECT)).unwrap();
    let number = number.split_whitespace().next().unwrap().to_owned();
    let saved = outer.path().join("saved");
    let read = bob.says(&["read", &number, "--save", saved.to_str().unwrap()]);
    assert!(read.starts_with("signed by alice@example.org; trust: none"), "{read}");
    assert!(read.contains(TEXT) && read.contains("attached: map.txt"), "{read}");
    assert_eq!(std::fs::read_to_string(saved.join("map.txt")).unwrap(), "north of the oak");
    // What was read before is read after a new password, which the server has not seen.
    let file = outer.path().join("new");
    std::fs::write(&file, NEW_PASSWORD).unwrap();
    let changed = alice.says(&["passwd", "--new-password-file", file.to_str().unwrap()]);
    assert!(changed.contains("password changed"), "{changed}");
    let old = complained(&alice.run(&["mode"], ""), 1);
    assert!(old.contains("does not know this address with this password"), "{old}");
    alice.knows(NEW_PASSWORD);
    let own = alice.says(&["list", "Sent"]);
    let copy = own.lines().find(|line| line.contains(SUBJECT)).unwrap();
    let copy = copy.split_whitespace().next().unwrap().to_owned();
    let own = alice.says(&["read", &copy, "--mailbox", "Sent"]);
    assert!(own.starts_with("written by yourself") && own.contains(TEXT), "{own}");
    let mut secrets = alice.private_keys(&server, NEW_PASSWORD);
    secrets.extend(bob.private_keys(&server, PASSWORD));
    for secret in [TEXT, SUBJECT, "north of the oak", PASSWORD, NEW_PASSWORD] {
        secrets.push(secret.as_bytes().to_vec());
    }
    let log = server.log();
    server.stop();
    for secret in secrets {
        let text = String::from_utf8_lossy(&secret).into_owned();
        assert_eq!(found_in(&folder, &secret), None, "{text}");
        assert!(!log.contains(&text), "{text}");
    }
}

#[test]
fn what_goes_wrong_says_what_to_do() {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    let alice = Person::new(outer.path(), &server, ALICE);
    let text = complained(&alice.run(&["list"], ""), 2);
    assert!(text.contains("no account is known yet") && text.contains("koi dmap login"), "{text}");
    let text = complained(&alice.run(&["list", "--account", ALICE], ""), 2);
    assert!(text.contains("no server is known for alice@example.org"), "{text}");
    // The authority of a quickstart is not the system's.
    let text = complained(&alice.run(&["login", ALICE, "--server", &alice.server], ""), 1);
    assert!(text.contains("is not to be trusted") && text.contains("--ca FILE"), "{text}");
    let ca = alice.ca.to_str().unwrap().to_owned();
    let imaps = format!("localhost:{}", server.imaps_port());
    let text = complained(&alice.run(&["login", ALICE, "--server", &imaps, "--ca", &ca], ""), 1);
    assert!(text.contains("does not offer DMAP") && text.contains("9933"), "{text}");
    alice.knows("another password altogether");
    let text = complained(&alice.run(&["login", ALICE, "--server", &alice.server, "--ca", &ca], ""), 1);
    assert!(text.contains("does not know this address with this password"), "{text}");
    alice.knows(PASSWORD);
    alice.logs_in();
    let text = complained(&alice.run(&["read", "77"], ""), 1);
    assert!(text.contains("there is no such message") && text.contains("koi dmap list"), "{text}");
    let text = complained(&alice.run(&["list", "Nowhere"], ""), 1);
    assert!(text.contains("there is no mailbox Nowhere"), "{text}");
    let text = complained(&alice.run(&["send", "--to", "nobody@example.org", "--text", "/dev/null"], ""), 1);
    assert!(text.contains("there is no signet of nobody@example.org"), "{text}");
    let text = complained(&alice.run(&["read", "0"], ""), 2);
    assert!(text.contains("0 is not the number of a message"), "{text}");
}

#[test]
fn a_trustful_account_reads_its_ordinary_mail() {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    let alice = Person::new(outer.path(), &server, ALICE);
    assert!(alice.logs_in().contains("mode TRUSTFUL"));
    let mail = b"From: Somebody <somebody@example.net>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
        Content-Type: text/plain; charset=iso-8859-1\r\n\r\nf\xfcr dich\r\n";
    let mut lmtp = crate::imap::Lmtp::connect(server.lmtp_port()).unwrap();
    assert!(lmtp.deliver(&[ALICE], mail).unwrap()[0].starts_with("250"));
    let listed = alice.says(&["list"]);
    let line = listed.lines().find(|line| line.contains("Grüße")).unwrap_or_else(|| panic!("{listed}"));
    assert!(line.contains("somebody@example.net "), "{line}");
    let number = line.split_whitespace().next().unwrap().to_owned();
    let read = alice.says(&["read", &number]);
    assert!(read.starts_with("ordinary mail, encrypted by example.org"), "{read}");
    assert!(read.contains("Subject: Grüße") && read.contains("für dich"), "{read}");
    assert!(alice.says(&["mailboxes"]).contains("INBOX"));
    // A key of her own takes over from the one the server made.
    assert!(alice.says(&["keys", "create"]).contains("fingerprint"));
    let keys = alice.says(&["keys", "list"]);
    assert!(keys.contains("current") && keys.contains("previous"), "{keys}");
    assert!(alice.says(&["read", &number, "--peek"]).contains("für dich"));
}

#[test]
fn the_management_record_is_printed() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let records = said(&server.koi(&["dns"]));
    let record = records.lines().find(|line| line.starts_with("_dx.example.org.")).unwrap();
    assert!(record.contains("IN  TXT") && record.contains("\"ver=1 pok="), "{record}");
}
