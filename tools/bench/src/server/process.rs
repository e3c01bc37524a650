//! What the kernel says about a server's processes: descendants, anonymous memory, processor time.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::{Context, Outcome, fail};

/// A process and all its descendants.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let parent = stat_field(pid, 1).unwrap_or(0);
        parents.push((pid, parent as u32));
    }
    let mut found = vec![root];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

/// Anonymous memory of a process and its descendants, in octets. Pages shared by a fork count in
/// each process that maps them, as `Anonymous` in smaps_rollup does; `Pss_Anon` shares them out.
pub(crate) fn anonymous_octets(root: u32) -> Outcome<u64> {
    let mut sum = 0;
    for pid in tree(root) {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
        let line = text.lines().find_map(|line| line.strip_prefix("Pss_Anon:"));
        let kib =
            line.and_then(|rest| rest.trim().strip_suffix(" kB")).context("Pss_Anon in smaps_rollup")?;
        sum += kib.trim().parse::<u64>()? * 1_024;
    }
    Ok(sum)
}

/// Resident memory of one process, in octets.
pub(crate) fn resident_octets(pid: u32) -> Outcome<u64> {
    status_octets(pid, "VmRSS:")
}

/// The most it was since `forget_peak`.
pub(crate) fn resident_peak_octets(pid: u32) -> Outcome<u64> {
    status_octets(pid, "VmHWM:")
}

/// From here on `resident_peak_octets` begins anew.
pub(crate) fn forget_peak(pid: u32) -> Outcome<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("clear_refs")
}

fn status_octets(pid: u32, field: &str) -> Outcome<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")).context(field)?;
    Ok(kib.trim().parse::<u64>()? * 1_024)
}

/// Waits until a process and its descendants use no processor time for a while, at most `limit`.
pub(crate) fn settle(root: u32, limit: Duration) {
    let until = Instant::now() + limit;
    let mut before = ticks(root);
    let mut quiet = 0;
    while Instant::now() < until && quiet < 2 {
        std::thread::sleep(Duration::from_millis(120));
        let now = ticks(root);
        quiet = if now <= before + 1 { quiet + 1 } else { 0 };
        before = now;
    }
}

/// Waits until a server has done what it puts off until it is idle: nothing for 12 seconds, or at most five
/// minutes. Packing a million messages that were imported takes more than one.
pub(crate) fn rest(root: u32) {
    const QUIET: u32 = 24;
    let until = Instant::now() + Duration::from_secs(300);
    let (mut before, mut quiet) = (ticks(root), 0);
    while Instant::now() < until && quiet < QUIET {
        std::thread::sleep(Duration::from_millis(500));
        let now = ticks(root);
        quiet = if now <= before + 2 { quiet + 1 } else { 0 };
        before = now;
    }
}

/// Processor time of a server and of this driver at some moment, to say what a piece of work cost both.
pub(crate) struct Spent {
    server: Duration,
    driver: Duration,
}

impl Spent {
    /// What was spent until now by the server with this process and by the driver.
    pub(crate) fn so_far(server: u32) -> Self {
        // In this order: reading the server's is itself work of the driver.
        let server = ticks_time(server);
        Self { server, driver: own_time() }
    }

    /// What the server spent since, for each of `pieces`, in milliseconds.
    pub(crate) fn millis_per_piece(&self, server: u32, pieces: u32) -> f64 {
        ticks_time(server).saturating_sub(self.server).as_secs_f64() * 1e3 / f64::from(pieces.max(1))
    }

    /// What was spent since, for each of `pieces`, as a phrase.
    pub(crate) fn per_piece(&self, server: u32, pieces: usize) -> String {
        let each = |after: Duration, before: Duration| {
            after.saturating_sub(before).as_secs_f64() * 1e6 / pieces.max(1) as f64
        };
        let driver = each(own_time(), self.driver);
        let server = each(ticks_time(server), self.server);
        format!("processor time each: server {server:.0} us, driver {driver:.0} us")
    }
}

/// Processor time of this driver so far.
pub(crate) fn own_time() -> Duration {
    let own = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(own.tv_sec.unsigned_abs(), own.tv_nsec as u32)
}

fn ticks_time(root: u32) -> Duration {
    Duration::from_millis(ticks(root) * 1_000 / rustix::param::clock_ticks_per_second().max(1))
}

fn ticks(root: u32) -> u64 {
    tree(root)
        .into_iter()
        .map(|pid| stat_field(pid, 11).unwrap_or(0) + stat_field(pid, 12).unwrap_or(0))
        .sum()
}

/// A number of /proc/PID/stat, counted from the field after the name (state is 0).
fn stat_field(pid: u32, field: usize) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    rest.split(' ').nth(field)?.parse().ok()
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: u32, signal: Signal) -> Outcome<()> {
    let Some(pid) = Pid::from_raw(pid as i32).filter(|_| pid > 1) else {
        return fail("no process to signal");
    };
    Ok(kill_process(pid, signal)?)
}

/// Kills a process and all its descendants and waits until they are gone.
pub(crate) fn kill_tree(root: u32) -> Outcome<()> {
    let pids = tree(root);
    for pid in &pids {
        // A child may be gone already.
        let _gone = signal(*pid, Signal::KILL);
    }
    wait_gone(pids.get(1..).unwrap_or_default())
}

/// Waits until none of the processes is left (a zombie of ours counts as gone).
pub(crate) fn wait_gone(pids: &[u32]) -> Outcome<()> {
    let until = Instant::now() + Duration::from_secs(60);
    while pids.iter().any(|pid| is_alive(*pid)) {
        if Instant::now() > until {
            return fail("a server process does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn is_alive(pid: u32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    text.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
