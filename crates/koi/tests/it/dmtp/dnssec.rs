//! Records that the DNS has signed, has signed wrongly, or has not signed, by a name server whose zones are
//! really signed; and servers that hand no signatures on (RFC 4033 §5; docs/DMAP.md, other organisations).

use super::sending::Alone;
use super::*;

impl Alone {
    fn sends_quietly(&self, subject: &str) -> bool {
        self.alice
            .run(&["send", "--to", BOB, "--subject", subject, "--text", "/dev/null"], "")
            .status
            .success()
    }
    /// Once what went wrong before is not remembered any more.
    fn sends_again(&self, subject: &str) {
        let began = Instant::now();
        while !self.sends_quietly(subject) {
            assert!(began.elapsed() < PATIENCE, "{subject} is not sent");
        }
    }
    fn known(&self) -> String {
        said(&koi(&self.one.folder, &["organisation", "list"], ""))
    }
    fn status(&self) -> String {
        let output = koi(&self.one.folder, &["status"], "");
        assert!(output.status.success());
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }
}

/// RFC 4035 §5.3.3. Its certificate is nobody's: that the DNS has signed the record that names it is enough.
#[test]
fn a_signed_record_counts() {
    let alone = Alone::asking(Dns::signed(), ONE);
    alone.sends("a letter");
    drop(alone.peer.waits_for(1));
    assert!(alone.known().contains("two.test  DNSSEC"), "{}", alone.known());
    // That there is none is proved as well.
    let text =
        complained(&alone.alice.run(&["send", "--to", "x@nowhere.test", "--text", "/dev/null"], ""), 1);
    assert!(text.contains("there is no signet of x@nowhere.test"), "{text}");
    assert!(!alone.status().contains("TROUBLE"), "{}", alone.status());
}

#[test]
fn a_record_signed_wrongly_is_not_used() {
    let alone = Alone::asking(Dns::signed(), TWO);
    alone.dns.spoil("_dx.two.test", true);
    // Its authority is trusted here, so that without DNSSEC all would be well.
    refuses(&alone.alice, "what the DNS says of _dx.two.test is not signed rightly");
    assert_eq!(alone.known(), "no other organisation is known\n");
    assert!(alone.peer.state().lines.is_empty(), "nobody was asked");
    assert!(!alone.status().contains("TROUBLE"), "the servers asked are good: {}", alone.status());
    alone.dns.spoil("_dx.two.test", false);
    alone.sends_again("a letter");
    drop(alone.peer.waits_for(1));
    let began = Instant::now();
    // Nor while it is known: what was found before is not what is there now.
    alone.dns.spoil("_dx.two.test", true);
    while alone.sends_quietly("another") {
        assert!(began.elapsed() < PATIENCE, "what was known is used for ever");
    }
    refuses(&alone.alice, "is not signed rightly");
}

/// RFC 4035 §5.2. The zone above proves that this one has no key: it counts as without DNSSEC.
#[test]
fn a_zone_without_keys_is_not_signed() {
    let dns = Dns::signed();
    dns.unsign(TWO);
    let alone = Alone::asking(dns, TWO);
    alone.sends("a letter");
    drop(alone.peer.waits_for(1));
    assert!(alone.known().contains("two.test  no DNSSEC"), "{}", alone.known());
    // Without it the record's word for a certificate that nobody vouches for is not enough.
    let dns = Dns::signed();
    dns.unsign(TWO);
    let alone = Alone::asking(dns, ONE);
    refuses(&alone.alice, "invalid peer certificate");
}

/// Nothing is used, because nobody knows what is signed; the administrator is told, and what he may do.
#[test]
fn servers_that_hand_no_signatures_on_are_told_of() {
    let dns = Dns::signed();
    dns.strip(true);
    let alone = Alone::asking(dns, TWO);
    refuses(&alone.alice, "the DNS servers that are asked do not hand signatures on");
    assert!(alone.peer.state().lines.is_empty(), "nobody was asked");
    let remedy = "let dns.servers name one that does, such as an unbound on this machine, or set dns.dnssec to \
                  false";
    assert!(alone.status().contains("TROUBLE   the DNS servers that are asked do not"), "{}", alone.status());
    assert!(alone.status().contains(remedy) && alone.one.log().contains(remedy));
    alone.dns.strip(false);
    alone.sends_again("a letter");
    drop(alone.peer.waits_for(1));
    assert!(!alone.status().contains("TROUBLE"), "{}", alone.status());
    assert!(alone.one.log().contains("hand signatures on again"));
}
