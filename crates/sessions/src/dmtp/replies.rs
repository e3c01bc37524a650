//! The words of the server: every reply that is not an error of the service (docs/DIME.md, DMTP).

use koi_dime::dmtp::{CommandError, DecodeError, Reply};
use koi_types::ObjectId;

pub(super) fn greeting(hostname: &str) -> Reply {
    Reply::new(220, &format!("{hostname} DMTPv1 Koi ready"))
}
pub(super) fn capabilities(message_octets_max: u64) -> Reply {
    let offers = format!("PIPELINING 8BITMIME 8BITDIME RETURN SIZE {message_octets_max}");
    Reply { code: 250, lines: vec![offers, String::from("OK")] }
}
pub(super) fn mode() -> Reply {
    Reply::new(200, "OK DMTPv1")
}
pub(super) fn help() -> Reply {
    Reply::new(214, "EHLO HELO MODE MAIL RCPT DATA SGNT VRFY HIST RSET NOOP HELP QUIT")
}
pub(super) fn bye() -> Reply {
    Reply::new(221, "bye")
}
pub(super) fn ok() -> Reply {
    Reply::new(250, "OK")
}
/// From now on it is our responsibility.
pub(super) fn accepted(transaction: ObjectId) -> Reply {
    Reply::new(250, &format!("OK [{transaction}]"))
}
pub(super) fn go_on() -> Reply {
    Reply::new(354, "CONTINUE")
}

pub(super) fn shutting_down() -> Reply {
    Reply::new(421, "server is shutting down")
}
pub(super) fn idle() -> Reply {
    Reply::new(421, "idle for too long")
}
pub(super) fn too_many_errors() -> Reply {
    Reply::new(421, "too many errors")
}
pub(super) fn too_many_connections() -> Reply {
    Reply::new(421, "too many connections from your address, try again later")
}
pub(super) fn too_many_messages() -> Reply {
    Reply::new(451, "too many messages from your address, try again later")
}
/// Not 450, which says that there is no such signet.
pub(super) fn too_many_lookups() -> Reply {
    Reply::new(451, "too many lookups from your address, try again later")
}
/// The same for users that are not there and for those without a signet: who has none now may have one later.
pub(super) fn no_signet() -> Reply {
    Reply::new(450, "no signet of this name is known")
}
/// What we know of it may be old.
pub(super) fn other_origin_signet() -> Reply {
    Reply::new(451, "another signet of this organisation is known here")
}

pub(super) fn bad_command(error: CommandError) -> Reply {
    let code = match error {
        CommandError::Unknown => 500,
        CommandError::Syntax => 501,
        CommandError::Parameter => 504,
    };
    Reply::new(code, &error.to_string())
}
pub(super) fn lost(error: DecodeError) -> Reply {
    Reply::new(500, &error.to_string())
}
pub(super) fn out_of_order(why: &str) -> Reply {
    Reply::new(503, why)
}
pub(super) fn own_origin() -> Reply {
    Reply::new(550, "messages of this organisation do not come from elsewhere")
}
pub(super) fn not_served() -> Reply {
    Reply::new(550, "this server has no users of this domain")
}
pub(super) fn other_destination_signet() -> Reply {
    Reply::new(551, "this organisation has another signet: ask SGNT")
}
pub(super) fn too_large() -> Reply {
    Reply::new(552, "message is too large")
}
