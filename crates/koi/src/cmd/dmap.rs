//! `koi dmap login|mode|keys|signet|mailboxes|list|read|send|passwd`: a person's client.

mod keys;
mod mail;
mod profile;
mod send;
mod session;
mod signets;

use koi_dmap_client::{BONUS_DEFAULT, Error, Mode};
use koi_server::Problem;

use self::profile::Profile;
use self::session::Session;
use crate::cli::dmap::{Dmap, DmapCommand};
use crate::terminal::{new_password, note, say};

pub(crate) fn run(arguments: Dmap) -> Result<(), Problem> {
    let Dmap { mut who, command } = arguments;
    if let DmapCommand::Login { address } = &command {
        who.account = Some(address.clone());
    }
    let profile = Profile::open(&who)?;
    let takes_input = matches!(&command, DmapCommand::Send(send) if send.text.is_none());
    let mut session = Session::begin(&who, profile, takes_input)?;
    match command {
        DmapCommand::Login { .. } => {
            session.remember(&who)?;
            let mode = session.account.mode().name();
            say(format_args!("logged in to {}: mode {mode}", session.account.address()));
            hint_of_keys(&mut session)?;
        }
        DmapCommand::Mode => mode(&session),
        DmapCommand::Keys(keys) => keys::run(&mut session, keys)?,
        DmapCommand::Signet(signet) => signets::run(&mut session, signet)?,
        DmapCommand::Mailboxes => mail::mailboxes(&mut session)?,
        DmapCommand::List { mailbox, count } => mail::list(&mut session, &mailbox, count)?,
        DmapCommand::Read(read) => mail::read(&mut session, &read)?,
        DmapCommand::Send(send) => send::send(&mut session, &send)?,
        DmapCommand::Passwd { new_password_file } => {
            let address = session.account.address().to_string();
            let text = match &new_password_file {
                Some(file) => profile::first_line(file)?,
                None => new_password(&address)?,
            };
            passwd(&mut session, &text)?;
        }
    }
    session.end()
}

fn hint_of_keys(session: &mut Session) -> Result<(), Problem> {
    match session.account.current_key() {
        Ok(key) => say(format_args!("your key: {}", key.id)),
        Err(Error::NoKey) => say("you have no key yet: `koi dmap keys create` makes one"),
        Err(Error::Pending) => say("your key waits for the organisation to sign it"),
        Err(error) => return Err(problem(error)),
    }
    Ok(())
}

fn mode(session: &Session) {
    let mode = session.account.mode();
    say(format_args!("{}: {}", session.account.address(), mode.name()));
    say(match mode {
        Mode::Trustful => {
            "the server may read your mail; IMAP, JMAP and webmail work with your password.\n\
             Change it with `koi account mode` on the server."
        }
        Mode::Cautious => {
            "the server keeps your mail and your private keys encrypted, and can open neither without your\n\
             password. It sees sizes, times, mailboxes' names, and to which domains you write."
        }
        Mode::Paranoid => {
            "the server keeps your mail encrypted and has no private key; yours is in the profile folder:\n\
             keep a copy of it. It sees sizes, times, and to which domains you write."
        }
    });
}

fn passwd(session: &mut Session, text: &str) -> Result<(), Problem> {
    let password = session::password(text)?;
    note("deriving the new keys…");
    let new =
        session.account.prepare_password(&password, BONUS_DEFAULT, &mut session.random).map_err(problem)?;
    // Whoever stops here can log in with either password.
    session.save()?;
    session.account.change_password(new).map_err(problem)?;
    say("password changed; keys and mail are readable as before");
    if session.account.mode() == Mode::Trustful {
        say(
            "IMAP, JMAP and submission do not take it: the server has not seen it. Use app passwords there,\n\
             or let `koi account passwd` set the password on the server.",
        );
    }
    Ok(())
}

/// An error of the client, with what to do.
fn problem(error: Error) -> Problem {
    Problem::new(&error, error.remedy())
}
