//! A fresh Koi for ImapTest: a folder, a configuration that takes passwords in clear text on loopback, a few
//! accounts. All of it is gone when it is dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::phase::{cannot_start, program, show};

pub(super) const PASSWORD: &str = "secret";
const ACCOUNTS: u32 = 2;
/// What ImapTest may say: a group that never ends says the same for ever.
const LOG_OCTETS_MAX: u64 = 16 << 20;

pub(super) struct Server {
    pub(super) port: u16,
    pub(super) folder: PathBuf,
    child: Child,
}

impl Server {
    pub(super) fn start(koi: &Path) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("koi-imaptest-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", folder.display()));
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let free = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let port = free.local_addr().map_err(failed)?.port();
        drop(free);
        let config = folder.join("koi.toml");
        let text = format!(
            "[server]\nhostname = \"localhost\"\ndomains = [\"example.org\"]\ndata = \"data\"\n\
             [listen]\nimap = [\"127.0.0.1:{port}\"]\n\
             [auth]\ncleartext_login = true\nargon2_memory_kib = 8192\nargon2_passes = 1\n\
             [log]\nlevel = \"warn\"\n"
        );
        std::fs::write(&config, text).map_err(failed)?;
        let mut command = program(koi);
        command.args(["serve", "--config"]).arg(&config).stdout(Stdio::piped());
        let child = command.spawn().map_err(|error| cannot_start(&show(&command), &error))?;
        let mut server = Self { port, folder, child };
        server.wait_until_ready()?;
        for number in 1..=ACCOUNTS {
            server.add_account(koi, &config, number)?;
        }
        // Groups with two users select it as the second, and only the first makes it.
        server.commands(2, &["CREATE imaptest"])?;
        Ok(server)
    }

    pub(super) fn user(&self, number: u32) -> String {
        format!("test{number}@example.org")
    }

    /// What a client is offered after login, in lower case.
    pub(super) fn capabilities(&self) -> Result<Vec<String>, Failure> {
        let said = self.commands(1, &["CAPABILITY"])?;
        let line = said.lines().find_map(|line| line.strip_prefix("* CAPABILITY "));
        let line = line.ok_or_else(|| Failure::new(format!("no CAPABILITY in:\n{said}")))?;
        Ok(line.split_whitespace().map(str::to_ascii_lowercase).collect())
    }

    /// What is answered to a user who logs in, says this and leaves.
    pub(super) fn commands(&self, user: u32, commands: &[&str]) -> Result<String, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", commands.join(", ")));
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(failed)?;
        let login = format!("LOGIN {} {PASSWORD}", self.user(user));
        for command in [login.as_str()].iter().chain(commands).chain(&["LOGOUT"]) {
            write!(stream, "a {command}\r\n").map_err(failed)?;
        }
        let mut said = String::new();
        stream.read_to_string(&mut said).map_err(failed)?;
        Ok(said)
    }

    /// Runs a program to its end, or ends it; answers what it said.
    pub(super) fn run(&self, command: &mut Command, time: Duration) -> Result<String, Failure> {
        let log = self.folder.join("imaptest.log");
        let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", log.display()));
        let file = std::fs::File::create(&log).map_err(failed)?;
        command.stdout(file.try_clone().map_err(failed)?).stderr(file);
        let mut child = command.spawn().map_err(|error| cannot_start(&show(command), &error))?;
        let end = Instant::now() + time;
        while child.try_wait().map_err(failed)?.is_none() {
            let says_too_much = log.metadata().map_err(failed)?.len() > LOG_OCTETS_MAX;
            if says_too_much || Instant::now() >= end {
                let _ = child.kill();
                let _ = child.wait();
                let why = if says_too_much { "says the same for ever" } else { "does not end" };
                return Err(Failure::new(format!("it {why}; it was ended:\n{}", beginning(&log))));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let said = std::fs::read(&log).map_err(failed)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let out = self.child.stdout.take().ok_or_else(|| Failure::new("koi has no output"))?;
        let mut lines = BufReader::new(out).lines();
        match lines.next() {
            Some(Ok(line)) if line == "ready" => Ok(()),
            other => Err(Failure::new(format!("koi is not ready: {other:?}"))),
        }
    }

    fn add_account(&self, koi: &Path, config: &Path, number: u32) -> Result<(), Failure> {
        let mut command = program(koi);
        command.args(["account", "add", &self.user(number), "--config"]).arg(config);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let failed = |error: std::io::Error| Failure::new(format!("koi account add: {error}"));
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut input) = child.stdin.take() {
            writeln!(input, "{PASSWORD}").map_err(failed)?;
        }
        match child.wait().map_err(failed)?.success() {
            true => Ok(()),
            false => Err(Failure::new("koi account add failed")),
        }
    }
}

/// The first lines of a log.
fn beginning(log: &Path) -> String {
    let mut octets = Vec::new();
    let file = std::fs::File::open(log);
    let read = file.and_then(|file| file.take(4096).read_to_end(&mut octets));
    read.map_or_else(|error| error.to_string(), |_| String::from_utf8_lossy(&octets).into_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
