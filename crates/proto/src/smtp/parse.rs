//! From a command line to a command, or to the reply that refuses it (RFC 5321 §4.1.1 and §4.2.4, RFC 2033
//! §4.1).

use koi_types::ReversePath;

use super::command::{BodyType, Command, Mail, Path, Rcpt};
use super::decode::Protocol;
use super::path::{Inside, path};
use super::reply::{EnhancedCode, Reply};

/// Commands are found without regard to case; white space before the line end is tolerated (RFC 5321 §4.1.1).
pub(super) fn parse(line: &[u8], protocol: Protocol) -> Result<Command, Reply> {
    let Ok(line) = std::str::from_utf8(line) else {
        return Err(Reply::new(500, EnhancedCode::new(5, 5, 2), "Command is neither ASCII nor UTF-8"));
    };
    if line.bytes().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
        return Err(Reply::new(500, EnhancedCode::new(5, 5, 2), "Bare CR, bare LF or NUL in the command"));
    }
    let line = line.trim_end_matches([' ', '\t']);
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    match (verb.to_ascii_uppercase().as_str(), protocol) {
        ("EHLO", Protocol::Smtp) => client_name(argument).map(Command::Ehlo),
        ("HELO", Protocol::Smtp) => client_name(argument).map(Command::Helo),
        ("LHLO", Protocol::Lmtp) => client_name(argument).map(Command::Lhlo),
        ("EHLO" | "HELO", Protocol::Lmtp) => Err(unknown("This is LMTP: say LHLO")),
        ("MAIL", _) => mail(argument).map(Command::Mail),
        ("RCPT", _) => rcpt(argument).map(Command::Rcpt),
        ("DATA", _) => alone(argument, Command::Data),
        ("BDAT", _) => bdat(argument),
        ("RSET", _) => alone(argument, Command::Rset),
        ("NOOP", _) => Ok(Command::Noop),
        ("QUIT", _) => alone(argument, Command::Quit),
        ("VRFY", _) => Ok(Command::Vrfy(argument.into())),
        ("EXPN", _) => Ok(Command::Expn(argument.into())),
        ("HELP", _) => Ok(Command::Help),
        ("STARTTLS", _) => alone(argument, Command::StartTls),
        ("AUTH", _) => auth(argument),
        _ => Err(unknown("Unknown command")),
    }
}

/// Whether a line is BDAT: if it cannot be read nobody knows what of the following is message (RFC 3030 §2).
pub(super) fn is_bdat(line: &[u8]) -> bool {
    line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"BDAT"))
        && matches!(line.get(4), None | Some(b' ' | b'\t'))
}

/// Whether a line is the first of an HTTP request. A page can make a browser post to any port of its own
/// machine, and what it posts would be read as commands.
pub(super) fn is_http(line: &[u8]) -> bool {
    line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0")
}

/// The same by its beginning, where its end has not come yet: a page chooses how long the path is.
pub(super) fn begins_http(line: &[u8]) -> bool {
    let method = line.iter().take_while(|octet| octet.is_ascii_uppercase()).count();
    method > 0 && line.get(method..).is_some_and(|rest| rest.starts_with(b" /"))
}

pub(super) fn no_web_server() -> Reply {
    unknown("This is no web server")
}

fn unknown(text: &'static str) -> Reply {
    Reply::new(500, EnhancedCode::new(5, 5, 1), text)
}

fn syntax(text: &'static str) -> Reply {
    Reply::new(501, EnhancedCode::new(5, 5, 4), text)
}

fn alone(argument: &str, command: Command) -> Result<Command, Reply> {
    if argument.is_empty() { Ok(command) } else { Err(syntax("This command has no parameters")) }
}

/// ```abnf
/// ehlo = "EHLO" SP ( Domain / address-literal ) CRLF   ; RFC 5321 §4.1.1.1
/// ```
/// The name decides nothing. QUIRK client_name
fn client_name(argument: &str) -> Result<Box<str>, Reply> {
    let name = argument.trim_start();
    let valid = !name.is_empty() && name.len() <= 255 && !name.contains(|c: char| c.is_control() || c == ' ');
    if valid { Ok(name.into()) } else { Err(syntax("Needs the name of the client")) }
}

/// ```abnf
/// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF   ; RFC 5321 §4.1.1.2
/// ```
fn mail(argument: &str) -> Result<Mail, Reply> {
    let text = after_word(argument, "FROM:").ok_or_else(|| syntax("Syntax: MAIL FROM:<address>"))?;
    let bad_sender = || Reply::new(501, EnhancedCode::new(5, 1, 7), "Not a reverse-path");
    let found = path(text).ok_or_else(bad_sender)?;
    let from = match found.inside {
        Inside::Nothing => ReversePath::Null,
        Inside::Address(address) => ReversePath::Address(address),
        Inside::Local(_) => return Err(bad_sender()),
    };
    let mut mail = Mail { from, size: None, body: None, smtputf8: false, auth: None };
    for parameter in parameters(found.rest)? {
        mail_parameter(&mut mail, parameter?)?;
    }
    if !mail.smtputf8 && !mail.from.to_string().is_ascii() {
        return Err(Reply::new(553, EnhancedCode::new(5, 6, 7), "Such an address needs SMTPUTF8"));
    }
    Ok(mail)
}

fn mail_parameter(mail: &mut Mail, parameter: Parameter<'_>) -> Result<(), Reply> {
    let Parameter { keyword, value } = parameter;
    let again = match (keyword.to_ascii_uppercase().as_str(), value) {
        ("SIZE", Some(value)) => mail.size.replace(size(value)?).is_some(),
        ("BODY", Some(value)) => mail.body.replace(body(value)?).is_some(),
        ("SMTPUTF8", None) => std::mem::replace(&mut mail.smtputf8, true),
        ("AUTH", Some(value)) => mail.auth.replace(submitter(value)?).is_some(),
        ("SIZE" | "BODY" | "SMTPUTF8" | "AUTH", _) => return Err(syntax("Malformed parameter of MAIL")),
        _ => return Err(unknown_parameter()),
    };
    if again { Err(syntax("A parameter of MAIL comes twice")) } else { Ok(()) }
}

/// ```abnf
/// size-value = 1*20DIGIT   ; RFC 1870 §6.1
/// ```
fn size(value: &str) -> Result<u64, Reply> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    if digits { Ok(value.parse().unwrap_or(u64::MAX)) } else { Err(syntax("SIZE is not a number")) }
}

/// Who submitted the message, decoded; `<>` for nobody known (RFC 4954 §5).
///
/// ```abnf
/// auth-param = "AUTH=" xtext            ; RFC 4954 §8; decoded it is a Mailbox or "<>"
/// xtext      = *( xchar / hexchar )     ; RFC 3461 §4
/// hexchar    = ASCII "+" immediately followed by two upper case hexadecimal digits
/// ```
fn submitter(value: &str) -> Result<Box<str>, Reply> {
    let malformed = || syntax("AUTH is not an address in xtext");
    let decoded = decode_xtext(value).ok_or_else(malformed)?;
    // No route in front: that is a path's, not a Mailbox's.
    let is_mailbox = || !decoded.starts_with('@') && is_mailbox(&decoded);
    if decoded == "<>" || is_mailbox() { Ok(decoded.into()) } else { Err(malformed()) }
}

/// Whether this is an address and nothing else.
fn is_mailbox(mailbox: &str) -> bool {
    let text = format!("<{mailbox}>");
    path(&text).is_some_and(|p| matches!(p.inside, Inside::Address(_)) && p.rest.is_empty())
}

fn decode_xtext(value: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => upper_hex(rest.next()?)? << 4 | upper_hex(rest.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(octets).ok()
}

fn upper_hex(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

/// ```abnf
/// body-value = "7BIT" / "8BITMIME" / "BINARYMIME"   ; RFC 6152 §2, RFC 3030 §3
/// ```
fn body(value: &str) -> Result<BodyType, Reply> {
    match value.to_ascii_uppercase().as_str() {
        "7BIT" => Ok(BodyType::SevenBit),
        "8BITMIME" => Ok(BodyType::EightBitMime),
        "BINARYMIME" => Ok(BodyType::BinaryMime),
        _ => Err(syntax("Unknown BODY")),
    }
}

/// ```abnf
/// rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF
/// ```
/// RFC 5321 §4.1.1.3
fn rcpt(argument: &str) -> Result<Rcpt, Reply> {
    let text = after_word(argument, "TO:").ok_or_else(|| syntax("Syntax: RCPT TO:<address>"))?;
    let bad_recipient = || Reply::new(501, EnhancedCode::new(5, 1, 3), "Not a forward-path");
    let found = path(text).ok_or_else(bad_recipient)?;
    let to = match found.inside {
        Inside::Address(address) => Path::Address(address),
        Inside::Local(local) if local.eq_ignore_ascii_case("postmaster") => Path::Postmaster,
        Inside::Local(_) | Inside::Nothing => return Err(bad_recipient()),
    };
    match parameters(found.rest)?.next() {
        None => Ok(Rcpt { to }),
        Some(parameter) => parameter.and_then(|_| Err(unknown_parameter())),
    }
}

fn unknown_parameter() -> Reply {
    Reply::new(555, EnhancedCode::new(5, 5, 4), "Unknown parameter")
}

/// What follows a word such as `FROM:`. QUIRK space_before_path
fn after_word<'a>(argument: &'a str, word: &str) -> Option<&'a str> {
    let argument = argument.trim_start_matches(' ');
    let there = argument.get(..word.len())?.eq_ignore_ascii_case(word);
    argument.get(word.len()..).filter(|_| there).map(|rest| rest.trim_start_matches(' '))
}

struct Parameter<'a> {
    keyword: &'a str,
    value: Option<&'a str>,
}

/// ```abnf
/// Mail-parameters = esmtp-param *(SP esmtp-param)                                ; RFC 5321 §4.1.2
/// esmtp-param     = esmtp-keyword ["=" esmtp-value]
/// esmtp-keyword   = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
/// esmtp-value     = 1*(%d33-60 / %d62-126 / UTF8-non-ascii)                      ; RFC 6531 §3.3
/// ```
fn parameters(text: &str) -> Result<impl Iterator<Item = Result<Parameter<'_>, Reply>>, Reply> {
    if !text.is_empty() && !text.starts_with(' ') {
        return Err(syntax("Needs a space after the path"));
    }
    Ok(text.split(' ').filter(|word| !word.is_empty()).map(|word| {
        let (keyword, value) = word.split_once('=').map_or((word, None), |(k, v)| (k, Some(v)));
        let is_keyword = keyword.starts_with(|c: char| c.is_ascii_alphanumeric())
            && keyword.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let is_value =
            |v: &str| !v.is_empty() && v.chars().all(|c| matches!(c, '!'..='<' | '>'..='~') || !c.is_ascii());
        if is_keyword && value.is_none_or(is_value) {
            Ok(Parameter { keyword, value })
        } else {
            Err(syntax("Malformed parameter"))
        }
    }))
}

/// ```abnf
/// bdat-cmd   = "BDAT" SP chunk-size [ SP end-marker ] CR LF   ; RFC 3030 §2
/// chunk-size = 1*DIGIT
/// end-marker = "LAST"
/// ```
fn bdat(argument: &str) -> Result<Command, Reply> {
    let mut words = argument.split(' ').filter(|word| !word.is_empty());
    let number = words.next().filter(|n| n.len() <= 19 && n.bytes().all(|b| b.is_ascii_digit()));
    let octets = number.and_then(|n| n.parse().ok());
    let last = words.next().map(|word| word.eq_ignore_ascii_case("LAST"));
    match (octets, last, words.next()) {
        (Some(octets), None, _) => Ok(Command::Bdat { octets, last: false }),
        (Some(octets), Some(true), None) => Ok(Command::Bdat { octets, last: true }),
        _ => Err(syntax("Syntax: BDAT octets [LAST]")),
    }
}

/// ```abnf
/// auth-command = "AUTH" SP sasl-mech [SP initial-response] *(CRLF [base64]) [CRLF cancel-response] CRLF
/// initial-response = base64 / "="                            ; RFC 4954 §8
/// ```
fn auth(argument: &str) -> Result<Command, Reply> {
    let mut words = argument.split(' ').filter(|word| !word.is_empty());
    let is_mechanism =
        |m: &&str| m.len() <= 20 && m.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let (Some(mechanism), initial_response, None) =
        (words.next().filter(is_mechanism), words.next().map(Box::from), words.next())
    else {
        return Err(syntax("Syntax: AUTH mechanism [initial-response]"));
    };
    Ok(Command::Auth { mechanism: mechanism.to_ascii_uppercase().into(), initial_response })
}

#[cfg(test)]
mod tests;
