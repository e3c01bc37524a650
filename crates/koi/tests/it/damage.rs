//! Pages of the index that were damaged on the disk. LMDB may end the process that reads such a page; no mail
//! may be lost by it, and nobody should have to know more than "start it again".

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::rig::{ALICE, BOB, PASSWORD, Server, complained, koi, new_folder, said};

const PAGE_OCTETS: u64 = 4096;
const MESSAGES: usize = 300;

/// Garbage over every third page behind the two that LMDB begins with.
fn damage(folder: &Path) -> PathBuf {
    let generations = std::fs::read_dir(folder.join("store/index")).unwrap();
    let file = generations.map(|entry| entry.unwrap().path().join("data.mdb")).find(|f| f.exists()).unwrap();
    let pages = std::fs::metadata(&file).unwrap().len() / PAGE_OCTETS;
    assert!(pages > 20, "{pages}");
    let mut index = std::fs::File::options().write(true).open(&file).unwrap();
    for page in (2..pages).step_by(3) {
        index.seek(SeekFrom::Start(page * PAGE_OCTETS)).unwrap();
        index.write_all(&[0xa5; PAGE_OCTETS as usize]).unwrap();
    }
    file
}

fn fill(server: &Server) {
    let mut imap = server.login(ALICE, PASSWORD);
    for number in 0..MESSAGES {
        let message = format!("Subject: {number}\r\n\r\n{}\r\n", "x".repeat(600));
        imap.ok(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len()));
    }
}

#[test]
fn check_finds_damaged_pages_and_the_index_is_built_again() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    fill(&server);
    server.stop();
    damage(&folder);
    let output = koi(&folder, &["check"], "");
    let text = said(&output);
    assert!(text.contains("the index is damaged"), "{text}");
    assert!(text.contains("everything is in order"), "{text}");
    let server = Server::quickstart(&folder, &[]);
    assert_eq!(server.login(ALICE, PASSWORD).all("INBOX").len(), MESSAGES);
    server.stop();
}

#[test]
fn a_server_whose_index_ends_it_comes_back_by_being_started_again() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    fill(&server);
    server.stop();
    damage(&folder);
    // As a server leaves the folder that ended again and again.
    std::fs::write(folder.join("store/koi.lock"), "1\n5\n").unwrap();
    let server = Server::quickstart(&folder, &[]);
    assert!(server.log().contains("the index was built again from the journal"), "{}", server.log());
    assert_eq!(server.login(ALICE, PASSWORD).all("INBOX").len(), MESSAGES);
    server.stop();
}

#[test]
fn a_running_server_tells_check_to_start_it_again() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    fill(&server);
    server.stop();
    let server = Server::quickstart(&folder, &[]);
    let file = damage(&folder);
    let text = complained(&server.koi(&["check"]), 4);
    assert!(text.contains("start it again"), "{text}");
    assert!(file.parent().unwrap().with_file_name("damaged").exists());
    server.kill();
    let server = Server::quickstart(&folder, &[]);
    assert_eq!(server.login(ALICE, PASSWORD).all("INBOX").len(), MESSAGES);
    server.stop();
}

/// The first file of the journal with octets that are found in it.
fn with_octets(folder: &Path, sought: &[u8]) -> (PathBuf, usize) {
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join("store/journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut places = files.into_iter().filter_map(|file| {
        let octets = std::fs::read(&file).unwrap();
        octets.windows(sought.len()).position(|window| window == sought).map(|at| (file, at))
    });
    places.next().unwrap()
}

/// What a check says that finds something.
fn found(output: &std::process::Output) -> String {
    complained(output, 4);
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn overwrite(file: &Path, at: usize, octets: &[u8]) {
    let mut file = std::fs::File::options().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(octets).unwrap();
}

#[test]
fn check_names_the_mail_that_is_damaged_and_the_rest_is_read() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    let mut imap = server.login(ALICE, PASSWORD);
    imap.ok("CREATE Lists");
    for (mailbox, n) in [("INBOX", 1), ("Lists", 2), ("INBOX", 3)] {
        let message = format!("Subject: {n}\r\n\r\nthe words of {n}\r\n");
        imap.ok(&format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len()));
    }
    imap.ok("SELECT Lists");
    imap.ok("COPY 1 INBOX");
    let (file, at) = with_octets(&folder, b"the words of 2");
    overwrite(&file, at, b"The");
    let text = found(&server.koi(&["check"]));
    assert!(text.contains("UID 1 in Lists of alice@example.org"), "{text}");
    assert!(text.contains("UID 3 in INBOX of alice@example.org"), "{text}");
    server.stop();
    let text = found(&koi(&folder, &["check", "--repair"], ""));
    assert!(text.contains("the octets of body") && text.contains("were changed"), "{text}");
    assert!(text.contains(&format!("{}: groups are damaged", file.display())), "{text}");
    let server = Server::quickstart(&folder, &[]);
    let mut imap = server.login(ALICE, PASSWORD);
    imap.ok("SELECT INBOX");
    let fetched = imap.ok("UID FETCH 1,2 BODY.PEEK[TEXT]").lines().join("\n");
    assert!(fetched.contains("the words of 1") && fetched.contains("the words of 3"), "{fetched}");
    server.stop();
}

#[test]
fn export_leaves_out_what_cannot_be_read_and_nothing_else() {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    let mut imap = server.login(ALICE, PASSWORD);
    for n in 1..=3 {
        let message = format!("Subject: {n}\r\n\r\nthe words of {n}\r\n");
        imap.ok(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len()));
    }
    // What says how the octets are written lies before them.
    let (file, at) = with_octets(&folder, b"Subject: 2\r\n\r\nthe words of 2");
    overwrite(&file, at - 60, &[0xa5; 60]);
    let out = outer.path().join("export");
    let text = complained(&server.koi(&["export", out.to_str().unwrap(), "--account", ALICE]), 1);
    assert!(text.contains("INBOX UID 2: what is stored of it cannot be read"), "{text}");
    assert!(text.contains("1 in all"), "{text}");
    let text = said(&server.koi(&["import", "maildir", out.to_str().unwrap(), "--account", BOB]));
    assert!(text.starts_with("imported 2 messages"), "{text}");
    let mut imap = server.login(BOB, PASSWORD);
    imap.ok("SELECT INBOX");
    let fetched = imap.ok("FETCH 1:* BODY.PEEK[TEXT]").lines().join("\n");
    assert!(fetched.contains("the words of 1") && fetched.contains("the words of 3"), "{fetched}");
    server.stop();
}

#[test]
fn a_lost_header_is_written_again_by_repair_with_a_server_and_without() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    fill(&server);
    let file = folder.join("store/journal/00000001.seg");
    overwrite(&file, 8, &[0xa5; 60]);
    let text = found(&server.koi(&["check"]));
    assert!(text.contains("00000001.seg: its header is damaged"), "{text}");
    said(&server.koi(&["check", "--repair"]));
    assert!(said(&server.koi(&["check"])).contains("everything is in order"));
    server.kill();
    let server = Server::quickstart(&folder, &[]);
    assert_eq!(server.login(ALICE, PASSWORD).all("INBOX").len(), MESSAGES);
    server.stop();
    overwrite(&file, 0, &[0xa5; 80]);
    let text = complained(&koi(&folder, &["check"], ""), 1);
    assert!(text.contains("the header of the segment is damaged"), "{text}");
    assert!(text.contains("run `koi check --repair`"), "{text}");
    let text = said(&koi(&folder, &["check", "--repair"], ""));
    assert!(text.contains("its header was damaged and is made again"), "{text}");
    let server = Server::quickstart(&folder, &[]);
    assert_eq!(server.login(ALICE, PASSWORD).all("INBOX").len(), MESSAGES);
    assert!(said(&server.koi(&["check"])).contains("everything is in order"));
    server.stop();
}

#[test]
fn check_names_nobody_whose_own_octets_are_whole() {
    const CAROL: &str = "carol@example.net";
    let (_outer, folder) = new_folder();
    Server::start(&folder).stop();
    let file = folder.join("koi.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let (one, two) = (r#"["example.org"]"#, r#"["example.org", "example.net"]"#);
    assert!(settings.contains(one), "{settings}");
    std::fs::write(&file, settings.replacen(one, two, 1)).unwrap();
    said(&koi(&folder, &["account", "add", CAROL], &format!("{PASSWORD}\n")));
    let server = Server::quickstart(&folder, &[]);
    let message = "Subject: 1\r\n\r\nthe words of both\r\n";
    for user in [ALICE, CAROL] {
        server.login(user, PASSWORD).ok(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len()));
    }
    let (file, at) = with_octets(&folder, b"the words of both");
    overwrite(&file, at, b"The");
    let text = found(&server.koi(&["check"]));
    assert!(text.contains("UID 1 in INBOX of alice@example.org"), "{text}");
    assert!(!text.contains(CAROL), "{text}");
    server.stop();
}
