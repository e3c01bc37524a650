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

impl Seen {
    /// Whether another shows the same. A peer that searches by stems, as Cyrus does, finds more for a few
    /// words: never less.
    fn is_as(&self, peer: &Self) -> bool {
        let mail = |seen: &Self| (seen.mailboxes, seen.total, seen.newest.clone());
        let by_stem = self.hits.iter().zip(&peer.hits).filter(|(own, its)| own < its).count();
        let all_found = self.hits.iter().zip(&peer.hits).all(|(own, its)| own <= its);
        let as_many = self.hits.len() == peer.hits.len();
        mail(self) == mail(peer) && as_many && all_found && by_stem * 4 <= self.hits.len()
    }
}

/// Fails when a server has other mail than the others, or, where it is `searched`, finds it otherwise.
pub(super) fn check(
    bench: &mut Bench<'_>,
    tls: &Arc<ClientConfig>,
    count: u64,
    searched: bool,
) -> Outcome<()> {
    let mut all: Vec<(&str, Seen)> = Vec::new();
    for server in bench.servers.iter() {
        let seen = seen(server.as_ref(), tls, searched).context(server.name())?;
        let found: u64 = seen.hits.iter().sum();
        eprintln!("  {}: {} mailboxes, {} emails, {found} hits", server.name(), seen.mailboxes, seen.total);
        if seen.total != count || seen.mailboxes as u64 != MAILBOXES || searched && found == 0 {
            return fail(format!("{} has other mail than it was given", server.name()));
        }
        all.push((server.name(), seen));
    }
    match all.as_slice() {
        [(one, seen), (other, seen_too)] if !seen.is_as(seen_too) => {
            fail(format!("different answers\n{one}: {seen:?}\n{other}: {seen_too:?}"))
        }
        _ => Ok(()),
    }
}

fn seen(server: &dyn Server, tls: &Arc<ClientConfig>, searched: bool) -> Outcome<Seen> {
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
    let words = if searched { ask::words(7, WORDS, total) } else { Vec::new() };
    let hits = words.iter().map(|word| ask::hits(&mut jmap, word)).collect::<Outcome<_>>()?;
    Ok(Seen { mailboxes, total, newest, hits })
}
