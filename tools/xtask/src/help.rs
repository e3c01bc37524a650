//! `cargo xtask help`: every command in one table, and a page for each.
//!
//! The table is the only list of commands a person sees; `main.rs` dispatches on the same names.

use crate::failure::Failure;

struct Page {
    name: &'static str,
    line: &'static str,
    text: &'static str,
}

const PAGES: &[Page] = &[
    Page {
        name: "test",
        line: "the whole suite from a clean checkout: packages, build, tests, doc tests",
        text: "cargo xtask test [--no-packages]

Runs, in this order: a look at git, the Debian packages of tests/packages.txt, one build of the whole
workspace in the dev profile, every test, every doc test. As root (or with password-less sudo) it runs
`apt-get update` and installs what is missing without starting any daemon; otherwise it stops before
building and prints the one line to type. Real clients, kill tests and 10 s of fuzzing per target are
part of it. Nothing is skipped in silence: a missing program or an ignored test fails the run.

  --no-packages   only check that the packages are there; never install

Tests see KOI_BIN (path of the built koi), KOI_FUZZ_SECS=10 and KOI_FUZZ_SEED=1 unless they are set
(another seed, or `cargo xtask fuzz`, looks at other inputs). A test that has a number to tell prints a
line `suite: …`; the summary repeats it.",
    },
    Page {
        name: "quick",
        line: "the sub-minute subset (when warm): format, tidy, unit and script tests",
        text: "cargo xtask quick

For before every commit: `cargo fmt --check`, `cargo xtask tidy`, then unit and script tests with
KOI_QUICK=1 (fewer seeds). No real clients, no kill tests, no packages needed.",
    },
    Page {
        name: "tidy",
        line: "checks the layout: dependencies, purity, sizes, headers, licences, spec marks",
        text: "cargo xtask tidy [--verbose]

Reads the sources and `cargo metadata`, compiles nothing, takes a second or two. Each finding names file
and line; findings are grouped by rule, and each rule says why it exists and how to satisfy it.

  --verbose       also list warnings: files over 500 lines, packages in several versions

A function that must be long says so on a line directly above it:  // tidy-long: why
Rules that allow exceptions take a line directly above the place:  // tidy-allow(rule): why",
    },
    Page {
        name: "spec",
        line: "checks marks such as `RFC 9051 §6.4.5` and writes docs/SPECS.md",
        text: "cargo xtask spec [--check] [--texts DIR]

Collects marks of the form `RFC 9051 §6.4.5` (also COI-server, COI-webpush, COI-client, DMAP-00,
JMAP-2018) from code, tests, scripts and docs, checks that document and section exist, and writes
docs/SPECS.md.

  --check         write nothing; fail on a dangling mark or when docs/SPECS.md is out of date
  --texts DIR     rebuild docs/specs/sections.txt from the full texts in DIR (rfcNNNN.txt, …), for the
                  documents named in docs/specs/status.txt",
    },
    Page {
        name: "fuzz",
        line: "runs the cargo-fuzz targets under nightly",
        text: "cargo xtask fuzz [--secs N] [TARGET…]

Runs every target in fuzz/ (or the named ones) for N seconds each, 60 unless told. Needs the nightly
toolchain and cargo-fuzz. The same bodies run for 10 s each under the stable toolchain in `test`.",
    },
    Page {
        name: "soak",
        line: "kill -9 under load, 200 rounds instead of 12",
        text: "cargo xtask soak [--rounds N]

Runs the kill test of the suite with KOI_SOAK_ROUNDS=N (200 unless told) and shows what it prints.",
    },
    Page {
        name: "imaptest",
        line: "Dovecot's ImapTest, built elsewhere, against a fresh Koi",
        text: "cargo xtask imaptest PATH [--release | --koi FILE] [--secs N] [--clients N] [--only NAME]

PATH is a checkout of ImapTest with the program built in it: PATH/src/imaptest and PATH/src/tests. Builds koi,
starts one on loopback with an empty folder, and runs
  - all scripted groups: none may fail, and none may be left out for want of a capability. A group that asks
    for what no standard does is mended in the copy that is run: docs/specs/imaptest.txt says where and why;
  - random commands of many clients that check each answer against what they know, and now and then what they
    know against one another: once for N seconds, and in five rounds of N/5 seconds with owners of messages
    and of flags, with QRESYNC, with IMAP4rev2, and compressed with silent changes. No error may be reported.

  --release       build koi in the release profile, not in the debug profile
  --koi FILE      take this koi, which is built already
  --secs N        how long the random commands last, 600 unless told; 0: not at all
  --clients N     how many clients send them, 20 unless told
  --only NAME     this one scripted group, or the round whose name begins so, and nothing else",
    },
    Page {
        name: "bench",
        line: "measures Koi beside Dovecot and Cyrus, writes docs/BENCHMARKS.md",
        text: "cargo xtask bench [ARGUMENTS…]

Builds koi and the load driver in the release profile and passes the arguments on to the driver
(`cargo xtask bench --help` shows its own).

  --check         run nothing; fail when docs/BENCHMARKS.md was not written by the tool. Its first line is
                  `<!-- koi-bench fnv1a64 DIGEST -->`: FNV-1a 64 of every octet after that line, in hex.",
    },
    Page {
        name: "guess",
        line: "measures what a guess at a stolen password costs here",
        text: "cargo xtask guess

Builds the password code in the release profile and counts how many guesses one core makes in a second of
processor time: at Argon2id, at SCRAM keys, at app passwords. The figures of docs/LOGIN.md are from it.",
    },
    Page {
        name: "fresh",
        line: "repeats the two README commands in an empty Debian, as an ordinary user",
        text: "cargo xtask fresh [--only-quickstart | --only-test] [--dir DIR] [--keep]

As root: makes an empty Debian of the host's release with debootstrap, installs git and a C compiler,
copies in the Rust toolchain and a clone of HEAD, and runs `cargo run --release -- quickstart` until it
says `ready`, then `cargo xtask test`, both as an ordinary user.

  --only-quickstart, --only-test   one of the two
  --dir DIR       where the chroot is made (default: a folder under the system's temporary folder)
  --keep          leave the chroot for a look afterwards",
    },
];

/// The overview: one line per command.
pub(crate) fn all() -> Result<(), Failure> {
    println!("cargo xtask <command>: the project's own tools\n");
    for page in PAGES {
        println!("  {:<6} {}", page.name, page.line);
    }
    println!("\n`cargo xtask help <command>` says more. Before a commit: `cargo xtask quick`.");
    println!("What the continuous integration runs is in .ci/run; the rules are in CONTRIBUTING.md.");
    Ok(())
}

/// The page of one command.
pub(crate) fn command(name: &str) -> Result<(), Failure> {
    let page = PAGES.iter().find(|page| page.name == name);
    let page = page.ok_or_else(|| Failure::new(format!("there is no command `{name}`")))?;
    println!("{}", page.text);
    Ok(())
}
