//! `koi index`, on a running server and on its files; the server's own thread.

use std::time::{Duration, Instant};

use crate::rig::{ALICE, BOB, PASSWORD, Server, complained, koi, new_folder, said};

fn fill(server: &Server, account: &str, messages: usize) {
    let mut imap = server.login(account, PASSWORD);
    let many: String = (0..messages)
        .map(|n| {
            let message = format!("Subject: number {n}\r\n\r\nword{n}x of a message\r\n");
            format!(" {{{}+}}\r\n{message}", message.len())
        })
        .collect();
    for each in many.split_inclusive("of a message\r\n") {
        let answer = imap.command(format!("APPEND INBOX{each}").as_bytes()).unwrap();
        assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
    }
}

fn search(server: &Server, text: &str) -> String {
    let mut imap = server.login(ALICE, PASSWORD);
    imap.ok("SELECT INBOX");
    imap.ok(&format!("SEARCH TEXT {text}")).lines().join("\n")
}

#[test]
fn indexes_are_built_shown_and_dropped() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    fill(&server, ALICE, 20);
    let shown = said(&server.koi(&["index", "show"]));
    assert_eq!(shown, format!("{ALICE}: no index\n{BOB}: no index\n"));
    let built = said(&server.koi(&["index", "build", "--account", ALICE]));
    assert!(built.starts_with(&format!("{ALICE}: 20 emails, ")), "{built}");
    assert!(built.ends_with(" segments, complete\n"), "{built}");
    assert!(search(&server, "ORD7X").contains("* SEARCH 8"));
    let status = said(&server.koi(&["status"]));
    assert!(status.contains("indexed   1 accounts, 20 emails, "), "{status}");
    complained(&server.koi(&["index", "build", "--account", "nobody@example.org"]), 1);
    server.stop();

    let rebuilt = said(&koi(&folder, &["index", "rebuild", "--account", ALICE], ""));
    assert!(rebuilt.starts_with(&format!("{ALICE}: 20 emails, ")), "{rebuilt}");
    said(&koi(&folder, &["check"], ""));
    let dropped = said(&koi(&folder, &["index", "drop"], ""));
    assert_eq!(dropped, format!("{ALICE}: no index\n{BOB}: no index\n"));
}

#[test]
fn a_large_account_gets_an_index_by_itself() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    fill(&server, ALICE, 1001);
    // Wherever the index is, after a crash it goes on.
    server.kill();
    let server = Server::start(&folder);
    let began = Instant::now();
    loop {
        let shown = said(&server.koi(&["index", "show", "--account", ALICE]));
        if shown.contains("1001 emails") && shown.contains(", complete") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{shown}");
    }
    assert!(search(&server, "ord1000x").contains("* SEARCH 1001"));
    server.stop();
    said(&koi(&folder, &["check"], ""));
}
