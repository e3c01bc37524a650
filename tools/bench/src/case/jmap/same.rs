//! Whether what is measured is the same work: the answers of the servers, compared.

use std::sync::Arc;

use rustls::ClientConfig;
use serde_json::Value;

use super::{MAILBOXES, ask, connect};
use crate::case::Bench;
use crate::failure::{Context, Outcome, fail};
use crate::server::Server;

/// Words searched for to compare how many emails have them.
const WORDS: usize = 30;

/// What one server says.
#[derive(PartialEq, Eq, Debug)]
struct Seen {
    mailboxes: usize,
    total: u64,
    /// Subject, size and time of each email at the top of the list.
    newest: Vec<String>,
    hits: Vec<u64>,
}

/// Fails when a server has other mail than the others, or finds it otherwise.
pub(super) fn check(bench: &mut Bench<'_>, tls: &Arc<ClientConfig>, count: u64) -> Outcome<()> {
    let mut all: Vec<(&str, Seen)> = Vec::new();
    for server in bench.servers.iter() {
        let seen = seen(server.as_ref(), tls).context(server.name())?;
        let found: u64 = seen.hits.iter().sum();
        eprintln!(
            "  {}: {} mailboxes, {} emails, {found} hits of {WORDS} words",
            server.name(),
            seen.mailboxes,
            seen.total
        );
        if seen.total != count || seen.mailboxes as u64 != MAILBOXES || found == 0 {
            return fail(format!("{} has other mail than it was given", server.name()));
        }
        all.push((server.name(), seen));
    }
    match all.as_slice() {
        [(one, seen), (other, seen_too)] if seen != seen_too => {
            fail(format!("different answers\n{one}: {seen:?}\n{other}: {seen_too:?}"))
        }
        _ => Ok(()),
    }
}

fn seen(server: &dyn Server, tls: &Arc<ClientConfig>) -> Outcome<Seen> {
    let mut jmap = connect(server, tls)?;
    let mailboxes = ask::mailbox_list(&mut jmap)?.len();
    let inbox = ask::inbox(&mut jmap)?;
    let total = ask::total(&mut jmap, &inbox)?;
    let answer = jmap.ask(&ask::newest(jmap.account(), &inbox))?;
    let list = answer.get("list").and_then(Value::as_array).context("list")?;
    let shown = |email: &Value| {
        let of = |name| email.get(name).map(Value::to_string).unwrap_or_default();
        format!("{} {} {}", of("subject"), of("size"), of("receivedAt"))
    };
    let newest = list.iter().map(shown).collect();
    let words = ask::words(7, WORDS, total);
    let hits = words.iter().map(|word| ask::hits(&mut jmap, word)).collect::<Outcome<_>>()?;
    Ok(Seen { mailboxes, total, newest, hits })
}
