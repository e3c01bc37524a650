//! Commands of DMTP: `STARTTLS EHLO HELO MODE MAIL RCPT DATA SGNT VRFY HIST RSET NOOP HELP QUIT`.

use super::arguments::Arguments;
use crate::fingerprint::Fingerprint;

/// Octets of a domain or an address.
const NAME_OCTETS_MAX: usize = koi_types::limits::ADDRESS_OCTETS_MAX;
/// Characters of the hash of a message in `DATA`.
const PROTOCOL: &str = "DMTPv1";

/// What a client asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// On a port that also speaks SMTP: TLS, and DMTP in it.
    StartTls {
        domain: String,
    },
    Ehlo {
        domain: String,
    },
    Mode,
    Mail {
        origin: String,
        signet: Fingerprint,
        parameters: MailParameters,
    },
    Rcpt {
        destination: String,
        signet: Fingerprint,
    },
    /// SHA-512 of the message that follows, if the client tells.
    Data {
        hash: Option<Fingerprint>,
    },
    /// The signet of a name, or the one with this fingerprint.
    Signet {
        name: Name,
        fingerprint: Option<Fingerprint>,
    },
    /// Whether this is still the signet of the name.
    Verify {
        name: Name,
        fingerprint: Fingerprint,
    },
    /// The chain of custody of a user, between two fingerprints.
    History {
        name: Name,
        start: Option<Fingerprint>,
        stop: Option<Fingerprint>,
    },
    Reset,
    Noop,
    Help,
    Quit,
}

/// A domain, or an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Name {
    Domain(String),
    User(koi_types::Address),
}

/// What MAIL says besides the origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailParameters {
    /// Octets of the message.
    pub size: u64,
    /// What may come back if the message cannot be delivered.
    pub return_: Option<Return>,
}

/// How much of a message comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Return {
    Full,
    Display,
    Header,
}

/// Why a line is no command: 500, 501, 504.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandError {
    /// No such command.
    Unknown,
    /// Arguments missing, malformed, or too many.
    Syntax,
    /// A parameter whose value is not supported (7-bit data, another protocol).
    Parameter,
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "command not known",
            Self::Syntax => "syntax error in arguments",
            Self::Parameter => "parameter not supported",
        })
    }
}

impl std::error::Error for CommandError {}

impl Command {
    /// The line without its end.
    pub fn parse(line: &str) -> Result<Self, CommandError> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut arguments = Arguments::new(rest);
        let command = Self::read(&verb.to_ascii_uppercase(), &mut arguments)?;
        if arguments.is_empty() { Ok(command) } else { Err(CommandError::Syntax) }
    }

    fn read(verb: &str, arguments: &mut Arguments<'_>) -> Result<Self, CommandError> {
        Ok(match verb {
            "STARTTLS" => start_tls(arguments)?,
            "EHLO" | "HELO" => Self::Ehlo { domain: domain(arguments, "HOST")? },
            "MODE" => Self::Mode,
            "MAIL" => mail(arguments)?,
            "RCPT" => {
                let destination = domain(arguments, "TO")?;
                Self::Rcpt { destination, signet: needed(arguments, "FINGERPRINT")? }
            }
            "DATA" => Self::Data { hash: fingerprint(arguments, "FINGERPRINT")? },
            "SGNT" => {
                let name = name(arguments)?;
                Self::Signet { name, fingerprint: fingerprint(arguments, "FINGERPRINT")? }
            }
            "VRFY" => {
                let name = name(arguments)?;
                Self::Verify { name, fingerprint: needed(arguments, "FINGERPRINT")? }
            }
            "HIST" => Self::History {
                name: name(arguments)?,
                start: fingerprint(arguments, "START")?,
                stop: fingerprint(arguments, "STOP")?,
            },
            "RSET" => Self::Reset,
            "NOOP" => free(arguments, Self::Noop),
            "HELP" => free(arguments, Self::Help),
            "QUIT" => Self::Quit,
            _ => return Err(CommandError::Unknown),
        })
    }

    /// The line with CRLF, in the older syntax.
    #[must_use]
    pub fn line(&self) -> String {
        let print = |fingerprint: &Option<Fingerprint>| {
            fingerprint.map(|fingerprint| format!(" [{fingerprint}]")).unwrap_or_default()
        };
        let line = match self {
            Self::StartTls { domain } => format!("STARTTLS <{domain}> MODE={PROTOCOL}"),
            Self::Ehlo { domain } => format!("EHLO <{domain}>"),
            Self::Mode => String::from("MODE"),
            Self::Mail { origin, signet, parameters } => {
                let size = parameters.size;
                format!("MAIL FROM: <{origin}> [{signet}] SIZE={size}{}", parameters.return_text())
            }
            Self::Rcpt { destination, signet } => format!("RCPT TO: <{destination}> [{signet}]"),
            Self::Data { hash } => format!("DATA{}", print(hash)),
            Self::Signet { name, fingerprint } => format!("SGNT <{name}>{}", print(fingerprint)),
            Self::Verify { name, fingerprint } => format!("VRFY <{name}> [{fingerprint}]"),
            Self::History { name, start, stop } => format!("HIST <{name}>{}{}", print(start), print(stop)),
            Self::Reset => String::from("RSET"),
            Self::Noop => String::from("NOOP"),
            Self::Help => String::from("HELP"),
            Self::Quit => String::from("QUIT"),
        };
        line + "\r\n"
    }
}

impl MailParameters {
    const fn return_text(self) -> &'static str {
        match self.return_ {
            None => "",
            Some(Return::Full) => " RETURN=FULL",
            Some(Return::Display) => " RETURN=DISPLAY",
            Some(Return::Header) => " RETURN=HEADER",
        }
    }
}

impl Name {
    /// With `@` it is an address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('@') {
            return koi_types::Address::from_path(text).map(Self::User);
        }
        is_domain(text).then(|| Self::Domain(text.to_ascii_lowercase()))
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Domain(domain) => f.write_str(domain),
            Self::User(address) => f.write_str(&address.as_path()),
        }
    }
}

fn start_tls(arguments: &mut Arguments<'_>) -> Result<Command, CommandError> {
    let domain = domain(arguments, "HOST")?;
    match arguments.word().map(str::to_ascii_uppercase).as_deref() {
        Some("MODE=DMTPV1" | "MODE=<DMTPV1>") => Ok(Command::StartTls { domain }),
        Some(_) => Err(CommandError::Parameter),
        None => Err(CommandError::Syntax),
    }
}

fn mail(arguments: &mut Arguments<'_>) -> Result<Command, CommandError> {
    let origin = domain(arguments, "FROM")?;
    let signet = needed(arguments, "FINGERPRINT")?;
    let (mut size, mut return_) = (None, None);
    while let Some(word) = arguments.word() {
        let (name, value) = word.split_once('=').ok_or(CommandError::Syntax)?;
        let is_new = match name.to_ascii_uppercase().as_str() {
            "SIZE" => size.replace(number(value)?).is_none(),
            "RETURN" => return_.replace(return_of(value)?).is_none(),
            "DATA" if value.eq_ignore_ascii_case("8BIT") => true,
            _ => return Err(CommandError::Parameter),
        };
        if !is_new {
            return Err(CommandError::Syntax);
        }
    }
    let size = size.ok_or(CommandError::Syntax)?;
    Ok(Command::Mail { origin, signet, parameters: MailParameters { size, return_ } })
}

fn return_of(value: &str) -> Result<Return, CommandError> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Ok(Return::Full),
        "DISPLAY" => Ok(Return::Display),
        "HEADER" => Ok(Return::Header),
        _ => Err(CommandError::Parameter),
    }
}

fn number(value: &str) -> Result<u64, CommandError> {
    let is_number = !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| value.parse().ok()).flatten().ok_or(CommandError::Syntax)
}

fn domain(arguments: &mut Arguments<'_>, name: &str) -> Result<String, CommandError> {
    let value = arguments.bracketed(name, '<', '>').filter(|value| is_domain(value));
    value.map(str::to_ascii_lowercase).ok_or(CommandError::Syntax)
}

fn name(arguments: &mut Arguments<'_>) -> Result<Name, CommandError> {
    let value = ["USER", "DOMAIN"].into_iter().find_map(|name| arguments.bracketed(name, '<', '>'));
    let value = value.filter(|value| value.len() <= NAME_OCTETS_MAX).and_then(Name::parse);
    value.ok_or(CommandError::Syntax)
}

fn fingerprint(arguments: &mut Arguments<'_>, name: &str) -> Result<Option<Fingerprint>, CommandError> {
    arguments.fingerprint(name).map_err(|()| CommandError::Syntax)
}

fn needed(arguments: &mut Arguments<'_>, name: &str) -> Result<Fingerprint, CommandError> {
    fingerprint(arguments, name)?.ok_or(CommandError::Syntax)
}

/// What stands behind these does not matter.
fn free(arguments: &mut Arguments<'_>, command: Command) -> Command {
    while arguments.word().is_some() {}
    command
}

fn is_domain(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b':'))
}
