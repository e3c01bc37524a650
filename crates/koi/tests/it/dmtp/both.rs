//! Two servers of two organisations: mail goes both ways, and only to whom the DNS names.

use super::*;

/// Both, and the DNS they ask.
struct World {
    outer: tempfile::TempDir,
    dns: Dns,
    one: Site,
    two: Site,
}

impl World {
    fn new() -> Self {
        let (outer, dns, port) = (tempfile::tempdir().unwrap(), Dns::start(), free_base() + 26);
        let mut sites = [("one", ONE, 2), ("two", TWO, 3)]
            .map(|(name, domain, last)| Site::new(outer.path(), name, domain, last));
        // Nobody here has an authority that systems trust: each trusts both.
        let authorities = |site: &Site| std::fs::read_to_string(site.folder.join("tls/ca.pem")).unwrap();
        let both: String = sites.iter().map(authorities).collect();
        for (site, account) in sites.iter_mut().zip([ALICE, BOB]) {
            std::fs::write(site.folder.join("partners.pem"), &both).unwrap();
            site.found(&dns, port, account);
            site.publish(&dns);
            site.start();
        }
        let [one, two] = sites;
        Self { outer, dns, one, two }
    }
    fn alice_and_bob(&self) -> (Person, Person) {
        (self.one.person(self.outer.path(), ALICE), self.two.person(self.outer.path(), BOB))
    }
}

// spec: DMAP-00 §7.5; DMAP-00 §7.6.7
#[test]
fn mail_goes_both_ways() {
    let world = World::new();
    let (alice, bob) = world.alice_and_bob();
    let sent = send(&alice, world.outer.path(), BOB, "a letter");
    assert!(sent.contains("sent to bob@two.test; copy in Sent"), "{sent}");
    let number = arrives(&bob, "a letter");
    let read = bob.says(&["read", &number]);
    assert!(read.starts_with("signed by alice@one.test") && read.contains("This is a letter."), "{read}");
    send(&bob, world.outer.path(), ALICE, "an answer");
    let number = arrives(&alice, "an answer");
    let read = alice.says(&["read", &number]);
    assert!(read.starts_with("signed by bob@two.test") && read.contains("This is an answer."), "{read}");
    for site in [&world.one, &world.two] {
        let checked = said(&koi(&site.folder, &["check"], ""));
        assert!(checked.contains("everything is in order"), "{checked}");
    }
    let text = complained(&alice.run(&["send", "--to", "eve@two.test", "--text", "/dev/null"], ""), 1);
    assert!(text.contains("there is no signet of eve@two.test"), "{text}");
}

/// The DNS names another key for the sender's domain: the receiver takes nothing that is signed by this one.
/// That may be in the middle of a change, so the mail waits, and comes when both agree.
#[test]
fn mail_that_another_key_has_signed_waits_until_the_dns_agrees() {
    let world = World::new();
    let (alice, bob) = world.alice_and_bob();
    let keys = koi_dime::PrivateKeys::generate(
        koi_dime::key::Holder::Organisation,
        &mut koi_server::organisation::SystemRandom,
    );
    let stranger = koi_dime::Organisation::new(ONE, keys.unwrap(), &[]).unwrap();
    let mut record = stranger.record();
    record.deliver.push(ONE.to_owned());
    world.dns.txt("_dx.one.test", &record.text());
    send(&alice, world.outer.path(), BOB, "a letter");
    let began = Instant::now();
    let waits = |status: &str| {
        let line = status.lines().find(|line| line.contains("encrypted messages to be tried again"));
        line.is_some_and(|line| !line.ends_with(" 0"))
    };
    while !waits(&said(&koi(&world.one.folder, &["status"], ""))) {
        assert!(began.elapsed() < PATIENCE, "nothing is tried again");
    }
    assert!(!bob.says(&["list"]).contains("a letter"));
    assert!(!alice.says(&["list"]).contains("Not delivered"));
    world.one.publish(&world.dns);
    arrives(&bob, "a letter");
}

/// The receiver is away and comes back; the sender is killed meanwhile.
#[test]
fn what_was_submitted_arrives_after_kill_9() {
    let mut world = World::new();
    let (alice, bob) = world.alice_and_bob();
    let text = world.outer.path().join("text");
    std::fs::write(&text, "This is kept.").unwrap();
    let file = text.to_str().unwrap();
    let held = alice.says(&["send", "--to", BOB, "--subject", "kept", "--hold", "1", "--text", file]);
    assert!(held.contains("held for bob@two.test"), "{held}");
    world.two.kill();
    world.one.kill();
    world.one.start();
    world.two.start();
    let number = arrives(&bob, "kept");
    assert!(bob.says(&["read", &number]).contains("This is kept."));
    assert_eq!(bob.says(&["list"]).matches("kept").count(), 1);
}
