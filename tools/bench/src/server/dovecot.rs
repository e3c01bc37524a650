//! Dovecot as the peer: the Debian packages, the configuration in `tools/bench/dovecot/`, one folder
//! for everything, no daemon of the system involved.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use super::{DOMAIN, Index, PASSWORD, Ports, Server, free_base, process};
use crate::failure::{Context, Outcome, fail};
use crate::net::imap::Imap;

const TEMPLATE: &str = include_str!("../../dovecot/dovecot.conf.in");
const PACKAGES: &str = "--no-install-recommends dovecot-core dovecot-imapd dovecot-lmtpd dovecot-fts-xapian";
/// As the documentation of fts_xapian has it; asked for, not built behind delivery.
const INDEX: &str = "mail_plugins = fts fts_xapian
plugin {
  fts = xapian
  fts_xapian = partial=3 full=20
  fts_autoindex = no
  fts_enforced = yes
}
";

/// A Dovecot of its own in a folder of its own.
pub(crate) struct Dovecot {
    folder: PathBuf,
    mail: PathBuf,
    ports: Ports,
    fsync: &'static str,
    index: bool,
    child: Option<Child>,
}

impl Dovecot {
    /// Prepares a folder and ports; fails when the Debian packages are not there.
    pub(crate) fn new(folder: &Path) -> Outcome<Self> {
        check_installed()?;
        let base = free_base(27_000)?;
        let ports = Ports {
            imap: base + 143,
            imaps: base + 993,
            lmtp: base + 24,
            submissions: None,
            https: None,
            dmap: None,
        };
        Ok(Self {
            folder: folder.to_path_buf(),
            mail: folder.join("mail"),
            ports,
            fsync: "optimized",
            index: false,
            child: None,
        })
    }

    fn configure(&self) -> Outcome<PathBuf> {
        let certified = rcgen::generate_simple_self_signed([DOMAIN.to_string(), "localhost".to_string()])?;
        fs::write(self.folder.join("cert.pem"), certified.cert.pem())?;
        fs::write(self.folder.join("key.pem"), certified.signing_key.serialize_pem())?;
        let me = std::env::var("USER").unwrap_or_else(|_| "nobody".to_string());
        let users = match is_root() {
            true => ["mail", "mail", "dovecot", "dovenull"].map(str::to_string),
            false => [me.clone(), me.clone(), me.clone(), me],
        };
        let [mail_user, mail_group, internal_user, login_user] = users;
        let text = TEMPLATE
            .replace("@DIR@", &self.folder.to_string_lossy())
            .replace("@MAIL@", &self.mail.to_string_lossy())
            .replace("@PASSWORD@", PASSWORD)
            .replace("@FSYNC@", self.fsync)
            .replace("@INDEX@", if self.index { INDEX } else { "" })
            .replace("@MAIL_USER@", &mail_user)
            .replace("@MAIL_GROUP@", &mail_group)
            .replace("@INTERNAL_USER@", &internal_user)
            .replace("@LOGIN_USER@", &login_user)
            .replace("@IMAP_PORT@", &self.ports.imap.to_string())
            .replace("@IMAPS_PORT@", &self.ports.imaps.to_string())
            .replace("@LMTP_PORT@", &self.ports.lmtp.to_string());
        let path = self.folder.join("dovecot.conf");
        fs::write(&path, text)?;
        if is_root() {
            run(Command::new("chown").arg(format!("{mail_user}:{mail_group}")).arg(&self.mail))?;
        }
        Ok(path)
    }

    fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.join("error.log")).unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().rev().take(5).collect();
        lines.reverse();
        lines.join("\n")
    }
}

impl Server for Dovecot {
    fn name(&self) -> &'static str {
        "dovecot"
    }

    fn version(&self) -> Outcome<String> {
        let output = Command::new("dovecot").arg("--version").output()?;
        Ok(format!("Dovecot {}", String::from_utf8_lossy(&output.stdout).trim()))
    }

    fn start_empty(&mut self, _accounts: u32) -> Outcome<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir_all(&self.mail)?;
        self.start()
    }

    fn start(&mut self) -> Outcome<()> {
        let config = self.configure()?;
        let child = Command::new("dovecot")
            .arg("-F")
            .arg("-c")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.folder.join("stderr.log"))?)
            .spawn()?;
        self.child = Some(child);
        for _ in 0..2_000 {
            if Imap::login(self.ports.imap, &super::user(0), PASSWORD).is_ok() {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        fail(format!("Dovecot does not answer; its log ends:\n{}", self.log()))
    }

    fn restart_for_filling(&mut self, filling: bool) -> Outcome<()> {
        self.stop()?;
        rustix::fs::sync();
        self.fsync = if filling { "never" } else { "optimized" };
        self.start()
    }

    fn index(&mut self, index: Index) {
        self.index = index == Index::On;
    }

    fn build_index(&self) -> Outcome<()> {
        let mut command = Command::new("doveadm");
        command.arg("-c").arg(self.folder.join("dovecot.conf"));
        run(command.args(["index", "-u", &super::user(0), "INBOX"]))
    }

    fn stop(&mut self) -> Outcome<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pids = process::tree(child.id());
        process::signal(child.id(), Signal::TERM)?;
        child.wait()?;
        process::wait_gone(pids.get(1..).unwrap_or_default())
    }

    fn kill(&mut self) -> Outcome<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        process::kill_tree(child.id())?;
        child.wait()?;
        let pid_file = self.folder.join("run/master.pid");
        if pid_file.exists() {
            fs::remove_file(pid_file)?;
        }
        Ok(())
    }

    fn ports(&self) -> Ports {
        self.ports
    }

    fn data(&self) -> &Path {
        &self.mail
    }

    fn process(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // The benchmark may end by a failure; its server must not stay behind.
        let _result = self.kill();
    }
}

/// Whether this process may install packages and change owners.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says what to type when a package is missing (`cargo xtask bench` installs them where it may).
fn check_installed() -> Outcome<()> {
    let missing = |program: &str| !Path::new(program).exists();
    let needed = [
        "/usr/sbin/dovecot",
        "/usr/lib/dovecot/imap",
        "/usr/lib/dovecot/lmtp",
        "/usr/lib/dovecot/modules/lib21_fts_xapian_plugin.so",
    ];
    if needed.into_iter().any(missing) {
        return fail(format!("Dovecot is not installed; type: sudo apt-get install {PACKAGES}"));
    }
    Ok(())
}

/// Runs a program to its end, its output kept from the terminal.
pub(crate) fn run(command: &mut Command) -> Outcome<()> {
    let output = command.stdin(Stdio::null()).output().context(&format!("{command:?}"))?;
    match output.status.success() {
        true => Ok(()),
        false => fail(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
