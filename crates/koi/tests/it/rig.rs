//! A server process in a folder of its own, on ports nobody else has.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::imap::Imap;

pub(crate) const KOI: &str = env!("CARGO_BIN_EXE_koi");
pub(crate) const ALICE: &str = "alice@example.org";
pub(crate) const BOB: &str = "bob@example.org";
pub(crate) const CAROL: &str = "carol@example.org";
pub(crate) const PASSWORD: &str = "a password: with everything";

/// A running server.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) base: u16,
    pub(crate) folder: PathBuf,
    /// What it printed up to and with `ready`.
    pub(crate) banner: String,
    stdout: BufReader<ChildStdout>,
}

/// A folder that is not there yet, inside one that goes with the test.
pub(crate) fn new_folder() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("data");
    (outer, folder)
}

/// Accounts alice and bob with one password.
pub(crate) fn accounts() -> Vec<String> {
    [ALICE, BOB].iter().map(|a| format!("--account={a}:{PASSWORD}")).collect()
}

impl Server {
    /// Quickstart with alice and bob.
    pub(crate) fn start(folder: &Path) -> Self {
        let accounts = accounts();
        Self::quickstart(folder, &accounts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Quickstart at a port base that is free.
    pub(crate) fn quickstart(folder: &Path, arguments: &[&str]) -> Self {
        for _ in 0..50 {
            let base = free_base();
            match Self::try_quickstart(folder, base, arguments) {
                Ok(server) => return server,
                Err(output) if output.contains("the port is in use") => {}
                Err(output) => panic!("koi quickstart failed:\n{output}"),
            }
        }
        panic!("no free ports found");
    }

    /// The same at a given base; what it complained about if it did not start.
    pub(crate) fn try_quickstart(folder: &Path, base: u16, arguments: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(KOI);
        command.arg("quickstart").arg("--dir").arg(folder).arg("--port-base").arg(base.to_string());
        command.args(arguments);
        Self::spawn(command, folder, base)
    }

    /// Starts a command that prints `ready`.
    pub(crate) fn spawn(mut command: Command, folder: &Path, base: u16) -> Result<Self, String> {
        let log = folder.with_extension("log");
        let stderr = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let began = stderr.metadata().unwrap().len();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.ends_with("ready\n") {
            if stdout.read_line(&mut banner).unwrap() == 0 {
                let status = child.wait().unwrap();
                let text = std::fs::read_to_string(&log).unwrap();
                return Err(format!("{status}\n{}", &text[usize::try_from(began).unwrap()..]));
            }
        }
        Ok(Self { child, base, folder: folder.to_owned(), banner, stdout })
    }

    pub(crate) fn imap_port(&self) -> u16 {
        self.base + 143
    }
    pub(crate) fn imaps_port(&self) -> u16 {
        self.base + 993
    }
    pub(crate) fn lmtp_port(&self) -> u16 {
        self.base + 24
    }

    /// Tells a client in `tests/interop` where to go.
    pub(crate) fn tell_ports(&self, command: &mut Command) {
        for (option, port) in [
            ("--imap", self.imap_port()),
            ("--imaps", self.imaps_port()),
            ("--lmtp", self.lmtp_port()),
            ("--smtp", self.base + 25),
            ("--submission", self.base + 587),
            ("--submissions", self.base + 465),
            ("--https", self.base + 443),
        ] {
            command.args([option, &port.to_string()]);
        }
    }

    /// `koi … --config FOLDER/koi.toml` beside the running server.
    pub(crate) fn koi(&self, arguments: &[&str]) -> Output {
        koi(&self.folder, arguments, "")
    }

    /// A connection of IMAP over TLS, logged in.
    pub(crate) fn login(&self, user: &str, password: &str) -> Imap {
        let mut imap = Imap::connect_tls(self.imaps_port(), &self.folder);
        imap.ok(&format!("LOGIN {user} \"{password}\""));
        imap
    }

    /// A signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Ends it with SIGTERM; what it still printed on standard output.
    pub(crate) fn stop(mut self) -> String {
        self.signal("TERM");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}\n{}", self.log());
        rest
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its log so far (of all starts in this folder).
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.with_extension("log")).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let panics = std::fs::read_to_string(self.folder.with_extension("log")).unwrap_or_default();
        if !std::thread::panicking() {
            assert!(!panics.contains("panicked"), "the server panicked:\n{panics}");
        }
    }
}

/// Runs a subcommand to its end.
pub(crate) fn koi(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(KOI);
    command.args(arguments).arg("--config").arg(folder.join("koi.toml"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Standard output of a run that must succeed.
pub(crate) fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error of a run that must fail with this code.
pub(crate) fn complained(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

/// A port base whose ports are free now; no other test of this process gets the same.
pub(crate) fn free_base() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let first = u16::try_from(std::process::id() % 300).unwrap() * 100;
        // Below the range the system takes for outgoing connections (32768), with room for 9933.
        let base = 11_000 + (first + step.wrapping_mul(37)) % 11_000;
        let free = |port: u16| {
            let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port));
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
                && !v6.is_err_and(|e| e.kind() == std::io::ErrorKind::AddrInUse)
        };
        if [24, 25, 143, 443, 465, 587, 993, 9933].iter().all(|p| free(base + p)) {
            return base;
        }
    }
}
