//! A connection: commands go out, and what the server says until each is completed comes back (DMAP-00 §3.2).

use std::io::{Read, Write};

use koi_proto::dmap::client::{Dialogue, Event};
use koi_proto::dmap::command::Append;
use koi_proto::dmap::response::{Condition, Status};
use koi_proto::dmap::{Capability, Code, Command, Response};
use koi_types::limits;
use zeroize::Zeroize as _;

use crate::error::{Error, Result};

/// Octets read at a time.
const READ_OCTETS: usize = 16 * 1024;
/// Responses to one command; a client here asks for messages in slices.
const RESPONSES_MAX: usize = 100_000;

/// A connection whose greeting was read.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    dialogue: Dialogue,
    capabilities: Vec<Capability>,
    /// Why the server is about to close.
    bye: Option<String>,
}

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub code: Option<Code>,
    pub text: Box<str>,
    /// All that came before, whether the command asked for it or not.
    pub data: Vec<Response>,
}

impl<S: Read + Write> Connection<S> {
    /// Reads the greeting; TLS is there already.
    pub fn open(stream: S) -> Result<Self> {
        let dialogue = Dialogue::new(limits::DMAP_RESPONSE_OCTETS_MAX);
        let mut connection = Self { stream, dialogue, capabilities: Vec::new(), bye: None };
        let greeting = match connection.next_event() {
            Ok(Event::Untagged(Response::Status(status))) => status,
            Ok(_) | Err(Error::Protocol(_)) => return Err(Error::NotDmap),
            Err(error) => return Err(error),
        };
        match greeting.condition {
            Condition::Ok => {}
            Condition::Bye => return Err(Error::Closed(greeting.text.into())),
            _ => return Err(Error::NotDmap),
        }
        connection.learn(greeting.code.as_ref());
        if connection.capabilities.is_empty() {
            connection.ask_capabilities()?;
        }
        match connection.can(&Capability::DmapV1) {
            true => Ok(connection),
            false => Err(Error::NotDmap),
        }
    }

    /// Whether the server offers something.
    #[must_use]
    pub fn can(&self, capability: &Capability) -> bool {
        self.capabilities.contains(capability)
    }
    #[must_use]
    pub fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }

    /// Runs a command; `name` is for the person when the server refuses it.
    pub fn run(&mut self, name: &'static str, command: &Command) -> Result<Answer> {
        self.dialogue.begin(command).map_err(|_| busy())?;
        self.until_completed(name)
    }
    /// Puts a message into a mailbox.
    pub fn append(&mut self, append: &Append, message: &[u8]) -> Result<Answer> {
        self.dialogue.append(append, message).map_err(|_| busy())?;
        self.until_completed("APPEND")
    }
    /// Says goodbye; whether the server answers is of no matter.
    pub fn logout(mut self) {
        let _ = self.run("LOGOUT", &Command::Logout);
    }

    /// Begins a command in which the server will wait for more.
    pub(crate) fn begin(&mut self, command: &Command) -> Result<()> {
        self.dialogue.begin(command).map_err(|_| busy())
    }
    /// Answers what the server waits for.
    pub(crate) fn answer(&mut self, octets: &[u8]) {
        self.dialogue.answer(octets);
    }
    /// Gives up AUTHENTICATE, and hears the server out.
    pub(crate) fn cancel(&mut self) {
        self.dialogue.cancel();
        while !matches!(self.next_event(), Ok(Event::Completed(_)) | Err(_)) {}
    }

    /// The server's next challenge, or how it has completed the command.
    pub(crate) fn challenge(&mut self) -> Result<Challenged> {
        loop {
            match self.next_event()? {
                Event::Waiting { challenge } => return Ok(Challenged::Asked(challenge.unwrap_or_default())),
                Event::Completed(status) => return Ok(Challenged::Completed(status)),
                event => self.note(&event),
            }
        }
    }
    /// What a completion that is OK says of capabilities.
    pub(crate) fn learn(&mut self, code: Option<&Code>) {
        if let Some(Code::Capability(capabilities)) = code {
            self.capabilities.clone_from(capabilities);
        }
    }
    pub(crate) fn ask_capabilities(&mut self) -> Result<()> {
        let answer = self.run("CAPABILITY", &Command::Capability)?;
        for response in answer.data {
            if let Response::Capability(capabilities) = response {
                self.capabilities = capabilities;
            }
        }
        Ok(())
    }

    fn until_completed(&mut self, name: &'static str) -> Result<Answer> {
        let mut data = Vec::new();
        loop {
            let event = self.next_event()?;
            self.note(&event);
            match event {
                Event::Untagged(_) if data.len() >= RESPONSES_MAX => {
                    return Err(Error::Protocol("more responses than were asked for".into()));
                }
                Event::Untagged(response) => data.push(response),
                Event::Completed(status) => return completed(name, status, data),
                _ => return Err(Error::Protocol("the server waits for something nobody has".into())),
            }
        }
    }

    fn note(&mut self, event: &Event) {
        if let Event::Untagged(Response::Status(Status { condition: Condition::Bye, text, .. })) = event {
            self.bye = Some(text.to_string());
        }
    }

    fn next_event(&mut self) -> Result<Event> {
        loop {
            match self.dialogue.next_event() {
                Event::NeedMore => {
                    self.send()?;
                    self.receive()?;
                }
                Event::Lost(why) => return Err(Error::Protocol(why.into())),
                Event::Malformed(error) => return Err(Error::Protocol(error.to_string())),
                event => return Ok(event),
            }
        }
    }
    fn send(&mut self) -> Result<()> {
        let mut output = self.dialogue.take_output();
        let sent = self.stream.write_all(&output).and_then(|()| self.stream.flush());
        // A proof of the password, or a key, may have been in it.
        output.zeroize();
        sent.or_else(|error| self.ended(error))
    }
    fn receive(&mut self) -> Result<()> {
        let mut octets = [0; READ_OCTETS];
        loop {
            match self.stream.read(&mut octets) {
                Ok(0) => return Err(Error::Closed(self.bye.take().unwrap_or_default())),
                Ok(count) => {
                    self.dialogue.feed(octets.get(..count).unwrap_or_default());
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return self.ended(error),
            }
        }
    }
    /// After BYE it does not matter how the connection ends.
    fn ended(&mut self, error: std::io::Error) -> Result<()> {
        Err(self.bye.take().map_or(Error::Io(error), Error::Closed))
    }
}

/// What the server does in AUTHENTICATE.
pub(crate) enum Challenged {
    Asked(Vec<u8>),
    Completed(Status),
}

fn completed(name: &'static str, status: Status, data: Vec<Response>) -> Result<Answer> {
    match status.condition {
        Condition::Ok => Ok(Answer { code: status.code, text: status.text, data }),
        _ => Err(Error::Refused { command: name, code: status.code, text: status.text.into() }),
    }
}

fn busy() -> Error {
    Error::Protocol("another command is in progress".into())
}
