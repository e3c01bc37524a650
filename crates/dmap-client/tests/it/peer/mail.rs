//! The peer's mailboxes and the messages in them.

use koi_dime::Outline;
use koi_proto::dmap::chunk::{Body, ChunkType as WireChunk};
use koi_proto::dmap::command::{
    Fetch, FetchItem, FlagAction, MetaChange, Store, StoreValue, Submit, UseAttr,
};
use koi_proto::dmap::id::KeyId;
use koi_proto::dmap::name::MailboxArg;
use koi_proto::dmap::response::{
    ChunkEntry, Condition, Fetched, FetchedItem, ListEntry, ListExtra, MailboxAttr, Of, StatusValue,
};
use koi_proto::dmap::{Code, Response};
use koi_types::{Flags, Keyword, MailboxName, ModSeq, NumSet, Role, SeqNum, Uid, UidSet, UidValidity};

use super::{Done, Peer, no, ok};
use crate::world::Stored;

impl Peer {
    pub(super) fn list(&mut self) -> Done {
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

    pub(super) fn select(&mut self, mailbox: &MailboxArg) -> Done {
        self.selected = mailbox.as_str().to_owned();
        let selected = self.selected.clone();
        let count = self.holding(|holding| holding.mailboxes.get(&selected).map(Vec::len));
        let Some(count) = count else { return no("NONEXISTENT") };
        self.say(Response::Exists(count as u32));
        (Condition::Ok, Some(Code::ReadWrite), String::new())
    }

    pub(super) fn fetch(&mut self, fetch: &Fetch) -> Done {
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

    pub(super) fn store(&mut self, store: &Store) -> Done {
        if self.world.borrow().is_read_only {
            return no("UNAVAILABLE");
        }
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

    pub(super) fn submit(&mut self, submit: &Submit) -> Done {
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
        let has_room = !self.world.borrow().is_full;
        if let Some(save) = submit.save_to.as_ref().filter(|_| has_room) {
            let copy = koi_dime::message::retitled(&octets, koi_dime::Magic::SentMessage).unwrap();
            let uid = self.world.borrow_mut().put(&user, save.mailbox.as_str(), copy, Flags::default());
            let to = UidSet([uid].into_iter().collect());
            let code = Code::CopyUid { uid_validity: UidValidity::new(1).unwrap(), from: UidSet(wanted), to };
            self.status(None, Condition::Ok, Some(&code), "filed");
        }
        (Condition::Ok, Some(Code::Submitted(vec![1, 2, 3])), "Queued".into())
    }

    pub(super) fn appended(&mut self) {
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
