//! `koi quickstart`: a data folder with everything in it, then the server on loopback.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::DirEntry;
use std::path::Path;

use koi_server::ca::LocalCa;
use koi_server::config::{Config, ListenConfig};
use koi_server::password::verifier;
use koi_server::service::Service;
use koi_server::{Problem, folder, server};
use koi_types::Address;

use crate::cli::Quickstart;
use crate::terminal::print;

const DOMAIN: &str = "example.org";
const PORT_BASE: u16 = 10_000;
const USERS: [&str; 2] = ["alice", "bob"];

/// An account as the banner shows it.
struct Shown {
    address: Address,
    /// `None`: it was there before.
    password: Option<String>,
}

pub(crate) fn run(arguments: &Quickstart, config: Option<&Path>) -> Result<(), Problem> {
    if config.is_some() {
        let what = "quickstart has its configuration in its folder";
        return Err(Problem::usage(what, "give --dir, or use `koi serve --config`"));
    }
    let given = arguments.accounts.iter().map(|a| parse_account(a)).collect::<Result<Vec<_>, _>>()?;
    let file = arguments.dir.join("koi.toml");
    if !file.exists() {
        refuse_foreign(&arguments.dir)?;
    }
    folder::make_private(&arguments.dir)?;
    if !file.exists() {
        folder::write_private(&file, &first_config(arguments, &given)?)?;
    }
    let mut start = server::start(&file)?;
    let domain = domain_of(arguments, &start.config)?;
    LocalCa::make(&arguments.dir, &domain)?;
    if let Some(base) = arguments.port_base {
        start.config.listen = listeners(base)?;
    }
    let listen = start.config.listen.clone();
    let shown = RefCell::new(Vec::new());
    server::run(
        start,
        |service| {
            *shown.borrow_mut() = prepare(service, &given, &domain)?;
            Ok(())
        },
        || {
            print(&format!("{}ready\n", banner(arguments, &listen, &shown.borrow())));
            Ok(())
        },
    )
}

/// A folder with something else in it stays as it is, its mode too: others may need it.
fn refuse_foreign(folder: &Path) -> Result<(), Problem> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    // A file system that is all for the mail has this folder; whom a crash has kept from writing its first
    // configuration has left the other.
    let is_ours = |entry: DirEntry| {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        entry.file_name() == "lost+found" || is_file && entry.file_name() == "koi.new"
    };
    if entries.flatten().all(is_ours) {
        return Ok(());
    }
    let what = format!("{} is not empty and has no koi.toml", folder.display());
    Err(Problem::usage(what, "give a folder that does not exist yet with --dir"))
}

fn parse_account(text: &str) -> Result<Shown, Problem> {
    let wrong = |what: &str| {
        Problem::usage(
            format!("--account {}: {what}", text.split(':').next().unwrap_or_default()),
            "write user@domain:password",
        )
    };
    let (address, password) = text.split_once(':').ok_or_else(|| wrong("no password"))?;
    if password.is_empty() {
        return Err(wrong("no password"));
    }
    let address = Address::from_path(address).filter(|address| is_domain(address.domain()));
    let address = address.ok_or_else(|| wrong("not an address"))?;
    if address.detail().is_some() {
        return Err(wrong("the name has a +detail"));
    }
    Ok(Shown { address: address.account_key(), password: Some(password.to_owned()) })
}

/// One that can be written into the configuration, in quotes.
fn is_domain(text: &str) -> bool {
    let labels = || text.split('.').all(|label| !label.is_empty());
    Address::new("postmaster", text).is_some() && !text.contains(['"', '\\']) && labels()
}

fn first_config(arguments: &Quickstart, given: &[Shown]) -> Result<String, Problem> {
    let domain = arguments.domain.as_deref().unwrap_or(DOMAIN).to_lowercase();
    let mut domains = vec![domain.clone()];
    for account in given {
        if !domains.iter().any(|d| d == account.address.domain()) {
            domains.push(account.address.domain().to_owned());
        }
    }
    if !is_domain(&domain) {
        return Err(Problem::usage(
            format!("--domain {domain}: not a domain"),
            "write one such as example.org",
        ));
    }
    if !domain.is_ascii() {
        return Err(Problem::usage(
            format!("--domain {domain}: not the form that a certificate can have"),
            "write it as the DNS has it (xn--...)",
        ));
    }
    let listen = listeners(arguments.port_base.unwrap_or(PORT_BASE))?;
    let list = |texts: Vec<String>| texts.iter().map(|t| format!("\"{t}\"")).collect::<Vec<_>>().join(", ");
    let addresses = |all: &[std::net::SocketAddr]| list(all.iter().map(ToString::to_string).collect());
    Ok(format!(
        "# Made by `koi quickstart`. docs/CONFIG.md and `koi config show --defaults` explain every key.\n\n\
         [server]\nhostname = \"{domain}\"\ndomains = [{}]\n\n\
         [listen]\nimap = [{}]\nimaps = [{}]\nlmtp = [{}]\n\
         smtp = [{}]\nsubmission = [{}]\nsubmissions = [{}]\nhttps = [{}]\ndmap = [{}]\ndmtp = [{}]\n\n\
         [tls]\ncertificate = \"tls/cert.pem\"\nkey = \"tls/key.pem\"\n\n\
         [auth]\nscram = true\n",
        list(domains),
        addresses(&listen.imap),
        addresses(&listen.imaps),
        addresses(&listen.lmtp),
        addresses(&listen.smtp),
        addresses(&listen.submission),
        addresses(&listen.submissions),
        addresses(&listen.https),
        addresses(&listen.dmap),
        addresses(&listen.dmtp),
    ))
}

/// Nobody has assigned one; this is ours (docs/DMAP.md).
const DMAP_PORT: u16 = 9933;

/// Each at the base plus its standard port, on both loopback addresses.
fn listeners(base: u16) -> Result<ListenConfig, Problem> {
    let at = |port: u16| -> Result<Vec<std::net::SocketAddr>, Problem> {
        let port = base.checked_add(port).ok_or_else(|| {
            let what = format!("--port-base {base}: {base} + {port} is not a port");
            Problem::usage(what, format!("give at most {}", u16::MAX - DMAP_PORT))
        })?;
        Ok(vec![(std::net::Ipv4Addr::LOCALHOST, port).into(), (std::net::Ipv6Addr::LOCALHOST, port).into()])
    };
    Ok(ListenConfig {
        imap: at(143)?,
        imaps: at(993)?,
        lmtp: at(24)?,
        smtp: at(25)?,
        submission: at(587)?,
        submissions: at(465)?,
        https: at(443)?,
        dmap: at(DMAP_PORT)?,
        dmtp: at(26)?,
    })
}

/// The folder's domain; one that was asked for must be among them.
fn domain_of(arguments: &Quickstart, config: &Config) -> Result<String, Problem> {
    let first = config.domains.first().cloned().unwrap_or_default();
    match &arguments.domain {
        Some(wanted) if !config.domains.contains(&wanted.to_lowercase()) => {
            let what =
                format!("{} is for {}, not {wanted}", config.file.display(), config.domains.join(", "));
            Err(Problem::usage(what, "add it to server.domains there, or give another folder with --dir"))
        }
        _ => Ok(first),
    }
}

/// Makes or changes the accounts that were given; without any, alice and bob in an empty folder.
fn prepare(service: &Service, given: &[Shown], domain: &str) -> Result<Vec<Shown>, Problem> {
    let mut shown = Vec::new();
    for Shown { address, password } in given {
        let password = password.as_deref().unwrap_or_default();
        match service.mailbox.directory().by_address(address)? {
            Some(_) => service.set_password(address, password)?,
            None => drop(service.add_account(address, password)?),
        }
        shown.push(Shown { address: address.clone(), password: Some("as given".into()) });
    }
    let there = service.mailbox.directory().list()?;
    if there.is_empty() {
        for user in USERS {
            let Some(address) = Address::new(user, domain) else { continue };
            let password = verifier::generate();
            service.add_account(&address, &password)?;
            shown.push(Shown { address, password: Some(password) });
        }
    }
    for row in there.into_iter().take(10) {
        if !shown.iter().any(|s| s.address == row.address) {
            shown.push(Shown { address: row.address, password: None });
        }
    }
    Ok(shown)
}

fn banner(arguments: &Quickstart, listen: &ListenConfig, shown: &[Shown]) -> String {
    let port = |all: &[std::net::SocketAddr]| all.first().map_or(0, std::net::SocketAddr::port);
    let ca = LocalCa::paths(&arguments.dir).ca_certificate;
    let ca = std::path::absolute(&ca).unwrap_or(ca);
    let mut out = String::from("\nKoi is running. In a mail client, add an account with these settings:\n\n");
    let _ = writeln!(out, "  incoming mail   IMAP, server localhost, port {}, SSL/TLS", port(&listen.imaps));
    let _ =
        writeln!(out, "                  (or port {} with STARTTLS); normal password", port(&listen.imap));
    if !listen.submissions.is_empty() {
        let (tls, starttls) = (port(&listen.submissions), port(&listen.submission));
        let _ = writeln!(out, "  outgoing mail   SMTP, server localhost, port {tls}, SSL/TLS");
        let _ = writeln!(out, "                  (or port {starttls} with STARTTLS); normal password");
    }
    if !listen.https.is_empty() {
        let port = port(&listen.https);
        let _ = writeln!(out, "  or JMAP         https://localhost:{port}/.well-known/jmap; normal password");
    }
    let _ = writeln!(out, "  trust           {}\n", ca.display());
    let width = shown.iter().map(|s| s.address.to_string().len()).max().unwrap_or(0);
    for account in shown {
        let password = account.password.as_deref().unwrap_or("(as before; `koi account passwd` changes it)");
        let _ = writeln!(out, "  {:width$}   password {password}", account.address.to_string());
    }
    let lmtp = port(&listen.lmtp);
    let _ = writeln!(out, "\nMail comes in by LMTP on port {lmtp}. To try it:\n");
    if let Some(first) = shown.first() {
        // As a path, in a format of printf, in single quotes.
        let to = first.address.as_path().replace('\\', r"\\").replace('%', "%%").replace('\'', r"'\''");
        let _ = writeln!(
            out,
            "  printf 'LHLO me\\r\\nMAIL FROM:<>\\r\\nRCPT TO:<{to}>\\r\\nDATA\\r\\n\
             Subject: hello\\r\\n\\r\\nHi!\\r\\n.\\r\\nQUIT\\r\\n' \\\n    \
             | curl -s telnet://localhost:{lmtp}"
        );
    }
    // Of names that need quotes not all can be those of STACIE.
    let named = shown.iter().find(|account| Address::is_dot_string(account.address.local()));
    if let Some(first) = named.filter(|_| !listen.dmap.is_empty()) {
        let (who, port) = (in_shell(&first.address.to_string()), port(&listen.dmap));
        let _ = writeln!(out, "\nEncrypted mail, by the client that comes with Koi (`koi dmap --help`):\n");
        let _ = writeln!(
            out,
            "  koi dmap login {who} --server localhost:{port} --ca {}",
            in_shell(&ca.to_string_lossy())
        );
    }
    let _ =
        writeln!(out, "\nCtrl-C stops it. Settings are in {}.\n", arguments.dir.join("koi.toml").display());
    out
}

/// One word for a shell.
fn in_shell(word: &str) -> String {
    match word.chars().all(|c| c.is_alphanumeric() || "@%+=:,./-_".contains(c)) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
