//! What needs a TLS client that is not ours: OpenSSL's, versions and cipher suites of TLS, and logins to
//! submission with app passwords.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::imap::Imap;
use crate::rig::{ALICE, BOB, KOI, PASSWORD, Server, new_folder, said};

/// What `openssl s_client` shows of a connection to which it sends `input`.
fn s_client(server: &Server, port: u16, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("localhost:{port}"), "-servername", "localhost"]);
    command.arg("-CAfile").arg(server.folder.join("tls/ca.pem")).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("openssl is missing: tests/packages.txt lists all packages");
    // A handshake that fails closes its end first.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Base64 of `NUL user NUL password`.
fn plain(user: &str, password: &str) -> String {
    STANDARD.encode(format!("\0{user}\0{password}"))
}

// spec: RFC 9051 §11.1; RFC 8314 §4.1; RFC 9051 §2.1; RFC 3501 §2.1
#[test]
fn tls_1_3_and_the_suite_of_tls_1_2_that_must_be_there_and_nothing_older() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    server.stop();
    // The suite that RFC 9051 names needs a certificate with an RSA key, as many administrators have.
    let tls = folder.join("tls");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(tls.join("key.pem"))
        .arg("-out")
        .arg(tls.join("cert.pem"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let server = Server::quickstart(&folder, &[]);
    let imap = |arguments: &[&str], port: u16| s_client(&server, port, arguments, "a LOGOUT\r\n");
    let imaps = server.imaps_port();
    let shown = imap(&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", "-ign_eof"], imaps);
    assert!(shown.contains("Cipher is ECDHE-RSA-AES128-GCM-SHA256") && shown.contains("a OK"), "{shown}");
    let shown = imap(&["-ign_eof"], imaps);
    assert!(shown.contains("New, TLSv1.3") && shown.contains("a OK"), "{shown}");
    let shown = imap(&["-starttls", "imap", "-tls1_2", "-ign_eof"], server.imap_port());
    assert!(shown.contains("New, TLSv1.2") && shown.contains("a OK"), "{shown}");
    for old in
        [&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"][..], &["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"]]
    {
        let shown = imap(old, imaps);
        assert!(!shown.contains("Cipher is ECDHE") && !shown.contains("Koi ready"), "{old:?}: {shown}");
    }
    server.stop();
}

/// What a client that logs in so, and sends these lines, is told.
fn submission(server: &Server, user: &str, password: &str, lines: &str) -> String {
    let input = format!("EHLO client.example\r\nAUTH PLAIN {}\r\n{lines}QUIT\r\n", plain(user, password));
    s_client(server, server.base + 465, &["-quiet"], &input)
}

// spec: RFC 6409 §3.3
#[test]
fn what_an_account_has_sent_is_known_after_the_server_was_killed() {
    let (_outer, folder) = new_folder();
    let first = Server::start(&folder);
    let base = first.base;
    first.stop();
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n[smtp]\naccount_messages_per_hour_max = 2\n")).unwrap();
    let serve = || {
        let mut command = Command::new(KOI);
        command.arg("serve").arg("--config").arg(&file);
        Server::spawn(command, &folder, base).unwrap()
    };
    let message = format!(
        "MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\nFrom: {ALICE}\r\nSubject: hello\r\n\r\nx\r\n.\r\n"
    );
    for _ in 0..2 {
        let server = serve();
        let said = submission(&server, ALICE, PASSWORD, &message);
        assert!(said.contains("250 2.0.0 message saved"), "{said}");
        server.kill();
    }
    let server = serve();
    let said = submission(&server, ALICE, PASSWORD, &format!("MAIL FROM:<{ALICE}>\r\n"));
    assert!(said.contains("450 4.7.1 your account has sent too many messages"), "{said}");
    let said = submission(&server, BOB, PASSWORD, &format!("MAIL FROM:<{BOB}>\r\n"));
    assert!(said.contains("250 2.1.0"), "{said}");
    server.stop();
}

// spec: RFC 4954 §4; RFC 4954 §6; RFC 5321 §A
#[test]
fn an_app_password_is_for_its_scopes_alone() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let add = |name: &str, scope: &str| {
        let made = said(&server.koi(&["account", "app-password", "add", ALICE, name, "--scope", scope]));
        made.strip_prefix("app password: ").unwrap().trim().to_owned()
    };
    let imap = |password: &str| {
        let mut imap = Imap::connect_tls(server.imaps_port(), &folder);
        imap.command(format!("LOGIN {ALICE} \"{password}\"").as_bytes()).unwrap().tagged
    };
    let smtp = |password: &str| submission(&server, ALICE, password, "");
    let (printer, phone, desk) =
        (add("printer", "submission"), add("phone", "imap"), add("desk", "imap,submission"));
    for (password, sends, reads) in [
        (&printer, true, false),
        (&phone, false, true),
        (&desk, true, true),
        (&"wrong".to_owned(), false, false),
    ] {
        let (sent, read) = (smtp(password), imap(password));
        assert_eq!((sent.contains("235 2.7.0"), read.starts_with("OK")), (sends, reads), "{sent}\n{read}");
        assert!(sends || sent.contains("535 5.7.8"), "{sent}");
        assert!(reads || read.starts_with("NO [AUTHENTICATIONFAILED]"), "{read}");
    }
    // What is sent with it is delivered, and the message's errors are in the log.
    let message = format!("From: {ALICE}\r\nSubject: hello\r\n\r\nx\r\n.\r\n");
    let foreign = message.replace(ALICE, "somebody@example.net");
    let envelope = format!("MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\n");
    let said = submission(&server, ALICE, &printer, &format!("{envelope}{message}{envelope}{foreign}"));
    assert!(said.contains("250 2.0.0 message saved") && said.contains("550 5.7.1"), "{said}");
    let mut bob = server.login(BOB, PASSWORD);
    assert!(bob.ok("STATUS INBOX (MESSAGES)").lines()[0].contains("MESSAGES 1"));
    server_logs_the_refusal(&server);
    server.stop();
}

// spec: RFC 6409 §5.2
fn server_logs_the_refusal(server: &Server) {
    let log = server.log();
    let line = log.lines().find(|line| line.contains("delivery failed"));
    assert!(line.is_some_and(|line| line.contains(BOB) && !line.contains("Subject")), "{log}");
}
