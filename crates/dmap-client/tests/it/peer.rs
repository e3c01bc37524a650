//! A server on the other end of a connection, as simple as the protocol allows.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::rc::Rc;

use koi_dime::stacie::exchange::Challenge;
use koi_proto::dmap::command::{Append, MetaChange};
use koi_proto::dmap::decode::{Decoded, Decoder, Phase};
use koi_proto::dmap::id::KeyId;
use koi_proto::dmap::response::{Condition, Key, continuation, status};
use koi_proto::dmap::{Capability, Code, Command, Mode, Response, Tag};
use koi_proto::sasl::SaslLine;
use koi_types::SystemFlags;

mod keys;
mod login;
mod mail;

use crate::world::Shared;

pub(crate) struct Peer {
    world: Shared,
    decoder: Decoder,
    phase: Phase,
    out: VecDeque<u8>,
    login: Option<Login>,
    user: String,
    selected: String,
    append: Option<(Tag, Append, Vec<u8>)>,
}

struct Login {
    tag: Tag,
    first: Vec<u8>,
    challenge: Challenge,
    proved: bool,
}

type Done = (Condition, Option<Code>, String);

fn ok(text: &str) -> Done {
    (Condition::Ok, None, text.into())
}

fn no(code: &str) -> Done {
    let known = [
        Code::NonExistent,
        Code::NoSignet,
        Code::AlreadyExists,
        Code::BadSsr,
        Code::KeyMismatch,
        Code::KeyPolicy,
        Code::NotCurrent,
        Code::BadMessage,
        Code::BadSignature,
        Code::SubmissionRace,
        Code::AuthenticationFailed,
        Code::SignetInvalid,
        Code::Unavailable,
    ];
    let name = |code: &Code| {
        let mut out = Vec::new();
        code.push(&mut out);
        String::from_utf8(out).unwrap()
    };
    (Condition::No, Some(known.into_iter().find(|known| name(known) == code).unwrap()), format!("no: {code}"))
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peer({})", self.user)
    }
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // In small pieces, as a network may bring them.
        let count = buffer.len().min(self.out.len()).min(1000);
        for (to, from) in buffer.iter_mut().zip(self.out.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

impl Write for Peer {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.world.borrow_mut().octets.extend_from_slice(octets);
        self.decoder.feed(octets);
        while self.step() {}
        Ok(octets.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Peer {
    pub(crate) fn new(world: &Shared) -> Self {
        let mut peer = Self {
            world: Rc::clone(world),
            decoder: Decoder::new(1 << 20),
            phase: Phase::NotAuthenticated,
            out: VecDeque::new(),
            login: None,
            user: String::new(),
            selected: String::new(),
            append: None,
        };
        let capabilities = peer.capabilities(Mode::Trustful);
        let code = Code::Capability([capabilities, vec![Capability::Auth("STACIE".into())]].concat());
        peer.status(None, Condition::Ok, Some(&code), "mail.example.tld ready");
        peer
    }

    fn capabilities(&self, mode: Mode) -> Vec<Capability> {
        vec![Capability::DmapV1, Capability::Mode(mode), Capability::SaslIr, Capability::LiteralMinus]
    }
    fn status(&mut self, tag: Option<&Tag>, condition: Condition, code: Option<&Code>, text: &str) {
        let mut out = Vec::new();
        status(tag, condition, code, text, &mut out);
        self.out.extend(out);
    }
    fn say(&mut self, mut response: Response) {
        if let Some(lie) = &self.world.borrow().lie {
            lie(&mut response);
        }
        let mut out = Vec::new();
        response.push(&mut out);
        self.out.extend(out);
    }
    fn done(&mut self, tag: &Tag, (condition, code, text): Done) {
        self.status(Some(tag), condition, code.as_ref(), &text);
    }

    fn step(&mut self) -> bool {
        let mut out = Vec::new();
        match self.decoder.next(self.phase) {
            Decoded::NeedMore => return false,
            Decoded::Continue => continuation("go on", &mut out),
            Decoded::Command { tag, command } => {
                self.hear(&tag, &command);
                self.command(&tag, command);
            }
            Decoded::Sasl(SaslLine::Response(response)) => self.sasl(&response.0),
            Decoded::Sasl(_) => {
                self.phase = Phase::NotAuthenticated;
                let login = self.login.take().unwrap();
                self.done(&login.tag, (Condition::Bad, None, "cancelled".into()));
            }
            Decoded::AppendBegin { tag, append } => {
                self.world.borrow_mut().heard.push("APPEND".into());
                self.append = Some((tag, append, Vec::new()));
                self.decoder.accept_append();
            }
            Decoded::AppendData => {
                let octets = self.decoder.append_data().to_vec();
                self.append.as_mut().unwrap().2.extend(octets);
            }
            Decoded::AppendEnd => self.appended(),
            other => panic!("{other:?}"),
        }
        self.out.extend(out);
        true
    }

    fn hear(&mut self, tag: &Tag, command: &Command) {
        let octets = command.encode(tag).octets().to_vec();
        let line = octets.split(|octet| *octet == b'\r').next().unwrap();
        let line = String::from_utf8_lossy(line).split_once(' ').unwrap().1.to_owned();
        self.world.borrow_mut().heard.push(line);
    }

    fn command(&mut self, tag: &Tag, command: Command) {
        let done = match command {
            Command::Authenticate { initial_response, .. } => {
                return self.authenticate(tag, &initial_response.unwrap().0);
            }
            Command::Capability => {
                let capabilities = self.capabilities(Mode::Trustful);
                self.say(Response::Capability(capabilities));
                ok("")
            }
            Command::Logout => {
                self.status(None, Condition::Bye, None, "Logging out");
                ok("")
            }
            Command::GetRealm { label } => self.realm(label),
            Command::AddRealm(add) => {
                let realm = (add.label.as_str().to_owned(), add.serial);
                self.holding(|holding| holding.realms.insert(realm, add.shard));
                ok("")
            }
            Command::ListKeys => {
                let ids = self.holding(|holding| holding.keys.iter().map(|key| key.id).collect::<Vec<_>>());
                ids.into_iter().for_each(|id| self.say(Response::Key(Key { key: KeyId(id), items: vec![] })));
                ok("")
            }
            Command::GetKey { key, .. } => self.key(key),
            Command::AddKey(add) => {
                let user = self.user.clone();
                let private = add.private.map(|private| private.0.clone());
                let added = self.world.borrow_mut().add_key(&user, add.key.0, &add.request, private);
                added.map_or_else(no, |()| ok(""))
            }
            Command::StaciePasswd(change) => self.passwd(*change),
            Command::GetSignet(get) => self.signet(&get.address, get.version, get.lookup),
            Command::AddSignet(add) => {
                let meta = match add.meta {
                    Some(MetaChange::Set(meta)) => Some(meta),
                    _ => None,
                };
                let name = add.address.as_str().to_owned();
                let held = self.holding(|holding| holding.ring.contains_key(&name));
                match held {
                    true => no("ALREADYEXISTS"),
                    false => {
                        self.holding(|holding| holding.ring.insert(name, (add.signet, meta)));
                        ok("")
                    }
                }
            }
            Command::DeleteSignet { address, .. } => {
                self.holding(|holding| holding.ring.remove(address.as_str()));
                ok("")
            }
            Command::ListSignets { .. } => self.ring(),
            Command::List(_) => self.list(),
            Command::Select(select) => self.select(&select.mailbox),
            Command::Fetch(fetch) => self.fetch(&fetch),
            Command::Store(store) => self.store(&store),
            Command::Submit(submit) => self.submit(&submit),
            Command::Expunge { .. } => {
                let selected = self.selected.clone();
                self.holding(|holding| {
                    let messages = holding.mailboxes.get_mut(&selected).unwrap();
                    messages.retain(|message| !message.flags.system.contains(SystemFlags::DELETED));
                });
                ok("")
            }
            other => panic!("{other:?}"),
        };
        self.done(tag, done);
    }

    fn holding<T>(&self, with: impl FnOnce(&mut crate::world::Holding) -> T) -> T {
        with(self.world.borrow_mut().holdings.get_mut(&self.user).unwrap())
    }
}
