//! On which processors servers and this driver run. Waking a thread on a processor that sleeps takes as long
//! as a small command does, so where servers are compared with each other it must be the same for all: left
//! alone, the kernel puts one of them beside the driver and another one elsewhere.

use std::fs;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::failure::{Context, Outcome};

/// As long as it lives this thread has the first processor for itself, and the servers the last one.
pub(crate) struct Apart {
    before: CpuSet,
}

impl Apart {
    /// With one processor nothing is changed.
    pub(crate) fn new(servers: impl Iterator<Item = u32>) -> Outcome<Self> {
        let before = sched_getaffinity(None)?;
        let mut ours = (0..CpuSet::MAX_CPU).filter(|cpu| before.is_set(*cpu));
        let first = ours.next().context("a processor")?;
        if let Some(last) = ours.next_back() {
            for server in servers {
                pin(server, last)?;
            }
            sched_setaffinity(None, &only(first))?;
        }
        Ok(Self { before })
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // What was allowed before is allowed again.
        let _restored = sched_setaffinity(None, &self.before);
    }
}

/// All threads of a process; those that it starts later follow the thread that starts them.
fn pin(process: u32, cpu: usize) -> Outcome<()> {
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let name = entry?.file_name();
        let thread = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        match sched_setaffinity(Some(thread.context("a thread's number")?), &only(cpu)) {
            // It has ended meanwhile.
            Err(rustix::io::Errno::SRCH) => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

fn only(cpu: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(cpu);
    set
}
