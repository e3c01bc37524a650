//! What can go wrong between a client and its server, in words for the person, with what to do about it.

use std::fmt;

use koi_dime::NoRandomness;
use koi_dime::key::KeyError;
use koi_dime::message::WriteError;
use koi_dime::stacie::BadUsername;
use koi_dime::stacie::envelope::EnvelopeError;
use koi_dime::stacie::exchange::BadMessage;
use koi_proto::dmap::Code;

use crate::compose::BadLetter;
use crate::signet::SignetProblem;

/// Of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something was not done.
#[derive(Debug)]
pub enum Error {
    Io(std::io::Error),
    /// The server has closed the connection; its last words, if there were any.
    Closed(String),
    /// The server does not follow the protocol.
    Protocol(String),
    /// The server says NO, or BAD.
    Refused {
        command: &'static str,
        code: Option<Code>,
        text: String,
    },
    /// What answers is no DMAP server.
    NotDmap,
    /// The server offers no mechanism that keeps the password from it.
    NoStacie,
    /// Name or password are not those of an account.
    WrongPassword,
    Username(BadUsername),
    /// The server's challenge is malformed, or asks for too much.
    Challenge(BadMessage),
    /// The server does not know what it must know of the password: it is not the account's.
    Impostor,
    /// Salt, bonus or name are not what they were at the login before.
    PinChanged,
    /// The server may know more of the account's mail than at the login before.
    ModeChanged,
    Random(NoRandomness),
    /// The account has no realm of this label.
    NoRealm(String),
    /// An envelope under a key of a realm was not made or opened.
    Envelope(EnvelopeError),
    /// META that belongs to something else, is malformed, or older than what was seen before.
    Meta(&'static str),
    /// The account has no current key.
    NoKey,
    /// The organisation has not signed the key yet.
    Pending,
    /// The private part of this key is neither on the server nor here.
    NoPrivatePart(String),
    Key(KeyError),
    /// What the server has of a key is not what was uploaded.
    KeyChanged(&'static str),
    Signet(SignetProblem),
    Letter(BadLetter),
    Write(WriteError),
    /// There is no such message, or the server does not give it.
    NoMessage,
    /// The password change was refused before anything was sent.
    Password(&'static str),
    Wallet(crate::wallet::BadWallet),
}

impl Error {
    /// What the person can do; empty where there is nothing to say.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Io(_) | Self::Closed(_) => "check that the server runs and try again",
            Self::Protocol(_) | Self::NotDmap => "check host and port: DMAP is usually on port 9933",
            Self::NoStacie => "ask the administrator whether DMAP is set up for this account",
            Self::WrongPassword => {
                "check the address and the password; the server keeps no way to recover it"
            }
            Self::Username(_) => "write the account as user@domain",
            Self::Challenge(_) => "update this program, or ask the administrator what the server runs",
            Self::Impostor => {
                "do not try again from here: check the server's name and certificate; nothing that opens \
                 your mail was sent"
            }
            Self::ModeChanged => {
                "if you have had the mode changed, say --accept-new-salt once; if not, do not log in"
            }
            Self::PinChanged => {
                "if the password was changed from another device, say --accept-new-salt once; if not, do \
                 not log in"
            }
            Self::Random(_) => "the system gives no random octets: nothing safe can be made here",
            Self::NoRealm(_) | Self::NoKey => "make a key with `koi dmap keys create`",
            Self::Envelope(_) | Self::Key(_) => {
                "it was made under another password's keys, or changed on the server: restore it from a \
                 device that can still open it"
            }
            Self::Meta(_) => {
                "the server may have mixed up or rolled back what you stored: compare with another device"
            }
            Self::Pending => {
                "wait until the organisation has signed it, then ask again with `koi dmap keys list`"
            }
            Self::NoPrivatePart(_) => {
                "use the device on which the key was made, or copy its profile folder here"
            }
            Self::KeyChanged(_) => "do not use this key; ask the administrator what happened to it",
            Self::Signet(problem) => problem.remedy(),
            Self::Letter(_) => "correct the message and send it again",
            Self::Write(_) => "send it in smaller parts",
            Self::NoMessage => "`koi dmap list` shows which messages there are",
            Self::Password(_) => "choose another password",
            Self::Wallet(_) => {
                "restore the file from a backup; deleting it forgets which keys were seen before"
            }
            Self::Refused { code, .. } => code.as_ref().map_or("", refused),
        }
    }
    /// Whether the server has refused with this code.
    #[must_use]
    pub fn is(&self, wanted: &Code) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if code == wanted)
    }
}

/// What a code of the server asks for.
fn refused(code: &Code) -> &'static str {
    match code {
        Code::KeyPolicy => "the account's mode forbids it: `koi dmap mode` shows the mode",
        Code::NotCurrent => "the key was replaced meanwhile: send again, which uses the current one",
        Code::BadSsr => {
            "the new key must be signed by the one before: make it where that one's private part is"
        }
        Code::NoSignet => "the recipient has no key that this server can find; check the address",
        Code::SignetInvalid => "the recipient's signet does not verify: ask the recipient, do not send",
        Code::SubmissionRace => "another device is sending it, or has: look at the mailbox",
        Code::OverQuota => "delete mail, or ask the administrator for more room",
        Code::TooBig => "send less at once",
        Code::TryCreate => "create the mailbox first",
        Code::NonExistent => "`koi dmap mailboxes` and `koi dmap list` show what there is",
        Code::AuthorizationFailed | Code::NoPerm => "log in as the account itself",
        Code::Unavailable | Code::InUse => "try again later",
        Code::ContactAdmin => "ask the administrator",
        _ => "",
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            Self::Closed(text) if text.is_empty() => f.write_str("the server closed the connection"),
            Self::Closed(text) => write!(f, "the server closed the connection: {text}"),
            Self::Protocol(text) => write!(f, "the server does not speak DMAP as it should: {text}"),
            Self::Refused { command, text, .. } => write!(f, "the server refused {command}: {text}"),
            Self::NotDmap => f.write_str("what answers there is no DMAP server"),
            Self::NoStacie => {
                f.write_str("the server offers no login that keeps the password from it (STACIE)")
            }
            Self::WrongPassword => f.write_str("the server does not know this address with this password"),
            Self::Username(error) => error.fmt(f),
            Self::Challenge(error) => write!(f, "the server's challenge: {error}"),
            Self::Impostor => f.write_str("the server did not prove that it knows the account"),
            Self::ModeChanged => f.write_str("the account is in a less strict mode than before"),
            Self::PinChanged => f.write_str("the server gives another salt for this account than before"),
            Self::Random(error) => error.fmt(f),
            Self::NoRealm(label) => write!(f, "the account has no realm `{label}`"),
            Self::Envelope(error) => error.fmt(f),
            Self::Meta(what) => f.write_str(what),
            Self::NoKey => f.write_str("the account has no key yet"),
            Self::Pending => f.write_str("the organisation has not signed the key yet"),
            Self::NoPrivatePart(id) => write!(f, "the private part of key {id} is not to be had"),
            Self::Key(error) => error.fmt(f),
            Self::KeyChanged(what) => f.write_str(what),
            Self::Signet(problem) => problem.fmt(f),
            Self::Letter(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
            Self::NoMessage => f.write_str("there is no such message"),
            Self::Password(what) => f.write_str(what),
            Self::Wallet(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

macro_rules! from {
    ($($type:ty => $variant:ident,)*) => {
        $(impl From<$type> for Error {
            fn from(error: $type) -> Self {
                Self::$variant(error)
            }
        })*
    };
}
from! {
    std::io::Error => Io,
    BadUsername => Username,
    BadMessage => Challenge,
    NoRandomness => Random,
    EnvelopeError => Envelope,
    KeyError => Key,
    SignetProblem => Signet,
    BadLetter => Letter,
    WriteError => Write,
    crate::wallet::BadWallet => Wallet,
}
