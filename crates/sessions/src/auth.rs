//! AUTHENTICATE of IMAP and AUTH of SMTP: which mechanisms are offered, and one exchange from its name to its
//! end (RFC 4422 §3).
//!
//! The protocol writes challenges and reads responses its own way, gives every response to
//! [`Authentication`], and does what its [`Turn`] says. Passwords and proofs are checked by the edge. Must
//! not: know a protocol's words.

use koi_proto::sasl::scram::Exporter;
use koi_proto::sasl::{self, Answer, Ended, Exchange, Mechanism, Question};
use koi_types::{Access, ErrorKind, MailError};

use crate::session::{Credentials, Effect, EffectResult, Login, ScramName, Secret, TlsFacts};

/// What a connection can log in with now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Offer {
    /// The connection is encrypted, or passwords may go in clear text here.
    pub protected: bool,
    /// SCRAM-SHA-256, and with `exporter` SCRAM-SHA-256-PLUS.
    pub scram: bool,
    /// LOGIN, for the clients of submission that know nothing else.
    pub login: bool,
    /// What SCRAM-SHA-256-PLUS binds to.
    pub exporter: Option<Exporter>,
    /// The connection was bound to once already: RFC 9266 §4.1 forbids to do it again.
    pub bound: bool,
}

/// Why an exchange does not begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotOffered {
    /// Not known, or not here.
    Mechanism,
    /// Not without TLS.
    Unprotected,
    /// Not twice on one connection (RFC 9266 §4.1).
    BoundAlready,
}

/// What happens next in an exchange.
#[must_use = "the client waits"]
pub enum Turn {
    /// Send it in base64; the decoded answer goes to [`Authentication::response`].
    Challenge(Vec<u8>),
    /// For the driver; what comes of it goes to [`Authentication::effect_done`].
    Effect(Effect),
    /// The account is the client's.
    Accepted(Login),
    /// Not: the text says no more than the client may know.
    Refused(MailError),
}

impl Offer {
    /// `tls`: of this connection.
    #[must_use]
    pub fn new(tls: Option<&TlsFacts>, plain_without_tls: bool, scram: bool) -> Self {
        let exporter = tls.and_then(|tls| tls.exporter);
        let protected = tls.is_some() || plain_without_tls;
        Self { protected, scram, login: false, exporter, bound: false }
    }

    /// Strongest first. SCRAM without TLS would show an eavesdropper what to search for the password, so
    /// nothing is offered there but where the administrator allows clear text.
    pub fn mechanisms(self) -> impl Iterator<Item = Mechanism> {
        Mechanism::ALL.into_iter().filter(move |m| self.protected && self.has(*m))
    }

    fn has(&self, mechanism: Mechanism) -> bool {
        match mechanism {
            Mechanism::ScramSha256Plus => self.scram && self.exporter.is_some(),
            Mechanism::ScramSha256 => self.scram,
            Mechanism::Plain => true,
            Mechanism::Login => self.login,
        }
    }
}

/// One exchange.
#[derive(Debug)]
pub struct Authentication {
    exchange: Exchange,
    access: Access,
    /// Who it is, when the server's last word is still to be said.
    login: Option<Login>,
    refused: Option<MailError>,
}

impl Authentication {
    /// Begins an exchange for `access` with the mechanism the client named; [`Authentication::begin`] is
    /// next.
    pub fn new(name: &str, offer: &Offer, access: Access) -> Result<Self, NotOffered> {
        let mechanism = Mechanism::parse(name).filter(|m| offer.has(*m)).ok_or(NotOffered::Mechanism)?;
        if !offer.protected {
            return Err(NotOffered::Unprotected);
        }
        if mechanism == Mechanism::ScramSha256Plus && offer.bound {
            return Err(NotOffered::BoundAlready);
        }
        // `y` in the client's first message means that it did not see the PLUS we offered.
        let exporter = offer.exporter.filter(|_| offer.has(Mechanism::ScramSha256Plus));
        Ok(Self { exchange: Exchange::new(mechanism, exporter), access, login: None, refused: None })
    }

    /// Whether the connection counts as bound to from now on ([`Offer::bound`]).
    #[must_use]
    pub fn binds(&self) -> bool {
        self.exchange.mechanism() == Mechanism::ScramSha256Plus
    }

    /// Whether the client was told that it failed, though the exchange has not ended: a client that cancels
    /// now has failed all the same.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.exchange.has_failed()
    }

    /// The initial response, decoded, if the client sent one (RFC 4422 §3.3).
    pub fn begin(&mut self, initial: Option<&[u8]>) -> Turn {
        let turn = self.exchange.begin(initial);
        self.turn(turn)
    }

    /// A response, decoded. A client that cancels instead (`*`) just ends the exchange: drop it.
    pub fn response(&mut self, response: &[u8]) -> Turn {
        let turn = self.exchange.response(response);
        self.turn(turn)
    }

    /// What came of the effect last asked for.
    pub fn effect_done(&mut self, result: EffectResult) -> Turn {
        let answer = match result {
            EffectResult::Authenticated(Ok(login)) => {
                self.login = Some(login);
                Answer::Accepted
            }
            EffectResult::ScramBegun(Ok(salt)) => Answer::Salt(salt),
            EffectResult::ScramProved(Ok(proved)) => {
                self.login = Some(proved.login);
                Answer::Signature(proved.signature)
            }
            EffectResult::Authenticated(Err(error))
            | EffectResult::ScramBegun(Err(error))
            | EffectResult::ScramProved(Err(error)) => {
                self.refused = Some(error);
                Answer::Refused
            }
            // Of a mechanism that is not here.
            EffectResult::StacieBegun(_)
            | EffectResult::StacieProved(_)
            | EffectResult::OthersEnded
            | EffectResult::Organisation(_)
            | EffectResult::Signets(_) => Answer::Refused,
        };
        let turn = self.exchange.answer(answer);
        self.turn(turn)
    }

    fn turn(&mut self, turn: sasl::Turn) -> Turn {
        match turn {
            sasl::Turn::Challenge(challenge) => Turn::Challenge(challenge),
            sasl::Turn::Ask(question) => Turn::Effect(self.effect(question)),
            sasl::Turn::Ended(Ended::Accepted) => match self.login.take() {
                Some(login) => Turn::Accepted(login),
                None => Turn::Refused(wrong()),
            },
            sasl::Turn::Ended(Ended::Refused) => Turn::Refused(self.refused.take().unwrap_or_else(wrong)),
            sasl::Turn::Ended(Ended::Malformed(why)) => {
                Turn::Refused(MailError::new(ErrorKind::AuthenticationFailed, why))
            }
        }
    }

    fn effect(&self, question: Question) -> Effect {
        let access = self.access;
        match question {
            Question::Password { authcid, authzid, password } => {
                let password = Secret::new(password);
                Effect::Authenticate(Credentials { access, authcid, authzid, password })
            }
            Question::Salt { authcid, authzid } => Effect::ScramBegin(ScramName { access, authcid, authzid }),
            Question::Proof(proof) => Effect::ScramProve(proof),
        }
    }
}

/// The same words for every reason, so that nobody learns which addresses exist.
#[must_use]
pub fn wrong() -> MailError {
    MailError::new(ErrorKind::AuthenticationFailed, "Invalid login or password")
}

/// The password is right, but not for acting as somebody else (RFC 4616 §2, RFC 5530 §3): who knows the
/// password learns nothing new by it.
#[must_use]
pub fn not_as_other() -> MailError {
    MailError::new(ErrorKind::NoPermission, "You may not act as somebody else")
}

#[cfg(test)]
mod tests;
