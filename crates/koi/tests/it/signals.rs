//! SIGTERM, SIGINT, SIGHUP, `koi stop`, and a socket path that is too long for a socket.

use crate::imap::{Imap, Lmtp};
use crate::rig::{ALICE, PASSWORD, Server, new_folder, said};

#[test]
fn a_clean_shutdown_says_bye_to_every_session() {
    for signal in ["TERM", "INT"] {
        let (_outer, folder) = new_folder();
        let mut server = Server::start(&folder);
        let mut idle = server.login(ALICE, PASSWORD);
        idle.ok("SELECT INBOX");
        idle.send(b"i IDLE\r\n").unwrap();
        assert!(idle.line().unwrap().starts_with(b"+"));
        let mut greeted = Imap::connect(server.imap_port()).unwrap();
        server.signal(signal);
        for imap in [&mut idle, &mut greeted] {
            let line = String::from_utf8(imap.line().unwrap()).unwrap();
            assert!(line.starts_with("* BYE"), "{line}");
        }
        assert!(server.child.wait().unwrap().success());
        assert!(!folder.join("admin.sock").exists());
        let log = server.log();
        assert!(log.contains("session ended") && log.contains(ALICE), "{log}");
        assert!(!log.contains(PASSWORD), "no passwords in the log");
    }
}

#[test]
fn what_is_acknowledged_while_the_server_goes_down_is_kept() {
    let (_outer, folder) = new_folder();
    let mut server = Server::start(&folder);
    let port = server.lmtp_port();
    let (first, started) = std::sync::mpsc::channel();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let first = first.clone();
            std::thread::spawn(move || {
                let mut lmtp = Lmtp::connect(port).unwrap();
                let mut acknowledged = 0;
                let message = format!("Subject: x\r\n\r\n{}\r\n", "y".repeat(2000));
                while lmtp.deliver(&[ALICE], message.as_bytes()).is_ok_and(|r| r[0].starts_with("250")) {
                    acknowledged += 1;
                    let _ = first.send(());
                }
                acknowledged
            })
        })
        .collect();
    (0..50).for_each(|_| started.recv().unwrap());
    server.signal("TERM");
    let acknowledged: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
    assert!(server.child.wait().unwrap().success(), "{}", server.log());
    let server = Server::quickstart(&folder, &[]);
    let found = server.login(ALICE, PASSWORD).all("INBOX").len();
    assert!(found >= acknowledged, "{found} of {acknowledged}");
}

#[test]
fn a_reload_takes_over_settings_and_certificates_and_keeps_sessions() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let mut open = server.login(ALICE, PASSWORD);
    let refused = Imap::connect(server.imap_port()).unwrap().command(b"LOGIN x y").unwrap();
    assert!(refused.tagged.contains("PRIVACYREQUIRED"), "{}", refused.tagged);
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let more = "[limits]\nconnections_per_account_max = 1\n[log]\nlevel = \"debug\"\nformat = \"json\"\n";
    std::fs::write(&file, format!("{text}{more}")).unwrap();
    server.signal("HUP");
    wait_for(&server, "read again");
    assert!(
        server.log().contains("wait for a restart") && server.log().contains("log.format"),
        "{}",
        server.log()
    );
    open.ok("NOOP");
    let mut second = Imap::connect_tls(server.imaps_port(), &folder);
    let answer = second.command(format!("LOGIN {ALICE} \"{PASSWORD}\"").as_bytes()).unwrap();
    assert!(answer.tagged.starts_with("NO [LIMIT]"), "{}", answer.tagged);
    std::fs::write(&file, "nonsense").unwrap();
    server.signal("HUP");
    wait_for(&server, "reload failed");
    open.ok("NOOP");
}

/// Who is connected stays so, who comes next sees the new certificate. One without its key changes nothing.
#[test]
fn a_reload_shows_a_changed_certificate_to_new_connections_and_keeps_the_open_ones() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let (_outer, other) = new_folder();
    Server::start(&other).stop();
    let shown = |ca: &std::path::Path| {
        let mut stream = crate::imap::tls(server.imaps_port(), ca);
        std::io::Read::read(&mut stream, &mut [0; 64]).is_ok_and(|octets| octets > 0)
    };
    let mut open = server.login(ALICE, PASSWORD);
    open.ok("SELECT INBOX");
    assert!(shown(&folder) && !shown(&other));
    let replace = |name: &str| {
        std::fs::copy(other.join("tls").join(name), folder.join("tls").join(name)).unwrap();
    };
    replace("cert.pem");
    // The key is that of another certificate still.
    server.signal("HUP");
    wait_for(&server, "reload failed");
    assert!(shown(&folder) && !shown(&other));
    replace("key.pem");
    server.signal("HUP");
    wait_for(&server, "read again");
    assert!(shown(&other) && !shown(&folder));
    open.ok("UID FETCH 1:* FLAGS");
    let replies =
        Lmtp::connect(server.lmtp_port()).unwrap().deliver(&[ALICE], b"Subject: x\r\n\r\n").unwrap();
    assert!(replies[0].starts_with("250"), "{replies:?}");
    let told = open.ok("NOOP").lines();
    assert!(told.iter().any(|line| line.ends_with("1 EXISTS")), "{told:?}");
    assert_eq!(server.stop(), "");
}

/// A line for each delivery and each session; nothing of what was in a message, and no passwords.
#[test]
fn the_log_tells_of_deliveries_and_sessions_and_nothing_of_what_was_in_them() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}[log]\nlevel = \"trace\"\n")).unwrap();
    server.signal("HUP");
    wait_for(&server, "read again");
    let message = b"Subject: topsubject\r\nX-Other: topfield\r\n\r\ntopbody\r\n";
    let mut lmtp = Lmtp::connect(server.lmtp_port()).unwrap();
    assert!(lmtp.deliver(&[ALICE], message).unwrap()[0].starts_with("250"));
    let mut imap = server.login(ALICE, PASSWORD);
    imap.ok("SELECT INBOX");
    imap.ok("FETCH 1 (ENVELOPE BODY[])");
    imap.ok("SEARCH SUBJECT topsubject BODY topbody");
    assert!(imap.append("INBOX", "", message).unwrap().tagged.starts_with("OK"));
    imap.command(b"SUBJECT topsubject").unwrap();
    let mut wrong = Imap::connect_tls(server.imaps_port(), &folder);
    wrong.command(format!("LOGIN {ALICE} topguess").as_bytes()).unwrap();
    imap.ok("LOGOUT");
    wait_for(&server, "session ended");
    let status = said(&server.koi(&["status"]));
    for counter in ["messages delivered", "logins", "login failures"] {
        let line = status.lines().find(|line| line.trim_start().starts_with(counter)).unwrap();
        assert!(line.split_whitespace().last().unwrap().parse::<u64>().unwrap() > 0, "{line}");
    }
    assert!(status.contains("p50") && status.contains("p99"), "latencies: {status}");
    let folder = server.folder.clone();
    server.stop();
    let log = std::fs::read_to_string(folder.with_extension("log")).unwrap();
    assert_eq!(log.matches(" delivered ").count(), 1, "{log}");
    assert!(log.matches("session ended").count() >= 3, "{log}");
    for secret in ["topsubject", "topbody", "topfield", "topguess", PASSWORD] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[test]
fn a_reload_names_what_differs_from_what_the_server_was_started_with() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = format!("{text}[log]\nformat = \"json\"\n");
    // Told each time as long as it is so, and not when the file is as it was.
    for (reload, (text, told)) in [(&changed, 1), (&changed, 2), (&text, 2)].into_iter().enumerate() {
        std::fs::write(&file, text).unwrap();
        server.signal("HUP");
        wait_for_times(&server, "read again", reload + 1);
        assert_eq!(server.log().matches("wait for a restart").count(), told, "{}", server.log());
    }
}

/// A line of the log, which comes when the server has come so far.
pub(crate) fn wait_for(server: &Server, text: &str) {
    wait_for_times(server, text, 1);
}

fn wait_for_times(server: &Server, text: &str, times: usize) {
    let began = std::time::Instant::now();
    while server.log().matches(text).count() < times {
        assert!(began.elapsed().as_secs() < 30, "no `{text}` in the log:\n{}", server.log());
        std::thread::yield_now();
    }
}

#[test]
fn a_long_path_has_an_admin_socket_too() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("f".repeat(120)).join("data");
    std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let mut server = Server::start(&folder);
    assert!(said(&server.koi(&["stop"])).contains("has stopped"));
    assert!(server.child.wait().unwrap().success());
    assert!(said(&crate::rig::koi(&folder, &["stop"], "")).contains("no server is running"));
}
