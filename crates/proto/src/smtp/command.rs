//! SMTP and LMTP commands with their parameters (RFC 5321 §4.1, RFC 2033 §4.1, RFC 4954 §4, RFC 3030 §2).

use koi_types::{Address, ReversePath};

/// A complete command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// RFC 5321 §4.1.1.1; the name is as the client gave it and proves nothing.
    Ehlo(Box<str>),
    Helo(Box<str>),
    /// RFC 2033 §4.1
    Lhlo(Box<str>),
    Mail(Mail),
    Rcpt(Rcpt),
    /// If the answer is 354, call `Decoder::begin_data` before anything else.
    Data,
    /// The octets of the chunk follow as `Decoded::Data`, whether or not the command is welcome (RFC 3030
    /// §2).
    Bdat {
        octets: u64,
        last: bool,
    },
    Rset,
    Noop,
    Quit,
    Vrfy(Box<str>),
    Expn(Box<str>),
    Help,
    StartTls,
    /// RFC 4954 §4; the response is base64 as sent, `=` for an empty one. The rest comes as
    /// `Decoded::AuthLine`.
    Auth {
        mechanism: Box<str>,
        initial_response: Option<Box<str>>,
    },
}

/// MAIL FROM (RFC 5321 §4.1.1.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// Not ASCII only if `smtputf8`.
    pub from: ReversePath,
    /// RFC 1870 §6
    pub size: Option<u64>,
    /// RFC 6152 §2, RFC 3030 §3
    pub body: Option<BodyType>,
    /// RFC 6531 §3.4
    pub smtputf8: bool,
    /// AUTH= (RFC 4954 §5), as sent.
    pub auth: Option<Box<str>>,
}

/// RCPT TO (RFC 5321 §4.1.1.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rcpt {
    /// May be not ASCII: whether MAIL had SMTPUTF8 the session knows (else 553 5.6.7, RFC 6531 §3.5).
    pub to: Path,
}

/// A forward-path; source routes are read and dropped (RFC 5321 §4.1.1.3 and appendix C).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Path {
    Address(Address),
    /// `<Postmaster>` without a domain (RFC 5321 §4.1.1.3).
    Postmaster,
}

/// BODY=
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyType {
    SevenBit,
    EightBitMime,
    /// RFC 3030 §3
    BinaryMime,
}
