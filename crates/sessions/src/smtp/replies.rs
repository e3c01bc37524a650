//! The words of the server: every reply that is not an error of the service
//! (RFC 5321 §4.2, RFC 2034 §4, RFC 3463 §3, RFC 4954 §6).

use std::borrow::Cow;

use koi_proto::smtp::{EnhancedCode, Reply};
use koi_types::Address;

use super::{Role, SmtpSettings};

pub(super) fn reply(code: u16, subject: u16, detail: u16, text: impl Into<Cow<'static, str>>) -> Reply {
    Reply::new(code, EnhancedCode::new((code / 100) as u8, subject, detail), text)
}

/// RFC 2034 §3: neither the greeting nor the reply to EHLO has an enhanced code.
pub(super) fn greeting(role: Role, hostname: &str) -> Reply {
    let protocol = if role == Role::Lmtp { "LMTP" } else { "ESMTP" };
    Reply::plain(220, format!("{hostname} {protocol} Koi ready"))
}

/// What EHLO or LHLO is told besides what every role can.
pub(super) struct Offers {
    pub(super) starttls: bool,
    /// Mechanisms, separated by blanks; empty for none.
    pub(super) auth: String,
}

pub(super) fn capabilities(settings: &SmtpSettings, offers: &Offers) -> Reply {
    let mut text = format!(
        "{}\nPIPELINING\n8BITMIME\nSMTPUTF8\nCHUNKING\nSIZE {}\nENHANCEDSTATUSCODES",
        settings.hostname, settings.message_octets_max
    );
    if offers.starttls {
        text.push_str("\nSTARTTLS");
    }
    if !offers.auth.is_empty() {
        text.push_str("\nAUTH ");
        text.push_str(&offers.auth);
    }
    Reply::plain(250, text)
}
pub(super) fn helo(hostname: &str) -> Reply {
    Reply::plain(250, hostname.to_owned())
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
pub(super) fn saved(recipient: &Address) -> Reply {
    reply(250, 0, 0, format!("<{}> saved", recipient.as_path()))
}
/// RFC 5321 §4.2.5: from now on it is our responsibility.
pub(super) fn accepted() -> Reply {
    reply(250, 0, 0, "message saved for all recipients")
}
pub(super) fn bye() -> Reply {
    reply(221, 0, 0, "bye")
}
pub(super) fn cannot_verify() -> Reply {
    reply(252, 1, 0, "try RCPT")
}
pub(super) fn help(role: Role) -> Reply {
    let text = match role {
        Role::Lmtp => "LHLO STARTTLS MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT",
        Role::Inbound => "EHLO HELO STARTTLS MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT",
        Role::Submission => "EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT",
    };
    reply(214, 0, 0, text)
}
pub(super) fn start_tls() -> Reply {
    reply(220, 0, 0, "begin TLS negotiation now")
}
/// RFC 4954 §4: a challenge in base64.
pub(super) fn challenge(base64: &str) -> Reply {
    Reply::plain(334, base64.to_owned())
}
pub(super) fn logged_in() -> Reply {
    reply(235, 7, 0, "logged in")
}

// RFC 5321 §3.8: the server ends the connection.
pub(super) fn shutting_down() -> Reply {
    reply(421, 3, 2, "server is shutting down")
}
pub(super) fn idle() -> Reply {
    reply(421, 4, 2, "idle for too long")
}
pub(super) fn account_changed() -> Reply {
    reply(421, 7, 0, "the account was changed, log in again")
}
pub(super) fn too_many_errors() -> Reply {
    reply(421, 7, 0, "too many errors")
}
pub(super) fn spoke_too_early() -> Reply {
    reply(421, 7, 0, "you spoke before the greeting")
}
pub(super) fn too_many_connections() -> Reply {
    reply(421, 7, 0, "too many connections from your address, try again later")
}
pub(super) fn too_many_failed_logins() -> Reply {
    reply(421, 7, 0, "too many failed logins")
}

pub(super) fn too_many_messages() -> Reply {
    reply(450, 7, 1, "too many messages from your address, try again later")
}
pub(super) fn too_many_recipients_a_minute() -> Reply {
    reply(450, 7, 1, "too many recipients from your address, try again later")
}
/// RFC 6409 §3.3: for later, as nothing is wrong with the message.
pub(super) fn too_many_messages_of_account() -> Reply {
    reply(450, 7, 1, "your account has sent too many messages, try again later")
}
pub(super) fn too_many_recipients_of_account() -> Reply {
    reply(450, 7, 1, "your account has sent to too many recipients, try again later")
}
pub(super) fn local_error() -> Reply {
    reply(451, 3, 0, "internal error")
}
pub(super) fn too_many_recipients() -> Reply {
    reply(452, 5, 3, "too many recipients")
}
/// RFC 3463 §3.3: whoever is full can make room, so that it is for later, and another server tries again; a
/// user's client would not, and is told for good.
pub(super) fn mailbox_full(role: Role, address: &Address) -> Reply {
    let code = if role == Role::Submission { 552 } else { 452 };
    reply(code, 2, 2, format!("the mailbox of <{}> is full", address.as_path()))
}

pub(super) fn unrecognized() -> Reply {
    reply(500, 5, 1, "command not recognized")
}
pub(super) fn not_base64(why: &'static str) -> Reply {
    reply(501, 5, 2, why)
}
pub(super) fn cancelled() -> Reply {
    reply(501, 7, 0, "authentication was cancelled")
}
pub(super) fn not_implemented(why: &'static str) -> Reply {
    reply(502, 5, 1, why)
}
pub(super) fn out_of_order(why: &'static str) -> Reply {
    reply(503, 5, 1, why)
}
pub(super) fn no_such_mechanism() -> Reply {
    reply(504, 5, 4, "this mechanism is not supported")
}
pub(super) fn log_in_first() -> Reply {
    reply(530, 7, 0, "log in first")
}
pub(super) fn starttls_first() -> Reply {
    reply(530, 7, 0, "say STARTTLS first")
}
pub(super) fn bound_already() -> Reply {
    reply(454, 7, 0, "connect again to log in with channel binding")
}
pub(super) fn needs_encryption() -> Reply {
    reply(538, 7, 11, "no passwords without TLS: say STARTTLS first")
}
pub(super) fn no_such_user() -> Reply {
    reply(550, 1, 1, "no such user")
}
pub(super) fn sender_not_yours(sender: &Address) -> Reply {
    reply(550, 7, 1, format!("<{}> is not an address of the account you are logged in to", sender.as_path()))
}
pub(super) fn not_yours(field: &str, address: &Address) -> Reply {
    let address = address.as_path();
    reply(550, 7, 1, format!("<{address}> in {field} is not an address of the account you are logged in to"))
}
pub(super) fn no_relaying() -> Reply {
    reply(550, 7, 1, "relaying denied: this server takes mail for its own domains only")
}
pub(super) fn nowhere_else(address: &Address) -> Reply {
    let domain = address.domain();
    let text = format!("relaying to other domains is not available: {domain} is not served here");
    reply(550, 7, 1, text)
}
pub(super) fn too_large() -> Reply {
    reply(552, 3, 4, "message is too large")
}
pub(super) fn header_too_large() -> Reply {
    reply(552, 3, 4, "the header of the message is too large")
}
pub(super) fn needs_smtputf8() -> Reply {
    reply(553, 6, 7, "such an address needs SMTPUTF8")
}
pub(super) fn no_recipients() -> Reply {
    reply(554, 5, 1, "no valid recipients")
}
pub(super) fn bad_message(why: impl Into<Cow<'static, str>>) -> Reply {
    reply(554, 6, 0, why)
}
pub(super) fn looping() -> Reply {
    reply(554, 4, 6, "the message is in a loop: too many Received lines")
}
pub(super) fn no_such_parameter(why: &'static str) -> Reply {
    reply(555, 5, 4, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 5321 §4.1.2
    #[test]
    fn addresses_are_written_as_paths() {
        let odd = Address::new("odd \"name\"", "example.org").unwrap();
        let path = r#"<"odd \"name\""@example.org>"#;
        let about =
            [saved(&odd), mailbox_full(Role::Lmtp, &odd), sender_not_yours(&odd), not_yours("From", &odd)];
        for reply in about {
            assert!(reply.text.contains(path), "{}", reply.text);
        }
    }
}
