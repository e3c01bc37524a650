//! Keys order as ranges need them, give their parts back, and fit the store.

use koi_types::annotation::{EntryName, Target};
use koi_types::{AccountId, AddressHash, EmailId, MailboxId, MailboxName, ModSeq, PushId, Uid, limits};

use super::*;

#[test]
fn ranges_end_behind_their_last_key() {
    let range = below(&[1, 255, 255]);
    assert_eq!(range.end, [2]);
    assert_eq!(below(b"\0\0\0\x01U").end, b"\0\0\0\x01V");
    let last = membership(AccountId(1), MailboxId(2), u32::MAX);
    assert!(last < membership_end(AccountId(1), MailboxId(2), u32::MAX));
    assert_eq!(membership_end(AccountId(1), MailboxId(2), 4), membership(AccountId(1), MailboxId(2), 5));
}

#[test]
fn parts_come_back_out_of_keys() {
    let key = email_membership(AccountId(7), EmailId([9; 16]), MailboxId(3), Uid::MIN);
    assert_eq!(email_of(&key), Some(EmailId([9; 16])));
    assert_eq!(uid_at_end(&key), Some(Uid::MIN));
    let row = membership(AccountId(7), MailboxId(3), 1);
    assert_eq!(membership_of_email(AccountId(7), &key), Some(row));
    assert_eq!(mailbox_of(&vanished(AccountId(7), MailboxId(3), 5)), Some(MailboxId(3)));
    assert_eq!(modseq_at_end(&log(AccountId(7), 5)), ModSeq::new(5));
    let hash = AddressHash([3; 32]);
    let key = contact_address(AccountId(7), &hash, MailboxId(3), true, EmailId([9; 16]));
    let ContactAddress { hash: found, mailbox, blocked, email } = ContactAddress::of(&key).unwrap();
    assert_eq!((found, mailbox, blocked, email), (hash, MailboxId(3), true, EmailId([9; 16])));
    assert!(ContactAddress::of(&contact(AccountId(7), EmailId([9; 16]))).is_none());
    let id = PushId::new("0123456789").unwrap();
    let task = push_task_of(&push_task(AccountId(7), &id, 0x0102)).unwrap();
    assert_eq!(task, PushTaskKey { id: id.clone(), number: 0x0102 });
    assert_eq!(push_id_of(&push_subscription(AccountId(7), &id)), Some(id));
    assert_eq!(push_id_of(&push_account(AccountId(7))), None);
}

#[test]
fn the_longest_name_fits_a_key() {
    let longest = MailboxName::new(&"n".repeat(limits::MAILBOX_NAME_OCTETS_MAX)).unwrap();
    assert!(name(AccountId(1), table::NAME, &longest).len() <= limits::KEY_OCTETS_MAX);
    let longest = format!("/shared/{}", "n".repeat(limits::ANNOTATION_NAME_OCTETS_MAX - 8));
    let entry = EntryName::new(&longest).unwrap();
    let target = Target::Mailbox(MailboxId(3));
    assert_eq!(annotation_of(&annotation(AccountId(1), target, &entry)), Some((target, entry)));
    let address = koi_types::Address::new(&"l".repeat(64), &"d".repeat(255)).unwrap();
    assert!(super::address(&address).len() <= limits::KEY_OCTETS_MAX);
}
