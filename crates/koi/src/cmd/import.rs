//! `koi import mbox|maildir`.

use std::time::{Duration, Instant};

use koi_server::Problem;
use koi_server::admin::{Reply, Request};
use koi_server::config::Config;
use koi_server::transfer::{Format, Moved};

use crate::cli::Import;
use crate::terminal::{note, say};

pub(crate) fn run(config: &Config, arguments: Import) -> Result<(), Problem> {
    let (format, source) = match arguments {
        Import::Mbox(source) => (Format::Mbox, source),
        Import::Maildir(source) => (Format::Maildir, source),
    };
    let path = super::absolute(&source.path)?;
    let request = Request::Import { format, path, account: source.account, mailbox: source.mailbox };
    let began = Instant::now();
    match super::ask_long(config, &request, "import")? {
        Reply::Moved(moved) => report("imported", &moved, began),
        other => Err(super::unexpected(other)),
    }
}

/// One line, why messages were left out, and what ended it; then it is a failure.
pub(crate) fn report(what: &str, moved: &Moved, began: Instant) -> Result<(), Problem> {
    say(summary(what, moved, began.elapsed()));
    let Moved { left_out, ended, .. } = moved;
    let lines = left_out.lines();
    lines.iter().for_each(|line| note(format_args!("left out: {line}")));
    if let Some(failure) = ended {
        return Err(failure.clone().into());
    }
    if lines.is_empty() {
        return Ok(());
    }
    Err(Problem::new(format!("left out: {} in all", left_out.count()), "the lines above say what and why"))
}

fn summary(what: &str, moved: &Moved, took: Duration) -> String {
    let Moved { messages, mailboxes, octets, .. } = moved;
    let secs = took.as_secs_f64();
    let rate = *messages as f64 / secs.max(0.001);
    let mailboxes = if *mailboxes == 1 { "1 mailbox".into() } else { format!("{mailboxes} mailboxes") };
    format!("{what} {messages} messages ({octets} octets, {mailboxes}) in {secs:.1} s, {rate:.0} messages/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_came_of_it() {
        let moved = Moved { mailboxes: 2, messages: 3_000, octets: 4_096, ..Moved::default() };
        assert_eq!(
            summary("imported", &moved, Duration::from_millis(1_500)),
            "imported 3000 messages (4096 octets, 2 mailboxes) in 1.5 s, 2000 messages/s"
        );
        let nothing = Moved { mailboxes: 1, ..Moved::default() };
        let said = summary("exported", &nothing, Duration::ZERO);
        assert_eq!(said, "exported 0 messages (0 octets, 1 mailbox) in 0.0 s, 0 messages/s");
    }
}
