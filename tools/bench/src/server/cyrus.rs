//! Cyrus as the peer for JMAP: programs of the Debian packages, the configuration in `tools/bench/cyrus/`,
//! one folder for everything, no daemon of the system involved.
//!
//! The package cyrus-imapd cannot be installed beside dovecot-imapd. It has two programs we need, `imapd` and
//! `squatter`; they are unpacked into a folder of the benchmark and run from there.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use super::dovecot::{is_root, run};
use super::{DOMAIN, Index, PASSWORD, Ports, Server, free_base, process, user};
use crate::failure::{Context, Outcome, fail};
use crate::net::imap::Imap;

const IMAPD_CONF: &str = include_str!("../../cyrus/imapd.conf.in");
const CYRUS_CONF: &str = include_str!("../../cyrus/cyrus.conf.in");
const PACKAGES: &str = "--no-install-recommends cyrus-common cyrus-caldav sasl2-bin msmtp-mta libeatmydata1";
const PROGRAMS: &str = "/usr/lib/cyrus/bin";
/// Preloaded, it makes fsync(2) and its like do nothing: while a mailbox is filled and indexed beforehand.
const UNFLUSHED: &str = "libeatmydata.so";
/// Below `conf`, where it does not make them itself.
const FOLDERS: [&str; 8] = ["db", "lock", "log", "msg", "proc", "quota", "socket", "user"];

/// A Cyrus of its own in a folder of its own.
pub(crate) struct Cyrus {
    folder: PathBuf,
    mail: PathBuf,
    /// Where `imapd` and `squatter` are.
    imapd: PathBuf,
    ports: Ports,
    /// Nothing is flushed.
    filling: bool,
    child: Option<Child>,
}

impl Cyrus {
    /// Prepares a folder and ports; fails when the Debian packages are not there.
    pub(crate) fn new(folder: &Path) -> Outcome<Self> {
        check_installed()?;
        let imapd = imapd_programs(&folder.with_file_name("cyrus-imapd"))?;
        // Never runs beside Dovecot, which takes its ports from the same place.
        let base = free_base(27_000)?;
        let ports = Ports {
            imap: base + 143,
            imaps: base + 993,
            lmtp: base + 24,
            submissions: None,
            https: Some(base + 443),
            dmap: None,
        };
        let (mail, folder) = (folder.join("mail"), folder.to_path_buf());
        Ok(Self { folder, mail, imapd, ports, filling: false, child: None })
    }

    fn configure(&self) -> Outcome<()> {
        let certified = rcgen::generate_simple_self_signed([DOMAIN.to_string(), "localhost".to_string()])?;
        fs::write(self.folder.join("cert.pem"), certified.cert.pem())?;
        fs::write(self.folder.join("key.pem"), certified.signing_key.serialize_pem())?;
        let me = std::env::var("USER").unwrap_or_else(|_| "nobody".to_string());
        let [name, group] = match is_root() {
            true => ["cyrus", "mail"].map(str::to_string),
            false => [me.clone(), me],
        };
        for (file, template) in [("imapd.conf", IMAPD_CONF), ("cyrus.conf", CYRUS_CONF)] {
            let text = template
                .replace("@DIR@", &self.folder.to_string_lossy())
                .replace("@BIN@", PROGRAMS)
                .replace("@IMAPD@", &self.imapd.to_string_lossy())
                .replace("@USER@", &name)
                .replace("@GROUP@", &group)
                .replace("@DOMAIN@", DOMAIN)
                .replace("@IMAP_PORT@", &self.ports.imap.to_string())
                .replace("@IMAPS_PORT@", &self.ports.imaps.to_string())
                .replace("@HTTPS_PORT@", &self.ports.https.unwrap_or_default().to_string())
                .replace("@LMTP_PORT@", &self.ports.lmtp.to_string());
            fs::write(self.folder.join(file), text)?;
        }
        if is_root() {
            run(Command::new("chown").arg("-R").arg(format!("{name}:{group}")).arg(&self.folder))?;
        }
        Ok(())
    }

    /// SASL's own database of accounts.
    fn add_account(&self, number: u32) -> Outcome<()> {
        let mut command = Command::new("saslpasswd2");
        command.args(["-p", "-c", "-f"]).arg(self.folder.join("sasldb2"));
        let address = user(number);
        let (local, _) = address.split_once('@').context("an address")?;
        command.args(["-u", DOMAIN, local]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::null()).spawn().context("saslpasswd2")?;
        child.stdin.take().context("standard input of saslpasswd2")?.write_all(PASSWORD.as_bytes())?;
        if child.wait()?.success() { Ok(()) } else { fail("saslpasswd2 refuses an account") }
    }

    fn imapd_conf(&self) -> PathBuf {
        self.folder.join("imapd.conf")
    }
}

impl Server for Cyrus {
    fn name(&self) -> &'static str {
        "cyrus"
    }

    fn version(&self) -> Outcome<String> {
        Ok(format!("Cyrus {}", package_version()?))
    }

    fn start_empty(&mut self, accounts: u32) -> Outcome<()> {
        self.filling = false;
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        for name in FOLDERS {
            fs::create_dir_all(self.folder.join("conf").join(name))?;
        }
        for name in ["mail", "search", "sieve"] {
            fs::create_dir_all(self.folder.join(name))?;
        }
        (0..accounts).try_for_each(|number| self.add_account(number))?;
        self.start()
    }

    fn start(&mut self) -> Outcome<()> {
        self.configure()?;
        let mut command = Command::new(Path::new(PROGRAMS).join("master"));
        if self.filling {
            command.env("LD_PRELOAD", UNFLUSHED);
        }
        let child = command
            .arg("-D")
            .arg("-C")
            .arg(self.imapd_conf())
            .arg("-M")
            .arg(self.folder.join("cyrus.conf"))
            .arg("-p")
            .arg(self.folder.join("conf/master.pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.folder.join("stderr.log"))?)
            .spawn()?;
        self.child = Some(child);
        for _ in 0..2_000 {
            if Imap::login(self.ports.imap, &user(0), PASSWORD).is_ok() {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        fail("Cyrus does not answer; it says why to syslog only")
    }

    fn restart_for_filling(&mut self, filling: bool) -> Outcome<()> {
        self.stop()?;
        rustix::fs::sync();
        self.filling = filling;
        self.start()
    }

    /// Always Xapian: JMAP's text filters are answered from the index, and from nothing else.
    fn index(&mut self, _index: Index) {}

    fn build_index(&self) -> Outcome<()> {
        let squatter = |arguments: &[&str]| {
            let mut command = Command::new(self.imapd.join("squatter"));
            command.arg("-C").arg(self.imapd_conf()).args(arguments).env("LD_PRELOAD", UNFLUSHED);
            run(&mut command)
        };
        squatter(&["-u", user(0).split('@').next().unwrap_or_default()])?;
        // As an administrator does every night.
        squatter(&["-t", "t1", "-z", "t1"])
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

impl Drop for Cyrus {
    fn drop(&mut self) {
        // The benchmark may end by a failure; its server must not stay behind.
        let _result = self.kill();
    }
}

/// Says what to type when a package is missing (`cargo xtask bench` installs them where it may).
fn check_installed() -> Outcome<()> {
    let missing = |program: &str| !Path::new(program).exists();
    let needed = [
        "/usr/lib/cyrus/bin/master",
        "/usr/lib/cyrus/bin/lmtpd",
        "/usr/lib/cyrus/bin/httpd",
        "/usr/sbin/saslpasswd2",
    ];
    match needed.into_iter().any(missing) {
        true => fail(format!("Cyrus is not installed; type: sudo apt-get install {PACKAGES}")),
        false => Ok(()),
    }
}

fn package_version() -> Outcome<String> {
    let mut query = Command::new("dpkg-query");
    let output = query.args(["--show", "--showformat", "${Version}", "cyrus-common"]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// The folder with `imapd` and `squatter`: the system's, or one unpacked from the package of that version.
fn imapd_programs(folder: &Path) -> Outcome<PathBuf> {
    if Path::new(PROGRAMS).join("squatter").exists() {
        return Ok(PROGRAMS.into());
    }
    let version = package_version()?;
    let unpacked = folder.join(&version);
    let programs = unpacked.join(PROGRAMS.trim_start_matches('/'));
    if programs.join("squatter").exists() {
        return Ok(programs);
    }
    fs::create_dir_all(&unpacked)?;
    let mut download = Command::new("apt-get");
    run(download.current_dir(&unpacked).args(["download", &format!("cyrus-imapd={version}")]))?;
    let mut entries = fs::read_dir(&unpacked)?.filter_map(Result::ok).map(|entry| entry.path());
    let package = entries.find(|path| path.extension().is_some_and(|end| end == "deb"));
    run(Command::new("dpkg").arg("-x").arg(package.context("the package cyrus-imapd")?).arg(&unpacked))?;
    Ok(programs)
}
