//! A server on the other end of a connection, as simple as the protocol allows.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::rc::Rc;

use koi_dime::stacie::exchange::{Challenge, ClientFirst, ServerProof, parse_proof, proof_message};
use koi_dime::stacie::{Salt, VerificationToken};
use koi_dime::{Outline, Secret, UserSignet};
use koi_proto::dmap::chunk::{Body, ChunkType as WireChunk};
use koi_proto::dmap::command::{
    Append, Fetch, FetchItem, FlagAction, Lookup, MetaChange, StaciePasswd, Store, StoreValue, Submit,
    UseAttr, Version,
};
use koi_proto::dmap::decode::{Decoded, Decoder, Phase};
use koi_proto::dmap::id::{Fingerprint, KeyId, SignetAddress};
use koi_proto::dmap::name::MailboxArg;
use koi_proto::dmap::response::{
    ChunkEntry, Condition, Fetched, FetchedItem, Key, KeyItem, KeyState, ListEntry, ListExtra, MailboxAttr,
    Of, Realm, ShardForm, Signet, SignetItem, StatusValue, challenge, continuation, status,
};
use koi_proto::dmap::{Capability, Code, Command, Mode, Response, Tag};
use koi_proto::sasl::SaslLine;
use koi_types::{
    Flags, Keyword, MailboxName, ModSeq, NumSet, Role, SeqNum, SystemFlags, Uid, UidSet, UidValidity,
};

use crate::world::{Shared, Stored};

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
                let label = add.label.as_str().to_owned();
                self.holding(|holding| holding.realms.insert(label, add.shard));
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

    fn authenticate(&mut self, tag: &Tag, first: &[u8]) {
        let user = ClientFirst::parse(first).unwrap().authcid.to_lowercase();
        let nonce = self.world.borrow_mut().nonce();
        let world = Rc::clone(&self.world);
        let world = world.borrow();
        let challenge_of = world.holdings.get(&user).map(|holding| Challenge {
            bonus: holding.bonus,
            salt: holding.salt,
            nonce,
            username: Some(user.clone()),
        });
        let asked = challenge_of.unwrap_or(Challenge {
            bonus: 0,
            salt: Salt::of_nobody(&Secret::new(&[1; 64]), &user),
            nonce,
            username: Some(user.clone()),
        });
        let mut out = Vec::new();
        challenge(asked.message().as_bytes(), &mut out);
        self.out.extend(out);
        self.login = Some(Login { tag: tag.clone(), first: first.to_vec(), challenge: asked, proved: false });
        self.user = user;
        self.phase = Phase::Sasl;
    }

    fn sasl(&mut self, response: &[u8]) {
        let login = self.login.take().unwrap();
        if login.proved {
            assert!(response.is_empty());
            self.phase = Phase::Authenticated;
            let code = Code::Capability(self.capabilities(self.holding(|holding| holding.mode)));
            return self.done(&login.tag, (Condition::Ok, Some(code), "Logged in".into()));
        }
        let shown = parse_proof(response).unwrap();
        let known = self.world.borrow().holdings.get(&self.user).map(|holding| holding.token.clone());
        let Challenge { salt, nonce, .. } = &login.challenge;
        let token = known.filter(|token| token.login_token(&self.user, salt, nonce) == shown);
        let Some(token) = token else {
            self.phase = Phase::NotAuthenticated;
            return self.done(&login.tag, no("AUTHENTICATIONFAILED"));
        };
        assert_eq!(proof_message(&shown).as_bytes(), response);
        let proof =
            ServerProof::new(&token, &login.first, login.challenge.message().as_bytes(), response).message();
        let mut out = Vec::new();
        challenge(proof.as_bytes(), &mut out);
        self.out.extend(out);
        self.login = Some(Login { proved: true, ..login });
    }

    fn realm(&mut self, label: koi_proto::dmap::id::Label) -> Done {
        let found = self.holding(|holding| holding.realms.get(label.as_str()).copied());
        let Some(shard) = found else { return no("NONEXISTENT") };
        self.say(Response::Realm(Realm { label, serial: 0, form: ShardForm::Salt, shard }));
        ok("")
    }

    fn key(&mut self, key: KeyId) -> Done {
        let found = self.holding(|holding| {
            let current = holding.keys.last().map(|key| key.id);
            let found = holding.keys.iter().find(|stored| stored.id == key.0)?;
            let state = if current == Some(found.id) { KeyState::Current } else { KeyState::Previous };
            Some(vec![
                KeyItem::Status(state),
                KeyItem::Expires(None),
                KeyItem::Public(Some(found.request.clone())),
                KeyItem::Private(found.private.clone()),
                KeyItem::Signet(Some(found.signet.object())),
            ])
        });
        let Some(items) = found else { return no("NONEXISTENT") };
        self.say(Response::Key(Key { key, items }));
        ok("")
    }

    fn passwd(&mut self, change: StaciePasswd) -> Done {
        let user = self.user.clone();
        let token = VerificationToken(Secret::from_slice(&change.verification_token.0).unwrap());
        let next = (Salt(*change.salt), change.bonus, token);
        match self.world.borrow_mut().passwd(&user, &change.password_key.0, next, &change.shards) {
            true => ok(""),
            false => no("AUTHENTICATIONFAILED"),
        }
    }

    fn signet(&mut self, address: &SignetAddress, version: Version, lookup: Lookup) -> Done {
        let name = address.as_str().to_owned();
        let org = self.world.borrow().organisation.signet().clone();
        let (org, print) = (org.object(), Fingerprint(org.core_fingerprint().0));
        let items = |data: Vec<u8>, meta: Option<Vec<u8>>| {
            vec![SignetItem::Data(Some(data)), SignetItem::Org(Some(org.clone())), SignetItem::Meta(meta)]
        };
        if !name.contains('@') {
            let items = items(org.clone(), None);
            self.say(Response::Signet(Signet { address: address.clone(), fingerprint: print, items }));
            return ok("");
        }
        if lookup == Lookup::Ring {
            let Some((data, meta)) = self.holding(|holding| holding.ring.get(&name).cloned()) else {
                return no("NOSIGNET");
            };
            let fingerprint = Fingerprint(UserSignet::parse(&data).unwrap().core_fingerprint().0);
            let items = items(data, meta);
            self.say(Response::Signet(Signet { address: address.clone(), fingerprint, items }));
            return ok("");
        }
        let mut found = self.world.borrow().signets(&name);
        match version {
            Version::Current => found.truncate(1),
            Version::Fingerprint(wanted) => found.retain(|signet| signet.core_fingerprint().0 == wanted.0),
            Version::History => {}
        }
        if found.is_empty() {
            return no("NOSIGNET");
        }
        for signet in found {
            let fingerprint = Fingerprint(signet.core_fingerprint().0);
            let items = items(signet.object(), None);
            self.say(Response::Signet(Signet { address: address.clone(), fingerprint, items }));
        }
        ok("")
    }

    fn ring(&mut self) -> Done {
        let ring = self.holding(|holding| holding.ring.clone());
        for (name, (data, _)) in ring {
            let fingerprint = Fingerprint(UserSignet::parse(&data).unwrap().core_fingerprint().0);
            let address = SignetAddress::new(&name).unwrap();
            self.say(Response::Signet(Signet { address, fingerprint, items: vec![] }));
        }
        ok("")
    }

    fn list(&mut self) -> Done {
        let lines = self.holding(|holding| {
            let line = |(name, messages): (&String, &Vec<Stored>)| {
                let role = match name.as_str() {
                    "Drafts" => Some(Role::Drafts),
                    "Sent" => Some(Role::Sent),
                    _ => None,
                };
                ListEntry {
                    mailbox: MailboxName::new(name).unwrap().into(),
                    attributes: role.map(|role| MailboxAttr::Use(UseAttr::Role(role))).into_iter().collect(),
                    extras: vec![
                        ListExtra::Status(vec![StatusValue::Messages(messages.len() as u64)]),
                        ListExtra::Meta(holding.meta.get(name).cloned()),
                    ],
                }
            };
            holding.mailboxes.iter().map(line).collect::<Vec<_>>()
        });
        lines.into_iter().for_each(|line| self.say(Response::List(line)));
        ok("")
    }

    fn select(&mut self, mailbox: &MailboxArg) -> Done {
        self.selected = mailbox.as_str().to_owned();
        let selected = self.selected.clone();
        let count = self.holding(|holding| holding.mailboxes.get(&selected).map(Vec::len));
        let Some(count) = count else { return no("NONEXISTENT") };
        self.say(Response::Exists(count as u32));
        (Condition::Ok, Some(Code::ReadWrite), String::new())
    }

    fn fetch(&mut self, fetch: &Fetch) -> Done {
        let selected = self.selected.clone();
        let responses = self.holding(|holding| {
            let messages = &holding.mailboxes[&selected];
            let wanted = fetch.set.resolve(messages.iter().map(|m| m.uid).max().unwrap_or(0));
            let numbered = messages.iter().zip(1u32..);
            let wanted = numbered.filter(|(m, seq)| wanted.contains(if fetch.by_uid { m.uid } else { *seq }));
            let said = |(message, seq): (&Stored, u32)| Fetched {
                of: Of::Seq(SeqNum::new(seq).unwrap()),
                items: fetch.items.iter().map(|item| fetched(item, message)).collect(),
            };
            wanted.map(said).collect::<Vec<_>>()
        });
        responses.into_iter().for_each(|said| self.say(Response::Fetch(said)));
        ok("")
    }

    fn store(&mut self, store: &Store) -> Done {
        let selected = self.selected.clone();
        self.holding(|holding| {
            let messages = holding.mailboxes.get_mut(&selected).unwrap();
            let wanted = store.set.resolve(u32::MAX);
            for message in messages.iter_mut().filter(|message| wanted.contains(message.uid)) {
                match &store.value {
                    StoreValue::Meta(MetaChange::Set(meta)) => message.meta = Some(meta.clone()),
                    StoreValue::Meta(MetaChange::Remove) => message.meta = None,
                    StoreValue::Flags { action: FlagAction::Add, flags } => {
                        message.flags.system = message.flags.system.union(flags.system);
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
        ok("")
    }

    fn submit(&mut self, submit: &Submit) -> Done {
        let (user, selected) = (self.user.clone(), self.selected.clone());
        let wanted = submit.message.resolve(u32::MAX);
        let pending = Keyword::new("$SubmitPending").unwrap();
        let found = self.holding(|holding| {
            let found = holding.mailboxes[&selected].iter().find(|message| wanted.contains(message.uid));
            found.map(|message| (message.octets.clone(), message.flags.has(&pending)))
        });
        let Some((octets, true)) = found else { return no("SUBMISSIONRACE") };
        if let Err(code) = self.world.borrow_mut().submit(&user, &octets) {
            return no(code);
        }
        if let Some(save) = &submit.save_to {
            let copy = koi_dime::message::retitled(&octets, koi_dime::Magic::SentMessage).unwrap();
            self.world.borrow_mut().put(&user, save.mailbox.as_str(), copy, Flags::default());
        }
        (Condition::Ok, Some(Code::Submitted(vec![1, 2, 3])), "Queued".into())
    }

    fn appended(&mut self) {
        let (tag, append, octets) = self.append.take().unwrap();
        Outline::of(&octets).unwrap().form().unwrap();
        let user = self.user.clone();
        let uid = self.world.borrow_mut().put(&user, append.mailbox.as_str(), octets, append.flags);
        let mut uids = NumSet::default();
        uids.insert(uid);
        let code = Code::AppendUid { uid_validity: UidValidity::new(1).unwrap(), uids: UidSet(uids) };
        self.done(&tag, (Condition::Ok, Some(code), String::new()));
    }
}

fn fetched(item: &FetchItem, message: &Stored) -> FetchedItem {
    let outline = Outline::of(&message.octets).unwrap();
    match item {
        FetchItem::Uid => FetchedItem::Uid(Uid::new(message.uid).unwrap()),
        FetchItem::Flags => FetchedItem::Flags(message.flags.clone()),
        FetchItem::Size => FetchedItem::Size(message.octets.len() as u64),
        FetchItem::KeyId => FetchedItem::KeyId(message.key.map(KeyId)),
        FetchItem::Meta => FetchedItem::Meta(message.meta.clone()),
        FetchItem::ModSeq | FetchItem::ChunkHash => FetchedItem::ModSeq(ModSeq::new(1).unwrap()),
        FetchItem::InternalDate => FetchedItem::InternalDate(koi_proto::dmap::DateTime {
            at: koi_types::Timestamp::from_secs(1_445_248_800),
            zone: koi_types::ZoneOffset(0),
        }),
        FetchItem::BodyStructure => FetchedItem::BodyStructure(
            outline
                .facts()
                .iter()
                .map(|fact| ChunkEntry { chunk: WireChunk(fact.kind.0), octets: fact.octets })
                .collect(),
        ),
        FetchItem::Body { body: Body { form, section }, partial, .. } => {
            let octets = match section {
                None => Some(message.octets.as_slice()),
                Some(section) => {
                    let parsed = koi_dime::Message::parse(&message.octets).unwrap();
                    parsed.section(koi_dime::ChunkType(section.chunk.0), section.number)
                }
            };
            let cut = |octets: &[u8]| match partial {
                None => octets.to_vec(),
                Some(partial) => octets
                    .iter()
                    .skip(partial.first as usize)
                    .take(partial.octets as usize)
                    .copied()
                    .collect(),
            };
            let first = partial.map(|partial| partial.first);
            FetchedItem::Body {
                body: Body { form: *form, section: *section },
                first,
                octets: octets.map(cut),
            }
        }
    }
}
