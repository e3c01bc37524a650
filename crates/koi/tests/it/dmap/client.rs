//! A person in this process: the library of the client, and lines of one's own on the same connection.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::rc::Rc;

use koi_dime::stacie::{Inputs, RealmLabel};
use koi_dime::{NoRandomness, Random};
use koi_dmap_client::{Account, Connection, Credentials, Letter, OwnKey, Password, Placed, Wallet, encrypt};
use koi_server::dial::{Dialed, Stream, dial};
use koi_types::{Address, Timestamp};

use crate::rig::Server;

/// A connection with two handles: the library's, and the test's.
#[derive(Clone)]
pub(super) struct Shared(Rc<RefCell<Stream>>);

impl Read for Shared {
    fn read(&mut self, octets: &mut [u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().read(octets)
    }
}

impl Write for Shared {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(octets)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

/// Of the system.
pub(super) struct Urandom;

impl Random for Urandom {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        let file = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(octets));
        file.map_err(|_| NoRandomness)
    }
}

/// Somebody who is logged in.
pub(super) struct Client {
    pub(super) account: Account<Shared>,
    raw: Shared,
    password: Password,
    lines: u32,
}

impl Client {
    pub(super) fn login(server: &Server, address: &str, password: &str, wallet: Wallet) -> Self {
        let ca = server.folder.join("tls/ca.pem");
        let Dialed { stream, exporter, .. } = dial("localhost", super::port(server), Some(&ca)).unwrap();
        let raw = Shared(Rc::new(RefCell::new(stream)));
        let address = Address::parse(address).unwrap();
        let password = Password::new(password.as_bytes()).unwrap();
        let credentials =
            Credentials { address: &address, password: &password, channel: exporter, accept_new_salt: false };
        let connection = Connection::open(raw.clone()).unwrap();
        let account = connection.login(&credentials, wallet).unwrap();
        Self { account, raw, password, lines: 0 }
    }
    /// A key of one's own, signed.
    pub(super) fn makes_key(&mut self) -> std::sync::Arc<OwnKey> {
        let made = self.account.make_key(None, &mut Urandom).unwrap();
        self.account.upload_key(made).unwrap()
    }
    /// A command of one line; every line of its answer, the tagged one last. No literals.
    pub(super) fn line(&mut self, command: &str) -> Vec<String> {
        self.lines += 1;
        let tag = format!("raw{}", self.lines);
        self.sends(&format!("{tag} {command}\r\n"));
        let mut lines = Vec::new();
        loop {
            let line = self.hears();
            if let Some(rest) = line.strip_prefix(&format!("{tag} ")) {
                lines.push(rest.to_owned());
                return lines;
            }
            lines.push(line);
        }
    }
    pub(super) fn sends(&mut self, text: &str) {
        self.raw.write_all(text.as_bytes()).and_then(|()| self.raw.flush()).unwrap();
    }
    /// The next line; nothing more is read.
    pub(super) fn hears(&mut self) -> String {
        self.heard().unwrap()
    }
    /// The same, where the server may die.
    pub(super) fn heard(&mut self) -> std::io::Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut octet = [0];
            self.raw.read_exact(&mut octet)?;
            line.push(octet[0]);
        }
        line.truncate(line.len() - 2);
        Ok(String::from_utf8(line).unwrap())
    }
    /// Encrypts, signs, and puts it among the drafts, marked to be submitted.
    pub(super) fn places(&mut self, to: &str, subject: &str, text: &str) -> Placed {
        let now = Timestamp::from_secs(1_800_000_000);
        let me = self.account.address().clone();
        let own = self.account.current_key().unwrap();
        let to = [Address::parse(to).unwrap()];
        let contact = self.account.contact(&to[0], now, &mut Urandom).unwrap();
        let message_id = self.account.new_message_id(&mut Urandom).unwrap();
        let letter = Letter {
            from: &me,
            to: &to,
            subject,
            text,
            attachments: &[],
            date: now,
            message_id: &message_id,
            in_reply_to: None,
        };
        let message = encrypt(&letter, &own, &contact.user, &mut Urandom).unwrap();
        self.account.place(&message, now).unwrap()
    }
    /// What nobody else may have: by what it is, in every form that could lie somewhere.
    pub(super) fn secrets(&mut self) -> Vec<(String, Vec<u8>)> {
        let who = self.account.address().to_string();
        let pin = self.account.pin().clone();
        let inputs =
            Inputs { username: &pin.username, password: &self.password, salt: &pin.salt, bonus: pin.bonus };
        let derived = inputs.derive();
        let own = self.account.current_key().unwrap();
        let mut all = vec![
            ("master key".to_owned(), derived.master_key.0.expose().to_vec()),
            // The server has seen it, when the password was changed.
            ("password key".to_owned(), derived.password_key.0.expose().to_vec()),
            ("signing key".to_owned(), own.keys.signing.seed().expose().to_vec()),
            ("decryption key".to_owned(), own.keys.decryption.scalar().expose().to_vec()),
        ];
        for label in [RealmLabel::mail(), RealmLabel::meta()] {
            let realm = self.account.realm(&label, &mut Urandom).unwrap();
            let key = realm.key.0.expose();
            all.push((format!("realm key {}", label.as_str()), key.to_vec()));
            all.push((format!("cipher key of realm {}", label.as_str()), key[32..].to_vec()));
        }
        all.into_iter().map(|(what, octets)| (format!("{who}: {what}"), octets)).collect()
    }
    pub(super) fn leaves(self) -> Wallet {
        self.account.logout()
    }
}
