//! Writing and submitting: encrypted here, put into a mailbox, handed over by SUBMIT (DMAP-00 §7.6.7).

use std::io::{Read, Write};

use koi_dime::message::{AuthorParts, DestinationEnvelope, OriginEnvelope, Part, Readers};
use koi_dime::{Random, Secret};
use koi_proto::dmap::command::{Append, Bounce, Command, FlagAction, Hold, SaveTo, StoreValue, Submit};
use koi_proto::dmap::flag::SUBMIT_PENDING;
use koi_proto::dmap::id::base64url_encode;
use koi_proto::dmap::name::MailboxArg;
use koi_proto::dmap::response::Status;
use koi_proto::dmap::{Code, DateTime, Response, SequenceSet};
use koi_types::{Flags, Keyword, MailboxName, NumSet, Role, SystemFlags, Timestamp, Uid, UidSet, ZoneOffset};

use crate::account::Account;
use crate::compose::Letter;
use crate::error::{Error, Result};
use crate::key::OwnKey;
use crate::signet::VerifiedUser;

/// Encrypts and signs a letter for one of its recipients: suite 2, with room for the signatures of the
/// author's organisation (1847).
pub fn encrypt(
    letter: &Letter<'_>,
    own: &OwnKey,
    recipient: &VerifiedUser,
    random: &mut dyn Random,
) -> Result<Vec<u8>> {
    let (headers, composed) = (letter.headers()?, letter.parts()?);
    let (here, there) = (&own.organisation, &recipient.organisation);
    let origin = OriginEnvelope {
        author: letter.from.clone(),
        author_signet: own.signet.core_fingerprint(),
        destination: there.domain.clone(),
        destination_signet: there.signet.core_fingerprint(),
    };
    let destination = DestinationEnvelope {
        recipient: recipient.address.clone(),
        recipient_signet: recipient.signet.core_fingerprint(),
        origin: here.domain.clone(),
        origin_signet: here.signet.core_fingerprint(),
    };
    let readers = Readers {
        author: Some(*own.signet.encryption()),
        origin: Some(*here.signet.encryption()),
        destination: Some(*there.signet.encryption()),
        recipient: Some(*recipient.signet.encryption()),
    };
    let parts: Vec<Part<'_>> =
        composed.iter().map(|part| Part { kind: part.kind, data: &part.data }).collect();
    let parts = AuthorParts { common_headers: headers.as_bytes(), other_headers: b"", parts: &parts };
    Ok(parts.message(&origin, &destination, &readers, &own.keys.signing, random)?)
}

/// How it is to be delivered.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SendOptions {
    /// Not before so many seconds from now.
    pub hold_secs: Option<u32>,
    /// How much comes back when it cannot be delivered.
    pub bounce: Option<Bounce>,
}

/// A message that lies in a mailbox, to be submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
    pub mailbox: MailboxName,
    pub uid: Uid,
}

/// A message the server has taken over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// By which the outgoing queue knows it.
    pub transaction: Option<String>,
    /// It waits until then.
    pub held: Option<DateTime>,
    /// Where the author's copy is; nothing when the server has filed none: it stays where it was submitted.
    pub saved_to: Option<MailboxName>,
    /// Why the draft could not be removed, which is one copy too many then.
    pub draft_stays: Option<String>,
    /// For people.
    pub text: String,
}

impl<S: Read + Write> Account<S> {
    /// An id for a new message.
    pub fn new_message_id(&self, random: &mut dyn Random) -> Result<String> {
        let octets = Secret::<16>::random(random)?;
        Ok(format!("{}@{}", base64url_encode(octets.expose()), self.address.domain()))
    }

    /// Puts an encrypted message among the drafts, marked to be submitted.
    pub fn place(&mut self, message: &[u8], now: Timestamp) -> Result<Placed> {
        let mailbox = self.mailbox_for(Role::Drafts)?.unwrap_or_else(MailboxName::inbox);
        let mut flags = Flags::system(SystemFlags::DRAFT);
        Keyword::new(SUBMIT_PENDING).into_iter().for_each(|pending| flags.insert(pending));
        let append = Append {
            mailbox: MailboxArg::from(mailbox.clone()),
            flags,
            internal_date: Some(DateTime { at: now, zone: ZoneOffset(0) }),
            meta: None,
            octets: 0,
            literal8: true,
        };
        let answer = self.connection.append(&append, message)?;
        let uid = match &answer.code {
            Some(Code::AppendUid { uids, .. }) => uids.iter().next(),
            _ => None,
        };
        let uid = uid.ok_or_else(|| Error::Protocol("APPEND without APPENDUID".into()))?;
        Ok(Placed { mailbox, uid })
    }

    /// Submits it. The author's copy goes to the mailbox for sent mail, if there is one, and the draft is
    /// removed when the server has said that the copy is there. Without one it stays where it is: it is the
    /// only copy.
    pub fn submit(&mut self, placed: &Placed, options: SendOptions) -> Result<Sent> {
        let sent = self.mailbox_for(Role::Sent)?.filter(|sent| *sent != placed.mailbox);
        self.select(&placed.mailbox, false)?;
        let save_to = sent.clone().map(|mailbox| SaveTo {
            mailbox: MailboxArg::from(mailbox),
            flags: Some(Flags::system(SystemFlags::SEEN)),
        });
        let submit = Submit {
            by_uid: true,
            message: SequenceSet::of(&only(placed.uid)),
            hold: options.hold_secs.map(Hold::For),
            bounce: options.bounce,
            save_to,
        };
        let answer = self.connection.run("SUBMIT", &Command::Submit(submit))?;
        let (mut transaction, mut held) = (None, None);
        match answer.code {
            Some(Code::Submitted(octets)) => transaction = Some(base64url_encode(&octets)),
            Some(Code::Held(until)) => held = Some(until),
            _ => {}
        }
        let is_filed = held.is_none() && answer.data.iter().any(is_copied);
        let saved_to = sent.filter(|_| is_filed);
        // It was sent, whatever becomes of the draft: who hears of an error sends it again.
        let removed = if saved_to.is_some() { self.remove(placed.uid) } else { Ok(()) };
        let draft_stays = removed.err().map(|error| error.to_string());
        Ok(Sent { transaction, held, saved_to, draft_stays, text: answer.text.into() })
    }

    /// Removes a message of the open mailbox.
    pub fn remove(&mut self, uid: Uid) -> Result<()> {
        let flags = Flags::system(SystemFlags::DELETED);
        self.store(uid, StoreValue::Flags { action: FlagAction::Add, flags })?;
        let expunge = Command::Expunge { uids: Some(UidSet(only(uid))) };
        self.connection.run("EXPUNGE", &expunge).map(|_| ())
    }
}

/// A copy is where it was wanted. One for which there was no room is left out, and nobody says so.
const fn is_copied(response: &Response) -> bool {
    matches!(response, Response::Status(Status { code: Some(Code::CopyUid { .. }), .. }))
}

fn only(uid: Uid) -> NumSet {
    let mut numbers = NumSet::default();
    numbers.insert(uid.value());
    numbers
}
