//! LIST with STATUS over more names than fit one step or one output buffer (RFC 9051 §6.3.9, RFC 5819 §2).

use std::collections::BTreeSet;
use std::sync::Arc;

use koi_mailbox::Account;
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::{World, address};
use koi_types::MailboxName;

use crate::harness::Test;

const MAILBOXES: usize = 12_000;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test { name: "list/ten_thousand_mailboxes".to_owned(), run: Box::new(many) },
        Test { name: "list/one_view_while_others_change_names".to_owned(), run: Box::new(one_view) },
    ]
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

/// Names of the same length, so that they are told in the order they are made.
const NAMES: usize = 10_000;

fn world_of_names() -> (World, Account) {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    let id = world.service.directory().by_address(&address("alice")).unwrap().unwrap();
    let account = world.service.account(id).unwrap();
    for number in 0..NAMES {
        let name = MailboxName::new(&format!("list-{number:05}")).unwrap();
        account.create(&name, None).wait().unwrap();
        account.subscribe(&name, true).wait().unwrap();
    }
    for peer in [1, 2] {
        world.open_imap(peer, true);
        world.send(peer, b"a LOGIN alice secret\r\n");
        world.peer(peer).unwrap().said.clear();
    }
    (world, account)
}

/// A long answer is of the moment it began at, whatever is made, renamed, deleted and subscribed meanwhile.
// spec: RFC 9051 §6.3.9; RFC 3501 §6.3.8; RFC 3501 §6.3.9; RFC 5819 §2; RFC 5819 §5
fn one_view() -> Result<(), String> {
    let (mut world, account) = world_of_names();
    let said = |world: &mut World, peer: u32| {
        String::from_utf8(std::mem::take(&mut world.peer(peer).unwrap().said)).unwrap()
    };
    let of_list = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("list-") && !line.contains("STATUS"));
        lines.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
    };
    let expected: Vec<String> = (0..NAMES).map(|number| format!("list-{number:05}")).collect();

    world.queue(1, b"b LIST \"\" * RETURN (STATUS (MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\r\n");
    world.queue(2, b"c DELETE list-09998\r\nd RENAME list-09997 list-00000a\r\ne CREATE list-99999\r\n");
    world.settle();
    let (list, changes) = (said(&mut world, 1), said(&mut world, 2));
    assert_eq!(changes.matches(" OK ").count(), 3, "{changes}");
    assert_eq!(of_list(&list), expected);
    // RFC 5819 §2: the one that is gone by now has no counters; the one that moved is told by its old name.
    assert!(list.contains("* LIST (\\Noselect \\HasNoChildren) \"/\" list-09998\r\n* LIST"));
    assert!(list.contains("* STATUS list-09997 (") && !list.contains("list-00000a"));

    world.queue(1, b"b LSUB \"\" *\r\n");
    world.queue(2, b"f UNSUBSCRIBE list-09990\r\ng SUBSCRIBE list-99999\r\n");
    world.settle();
    assert_eq!(of_list(&said(&mut world, 1)), expected);

    world.send(1, b"b LSUB \"\" *\r\n");
    let after = of_list(&said(&mut world, 1));
    assert!(!after.contains(&"list-09990".to_owned()) && after.contains(&"list-99999".to_owned()));
    assert_eq!(after.len(), NAMES);
    assert!(
        account
            .snapshot()
            .unwrap()
            .mailbox_named(&MailboxName::new("list-09998").unwrap())
            .unwrap()
            .is_none()
    );
    Ok(())
}
