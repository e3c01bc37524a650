//! What `koi check --repair` leaves of damaged rows for DMAP.

use koi_mailbox::INBOX;
use koi_mailbox::dmap::NewPrimeMessage;
use koi_store::key;
use koi_store::kv::transact_and_wait;
use koi_types::Mode;

use super::rig::{authored, dmap_rig, new_prime, shown, user};

/// Nobody but the client can make META again, so it stays when its message's row is made anew.
#[test]
fn meta_stays_when_the_row_of_its_message_is_damaged() {
    let rig = dmap_rig();
    let (alice, bob) = (user(&rig, "alice", Mode::Cautious, 10), user(&rig, "bob", Mode::Cautious, 20));
    let octets = authored(&rig, &alice, &bob.account, 1);
    let new = NewPrimeMessage {
        meta: Some(b"what only she can read".as_slice().into()),
        ..new_prime(&alice.account, &octets, &[])
    };
    let uid = alice.account.append_prime(INBOX, new).wait().unwrap().uid;
    let at = key::membership(alice.account.id(), INBOX, uid.value());
    transact_and_wait(&*rig.kv, move |txn| txn.put(&at, &[1, 2, 3])).unwrap();
    for _ in 0..3 {
        let findings = rig.service.check().unwrap();
        rig.service.repair(&findings).unwrap();
    }
    assert_eq!(rig.service.check().unwrap(), []);
    let meta = alice.account.snapshot().unwrap().meta(INBOX, uid).unwrap();
    assert_eq!(meta.as_deref(), Some(b"what only she can read".as_slice()));
    assert_eq!(shown(&alice.account, INBOX, uid), octets);
}
