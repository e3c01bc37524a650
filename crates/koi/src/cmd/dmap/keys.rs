//! `koi dmap keys list|create|keep|delete`.

use koi_dmap_client::KeyEntry;
use koi_server::Problem;

use super::problem;
use super::session::Session;
use crate::cli::dmap::Keys;
use crate::terminal::say;

pub(super) fn run(session: &mut Session, keys: Keys) -> Result<(), Problem> {
    match keys {
        Keys::List => list(session),
        Keys::Create => create(session),
        Keys::Keep { id } => {
            let entries = session.account.keys().map_err(problem)?;
            let wanted = match &id {
                Some(id) => vec![found(&entries, id)?],
                None => entries.iter().collect(),
            };
            for entry in wanted {
                session.account.keep_key(&entry.id, &mut session.random).map_err(problem)?;
                session.save()?;
                say(format_args!("kept {}", entry.id));
            }
            Ok(())
        }
        Keys::Delete { id } => {
            let entries = session.account.keys().map_err(problem)?;
            let id = found(&entries, &id)?.id;
            session.account.delete_key(&id).map_err(problem)?;
            say(format_args!("deleted {id}"));
            Ok(())
        }
    }
}

fn list(session: &mut Session) -> Result<(), Problem> {
    let entries = session.account.keys().map_err(problem)?;
    if entries.is_empty() {
        say("no keys: `koi dmap keys create` makes one");
        return Ok(());
    }
    say(format_args!("{:86}  {:8}  {:12}  messages", "key", "state", "private part"));
    for entry in &entries {
        let state = entry.state.map_or("", |state| state.name()).to_lowercase();
        let here = session.account.wallet.key(&entry.id).is_some();
        let private = match (entry.has_private_part(), here) {
            (true, true) => "server, here",
            (true, false) => "server",
            (false, true) => "here",
            (false, false) => "missing",
        };
        let messages = entry.messages.map(|count| count.to_string()).unwrap_or_default();
        say(format_args!("{:86}  {state:8}  {private:12}  {messages:>8}", entry.id.to_string()));
    }
    Ok(())
}

fn create(session: &mut Session) -> Result<(), Problem> {
    let made = session.account.make_key(None, &mut session.random).map_err(problem)?;
    // In PARANOID the private part is nowhere else.
    session.save()?;
    let own = session.account.upload_key(made).map_err(problem)?;
    say(format_args!("key          {}", own.id));
    say(format_args!("signed by    {}", own.organisation.domain));
    say(format_args!("fingerprint  {}", own.signet.core_fingerprint()));
    if !session.account.wallet.keys.is_empty() {
        say("the private part is in the profile folder only: keep a copy of it");
    }
    Ok(())
}

fn found<'a>(entries: &'a [KeyEntry], id: &str) -> Result<&'a KeyEntry, Problem> {
    let mut matching = entries.iter().filter(|entry| entry.id.to_string().starts_with(id));
    match (matching.next(), matching.next()) {
        (Some(entry), None) => Ok(entry),
        (None, _) => Err(Problem::usage(format!("no key begins with {id}"), "see `koi dmap keys list`")),
        _ => Err(Problem::usage(format!("several keys begin with {id}"), "write more of it")),
    }
}
