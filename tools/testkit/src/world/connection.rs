//! One connection to the world: a session in place of a socket, stepped until it waits for something.

use std::collections::VecDeque;

use koi_dime::stacie::Nonce;
use koi_dime::stacie::exchange::ServerProof;
use koi_mailbox::MailboxService;
use koi_mailbox::dmap::StacieLogin;
use koi_proto::deflate::{Broken, without_end};
use koi_proto::sasl::scram::{Salt, SaltedPassword, ScramKeys, keys};
use koi_sessions::{
    Effect, EffectResult, Login, Note, ScramName, ScramProved, Session, StacieName, StacieProof,
    StacieProved, Step,
};
use koi_types::{AccessSet, MailError, Timestamp};

use super::login::{authenticate, login, named, wrong};
use super::{PASSWORD, SCRAM_ITERATIONS};
use crate::packing::Packing;

/// One connection: a session, what waits for it, and what it said.
pub struct Connection {
    pub(super) session: Box<dyn Session>,
    /// Octets from the client that the session did not take yet.
    pub(super) input: VecDeque<u8>,
    /// What the server is about to say.
    output: Vec<u8>,
    /// What the server said and nobody looked at yet.
    pub said: Vec<u8>,
    pub closed: bool,
    /// The client reads what is said.
    pub(super) reads: bool,
    /// The session has said so much that it waits for that.
    is_full: bool,
    /// The session waits for a handshake.
    pub wants_tls: bool,
    /// Both sides compress.
    pub(super) packing: Option<Packing>,
    /// What ended a compressed stream may still come.
    behind_packing: bool,
    pub(super) waiting: Option<koi_mailbox::Ticket>,
    scram: Option<Scram>,
    stacie: Option<Stacie>,
    /// Its account's other connections are to end.
    pub(super) ends_others: bool,
    /// SCRAM exchanges so far: the server's nonces are `server1`, `server2`, …
    exchanges: u32,
    /// How often it let others go first.
    pub yields: usize,
    /// How often it said that a step takes long.
    pub long_steps: usize,
    /// The most memory the session counted, and the most of its inflater.
    pub memory_peak: MemoryPeak,
    pub notes: Vec<Note>,
}

/// What was held at once, in octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MemoryPeak {
    pub session: usize,
    pub inflater: usize,
}

/// A SCRAM exchange between its halves.
struct Scram {
    /// `None`: nobody has this name.
    login: Option<Login>,
    keys: ScramKeys,
}

/// A STACIE exchange between its halves.
struct Stacie {
    login: StacieLogin,
    nonce: Nonce,
    as_other: bool,
}

impl Connection {
    pub(super) fn new(session: Box<dyn Session>) -> Self {
        Self {
            session,
            input: VecDeque::new(),
            output: Vec::new(),
            said: Vec::new(),
            closed: false,
            reads: true,
            is_full: false,
            wants_tls: false,
            packing: None,
            behind_packing: false,
            waiting: None,
            scram: None,
            stacie: None,
            ends_others: false,
            exchanges: 0,
            yields: 0,
            long_steps: 0,
            memory_peak: MemoryPeak::default(),
            notes: Vec::new(),
        }
    }
    /// Whether anything happened.
    pub(super) fn run(&mut self, now: Timestamp, service: &MailboxService) -> bool {
        if self.closed || (self.is_full && !self.reads) {
            return false;
        }
        self.is_full = false;
        if let Some(ticket) = &self.waiting {
            if ticket.peek().is_none() && self.session.deadline().is_none_or(|deadline| deadline > now) {
                return false;
            }
            self.waiting = None;
        }
        let mut any = false;
        any |= self.session.wants_input() && self.hear();
        self.long_steps += usize::from(self.session.works_long());
        let step = self.session.step(now, &mut self.output);
        self.measure();
        self.notes.extend(self.session.take_notes());
        any |= !self.output.is_empty();
        match &mut self.packing {
            Some(packing) => packing.server_says(&std::mem::take(&mut self.output), &mut self.said),
            None => self.said.append(&mut self.output),
        }
        match step {
            Step::NeedInput => {
                any |= self.packing.as_mut().is_some_and(Packing::go_on);
                any |= !self.input.is_empty() && self.session.wants_input();
            }
            Step::OutputFull => {
                self.is_full = true;
                any = true;
            }
            Step::Yield => {
                self.yields += 1;
                any = true;
            }
            Step::Await(ticket) => {
                any |= ticket.peek().is_some();
                self.waiting = Some(ticket);
            }
            Step::Effect(effect) => {
                let result = self.effect(effect, service);
                self.session.effect_done(result);
                any = true;
            }
            Step::StartTls => self.wants_tls = true,
            Step::StartCompress => {
                self.packing = Some(Packing::default());
                any = true;
            }
            Step::Unauthenticated => {
                if let Some(packing) = self.packing.take() {
                    let clear = packing.end();
                    self.behind_packing = clear.is_empty();
                    clear.into_iter().rev().for_each(|octet| self.input.push_front(octet));
                }
                any = true;
            }
            Step::Close => {
                self.closed = true;
                any = true;
            }
        }
        any
    }
    /// What the session counts now.
    #[must_use]
    pub fn memory_octets(&self) -> usize {
        self.session.memory_octets()
    }
    fn measure(&mut self) {
        let inflater = self.packing.as_ref().map_or(0, Packing::inflater_octets);
        let MemoryPeak { session, inflater: before } = self.memory_peak;
        let session = session.max(self.session.memory_octets());
        self.memory_peak = MemoryPeak { session, inflater: before.max(inflater) };
    }
    /// Hands the session some of what the client has sent; whether anything came of it.
    fn hear(&mut self) -> bool {
        let Some(packing) = &mut self.packing else {
            let mut some: Vec<u8> = self.input.drain(..self.input.len().min(4096)).collect();
            if self.behind_packing {
                some = without_end(&some).to_vec();
                self.behind_packing = some.is_empty();
            }
            if !some.is_empty() {
                self.session.input(&some);
            }
            return !some.is_empty();
        };
        match packing.server_hears(&mut self.input) {
            Ok(heard) if heard.is_empty() => false,
            Ok(heard) => {
                self.session.input(&heard);
                true
            }
            Err(Broken) => {
                self.session.input_broken();
                true
            }
        }
    }
    fn effect(&mut self, effect: Effect, service: &MailboxService) -> EffectResult {
        match effect {
            Effect::Authenticate(credentials) => {
                EffectResult::Authenticated(authenticate(service, &credentials))
            }
            Effect::ScramBegin(name) => EffectResult::ScramBegun(self.scram_begin(service, &name)),
            Effect::ScramProve(proof) => {
                let scram = self.scram.take().expect("an exchange was begun");
                let signature = scram.keys.verify(&proof.auth_message, &proof.proof);
                let proved = scram.login.zip(signature);
                let proved = proved.map(|(login, signature)| ScramProved { login, signature });
                EffectResult::ScramProved(proved.ok_or_else(wrong))
            }
            Effect::StacieBegin(name) => EffectResult::StacieBegun(self.stacie_begin(service, &name)),
            Effect::StacieProve(proof) => EffectResult::StacieProved(self.stacie_prove(&proof)),
            Effect::Organisation(domain) => EffectResult::Organisation(super::dmtp::looked_up(&domain)),
            Effect::Signets(wanted) => EffectResult::Signets(super::dmtp::signets_found(&wanted)),
            Effect::EndOthers => {
                self.ends_others = true;
                EffectResult::OthersEnded
            }
        }
    }
    fn stacie_begin(&mut self, service: &MailboxService, name: &StacieName) -> Result<Box<[u8]>, MailError> {
        let address = named(&name.authcid).ok_or_else(wrong)?;
        let login = service.stacie(&address)?;
        self.exchanges += 1;
        let nonce = Nonce([u8::try_from(self.exchanges % 256).unwrap(); 128]);
        let challenge = login.challenge(nonce).message().into_bytes().into();
        let as_other = name.authzid.as_ref().is_some_and(|z| named(z).as_ref() != Some(&address));
        self.stacie = Some(Stacie { login, nonce, as_other });
        Ok(challenge)
    }
    fn stacie_prove(&mut self, proof: &StacieProof) -> Result<StacieProved, MailError> {
        let Stacie { login, nonce, as_other } = self.stacie.take().expect("an exchange was begun");
        let challenge = login.challenge(nonce).message();
        let nonce = proof.exporter.map_or(nonce, |exporter| nonce.bound_to(&exporter));
        let proven = login.check(&proof.token, &nonce).filter(|_| !as_other).ok_or_else(wrong)?;
        let server = ServerProof::new(login.token(), &proof.first, challenge.as_bytes(), &proof.message);
        let (account, address) = (proven.account, proven.address);
        let login = Login { account, address, access: AccessSet::ALL, app_password: None };
        Ok(StacieProved { login, server_proof: server.message().into_bytes().into() })
    }
    /// The same for names nobody has.
    fn scram_begin(&mut self, service: &MailboxService, name: &ScramName) -> Result<Salt, MailError> {
        let login = login(service, &name.authcid, name.authzid.as_deref())?;
        let counted = named(&name.authcid).map_or_else(|| name.authcid.to_string(), |a| a.to_string());
        let salt = keys::salt_of(&[1; 32], &counted);
        let keys = ScramKeys::new(&SaltedPassword::new(PASSWORD.as_bytes(), &salt, SCRAM_ITERATIONS));
        self.scram = Some(Scram { login, keys });
        self.exchanges += 1;
        let nonce = format!("server{}", self.exchanges).into();
        Ok(Salt { salt: salt.into(), iterations: SCRAM_ITERATIONS, nonce })
    }
}
