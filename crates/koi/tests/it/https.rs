//! HTTPS and JMAP of the real server, asked by curl; the records of `koi dns`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use crate::imap::Lmtp;
use crate::rig::{ALICE, PASSWORD, Server, complained, koi, new_folder, said};
use crate::signals::wait_for;

fn command(server: &Server, arguments: &[&str], path: &str) -> Command {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "30", "--cacert"]).arg(server.folder.join("tls/ca.pem"));
    command.args(arguments).arg(format!("https://localhost:{}{path}", server.base + 443));
    command
}

/// What curl gets, with the status as its last line.
fn curl(server: &Server, arguments: &[&str], path: &str) -> String {
    let mut command = command(server, arguments, path);
    said(&command.args(["-w", "\n%{http_version} %{http_code}"]).output().unwrap())
}

#[test]
fn curl_finds_settings_by_both_versions() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    for (arguments, end) in [(["--http1.1"], "\n1.1 200"), (["--http2"], "\n2 200")] {
        let path = "/mail/config-v1.1.xml?emailaddress=alice@example.org";
        let settings = curl(&server, &arguments, path);
        let port = format!("<port>{}</port>", server.imaps_port());
        assert!(settings.contains(&port) && settings.ends_with(end), "{settings}");
    }
    let nothing = curl(&server, &["--compressed"], "/jmap");
    assert!(nothing.contains("\"title\":\"Not Found\"") && nothing.ends_with("2 404"), "{nothing}");
    assert!(server.log().contains("path=/mail/config-v1.1.xml"), "{}", server.log());
    assert!(!server.log().contains("emailaddress"), "no query in the log");
    let status = said(&server.koi(&["status"]));
    assert!(status.contains("HTTP requests"), "{status}");
    server.stop();
}

/// From what IMAP says to the session, from there to the API, and a delivery that an event source tells of.
// spec: RFC 9698 §4; RFC 8620 §2; RFC 8620 §3.1; RFC 8620 §7.3
#[test]
fn curl_speaks_jmap() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let told = server.login(ALICE, PASSWORD).ok("GETJMAPACCESS").lines();
    let session_url = format!("https://localhost:{}/.well-known/jmap", server.base + 443);
    assert_eq!(told, [format!("* JMAPACCESS \"{session_url}\"")]);
    let login = format!("{ALICE}:{PASSWORD}");
    assert!(curl(&server, &[], "/.well-known/jmap").ends_with("2 401"));
    let session = curl(&server, &["-u", &login], "/.well-known/jmap");
    assert!(session.contains("\"urn:ietf:params:jmap:mail\"") && session.ends_with("2 200"), "{session}");
    let echo = r#"{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":[1]},"0"]]}"#;
    let json = "Content-Type: application/json";
    let response = curl(&server, &["-u", &login, "-H", json, "-d", echo, "--compressed"], "/jmap/api/");
    assert!(response.starts_with(r#"{"methodResponses":[["Core/echo",{"a":[1]},"0"]]"#), "{response}");
    for version in ["--http1.1", "--http2"] {
        let path = "/jmap/eventsource/?types=EmailDelivery&closeafter=state&ping=0";
        let mut events = command(&server, &["-N", version, "-u", &login], path);
        let mut events = events.stdout(Stdio::piped()).spawn().unwrap();
        let (mut text, mut stdout) = (String::new(), BufReader::new(events.stdout.take().unwrap()));
        stdout.read_line(&mut text).unwrap();
        assert!(text.starts_with("id: "), "it is open: {text}");
        let message = b"From: a@example.net\r\nSubject: x\r\n\r\nx\r\n";
        Lmtp::connect(server.lmtp_port()).unwrap().deliver(&[ALICE], message).unwrap();
        stdout.read_to_string(&mut text).unwrap();
        assert!(events.wait().unwrap().success());
        assert!(text.contains("event: state\ndata: {\"@type\":\"StateChange\""), "{text}");
    }
    let status = said(&server.koi(&["status"]));
    assert!(status.contains("JMAP requests") && status.contains("event sources"), "{status}");
    server.stop();
}

#[test]
fn pages_stay_logged_in_when_the_server_is_started_again() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let form = format!(r#"{{"username":"{ALICE}","password":"{PASSWORD}"}}"#);
    let own = ["-H", "Sec-Fetch-Site: same-origin", "-H"];
    let log_in = |server: &Server| {
        let json = ["Content-Type: application/json", "-d", &form, "-D", "-"];
        let answer = curl(server, &[&own[..], &json[..]].concat(), "/auth/session");
        let line = answer.lines().find(|line| line.to_lowercase().starts_with("set-cookie:")).unwrap();
        let value = line.split_once(' ').unwrap().1.split(';').next().unwrap();
        format!("Cookie: {value}")
    };
    let status = |server: &Server, cookie: &str, method: &str, path: &str| {
        let answer = curl(server, &[&own[..], &[cookie, "-X", method]].concat(), path);
        answer.rsplit(' ').next().unwrap().to_owned()
    };
    let session = |server: &Server, cookie: &str| status(server, cookie, "GET", "/.well-known/jmap");
    let [stays, leaves] = [log_in(&server), log_in(&server)];
    assert_eq!([session(&server, &stays), session(&server, &leaves)], ["200", "200"]);
    // The folder is where it was until the next start, whatever the configuration says meanwhile.
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let elsewhere = text.replace("[server]\n", "[server]\ndata = \"elsewhere\"\n");
    assert_ne!(text, elsewhere);
    std::fs::write(&file, elsewhere).unwrap();
    server.signal("HUP");
    wait_for(&server, "read again");
    std::fs::write(&file, text).unwrap();
    server.stop();
    assert!(folder.join("web-logins").exists());
    let server = Server::quickstart(&folder, &[]);
    assert!(!folder.join("web-logins").exists(), "it is good for one start");
    assert_eq!([session(&server, &stays), session(&server, &leaves)], ["200", "200"]);
    assert_eq!(status(&server, &leaves, "DELETE", "/auth/session"), "204");
    server.stop();
    let server = Server::quickstart(&folder, &[]);
    assert_eq!([session(&server, &stays), session(&server, &leaves)], ["200", "401"]);
    server.stop();
    // Another password, while nobody serves.
    said(&koi(&folder, &["account", "passwd", ALICE], "another\n"));
    let server = Server::quickstart(&folder, &[]);
    assert_eq!(session(&server, &stays), "401");
    server.stop();
}

#[test]
fn dns_records_are_printed_for_each_domain() {
    let (_outer, folder) = new_folder();
    Server::start(&folder).stop();
    let printed = said(&koi(&folder, &["dns"], ""));
    assert!(printed.starts_with("; every listener is on loopback"), "{printed}");
    assert!(printed.contains("_imaps._tcp.example.org.") && printed.contains("_jmap._tcp."), "{printed}");
    assert_eq!(said(&koi(&folder, &["dns", "Example.ORG"], "")), printed);
    let text = complained(&koi(&folder, &["dns", "example.net"], ""), 2);
    assert!(text.contains("not one of this server's domains"), "{text}");
}
