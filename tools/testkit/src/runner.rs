//! Plays a script in a world, and says precisely what was different (format: tests/scripts/README.md).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::Ordering;

use koi_proto::dmap::id::KeyId;
use koi_proto::sasl::{base64_decode, base64_encode};
use koi_sessions::smtp::Role;

use crate::expect::{self, Block};
use crate::script::pattern::{Bindings, substitute};
use crate::script::{Action, Fill, Line, Protocol, Script, octets};
use crate::world::dmap::{LONG_PASSWORD, stacie_answer, user_key};
use crate::world::{MakeEngine, PASSWORD, World};

mod settings;

/// How the clients send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A line at a time, waiting for what it brings.
    Plain,
    /// One octet at a time.
    Split,
    /// Everything up to the next thing that somebody else does, at once.
    Pipelined,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Plain, Self::Split, Self::Pipelined];
}

/// Plays the script in every mode it allows; the first difference ends it.
pub fn play(script: &Script, engine: &MakeEngine<'_>) -> Result<(), String> {
    for mode in Mode::ALL {
        let skipped =
            (mode == Mode::Split && script.no_split) || (mode == Mode::Pipelined && script.no_pipelining);
        if !skipped {
            play_in(script, engine, mode).map_err(|e| format!("{} ({mode:?}): {e}", script.name))?;
        }
    }
    Ok(())
}

/// Plays it in one mode.
pub fn play_in(script: &Script, engine: &MakeEngine<'_>, mode: Mode) -> Result<(), String> {
    let mut play = Play {
        mode,
        texts: script.texts.clone(),
        world: World::new(engine),
        bindings: Bindings::default(),
        tags: BTreeMap::new(),
    };
    let mut lines = script.lines.as_slice();
    while let Some((line, rest)) = lines.split_first() {
        let taken = match &line.action {
            Action::Send { peer, .. } | Action::Data { peer, .. } | Action::Counted { peer, .. } => {
                play.exchange(*peer, lines)?
            }
            Action::Expect { peer, .. } => play.expect_only(*peer, lines)?,
            _ => {
                play.act(line).map_err(|e| at(line, &e))?;
                1
            }
        };
        lines = if taken > 1 { lines.get(taken..).unwrap_or_default() } else { rest };
    }
    play.leftovers()
}

fn at(line: &Line, error: &str) -> String {
    format!("line {}: `{}`\n{error}", line.number, line.source)
}

struct Play {
    mode: Mode,
    /// Of the script, and what is made while it is played.
    texts: expect::Texts,
    world: World,
    bindings: Bindings,
    tags: BTreeMap<u32, String>,
}

/// Octets to send; after them the client waits for a continuation request.
struct Piece {
    octets: Vec<u8>,
    waits: bool,
}

impl Play {
    /// What clients send and what they get for it; answers how many lines that took.
    fn exchange(&mut self, peer: u32, lines: &[Line]) -> Result<usize, String> {
        let first = &lines[0];
        let leftover = &self.peer(peer).map_err(|e| at(first, &e))?.said;
        if !leftover.is_empty() {
            return Err(at(first, &format!("before it came, unexpected:\n{}", expect::show(leftover))));
        }
        if self.mode != Mode::Pipelined {
            self.send(peer, first).map_err(|e| at(first, &e))?;
            return Ok(1);
        }
        let mut sent = Vec::new();
        let mut block = Block::default();
        let mut taken = 0;
        for line in lines {
            match &line.action {
                Action::Send { peer: p, text, newline } if *p == peer => {
                    // A variable that an answer in this very batch will bind ends the batch.
                    if taken > 0 && expect::has_unbound(text, &self.bindings, &self.tags) {
                        break;
                    }
                    for piece in self.pieces(peer, text, *newline) {
                        sent.extend(piece.octets);
                        if piece.waits {
                            block.push(line, "+ ...");
                        }
                    }
                }
                Action::Data { peer: p, text } if *p == peer => {
                    sent.extend(self.data(text).map_err(|e| at(line, &e))?);
                }
                Action::Counted { peer: p, text } if *p == peer => {
                    sent.extend(self.counted(text).map_err(|e| at(line, &e))?);
                }
                Action::Expect { peer: p, text } if *p == peer => {
                    block.push(line, &self.expected(peer, text));
                }
                // What must not come before the next command cannot be told apart in this mode.
                Action::Never { peer: p, .. } if *p == peer => {}
                _ => break,
            }
            taken += 1;
        }
        self.world.send(peer, &sent);
        self.check(peer, block)?;
        Ok(taken)
    }
    fn expect_only(&mut self, peer: u32, lines: &[Line]) -> Result<usize, String> {
        let mut block = Block::default();
        let mut taken = 0;
        for line in lines {
            let Action::Expect { peer: p, text } = &line.action else { break };
            if *p != peer {
                break;
            }
            block.push(line, &self.expected(peer, text));
            taken += 1;
        }
        self.check(peer, block)?;
        Ok(taken)
    }
    fn check(&mut self, peer: u32, block: Block) -> Result<(), String> {
        let texts = &self.texts;
        let connection = self.world.peer(peer).ok_or("no such connection")?;
        block.check(&mut connection.said, connection.closed, texts, &mut self.bindings)
    }
    fn expected(&self, peer: u32, text: &str) -> String {
        match self.tags.get(&peer) {
            Some(tag) => text.replace("$tag", tag),
            None => text.to_owned(),
        }
    }

    fn send(&mut self, peer: u32, line: &Line) -> Result<(), String> {
        let pieces = match &line.action {
            Action::Send { text, newline, .. } => self.pieces(peer, text, *newline),
            Action::Data { text, .. } => vec![Piece { octets: self.data(text)?, waits: false }],
            Action::Counted { text, .. } => vec![Piece { octets: self.counted(text)?, waits: false }],
            _ => Vec::new(),
        };
        for piece in pieces {
            match self.mode {
                Mode::Split => piece.octets.iter().for_each(|octet| self.world.send(peer, &[*octet])),
                _ => self.world.send(peer, &piece.octets),
            }
            if piece.waits && !expect::take_continuation(&mut self.peer(peer)?.said) {
                // The server refused the literal: a client does not send it then.
                return Ok(());
            }
        }
        Ok(())
    }
    /// The line with its variables, octets and `{text}` literals in place.
    fn pieces(&mut self, peer: u32, text: &str, newline: bool) -> Vec<Piece> {
        let mut text = substitute(text, &self.bindings);
        if let Some(tag) = self.tags.get(&peer) {
            text = text.replace("$tag", tag);
        }
        if let Some(tag) = text.split(' ').next() {
            self.tags.insert(peer, tag.to_owned());
        }
        let mut pieces = Vec::new();
        let mut octets_so_far = Vec::new();
        let mut rest = text.as_str();
        while let Some(found) = expect::next_literal(rest, &self.texts) {
            octets_so_far.extend(octets(found.before));
            let plus = if found.synchronising { "" } else { "+" };
            octets_so_far.extend(format!("{{{}{plus}}}\r\n", found.octets.len()).into_bytes());
            if found.synchronising {
                pieces.push(Piece { octets: std::mem::take(&mut octets_so_far), waits: true });
            }
            octets_so_far.extend(found.octets);
            rest = found.after;
        }
        octets_so_far.extend(octets(rest));
        if newline {
            octets_so_far.extend(b"\r\n");
        }
        pieces.push(Piece { octets: octets_so_far, waits: false });
        pieces
    }
    /// RFC 5321 §4.5.2: dots are doubled.
    fn data(&self, name: &str) -> Result<Vec<u8>, String> {
        let text = self.texts.get(name).ok_or_else(|| format!("no text `{name}`"))?;
        let mut out = Vec::new();
        for line in text.split_inclusive(|b| *b == b'\n') {
            if line.starts_with(b".") {
                out.push(b'.');
            }
            out.extend(line);
        }
        out.extend(b".\r\n");
        Ok(out)
    }
    fn counted(&self, name: &str) -> Result<Vec<u8>, String> {
        let text = self.texts.get(name).ok_or_else(|| format!("no text `{name}`"))?;
        Ok([text, b"\r\n".as_slice()].concat())
    }
    fn peer(&mut self, peer: u32) -> Result<&mut crate::world::Connection, String> {
        self.world.peer(peer).ok_or_else(|| format!("connection {peer} is not open"))
    }

    fn act(&mut self, line: &Line) -> Result<(), String> {
        match &line.action {
            Action::Users(users) => users.iter().for_each(|user| {
                self.world.add_user(user);
            }),
            Action::Mailbox { user, mailbox, fill } => self.fill(user, mailbox, fill)?,
            Action::Set { name, value } => settings::set(&mut self.world, name, value)?,
            Action::Open { peer, protocol, login, then } => {
                self.open(*peer, *protocol, login.as_deref(), then.as_deref())?;
            }
            Action::Never { peer, text } => {
                let said = self.peer(*peer)?.said.clone();
                expect::never(&said, text, &self.bindings)?;
            }
            Action::Raw { peer, text } => self.world.send_raw(*peer, &octets(text)),
            Action::Close { peer } => self.world.close(*peer),
            Action::Reads { peer, reads } => self.world.set_reads(*peer, *reads),
            Action::StartTls { peer } => {
                if !self.peer(*peer)?.wants_tls {
                    return Err("the server does not wait for a handshake".to_owned());
                }
                self.world.start_tls(*peer);
            }
            Action::MailboxId { user, mailbox, name } => {
                let id = self.world.mailbox_id(user, mailbox)?.to_string();
                self.bindings.0.insert(name.clone(), id);
            }
            Action::Upload { user, text } => {
                let octets = self.texts.get(text).ok_or_else(|| format!("no text `{text}`"))?;
                let id = self.world.upload(user, octets, "message/rfc822").to_string();
                self.bindings.0.insert(text.clone(), id);
            }
            Action::Deliver { user, text } => self.deliver(user, text)?,
            Action::Advance { millis } => self.world.advance(*millis),
            Action::YieldTakes { millis } => self.world.yield_takes = *millis,
            Action::Fault { name } => self.fault(name)?,
            Action::AccountGone { user } => self.world.account_gone(user),
            Action::Remove { user } => self.world.remove(user),
            Action::StacieProof { peer, name, password, plus } => {
                self.stacie(*peer, name, password, *plus)?;
            }
            Action::SentCopy { user, on } => self.world.set_sent_copy(user, *on),
            Action::AppPassword { user, name, access } => self.world.add_app_password(user, name, *access),
            Action::Coi { user, filter } => self.world.set_coi(user, filter.as_deref())?,
            Action::Shutdown => self.world.shutdown(),
            Action::Housekeep => self.world.housekeep(),
            Action::Quota { user, octets, messages } => self.world.set_quota(user, *octets, *messages),
            Action::Annotations { user, mailbox, count } => self.world.annotate(user, mailbox, *count),
            Action::DamageRows { user, kind } => self.world.damage_rows(user, *kind),
            Action::Damage { user, mailbox, uid } => self.world.damage(user, mailbox, *uid),
            Action::Send { .. } | Action::Expect { .. } | Action::Data { .. } | Action::Counted { .. } => {}
            other => self.encrypted(other)?,
        }
        Ok(())
    }
    /// What encrypted mail needs: modes, keys, signets, messages.
    fn encrypted(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Mode { user, mode, has_key } => self.world.set_mode(user, *mode, *has_key),
            Action::Stacie { user } => self.world.add_stacie(user),
            Action::Key { name, former } => {
                self.keep_key(name, former.as_deref());
            }
            Action::Prime { name, from, to, text } => {
                let octets = self.world.authored(from, to, text)?;
                self.texts.insert(name.clone(), octets);
            }
            Action::Brought { name, how, to, text } => {
                let octets = self.world.brought(*how, to, text)?;
                self.keep_brought(name, octets);
            }
            Action::Altered { name, how, of } => {
                let of = self.texts.get(of).ok_or_else(|| format!("no text `{of}`"))?;
                let octets = how.of(of)?;
                self.keep_brought(name, octets);
            }
            Action::Signet { name, of, key, former } => {
                let octets = self.world.signet(of, key.as_deref(), former.as_deref())?;
                self.texts.insert(name.clone(), octets);
            }
            Action::Passwd { user, password } => {
                for (name, value) in self.world.passwd(user, password)? {
                    self.bindings.0.insert(format!("passwd_{name}"), value);
                }
            }
            Action::Many { user, what, count } => self.world.make_many(user, *what, *count),
            Action::Fingerprints { of, name } => {
                let [core, full] = self.world.fingerprints(of)?;
                self.bindings.0.insert(name.clone(), core.to_string());
                self.bindings.0.insert(format!("{name}_full"), full.to_string());
            }
            _ => return Err("not something a script does".to_owned()),
        }
        Ok(())
    }
    fn keep_key(&mut self, name: &str, former: Option<&str>) {
        let key = user_key(name, former);
        self.bindings.0.insert(name.to_owned(), KeyId(key.id.0).to_string());
        self.texts.insert(format!("{name}_request"), key.request);
        self.texts.insert(format!("{name}_private"), key.private);
        self.texts.insert(format!("{name}_clear"), key.clear);
    }
    fn keep_brought(&mut self, name: &str, octets: Vec<u8>) {
        let hash = koi_dime::Fingerprint::of(&octets).to_string();
        self.bindings.0.insert(format!("{name}_size"), octets.len().to_string());
        self.bindings.0.insert(format!("{name}_hash"), hash);
        self.texts.insert(name.to_owned(), octets);
    }
    fn fill(&mut self, user: &str, mailbox: &str, fill: &[Fill]) -> Result<(), String> {
        let mut messages = Vec::new();
        for part in fill {
            match part {
                Fill::Count(count) => messages.extend((1..=*count).map(numbered)),
                Fill::Text(name) => {
                    let text = self.texts.get(name).ok_or_else(|| format!("no text `{name}`"))?;
                    messages.push(text.clone());
                }
            }
        }
        self.world.fill(user, mailbox, &messages);
        self.world.age(user, mailbox);
        Ok(())
    }
    fn fault(&mut self, name: &str) -> Result<(), String> {
        let views = name.strip_prefix("unreadable-after-").and_then(|views| views.parse().ok());
        if views.is_none() && !["disk-full", "mail-refused", "disk-slow", "off"].contains(&name) {
            return Err(format!("no such fault: {name}"));
        }
        self.world.faults.views_left.store(views.unwrap_or(u64::MAX), Ordering::Relaxed);
        self.world.faults.disk_full.store(name == "disk-full", Ordering::Relaxed);
        self.world.faults.mail_refused.store(name == "mail-refused", Ordering::Relaxed);
        self.world.set_disk_slow(name == "disk-slow");
        Ok(())
    }
    fn open(
        &mut self,
        peer: u32,
        protocol: Protocol,
        login: Option<&str>,
        then: Option<&str>,
    ) -> Result<(), String> {
        match protocol {
            Protocol::Imap => self.world.open_imap(peer, true),
            Protocol::ImapTls12 => self.world.open_imap_tls12(peer),
            Protocol::ImapClear => self.world.open_imap(peer, false),
            Protocol::Dmap => self.world.open_dmap(peer),
            Protocol::Dmtp => self.world.open_dmtp(peer),
            Protocol::Lmtp => self.world.open_lmtp(peer),
            Protocol::Smtp => self.world.open_smtp(peer, Role::Inbound, false),
            Protocol::Submission => self.world.open_smtp(peer, Role::Submission, true),
            Protocol::SubmissionClear => self.world.open_smtp(peer, Role::Submission, false),
            Protocol::Jmap => {
                return self.world.open_jmap(peer, login.ok_or("jmap USER")?);
            }
            Protocol::Push => {
                let (user, id) = login.zip(then).ok_or("push USER SUBSCRIPTION")?;
                return self.world.open_push(peer, user, &substitute(id, &self.bindings));
            }
        }
        let Some(login) = login else { return Ok(()) };
        let mut commands = match protocol {
            Protocol::Lmtp => vec![format!("LHLO {login}")],
            Protocol::Dmtp => vec![format!("EHLO <{login}>")],
            Protocol::Smtp | Protocol::SubmissionClear => vec![format!("EHLO {login}")],
            Protocol::Submission => {
                vec!["EHLO client.example".to_owned(), format!("AUTH PLAIN {}", plain(login))]
            }
            Protocol::Dmap if self.world.mode(login) != koi_types::Mode::Trustful => {
                self.log_in_by_stacie(peer, login)?;
                Vec::new()
            }
            Protocol::Dmap => vec![format!("login AUTHENTICATE PLAIN {}", plain(login))],
            _ => vec![format!("login LOGIN {login} {PASSWORD}")],
        };
        let is_imap = matches!(protocol, Protocol::Imap | Protocol::ImapClear | Protocol::Dmap);
        commands.extend(then.map(|then| if is_imap { format!("then {then}") } else { then.to_owned() }));
        for command in commands {
            self.peer(peer)?.said.clear();
            self.world.send(peer, format!("{command}\r\n").as_bytes());
            let said = String::from_utf8_lossy(&self.peer(peer)?.said).into_owned();
            let last = said.lines().last().unwrap_or_default();
            if !last.contains(" OK") && !last.starts_with('2') {
                return Err(format!("`{command}` was answered\n{said}"));
            }
        }
        self.peer(peer)?.said.clear();
        Ok(())
    }
    fn log_in_by_stacie(&mut self, peer: u32, user: &str) -> Result<(), String> {
        self.peer(peer)?.said.clear();
        let first = base64_encode(format!("\0{user}").as_bytes());
        self.world.send(peer, format!("login AUTHENTICATE STACIE {first}\r\n").as_bytes());
        self.stacie(peer, user, LONG_PASSWORD, false)?;
        self.world.send(peer, b"\r\n");
        let said = String::from_utf8_lossy(&self.peer(peer)?.said).into_owned();
        if said.contains("login OK") { Ok(()) } else { Err(format!("STACIE was answered\n{said}")) }
    }
    /// What the client of STACIE does with the challenge that has come.
    fn stacie(&mut self, peer: u32, name: &str, password: &str, plus: bool) -> Result<(), String> {
        let said = std::mem::take(&mut self.peer(peer)?.said);
        let challenge = said.strip_prefix(b"+ ").and_then(|line| line.strip_suffix(b"\r\n"));
        let challenge = challenge.and_then(|line| base64_decode(line).ok());
        let challenge = challenge.ok_or_else(|| format!("no challenge:\n{}", expect::show(&said)))?;
        let first = format!("\0{name}");
        let exporter = plus.then_some([7; 32]);
        let answer = stacie_answer(first.as_bytes(), &challenge, password, exporter)?;
        self.bindings.0.insert("proof".to_owned(), base64_encode(&answer.server_proof));
        self.world.send(peer, format!("{}\r\n", base64_encode(&answer.proof)).as_bytes());
        Ok(())
    }
    fn deliver(&mut self, user: &str, text: &str) -> Result<(), String> {
        const PEER: u32 = u32::MAX;
        let message = self.data(text)?;
        self.world.open_lmtp(PEER);
        let head = format!(
            "LHLO test\r\nMAIL FROM:<sender@example.net>\r\nRCPT TO:<{user}@{}>\r\nDATA\r\n",
            crate::world::DOMAIN
        );
        self.world.send(PEER, head.as_bytes());
        self.world.send(PEER, &message);
        let said = String::from_utf8_lossy(&std::mem::take(&mut self.peer(PEER)?.said)).into_owned();
        // Gone at once: otherwise it would be told, when the clock moves on, that it was idle for too long.
        self.world.send(PEER, b"QUIT\r\n");
        self.peer(PEER)?.said.clear();
        match said.lines().last().unwrap_or_default().starts_with("250") {
            true => Ok(()),
            false => Err(format!("the delivery was answered\n{said}")),
        }
    }
    /// Nothing may be left that no line has looked at.
    fn leftovers(mut self) -> Result<(), String> {
        let mut wrong = String::new();
        for number in self.world.numbers() {
            if let Some(connection) = self.world.peer(number)
                && !connection.said.is_empty()
            {
                let _ = write!(wrong, "connection {number}:\n{}", expect::show(&connection.said));
            }
        }
        if !wrong.is_empty() {
            return Err(format!("at the end came, unexpected:\n{wrong}"));
        }
        // Whatever a script did, every row of the store agrees with every other.
        self.world.mend();
        let findings = self.world.service.check().map_err(|e| format!("check: {e}"))?;
        match findings.is_empty() {
            true => Ok(()),
            false => Err(format!("the store does not agree with itself: {findings:#?}")),
        }
    }
}

/// What a client says in PLAIN (RFC 4616 §2), in base64.
fn plain(login: &str) -> String {
    base64_encode(format!("\0{login}\0{PASSWORD}").as_bytes())
}

/// The messages of `3 messages`.
#[must_use]
pub fn numbered(number: u32) -> Vec<u8> {
    format!(
        "From: Sender <sender@example.net>\r\nTo: Alice <alice@example.org>\r\nSubject: message {number}\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{number}@example.net>\r\n\r\n\
         Text of message {number}.\r\n"
    )
    .into_bytes()
}
