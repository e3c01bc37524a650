//! Pushes of the real server: an app and a push service in Python, and `kill -9` between delivery and push.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use koi_push_service::{Behaviour, Device, PushService};

use crate::imap::{Imap, Lmtp};
use crate::rig::{ALICE, PASSWORD, Server, new_folder, said};

const SUBSCRIPTIONS: &str = "/private/vendor/vendor.dovecot/webpush/subscriptions";
/// More than enough on a slow machine; a push is sent at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that pushes to this machine, trusting the authority in `ca`.
fn start(folder: &Path, ca: &Path) -> Server {
    Server::start(folder).stop();
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let more = format!("\n[webpush]\nca_file = \"{}\"\nprivate = true\nany_port = true\n", ca.display());
    std::fs::write(&file, text + &more).unwrap();
    Server::start(folder)
}

/// Subscribes a device to everything, and validates the subscription.
fn subscribe(imap: &mut Imap, service: &PushService, device: &Device, resource: &str) {
    let json = device.subscription(&service.url(resource), "all");
    let name = format!("{SUBSCRIPTIONS}/{resource}");
    imap.ok(&format!("SETMETADATA \"\" ({name} {{{}+}}\r\n{json})", json.len()));
    let request = &service.wait(resource, 1, PATIENCE)[0];
    assert_eq!(request.header("webpush-validation"), Some(""));
    let payload = device.read(request);
    let text = payload["validation"].as_str().unwrap();
    imap.ok(&format!("SETMETADATA \"\" ({name}/validate \"{text}\")"));
}

/// A server, alice's session with one subscription, and the authority that pushes trust.
fn subscribed(
    outer: &Path,
    folder: &Path,
    service: &PushService,
    device: &Device,
) -> (Server, Imap, PathBuf) {
    let ca = outer.join("push-ca.pem");
    std::fs::write(&ca, service.ca_pem()).unwrap();
    let server = start(folder, &ca);
    let mut imap = server.login(ALICE, PASSWORD);
    subscribe(&mut imap, service, device, "a-rig-0001");
    (server, imap, ca)
}

fn deliver(server: &Server, subject: &str) {
    let message = format!("From: a@example.net\r\nSubject: {subject}\r\n\r\n{subject}\r\n");
    let replies = Lmtp::connect(server.lmtp_port()).unwrap().deliver(&[ALICE], message.as_bytes()).unwrap();
    assert!(replies[0].starts_with("250"), "{replies:?}");
}

/// spec: COI-webpush §push-notification-payload; RFC 8030 §3; RFC 8030 §5; RFC 8030 §5.4
#[test]
fn a_push_outlives_the_server() {
    let (outer, folder) = new_folder();
    let (service, device) = (PushService::start(), Device::new());
    let (server, _imap, _) = subscribed(outer.path(), &folder, &service, &device);
    // The push service never answers: the message is delivered all the same, and the push is not done.
    service.next("a-rig-0001", &[Behaviour::Stall]);
    deliver(&server, "first");
    let stalled = service.wait("a-rig-0001", 2, PATIENCE).remove(1);
    server.kill();
    let server = Server::quickstart(&folder, &[]);
    let again = service.wait("a-rig-0001", 3, PATIENCE).remove(2);
    let payload = device.read(&again);
    assert_eq!(payload["subject"], "first");
    assert_eq!(payload, device.read(&stalled), "the same message");
    assert_eq!(again.header("topic"), stalled.header("topic"), "it replaces what may have been taken");
    assert!(again.header("topic").is_some());
    assert_ne!(again.body, stalled.body, "never the same key twice");
    // What the push service has taken is not sent again, by this server or its next.
    deliver(&server, "second");
    assert_eq!(device.read(&service.wait("a-rig-0001", 4, PATIENCE)[3])["subject"], "second");
    server.stop();
    let server = Server::quickstart(&folder, &[]);
    deliver(&server, "third");
    let requests = service.wait("a-rig-0001", 5, PATIENCE);
    assert_eq!(device.read(&requests[4])["subject"], "third");
    assert_eq!(requests.len(), 5);
    for request in &requests {
        assert_eq!(request.fault, None);
        let claims = request.vapid_claims();
        assert_eq!(claims["aud"], format!("https://localhost:{}", service.address().port()));
    }
    server.stop();
    println!("{}", said(&crate::rig::koi(&folder, &["check"], "")));
}

/// A reload ends what is under way as a stop does, and goes on with what has changed.
// spec: RFC 8292 §2.1
#[test]
fn settings_of_pushes_change_while_the_server_runs() {
    let (outer, folder) = new_folder();
    let (service, device) = (PushService::start(), Device::new());
    let (server, mut imap, ca) = subscribed(outer.path(), &folder, &service, &device);
    service.next("a-rig-0001", &[Behaviour::Stall]);
    deliver(&server, "first");
    let stalled = service.wait("a-rig-0001", 2, PATIENCE).remove(1);
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let reload = |more: &str, said: &str| {
        std::fs::write(&file, format!("{text}{more}")).unwrap();
        let before = server.log().matches(said).count();
        server.signal("HUP");
        let began = std::time::Instant::now();
        while server.log().matches(said).count() == before {
            assert!(began.elapsed() < PATIENCE, "{}", server.log());
            std::thread::yield_now();
        }
    };
    reload("contact = \"mailto:other@example.org\"\nanswer_secs = 7\n", "read again");
    let again = service.wait("a-rig-0001", 3, PATIENCE).remove(2);
    assert_eq!(device.read(&again), device.read(&stalled), "nothing is lost");
    assert_eq!(again.header("topic"), stalled.header("topic"), "it replaces what may have been taken");
    assert_ne!(stalled.vapid_claims()["sub"], "mailto:other@example.org");
    assert_eq!(again.vapid_claims()["sub"], "mailto:other@example.org");
    // What cannot be used changes nothing.
    reload("ca_file = \"twice.pem\"\n", "reload failed");
    std::fs::write(&ca, "nonsense").unwrap();
    reload("answer_secs = 8\n", "reload failed");
    std::fs::write(&ca, service.ca_pem()).unwrap();
    // Nor what only a restart takes over.
    reload("subscriptions_max = 5\nenabled = false\n", "wait for a restart");
    let log = server.log();
    assert!(log.contains("webpush.subscriptions_max") && !log.contains("webpush.contact"), "{log}");
    deliver(&server, "second");
    assert_eq!(device.read(&service.wait("a-rig-0001", 4, PATIENCE)[3])["subject"], "second");
    imap.ok("NOOP");
    server.stop();
}

/// spec: RFC 8030 §3; RFC 8188 §2; RFC 8291 §3.4; RFC 8292 §3; COI-webpush §validate-new-subscriptions
/// TLS by OpenSSL, HTTP/2 by python3-h2, decryption by http_ece, signatures by python3-cryptography.
#[test]
fn python_webpush() {
    python("webpush_client.py");
}

/// spec: RFC 8620 §7.1; RFC 8620 §7.2; RFC 8620 §7.2.2; RFC 8291 §3.4; RFC 8292 §3
/// The same for JMAP.
#[test]
fn python_jmap_push() {
    python("jmap_push_client.py");
}

fn python(name: &str) {
    let (outer, folder) = new_folder();
    // The push service has a certificate of the quickstart's own authority.
    let server = start(&folder, &folder.join("tls/ca.pem"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop").join(name);
    let mut command = Command::new(PYTHON);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", packages()).arg(script);
    server.tell_ports(&mut command);
    command.args(["--user", ALICE, "--password", PASSWORD]);
    command.arg("--ca").arg(folder.join("tls/ca.pem")).arg("--folder").arg(outer.path());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\nthe server's log:\n{}", server.log());
    server.stop();
}

/// Debian's, which has Debian's modules.
const PYTHON: &str = "/usr/bin/python3";

/// The folder of what tests/interop/pypi.txt names, filled by pip when it is not there yet.
fn packages() -> std::path::PathBuf {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop/pypi.txt");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pypi");
    let there = folder.join("pypi.txt");
    if std::fs::read(&there).ok() == Some(std::fs::read(&list).unwrap()) {
        return folder;
    }
    let mut command = Command::new(PYTHON);
    command.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--upgrade"]);
    command.args(["--disable-pip-version-check", "--require-hashes", "--target"]).arg(&folder);
    let output = command.arg("-r").arg(&list).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pip (apt-get install python3-pip python3-setuptools): {text}");
    std::fs::copy(&list, there).unwrap();
    folder
}
