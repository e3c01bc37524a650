//! `koi queue`: what waits for other servers.

use std::collections::HashSet;

use koi_server::Problem;
use koi_server::admin::{QUEUE_IDS_MAX, Queue, QueueAction, QueueLine, QueueWhich, Reply, Request};
use koi_server::config::Config;

use crate::cli;
use crate::terminal::{note, say};

pub(crate) fn run(config: &Config, arguments: cli::Queue) -> Result<(), Problem> {
    let all = || cli::QueueWhich { ids: Vec::new(), to: None, all: true };
    let (action, which, json) = match arguments.action {
        None => (QueueAction::List, all(), false),
        Some(cli::QueueAction::List { which, json }) => (QueueAction::List, which, json),
        Some(cli::QueueAction::Retry(which)) => (QueueAction::Retry, which, false),
        Some(cli::QueueAction::Bounce(which)) => (QueueAction::Bounce, which, false),
        Some(cli::QueueAction::Drop(which)) => (QueueAction::Drop, which, false),
    };
    let batches = chosen(action, which)?;
    if batches.len() > 1 && action != QueueAction::List {
        // All are there before anything is done with one.
        for which in &batches {
            asked(config, QueueAction::List, which.clone())?;
        }
    }
    let mut queue = Queue::default();
    for which in batches {
        let Queue { lines, left } = asked(config, action, which)?;
        queue.lines.extend(lines);
        queue.left += left;
    }
    if json {
        let json = serde_json::to_string_pretty(&queue);
        say(json.map_err(|e| Problem::new(format!("cannot write JSON: {e}"), "report this as a bug"))?);
        return Ok(());
    }
    show(action, &queue);
    Ok(())
}

fn asked(config: &Config, action: QueueAction, which: QueueWhich) -> Result<Queue, Problem> {
    match super::ask(config, &Request::Queue { action, which })? {
        Reply::Queue(queue) => Ok(queue),
        other => Err(super::unexpected(other)),
    }
}

/// As many requests as it takes. What only shows needs no choice.
fn chosen(action: QueueAction, which: cli::QueueWhich) -> Result<Vec<QueueWhich>, Problem> {
    match which {
        cli::QueueWhich { to: Some(domain), .. } => Ok(vec![QueueWhich::To(domain)]),
        cli::QueueWhich { ids, .. } if !ids.is_empty() => {
            let mut seen = HashSet::new();
            let ids: Vec<String> = ids.into_iter().filter(|id| seen.insert(id.clone())).collect();
            Ok(ids.chunks(QUEUE_IDS_MAX).map(|some| QueueWhich::Ids(some.to_vec())).collect())
        }
        cli::QueueWhich { all, .. } if all || action == QueueAction::List => Ok(vec![QueueWhich::All]),
        _ => Err(Problem::usage("it is not said which messages", "name them, or write --to DOMAIN or --all")),
    }
}

fn show(action: QueueAction, queue: &Queue) {
    if queue.lines.is_empty() {
        return say("nothing waits");
    }
    for line in &queue.lines {
        let QueueLine { id, protocol, from, to, octets, attempts, queued, next, said } = line;
        match action {
            QueueAction::List => {
                say(format_args!("{id}  {from} to {to} by {}, {octets} octets", protocol.to_uppercase()));
                say(format_args!("  since {queued}, {attempts} attempts, next {next}"));
                if !said.is_empty() {
                    say(format_args!("  {said}"));
                }
            }
            QueueAction::Retry => say(format_args!("{id}  {from} to {to}: tried now")),
            QueueAction::Bounce => say(format_args!("{id}  {from} to {to}: ended, and {from} is told")),
            QueueAction::Drop => say(format_args!("{id}  {from} to {to}: ended")),
        }
    }
    if queue.left > 0 {
        note(format_args!("and {} more", queue.left));
    }
}
