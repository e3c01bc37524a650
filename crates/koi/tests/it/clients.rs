//! Real clients against the real binary. A client that is missing is a failure that names its package.

use std::path::Path;
use std::process::Command;

use crate::rig::{ALICE, BOB, CAROL, PASSWORD, Server, accounts, new_folder};

fn script(name: &str, needs: &str, package: &str, messages: usize) {
    for (program, package) in [("python3", "python3"), (needs, package)] {
        let there = Command::new(program).arg("--version").output().is_ok();
        assert!(there, "{program} is missing: apt-get install {package} (tests/packages.txt lists all)");
    }
    let (outer, folder) = new_folder();
    let mut accounts = accounts();
    accounts.push(format!("--account={CAROL}:{PASSWORD}"));
    let server = Server::quickstart(&folder, &accounts.iter().map(String::as_str).collect::<Vec<_>>());
    let scratch = outer.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop").join(name);
    let mut command = Command::new("python3");
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("HOME", &scratch).arg(script);
    command.args([
        "--user",
        ALICE,
        "--password",
        PASSWORD,
        "--other-user",
        BOB,
        "--other-password",
        PASSWORD,
        "--third-user",
        CAROL,
    ]);
    server.tell_ports(&mut command);
    command.arg("--ca").arg(folder.join("tls/ca.pem")).arg("--folder").arg(&scratch);
    command.args(["--messages", &messages.to_string()]);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}:\n{text}\nthe server's log:\n{}", server.log());
    server.stop();
}

#[test]
fn python_imaplib() {
    script("imaplib_client.py", "python3", "python3", 0);
}

/// DEFLATE by zlib (RFC 4978 §3, RFC 8437 §4.1).
#[test]
fn python_zlib() {
    script("compress_client.py", "python3", "python3", 0);
}

/// Arithmetic by hashlib, TLS and its exporter by OpenSSL: nothing of it is ours.
#[test]
fn python_scram() {
    script("scram_client.py", "python3", "python3", 0);
}

#[test]
fn curl() {
    script("curl_client.py", "curl", "curl", 0);
}

#[test]
fn python_smtplib() {
    script("smtplib_client.py", "python3", "python3", 0);
}

/// Chats of two and three, with receipts and somebody who is blocked (COI-client §blocking-contacts).
#[test]
fn chat() {
    script("chat_client.py", "python3", "python3", 0);
}

#[test]
fn swaks() {
    script("swaks_client.py", "swaks", "swaks", 0);
}

#[test]
fn msmtp() {
    script("msmtp_client.py", "msmtp", "msmtp", 0);
}

#[test]
fn mbsync_both_ways() {
    script("mbsync_client.py", "mbsync", "isync", 2000);
}

#[test]
fn offlineimap_both_ways() {
    script("offlineimap_client.py", "offlineimap", "offlineimap3", 300);
}

#[test]
fn neomutt() {
    script("neomutt_client.py", "neomutt", "neomutt", 0);
}
