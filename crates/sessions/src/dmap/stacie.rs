//! The server's side of STACIE and STACIE-PLUS (docs/DIME.md, STACIE): who it is, the challenge, the proof,
//! and the server's own proof, which the client answers with an empty line.
//!
//! The edge knows salts and tokens. Must not: tell a name that nobody has from one with a wrong password.

use koi_dime::stacie::exchange::{self, ClientFirst};
use koi_proto::sasl::scram::Exporter;
use koi_types::MailError;

use crate::auth::wrong;
use crate::session::{Effect, EffectResult, Login, StacieName, StacieProof};

/// One exchange.
#[derive(Debug)]
pub(crate) struct Stacie {
    /// STACIE-PLUS: what the nonce is bound to.
    exporter: Option<Exporter>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing came from the client yet.
    Begun,
    /// Asked for the challenge.
    Asked {
        first: Box<[u8]>,
    },
    Challenged {
        first: Box<[u8]>,
    },
    /// Asked whether the proof is right.
    Proving,
    /// The server has proved itself.
    Told(Box<Login>),
    Over,
}

/// What happens next.
#[must_use = "the client waits"]
pub(crate) enum Turn {
    Challenge(Vec<u8>),
    Effect(Effect),
    Accepted(Login),
    Refused(MailError),
    /// The client broke a rule: BAD.
    Malformed(&'static str),
}

impl Stacie {
    pub(crate) const fn new(exporter: Option<Exporter>) -> Self {
        Self { exporter, state: State::Begun }
    }
    /// Whether the connection counts as bound to from now on.
    pub(crate) const fn binds(&self) -> bool {
        self.exporter.is_some()
    }
    /// The initial response, decoded, if the client sent one; without one it is asked for.
    pub(crate) fn begin(&mut self, initial: Option<&[u8]>) -> Turn {
        match initial {
            Some(first) => self.response(first),
            None => Turn::Challenge(Vec::new()),
        }
    }
    /// A response, decoded.
    pub(crate) fn response(&mut self, response: &[u8]) -> Turn {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begun => self.first(response),
            State::Challenged { first } => self.proof(first, response),
            State::Told(login) if response.is_empty() => Turn::Accepted(*login),
            State::Told(_) => Turn::Malformed("STACIE: expected an empty response"),
            State::Asked { .. } | State::Proving | State::Over => Turn::Malformed("the exchange is over"),
        }
    }
    fn first(&mut self, response: &[u8]) -> Turn {
        let Ok(ClientFirst { authzid, authcid }) = ClientFirst::parse(response) else {
            return Turn::Malformed("STACIE: expected [authzid] NUL authcid");
        };
        let authzid = (!authzid.is_empty()).then(|| authzid.into());
        self.state = State::Asked { first: response.into() };
        Turn::Effect(Effect::StacieBegin(StacieName { authcid: authcid.into(), authzid }))
    }
    fn proof(&mut self, first: Box<[u8]>, response: &[u8]) -> Turn {
        let Ok(token) = exchange::parse_proof(response) else {
            return Turn::Malformed("STACIE: expected t=, a login token of 64 octets in base64url");
        };
        self.state = State::Proving;
        let message = exchange::proof_message(&token).into_bytes().into();
        Turn::Effect(Effect::StacieProve(StacieProof { token, first, message, exporter: self.exporter }))
    }
    /// What came of the effect last asked for.
    pub(crate) fn effect_done(&mut self, result: EffectResult) -> Turn {
        match (std::mem::replace(&mut self.state, State::Over), result) {
            (State::Asked { first }, EffectResult::StacieBegun(Ok(challenge))) => {
                self.state = State::Challenged { first };
                Turn::Challenge(challenge.into())
            }
            (State::Proving, EffectResult::StacieProved(Ok(proved))) => {
                self.state = State::Told(Box::new(proved.login));
                Turn::Challenge(proved.server_proof.into())
            }
            (_, EffectResult::StacieBegun(Err(error)) | EffectResult::StacieProved(Err(error))) => {
                Turn::Refused(error)
            }
            _ => Turn::Refused(wrong()),
        }
    }
}
