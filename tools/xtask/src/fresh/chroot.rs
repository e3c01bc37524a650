//! The empty Debian: made by debootstrap, with packages, certificates and proxies as this machine has them.
//!
//! Everything in it runs in mount and process namespaces of its own (unshare(1)), so that nothing stays
//! mounted and no process is left when a phase ends; that is why the folder can simply be removed.

use crate::failure::Failure;
use crate::phase::{output, program, run, succeeds};
use crate::repo::Repo;
use std::path::{Path, PathBuf};
use std::process::Command;

const USER: &str = "newcomer";
const RUST: &str = "/opt/rust";

/// What a fresh machine is said to have in the README.
const PACKAGES: &[&str] = &["ca-certificates", "gcc", "git", "libc6-dev"];

/// Variables that say how the network is reached; nothing else of our environment goes in.
const NETWORK: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "GIT_SSL_CAINFO",
];

/// A Debian in a folder.
pub(super) struct Chroot {
    dir: PathBuf,
}

impl Chroot {
    pub(super) fn new(dir: PathBuf) -> Chroot {
        Chroot { dir }
    }

    /// The smallest Debian of the host's release, with its sources of packages and its trust.
    pub(super) fn bootstrap(&self) -> Result<(), Failure> {
        if !succeeds(program("debootstrap").arg("--version")) {
            run(program("apt-get").args(["install", "-q", "-y", "--no-install-recommends", "debootstrap"]))?;
        }
        let (release, mirror) = (release()?, mirror());
        println!("{release} from {mirror}");
        let mut command = program("debootstrap");
        command.args(["--variant=minbase", "--include=ca-certificates", release.as_str()]);
        run(command.arg(&self.dir).arg(mirror).stdout(std::process::Stdio::null()))?;
        for folder in ["etc/apt", "usr/share/keyrings", "usr/local/share/ca-certificates", "etc/ssl/certs"] {
            self.take_over(folder)?;
        }
        for file in ["etc/resolv.conf", "etc/hosts"] {
            copy_file(&Path::new("/").join(file), &self.dir.join(file))?;
        }
        // No service of any package is started in here.
        let policy = self.dir.join("usr/sbin/policy-rc.d");
        std::fs::write(&policy, "#!/bin/sh\nexit 101\n").map_err(|error| cannot_write(&policy, &error))?;
        run(program("chmod").arg("755").arg(&policy))
    }

    /// Replaces a folder by this machine's, links resolved.
    fn take_over(&self, folder: &str) -> Result<(), Failure> {
        let from = Path::new("/").join(folder);
        let to = self.dir.join(folder);
        if !from.is_dir() {
            return Ok(());
        }
        run(program("mkdir").arg("-p").arg(&to))?;
        // Certificates are links into other folders; a dangling one is no reason to stop.
        let mut copy = program("cp");
        succeeds(copy.args(["--recursive", "--dereference", "--no-target-directory"]).arg(&from).arg(&to));
        Ok(())
    }

    /// Packages, the toolchain that runs us, and a user.
    pub(super) fn furnish(&self) -> Result<(), Failure> {
        run(&mut self.as_root("apt-get update -q"))?;
        self.install(&PACKAGES.join(" "))?;
        let sysroot = output(
            program(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).args(["--print", "sysroot"]),
        )?;
        let to = self.dir.join(RUST.trim_start_matches('/'));
        run(program("cp")
            .args(["--recursive", "--preserve=mode,timestamps", "--reflink=auto"])
            .arg(sysroot.trim())
            .arg(&to))?;
        // Only the compiler's own documentation is left behind: it is most of the octets.
        run(program("rm").arg("-rf").arg(to.join("share/doc")))?;
        run(program("chmod").args(["-R", "a+rX"]).arg(&to))?;
        run(&mut self.as_root(&format!("useradd --create-home --shell /bin/sh {USER}")))?;
        self.cargo_configuration()
    }

    /// How this machine's cargo reaches its registry; never its credentials.
    fn cargo_configuration(&self) -> Result<(), Failure> {
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
        let Some(from) = home.map(|home| home.join("config.toml")).filter(|path| path.is_file()) else {
            return Ok(());
        };
        let to = self.dir.join(format!("home/{USER}/.cargo"));
        run(program("mkdir").arg("-p").arg(&to))?;
        copy_file(&from, &to.join("config.toml"))?;
        run(&mut self.as_root(&format!("chown -R {USER}: /home/{USER}")))
    }

    /// The commit we stand on; what is not committed is not tested, and that is said.
    pub(super) fn clone_head(&self, repo: &Repo) -> Result<(), Failure> {
        let changed = output(program("git").args(["status", "--porcelain"]))?.lines().count();
        if changed > 0 {
            println!("{changed} files differ from HEAD; HEAD is what is tested");
        }
        let to = self.dir.join(format!("home/{USER}/koi"));
        run(program("git").args(["clone", "--quiet", "--no-hardlinks"]).arg(&repo.root).arg(&to))?;
        run(program("git").arg("-C").arg(&to).args(["remote", "remove", "origin"]))?;
        run(program("git").arg("-C").arg(&to).args(["log", "-1", "--format=%h %s"]))?;
        run(&mut self.as_root(&format!("chown -R {USER}: /home/{USER}")))
    }

    /// The packages of the first section of tests/packages.txt.
    pub(super) fn install_listed(&self) -> Result<(), Failure> {
        let list = self.dir.join(format!("home/{USER}/koi/tests/packages.txt"));
        let list = std::fs::read_to_string(&list)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", list.display())))?;
        self.install(&crate::packages::for_tests(&list)?.join(" "))
    }

    fn install(&self, names: &str) -> Result<(), Failure> {
        let script =
            format!("DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends {names}");
        run(self.as_root(&script).stdout(std::process::Stdio::null()))
    }

    /// A shell command of root inside.
    fn as_root(&self, script: &str) -> Command {
        self.inside("0:0", "/root", script)
    }

    /// A shell command of the ordinary user inside, in the clone.
    pub(super) fn as_user(&self, script: &str) -> Command {
        let home = format!("/home/{USER}");
        self.inside(&format!("{USER}:{USER}"), &home, &format!("cd {home}/koi && {{ {script}; }}"))
    }

    fn inside(&self, who: &str, home: &str, script: &str) -> Command {
        // NeoMutt runs at a terminal: these are its own.
        let mounts = "mount -t proc proc \"$0/proc\" && mkdir -p \"$0/dev/shm\" \"$0/dev/pts\" && \
                      mount -t tmpfs tmpfs \"$0/dev/shm\" && \
                      mount -t devpts -o newinstance,ptmxmode=0666 devpts \"$0/dev/pts\" && \
                      ln -sf pts/ptmx \"$0/dev/ptmx\" && exec chroot \"$@\"";
        let mut command = program("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", mounts]).arg(&self.dir);
        command.arg(format!("--userspec={who}")).arg(&self.dir);
        command.args(["env", "-i", "LANG=C.UTF-8", "CARGO_TERM_COLOR=never", "RUSTUP_AUTO_INSTALL=0"]);
        command.arg(format!("HOME={home}"));
        command.arg(format!("PATH={RUST}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
        for name in NETWORK {
            if let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) {
                command.arg(format!("{name}={value}"));
            }
        }
        command.args(["sh", "-c", script]);
        command
    }

    /// Removes the folder; nothing is mounted in it.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        if self.dir.exists() {
            run(program("rm").args(["-rf", "--one-file-system"]).arg(&self.dir))
        } else {
            Ok(())
        }
    }
}

/// The code name of the host's Debian.
fn release() -> Result<String, Failure> {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| {
        text.lines().find_map(|line| line.strip_prefix(key)).map(|v| v.trim_matches('"').to_owned())
    };
    if value("ID=").as_deref() != Some("debian") {
        return Err(Failure::new(
            "this machine is no Debian: debootstrap would not know which release to make",
        ));
    }
    value("VERSION_CODENAME=").ok_or_else(|| Failure::new("/etc/os-release has no VERSION_CODENAME"))
}

/// The first mirror apt is configured with.
fn mirror() -> String {
    let mut texts = vec![std::fs::read_to_string("/etc/apt/sources.list").unwrap_or_default()];
    let folder = std::fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "sources" || end == "list"));
    paths.sort();
    texts.extend(paths.iter().filter_map(|path| std::fs::read_to_string(path).ok()));
    let lines = texts.iter().flat_map(|text| text.lines()).filter(|line| !line.trim_start().starts_with('#'));
    let words = lines.filter(|line| line.starts_with("URIs:") || line.starts_with("deb "));
    let mut uris = words.flat_map(str::split_whitespace).filter(|word| word.contains("://"));
    uris.find(|uri| uri.contains("debian")).unwrap_or("http://deb.debian.org/debian").to_owned()
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::copy(from, to).map(|_| ()).map_err(|error| cannot_write(to, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
}
