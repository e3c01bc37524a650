//! Mailboxes and what is in them, as far as a list shows it (DMAP-00 §7.3 and §7.6.4).

use std::io::{Read, Write};

use koi_dime::chunk::{Actor, ChunkType};
use koi_dime::message::{Message, open_alone};
use koi_dime::meta::MetaType;
use koi_dime::{Fingerprint, SecretOctets};
use koi_proto::dmap::chunk::{Body, BodyForm, ChunkType as WireChunk, Section};
use koi_proto::dmap::command::{
    Command, Fetch, FetchItem, List, ListReturn, Partial, Select, StatusItem, UseAttr,
};
use koi_proto::dmap::name::MailboxArg;
use koi_proto::dmap::response::{
    ChunkEntry, Fetched as Said, FetchedItem, ListEntry, ListExtra, MailboxAttr, StatusValue,
};
use koi_proto::dmap::{Code, DateTime, Response, SequenceSet};
use koi_types::{Flags, MailboxName, NumSet, Role, SystemFlags, Uid};

use crate::account::Account;
use crate::error::{Error, Result};
use crate::meta::SealedMeta;

/// A message of at most so many octets is fetched whole for a list: most are, and then its META is known to
/// be its own.
const WHOLE_OCTETS_MAX: u64 = 128 * 1024;
/// Of a header that is fetched alone.
const HEADER_OCTETS_MAX: u32 = 128 * 1024;

/// A mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxLine {
    /// As the server knows it.
    pub mailbox: MailboxName,
    /// As the person calls it: from the META block, or the same.
    pub shown: String,
    /// The META block cannot be opened, or belongs to something else.
    pub is_doubtful: bool,
    pub role: Option<Role>,
    pub messages: u64,
    pub unseen: u64,
}

/// A mailbox that is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Selected {
    pub exists: u32,
}

/// A message in a list. What it says is what it claims: nothing is verified before it is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Glimpse {
    pub uid: Uid,
    pub flags: Vec<String>,
    pub octets: u64,
    pub date: Option<DateTime>,
    /// The common header, or why it cannot be opened.
    pub header: std::result::Result<SecretOctets, String>,
}

/// What FETCH said of one message.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Facts {
    pub(crate) uid: Option<Uid>,
    pub(crate) flags: Vec<String>,
    pub(crate) octets: u64,
    pub(crate) date: Option<DateTime>,
    pub(crate) key: Option<Fingerprint>,
    pub(crate) meta: Option<SealedMeta>,
    pub(crate) chunks: Vec<ChunkEntry>,
    pub(crate) bodies: Vec<FetchedBody>,
}

/// A part of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FetchedBody {
    pub(crate) section: Option<Section>,
    pub(crate) octets: Option<Vec<u8>>,
}

impl<S: Read + Write> Account<S> {
    /// All mailboxes, in the server's order.
    pub fn mailboxes(&mut self) -> Result<Vec<MailboxLine>> {
        let counts = ListReturn::Status(vec![StatusItem::Messages, StatusItem::Unseen]);
        let command = Command::List(List {
            select: Vec::new(),
            patterns: vec!["*".into()],
            returns: vec![ListReturn::SpecialUse, ListReturn::Meta, counts],
        });
        let answer = self.connection.run("LIST", &command)?;
        let mut lines = Vec::new();
        for response in answer.data {
            if let Response::List(entry) = response {
                lines.extend(self.line(&entry)?);
            }
        }
        Ok(lines)
    }

    /// The mailbox of a role, if there is one.
    pub fn mailbox_for(&mut self, role: Role) -> Result<Option<MailboxName>> {
        let lines = self.mailboxes()?;
        Ok(lines.into_iter().find(|line| line.role == Some(role)).map(|line| line.mailbox))
    }

    /// Finds a mailbox by the name the person knows it by, or by the server's.
    pub fn find_mailbox(&mut self, name: &str) -> Result<MailboxName> {
        let lines = self.mailboxes()?;
        let found = lines.iter().find(|line| line.shown == name);
        let found =
            found.or_else(|| lines.iter().find(|line| line.mailbox.as_str().eq_ignore_ascii_case(name)));
        match found {
            Some(line) => Ok(line.mailbox.clone()),
            None => Err(Error::Refused {
                command: "the name",
                code: Some(Code::NonExistent),
                text: format!("there is no mailbox {name}"),
            }),
        }
    }

    /// Opens a mailbox.
    pub fn select(&mut self, mailbox: &MailboxName, read_only: bool) -> Result<Selected> {
        let select = Select { mailbox: MailboxArg::from(mailbox.clone()), read_only, qresync: None };
        let answer = self.connection.run("SELECT", &Command::Select(select))?;
        let mut exists = answer.data.iter().filter_map(|response| match response {
            Response::Exists(count) => Some(*count),
            _ => None,
        });
        Ok(Selected { exists: exists.next_back().unwrap_or(0) })
    }

    /// The newest messages of the open mailbox, oldest first.
    pub fn glimpses(&mut self, selected: Selected, count: u32) -> Result<Vec<Glimpse>> {
        let first = selected.exists.saturating_sub(count).saturating_add(1);
        if selected.exists == 0 || count == 0 {
            return Ok(Vec::new());
        }
        let mut numbers = NumSet::default();
        numbers.insert_range(first..=selected.exists);
        let items = vec![
            FetchItem::Uid,
            FetchItem::Flags,
            FetchItem::InternalDate,
            FetchItem::Size,
            FetchItem::BodyStructure,
            FetchItem::KeyId,
            FetchItem::Meta,
        ];
        let facts = self.fetch_facts(false, &numbers, items)?;
        facts.into_iter().filter(|facts| facts.uid.is_some()).map(|facts| self.glimpse(facts)).collect()
    }

    /// FETCH or UID FETCH; one entry for each message that the server tells of.
    pub(crate) fn fetch_facts(
        &mut self,
        by_uid: bool,
        numbers: &NumSet,
        items: Vec<FetchItem>,
    ) -> Result<Vec<Facts>> {
        let set = SequenceSet::of(numbers);
        let command = Command::Fetch(Fetch { by_uid, set, items, changed_since: None });
        let answer = self.connection.run("FETCH", &command)?;
        let said = answer.data.into_iter().filter_map(|response| match response {
            Response::Fetch(said) => Some(facts(said)),
            _ => None,
        });
        Ok(said.collect())
    }
    /// The same of one message.
    pub(crate) fn fetch_one(&mut self, uid: Uid, items: Vec<FetchItem>) -> Result<Facts> {
        let mut numbers = NumSet::default();
        numbers.insert(uid.value());
        let facts = self.fetch_facts(true, &numbers, items)?;
        facts.into_iter().find(|facts| facts.uid == Some(uid)).ok_or(Error::NoMessage)
    }

    fn line(&mut self, entry: &ListEntry) -> Result<Option<MailboxLine>> {
        let hidden = [MailboxAttr::NoSelect, MailboxAttr::NonExistent];
        let MailboxArg::Name(mailbox) = &entry.mailbox else { return Ok(None) };
        if entry.attributes.iter().any(|attribute| hidden.contains(attribute)) {
            return Ok(None);
        }
        let mut line = MailboxLine {
            mailbox: mailbox.clone(),
            shown: mailbox.as_str().to_owned(),
            is_doubtful: false,
            role: entry.attributes.iter().find_map(role),
            messages: 0,
            unseen: 0,
        };
        for extra in &entry.extras {
            match extra {
                ListExtra::Status(values) => values.iter().for_each(|value| match value {
                    StatusValue::Messages(count) => line.messages = *count,
                    StatusValue::Unseen(count) => line.unseen = *count,
                    _ => {}
                }),
                ListExtra::Meta(Some(meta)) => self.name_by_meta(&SealedMeta(meta.clone()), &mut line),
                _ => {}
            }
        }
        Ok(Some(line))
    }
    fn name_by_meta(&mut self, meta: &SealedMeta, line: &mut MailboxLine) {
        match self.read_meta(meta, line.mailbox.as_str().as_bytes(), None) {
            Ok(meta) => {
                let text = |kind| meta.value(kind).and_then(|value| std::str::from_utf8(value).ok());
                if let Some(name) = text(MetaType::MAILBOX_NAME) {
                    name.clone_into(&mut line.shown);
                }
                line.role = text(MetaType::MAILBOX_ROLE).and_then(Role::from_attribute).or(line.role);
            }
            Err(_) => line.is_doubtful = true,
        }
    }

    fn glimpse(&mut self, mut facts: Facts) -> Result<Glimpse> {
        let uid = facts.uid.ok_or(Error::NoMessage)?;
        let is_small = facts.octets <= WHOLE_OCTETS_MAX;
        let wanted = if is_small {
            vec![whole(None)]
        } else {
            vec![alone(1, None), alone(32, Some(HEADER_OCTETS_MAX))]
        };
        facts.bodies = self.fetch_one(uid, [vec![FetchItem::Uid], wanted].concat())?.bodies;
        let header = match self.header(&facts, is_small) {
            Ok(header) => Ok(header),
            Err(error @ (Error::Io(_) | Error::Closed(_) | Error::Protocol(_))) => return Err(error),
            Err(error) => Err(error.to_string()),
        };
        let mut flags = facts.flags;
        if let (true, Some(meta), Some(octets)) = (is_small, &facts.meta, body(&facts.bodies, None)) {
            match self.read_meta(meta, octets, None) {
                Ok(meta) => flags.extend(meta.flags().map(str::to_owned)),
                Err(_) => flags.push("?".to_owned()),
            }
        }
        flags.sort();
        flags.dedup();
        Ok(Glimpse { uid, flags, octets: facts.octets, date: facts.date, header })
    }

    /// The common header under the key the message was written to; without a key id, the current one.
    fn header(&mut self, facts: &Facts, is_small: bool) -> Result<SecretOctets> {
        let own = match &facts.key {
            Some(id) => self.own_key(id)?,
            None => self.current_key()?,
        };
        let key = &own.keys.decryption;
        let mut last = koi_dime::message::OpenError::NoChunk;
        for actor in [Actor::Recipient, Actor::Author] {
            let opened = if is_small {
                let octets = body(&facts.bodies, None).ok_or(Error::NoMessage)?;
                let message = Message::parse(octets).map_err(|error| Error::Protocol(error.to_string()))?;
                let place = message.places(ChunkType::COMMON_HEADERS).next();
                place.map_or(Err(last), |place| message.reader(actor, key).open(place))
            } else {
                let ephemeral = body(&facts.bodies, Some(1)).unwrap_or_default();
                let chunk = body(&facts.bodies, Some(32)).unwrap_or_default();
                open_alone(ephemeral, chunk, index_of(&facts.chunks, 32), actor, key)
            };
            match opened {
                Ok(opened) => return Ok(opened.claimed().to_vec().into()),
                Err(error) => last = error,
            }
        }
        Err(Error::Protocol(last.to_string()))
    }
}

/// The first chunk of a type, its first octets.
fn alone(chunk: u8, octets: Option<u32>) -> FetchItem {
    let section = Section { chunk: WireChunk(chunk), number: 1 };
    let partial = octets.map(|octets| Partial { first: 0, octets });
    FetchItem::Body { body: Body { form: BodyForm::Stored, section: Some(section) }, peek: true, partial }
}

/// The message, or a part of it.
pub(crate) const fn whole(partial: Option<Partial>) -> FetchItem {
    FetchItem::Body { body: Body { form: BodyForm::Stored, section: None }, peek: true, partial }
}

/// What was fetched of a chunk type, or of the whole.
pub(crate) fn body(bodies: &[FetchedBody], chunk: Option<u8>) -> Option<&[u8]> {
    let wanted = chunk.map(|chunk| Section { chunk: WireChunk(chunk), number: 1 });
    bodies.iter().find(|body| body.section == wanted)?.octets.as_deref()
}

/// The place of the first chunk of a type: tracing objects have none.
fn index_of(chunks: &[ChunkEntry], kind: u8) -> u32 {
    let mut chunks = chunks.iter().filter(|entry| entry.chunk.0 != ChunkType::TRACING.0);
    let place = chunks.position(|entry| entry.chunk.0 == kind);
    place.and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX)
}

fn facts(said: Said) -> Facts {
    let mut facts = Facts::default();
    for item in said.items {
        match item {
            FetchedItem::Uid(uid) => facts.uid = Some(uid),
            FetchedItem::Flags(flags) => facts.flags = names(&flags),
            FetchedItem::Size(octets) => facts.octets = octets,
            FetchedItem::InternalDate(date) => facts.date = Some(date),
            FetchedItem::KeyId(key) => facts.key = key.map(|key| Fingerprint(key.0)),
            FetchedItem::Meta(meta) => facts.meta = meta.map(SealedMeta),
            FetchedItem::BodyStructure(chunks) => facts.chunks = chunks,
            FetchedItem::Body { body, octets, .. } => {
                facts.bodies.push(FetchedBody { section: body.section, octets });
            }
            FetchedItem::ModSeq(_) | FetchedItem::ChunkHash(_) => {}
        }
    }
    facts
}

/// As DMAP writes them.
fn names(flags: &Flags) -> Vec<String> {
    let system = SystemFlags::NAMES.iter().filter(|(_, flag)| flags.system.contains(*flag));
    let keywords = flags.keywords.iter().map(|keyword| match keyword.as_str() {
        "$Forwarded" => "\\Forwarded",
        "$Submitted" => "\\Submitted",
        "$SubmitPending" => "\\SubmitPending",
        other => other,
    });
    system.map(|(name, _)| *name).chain(keywords).map(str::to_owned).collect()
}

fn role(attribute: &MailboxAttr) -> Option<Role> {
    match attribute {
        MailboxAttr::Use(UseAttr::Role(role)) => Some(*role),
        _ => None,
    }
}
