//! A client's dialogue with its server: one command at a time, its literals when they are asked for, and
//! every response until the one that completes it (DMAP-00 §3.2, §6.5 and §8.5).
//!
//! Opens no connection: octets go in by `feed` and out by `take_output`.

use std::collections::VecDeque;

use super::{Decoder, Received};
use crate::dmap::command::{Append, Command, DONE, Encoded, SASL_CANCEL, encode_sasl};
use crate::dmap::response::{Response, Status};
use crate::line::Tag;
use crate::line::lex::SyntaxError;

/// The state of a dialogue.
#[derive(Debug)]
pub struct Dialogue {
    decoder: Decoder,
    output: Vec<u8>,
    /// Of the command in progress.
    tag: Option<Tag>,
    /// What follows once the server has asked for it.
    pieces: VecDeque<Vec<u8>>,
    /// Tags given so far.
    tags: u32,
}

/// What happened.
#[must_use = "each of these obliges the client to something"]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Send what `take_output` gives, then feed what comes.
    NeedMore,
    /// Server data, the greeting, or BYE; it may have nothing to do with the command in progress.
    Untagged(Response),
    /// The server waits in AUTHENTICATE, for `answer` or `cancel`, or for `end_idle`; with its challenge if
    /// it is one.
    Waiting { challenge: Option<Vec<u8>> },
    /// The command in progress is completed; another may be begun.
    Completed(Status),
    /// Not a response of this protocol; the next one is read.
    Malformed(SyntaxError),
    /// The dialogue cannot go on: close.
    Lost(&'static str),
}

/// Another command is in progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Busy;

impl Dialogue {
    /// `octets_max`: of one response, as in `Decoder::new`.
    #[must_use]
    pub fn new(octets_max: usize) -> Self {
        let decoder = Decoder::new(octets_max);
        Self { decoder, output: Vec::new(), tag: None, pieces: VecDeque::new(), tags: 0 }
    }
    /// Begins a command.
    pub fn begin(&mut self, command: &Command) -> Result<(), Busy> {
        self.send(|tag| command.encode(tag))
    }
    /// Begins APPEND with the whole message; its `octets` are counted here.
    pub fn append(&mut self, append: &Append, message: &[u8]) -> Result<(), Busy> {
        self.send(|tag| append.encode_with(tag, message))
    }
    /// Answers a challenge of AUTHENTICATE.
    pub fn answer(&mut self, response: &[u8]) {
        self.output.extend(encode_sasl(response));
    }
    /// Gives up AUTHENTICATE; the server completes it with BAD.
    pub fn cancel(&mut self) {
        self.output.extend_from_slice(SASL_CANCEL);
    }
    /// Ends IDLE.
    pub fn end_idle(&mut self) {
        self.output.extend_from_slice(DONE);
    }
    /// What is to be sent now.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }
    /// What the server has sent.
    pub fn feed(&mut self, octets: &[u8]) {
        self.decoder.feed(octets);
    }
    /// What happened next. Call until `NeedMore`.
    pub fn next_event(&mut self) -> Event {
        loop {
            let response = match self.decoder.receive() {
                Received::NeedMore => return Event::NeedMore,
                // What became of the command nobody knows.
                Received::Malformed { tag, .. } if tag.is_some() && tag == self.tag => {
                    return self.lost(UNREADABLE);
                }
                Received::Malformed { error, .. } => return Event::Malformed(error),
                Received::TooLarge => return self.lost("the server sends more than this client takes"),
                Received::Response(response) => response,
            };
            match response {
                Response::Continue(_) => match self.pieces.pop_front() {
                    Some(piece) => self.output.extend(piece),
                    None => return Event::Waiting { challenge: response.challenge() },
                },
                Response::Status(status) if status.tag.is_some() => return self.completed(status),
                response => return Event::Untagged(response),
            }
        }
    }

    fn send(&mut self, encode: impl FnOnce(&Tag) -> Encoded) -> Result<(), Busy> {
        let next = Tag::new(&format!("k{}", self.tags.wrapping_add(1)));
        let (None, Some(tag)) = (&self.tag, next) else {
            return Err(Busy);
        };
        let encoded = encode(&tag);
        self.pieces = encoded.pieces().map(<[u8]>::to_vec).collect();
        self.output.extend(self.pieces.pop_front().unwrap_or_default());
        self.tags = self.tags.wrapping_add(1);
        self.tag = Some(tag);
        Ok(())
    }
    /// No command is in progress any more, and none can be begun with good sense.
    fn lost(&mut self, why: &'static str) -> Event {
        self.tag = None;
        self.pieces.clear();
        Event::Lost(why)
    }
    /// What was not asked for any more is not sent (DMAP-00 §3.2.1).
    fn completed(&mut self, status: Status) -> Event {
        if status.tag != self.tag {
            return self.lost("the server answers a command that is not in progress");
        }
        self.tag = None;
        self.pieces.clear();
        Event::Completed(status)
    }
}

const UNREADABLE: &str = "the server completes a command in a way that cannot be read";

#[cfg(test)]
mod tests {
    use koi_types::{Flags, MailboxName};

    use super::*;
    use crate::dmap::Code;
    use crate::dmap::command::{MetaChange, Secret};
    use crate::dmap::name::MailboxArg;
    use crate::dmap::response::Condition;

    fn dialogue() -> Dialogue {
        Dialogue::new(10_000)
    }

    fn completes(dialogue: &mut Dialogue) -> (Condition, Option<Code>) {
        match dialogue.next_event() {
            Event::Completed(status) => (status.condition, status.code),
            other => panic!("{other:?}"),
        }
    }

    fn long_meta() -> Command {
        let mailbox = MailboxArg::Name(MailboxName::inbox());
        Command::MailboxMeta { mailbox, change: Some(MetaChange::Set(vec![b'm'; 5000])) }
    }

    /// DMAP-00 §3.2
    #[test]
    fn one_command_at_a_time() {
        let mut dialogue = dialogue();
        dialogue.feed(b"* OK ready\r\n");
        assert!(matches!(dialogue.next_event(), Event::Untagged(Response::Status(_))));
        assert_eq!(dialogue.begin(&Command::Noop), Ok(()));
        assert_eq!(dialogue.begin(&Command::Noop), Err(Busy));
        assert_eq!(dialogue.take_output(), b"k1 NOOP\r\n");
        dialogue.feed(b"* 3 EXISTS\r\nk1 OK done\r\n");
        assert_eq!(dialogue.next_event(), Event::Untagged(Response::Exists(3)));
        assert_eq!(completes(&mut dialogue), (Condition::Ok, None));
        assert_eq!(dialogue.next_event(), Event::NeedMore);
        assert_eq!(dialogue.begin(&Command::Logout), Ok(()));
        assert_eq!(dialogue.take_output(), b"k2 LOGOUT\r\n");
        dialogue.feed(b"k1 OK what?\r\n");
        assert!(matches!(dialogue.next_event(), Event::Lost(_)));
    }

    /// DMAP-00 §8.5
    #[test]
    fn literals_are_sent_when_they_are_asked_for() {
        let mut dialogue = dialogue();
        dialogue.begin(&long_meta()).unwrap();
        assert_eq!(dialogue.take_output(), b"k1 MBOXMETA INBOX ~{5000}\r\n");
        dialogue.feed(b"* 1 EXISTS\r\n+ go\r\n");
        assert_eq!(dialogue.next_event(), Event::Untagged(Response::Exists(1)));
        assert_eq!(dialogue.next_event(), Event::NeedMore);
        assert_eq!(dialogue.take_output().len(), 5002);
    }

    /// DMAP-00 §3.2.1: a completion instead of `+` ends the command.
    #[test]
    fn what_is_refused_is_not_sent() {
        let mut dialogue = dialogue();
        dialogue.begin(&long_meta()).unwrap();
        dialogue.feed(b"k1 NO [TOOBIG] no\r\n");
        assert_eq!(completes(&mut dialogue), (Condition::No, Some(Code::TooBig)));
        let _ = dialogue.take_output();
        dialogue.begin(&Command::Noop).unwrap();
        assert_eq!(dialogue.take_output(), b"k2 NOOP\r\n");
    }

    /// DMAP-00 §7.2.1
    #[test]
    fn authenticate() {
        let mut dialogue = dialogue();
        let initial_response = Some(Secret(b"\0a".to_vec()));
        dialogue.begin(&Command::Authenticate { mechanism: "STACIE".into(), initial_response }).unwrap();
        dialogue.feed(b"+ AGE=\r\n");
        assert_eq!(dialogue.next_event(), Event::Waiting { challenge: Some(b"\0a".to_vec()) });
        dialogue.answer(b"\0b");
        dialogue.feed(b"+ \r\n");
        assert_eq!(dialogue.next_event(), Event::Waiting { challenge: Some(vec![]) });
        dialogue.cancel();
        assert_eq!(dialogue.take_output(), b"k1 AUTHENTICATE STACIE AGE=\r\nAGI=\r\n*\r\n");
        dialogue.feed(b"k1 BAD cancelled\r\n");
        assert_eq!(completes(&mut dialogue), (Condition::Bad, None));
    }

    /// DMAP-00 §7.3.10, RFC 9051 §6.3.13
    #[test]
    fn append_and_idle() {
        let mut dialogue = dialogue();
        let mailbox = MailboxArg::Name(MailboxName::inbox());
        let flags = Flags::default();
        let append = Append { mailbox, flags, internal_date: None, meta: None, octets: 0, literal8: true };
        dialogue.append(&append, b"m\0").unwrap();
        assert_eq!(dialogue.take_output(), b"k1 APPEND INBOX ~{2+}\r\nm\0\r\n");
        dialogue.feed(b"k1 OK [APPENDUID 1 8] done\r\n");
        assert_eq!(completes(&mut dialogue).0, Condition::Ok);
        dialogue.append(&append, &[7; 4097]).unwrap();
        assert_eq!(dialogue.take_output(), b"k2 APPEND INBOX ~{4097}\r\n");
        dialogue.feed(b"+ go\r\nk2 OK done\r\n");
        assert_eq!(completes(&mut dialogue).0, Condition::Ok);
        assert_eq!(dialogue.take_output().len(), 4099);
        dialogue.begin(&Command::Idle).unwrap();
        dialogue.feed(b"+ idling\r\n* 3 EXISTS\r\n");
        assert_eq!(dialogue.next_event(), Event::Waiting { challenge: None });
        assert_eq!(dialogue.next_event(), Event::Untagged(Response::Exists(3)));
        dialogue.end_idle();
        assert_eq!(dialogue.take_output(), b"k3 IDLE\r\nDONE\r\n");
    }

    /// DMAP-00 §3.2.2: a completion that cannot be read ends the dialogue, and leaves no command in progress.
    #[test]
    fn a_completion_that_cannot_be_read() {
        let mut dialogue = dialogue();
        dialogue.begin(&long_meta()).unwrap();
        dialogue.feed(b"k7 WHAT\r\nk1 WHAT\r\n");
        assert!(matches!(dialogue.next_event(), Event::Malformed(_)));
        assert!(matches!(dialogue.next_event(), Event::Lost(_)));
        let _ = dialogue.take_output();
        assert_eq!(dialogue.begin(&Command::Noop), Ok(()));
        assert_eq!(dialogue.take_output(), b"k2 NOOP\r\n");
    }

    /// DMAP-00 §3.2.2
    #[test]
    fn what_cannot_be_read() {
        let mut dialogue = dialogue();
        dialogue.feed(b"* 0 EXPUNGE\r\n* 1 FETCH (BODY[] ~{10001}\r\n");
        assert!(matches!(dialogue.next_event(), Event::Malformed(_)));
        assert!(matches!(dialogue.next_event(), Event::Lost(_)));
        assert_eq!(dialogue.next_event(), Event::NeedMore);
    }
}
