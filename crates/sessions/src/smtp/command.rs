//! The commands (RFC 5321 §4.1.1, RFC 2033 §4.1, RFC 3207 §4).

use koi_proto::smtp::Command;

use super::session::{Client, Next, SmtpSession};
use super::{Role, auth, data, envelope, replies};

pub(super) const fn name(command: &Command) -> &'static str {
    match command {
        Command::Ehlo(_) => "EHLO",
        Command::Helo(_) => "HELO",
        Command::Lhlo(_) => "LHLO",
        Command::Mail(_) => "MAIL",
        Command::Rcpt(_) => "RCPT",
        Command::Data => "DATA",
        Command::Bdat { .. } => "BDAT",
        Command::Rset => "RSET",
        Command::Noop => "NOOP",
        Command::Quit => "QUIT",
        Command::Vrfy(_) => "VRFY",
        Command::Expn(_) => "EXPN",
        Command::Help => "HELP",
        Command::StartTls => "STARTTLS",
        Command::Auth { .. } => "AUTH",
    }
}

pub(super) fn run(session: &mut SmtpSession, command: Command) -> Next {
    match command {
        // The decoder knows which of them belong to the protocol.
        Command::Ehlo(name) | Command::Lhlo(name) => hello(session, Client { name, extended: true }),
        Command::Helo(name) => hello(session, Client { name, extended: false }),
        Command::Mail(mail) => Next::Reply(envelope::mail(session, &mail)),
        Command::Rcpt(rcpt) => Next::Reply(envelope::rcpt(session, &rcpt)),
        Command::Data => data::begin(session),
        Command::Bdat { last, .. } => {
            data::begin_chunk(session, last);
            Next::Nothing
        }
        Command::Rset => {
            session.transaction = None;
            Next::Reply(replies::ok())
        }
        Command::Noop => Next::Reply(replies::ok()),
        Command::Quit => Next::Close(replies::bye(), "quit"),
        // RFC 5321 §3.5.3: nobody is told which addresses there are.
        Command::Vrfy(_) => Next::Reply(replies::cannot_verify()),
        Command::Help => Next::Reply(replies::help(session.role)),
        Command::StartTls => starttls(session),
        Command::Auth { mechanism, initial_response } => {
            auth::begin(session, &mechanism, initial_response.as_deref())
        }
        Command::Expn(_) if session.role == Role::Lmtp => Next::Reply(replies::unrecognized()),
        // RFC 5321 §4.2.4: known, and not offered.
        Command::Expn(_) => Next::Reply(replies::not_implemented("there are no lists to expand")),
    }
}

/// RFC 5321 §4.1.4: a greeting also ends the transaction that is under way.
fn hello(session: &mut SmtpSession, client: Client) -> Next {
    session.transaction = None;
    let extended = client.extended;
    session.client = Some(client);
    if !extended {
        return Next::Reply(replies::helo(&session.settings.hostname));
    }
    // RFC 4954 §4: what is of no use now is not offered.
    let offers = replies::Offers {
        starttls: session.settings.starttls && session.peer.tls.is_none(),
        auth: auth::offered(session),
    };
    Next::Reply(replies::capabilities(&session.settings, &offers))
}

fn starttls(session: &SmtpSession) -> Next {
    if !session.settings.starttls || session.peer.tls.is_some() {
        return Next::Reply(replies::out_of_order("STARTTLS is not available"));
    }
    Next::StartTls(replies::start_tls())
}
