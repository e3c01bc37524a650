//! The Debian packages the tests need: one list (`tests/packages.txt`), checked, and installed when we may.
//!
//! No daemon of theirs is ever started: while apt-get runs, `/usr/sbin/policy-rc.d` forbids it
//! (invoke-rc.d(8)); a policy that is already there is left alone and must forbid it itself.

use crate::failure::Failure;
use crate::phase::{output, program, run, succeeds};
use crate::repo::Repo;
use std::path::Path;

const LIST: &str = "tests/packages.txt";
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// A part of the list: `[test]` is for the suite, `[bench]` for `cargo xtask bench`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Test,
    Bench,
}

impl Section {
    fn header(self) -> &'static str {
        match self {
            Section::Test => "[test]",
            Section::Bench => "[bench]",
        }
    }
}

/// Makes sure that every package of the section is installed, or says the one line to type.
///
/// `may_install` is what the caller was told; without root or password-less sudo nothing is installed anyway.
pub(crate) fn ensure(repo: &Repo, section: Section, may_install: bool) -> Result<(), Failure> {
    let wanted = names(&repo.read(LIST)?, section)?;
    if !succeeds(program("dpkg-query").arg("--version")) {
        return Err(Failure::new(format!(
            "dpkg-query is missing: this is no Debian; install the equivalents of {} ({LIST}) and the tests \
             can be run with `cargo test --workspace`",
            wanted.join(" ")
        )));
    }
    let missing = missing(&wanted);
    if missing.is_empty() {
        println!("all {} packages of {LIST} are installed", wanted.len());
        return Ok(());
    }
    let by_hand = Failure::new(format!(
        "these Debian packages are missing; install them with\n\n    \
         sudo apt-get update && sudo apt-get install -y --no-install-recommends {}\n\n\
         and run the command again",
        missing.join(" ")
    ));
    let Some(root) = Root::find() else { return Err(by_hand) };
    if !may_install {
        return Err(by_hand);
    }
    install(&root, &missing)?;
    let still = self::missing(&missing);
    if still.is_empty() { Ok(()) } else { Err(Failure::new(format!("still missing: {}", still.join(" ")))) }
}

/// What `list`, a text like tests/packages.txt, says the suite needs.
pub(crate) fn for_tests(list: &str) -> Result<Vec<String>, Failure> {
    names(list, Section::Test)
}

/// The names of one section; a line is `name  # why`.
fn names(list: &str, section: Section) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut here = "";
    for (index, line) in list.lines().enumerate() {
        let name = line.split('#').next().unwrap_or_default().trim();
        if name.starts_with('[') {
            here = name;
        } else if !name.is_empty() {
            let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.:".contains(&b));
            if !is_name || !line.contains('#') {
                let line = index + 1;
                return Err(Failure::new(format!("{LIST}:{line}: write one package as `name  # why`")));
            }
            if here == section.header() {
                found.push(name.to_owned());
            }
        }
    }
    Ok(found)
}

fn missing(wanted: &[String]) -> Vec<String> {
    let is_installed = |name: &String| {
        let mut query = program("dpkg-query");
        query.args(["--show", "--showformat", "${db:Status-Status}\n", name]);
        output(query.stderr(std::process::Stdio::piped()))
            .is_ok_and(|status| status.lines().any(|line| line == "installed"))
    };
    wanted.iter().filter(|name| !is_installed(name)).cloned().collect()
}

/// A way to do something as root.
struct Root {
    prefix: &'static [&'static str],
}

impl Root {
    /// We are root, or sudo asks for no password.
    fn find() -> Option<Root> {
        if output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
            return Some(Root { prefix: &[] });
        }
        succeeds(program("sudo").args(["-n", "true"])).then_some(Root { prefix: &["sudo", "-n"] })
    }

    fn run(&self, words: &[&str]) -> Result<(), Failure> {
        let mut all = self.prefix.iter().chain(words).copied();
        let mut command = program(all.next().unwrap_or("true"));
        run(command.args(all))
    }
}

fn install(root: &Root, missing: &[String]) -> Result<(), Failure> {
    println!("installing {} without starting any daemon", missing.join(" "));
    let policy = Policy::put(root)?;
    // A package list that could not be refreshed may still be good enough; the install will tell.
    if let Err(failure) = root.run(&["apt-get", "update", "-q"]) {
        println!("{failure}; going on with the lists that are there");
    }
    let mut words = vec!["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
    words.extend(["apt-get", "install", "-q", "-y", "--no-install-recommends"]);
    words.extend(missing.iter().map(String::as_str));
    let result = root.run(&words);
    policy.take_away()?;
    result
}

/// Our policy that no service is started, while it is in place.
struct Policy<'a> {
    root: &'a Root,
    is_ours: bool,
}

impl Policy<'_> {
    fn put(root: &Root) -> Result<Policy<'_>, Failure> {
        if Path::new(POLICY).exists() {
            return Ok(Policy { root, is_ours: false });
        }
        // 101: action forbidden by policy
        let script = format!("printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod 755 {POLICY}");
        root.run(&["sh", "-c", &script])?;
        Ok(Policy { root, is_ours: true })
    }

    fn take_away(self) -> Result<(), Failure> {
        if self.is_ours { self.root.run(&["rm", "-f", POLICY]) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_reasons() {
        let list = "# all\n[test]\ncurl  # a client\n\nisync # another\n[bench]\ndovecot-imapd # the peer\n";
        assert_eq!(names(list, Section::Test).unwrap(), ["curl", "isync"]);
        assert_eq!(names(list, Section::Bench).unwrap(), ["dovecot-imapd"]);
        assert!(names("[test]\ncurl\n", Section::Test).is_err(), "a package without a reason");
        assert!(names("[test]\ncurl wget # two\n", Section::Test).is_err());
    }
}
