//! The cases, grouped by what must be set up for them. A group is run when one of its rows is asked
//! for; within it each row is measured in alternating runs of the servers.

mod append;
mod coi;
mod connections;
mod dmap;
mod growth;
mod idle;
mod import;
mod jmap;
mod list;
mod lmtp;
mod login;
mod mailbox;
mod memory;
mod notify;
mod push;
mod restart;
mod search;
mod search_delivery;
mod sort;
mod space;
mod store;
mod submit;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::failure::{Context, Outcome};
use crate::net::crowd;
use crate::net::deliver::{self, End, Source};
use crate::net::imap::Imap;
use crate::plan::Plan;
use crate::server::{Index, PASSWORD, Server, process, user};
use crate::sheet::{Row, Sheet};

/// Rows that share a set-up.
pub(crate) struct Group {
    /// The name on the command line.
    pub(crate) name: &'static str,
    /// Who is measured beside Koi.
    pub(crate) peer: &'static str,
    /// Its rows, in the order of the table.
    pub(crate) rows: &'static [Row],
    run: fn(&mut Bench<'_>) -> Outcome<()>,
}

/// All groups, in the order of the table.
pub(crate) const GROUPS: &[Group] = &[
    lmtp::GROUP,
    append::GROUP,
    login::GROUP,
    mailbox::GROUP,
    sort::GROUP,
    list::GROUP,
    search::GROUP,
    search_delivery::GROUP,
    jmap::GROUP,
    dmap::GROUP,
    idle::GROUP,
    submit::GROUP,
    coi::GROUP,
    push::GROUP,
    notify::GROUP,
    memory::GROUP,
    connections::GROUP,
    space::GROUP,
    import::GROUP,
    restart::GROUP,
    store::GROUP,
    growth::GROUP,
];

/// What a group works with.
pub(crate) struct Bench<'a> {
    /// The servers, each with a folder of its own.
    pub(crate) servers: &'a mut [Box<dyn Server>],
    /// What was asked for.
    pub(crate) plan: &'a Plan,
    /// Where the samples go.
    pub(crate) sheet: &'a mut Sheet,
    /// A folder on the disk the servers use.
    pub(crate) folder: &'a Path,
    group: &'static str,
}

impl Group {
    /// Whether one of its rows was asked for.
    pub(crate) fn is_wanted(&self, plan: &Plan) -> bool {
        self.rows.iter().any(|row| plan.wants(self.name, row.name))
    }

    /// Runs what was asked for of this group, and stops the servers again.
    pub(crate) fn run(
        &self,
        servers: &mut [Box<dyn Server>],
        plan: &Plan,
        sheet: &mut Sheet,
        folder: &Path,
    ) -> Outcome<()> {
        if !self.is_wanted(plan) {
            return Ok(());
        }
        let order = |name: &str| ["koi", self.peer].iter().position(|each| *each == name);
        servers.sort_by_key(|server| order(server.name()).unwrap_or(usize::MAX));
        let taking_part = servers.iter().take_while(|server| order(server.name()).is_some()).count();
        let (servers, _) = servers.split_at_mut(taking_part);
        eprintln!("{}:", self.name);
        let mut bench = Bench { servers, plan, sheet, folder, group: self.name };
        let done = (self.run)(&mut bench).context(self.name);
        for server in servers.iter_mut() {
            server.stop()?;
            server.index(Index::Usual);
        }
        done
    }
}

impl Bench<'_> {
    /// Whether a row was asked for.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.plan.wants(self.group, row)
    }

    /// Starts every server from an empty folder.
    pub(crate) fn start_empty(&mut self, accounts: u32) -> Outcome<()> {
        for server in self.servers.iter_mut() {
            server.start_empty(accounts).context(server.name())?;
            // Mailboxes exist before a crowd arrives: Dovecot's creation of one is not safe against
            // another (fcntl: "Resource deadlock avoided"), and it is not what is measured.
            for number in 0..accounts.min(20) {
                Imap::login(server.ports().imap, &user(number), PASSWORD)?.select()?;
            }
        }
        Ok(())
    }

    /// Alternating runs: each server in turn, each after the others have come to rest.
    pub(crate) fn alternate(
        &mut self,
        mut measure: impl FnMut(&mut dyn Server, &mut Sheet, u32) -> Outcome<()>,
    ) -> Outcome<()> {
        for run in 0..self.plan.runs {
            for at in 0..self.servers.len() {
                for server in self.servers.iter().filter(|server| server.process() != 0) {
                    process::settle(server.process(), Duration::from_secs(20));
                }
                // Nobody waits for what another left behind.
                rustix::fs::sync();
                let Some(server) = self.servers.get_mut(at) else { continue };
                measure(server.as_mut(), self.sheet, run).context(server.name())?;
            }
        }
        Ok(())
    }

    /// Delivers messages `0..count` of a corpus to account 0 of every server.
    pub(crate) fn fill(&mut self, count: u64, source: &Source) -> Outcome<()> {
        for server in self.servers.iter_mut() {
            server.restart_for_filling(true)?;
            fill(server.as_ref(), 0, count, source).context(server.name())?;
            server.restart_for_filling(false)?;
        }
        Ok(())
    }
}

/// Puts messages `0..count` of a corpus into INBOX of one account, in the way that is fastest for the
/// server: many in one APPEND for Dovecot, by LMTP for Koi.
pub(crate) fn fill(server: &dyn Server, account: u32, count: u64, source: &Source) -> Outcome<()> {
    let start = Instant::now();
    if server.name() == "dovecot" {
        let mut imap = Imap::login(server.ports().imap, &user(account), PASSWORD)?;
        let one = |serial| {
            let mut message = Vec::new();
            source(serial, &mut message);
            message
        };
        for first in (0..count).step_by(200) {
            let messages: Vec<Vec<u8>> = (first..count.min(first + 200)).map(one).collect();
            imap.append_many(&messages)?;
        }
    } else {
        let talks = deliver::crowd(32.min(count), source, &[user(account)], 0, End::Serial(count));
        crowd::run(server.ports().lmtp, talks)?;
    }
    eprintln!("  filled {} with {count} messages in {:.1} s", server.name(), start.elapsed().as_secs_f64());
    Ok(())
}

/// Milliseconds of a duration.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
