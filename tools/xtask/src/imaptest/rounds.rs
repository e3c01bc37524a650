//! The rounds of random commands: what ImapTest is asked to do and to check in each.

use std::path::Path;
use std::process::Command;

/// One run of many clients on a fresh server.
pub(super) struct Round {
    pub(super) name: &'static str,
    /// It lasts this fraction of the time asked for.
    share: u64,
    checks: Checks,
    /// Besides `EVERYTHING`.
    options: &'static [&'static str],
}

/// When all clients stop and compare what they know of each message with one another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checks {
    Often,
    /// Never, so that they may change flags silently.
    Never,
}

/// Where COPY and MOVE go; ImapTest does not expect that two clients make it at once.
pub(super) const COPIES: &str = "Copies";

/// Puts all keywords that ImapTest uses on a message: it takes STORE for wrong that takes away a keyword
/// which nobody has made, and does not make it. No standard asks for that (RFC 9051 §6.4.6).
pub(super) const KEYWORDS: &str = "APPEND Copies ($Label1 $Label2 $Label3 $Label4 $Label5) {2+}\r\n\r\n";

/// How likely each command is, in percent. What ImapTest can do and does not do by itself is here too; but
/// not CHECK, which it sends where nothing is selected, nor SEARCH, which stops it when two are on their way.
const EVERYTHING: &[&str] = &[
    "list=30",
    "mcreate=15",
    "mdelete=10",
    "mrename=10",
    "msubs=10",
    "status=30",
    "uidfetch=30",
    "fetch=100",
    "fetch2=80,30",
    "sort=40",
    "thread=30",
    "copy=30,5",
    "move=20,5",
    "store=80",
    "delete=40",
    "expunge=60",
    "append=100,30",
    "noop=40",
    "logout=15",
    "msgs=60",
    "stalled_disconnect_timeout=120",
];

/// The first is the long one, in which every command is to be met.
pub(super) const ROUNDS: &[Round] = &[
    // Where all compare, nobody logs out: who is coming while the others stop is not among them, and may
    // append between two answers that are compared.
    Round {
        name: "everything, in random order",
        share: 1,
        checks: Checks::Often,
        options: &["random", "logout=0"],
    },
    // Whoever does not own a message must not see its flags change by another than its owner.
    Round {
        name: "owned messages",
        share: 5,
        checks: Checks::Often,
        options: &["random", "own_msgs", "logout=0"],
    },
    Round {
        name: "owned flags",
        share: 5,
        checks: Checks::Often,
        options: &["random", "own_flags", "logout=0"],
    },
    // Only who logs out comes back: so they compare right after CHECK, and do not ask for threads before.
    Round { name: "QRESYNC", share: 5, checks: Checks::Often, options: &["random", "qresync", "thread=0"] },
    // It lets clients compare only when it has seen \Recent on everything, which IMAP4rev2 does not know.
    Round { name: "IMAP4rev2", share: 5, checks: Checks::Never, options: &["random", "imap4rev2"] },
    Round {
        name: "compressed, silent, one command after the other",
        share: 5,
        checks: Checks::Never,
        options: &["no_pipelining", "compress=50", "mech=PLAIN", "search=40"],
    },
];

impl Round {
    /// Seconds, of those asked for.
    pub(super) fn secs(&self, asked: u64) -> u64 {
        (asked / self.share).max(1)
    }

    /// Whether each command must have been used.
    pub(super) fn uses_everything(&self) -> bool {
        self.share == 1
    }

    pub(super) fn tell(&self, asked: u64, mbox: &Path, command: &mut Command) {
        let secs = self.secs(asked);
        command.args(EVERYTHING).args(self.options);
        command.arg(format!("copybox={COPIES}"));
        command.arg(format!("secs={secs}")).arg(format!("mbox={}", mbox.display()));
        if self.checks == Checks::Often {
            command.arg(format!("checkpoint={}", (secs / 30).clamp(2, 10)));
        }
    }
}
