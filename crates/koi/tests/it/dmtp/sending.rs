//! What the real server sends to another organisation, what it makes of its answers, and whom it believes.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_dime::chunk::Actor;
use koi_dime::key::Holder;
use koi_dime::{ChunkType, Message, OrgSignet, PrivateKeys};
use koi_server::organisation::SystemRandom;
use koi_store::engine::{Embedded, Options};
use koi_store::key;
use koi_store::kv::{Commits, transact_and_wait};
use koi_store::mail::dmap::queue;
use koi_store::record::dmtp::QueuedRecord;
use koi_types::{CommitNotice, Timestamp};

use super::peer::{Peer, issued, organisation};
use super::*;

/// A server, and another that does as it is told.
pub(super) struct Alone {
    outer: tempfile::TempDir,
    pub(super) dns: Dns,
    pub(super) one: Site,
    pub(super) peer: Peer,
    pub(super) alice: Person,
}

impl Alone {
    fn new() -> Self {
        Self::asking(Dns::start(), TWO)
    }
    /// With the authority of one of the two, and the other's certificate is nobody's.
    pub(super) fn asking(dns: Dns, authority: &str) -> Self {
        let (outer, port) = (tempfile::tempdir().unwrap(), free_base() + 26);
        let mut one = Site::new(outer.path(), "one", ONE, 2);
        let folder = outer.path().join("two");
        std::fs::create_dir(&folder).unwrap();
        let peer = Peer::start(&folder, TWO, BOB, (Ipv4Addr::new(127, 0, 0, 3), port));
        let trusted = if authority == TWO { &folder } else { &one.folder };
        std::fs::copy(trusted.join("tls/ca.pem"), one.folder.join("partners.pem")).unwrap();
        one.found(&dns, port, ALICE);
        one.publish(&dns);
        dns.a(TWO, Ipv4Addr::new(127, 0, 0, 3));
        dns.txt("_dx.two.test", &peer.record().text());
        one.start();
        let alice = one.person(outer.path(), ALICE);
        Self { outer, dns, one, peer, alice }
    }
    fn publish(&self) {
        self.dns.txt("_dx.two.test", &self.peer.record().text());
    }
    pub(super) fn sends(&self, subject: &str) {
        send(&self.alice, self.outer.path(), BOB, subject);
    }
    /// The text that bob's key opens, of a message that the key of one.test has signed.
    fn taken(&self) -> Vec<String> {
        let one = std::fs::read_to_string(self.one.folder.join("dmap/one.test.signet")).unwrap();
        let one = OrgSignet::parse(&koi_dime::armor::decode(&one, 1 << 20).unwrap().octets).unwrap();
        let state = self.peer.state();
        let text = |octets: &Vec<u8>| {
            let message = Message::parse(octets).unwrap();
            let envelope = state.organisation.delivery(&message).unwrap().verify(&one).unwrap();
            assert_eq!((envelope.recipient.to_string().as_str(), &*envelope.origin), (BOB, ONE));
            let reader = message.reader(Actor::Recipient, &self.peer.user.decryption);
            let place = message.places(ChunkType::DISPLAY).next().unwrap();
            String::from_utf8_lossy(reader.open(place).unwrap().claimed()).into_owned()
        };
        state.messages.iter().map(text).collect()
    }
}

// spec: DMAP-00 §7.5; DMAP-00 §7.6.7
#[test]
fn a_message_reaches_another_organisation() {
    let alone = Alone::new();
    alone.sends("a letter");
    drop(alone.peer.waits_for(1));
    let taken = alone.taken();
    assert!(taken.len() == 1 && taken[0].contains("This is a letter."), "{taken:?}");
    let lines = alone.peer.state().lines.concat();
    assert!(lines.contains("MAIL FROM: <one.test> [") && lines.contains("RCPT TO: <two.test> ["), "{lines}");
    assert!(!lines.contains("alice") && lines.contains("EHLO <one.test>"), "no author is named: {lines}");
    let text = complained(&alone.alice.run(&["send", "--to", "eve@two.test", "--text", "/dev/null"], ""), 1);
    assert!(text.contains("there is no signet of eve@two.test"), "{text}");
    let text =
        complained(&alone.alice.run(&["send", "--to", "x@nowhere.test", "--text", "/dev/null"], ""), 1);
    assert!(text.contains("there is no signet of x@nowhere.test"), "{text}");
    let known = said(&koi(&alone.one.folder, &["organisation", "list"], ""));
    assert!(known.contains("two.test  no DNSSEC"), "{known}");
}

#[test]
fn what_is_refused_for_ever_comes_back() {
    let alone = Alone::new();
    alone.peer.will_answer(451, "come again");
    alone.peer.will_answer(550, "nobody of that name");
    let sent = send(&alone.alice, alone.outer.path(), BOB, "a letter");
    let (_, transaction) = sent.trim_end().split_once("; transaction ").unwrap();
    drop(alone.peer.waits_for(2));
    let number = arrives(&alone.alice, "Not delivered");
    let read = alone.alice.says(&["read", &number]);
    assert!(read.contains(&format!("Transaction: {transaction}, ")), "it says which: {read}");
    assert!(read.contains("550 nobody of that name") && read.contains("Attempts:    2"), "{read}");
    assert_eq!(alone.taken(), Vec::<String>::new());
    assert!(said(&koi(&alone.one.folder, &["check"], "")).contains("everything is in order"));
}

#[test]
fn what_waits_survives_kill_9() {
    let mut alone = Alone::new();
    alone.peer.will_answer(451, "come again");
    alone.peer.state().answers.push_back(None);
    alone.sends("kept");
    // It came, and nothing was said to it: nobody knows that it did.
    drop(alone.peer.waits_for(2));
    alone.one.kill();
    alone.one.start();
    drop(alone.peer.waits_for(3));
    let taken = alone.taken();
    assert!(taken.len() == 1 && taken[0].contains("This is kept."), "{taken:?}");
}

/// Somebody else has taken the domain over, in the DNS too: what is sent to it is not sent to him.
#[test]
fn another_key_is_refused_until_an_administrator_says_so() {
    let alone = Alone::new();
    alone.sends("before");
    drop(alone.peer.waits_for(1));
    let old = {
        let mut state = alone.peer.state();
        let new = organisation(TWO);
        state.signets = vec![issued(&new, &alone.peer.user, BOB)];
        std::mem::replace(&mut state.organisation, new)
    };
    alone.publish();
    refuses(&alone.alice, "the key of two.test has changed");
    assert!(alone.one.log().contains("an administrator must look at it"));
    // Published beside the old one it is believed; her client has a memory of its own.
    let mut both = alone.peer.record();
    both.primary.push(*old.signet().primary());
    alone.dns.txt("_dx.two.test", &both.text());
    refuses(&alone.alice, "the key of two.test is not the one seen before");
    // And back, which only an administrator can let happen.
    let state = || alone.peer.state();
    state().signets = vec![issued(&old, &alone.peer.user, BOB)];
    state().organisation = old;
    alone.publish();
    refuses(&alone.alice, "the key of two.test has changed");
    let forgotten = said(&koi(&alone.one.folder, &["organisation", "forget", TWO], ""));
    assert!(forgotten.contains("forgotten"), "{forgotten}");
    alone.sends("after");
    drop(alone.peer.waits_for(2));
}

#[test]
fn nobody_is_believed_whom_the_record_does_not_name() {
    let alone = Alone::new();
    let stranger = organisation(TWO);
    // Another certificate than the record's.
    let mut record = alone.peer.record();
    record.tls = vec![koi_dime::record::sign_certificate(stranger.signing(), b"another")];
    alone.dns.txt("_dx.two.test", &record.text());
    refuses(&alone.alice, "invalid peer certificate");
    // Another key than the signet's.
    let mut record = alone.peer.record();
    record.primary = vec![*stranger.signet().primary()];
    record.tls = Vec::new();
    alone.dns.txt("_dx.two.test", &record.text());
    refuses(&alone.alice, "the management record does not name its key");
    // A user whom another organisation has signed. Without `dx` the domain itself is the host.
    let mut record = alone.peer.record();
    record.deliver.clear();
    alone.dns.txt("_dx.two.test", &record.text());
    let user = PrivateKeys::generate(Holder::User, &mut SystemRandom).unwrap();
    let state = || alone.peer.state();
    let own = state().signets.clone();
    state().signets = vec![issued(&stranger, &user, BOB)];
    refuses(&alone.alice, "the organisation did not sign its keys");
    assert!(koi(&alone.one.folder, &["organisation", "list"], "").status.success());
    state().signets = own;
    alone.sends("a letter");
    drop(alone.peer.waits_for(1));
}

/// Everything that waits was submitted so many hours ago.
fn aged(site: &Site, hours: u32) {
    let folder = site.folder.join("store");
    let store = Embedded::open(&folder, Options::default(), Arc::new(Deaf)).unwrap();
    let ago = move |at: Timestamp| Timestamp(at.0 - i64::from(hours) * 3_600_000);
    transact_and_wait(&store, move |txn| {
        let mut waiting = Vec::new();
        queue::due(txn, &mut |due| {
            waiting.push(due.due);
            ControlFlow::Continue(())
        })?;
        assert!(!waiting.is_empty());
        waiting.iter().try_for_each(|due| {
            let row = queue::queued(txn, due.account, due.id)?.unwrap();
            let row = QueuedRecord { queued_at: ago(row.queued_at), ..row };
            txn.put(&key::dmtp_queued(due.account, due.id), &row.encode())
        })
    })
    .unwrap();
}

struct Deaf;

impl Commits for Deaf {
    fn committed(&self, _: &[CommitNotice]) {}
}

#[test]
fn what_nobody_takes_for_too_long_comes_back() {
    let mut alone = Alone::new();
    let file = alone.one.folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap() + "give_up_hours = 2\n";
    std::fs::write(&file, text).unwrap();
    (0..100).for_each(|_| alone.peer.will_answer(451, "come again"));
    alone.sends("a letter");
    drop(alone.peer.waits_for(2));
    alone.one.kill();
    aged(&alone.one, 1);
    alone.one.start();
    drop(alone.peer.waits_for(3));
    assert!(!alone.alice.says(&["list"]).contains("Not delivered"), "an hour is not two");
    alone.one.kill();
    aged(&alone.one, 1);
    alone.one.start();
    let number = arrives(&alone.alice, "Not delivered");
    let read = alone.alice.says(&["read", &number]);
    assert!(read.contains("Reason: 451 come again"), "{read}");
    assert_eq!(alone.taken(), Vec::<String>::new());
    assert!(said(&koi(&alone.one.folder, &["check"], "")).contains("everything is in order"));
}

/// Nobody is there at the first host; the next one takes it.
#[test]
fn another_host_is_tried_where_the_first_is_away() {
    let alone = Alone::new();
    alone.dns.a("away.two.test", Ipv4Addr::new(127, 0, 0, 9));
    let mut record = alone.peer.record();
    record.deliver = vec!["nowhere.two.test".to_owned(), "away.two.test".to_owned(), TWO.to_owned()];
    alone.dns.txt("_dx.two.test", &record.text());
    alone.sends("a letter");
    drop(alone.peer.waits_for(1));
    // The same by MX, where the record names no host.
    record.deliver.clear();
    alone.dns.txt("_dx.two.test", &record.text());
    alone.dns.mx(TWO, &["away.two.test", TWO]);
    alone.sends("another letter");
    drop(alone.peer.waits_for(2));
    let taken = alone.taken();
    assert!(taken.len() == 2 && taken[1].contains("This is another letter."), "{taken:?}");
}

/// A domain that says it takes no mail is believed: nothing waits for it.
// spec: RFC 7505 §3
#[test]
fn who_takes_no_mail_is_not_tried() {
    let alone = Alone::new();
    let mut record = alone.peer.record();
    record.deliver.clear();
    alone.dns.txt("_dx.two.test", &record.text());
    alone.dns.mx(TWO, &["."]);
    refuses(&alone.alice, "two.test takes no mail, as its null MX says");
}

/// While nobody says who the other is, what was known is believed for so long as the record says.
#[test]
fn who_was_known_is_believed_while_nobody_can_be_asked() {
    let alone = Alone::new();
    alone.sends("before");
    drop(alone.peer.waits_for(1));
    alone.dns.fails("_dx.two.test", true);
    // What was looked up is used for a second; after that it is what is remembered.
    let mut sent = 1;
    while !alone.one.log().contains("an organisation could not be looked up") {
        assert!(sent < 100, "the DNS is not asked");
        alone.sends("meanwhile");
        sent += 1;
        drop(alone.peer.waits_for(sent));
    }
    alone.sends("meanwhile");
    drop(alone.peer.waits_for(sent + 1));
    // Not at all, where the record says so.
    let mut record = alone.peer.record();
    record.expiry_days = Some(0);
    alone.dns.txt("_dx.two.test", &record.text());
    alone.dns.fails("_dx.two.test", false);
    sent += 1;
    let looked_up = || alone.one.log().matches("an organisation was looked up").count();
    let before = looked_up();
    // Not for every message: that it failed is remembered for a second too.
    while looked_up() == before {
        assert!(sent < 200, "the DNS is not asked again");
        alone.sends("once more");
        sent += 1;
        drop(alone.peer.waits_for(sent));
    }
    alone.dns.fails("_dx.two.test", true);
    // For the last second it was known.
    let began = Instant::now();
    while alone.alice.run(&["send", "--to", BOB, "--text", "/dev/null"], "").status.success() {
        assert!(began.elapsed() < PATIENCE, "it is still believed");
    }
    refuses(&alone.alice, "the DNS does not answer for _dx.two.test");
}
