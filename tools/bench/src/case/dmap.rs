//! DMAP beside IMAP, the same server over TLS: APPEND and FETCH of encrypted messages against ordinary ones
//! of the same length, and what a login by STACIE costs the server.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use koi_dime::message::{NakedParts, wrap};
use koi_dime::{DecryptionKey, Magic, NoRandomness, Random, Secret, SigningKey};
use rustls::ClientConfig;

use super::{Bench, Group, millis};
use crate::failure::{Context, Outcome, fail};
use crate::net::dmap::{Dmap, Tokens};
use crate::net::imap::Imap;
use crate::net::trust;
use crate::server::dovecot;
use crate::server::process::{self, Spent};
use crate::server::{PASSWORD, Server, user};
use crate::sheet::{LIMIT, Mark, Row, Sheet, Unit};

pub(super) const GROUP: Group = Group {
    name: "dmap",
    peer: "none",
    rows: &[
        Row {
            name: "dmap-append",
            what: "DMAP APPEND of an encrypted message of 4 KB, 1 connection, TLS",
            unit: Unit::Millis,
            mark: Mark::Limit("1.1 x IMAP APPEND of as many octets"),
        },
        Row {
            name: "dmap-fetch",
            what: "DMAP FETCH of 2,000 BODY.PEEK[] in one command, TLS",
            unit: Unit::Millis,
            mark: Mark::Limit("1.1 x IMAP FETCH of ordinary messages of that length"),
        },
        Row {
            name: "dmap-login",
            what: "processor time of the server for a login by STACIE, TLS handshake not counted",
            unit: Unit::Millis,
            mark: Mark::AtMost(1.0),
        },
        Row {
            name: "dmap-password",
            what: "processor time of the server for `koi account passwd`: Argon2id and STACIE",
            unit: Unit::Millis,
            mark: Mark::Recorded,
        },
    ],
    run,
};

const MESSAGES: u64 = 2_000;
const LOGINS: u32 = 400;
const PASSWORDS: u32 = 10;
/// Of the mail that is encrypted: what comes of it is sent as a literal that does not wait.
const MAIL_OCTETS: usize = 2_600;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    bench.start_empty(2)?;
    let tls = trust::for_protocol(b"dmap")?;
    let message = encrypted()?;
    bench.alternate(|server, sheet, _| {
        let port = server.ports().dmap.context("a server without DMAP")?;
        let mut dmap = Dmap::connect(port, &tls)?;
        let mut tokens = Tokens::default();
        dmap.log_in(&user(0), PASSWORD, &mut tokens)?;
        let mut imap = Imap::connect(server.ports().imaps, Some(&trust::any_certificate()?))?;
        imap.run(&format!("LOGIN {} {PASSWORD}", user(0)))?;
        let own = Instant::now();
        for number in 0..MESSAGES {
            dmap.append(&marked(&message, number))?;
        }
        sheet.record("dmap-append", server.name(), each(own.elapsed(), MESSAGES));
        let other = Instant::now();
        for number in 0..MESSAGES {
            imap.append_each("Archive", &[ordinary(message.len(), number)])?;
        }
        sheet.record("dmap-append", LIMIT, 1.1 * each(other.elapsed(), MESSAGES));
        fetches(&mut dmap, &mut imap, server, sheet)?;
        logins(server, port, &tls, &mut tokens, sheet)?;
        passwords(server, sheet)
    })
}

/// 2,000 of each, then back to an empty mailbox for the next run.
fn fetches(dmap: &mut Dmap, imap: &mut Imap, server: &dyn Server, sheet: &mut Sheet) -> Outcome<()> {
    dmap.run("SELECT INBOX")?;
    let own = Instant::now();
    let answer = dmap.run("FETCH 1:* (BODY.PEEK[])")?;
    sheet.record("dmap-fetch", server.name(), millis(own.elapsed()));
    expect(answer.found)?;
    imap.run("SELECT Archive")?;
    let other = Instant::now();
    let answer = imap.run("FETCH 1:* (BODY.PEEK[])")?;
    sheet.record("dmap-fetch", LIMIT, 1.1 * millis(other.elapsed()));
    expect(answer.found)?;
    dmap.run("STORE 1:* +FLAGS (\\Deleted)")?;
    dmap.run("EXPUNGE")?;
    imap.run("STORE 1:* +FLAGS.SILENT (\\Deleted)")?;
    imap.run("EXPUNGE").map(drop)
}

fn expect(found: u64) -> Outcome<()> {
    if found == MESSAGES { Ok(()) } else { fail(format!("{found} messages where {MESSAGES} are")) }
}

fn logins(
    server: &dyn Server,
    port: u16,
    tls: &Arc<ClientConfig>,
    tokens: &mut Tokens,
    sheet: &mut Sheet,
) -> Outcome<()> {
    let mut sessions = (0..LOGINS).map(|_| Dmap::connect(port, tls)).collect::<Outcome<Vec<_>>>()?;
    process::settle(server.process(), Duration::from_secs(20));
    let spent = Spent::so_far(server.process());
    for session in &mut sessions {
        session.log_in(&user(0), PASSWORD, tokens)?;
    }
    sheet.record("dmap-login", server.name(), spent.millis_per_piece(server.process(), LOGINS));
    Ok(())
}

/// Of the second account, which nobody logs in to.
fn passwords(server: &dyn Server, sheet: &mut Sheet) -> Outcome<()> {
    let program = server.program().context("a server without a program")?;
    let spent = Spent::so_far(server.process());
    for _ in 0..PASSWORDS {
        let mut command = Command::new(program);
        command.args(["account", "passwd", &user(1), "--generate", "--config"]);
        dovecot::run(command.arg(server.data().join("koi.toml")))?;
    }
    sheet.record("dmap-password", server.name(), spent.millis_per_piece(server.process(), PASSWORDS));
    Ok(())
}

fn each(time: Duration, pieces: u64) -> f64 {
    time.as_secs_f64() * 1_000.0 / pieces as f64
}

/// Of the same octets in all its copies but for [`marked`].
fn encrypted() -> Outcome<Vec<u8>> {
    let mail = [b"Subject: carp\r\nFrom: a@example.org\r\n\r\n", vec![b'x'; MAIL_OCTETS].as_slice()].concat();
    let scalar = |octet: u8| DecryptionKey::new(&Secret::new(&[octet; 32])).context("a scalar");
    let (recipient, destination) = (scalar(1)?.public(), scalar(2)?.public());
    let signing = SigningKey::new(&Secret::new(&[3; 32]));
    let parts = NakedParts { recipient, destination, signing: &signing, magic: Magic::NakedMessage };
    Ok(wrap(&mail, &parts, &mut Rising(0))?)
}

/// Another message: in the middle of the body, where no server can look.
fn marked(message: &[u8], number: u64) -> Vec<u8> {
    let mut message = message.to_vec();
    let middle = message.len() / 2;
    let room = message.iter_mut().skip(middle);
    room.zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    message
}

/// An ordinary one of that length.
fn ordinary(octets: usize, number: u64) -> Vec<u8> {
    let mut message = format!("Subject: {number}\r\nFrom: a@example.org\r\n\r\n").into_bytes();
    message.resize(octets.saturating_sub(2), b'x');
    message.extend_from_slice(b"\r\n");
    message
}

/// Octets that are good enough for messages nobody reads.
struct Rising(u8);

impl Random for Rising {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        for octet in octets {
            self.0 = self.0.wrapping_add(1);
            *octet = self.0;
        }
        Ok(())
    }
}
