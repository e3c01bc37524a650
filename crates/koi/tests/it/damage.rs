//! Pages of the index that were damaged on the disk. LMDB may end the process that reads such a page; no mail
//! may be lost by it, and nobody should have to know more than "start it again".

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::rig::{ALICE, PASSWORD, Server, complained, koi, new_folder, said};

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
