//! `koi quickstart`: first start, second start, ports and folders in use, what it prints and when.

use std::os::unix::fs::PermissionsExt as _;

use crate::imap::{Imap, Lmtp};
use crate::rig::{ALICE, KOI, PASSWORD, Server, complained, koi, new_folder, said};

#[test]
fn the_first_start_makes_everything_and_the_second_just_starts() {
    let (_outer, folder) = new_folder();
    let server = Server::quickstart(&folder, &[]);
    let password = |user: &str, banner: &str| {
        let line = banner.lines().find(|l| l.trim_start().starts_with(user)).unwrap();
        line.split("password ").nth(1).unwrap().to_owned()
    };
    let alice = password("alice@example.org", &server.banner);
    let bob = password("bob@example.org", &server.banner);
    assert_ne!(alice, bob);
    assert!(server.banner.contains("/.well-known/jmap"), "{}", server.banner);
    for (path, mode) in
        [("", 0o700), ("tls", 0o700), ("koi.toml", 0o600), ("tls/key.pem", 0o600), ("admin.sock", 0o600)]
    {
        let found = std::fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path}");
    }
    let mut imap = server.login(ALICE, &alice);
    let listed = imap.ok("LIST \"\" * RETURN (SPECIAL-USE)").lines();
    for (name, role) in [
        ("Drafts", "\\Drafts"),
        ("Sent", "\\Sent"),
        ("Junk", "\\Junk"),
        ("Trash", "\\Trash"),
        ("Archive", "\\Archive"),
    ] {
        assert!(listed.iter().any(|l| l.ends_with(name) && l.contains(role)), "{name}: {listed:?}");
    }
    assert!(listed.iter().any(|l| l.ends_with("INBOX")), "{listed:?}");
    assert!(imap.ok("STATUS INBOX (MESSAGES)").lines()[0].contains("MESSAGES 0"), "no welcome message");
    let replies =
        Lmtp::connect(server.lmtp_port()).unwrap().deliver(&[ALICE], b"Subject: x\r\n\r\ny\r\n").unwrap();
    assert!(replies[0].starts_with("250"), "{replies:?}");
    assert_eq!(server.stop(), "", "nothing on standard output after `ready`");

    let again = Server::quickstart(&folder, &[]);
    assert!(!again.banner.contains(&alice), "a password is printed once");
    let mut imap = again.login(ALICE, &alice);
    assert!(imap.ok("STATUS INBOX (MESSAGES)").lines()[0].contains("MESSAGES 1"));
    // An account that exists gets the new password and keeps its mail.
    again.stop();
    let third = Server::quickstart(&folder, &["--account=alice@example.org:a password: with everything"]);
    let mut imap = third.login(ALICE, PASSWORD);
    assert!(imap.ok("STATUS INBOX (MESSAGES)").lines()[0].contains("MESSAGES 1"));
    assert!(!said(&third.koi(&["account", "list"])).is_empty());
}

/// `--domain` is that of the accounts and a name of the certificate, as localhost and both addresses are.
#[test]
fn the_domain_is_that_of_the_accounts_and_of_the_certificate() {
    let (_outer, folder) = new_folder();
    let server = Server::quickstart(&folder, &["--domain=Example.NET"]);
    for user in ["alice@example.net", "bob@example.net"] {
        let mut lines = server.banner.lines().map(str::trim_start);
        let shown = lines.any(|line| line.starts_with(user) && line.contains(" password "));
        assert!(shown, "{}", server.banner);
    }
    let output = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-ext", "subjectAltName", "-in"])
        .arg(folder.join("tls/cert.pem"))
        .output()
        .unwrap();
    let names = said(&output);
    for name in ["DNS:example.net", "DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1"] {
        assert!(names.contains(name), "{names}");
    }
    // Mail for another domain is none of ours.
    let refused = Lmtp::connect(server.lmtp_port()).unwrap().deliver(&[ALICE], b"\r\n").unwrap_err();
    assert!(refused.to_string().starts_with("550"), "{refused}");
}

#[test]
fn both_loopback_addresses_listen_when_they_are_there() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    assert!(std::net::TcpStream::connect(("127.0.0.1", server.imap_port())).is_ok());
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        assert!(std::net::TcpStream::connect(("::1", server.imap_port())).is_ok());
    }
}

#[test]
fn a_port_in_use_is_reported_as_such() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let (_outer, other) = new_folder();
    let problem = Server::try_quickstart(&other, server.base, &[]).err().unwrap();
    let at = format!("cannot listen on 127.0.0.1:{} (imap): the port is in use", server.imap_port());
    assert!(problem.contains(&at) && problem.contains("--port-base"), "{problem}");
    assert!(problem.starts_with("exit status: 3"), "{problem}");
    // Nobody has seen the passwords of that start, so the next one makes the accounts.
    let second = Server::quickstart(&other, &[]);
    assert!(second.banner.contains("alice@example.org   password ") && !second.banner.contains("as before"));
}

#[test]
fn a_second_server_on_the_folder_stops_and_names_the_first() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let problem = Server::try_quickstart(&folder, crate::rig::free_base(), &[]).err().unwrap();
    assert!(problem.contains(&format!("is in use by process {}", server.child.id())), "{problem}");
    assert!(problem.starts_with("exit status: 3"), "{problem}");
    Imap::connect(server.imap_port()).unwrap();
}

#[test]
fn wrong_arguments_say_what_to_write() {
    let (_outer, folder) = new_folder();
    for (argument, what) in [
        ("--account=alice@example.org", "no password"),
        ("--account=alice:x", "not an address"),
        ("--port-base=65000", "is not a port"),
        ("--domain=exa mple", "not a domain"),
        ("--domain=foo..example", "not a domain"),
        ("--domain=bücher.example", "xn--"),
        ("--account=a@foo..example:x", "not an address"),
        ("--account=a+b@example.org:x", "+detail"),
        ("--account=a@exa\"mple:x", "not an address"),
    ] {
        let output = std::process::Command::new(KOI)
            .arg("quickstart")
            .arg("--dir")
            .arg(&folder)
            .arg(argument)
            .output();
        let text = complained(&output.unwrap(), 2);
        assert!(text.contains(what) && text.contains("what to do"), "{text}");
        assert!(!text.contains(":x"), "no password in messages: {text}");
        assert!(!folder.join("koi.toml").exists(), "nothing is begun: {argument}");
    }
    let text = complained(&koi(&folder, &["status"], ""), 1);
    assert!(text.contains("koi.toml"), "{text}");
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let (_outer, folder) = new_folder();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(folder.join("letter.txt"), "x").unwrap();
    let output = std::process::Command::new(KOI).arg("quickstart").arg("--dir").arg(&folder).output();
    let text = complained(&output.unwrap(), 2);
    assert!(text.contains("not empty") && text.contains("--dir"), "{text}");
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

/// A crash while the first configuration is written keeps nobody from trying again.
#[test]
fn what_a_crash_has_left_of_the_first_configuration_is_written_anew() {
    let (_outer, folder) = new_folder();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("koi.new"), "[serv").unwrap();
    Server::start(&folder).stop();
    let file = folder.join("koi.toml");
    assert!(std::fs::read_to_string(&file).unwrap().contains("[server]\n"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert!(mode & 0o077 == 0 && !folder.join("koi.new").exists(), "{mode:o}");
    // A link of this name is somebody else's.
    let other = folder.with_file_name("other");
    std::fs::create_dir(&other).unwrap();
    std::os::unix::fs::symlink(&file, other.join("koi.new")).unwrap();
    let output = std::process::Command::new(KOI).arg("quickstart").arg("--dir").arg(&other).output().unwrap();
    assert!(complained(&output, 2).contains("is not empty"));
}

#[test]
fn what_the_banner_says_to_try_can_be_typed_whatever_the_name() {
    let (_outer, folder) = new_folder();
    let accounts =
        ["--account=\"o'odd \\\\ 50% name\"@example.org:secret-1", "--account=o'hara@example.org:secret-2"];
    let server = Server::quickstart(&folder, &accounts);
    let typed = |line: &str| {
        let output = std::process::Command::new("sh").args(["-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}");
        String::from_utf8(output.stdout).unwrap()
    };
    let line = |begins: &str| server.banner.lines().find(|line| line.starts_with(begins)).unwrap();
    let said = typed(line("  printf").trim_end_matches('\\'));
    assert!(said.contains("\r\nRCPT TO:<\"o'odd \\\\ 50% name\"@example.org>\r\nDATA\r\n"), "{said}");
    let said = typed(&line("  koi dmap login").replace("koi dmap login", "printf '%s|'"));
    assert!(said.starts_with("o'hara@example.org|--server|"), "{said}");
    server.stop();
}

#[test]
fn serve_reads_the_configuration_of_a_quickstart() {
    let (_outer, folder) = new_folder();
    let first = Server::start(&folder);
    let base = first.base;
    first.stop();
    let mut command = std::process::Command::new(KOI);
    command.arg("serve").arg("--config").arg(folder.join("koi.toml"));
    let server = Server::spawn(command, &folder, base).unwrap();
    assert_eq!(server.banner, "ready\n");
    server.login(ALICE, PASSWORD);
    let text = std::fs::read_to_string(folder.join("koi.toml")).unwrap();
    std::fs::write(folder.join("koi.toml"), text.replace("[server]", "[server]\nhostnam = 1")).unwrap();
    let text = complained(&koi(&folder, &["serve"], ""), 2);
    assert!(
        text.contains("koi.toml:4: unknown key server.hostnam") && text.contains("server.hostname"),
        "{text}"
    );
}

#[test]
fn the_configuration_can_be_shown() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let shown = said(&server.koi(&["config", "show"]));
    assert!(shown.contains("domains = [\"example.org\"]") && shown.contains("write_secs = 60"), "{shown}");
    let defaults =
        said(&std::process::Command::new(KOI).args(["config", "show", "--defaults"]).output().unwrap());
    assert!(defaults.contains("[limits]\n") && defaults.contains("# hostname = "), "{defaults}");
}
