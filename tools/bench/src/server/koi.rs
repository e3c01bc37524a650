//! Koi as the server under test: the release binary, started as a person starts it
//! (`koi quickstart`), standard error into a file.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use super::dovecot::run;
use super::{Index, PASSWORD, Ports, Server, accounts, free_base, process, user};
use crate::failure::{Context, Outcome, fail};

/// Passwords without TLS are measured, and accounts are made quickly: Argon2 is paid once per account and
/// its proof is cached, so its cost is in no measured time.
const SETTINGS: &str = "[smtp]
account_messages_per_hour_max = 0
account_messages_per_day_max = 0
account_recipients_per_hour_max = 0
account_recipients_per_day_max = 0
[auth]
cleartext_login = true
argon2_memory_kib = 8192
argon2_passes = 1
";

/// At the end of the configuration file.
const INDEX: &str = "\n[search]\n";

/// Koi's own release binary in a folder of its own.
pub(crate) struct Koi {
    program: PathBuf,
    folder: PathBuf,
    data: PathBuf,
    base: u16,
    index: Index,
    child: Option<Child>,
}

impl Koi {
    /// Prepares a folder and ports for the binary at `program`.
    pub(crate) fn new(program: &Path, folder: &Path) -> Outcome<Self> {
        let (folder, program) = (folder.to_path_buf(), program.to_path_buf());
        let (data, base) = (folder.join("data"), free_base(21_000)?);
        Ok(Self { program, data, folder, base, index: Index::Usual, child: None })
    }

    /// Writes the setting of the index into the file, in place of the one before.
    fn set_index(&self) -> Outcome<()> {
        let file = self.data.join("koi.toml");
        let Ok(text) = fs::read_to_string(&file) else { return Ok(()) };
        let kept = text.split_once(INDEX).map_or(text.as_str(), |(kept, _)| kept);
        let setting = match self.index {
            Index::Usual => String::new(),
            Index::On => format!("{INDEX}index = true\n"),
            Index::Off => format!("{INDEX}index = false\n"),
        };
        Ok(fs::write(&file, format!("{kept}{setting}"))?)
    }

    fn launch(&mut self, accounts: Range<u32>) -> Outcome<()> {
        self.set_index()?;
        let mut command = Command::new(&self.program);
        command.arg("quickstart").arg("--dir").arg(&self.data).arg("--port-base").arg(self.base.to_string());
        for number in accounts {
            command.arg("--account").arg(format!("{}:{PASSWORD}", user(number)));
        }
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("stderr.log"))?;
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().context("koi")?;
        let output = child.stdout.take().context("standard output of koi")?;
        self.child = Some(child);
        let ready = BufReader::new(output).lines().map_while(Result::ok).any(|line| line == "ready");
        match ready {
            true => Ok(()),
            false => {
                fail(format!("koi ended before `ready`; see {}", self.folder.join("stderr.log").display()))
            }
        }
    }
}

impl Server for Koi {
    fn name(&self) -> &'static str {
        "koi"
    }

    fn version(&self) -> Outcome<String> {
        let output = Command::new(&self.program).arg("--version").output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
    }

    fn start_empty(&mut self, accounts: u32) -> Outcome<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir_all(&self.folder)?;
        self.launch(0..1)?;
        self.stop()?;
        let file = self.data.join("koi.toml");
        fs::write(&file, fs::read_to_string(&file)?.replace("[auth]\n", SETTINGS))?;
        // The first one's password was hashed at full cost, before the settings.
        if accounts > 1 {
            self.launch(1..2)?;
            self.stop()?;
            accounts::add(&self.data, 1, 2..accounts)?;
        }
        self.launch(0..0)
    }

    fn start(&mut self) -> Outcome<()> {
        self.launch(0..0)
    }

    fn index(&mut self, index: Index) {
        self.index = index;
    }

    fn build_index(&self) -> Outcome<()> {
        let mut command = Command::new(&self.program);
        command.args(["index", "rebuild", "--account", &user(0)]);
        run(command.arg("--config").arg(self.data.join("koi.toml")))
    }

    fn stop(&mut self) -> Outcome<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        process::signal(child.id(), Signal::TERM)?;
        child.wait()?;
        Ok(())
    }

    fn kill(&mut self) -> Outcome<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        process::kill_tree(child.id())?;
        child.wait()?;
        Ok(())
    }

    fn ports(&self) -> Ports {
        Ports {
            imap: self.base + 143,
            imaps: self.base + 993,
            lmtp: self.base + 24,
            submissions: Some(self.base + 465),
            https: Some(self.base + 443),
            dmap: Some(self.base + 9_933),
        }
    }

    fn data(&self) -> &Path {
        &self.data
    }

    fn process(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    fn program(&self) -> Option<&Path> {
        Some(&self.program)
    }
}

impl Drop for Koi {
    fn drop(&mut self) {
        // The benchmark may end by a failure; its server must not stay behind.
        let _result = self.kill();
    }
}
