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
        let there = each(&batches, &mut |which| asked(config, QueueAction::List, which));
        there.failed.map_or(Ok(()), Err)?;
    }
    let Done { queue, failed } = each(&batches, &mut |which| asked(config, action, which));
    // Nothing is said of what waits when nobody could say.
    if failed.is_none() || !queue.lines.is_empty() {
        if json {
            let json = serde_json::to_string_pretty(&queue);
            say(json.map_err(|e| Problem::new(format!("cannot write JSON: {e}"), "report this as a bug"))?);
        } else {
            show(action, &queue);
        }
    }
    failed.map_or(Ok(()), Err)
}

/// What came of several requests.
struct Done {
    queue: Queue,
    /// All that went wrong.
    failed: Option<Problem>,
}

/// One that fails does not keep the others from being asked.
fn each(batches: &[QueueWhich], ask: &mut dyn FnMut(QueueWhich) -> Result<Queue, Problem>) -> Done {
    let mut done = Done { queue: Queue::default(), failed: None };
    for which in batches {
        match ask(which.clone()) {
            Ok(Queue { lines, left }) => {
                done.queue.lines.extend(lines);
                done.queue.left += left;
            }
            Err(problem) => {
                done.failed = Some(match done.failed.take() {
                    None => problem,
                    Some(first) => Problem { what: also(&first.what, &problem.what), ..first },
                });
            }
        }
    }
    done
}

/// Each thing once: where no server answers, all say the same.
fn also(said: &str, more: &str) -> Box<str> {
    if said.lines().any(|line| line.trim_start() == more) {
        return said.into();
    }
    format!("{said}\n  {more}").into()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str) -> QueueLine {
        let text = String::new;
        let (from, to, queued, next, said) = (text(), text(), text(), text(), text());
        QueueLine { id: id.into(), protocol: text(), from, to, octets: 1, attempts: 0, queued, next, said }
    }

    #[test]
    fn a_batch_that_fails_does_not_stop_the_others() {
        let ids: Vec<String> = (0..5 * QUEUE_IDS_MAX).map(|n| n.to_string()).collect();
        let which = cli::QueueWhich { ids, to: None, all: false };
        let batches = chosen(QueueAction::Drop, which).unwrap();
        assert_eq!(batches.len(), 5);
        let mut asked = 0;
        let done = each(&batches, &mut |which| {
            asked += 1;
            let QueueWhich::Ids(ids) = which else { panic!("{which:?}") };
            match asked {
                2 => Err(Problem::usage(format!("{}: gone", ids[0]), "look")),
                4 => Err(Problem::new(format!("{}: damaged", ids[0]), "repair")),
                _ => Ok(Queue { lines: vec![line(&ids[0])], left: 999 }),
            }
        });
        let ids: Vec<&str> = done.queue.lines.iter().map(|line| &*line.id).collect();
        assert_eq!((asked, ids.as_slice(), done.queue.left), (5, ["0", "2000", "4000"].as_slice(), 2997));
        let Problem { what, remedy, exit } = done.failed.unwrap();
        assert_eq!(&*what, "1000: gone\n  3000: damaged");
        assert_eq!((&*remedy, exit), ("look", koi_server::Exit::Usage));
    }

    #[test]
    fn what_all_say_is_said_once() {
        let batches = vec![QueueWhich::All; 3];
        let done = each(&batches, &mut |_| Err(Problem::new("no server", "start it")));
        assert_eq!(&*done.failed.unwrap().what, "no server");
        assert!(done.queue.lines.is_empty());
    }
}
