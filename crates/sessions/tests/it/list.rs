//! LIST with STATUS over more names than fit one step or one output buffer (RFC 9051 §6.3.9, RFC 5819 §2).

use std::collections::BTreeSet;
use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::{World, address};
use koi_types::MailboxName;

use crate::harness::Test;

const MAILBOXES: usize = 12_000;

pub(crate) fn tests() -> Vec<Test> {
    vec![Test { name: "list/ten_thousand_mailboxes".to_owned(), run: Box::new(many) }]
}

// spec: RFC 5819 §2; RFC 9051 §6.3.9
fn many() -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    let id = world.service.directory().by_address(&address("alice")).unwrap().unwrap();
    let account = world.service.account(id).unwrap();
    let mut expected: BTreeSet<String> =
        account.snapshot().unwrap().mailboxes().unwrap().iter().map(|row| row.name.to_string()).collect();
    for number in 0..MAILBOXES {
        let text = format!("{:02}/list-{number:05}", number % 100);
        account.create(&MailboxName::new(&text).unwrap(), None).wait().unwrap();
        expected.insert(format!("{:02}", number % 100));
        expected.insert(text);
    }
    world.open_imap(1, true);
    world.send(1, b"a LOGIN alice secret\r\n");
    let begun = std::time::Instant::now();
    world.peer(1).unwrap().said.clear();
    world.send(1, b"b LIST \"\" * RETURN (STATUS (MESSAGES UNSEEN UIDNEXT))\r\n");
    let took = begun.elapsed();
    let said = String::from_utf8(std::mem::take(&mut world.peer(1).unwrap().said)).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2 * expected.len() + 1);
    assert!(lines.last().unwrap().starts_with("b OK"));
    let mut told = BTreeSet::new();
    for pair in lines.chunks_exact(2) {
        let name = pair[0].rsplit(' ').next().unwrap();
        assert!(pair[0].starts_with("* LIST ("), "{pair:?}");
        assert_eq!(pair[1], format!("* STATUS {name} (MESSAGES 0 UNSEEN 0 UIDNEXT 1)"));
        assert!(told.insert(name.to_owned()), "{name} came twice");
    }
    assert_eq!(told, expected);
    println!("suite: LIST of {} mailboxes with STATUS took {} ms", expected.len(), took.as_millis());
    Ok(())
}
