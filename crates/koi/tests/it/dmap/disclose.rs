//! `koi disclose`: what a stolen folder tells to who has the server's own keys: TRUSTFUL mail, nothing else.

use std::path::Path;

use koi_dmap_client::SendOptions;

use super::client::Client;
use super::{found_in, mode};
use crate::imap::Lmtp;
use crate::rig::{ALICE, BOB, CAROL, PASSWORD, Server, complained, koi, new_folder, said};

const HIDDEN: &str = "Written by alice, and for bob alone.";
const ENTRUSTED: &str = "Written by alice for carol, who trusts her server.";
const CAME: &str = "Came in clear, for whoever gets it.";

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copied(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

// spec: DMAP-00 §7.1.1
#[test]
fn a_stolen_folder_opens_what_is_trustful_and_nothing_else() {
    let (outer, folder) = new_folder();
    let carol = format!("--account={CAROL}:{PASSWORD}");
    let accounts = [ALICE, BOB].map(|address| format!("--account={address}:{PASSWORD}"));
    let server = Server::quickstart(&folder, &[&accounts[0], &accounts[1], &carol]);
    mode(&server, ALICE, "cautious");
    mode(&server, BOB, "paranoid");
    let login = |address| Client::login(&server, address, PASSWORD, koi_dmap_client::Wallet::default());
    let (mut alice, mut bob) = (login(ALICE), login(BOB));
    let keys = [alice.makes_key(), bob.makes_key()];
    // The server makes one for whoever lets it.
    login(CAROL).leaves();
    for (to, text) in [(BOB, HIDDEN), (CAROL, ENTRUSTED)] {
        let placed = alice.places(to, "Hello", text);
        let _ = alice.account.submit(&placed, SendOptions::default()).unwrap();
    }
    let mail = format!("From: somebody@example.net\r\nSubject: x\r\n\r\n{CAME}\r\n");
    let mut lmtp = Lmtp::connect(server.lmtp_port()).unwrap();
    for to in [ALICE, CAROL] {
        assert!(lmtp.deliver(&[to], mail.as_bytes()).unwrap()[0].starts_with("250"));
    }
    let mut secrets = alice.secrets();
    secrets.extend(bob.secrets());
    drop((alice.leaves(), bob.leaves()));
    server.stop();
    let (stolen, out) = (outer.path().join("stolen"), outer.path().join("out"));
    copied(&folder, &stolen);
    // The thief's machine has the file that says where things are.
    let file = stolen.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(folder.to_str().unwrap(), stolen.to_str().unwrap())).unwrap();
    let told = said(&koi(&stolen, &["disclose", out.to_str().unwrap()], ""));
    let of = |address: &str| {
        let part = told.split(&format!("{address}, ")).nth(1).unwrap();
        part.split("example.org, ").next().unwrap().to_owned()
    };
    let (of_alice, of_bob, of_carol) = (of(ALICE), of(BOB), of(CAROL));
    assert!(of_alice.contains(&format!("private key {}: encrypted by its owner, cannot be", keys[0].id)));
    assert!(of_bob.contains(&format!("private key {}: not stored", keys[1].id)), "{told}");
    assert!(of_alice.contains("INBOX 1: encrypted, cannot be opened"), "{told}");
    assert!(of_alice.contains("Sent 2: encrypted, cannot be opened but for its envelope"), "{told}");
    assert!(of_bob.contains("INBOX 1: encrypted, cannot be opened but for its envelope"), "{told}");
    assert!(of_carol.contains(": opened") && of_carol.contains("in clear -> message-"), "{told}");
    assert!(of_carol.contains("encrypted, 2 of 2 parts opened -> message-"), "{told}");
    assert!(told.ends_with("2 of 6 messages opened\n"), "{told}");
    for text in [CAME, ENTRUSTED] {
        assert!(found_in(&out.join(CAROL), text.as_bytes()).is_some(), "{text}");
    }
    assert_eq!((files(&out.join(ALICE)), files(&out.join(BOB)), files(&out.join(CAROL))), (0, 0, 3));
    assert_eq!(found_in(&out, HIDDEN.as_bytes()), None);
    for (what, octets) in &secrets {
        assert_eq!(found_in(&out, octets), None, "{what}");
    }
    // Whatever an account is called, what is opened stays below the new folder.
    let slash = "x/../../y@example.org";
    said(&koi(&stolen, &["account", "add", slash], "a password\n"));
    let (nobody, other) = (outer.path().join("nobody"), outer.path().join("other"));
    let of = |to: &Path, address| koi(&stolen, &["disclose", to.to_str().unwrap(), "--account", address], "");
    complained(&of(&nobody, "nobody@example.org"), 2);
    assert!(!nobody.exists(), "what is refused leaves nothing behind");
    assert!(said(&of(&other, slash)).ends_with("0 of 0 messages opened\n"));
    assert!(other.join("x%2F..%2F..%2Fy@example.org").is_dir());
}
