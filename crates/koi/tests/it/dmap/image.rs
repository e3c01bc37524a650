//! The whole sample session of a CAUTIOUS and of a PARANOID account with the real server; then its folder,
//! its log and an image of its memory are searched for everything that only the two may know.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use koi_dmap_client::{BONUS_DEFAULT, Mode, Password, Wallet};
use koi_types::{MailboxName, Uid};
use memchr::memmem;

use super::client::{Client, Urandom};
use super::mode;
use crate::imap::{Imap, Lmtp};
use crate::rig::{CAROL, Server, koi, new_folder, said};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";
const FIRST_PASSWORDS: [(&str, &str); 3] = [
    (ALICE, "alice's first password, set on the server"),
    (BOB, "bob's first password, set on the server"),
    (CAROL, "carol trusts the server with everything"),
];
const NEW_PASSWORD: &str = "nobody but alice knows this one";
/// Written by one and read by the other.
const WRITTEN: &str = "The treasure lies under the third oak, seven paces north.";
const SUBJECT: &str = "Where the treasure lies";
const ANSWER: &str = "Then bring the spade, and tell your brother nothing of it.";
/// Came to the CAUTIOUS account in clear, and was encrypted before anything of it was written.
const CAME: &str = "The court sits on Thursday, and the witness has not been seen.";
const CAME_SUBJECT: &str = "About the hearing of Thursday";
/// Was refused, because the account is PARANOID.
const REFUSED: &str = "Your results are back from the laboratory, please call us.";
/// Of the TRUSTFUL account: must be found, or nothing is proved.
const TRUSTED: &str = "Carol's mail lies there for the server to read.";
const TRUSTED_HALF: &str = "Carol's draft, of which the second half is still to come.";

/// One person's part of the sample session up to the key.
fn begins(server: &Server, address: &str, password: &str) -> (Client, Vec<(String, Vec<u8>)>) {
    let mut client = Client::login(server, address, password, Wallet::default());
    assert!(client.account.keys().unwrap().is_empty());
    let own = client.makes_key();
    assert_eq!(client.account.keys().unwrap().len(), 1);
    assert_eq!(own.signet.identifier(), Some(address));
    let secrets = client.secrets();
    (client, secrets)
}

/// The rest of it: mailboxes, what has come, META, somebody's signet, a message of one's own, waiting.
fn goes_on(client: &mut Client, to: &str, text: &str, arrives: &mut dyn FnMut(), reads: &[&str]) {
    let mailboxes = client.account.mailboxes().unwrap();
    assert!(mailboxes.iter().any(|line| line.shown == "Drafts"));
    let selected = client.account.select(&MailboxName::inbox(), false).unwrap();
    assert_eq!(selected.exists as usize, reads.len());
    assert!(client.line("FETCH 1 (FULL)")[0].starts_with("BAD "));
    assert!(client.line("UID FETCH 1 FULL")[0].starts_with("* 1 FETCH (UID 1 FLAGS () INTERNALDATE "));
    for (glimpse, text) in client.account.glimpses(selected, 10).unwrap().iter().zip(reads) {
        let reading = client.account.read(glimpse.uid).unwrap();
        let opened = reading.outcome.unwrap();
        let shown = format!("{opened:?}");
        assert!(!shown.contains(text), "what is read is not written into logs: {shown}");
        client.account.mark_read(&reading.fetched, &mut Urandom).unwrap();
    }
    let placed = client.places(to, SUBJECT, text);
    client.account.select(&placed.mailbox, false).unwrap();
    let submit = format!("UID SUBMIT {} (RETURN HEADER SAVETO Sent)", placed.uid);
    let said = client.line(&submit);
    assert!(said.last().unwrap().starts_with("OK [SUBMITTED "), "{said:?}");
    let again = client.line(&format!("UID SUBMIT {}", placed.uid));
    assert!(again.last().unwrap().starts_with("NO [SUBMISSIONRACE]"), "{again:?}");
    client.account.select(&MailboxName::inbox(), false).unwrap();
    client.sends("idle IDLE\r\n");
    assert!(client.hears().starts_with('+'));
    arrives();
    assert_eq!(client.hears(), format!("* {} EXISTS", reads.len() + 1));
    client.sends("DONE\r\n");
    assert_eq!(client.hears(), "idle OK IDLE completed");
}

fn clear(subject: &str, text: &str) -> Vec<u8> {
    format!("From: somebody@example.net\r\nSubject: {subject}\r\n\r\n{text}\r\n").into_bytes()
}

/// An image of the memory of a process, as a thief of the running machine would take it.
fn core_image(server: &Server, outer: &Path) -> PathBuf {
    let (pid, begin) = (server.child.id().to_string(), outer.join("core"));
    let out = Command::new("gcore").arg("-o").arg(&begin).arg(&pid).output().unwrap();
    let file = PathBuf::from(format!("{}.{pid}", begin.display()));
    assert!(file.is_file(), "{}", String::from_utf8_lossy(&out.stderr));
    file
}

/// What of this lies in the image, with what is around it, for who has to find out why. An image may have a
/// gigabyte, mostly of nothing: it is read in pieces that overlap.
fn found_in_image(image: &Path, wanted: &[(String, Vec<u8>)]) -> Vec<String> {
    const PIECE: usize = 1 << 24;
    let overlap = wanted.iter().map(|(_, octets)| octets.len()).max().unwrap();
    let finders: Vec<_> = wanted.iter().map(|(what, octets)| (what, memmem::Finder::new(octets))).collect();
    let mut file = std::fs::File::open(image).unwrap();
    let (mut piece, mut found, mut from) = (Vec::with_capacity(PIECE + overlap), Vec::new(), 0);
    loop {
        if (&mut file).take(PIECE as u64).read_to_end(&mut piece).unwrap() == 0 {
            return found;
        }
        for (what, finder) in &finders {
            if let Some(at) = finder.find(&piece) {
                let around = &piece[at.saturating_sub(64)..piece.len().min(at + 128)];
                found.push(format!("{what}, in the image at {:#x}: {}", from + at, around.escape_ascii()));
            }
        }
        let kept = piece.len().min(overlap);
        from += piece.len() - kept;
        piece.drain(..piece.len() - kept);
    }
}

/// In every form in which it could lie somewhere.
fn forms(secrets: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (what, octets) in secrets {
        all.push((format!("{what}, base64url"), URL_SAFE_NO_PAD.encode(&octets).into_bytes()));
        all.push((format!("{what}, base64"), STANDARD.encode(&octets).into_bytes()));
        all.push((what, octets));
    }
    all
}

// spec: DMAP-00 §9; DMAP-00 §7.1.1; DMAP-00 §7.2.1
#[test]
fn nothing_is_left_in_the_memory_of_the_server() {
    let (outer, folder) = new_folder();
    // With accounts on its command line the passwords would be there for everybody to see.
    Server::quickstart(&folder, &[]).stop();
    let mut server = Server::quickstart(&folder, &[]);
    for (address, password) in FIRST_PASSWORDS {
        let known = said(&server.koi(&["account", "list"])).contains(address);
        let command = if known { "passwd" } else { "add" };
        said(&koi(&folder, &["account", command, address], &format!("{password}\n")));
    }
    mode(&server, ALICE, "cautious");
    mode(&server, BOB, "paranoid");
    let (mut alice, mut secrets) = begins(&server, ALICE, FIRST_PASSWORDS[0].1);
    let (mut bob, more) = begins(&server, BOB, FIRST_PASSWORDS[1].1);
    secrets.extend(more);
    assert_eq!((alice.account.mode(), bob.account.mode()), (Mode::Cautious, Mode::Paranoid));
    let mut lmtp = Lmtp::connect(server.lmtp_port()).unwrap();
    let came = clear(CAME_SUBJECT, CAME);
    assert!(lmtp.deliver(&[ALICE], &came).unwrap()[0].starts_with("250"));
    assert!(lmtp.deliver(&[BOB], &clear("Results", REFUSED)).unwrap()[0].starts_with("550"));
    let mut again = || assert!(lmtp.deliver(&[ALICE], &came).unwrap()[0].starts_with("250"));
    goes_on(&mut alice, BOB, WRITTEN, &mut again, &[CAME]);
    let mut writes = || {
        let placed = alice.places(BOB, SUBJECT, ANSWER);
        let _ = alice.account.submit(&placed, koi_dmap_client::SendOptions::default()).unwrap();
    };
    goes_on(&mut bob, ALICE, ANSWER, &mut writes, &[WRITTEN]);
    let new = Password::new(NEW_PASSWORD.as_bytes()).unwrap();
    let new = alice.account.prepare_password(&new, BONUS_DEFAULT, &mut Urandom).unwrap();
    alice.account.change_password(new).unwrap();
    let wallet = alice.leaves();
    let mut alice = Client::login(&server, ALICE, NEW_PASSWORD, wallet);
    secrets.extend(alice.secrets());
    alice.account.select(&MailboxName::inbox(), false).unwrap();
    assert!(alice.account.read(Uid::MIN).unwrap().outcome.is_ok());
    drop((alice.leaves(), bob.leaves()));
    for (_, password) in &FIRST_PASSWORDS[..2] {
        secrets.push(((*password).to_owned(), password.as_bytes().to_vec()));
    }
    for text in [NEW_PASSWORD, WRITTEN, SUBJECT, ANSWER, CAME, CAME_SUBJECT, REFUSED] {
        secrets.push((text.to_owned(), text.as_bytes().to_vec()));
    }
    // What is searched for is found where it is: on the disk, and in memory.
    assert!(lmtp.deliver(&[CAROL], &clear("Carol", TRUSTED)).unwrap()[0].starts_with("250"));
    let mut carol = Imap::connect_tls(server.imaps_port(), &folder);
    carol.ok(&format!("LOGIN {CAROL} \"{}\"", FIRST_PASSWORDS[2].1));
    let half = format!("half APPEND INBOX {{{}+}}\r\n{TRUSTED_HALF}", TRUSTED_HALF.len() + 1);
    carol.send(half.as_bytes()).unwrap();
    said(&server.koi(&["status"]));
    let image = core_image(&server, outer.path());
    let log = server.log();
    assert!(server.child.try_wait().unwrap().is_none(), "it still runs");
    server.stop();
    assert!(super::found_in(&folder, TRUSTED.as_bytes()).is_some(), "the search of the folder finds");
    let there = [("there".to_owned(), TRUSTED_HALF.as_bytes().to_vec())];
    assert!(!found_in_image(&image, &there).is_empty(), "the search of the image finds");
    let secrets = forms(secrets);
    let mut found = found_in_image(&image, &secrets);
    for (what, octets) in &secrets {
        found.extend(super::found_in(&folder, octets).map(|file| format!("{what}, in {}", file.display())));
        found.extend(memmem::find(log.as_bytes(), octets).map(|_| format!("{what}, in the log")));
    }
    assert!(found.is_empty(), "{found:#?}");
}
