//! `koi account`: beside a running server and on the files; what a change does to open sessions and cached
//! proofs.

use crate::imap::{Imap, Lmtp};
use crate::rig::{ALICE, BOB, PASSWORD, Server, complained, koi, new_folder, said};

const CAROL: &str = "carol@example.org";

#[test]
fn accounts_are_added_listed_and_removed_beside_a_running_server() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let added = said(&koi(&folder, &["account", "add", CAROL], "geheim\n"));
    assert_eq!(added, format!("added {CAROL}\n"));
    server.login(CAROL, "geheim").ok("STATUS Drafts (MESSAGES)");
    let listed = said(&server.koi(&["account", "list"]));
    for account in [ALICE, BOB, CAROL] {
        assert!(listed.contains(account), "{listed}");
    }
    let text = complained(&koi(&folder, &["account", "add", CAROL], "x\n"), 1);
    assert!(text.contains("exists already") && text.contains("choose another name"), "{text}");
    let text = complained(&koi(&folder, &["account", "add", "x@example.net"], "x\n"), 1);
    assert!(text.contains("not one of this server's domains (example.org)"), "{text}");
    assert!(text.contains("server.domains"), "{text}");
    let text = complained(&koi(&folder, &["account", "add", "nonsense"], "x\n"), 2);
    assert!(text.contains("user@domain"), "{text}");
    complained(&koi(&folder, &["account", "add", "dora@example.org"], "\n"), 2);

    let mut open = server.login(CAROL, "geheim");
    assert_eq!(said(&server.koi(&["account", "remove", CAROL])), format!("removed {CAROL}\n"));
    let goodbye = String::from_utf8(open.line().unwrap()).unwrap();
    assert!(goodbye.starts_with("* BYE"), "{goodbye}");
    let mut imap = Imap::connect_tls(server.imaps_port(), &folder);
    let answer = imap.command(format!("LOGIN {CAROL} geheim").as_bytes()).unwrap();
    assert!(answer.tagged.starts_with("NO [AUTHENTICATIONFAILED]"), "{}", answer.tagged);
    let mut lmtp = Lmtp::connect(server.lmtp_port()).unwrap();
    let error = lmtp.deliver(&[CAROL], b"\r\n").unwrap_err().to_string();
    assert!(error.starts_with("550 5.1.1"), "{error}");
}

#[test]
fn a_changed_password_ends_sessions_and_cached_proofs() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    server.login(ALICE, PASSWORD);
    let mut open = server.login(ALICE, PASSWORD);
    let mut other = server.login(BOB, PASSWORD);
    open.ok("SELECT INBOX");
    let changed = said(&server.koi(&["account", "passwd", ALICE, "--generate"]));
    let fresh = changed.lines().find_map(|l| l.strip_prefix("password: ")).unwrap().to_owned();
    assert!(open.line().unwrap().starts_with(b"* BYE"));
    let mut imap = Imap::connect_tls(server.imaps_port(), &folder);
    let answer = imap.command(format!("LOGIN {ALICE} \"{PASSWORD}\"").as_bytes()).unwrap();
    assert!(answer.tagged.starts_with("NO [AUTHENTICATIONFAILED]"), "{}", answer.tagged);
    server.login(ALICE, &fresh);
    other.ok("NOOP");
}

#[test]
fn without_a_server_the_commands_work_on_the_files() {
    let (_outer, folder) = new_folder();
    Server::start(&folder).stop();
    said(&koi(&folder, &["account", "add", CAROL], "geheim\n"));
    said(&koi(&folder, &["account", "passwd", ALICE], "neu und lang\n"));
    said(&koi(&folder, &["account", "remove", BOB], ""));
    let listed = said(&koi(&folder, &["account", "list"], ""));
    assert!(listed.contains(CAROL) && !listed.contains(BOB), "{listed}");
    let status = said(&koi(&folder, &["status"], ""));
    assert!(status.contains("no server is running") && status.contains("2 accounts"), "{status}");
    let server = Server::quickstart(&folder, &[]);
    server.login(CAROL, "geheim");
    server.login(ALICE, "neu und lang");
    let status = said(&server.koi(&["status"]));
    assert!(
        status.contains(&format!("process {}", server.child.id())) && status.contains("logins"),
        "{status}"
    );
    let json = said(&server.koi(&["status", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["running"]["pid"], server.child.id());
}

#[test]
fn a_setting_is_changed_and_shown() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let set = |setting: &str, value: &str| server.koi(&["account", "set", ALICE, setting, value]);
    assert!(said(&set("sent-copy", "on")).contains("is on"));
    let listed = said(&server.koi(&["account", "list"]));
    let shown: Vec<&str> = listed.lines().filter(|line| line.contains("sent-copy")).collect();
    assert!(matches!(shown.as_slice(), [line] if line.contains(ALICE)), "{listed}");
    said(&set("sent-copy", "off"));
    assert!(!said(&server.koi(&["account", "list"])).contains("sent-copy"));
    for (setting, value, words) in [("sent-copy", "maybe", "on or off"), ("colour", "on", "sent-copy")] {
        let refused = set(setting, value);
        let text = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && text.contains(words), "{text}");
    }
}

// spec: RFC 4314 §2.1
#[test]
fn rights_are_given_shown_and_taken_beside_a_server_and_on_the_files() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let mut bob = server.login(BOB, PASSWORD);
    bob.ok("CREATE lists/deep");
    let share = |arguments: &[&str]| server.koi(&[&["account", "share"], arguments].concat());
    said(&share(&["set", BOB, "lists/deep", ALICE, "read"]));
    said(&share(&["set", BOB, "lists/deep", "anyone", "lr"]));
    said(&share(&["set", BOB, "INBOX", "-anyone", "write"]));
    let mut alice = server.login(ALICE, PASSWORD);
    let rights = alice.ok("MYRIGHTS \"Other Users/bob@example.org/lists/deep\"").lines();
    assert!(rights.iter().any(|line| line.ends_with(" lrs")), "{rights:?}");
    let listed = said(&share(&["list", BOB]));
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(lines.contains(&vec!["lists/deep", ALICE, "lrs"]), "{listed}");
    assert!(lines.contains(&vec!["INBOX", "-anyone", "lrswited"]), "{listed}");
    assert_eq!(said(&share(&["list", BOB, "INBOX"])).lines().count(), 2);

    for (arguments, words) in [
        (["set", BOB, "nowhere", ALICE, "read"], "there is no mailbox `nowhere`"),
        (["set", BOB, "INBOX", ALICE, "reading"], "write (lrswite)"),
        (["set", BOB, "INBOX", "zoe@example.org", "read"], "no such user"),
        (["set", "zoe@example.org", "INBOX", ALICE, "read"], "there is no account"),
        (["set", BOB, "INBOX", BOB, "read"], "the owner of a mailbox keeps all rights"),
    ] {
        let output = share(&arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(words), "{text}");
    }

    // At once for whoever has it open.
    alice.ok("SELECT \"Other Users/bob@example.org/lists/deep\"");
    said(&share(&["remove", BOB, "lists/deep", "anyone"]));
    alice.ok("NOOP");
    said(&share(&["remove", BOB, "lists/deep", ALICE]));
    alice.ok("NOOP");
    let goodbye = String::from_utf8(alice.line().unwrap()).unwrap();
    assert!(goodbye.starts_with("* BYE"), "who loses `r` is told so: {goodbye}");
    drop((alice, bob));
    server.stop();
    said(&koi(&folder, &["account", "share", "set", BOB, "lists", ALICE, "full"], ""));
    let listed = said(&koi(&folder, &["account", "share", "list", BOB, "lists"], ""));
    assert!(listed.contains("lrswipkxtea"), "{listed}");
    let help = said(&koi(&folder, &["account", "share", "--help"], ""));
    assert!(help.contains("read    lrs"), "{help}");
}

#[test]
fn app_passwords_are_made_used_and_taken_back() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let add = |name: &str, scope: &str| {
        let made = said(&server.koi(&["account", "app-password", "add", ALICE, name, "--scope", scope]));
        made.strip_prefix("app password: ").unwrap().trim().to_owned()
    };
    let (phone, printer) = (add("phone", "imap"), add("printer", "submission"));
    let mut open = server.login(ALICE, &phone);
    let mut other = server.login(ALICE, PASSWORD);
    open.ok("SELECT INBOX");
    let refused = |password: &str| {
        let mut imap = Imap::connect_tls(server.imaps_port(), &folder);
        imap.command(format!("LOGIN {ALICE} \"{password}\"").as_bytes()).unwrap().tagged
    };
    let wrong = refused("wrong");
    assert!(wrong.starts_with("NO [AUTHENTICATIONFAILED]"), "{wrong}");
    assert_eq!(refused(&printer), wrong, "not for IMAP: the same answer");
    let listed = said(&server.koi(&["account", "app-password", "list", ALICE]));
    assert!(listed.contains("phone") && listed.contains("submission"), "{listed}");
    let text = complained(&server.koi(&["account", "app-password", "add", ALICE, "phone"]), 1);
    assert!(text.contains("has an app password of this name"), "{text}");
    let text = complained(&server.koi(&["account", "app-password", "add", ALICE, "x", "--scope", "pop3"]), 2);
    assert!(text.contains("imap, submission"), "{text}");

    said(&server.koi(&["account", "app-password", "remove", ALICE, "phone"]));
    let goodbye = String::from_utf8(open.line().unwrap()).unwrap();
    assert!(goodbye.starts_with("* BYE"), "{goodbye}");
    assert_eq!(refused(&phone), wrong, "taken back");
    other.ok("NOOP");

    let desk = add("desk", "imap,submission");
    server.login(ALICE, &desk.to_uppercase());
    said(&server.koi(&["account", "passwd", ALICE, "--generate"]));
    server.login(ALICE, &desk);
    server.stop();
    let listed = said(&koi(&folder, &["account", "app-password", "list", ALICE], ""));
    let line = |name: &str| listed.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
    assert!(line("printer").ends_with("never"), "{listed}");
    assert!(line("desk").ends_with("+0000"), "{listed}");
}

// spec: RFC 6750 §2.1
#[test]
fn tokens_are_made_listed_and_taken_back() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let made = said(&server.koi(&["account", "token", "add", ALICE, "backup"]));
    let token = made.strip_prefix("token: koi_").unwrap().trim().to_owned();
    assert_eq!(token.split_once('_').unwrap().1.len(), 25, "{made}");
    said(&server.koi(&["account", "app-password", "add", ALICE, "phone", "--scope", "jmap"]));
    let listed = |what: &str| said(&server.koi(&["account", what, "list", ALICE]));
    assert!(listed("token").contains("backup") && !listed("token").contains("phone"));
    assert!(listed("app-password").contains("phone") && !listed("app-password").contains("backup"));
    let text = complained(&server.koi(&["account", "token", "remove", ALICE, "phone"]), 2);
    assert!(text.contains("`phone` is an app password"), "{text}");
    let text = complained(&server.koi(&["account", "app-password", "remove", ALICE, "backup"]), 2);
    assert!(text.contains("`koi account token remove`"), "{text}");
    complained(&server.koi(&["account", "token", "add", ALICE, "phone"]), 1);
    said(&server.koi(&["account", "token", "remove", ALICE, "backup"]));
    assert!(!listed("token").contains("backup"));
    // A token is no password.
    let mut imap = Imap::connect_tls(server.imaps_port(), &folder);
    let answer = imap.command(format!("LOGIN {ALICE} \"koi_{token}\"").as_bytes()).unwrap();
    assert!(answer.tagged.starts_with("NO [AUTHENTICATIONFAILED]"), "{}", answer.tagged);
    server.stop();
    let made = said(&koi(&folder, &["account", "token", "add", BOB, "x"], ""));
    assert!(made.starts_with("token: koi_"), "{made}");
}

#[test]
fn scram_is_turned_off_and_on() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let listed = || said(&server.koi(&["account", "list"]));
    let scram = || listed().lines().find(|l| l.starts_with(ALICE)).unwrap().contains("scram");
    assert!(scram(), "quickstart keeps SCRAM keys: {}", listed());
    said(&server.koi(&["account", "scram", ALICE, "off"]));
    assert!(!scram());
    said(&koi(&folder, &["account", "passwd", ALICE], "another\n"));
    assert!(!scram(), "a new password leaves it off");
    let text = complained(&koi(&folder, &["account", "scram", ALICE, "on"], "wrong\n"), 1);
    assert!(text.contains("not the password"), "{text}");
    said(&koi(&folder, &["account", "scram", ALICE, "on"], "another\n"));
    assert!(scram());
    said(&koi(&folder, &["account", "passwd", ALICE], "a third one\n"));
    assert!(scram(), "a new password leaves it on");
    let text = complained(&koi(&folder, &["account", "passwd", ALICE], "emoji \u{1f600}\n"), 1);
    assert!(text.contains("mail clients cannot be relied on"), "{text}");
    server.login(ALICE, "a third one");
}

// spec: RFC 9208 §3.1.2; RFC 9208 §4.3.1
#[test]
fn an_account_has_limits_of_its_own() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let shown = |arguments: &[&str]| {
        let shown = said(&server.koi(&[&["account", "quota", ALICE], arguments].concat()));
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        shown.lines().skip(1).map(words).collect::<Vec<_>>()
    };
    assert_eq!(shown(&[]), ["octets 0 none", "messages 0 none", "mailboxes 6 none"]);
    let mut imap = server.login(ALICE, PASSWORD);
    let mut lmtp = Lmtp::connect(server.lmtp_port()).unwrap();
    lmtp.deliver(&[ALICE], b"Subject: one\r\n\r\n").unwrap();
    assert_eq!(shown(&["--messages", "1"])[1], "messages 1 1 of its own");
    // It holds at once, for everybody who writes.
    let full = lmtp.deliver(&[ALICE], b"Subject: two\r\n\r\n");
    let refused = format!("{full:?}");
    assert!(refused.contains("452 4.2.2"), "{refused}");
    let mut lmtp = Lmtp::connect(server.lmtp_port()).unwrap();
    let answer = imap.ok("GETQUOTAROOT INBOX");
    assert!(answer.lines().contains(&"* QUOTA account (MESSAGE 1 1)".to_owned()), "{answer:?}");
    imap.ok("SELECT INBOX");
    let answer = imap.command(b"COPY 1 Trash").unwrap();
    assert!(answer.tagged.starts_with("NO [OVERQUOTA]"), "{}", answer.tagged);
    assert_eq!(shown(&["--octets", "none", "--messages", "default"])[1], "messages 1 none");
    let replies = lmtp.deliver(&[ALICE], b"Subject: two\r\n\r\n").unwrap();
    assert!(replies.iter().all(|reply| reply.starts_with("250")), "{replies:?}");
    assert_eq!(shown(&["--mailboxes", "6"])[2], "mailboxes 6 6 of its own");
    let answer = imap.command(b"CREATE one-more").unwrap();
    assert!(answer.tagged.starts_with("NO [OVERQUOTA]"), "{}", answer.tagged);
    complained(&server.koi(&["account", "quota", "nobody@example.org"]), 1);
    complained(&server.koi(&["account", "quota", ALICE, "--octets", "much"]), 2);
}

// spec: RFC 5321 §4.1.2
#[test]
fn a_quoted_name_is_the_same_at_the_command_line_at_login_and_for_delivery() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let quoted = "\"odd name\"@example.org";
    let added = said(&koi(&folder, &["account", "add", quoted], "geheim\n"));
    assert_eq!(added, format!("added {quoted}\n"));
    assert!(said(&server.koi(&["account", "list"])).contains("\nodd name@example.org"));
    let mut lmtp = Lmtp::connect(server.lmtp_port()).unwrap();
    let replies = lmtp.deliver(&[quoted], b"Subject: x\r\n\r\nx\r\n").unwrap();
    assert!(replies[0].starts_with("250"), "{replies:?}");
    for name in [r#""odd name@example.org""#, r#""\"odd name\"@example.org""#] {
        assert_eq!(server.login(name, "geheim").all("INBOX").len(), 1, "{name}");
    }
    assert_eq!(said(&server.koi(&["account", "remove", quoted])), format!("removed {quoted}\n"));
}
