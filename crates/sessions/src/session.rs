//! The border between a protocol's state machine and whoever drives it: the server's driver, or the test
//! kit's.
//!
//! A driver does always the same, whatever the protocol: hand in octets while the session wants them, call
//! [`Session::step`] until it says what must happen outside, do that, write out what it produced. A session
//! has no socket, no clock and no thread of its own; time is an argument and waiting is a [`Step`].

use std::fmt;
use std::sync::Arc;

use koi_dime::stacie::LoginToken;
use koi_dime::{Fingerprint, OrgSignet, SecretOctets, UserSignet};
use koi_mailbox::Ticket;
use koi_proto::sasl::scram::{Exporter, Proof, Salt};
use koi_types::{Access, AccessSet, AccountId, Address, MailError, ModSeq, Timestamp};

/// One connection of one protocol.
pub trait Session: Send {
    /// Octets from the peer. The driver hands in at most `limits::INPUT_OCTETS_MAX` at a time, and only while
    /// [`Session::wants_input`]; then calls `step`.
    fn input(&mut self, octets: &[u8]);
    /// Whether the session would take more octets now; while it does not, the driver leaves them in the
    /// socket.
    fn wants_input(&self) -> bool;
    /// The peer has closed its side; what arrived completely is still answered, then the session closes.
    fn input_closed(&mut self);
    /// The peer's octets are not what they should be (they cannot be inflated), and no more come: the next
    /// `step` says so and closes.
    fn input_broken(&mut self) {
        self.input_closed();
    }
    /// The account has come to a modseq: a hint that may be merged, repeated or lost. Call `step` after it.
    fn state_advanced(&mut self, account: AccountId, upto: ModSeq);
    /// The accounts whose commits this session wants to hear of now: few, and none twice.
    fn watches(&self) -> Vec<AccountId>;
    /// Whether the peer has said that it will only listen (IDLE): nothing need be held ready for it.
    fn rests(&self) -> bool {
        false
    }
    /// Whether the next step works on whole messages, which may be large: a driver that shares its thread
    /// lets others go elsewhere first.
    fn works_long(&self) -> bool {
        false
    }
    /// The handshake asked for by [`Step::StartTls`] is finished.
    fn tls_ready(&mut self, tls: &TlsFacts);
    /// What came of the effect of the last [`Step::Effect`].
    fn effect_done(&mut self, result: EffectResult);
    /// Runs until something must happen outside, adding to `out` what the peer is to be sent before that.
    fn step(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Step;
    /// When `step` must be called again at the latest, if nothing happens before.
    fn deadline(&self) -> Option<Timestamp>;
    /// The server is going down: the next `step` says so in the protocol's words and closes.
    fn shutdown(&mut self);
    /// Password changed, account removed or disabled: the next `step` says so and closes.
    fn account_gone(&mut self);
    /// Who is logged in.
    fn account(&self) -> Option<AccountId>;
    /// Octets of memory it holds, as it counts them itself.
    fn memory_octets(&self) -> usize {
        0
    }
    /// Takes what happened since the last call and is worth a line in the log or a counter.
    fn take_notes(&mut self) -> Vec<Note>;
}

/// What must happen before the session can go on.
#[must_use = "a session stands still until its driver has done what the step asks for"]
pub enum Step {
    /// Nothing to do until octets, a state change or the deadline come.
    NeedInput,
    /// The output is long enough: write it (`out` need not be empty afterwards), then step again.
    OutputFull,
    /// The time slice is used up; step again when others had their turn. Output may be written meanwhile.
    Yield,
    /// Step again when the ticket is resolved, whatever its result; or at the deadline, if there is one then.
    Await(Ticket),
    /// Do it, call `effect_done`, step again.
    Effect(Effect),
    /// Write out everything, throw away what is buffered unread, do the TLS handshake, call `tls_ready`, step
    /// again.
    StartTls,
    /// Write out everything; from then on compress what is written and inflate what is read; step again
    /// (RFC 4978 §3).
    StartCompress,
    /// Write out everything, end the compression if there is one, forget who was logged in; step again (RFC
    /// 8437 §3).
    Unauthenticated,
    /// Write out everything and close.
    Close,
}

/// What only the edge can do. Each kind of effect has its kind of result.
pub enum Effect {
    /// Check a password: on the hashing pool, with the throttle and the cache of proofs.
    Authenticate(Credentials),
    /// First half of SCRAM: the salt of a name and a fresh nonce. The same shape and time whether there is
    /// such an account or not (RFC 5802 §9).
    ScramBegin(ScramName),
    /// Second half, of the name last begun with: whether the proof fits.
    ScramProve(Proof),
    /// First half of STACIE: the challenge for a name, with a fresh nonce. The same shape and time whether
    /// there is such an account or not.
    StacieBegin(StacieName),
    /// Second half, of the name last begun with: whether the token fits.
    StacieProve(StacieProof),
    /// The password was changed by this session: all others of the account end.
    EndOthers,
    /// Look up the signet of a domain's organisation.
    Organisation(Box<str>),
    /// Look up signets elsewhere.
    Signets(SignetLookup),
}

/// The answer to an [`Effect`].
pub enum EffectResult {
    /// To `Authenticate`.
    Authenticated(Result<Login, MailError>),
    /// To `ScramBegin`.
    ScramBegun(Result<Salt, MailError>),
    /// To `ScramProve`.
    ScramProved(Result<ScramProved, MailError>),
    /// To `StacieBegin`: the challenge as it is sent, before base64.
    StacieBegun(Result<Box<[u8]>, MailError>),
    /// To `StacieProve`.
    StacieProved(Result<StacieProved, MailError>),
    /// To `EndOthers`.
    OthersEnded,
    /// To `Organisation`: verified. `Unavailable` when nobody could be asked.
    Organisation(Result<Arc<OrgSignet>, MailError>),
    /// To `Signets`: verified under their organisation.
    Signets(Result<Box<FoundSignets>, MailError>),
}

/// Signets to be looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignetLookup {
    /// `user@domain`, or the domain of an organisation.
    pub address: Box<str>,
    /// Of a user: this one; nothing: the current one.
    pub fingerprint: Option<Fingerprint>,
    /// Of a user: all of them, the newest first.
    pub history: bool,
}

/// Signets of another organisation, all verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundSignets {
    pub organisation: OrgSignet,
    /// The management record that names its key.
    pub record: Box<str>,
    /// The DNS has signed the record.
    pub is_validated: bool,
    /// Of the user that was asked for, the newest first.
    pub users: Vec<UserSignet>,
}

/// Who somebody says to be, and the proof.
#[derive(Debug)]
pub struct Credentials {
    /// What the login is for: an app password may not be good for it.
    pub access: Access,
    /// The name whose password this is: an address, or whatever the peer typed.
    pub authcid: Box<str>,
    /// Acting as somebody else (RFC 4616 §2).
    pub authzid: Option<Box<str>>,
    pub password: Secret,
}

/// Who somebody says to be, with the proof still to come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScramName {
    pub access: Access,
    pub authcid: Box<str>,
    /// Acting as somebody else (RFC 5802 §5.1).
    pub authzid: Option<Box<str>>,
}

/// Who somebody says to be in STACIE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StacieName {
    pub authcid: Box<str>,
    /// Acting as somebody else.
    pub authzid: Option<Box<str>>,
}

/// What a client shows in STACIE (docs/DIME.md, STACIE).
#[derive(Debug)]
pub struct StacieProof {
    pub token: LoginToken,
    /// The client's first message, which the server's proof covers.
    pub first: Box<[u8]>,
    /// The client's second, which is the token; the server's proof covers it too.
    pub message: SecretOctets,
    /// STACIE-PLUS: the nonce was bound to this.
    pub exporter: Option<Exporter>,
}

/// The token was right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StacieProved {
    pub login: Login,
    /// The server's own proof as it is sent, before base64.
    pub server_proof: Box<[u8]>,
}

/// The proof was right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScramProved {
    pub login: Login,
    /// `ServerSignature` of RFC 5802 §3.
    pub signature: [u8; 32],
}

/// An account, after its password was found right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    pub account: AccountId,
    pub address: Address,
    /// What this login may be used for; all of it with the account's own password.
    pub access: AccessSet,
    /// The name of the app password it came with: which of the user's clients it is.
    pub app_password: Option<Box<str>>,
}

/// Octets that are never printed and are overwritten when dropped.
pub struct Secret(Vec<u8>);

impl Secret {
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }
    /// The octets, for hashing.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a TLS handshake settled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsFacts {
    /// As rustls and the log name it, e.g. `TLSv1.3`.
    pub version: Box<str>,
    /// Cipher suite by its registered name.
    pub cipher: Box<str>,
    /// The `EXPORTER-Channel-Binding` (RFC 9266 §2); only of TLS 1.3, where it is always unique (RFC 9266
    /// §4.2).
    pub exporter: Option<Exporter>,
}

/// Who is at the other end, as the listener saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Address without port, e.g. `127.0.0.1` or `::1`.
    pub address: Box<str>,
    /// Set when TLS came before the greeting.
    pub tls: Option<TlsFacts>,
}

/// Something for the log or the counters. Never holds subjects, bodies or passwords.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    LoggedIn {
        address: Address,
    },
    /// A message was taken in for so many recipients.
    Delivered {
        recipients: usize,
        octets: u64,
    },
    /// A recipient's part of a delivery failed.
    DeliveryFailed {
        recipient: Box<str>,
        error: Box<str>,
    },
    /// An error of the service that the peer saw as an answer; the private context included.
    Failed {
        command: &'static str,
        error: Box<str>,
    },
    /// A fault of ours ended something that is not the session, which goes on.
    Panicked {
        what: Box<str>,
    },
    /// A command was answered.
    Command {
        name: &'static str,
    },
    /// Why the session ended.
    Ended {
        reason: &'static str,
    },
}
