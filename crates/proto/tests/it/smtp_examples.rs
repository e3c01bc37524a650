//! What clients send in the examples of the SMTP standards: all of it is read, however it is cut.

use koi_proto::smtp::Protocol;

use crate::seen::{cut_everywhere, smtp};

#[track_caller]
fn read(protocol: Protocol, lines: &[&str]) -> Vec<String> {
    let input = lines.join("\r\n") + "\r\n";
    let seen = cut_everywhere(input.as_bytes(), |input, cuts| smtp(input, cuts, protocol));
    let bad = seen.iter().find(|decoded| decoded.starts_with("Bad") || decoded.starts_with("Fatal"));
    assert_eq!(bad, None, "{input}");
    seen
}

/// RFC 2033 §4.2
#[test]
fn rfc_2033() {
    let seen = read(
        Protocol::Lmtp,
        &[
            "LHLO foo.edu",
            "MAIL FROM:<chris@bar.com>",
            "RCPT TO:<pat@foo.edu>",
            "RCPT TO:<jones@foo.edu>",
            "RCPT TO:<green@foo.edu>",
            "DATA",
            "Blah blah blah...",
            "...etc. etc. etc.",
            ".",
            "QUIT",
        ],
    );
    assert_eq!(seen.len(), 9);
    assert_eq!(seen[6], "data Blah blah blah...\\r\\n..etc. etc. etc.\\r\\n");
}

/// RFC 5321 §D.1, §D.2 and §D.4
#[test]
fn rfc_5321() {
    let seen = read(
        Protocol::Smtp,
        &[
            "EHLO bar.com",
            "MAIL FROM:<Smith@bar.com>",
            "RCPT TO:<Jones@foo.com>",
            "RCPT TO:<Green@foo.com>",
            "RSET",
            "VRFY Crispin",
            "EXPN Executive-Washroom-List",
            "MAIL FROM:<EAK@bar.com>",
            "RCPT TO:<Admin.MRC@foo.com>",
            "DATA",
            "",
            ".",
            "QUIT",
        ],
    );
    assert_eq!(seen.len(), 13);
    assert_eq!(seen[10], "data \\r\\n");
}

/// RFC 3030 §4.1 and §4.2
#[test]
fn rfc_3030() {
    let seen = read(
        Protocol::Smtp,
        &[
            "EHLO cnri.reston.va.us",
            "MAIL FROM:<Sam@Random.com>",
            "RCPT TO:<Susan@Random.com>",
            "BDAT 11 LAST",
            "To: Susan",
        ],
    );
    assert!(seen[4].contains("To: Susan"), "{seen:?}");
}

/// RFC 2920 §4: everything at once.
#[test]
fn rfc_2920() {
    let seen = read(
        Protocol::Smtp,
        &[
            "EHLO dbc.mtview.ca.us",
            "MAIL FROM:<mrose@dbc.mtview.ca.us>",
            "RCPT TO:<ned@innosoft.com>",
            "RCPT TO:<dan@innosoft.com>",
            "RCPT TO:<kvc@innosoft.com>",
            "DATA",
            "x",
            ".",
            "QUIT",
        ],
    );
    assert_eq!(seen.len(), 9);
}
