//! The commands, but for the message itself: who brings what for whom (docs/DIME.md, DMTP).

use std::sync::Arc;

use koi_dime::dmtp::{Command, Name};
use koi_dime::signet::Form;
use koi_dime::{Fingerprint, OrgSignet};
use koi_mailbox::dmap::BroughtStage;
use koi_types::Result;

use super::session::{DmtpSession, Next};
use super::{data, error, lookup, replies};
use crate::rates::Kind;
use crate::session::{Effect, EffectResult};

/// One message on its way in.
pub(super) struct Transaction {
    pub(super) origin: Box<str>,
    /// Of the origin, as it was looked up.
    pub(super) signet: Arc<OrgSignet>,
    /// As MAIL declared it.
    pub(super) size: u64,
    pub(super) destination: Option<Box<str>>,
    pub(super) hash: Option<Fingerprint>,
    pub(super) message: Arriving,
}

/// The message since DATA.
#[derive(Default)]
pub(super) enum Arriving {
    #[default]
    NotYet,
    Octets(Box<BroughtStage>),
    /// What is answered when all of it was there; nothing of it is kept.
    Dropped(koi_types::MailError),
}

/// MAIL, while the edge finds out who that is.
pub(super) struct Introduced {
    origin: Box<str>,
    fingerprint: Fingerprint,
    size: u64,
}

pub(super) const fn name(command: &Command) -> &'static str {
    match command {
        Command::StartTls { .. } => "STARTTLS",
        Command::Ehlo { .. } => "EHLO",
        Command::Mode => "MODE",
        Command::Mail { .. } => "MAIL",
        Command::Rcpt { .. } => "RCPT",
        Command::Data { .. } => "DATA",
        Command::Signet { .. } => "SGNT",
        Command::Verify { .. } => "VRFY",
        Command::History { .. } => "HIST",
        Command::Reset => "RSET",
        Command::Noop => "NOOP",
        Command::Help => "HELP",
        Command::Quit => "QUIT",
    }
}

pub(super) fn run(session: &mut DmtpSession, command: Command) -> Next {
    Next::Reply(match command {
        Command::StartTls { .. } => replies::out_of_order("there is TLS already"),
        Command::Ehlo { .. } => {
            session.is_greeted = true;
            session.transaction = None;
            replies::capabilities(session.settings.message_octets_max)
        }
        Command::Mode => replies::mode(),
        Command::Mail { origin, signet, parameters } => {
            let size = parameters.size;
            return mail(session, Introduced { origin: origin.into(), fingerprint: signet, size });
        }
        Command::Rcpt { destination, signet } => rcpt(session, &destination, &signet),
        Command::Data { hash } => return data::begin(session, hash),
        Command::Signet { name, fingerprint } => {
            looked_up(session, |session| lookup::signet(&session.service, &name, fingerprint.as_ref()))
        }
        Command::Verify { name, fingerprint } => {
            looked_up(session, |session| lookup::verify(&session.service, &name, &fingerprint))
        }
        Command::History { name: Name::User(user), start, stop } => looked_up(session, |session| {
            lookup::history(&session.service, &user, start.as_ref(), stop.as_ref())
        }),
        Command::History { name: Name::Domain(_), .. } => {
            replies::bad_command(koi_dime::dmtp::CommandError::Syntax)
        }
        Command::Reset => {
            session.transaction = None;
            replies::ok()
        }
        Command::Noop => replies::ok(),
        Command::Help => replies::help(),
        Command::Quit => return Next::Close(replies::bye(), "quit"),
    })
}

/// Everybody may ask, so often: what is told is public, who asks for everything is not.
fn looked_up(
    session: &mut DmtpSession,
    look: impl FnOnce(&DmtpSession) -> Result<koi_dime::dmtp::Reply>,
) -> koi_dime::dmtp::Reply {
    if !session.counts(Kind::Lookup) {
        return replies::too_many_lookups();
    }
    look(session).unwrap_or_else(|error| {
        session.failed("lookup", &error);
        error::reply(&error)
    })
}

fn mail(session: &mut DmtpSession, introduced: Introduced) -> Next {
    let refusal = if !session.is_greeted {
        replies::out_of_order("EHLO first")
    } else if session.transaction.is_some() {
        replies::out_of_order("a transaction is under way")
    } else if introduced.size > session.settings.message_octets_max {
        replies::too_large()
    } else if session.service.organisation(&introduced.origin).is_some() {
        replies::own_origin()
    } else if !session.counts(Kind::Message) {
        replies::too_many_messages()
    } else {
        // Counted before: others are asked for it.
        return Next::Effect(Effect::Organisation(introduced.origin.clone()), Box::new(introduced));
    };
    Next::Reply(refusal)
}

/// What came of asking who the origin is.
pub(super) fn introduced(session: &mut DmtpSession, who: Introduced, result: EffectResult) -> Next {
    let EffectResult::Organisation(found) = result else { return Next::Nothing };
    Next::Reply(match found {
        Ok(signet) if has_fingerprint(&signet, &who.fingerprint) => {
            let Introduced { origin, size, .. } = who;
            let (destination, hash, message) = (None, None, Arriving::NotYet);
            let transaction = Transaction { origin, signet, size, destination, hash, message };
            session.transaction = Some(Box::new(transaction));
            replies::ok()
        }
        Ok(_) => replies::other_origin_signet(),
        Err(error) => {
            session.failed("MAIL", &error);
            error::reply(&error)
        }
    })
}

fn rcpt(session: &mut DmtpSession, destination: &str, fingerprint: &Fingerprint) -> koi_dime::dmtp::Reply {
    let Some(transaction) = &mut session.transaction else { return replies::out_of_order("MAIL first") };
    if transaction.destination.is_some() {
        return replies::out_of_order("one destination in each transaction");
    }
    let Some(organisation) = session.service.organisation(destination) else {
        return replies::not_served();
    };
    if !has_fingerprint(organisation.signet(), fingerprint) {
        return replies::other_destination_signet();
    }
    transaction.destination = Some(destination.into());
    replies::ok()
}

/// In one of the forms that such a signet can be shown in.
pub(super) fn has_fingerprint(signet: &OrgSignet, fingerprint: &Fingerprint) -> bool {
    let forms = [Form::Core, Form::Full, Form::Identifiable];
    forms.into_iter().any(|form| signet.fingerprint(form).as_ref() == Some(fingerprint))
}
