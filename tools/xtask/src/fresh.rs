//! `cargo xtask fresh`: a newcomer's first two commands, in an empty Debian, as an ordinary user.
//!
//! The machine is a chroot made by debootstrap with git, a C compiler and the Rust toolchain in it, nothing
//! else; crates and packages come from where this machine gets them. What is tested is the commit HEAD.

mod chroot;

use crate::failure::Failure;
use crate::phase::{self, Phases, output, program};
use crate::repo::Repo;
use chroot::Chroot;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What the caller wants.
struct Wish {
    quickstart: bool,
    test: bool,
    keep: bool,
    dir: PathBuf,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let wish = wish(arguments)?;
    if output(program("id").arg("-u"))?.trim() != "0" {
        return Err(Failure::new(
            "makes a chroot, which only root may: `sudo -E env PATH=\"$PATH\" cargo xtask fresh`; the \
             commands in it run as an ordinary user",
        ));
    }
    if wish.dir.exists() {
        return Err(Failure::new(format!("{} exists: name a new folder with --dir", wish.dir.display())));
    }
    let repo = Repo::open()?;
    let mut phases = Phases::new("fresh");
    let chroot = Chroot::new(wish.dir.clone());
    let result = run_phases(&repo, &mut phases, &chroot, &wish);
    if wish.keep {
        println!("the chroot is left in {}", wish.dir.display());
    } else if let Err(failure) = chroot.remove() {
        println!("{failure}");
    }
    phases.summary();
    result
}

fn wish(arguments: &[String]) -> Result<Wish, Failure> {
    let dir = std::env::temp_dir().join(format!("koi-fresh-{}", std::process::id()));
    let mut wish = Wish { quickstart: true, test: true, keep: false, dir };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--only-quickstart" => wish.test = false,
            "--only-test" => wish.quickstart = false,
            "--keep" => wish.keep = true,
            "--dir" => match words.next() {
                Some(dir) => wish.dir = PathBuf::from(dir),
                None => return Err(Failure::new("--dir wants a folder")),
            },
            other => {
                return Err(Failure::new(format!("does not know `{other}`; see `cargo xtask help fresh`")));
            }
        }
    }
    if wish.quickstart || wish.test { Ok(wish) } else { Err(Failure::new("nothing left to do")) }
}

fn run_phases(repo: &Repo, phases: &mut Phases, chroot: &Chroot, wish: &Wish) -> Result<(), Failure> {
    phases.run("an empty Debian", || chroot.bootstrap())?;
    phases.run("git, a C compiler, the Rust toolchain", || chroot.furnish())?;
    phases.run("a clone of HEAD", || chroot.clone_head(repo))?;
    if wish.quickstart {
        phases.run("cargo run --release -- quickstart, until `ready`", || quickstart(chroot))?;
    }
    if wish.test {
        phases.run("cargo xtask test, packages missing: must say what to type", || refuses(chroot))?;
        phases.run("the packages, as root", || chroot.install_listed())?;
        phases.run("cargo xtask test", || phase::run(&mut chroot.as_user("cargo xtask test")))?;
    }
    Ok(())
}

/// Starts it, waits for the line `ready`, stops it with SIGTERM; it must end well.
fn quickstart(chroot: &Chroot) -> Result<(), Failure> {
    // A line from us stops it; when it ends by itself, the shell ends with it and so does what we read.
    let script = "exec 4<&0 </dev/null; cargo run --release -- quickstart & server=$!; \
                  { read -r stop <&4; kill -TERM $server; } & wait $server";
    let mut command: Command = chroot.as_user(script);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| phase::cannot_start("unshare", &error))?;
    let mut is_ready = false;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            if line.trim() == "ready" {
                is_ready = true;
                break;
            }
        }
    }
    if let Some(mut stdin) = child.stdin.take() {
        // When it has already ended there is nobody to stop.
        let _ = stdin.write_all(b"stop\n");
    }
    let status = child.wait().map_err(|error| Failure::new(format!("lost quickstart: {error}")))?;
    if !is_ready {
        return Err(Failure::new(format!("quickstart ended ({status}) without the line `ready`")));
    }
    if !status.success() {
        return Err(Failure::new(format!("quickstart did not shut down cleanly on SIGTERM ({status})")));
    }
    println!("ready, and stopped cleanly");
    Ok(())
}

/// Without root and without the packages it must stop before building, with the one line to type.
fn refuses(chroot: &Chroot) -> Result<(), Failure> {
    let mut command = chroot.as_user("cargo xtask test");
    let output = command.output().map_err(|error| phase::cannot_start("unshare", &error))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    print!("{said}");
    let has_line = said.contains("apt-get install -y --no-install-recommends");
    if output.status.success() || !has_line {
        return Err(Failure::new("it should have stopped with the packages to install"));
    }
    Ok(())
}
