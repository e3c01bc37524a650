//! A test script as it is written: lines of text become actions (format: tests/scripts/README.md).
//!
//! Reading only; [`crate::runner`] plays it.

use std::collections::BTreeMap;
use std::fmt;

use koi_types::{AccessSet, Mode};

use crate::world::altered::Altered;
use crate::world::dmtp::Brought;
use crate::world::plenty::Many;

pub mod pattern;
mod text;
mod world;

pub use text::octets;

/// One file.
#[derive(Debug, Default)]
pub struct Script {
    pub name: String,
    /// `# spec:` headers, split at `;`.
    pub specs: Vec<String>,
    /// `text NAME:` blocks; lines end in CRLF.
    pub texts: BTreeMap<String, Vec<u8>>,
    pub lines: Vec<Line>,
    /// `no-pipelining`: the script depends on the server's answer before the next command is sent.
    pub no_pipelining: bool,
    /// `no-split`: the script's meaning depends on several octets arriving at once.
    pub no_split: bool,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub number: usize,
    pub source: String,
    pub action: Action,
}

/// What one line does. `peer` is the number of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Users(Vec<String>),
    /// Creates a mailbox when it is missing and fills it through the service.
    Mailbox {
        user: String,
        mailbox: String,
        fill: Vec<Fill>,
    },
    Set {
        name: String,
        value: String,
    },
    Open {
        peer: u32,
        protocol: Protocol,
        login: Option<String>,
        then: Option<String>,
    },
    /// Text as written, expanded when it is sent.
    Send {
        peer: u32,
        text: String,
        newline: bool,
    },
    /// Octets as they are on the wire, on a connection that is compressed.
    Raw {
        peer: u32,
        text: String,
    },
    Expect {
        peer: u32,
        text: String,
    },
    Never {
        peer: u32,
        text: String,
    },
    /// A whole message after DATA, with dots doubled and the final dot.
    Data {
        peer: u32,
        text: String,
    },
    /// The octets of a text, and CRLF: what DMTP counts.
    Counted {
        peer: u32,
        text: String,
    },
    Close {
        peer: u32,
    },
    /// The client reads nothing that is said, or reads on.
    Reads {
        peer: u32,
        reads: bool,
    },
    StartTls {
        peer: u32,
    },
    /// Binds the name to MAILBOXID (RFC 8474 §5.3).
    MailboxId {
        user: String,
        mailbox: String,
        name: String,
    },
    /// Binds the name of the text to the id of a blob with it (RFC 8620 §6.1).
    Upload {
        user: String,
        text: String,
    },
    /// By a fresh LMTP connection.
    Deliver {
        user: String,
        text: String,
    },
    Advance {
        millis: i64,
    },
    /// The clock moves so far whenever a session gives way in the middle of a command.
    YieldTakes {
        millis: i64,
    },
    Fault {
        name: String,
    },
    AccountGone {
        user: String,
    },
    /// The account itself, from the directory.
    Remove {
        user: String,
    },
    /// One that is good for these uses.
    AppPassword {
        user: String,
        name: String,
        access: AccessSet,
    },
    /// The mode of the account, and a key of the user before it.
    Mode {
        user: String,
        mode: Mode,
        has_key: bool,
    },
    /// A verifier of the long password.
    Stacie {
        user: String,
    },
    /// The texts `NAME_request` and `NAME_private`, and `$NAME` for the id.
    Key {
        name: String,
        former: Option<String>,
    },
    /// A text: a message from one user to another, ready to be submitted.
    Prime {
        name: String,
        from: String,
        to: String,
        text: String,
    },
    /// A text: a message from another organisation; `$NAME_size` and `$NAME_hash` are what DMTP says of it.
    Brought {
        name: String,
        how: Brought,
        to: String,
        text: String,
    },
    /// A text: another text, an encrypted message, altered; `$NAME_size` is what DMTP says of it.
    Altered {
        name: String,
        how: Altered,
        of: String,
    },
    /// A text: the signet of a domain, or of an address by a key and the key before it.
    Signet {
        name: String,
        of: String,
        key: Option<String>,
        former: Option<String>,
    },
    /// Binds what STACIE-PASSWD takes: `$passwd_key`, `$passwd_salt`, `$passwd_token`, and `$passwd_LABEL`
    /// for each realm.
    Passwd {
        user: String,
        password: String,
    },
    /// So many of something are there already.
    Many {
        user: String,
        what: Many,
        count: u32,
    },
    /// Binds `$NAME` and `$NAME_full` to the fingerprints of a signet.
    Fingerprints {
        of: String,
        name: String,
    },
    /// Answers the challenge of STACIE as its client does; `$proof` is what the server must answer.
    StacieProof {
        peer: u32,
        name: String,
        password: String,
        plus: bool,
    },
    /// The account setting.
    SentCopy {
        user: String,
        on: bool,
    },
    /// The settings of chat by IMAP, as if a client had set them.
    Coi {
        user: String,
        filter: Option<String>,
    },
    Shutdown,
    Housekeep,
    /// So many annotations `/private/1`, … of a mailbox, or of the server without a name.
    Annotations {
        user: String,
        mailbox: String,
        count: u32,
    },
    /// What is stored of all rows of a kind that there are of DMAP cannot be read any more.
    DamageRows {
        user: String,
        kind: u8,
    },
    /// The same of a message.
    Damage {
        user: String,
        mailbox: String,
        uid: u32,
    },
    /// Limits of one account; none for those that are not named.
    Quota {
        user: String,
        octets: Option<u64>,
        messages: Option<u64>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// So many numbered messages.
    Count(u32),
    /// The text of that name.
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TLS from the first octet.
    Imap,
    /// The same with TLS 1.2, which has no channel binding.
    ImapTls12,
    /// Clear text.
    ImapClear,
    Lmtp,
    /// Port 25, clear text.
    Smtp,
    /// Port 465: TLS from the first octet.
    Submission,
    /// Port 587.
    SubmissionClear,
    /// TLS 1.3 from the first octet.
    Dmap,
    /// Port 26: TLS from the first octet.
    Dmtp,
    /// A request a line.
    Jmap,
    /// What is pushed to one subscription.
    Push,
}

/// What is wrong with a script file.
#[derive(Debug)]
pub struct ParseError {
    pub line: usize,
    pub what: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl Script {
    pub fn parse(name: &str, source: &str) -> Result<Self, ParseError> {
        let mut script = Self { name: name.to_owned(), ..Self::default() };
        let mut lines = source.lines().enumerate().peekable();
        while let Some((at, raw)) = lines.next() {
            let line = uncommented(raw).trim_end();
            if let Some(specs) = raw.strip_prefix("# spec:") {
                script.specs.extend(specs.split(';').map(|s| s.trim().to_owned()));
                continue;
            }
            if line.is_empty() {
                continue;
            }
            if let Some(name) = line.strip_prefix("text ").and_then(|l| l.strip_suffix(':')) {
                let mut octets = Vec::new();
                while let Some((_, body)) = lines.next_if(|(_, l)| l.starts_with('|')) {
                    let body = body.strip_prefix("| ").or_else(|| body.strip_prefix('|')).unwrap_or("");
                    octets.extend(text::octets(body));
                    octets.extend(b"\r\n");
                }
                script.texts.insert(name.trim().to_owned(), octets);
                continue;
            }
            let mut line = line.to_owned();
            while let Some((_, more)) = lines.next_if(|(_, l)| l.starts_with("  ")) {
                // Inside of JSON there is no blank.
                let gap = if line.ends_with([',', '{', '[', ':']) { "" } else { " " };
                line = format!("{line}{gap}{}", uncommented(more).trim());
            }
            match &*line {
                "no-pipelining" => script.no_pipelining = true,
                "no-split" => script.no_split = true,
                _ => {
                    let action = action(&line).map_err(|what| ParseError { line: at + 1, what })?;
                    script.lines.push(Line { number: at + 1, source: line, action });
                }
            }
        }
        if script.specs.is_empty() {
            return Err(ParseError { line: 1, what: "no `# spec:` header".to_owned() });
        }
        Ok(script)
    }
}

/// A comment begins at the start of the line, or after three blanks.
fn uncommented(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    line.split_once("   # ").map_or(line, |(before, _)| before)
}

fn action(line: &str) -> Result<Action, String> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = line.split_at(digits);
    match number.parse::<u32>() {
        Ok(peer) => peer_action(peer, rest),
        Err(_) => world::action(line),
    }
}

fn peer_action(peer: u32, rest: &str) -> Result<Action, String> {
    let after = |mark: &str| rest.strip_prefix(mark).map(|t| t.strip_prefix(' ').unwrap_or(t).to_owned());
    if let Some(text) = after(">-") {
        return Ok(Action::Send { peer, text, newline: false });
    }
    if let Some(text) = after(">") {
        return Ok(Action::Send { peer, text, newline: true });
    }
    if let Some(text) = after("<") {
        return Ok(Action::Expect { peer, text });
    }
    if let Some(text) = after("!") {
        return Ok(Action::Never { peer, text });
    }
    if let Some(what) = after(":") {
        return open(peer, &what);
    }
    match rest.trim().split_once(' ').unwrap_or((rest.trim(), "")) {
        ("raw", text) => Ok(Action::Raw { peer, text: text.to_owned() }),
        ("stacie", rest) => stacie_proof(peer, rest, false),
        ("stacie-plus", rest) => stacie_proof(peer, rest, true),
        ("data", text) => Ok(Action::Data { peer, text: text.to_owned() }),
        ("counted", text) => Ok(Action::Counted { peer, text: text.to_owned() }),
        ("close", "") => Ok(Action::Close { peer }),
        ("stops", "reading") => Ok(Action::Reads { peer, reads: false }),
        ("reads", "on") => Ok(Action::Reads { peer, reads: true }),
        ("starttls", "") => Ok(Action::StartTls { peer }),
        _ => Err(format!("not an action of a connection: `{rest}`")),
    }
}

fn open(peer: u32, what: &str) -> Result<Action, String> {
    let (protocol, rest) = what.split_once(' ').unwrap_or((what, ""));
    let protocol = match protocol {
        "imap" => Protocol::Imap,
        "imap-tls12" => Protocol::ImapTls12,
        "imap-clear" => Protocol::ImapClear,
        "lmtp" => Protocol::Lmtp,
        "smtp" => Protocol::Smtp,
        "submission" => Protocol::Submission,
        "submission-clear" => Protocol::SubmissionClear,
        "dmap" => Protocol::Dmap,
        "dmtp" => Protocol::Dmtp,
        "push" => Protocol::Push,
        "jmap" => Protocol::Jmap,
        other => return Err(format!("no such protocol: `{other}`")),
    };
    let (login, then) = rest.split_once(' ').unwrap_or((rest, ""));
    let some = |s: &str| (!s.is_empty()).then(|| s.to_owned());
    Ok(Action::Open { peer, protocol, login: some(login), then: some(then) })
}

/// `alice correct horse battery staple`
fn stacie_proof(peer: u32, rest: &str, plus: bool) -> Result<Action, String> {
    let (name, password) = rest.split_once(' ').ok_or("stacie NAME PASSWORD")?;
    Ok(Action::StacieProof { peer, name: name.to_owned(), password: password.to_owned(), plus })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_line() {
        let source = "# spec: RFC 2177 §3; RFC 3501 §7\nusers: alice\n\
            mailbox: alice/INBOX 3 messages hello\n\
            text hello:\n| From: a\n|\n| Hi <LF>x\n1: imap alice select INBOX\n1> a NOOP   # comment\n\
            1< a OK ...\n1! * 1 EXISTS\nadvance 29m\n1 close\n";
        let script = Script::parse("x", source).unwrap();
        assert_eq!(script.specs, ["RFC 2177 §3", "RFC 3501 §7"]);
        assert_eq!(script.texts["hello"], b"From: a\r\n\r\nHi \nx\r\n");
        assert_eq!(script.lines[3].action, Action::Send { peer: 1, text: "a NOOP".into(), newline: true });
        assert_eq!(script.lines[6].action, Action::Advance { millis: 29 * 60_000 });
        assert_eq!(script.lines.last().unwrap().number, 13);
    }

    #[test]
    fn says_where_it_is_wrong() {
        let wrong = Script::parse("x", "# spec: RFC 2177 §3\n\nnonsense\n").unwrap_err();
        assert_eq!((wrong.line, wrong.what.as_str()), (3, "not an action: `nonsense`"));
        assert!(Script::parse("x", "users: alice\n").unwrap_err().what.contains("spec"));
    }
}
