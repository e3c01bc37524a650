//! Known answers for every SMTP and LMTP command.

use koi_types::Address;

use super::*;

fn smtp(line: &str) -> Result<Command, Reply> {
    parse(line.as_bytes(), Protocol::Smtp)
}

fn refused(line: &str) -> String {
    let mut out = Vec::new();
    smtp(line).unwrap_err().push(&mut out);
    String::from_utf8(out).unwrap().split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// RFC 5321 §4.1.1.1, RFC 2033 §4.1
#[test]
fn greetings() {
    assert_eq!(smtp("EHLO bar.com"), Ok(Command::Ehlo("bar.com".into())));
    assert_eq!(smtp("helo [192.0.2.1] "), Ok(Command::Helo("[192.0.2.1]".into())));
    assert_eq!(parse(b"LHLO foo.edu", Protocol::Lmtp), Ok(Command::Lhlo("foo.edu".into())));
    for line in ["EHLO a", "HELO a"] {
        assert_eq!(parse(line.as_bytes(), Protocol::Lmtp).unwrap_err().code, 500, "{line}");
    }
    assert_eq!(refused("LHLO a"), "500 5.5.1");
    for line in ["EHLO", "HELO ", "EHLO a b"] {
        assert_eq!(refused(line), "501 5.5.4", "{line}");
    }
}

/// RFC 5321 §4.1.1.2, RFC 1870 §6, RFC 6152 §2, RFC 3030 §3, RFC 6531 §3.4, RFC 4954 §5
#[test]
fn mail_and_its_parameters() {
    let plain = |from| Mail { from, size: None, body: None, smtputf8: false, auth: None };
    let smith = || ReversePath::Address(address("Smith@bar.com"));
    let known = [
        ("MAIL FROM:<>", plain(ReversePath::Null)),
        ("mail from:<Smith@bar.com>", plain(smith())),
        ("MAIL FROM: <Smith@bar.com>", plain(smith())),
        ("MAIL FROM:<@a,@b:Smith@bar.com>", plain(smith())),
        ("MAIL FROM:<Smith@bar.com> SIZE=500000", Mail { size: Some(500_000), ..plain(smith()) }),
        ("MAIL FROM:<> SIZE=99999999999999999999", Mail { size: Some(u64::MAX), ..plain(ReversePath::Null) }),
        (
            "MAIL FROM:<Smith@bar.com> BODY=8BITMIME smtputf8 SIZE=1",
            Mail { size: Some(1), body: Some(BodyType::EightBitMime), smtputf8: true, ..plain(smith()) },
        ),
        ("MAIL FROM:<Smith@bar.com> body=7bit", Mail { body: Some(BodyType::SevenBit), ..plain(smith()) }),
        (
            "MAIL FROM:<Smith@bar.com> BODY=BINARYMIME",
            Mail { body: Some(BodyType::BinaryMime), ..plain(smith()) },
        ),
        ("MAIL FROM:<Smith@bar.com> AUTH=<>", Mail { auth: Some("<>".into()), ..plain(smith()) }),
        (
            "MAIL FROM:<jörg@example.org> SMTPUTF8",
            Mail { smtputf8: true, ..plain(ReversePath::Address(address("jörg@example.org"))) },
        ),
    ];
    for (line, expected) in known {
        assert_eq!(smtp(line), Ok(Command::Mail(expected)), "{line}");
    }
    for (line, reply) in [
        ("MAIL", "501 5.5.4"),
        ("MAIL TO:<a@b>", "501 5.5.4"),
        ("MAIL FROM:a@b", "501 5.1.7"),
        ("MAIL FROM:<a>", "501 5.1.7"),
        ("MAIL FROM:<a@b>SIZE=1", "501 5.5.4"),
        ("MAIL FROM:<a@b> SIZE", "501 5.5.4"),
        ("MAIL FROM:<a@b> SIZE=x", "501 5.5.4"),
        ("MAIL FROM:<a@b> SIZE=1 SIZE=1", "501 5.5.4"),
        ("MAIL FROM:<a@b> BODY=9BIT", "501 5.5.4"),
        ("MAIL FROM:<a@b> SMTPUTF8=1", "501 5.5.4"),
        ("MAIL FROM:<a@b> =", "501 5.5.4"),
        ("MAIL FROM:<a@b> RET=FULL", "555 5.5.4"),
        ("MAIL FROM:<jörg@example.org>", "553 5.6.7"),
    ] {
        assert_eq!(refused(line), reply, "{line}");
    }
}

/// RFC 5321 §4.1.1.3
#[test]
fn rcpt_and_its_parameters() {
    for (line, to) in [
        ("RCPT TO:<Jones@foo.com>", Path::Address(address("Jones@foo.com"))),
        ("RCPT TO:<@hosta.int,@jkl.org:userc@d.bar.org>", Path::Address(address("userc@d.bar.org"))),
        ("RCPT TO:<postMASTER>", Path::Postmaster),
        ("RCPT TO: <a+b@c>", Path::Address(address("a+b@c"))),
    ] {
        assert_eq!(smtp(line), Ok(Command::Rcpt(Rcpt { to })), "{line}");
    }
    for (line, reply) in [
        ("RCPT", "501 5.5.4"),
        ("RCPT TO:<>", "501 5.1.3"),
        ("RCPT TO:<a>", "501 5.1.3"),
        ("RCPT TO:<a@b> NOTIFY=NEVER", "555 5.5.4"),
        ("RCPT TO:<a@b> !", "501 5.5.4"),
    ] {
        assert_eq!(refused(line), reply, "{line}");
    }
}

/// RFC 5321 §4.1.1.4 to §4.1.1.10, RFC 3030 §2, RFC 3207 §4, RFC 4954 §4
#[test]
fn the_other_commands() {
    let auth = |response: Option<&str>| Command::Auth {
        mechanism: "PLAIN".into(),
        initial_response: response.map(Box::from),
    };
    for (line, command) in [
        ("DATA", Command::Data),
        ("data  ", Command::Data),
        ("BDAT 86 LAST", Command::Bdat { octets: 86, last: true }),
        ("bdat 0 last", Command::Bdat { octets: 0, last: true }),
        ("BDAT 100000", Command::Bdat { octets: 100_000, last: false }),
        ("RSET", Command::Rset),
        ("NOOP", Command::Noop),
        ("NOOP anything", Command::Noop),
        ("QUIT", Command::Quit),
        ("VRFY Crispin", Command::Vrfy("Crispin".into())),
        ("EXPN Example-People", Command::Expn("Example-People".into())),
        ("HELP", Command::Help),
        ("HELP MAIL", Command::Help),
        ("STARTTLS", Command::StartTls),
        ("AUTH plain", auth(None)),
        ("AUTH PLAIN =", auth(Some("="))),
        ("AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=", auth(Some("dGVzdAB0ZXN0ADEyMzQ="))),
    ] {
        assert_eq!(smtp(line), Ok(command), "{line}");
    }
    for (line, reply) in [
        ("", "500 5.5.1"),
        ("FOO", "500 5.5.1"),
        ("DATA x", "501 5.5.4"),
        ("RSET x", "501 5.5.4"),
        ("QUIT x", "501 5.5.4"),
        ("STARTTLS x", "501 5.5.4"),
        ("BDAT", "501 5.5.4"),
        ("BDAT x", "501 5.5.4"),
        ("BDAT -1", "501 5.5.4"),
        ("BDAT 1 FIRST", "501 5.5.4"),
        ("BDAT 1 LAST x", "501 5.5.4"),
        ("BDAT 99999999999999999999", "501 5.5.4"),
        ("AUTH", "501 5.5.4"),
        ("AUTH PLAIN a b", "501 5.5.4"),
        ("NOOP\0", "500 5.5.2"),
        ("NOOP a\rb", "500 5.5.2"),
    ] {
        assert_eq!(refused(line), reply, "{line}");
    }
    assert_eq!(parse(b"NOOP \xff", Protocol::Smtp).unwrap_err().code, 500);
}
