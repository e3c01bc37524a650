//! The server's side of one exchange, whatever the mechanism and the protocol (RFC 4422 §3).
//!
//! The session hands in responses already decoded and does what each [`Turn`] says: send a challenge, ask
//! somebody, or end. Neither IMAP nor SMTP can send data with its success, so the server's last message of
//! SCRAM is a challenge that the client answers with an empty response (RFC 4422 §5).

use super::base64::base64_encode;
use super::mechanism::Mechanism;
use super::parse_plain;
use super::scram::{Challenged, ClientFirst, Exporter, Proof, Salt, ServerError};

/// One exchange that goes on.
#[derive(Debug)]
pub struct Exchange {
    mechanism: Mechanism,
    /// What can be bound to on this connection.
    exporter: Option<Exporter>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing came from the client yet.
    Begun,
    /// LOGIN: the name came.
    LoginName(Box<str>),
    /// Asked whether the password is right.
    Checking,
    /// Asked for the salt.
    Salting(Box<ClientFirst>),
    Salted(Box<Challenged>),
    /// Asked whether the proof is right.
    Proving,
    /// The last word was said; the client's answer does not change it.
    Told(Ended),
    Over,
}

/// What happens next.
#[must_use = "the client waits"]
#[derive(Debug)]
pub enum Turn {
    /// Send it; what comes back goes to `response`.
    Challenge(Vec<u8>),
    /// Find out; what comes of it goes to `answer`.
    Ask(Question),
    Ended(Ended),
}

/// What only somebody else knows.
pub enum Question {
    /// Is this the password? To be answered with `Accepted` or `Refused`.
    Password { authcid: Box<str>, authzid: Option<Box<str>>, password: Vec<u8> },
    /// The salt of a name, whether somebody has it or not. To be answered with `Salt`.
    Salt { authcid: Box<str>, authzid: Option<Box<str>> },
    /// Does this proof fit what the salt was asked for? To be answered with `Signature` or `Refused`.
    Proof(Proof),
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password",
            Self::Salt { .. } => "Salt",
            Self::Proof(_) => "Proof",
        })
    }
}

/// What came of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// No, or it cannot be found out now.
    Refused,
    Accepted,
    Salt(Salt),
    /// The proof is right; with this the server proves itself.
    Signature([u8; 32]),
}

/// How an exchange ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    Accepted,
    /// Whoever answered the question knows why.
    Refused,
    /// The client broke a rule.
    Malformed(&'static str),
}

impl Exchange {
    /// `exporter`: what channel binding would bind to, when the client was told that it is possible
    /// (RFC 9266 §2).
    #[must_use]
    pub const fn new(mechanism: Mechanism, exporter: Option<Exporter>) -> Self {
        Self { mechanism, exporter, state: State::Begun }
    }

    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Whether the client was told that it failed and has still to answer.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        matches!(self.state, State::Told(Ended::Refused | Ended::Malformed(_)))
    }

    /// Begins, with the initial response when the client sent one (RFC 4422 §3.3).
    pub fn begin(&mut self, initial: Option<&[u8]>) -> Turn {
        match initial {
            Some(response) => self.response(response),
            None if self.mechanism == Mechanism::Login => Turn::Challenge(b"Username:".to_vec()),
            None => Turn::Challenge(Vec::new()),
        }
    }

    /// A response of the client.
    pub fn response(&mut self, response: &[u8]) -> Turn {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begun => match self.mechanism {
                Mechanism::Plain => self.plain(response),
                Mechanism::Login => self.login_name(response),
                Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => self.scram_first(response),
            },
            State::LoginName(authcid) => {
                self.state = State::Checking;
                Turn::Ask(Question::Password { authcid, authzid: None, password: response.to_vec() })
            }
            State::Salted(challenged) => match challenged.proof(response) {
                Ok(proof) => {
                    self.state = State::Proving;
                    Turn::Ask(Question::Proof(proof))
                }
                Err(error) => self.tell_error(error),
            },
            State::Told(Ended::Accepted) if !response.is_empty() => {
                Turn::Ended(Ended::Malformed("SCRAM: expected an empty response"))
            }
            State::Told(ended) => Turn::Ended(ended),
            State::Checking | State::Salting(_) | State::Proving | State::Over => out_of_turn(),
        }
    }

    /// The answer to the question last asked.
    pub fn answer(&mut self, answer: Answer) -> Turn {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::Checking, Answer::Accepted) => Turn::Ended(Ended::Accepted),
            (State::Salting(first), Answer::Salt(salt)) => {
                let challenged = first.challenge(&salt);
                let message = challenged.message().to_vec();
                self.state = State::Salted(Box::new(challenged));
                Turn::Challenge(message)
            }
            (State::Proving, Answer::Signature(signature)) => {
                self.state = State::Told(Ended::Accepted);
                Turn::Challenge(format!("v={}", base64_encode(&signature)).into_bytes())
            }
            (State::Proving, Answer::Refused) => {
                self.state = State::Told(Ended::Refused);
                Turn::Challenge(ServerError::InvalidProof.message())
            }
            (State::Salting(_), Answer::Refused) => {
                self.state = State::Told(Ended::Refused);
                Turn::Challenge(ServerError::NoResources.message())
            }
            _ => Turn::Ended(Ended::Refused),
        }
    }

    fn plain(&mut self, response: &[u8]) -> Turn {
        match parse_plain(response) {
            Ok(plain) => {
                self.state = State::Checking;
                Turn::Ask(Question::Password {
                    authcid: plain.authentication,
                    authzid: plain.authorization,
                    password: plain.password.into_string().into_bytes(),
                })
            }
            Err(why) => Turn::Ended(Ended::Malformed(why)),
        }
    }

    fn login_name(&mut self, response: &[u8]) -> Turn {
        match std::str::from_utf8(response) {
            Ok(name) if !name.is_empty() => {
                self.state = State::LoginName(name.into());
                Turn::Challenge(b"Password:".to_vec())
            }
            _ => Turn::Ended(Ended::Malformed("LOGIN: not a name")),
        }
    }

    fn scram_first(&mut self, response: &[u8]) -> Turn {
        let plus = self.mechanism == Mechanism::ScramSha256Plus;
        match ClientFirst::parse(response, plus, self.exporter.as_ref()) {
            Ok(first) => {
                let (authcid, authzid) = (first.username.clone(), first.authzid.clone());
                self.state = State::Salting(Box::new(first));
                Turn::Ask(Question::Salt { authcid, authzid })
            }
            Err(error) => self.tell_error(error),
        }
    }

    fn tell_error(&mut self, error: ServerError) -> Turn {
        self.state = State::Told(Ended::Malformed(error.value()));
        Turn::Challenge(error.message())
    }
}

fn out_of_turn() -> Turn {
    Turn::Ended(Ended::Malformed("the exchange is over"))
}

#[cfg(test)]
mod tests;
