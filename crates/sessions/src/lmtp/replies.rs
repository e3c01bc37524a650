//! The words of the LMTP server: every reply that is not an error of the service
//! (RFC 5321 §4.2, RFC 2034 §4, RFC 3463 §3).

use std::borrow::Cow;

use koi_proto::smtp::{EnhancedCode, Reply};
use koi_types::Address;

use super::LmtpSettings;

fn reply(code: u16, subject: u16, detail: u16, text: impl Into<Cow<'static, str>>) -> Reply {
    Reply::new(code, EnhancedCode::new((code / 100) as u8, subject, detail), text)
}

/// RFC 2034 §3: neither the greeting nor the reply to LHLO has an enhanced code.
pub(super) fn greeting(hostname: &str) -> Reply {
    Reply::plain(220, format!("{hostname} LMTP Koi ready"))
}

pub(super) fn capabilities(settings: &LmtpSettings, offers_tls: bool) -> Reply {
    let mut text = format!(
        "{}\nPIPELINING\n8BITMIME\nSMTPUTF8\nCHUNKING\nSIZE {}\nENHANCEDSTATUSCODES",
        settings.hostname, settings.message_octets_max
    );
    if offers_tls {
        text.push_str("\nSTARTTLS");
    }
    Reply::plain(250, text)
}

pub(super) fn ok() -> Reply {
    reply(250, 0, 0, "OK")
}
pub(super) fn sender_ok() -> Reply {
    reply(250, 1, 0, "sender OK")
}
pub(super) fn recipient_ok() -> Reply {
    reply(250, 1, 5, "recipient OK")
}
pub(super) fn go_ahead() -> Reply {
    Reply::plain(354, "end with a dot on a line of its own")
}
pub(super) fn chunk_ok(octets: u64) -> Reply {
    reply(250, 0, 0, format!("{octets} octets received"))
}
pub(super) fn delivered(recipient: &Address) -> Reply {
    reply(250, 0, 0, format!("<{recipient}> saved"))
}
pub(super) fn bye() -> Reply {
    reply(221, 0, 0, "bye")
}
pub(super) fn cannot_verify() -> Reply {
    reply(252, 1, 0, "try RCPT")
}
pub(super) fn help() -> Reply {
    reply(214, 0, 0, "LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT")
}
pub(super) fn start_tls() -> Reply {
    reply(220, 0, 0, "begin TLS negotiation now")
}
/// The server ends the connection: going down, or tired of waiting (RFC 5321 §3.8).
pub(super) fn closing(shutdown: bool) -> Reply {
    match shutdown {
        true => reply(421, 3, 2, "server is shutting down"),
        false => reply(421, 4, 2, "idle for too long"),
    }
}
pub(super) fn too_many_errors() -> Reply {
    reply(421, 7, 0, "too many errors")
}
pub(super) fn local_error() -> Reply {
    reply(451, 3, 0, "internal error")
}
pub(super) fn too_many_recipients() -> Reply {
    reply(452, 5, 3, "too many recipients")
}
pub(super) fn out_of_order(why: &'static str) -> Reply {
    reply(503, 5, 1, why)
}
pub(super) fn unrecognized() -> Reply {
    reply(500, 5, 1, "command not recognized")
}
pub(super) fn no_such_user() -> Reply {
    reply(550, 1, 1, "no such user")
}
pub(super) fn too_large() -> Reply {
    reply(552, 3, 4, "message is too large")
}
pub(super) fn no_such_parameter(why: &'static str) -> Reply {
    reply(555, 5, 4, why)
}
