//! `koi import` and `koi export`: what goes out comes back, octet by octet.

use std::path::Path;
use std::process::Command;

use crate::imap::Lmtp;
use crate::rig::{ALICE, BOB, CAROL, KOI, PASSWORD, Server, complained, koi, new_folder, said};

const DATED: &str = "\" 3-Feb-2001 04:05:06 +0230\"";

fn fill(server: &Server) {
    let mut imap = server.login(ALICE, PASSWORD);
    for mailbox in ["Sent/2001", "v1.0", "Entw&APw-rfe"] {
        imap.ok(&format!("CREATE {mailbox}"));
    }
    imap.ok("SUBSCRIBE v1.0");
    imap.ok("SETMETADATA \"\" (/private/vendor/Acme/x \"of the server\")");
    imap.ok("SETMETADATA v1.0 (/private/comment \"a \\\"comment\\\"\" /shared/comment NIL)");
    let blob = imap.command(b"SETMETADATA v1.0 (/shared/blob {2+}\r\n\xff\xfe)").unwrap();
    assert!(blob.tagged.starts_with("OK"), "{}", blob.tagged);
    // Bare LF, bare CR, 8-bit octets, no empty line, nothing at all: a store keeps octets.
    let odd: [&[u8]; 5] = [
        b"Subject: plain\r\n\r\nbody\r\n",
        b"Subject: bare\nlines\rhere\r\n\r\n\xff\xfe\nend",
        b"\r\n",
        b"no header at all",
        b"From x@y Thu Nov 21 21:55:52 2026\r\n\r\n>From here\r\n",
    ];
    for mailbox in ["INBOX", "Sent/2001", "v1.0", "Entw&APw-rfe"] {
        for (n, message) in odd.iter().enumerate() {
            let flags = ["", "\\Seen $Forwarded", "\\Draft \\Flagged one two", "\\Answered", "\\Deleted"][n];
            let mut command =
                format!("APPEND {mailbox} ({flags}) {DATED} {{{}+}}\r\n", message.len()).into_bytes();
            command.extend_from_slice(message);
            let answer = imap.command(&command).unwrap();
            assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
        }
    }
    let keywords: Vec<String> = (0..40).map(|n| format!("keyword{n}")).collect();
    // Too large for a journal group: it goes its own way into the store.
    let large = format!("Subject: large\r\n\r\n{}", "0123456789abcdef\r\n".repeat(50_000));
    let answer = imap.append("Sent/2001", "\\Seen", large.as_bytes()).unwrap();
    assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
    let answer = imap.append("INBOX", &keywords.join(" "), b"Subject: forty keywords\r\n\r\n").unwrap();
    assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
}

#[test]
fn an_export_comes_back_with_octets_dates_flags_and_keywords() {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    fill(&server);
    let out = outer.path().join("export");
    let path = out.to_str().unwrap();
    let report = said(&server.koi(&["export", path, "--account", ALICE]));
    assert!(report.starts_with("exported 22 messages"), "{report}");
    assert!(out.join(".Sent.2001/cur").is_dir() && out.join(".v1&AC4-0/koi-export.jsonl").is_file());
    complained(&server.koi(&["export", path, "--account", ALICE]), 2);
    let report = said(&server.koi(&["import", "maildir", path, "--account", BOB]));
    assert!(report.starts_with("imported 22 messages"), "{report}");
    let (mut alice, mut bob) = (server.login(ALICE, PASSWORD), server.login(BOB, PASSWORD));
    for mailbox in ["INBOX", "Sent/2001", "v1.0", "Entw&APw-rfe"] {
        let (sent, came) = (alice.all(mailbox), bob.all(mailbox));
        assert_eq!(sent.len(), if ["INBOX", "Sent/2001"].contains(&mailbox) { 6 } else { 5 });
        assert_eq!(sent[0].internaldate, " 3-Feb-2001 04:05:06 +0230");
        assert_eq!(sent, came, "{mailbox}");
    }
    for place in ["\"\"", "v1.0", "INBOX"] {
        let question = format!(
            "GETMETADATA (DEPTH infinity) {place} (/private/vendor/acme /private/comment /shared/blob)"
        );
        let (sent, came) = (alice.ok(&question).lines(), bob.ok(&question).lines());
        assert!(!sent.is_empty(), "{place}");
        assert_eq!(sent, came, "{place}");
    }
    let subscribed = bob.ok("LSUB \"\" *").lines();
    assert!(subscribed.iter().any(|l| l.contains("v1.0")), "{subscribed:?}");
    drop((alice, bob));
    server.stop();
    // The same on the files.
    let report =
        said(&koi(&folder, &["import", "maildir", path, "--account", BOB, "--mailbox", "again"], ""));
    assert!(report.starts_with("imported 6 messages"), "only the folder itself: {report}");
}

/// A mailbox that was deleted while others lie below it is a level of names, and stays one.
#[test]
fn what_is_no_mailbox_is_none_after_an_import() {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    let mut alice = server.login(ALICE, PASSWORD);
    for command in [
        "CREATE a/b/c/d",
        "CREATE shown/below",
        "SUBSCRIBE shown",
        "DELETE a",
        "DELETE a/b/c",
        "DELETE shown",
    ] {
        alice.ok(command);
    }
    // Names that are subscribed and nothing else: alone, below a mailbox, and below another.
    for name in ["alone", "\"x/one \\\" two\"", "INBOX/none", "x"] {
        alice.ok(&format!("SUBSCRIBE {name}"));
    }
    let list = "LIST \"\" (a* shown*) RETURN (SUBSCRIBED CHILDREN)";
    let names = alice.ok(list).lines();
    assert_eq!(names.iter().filter(|line| line.contains("\\NonExistent")).count(), 3, "{names:?}");
    let out = outer.path().join("export");
    let path = out.to_str().unwrap();
    said(&server.koi(&["export", path, "--account", ALICE]));
    said(&server.koi(&["import", "maildir", path, "--account", BOB]));
    let mut bob = server.login(BOB, PASSWORD);
    assert_eq!(bob.ok(list).lines(), names);
    let subscribed = alice.ok("LSUB \"\" *").lines();
    assert!(subscribed.iter().any(|line| line.contains("alone")), "{subscribed:?}");
    assert_eq!(bob.ok("LSUB \"\" *").lines(), subscribed);
    // Alone and elsewhere, and from an export that does not say: every level is a mailbox.
    let one = out.join(".a.b.c.d");
    said(&server.koi(&["import", "maildir", one.to_str().unwrap(), "--account", BOB, "--mailbox", "n/a/d"]));
    let sidecar = one.join("koi-export.jsonl");
    let text = std::fs::read_to_string(&sidecar).unwrap();
    let (before, levels) = text.split_once(",\"levels\":").unwrap();
    let old = format!("{before}{}", levels.split_once(']').unwrap().1);
    std::fs::write(&sidecar, old).unwrap();
    bob.ok("DELETE a/b/c/d");
    said(&server.koi(&["import", "maildir", path, "--account", BOB]));
    let names = bob.ok("LIST \"\" (n* a*)").lines();
    assert_eq!(names.len(), 7, "{names:?}");
    assert!(!names.iter().any(|line| line.contains("\\NonExistent")), "{names:?}");
}

/// Rights come back where the mail they were given for is alone; what does not come back is named.
#[test]
fn rights_are_exported_and_given_again() {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    said(&koi(&folder, &["account", "add", CAROL], "geheim\n"));
    let mut alice = server.login(ALICE, PASSWORD);
    for command in [
        "CREATE lists",
        "SETACL lists bob@example.org lrs",
        "SETACL lists carol@example.org lrswi",
        "SETACL lists -anyone a",
        "SETACL INBOX carol@example.org lr",
    ] {
        alice.ok(command);
    }
    let out = outer.path().join("export");
    let path = out.to_str().unwrap();
    said(&server.koi(&["export", path, "--account", ALICE]));
    server.login(BOB, PASSWORD).append("INBOX", "", b"Subject: his own\r\n\r\n").unwrap();
    let output = server.koi(&["import", "maildir", path, "--account", BOB]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("lists: rights lrs of bob@example.org: the owner"), "{text}");
    assert!(text.contains("INBOX: rights lr of carol@example.org: there was mail"), "{text}");
    let listed = said(&server.koi(&["account", "share", "list", BOB]));
    let lines: Vec<Vec<&str>> =
        listed.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        lines,
        [vec!["lists", "-anyone", "a"], vec!["lists", "carol@example.org", "lrswi"]],
        "{listed}"
    );
}

#[test]
fn a_maildir_of_another_program_keeps_flags_keywords_and_times() {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    let maildir = outer.path().join("Maildir");
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(maildir.join(part)).unwrap();
    }
    std::fs::write(maildir.join("dovecot-keywords"), "0 $Junk\n1 work\n").unwrap();
    write(&maildir.join("cur/2.b.host:2,FSb"), "Subject: 2\n\nb\n", 1_000_000_000);
    write(&maildir.join("new/1.a.host"), "Subject: 1\n\na\n", 981_000_000);
    write(&maildir.join("tmp/3.c.host"), "half", 0);
    let path = maildir.to_str().unwrap();
    said(&server.koi(&["import", "maildir", path, "--account", ALICE, "--mailbox", "Old/Mail"]));
    let found = server.login(ALICE, PASSWORD).all("Old/Mail");
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].octets.as_slice(), found[0].flags.len()),
        (b"Subject: 1\r\n\r\na\r\n".as_slice(), 0)
    );
    assert_eq!(found[1].flags, ["\\Flagged", "\\Seen", "work"]);
    assert_eq!(found[1].internaldate, " 9-Sep-2001 01:46:40 +0000");
}

/// What a Maildir holds that is no message of it is named, and does not keep the rest away. Nothing outside
/// of the folder is read.
#[test]
fn what_is_left_out_of_a_maildir_is_named() {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    let maildir = outer.path().join("Maildir");
    let secret = outer.path().join("secret");
    for place in ["Maildir", "Maildir/.Sent", "Maildir/Plain", "secret"] {
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(outer.path().join(place).join(part)).unwrap();
        }
    }
    write(&maildir.join("cur/1.a:2,"), "Subject: 1\n\na\n", 1_000_000_000);
    write(&maildir.join(".Sent/cur/2.a:2,"), "Subject: 2\n\na\n", 1_000_000_000);
    write(&secret.join("cur/3.a:2,"), "Subject: not his\n\na\n", 1_000_000_000);
    std::fs::remove_dir(maildir.join(".Sent/new")).unwrap();
    std::fs::create_dir(maildir.join("new/4.a")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(maildir.join("new/5.a")).unwrap();
    std::fs::create_dir(maildir.join(".Away")).unwrap();
    let links =
        [("cur/6.a", "cur/3.a:2,"), (".Linked", ""), (".Sent/new", "cur"), (".Away/cur", "not-mounted")];
    for (link, to) in links {
        std::os::unix::fs::symlink(secret.join(to), maildir.join(link)).unwrap();
    }
    (0..30).for_each(|n| std::os::unix::fs::symlink("/gone", maildir.join(format!("new/7.{n}"))).unwrap());
    let path = maildir.to_str().unwrap();
    let output = server.koi(&["import", "maildir", path, "--account", ALICE]);
    let text = complained(&output, 1);
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("imported 2 messages"), "{output:?}");
    for wanted in [
        "/new/4.a: a folder, not a message",
        "/new/5.a: neither a file nor a folder",
        "/Plain: its name does not begin with a dot",
        "/.Linked: a symbolic link is not followed",
        "13 more: a symbolic link is not followed",
        "/.Away: it has no folder `cur`",
        "37 in all",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let mut alice = server.login(ALICE, PASSWORD);
    assert_eq!((alice.all("INBOX").len(), alice.all("Sent").len()), (1, 1));
    assert_eq!(alice.ok("LIST \"\" (*Linked* Plain*)").lines(), Vec::<String>::new());
    // Nor what lies beside the messages.
    std::fs::write(secret.join("text"), "0 root:x:0:0\n").unwrap();
    std::os::unix::fs::symlink(secret.join("text"), maildir.join("dovecot-keywords")).unwrap();
    let output = server.koi(&["import", "maildir", path, "--account", BOB]);
    let text = complained(&output, 1);
    assert!(text.contains("dovecot-keywords: a symbolic link"), "{text}");
}

/// What ends an import half way says how far it came, and what was left out until then.
#[test]
fn an_import_that_reaches_a_quota_says_how_far_it_came() {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    let maildir = outer.path().join("Maildir");
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(maildir.join(part)).unwrap();
    }
    for n in 100..950 {
        write(&maildir.join(format!("cur/{n}.a:2,")), &format!("Subject: {n}\n\na\n"), 1_000_000_000);
    }
    std::os::unix::fs::symlink("/gone", maildir.join("cur/99.link")).unwrap();
    said(&server.koi(&["account", "quota", ALICE, "--messages", "600"]));
    let import = ["import", "maildir", maildir.to_str().unwrap(), "--account", ALICE];
    let output = server.koi(&import);
    let text = complained(&output, 1);
    // Transactions of 250 messages: two are there, of the third nothing; of the fourth, which is small, all.
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("imported 600 messages"), "{output:?}");
    assert!(text.contains("the first that was not taken: ") && text.contains("cur/600.a:2,"), "{text}");
    assert!(text.contains("raise the quota") && text.contains("99.link: a symbolic link"), "{text}");
    let mut alice = server.login(ALICE, PASSWORD);
    assert_eq!(alice.all("INBOX").len(), 600);
    // Nothing comes in: what was left out is named all the same.
    let output = server.koi(&import);
    let text = complained(&output, 1);
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("imported 0 messages"), "{output:?}");
    assert!(text.contains("cur/100.a:2,") && text.contains("99.link: a symbolic link"), "{text}");
}

/// A folder is no mbox, and says so.
#[test]
fn a_folder_is_no_mbox() {
    let (outer, folder) = new_folder();
    Server::start(&folder).stop();
    let path = outer.path().to_str().unwrap();
    let text = complained(&koi(&folder, &["import", "mbox", path, "--account", ALICE], ""), 1);
    assert!(text.contains(path) && text.contains("directory"), "{text}");
}

fn write(path: &Path, text: &str, secs: u64) {
    std::fs::write(path, text).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(secs);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn an_mbox_is_imported_and_what_is_too_large_is_named() {
    let (outer, folder) = new_folder();
    Server::start(&folder).stop();
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}[limits]\nmessage_octets_max = 2000\n")).unwrap();
    let mbox = outer.path().join("mbox");
    let large = "x".repeat(5000);
    let text = format!(
        "From a Thu Nov 21 21:55:52 2026\nStatus: RO\n\none\n\nFrom b Thu Nov 21 21:55:53 2026\n\n{large}\n\n\
         From c Thu Nov 21 21:55:54 2026\nSubject: three\n\n>From me\n"
    );
    std::fs::write(&mbox, text).unwrap();
    let path = mbox.to_str().unwrap();
    let output = koi(&folder, &["import", "mbox", path, "--account", ALICE, "--mailbox", "Box"], "");
    let complaint = complained(&output, 1);
    assert!(complaint.contains("left out: message 2: larger than"), "{complaint}");
    let text = complained(&koi(&folder, &["import", "mbox", "/nonexistent", "--account", ALICE], ""), 1);
    assert!(text.contains("/nonexistent"), "{text}");
    let text = complained(&koi(&folder, &["import", "mbox", path, "--account", "x@example.org"], ""), 1);
    assert!(text.contains("there is no account x@example.org"), "{text}");
    let server = Server::quickstart(&folder, &[]);
    let found = server.login(ALICE, PASSWORD).all("Box");
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].flags, ["\\Seen"]);
    assert_eq!(found[0].internaldate, "21-Nov-2026 21:55:52 +0000");
    assert_eq!(found[1].octets, b"Subject: three\r\n\r\nFrom me\r\n");
}

/// What may be delivered may come back: the lines that the server wrote into it do not count.
#[test]
fn a_message_as_large_as_may_be_comes_back() {
    let (outer, folder) = new_folder();
    Server::start(&folder).stop();
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}[limits]\nmessage_octets_max = 2000\n")).unwrap();
    let server = Server::quickstart(&folder, &[]);
    let head = "Subject: large\r\n\r\n";
    let message = |octets: usize| format!("{head}{}\r\n", "x".repeat(octets - head.len() - 2)).into_bytes();
    let mut lmtp = Lmtp::connect(server.lmtp_port()).unwrap();
    assert!(lmtp.deliver(&[ALICE], &message(2000)).unwrap()[0].starts_with("250"));
    assert!(lmtp.deliver(&[ALICE], &message(2001)).unwrap()[0].starts_with("552 5.3.4"));
    let out = outer.path().join("export");
    let path = out.to_str().unwrap();
    said(&server.koi(&["export", path, "--account", ALICE]));
    said(&server.koi(&["import", "maildir", path, "--account", BOB]));
    let (sent, came) = (server.login(ALICE, PASSWORD).all("INBOX"), server.login(BOB, PASSWORD).all("INBOX"));
    assert!(sent.len() == 1 && sent[0].octets.len() > 2000, "{}", sent.len());
    assert_eq!(sent, came);
    // As an mbox of another program has it.
    let mbox = outer.path().join("mbox");
    let text = [b"From a Thu Nov 21 21:55:52 2026\r\n", &*sent[0].octets, b"\r\n"].concat();
    std::fs::write(&mbox, text).unwrap();
    said(&server.koi(&["import", "mbox", mbox.to_str().unwrap(), "--account", BOB, "--mailbox", "Box"]));
    assert_eq!(server.login(BOB, PASSWORD).all("Box")[0].octets, sent[0].octets);
}

/// Settings that clients see as annotations, and mailboxes of every account that are not subscribed.
// spec: RFC 9051 §6.3.8
#[test]
fn settings_and_what_is_not_subscribed_come_back() {
    const COI: &str = "/private/vendor/vendor.dovecot/coi";
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    let mut alice = server.login(ALICE, PASSWORD);
    alice.ok(&format!("SETMETADATA \"\" ({COI}/config/enabled \"yes\")"));
    // Seen chat that lies in INBOX stays there, while it comes in too.
    let chat = b"Chat-Version: 1.0\r\nMessage-ID: <chat$1@x>\r\nFrom: b@example.net\r\n\r\nhi\r\n";
    let answer = alice.append("INBOX", "\\Seen", chat).unwrap();
    assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
    alice.ok(&format!("SETMETADATA \"\" ({COI}/config/message-filter \"seen\")"));
    for name in ["INBOX", "Trash", "Junk"] {
        alice.ok(&format!("UNSUBSCRIBE {name}"));
    }
    let out = outer.path().join("export");
    let path = out.to_str().unwrap();
    said(&server.koi(&["export", path, "--account", ALICE]));
    let settings = std::fs::read_to_string(out.join("koi-settings.jsonl")).unwrap();
    assert!(settings.contains("enabled") && !settings.contains("mailbox-root"), "{settings}");
    // Junk has mail already: its owner knows whether to see it.
    let mut bob = server.login(BOB, PASSWORD);
    bob.append("Junk", "", b"Subject: there\r\n\r\n").unwrap();
    said(&server.koi(&["import", "maildir", path, "--account", BOB]));
    let question = format!("GETMETADATA (DEPTH infinity) \"\" {COI}");
    let told = alice.ok(&question).lines();
    assert!(told.iter().any(|line| line.contains("seen")), "{told:?}");
    assert_eq!(bob.ok(&question).lines(), told);
    let subscribed = |lines: Vec<String>, name: &str| lines.iter().any(|line| line.ends_with(name));
    for (name, by_bob) in [("INBOX", false), ("Trash", false), ("Junk", true), ("Sent", true)] {
        assert_eq!(subscribed(alice.ok("LSUB \"\" *").lines(), name), name == "Sent", "{name}");
        assert_eq!(subscribed(bob.ok("LSUB \"\" *").lines(), name), by_bob, "{name}");
    }
    assert_eq!((alice.all("INBOX"), bob.all("COI/Chats").len()), (bob.all("INBOX"), 0));
    // Only the folder itself: no settings.
    let mut carol = with_carol(&server);
    let one = ["import", "maildir", path, "--account", CAROL, "--mailbox", "Old"];
    said(&server.koi(&one));
    assert!(!carol.ok(&question).lines().iter().any(|line| line.contains("enabled")));
}

fn with_carol(server: &Server) -> crate::imap::Imap {
    let added = koi(&server.folder, &["account", "add", CAROL], &format!("{PASSWORD}\n"));
    said(&added);
    server.login(CAROL, PASSWORD)
}

/// At a terminal a bar is drawn on it and goes again; elsewhere nothing but the summary is written.
#[test]
fn an_import_at_a_terminal_shows_a_bar() {
    let (outer, folder) = new_folder();
    Server::start(&folder).stop();
    let mbox = outer.path().join("mbox");
    let messages = (0..1000).map(|n| format!("From a Thu Nov 21 21:55:52 2026\nSubject: {n}\n\n{n}\n\n"));
    std::fs::write(&mbox, messages.collect::<String>()).unwrap();
    let arguments = ["import", "mbox", mbox.to_str().unwrap(), "--account", ALICE];
    let plain = koi(&folder, &arguments, "");
    assert!(said(&plain).starts_with("imported 1000 messages (") && plain.stderr.is_empty(), "{plain:?}");
    let config = folder.join("koi.toml");
    let command = format!("'{KOI}' {} --config '{}'", arguments.join(" "), config.display());
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (drawn, after) = text.rsplit_once("imported 1000 messages (").unwrap();
    assert!(drawn.contains("import █") && drawn.contains(" octets "), "{text:?}");
    let last = drawn.rsplit('%').next().unwrap();
    assert!(last.contains("\u{1b}[2K"), "the bar is wiped away: {text:?}");
    assert!(after.trim_end().ends_with("messages/s"), "{text:?}");
}
