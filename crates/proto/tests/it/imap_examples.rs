//! What clients send in the examples of the IMAP standards: all of it is read, however it is cut.

use crate::seen::{cut_everywhere, imap};

/// Every example is a command, and nothing in it is refused.
#[track_caller]
fn all_read(examples: &[&str]) {
    for example in examples {
        let seen = cut_everywhere(format!("{example}\r\n").as_bytes(), imap);
        assert!(!seen.is_empty(), "nothing seen: {example}");
        for decoded in seen {
            assert!(!decoded.starts_with("Bad") && !decoded.starts_with("Fatal"), "{example}: {decoded}");
        }
    }
}

#[track_caller]
fn none_read(examples: &[&str]) {
    for example in examples {
        let seen = cut_everywhere(format!("{example}\r\n").as_bytes(), imap);
        assert!(seen.iter().all(|decoded| decoded.starts_with("Bad")), "{example}: {seen:?}");
    }
}

/// RFC 9051 §6.1, RFC 9051 §6.2
#[test]
fn rfc_9051_any_state_and_not_authenticated() {
    all_read(&[
        "abcd CAPABILITY",
        "a002 NOOP",
        "A023 LOGOUT",
        "a002 STARTTLS",
        "a001 LOGIN SMITH SESAME",
        "a004 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=",
        "A01 AUTHENTICATE EXTERNAL =",
        "A01 AUTHENTICATE PLAIN\r\ndGVzdAB0ZXN0AHRlc3Q=",
        "A001 AUTHENTICATE SCRAM-SHA-256",
        "A001 LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man",
        "d login \"fred\" \"foo\"",
    ]);
    none_read(&["A442 XPIG-LATIN"]);
}

/// RFC 9051 §6.3
#[test]
fn rfc_9051_authenticated() {
    all_read(&[
        "t2 ENABLE CONDSTORE X-GOOD-IDEA",
        "babc ENABLE IMAP4rev2",
        "A142 SELECT INBOX",
        "A932 EXAMINE blurdybloop",
        "A003 CREATE owatagusiam/",
        "A004 CREATE owatagusiam/blurdybloop",
        "A002 CREATE \"INBOX.Sent Mail\"",
        "A006 CREATE \"#mh/Deleted Items\"",
        "l create \"///////\"",
        "A683 DELETE blurdybloop",
        "A683 RENAME blurdybloop sarasoop",
        "Z433 RENAME INBOX old-mail",
        "A002 SUBSCRIBE #news.comp.mail.mime",
        "A002 UNSUBSCRIBE #news.comp.mail.mime",
        "A101 LIST \"\" \"\"",
        "A102 LIST #news.comp.mail.misc \"\"",
        "A103 LIST /usr/staff/jones \"\"",
        "A202 LIST ~/Mail/ %",
        "A01 LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN))",
        "A02 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN (STATUS (MESSAGES))",
        "A04 LIST (REMOTE) \"\" \"%\" RETURN (CHILDREN)",
        "D03 LIST (RECURSIVEMATCH SUBSCRIBED) \"\" \"*2\"",
        "a3.1 LIST \"\" (% music/rock)",
        "A001 NAMESPACE",
        "A002 LIST \"\" \"#Users/%\"",
        "A042 STATUS blurdybloop (UIDNEXT MESSAGES)",
        "k2 status \"/archive/projects/experiment-iv\" (messages)",
        "A002 IDLE\r\nDONE\r\nA003 FETCH 4 ALL",
    ]);
}

/// RFC 9051 §6.3.12 (its example, sizes counted)
#[test]
fn rfc_9051_append() {
    let message = "Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\nFrom: Fred Foobar <foobar@Blurdybloop.example>\r\n\
         Subject: afternoon meeting\r\nTo: mooch@owatagu.siam.edu.example\r\n\
         Message-Id: <B27397-0100000@Blurdybloop.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n\
         Hello Joe, do you think we can meet at 3:30 tomorrow?\r\n";
    for plus in ["", "+"] {
        let octets = message.len();
        all_read(&[&format!("A003 APPEND saved-messages (\\Seen) {{{octets}{plus}}}\r\n{message}")]);
        all_read(&[&format!(
            "A003 APPEND \"Sent Mail\" \"17-Jul-1996 02:44:25 -0700\" {{{octets}{plus}}}\r\n{message}"
        )]);
    }
}

/// RFC 3502, RFC 4469 §A, RFC 8508 §3.2, RFC 8508 §4.2 (sizes made small)
#[test]
fn append_of_many_and_of_parts() {
    all_read(&[
        "A003 APPEND saved-messages (\\Seen) {4}\r\nabcd (\\Seen) \" 7-Feb-1994 22:43:04 -0800\" {2}\r\nab",
        "A003 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE (URL \
         \"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER\" TEXT {2}\r\nab URL \
         \"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME\" URL \
         \"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1\" TEXT {2}\r\nab URL \
         \"/Drafts;UIDVALIDITY=385759045/;UID=30\" TEXT {2}\r\nab)",
        "A003 REPLACE 4 Drafts (\\Seen \\Draft) {3}\r\nabc",
        "A011 UID REPLACE 3002 Drafts CATENATE (TEXT {3}\r\nabc URL \"/Drafts/;UID=3002\")",
    ]);
}

/// RFC 9051 §6.4
#[test]
fn rfc_9051_selected() {
    all_read(&[
        "A341 CLOSE",
        "A342 UNSELECT",
        "A202 EXPUNGE",
        "A282 SEARCH RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
        "A283 SEARCH RETURN () FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
        "A284 SEARCH TEXT \"string not in mailbox\"",
        "A285 SEARCH CHARSET UTF-8 TEXT {12}\r\nотпус",
        "A285 UID SEARCH RETURN (MIN MAX) 1:5000",
        "h search from maria@example.com",
        "A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
        "A003 STORE 2:4 +FLAGS (\\Deleted)",
        "m STORE 42 FLAGS f1 f2 f3 f4 f5 f250",
        "A003 COPY 2:4 MEETING",
        "a UID MOVE 42:69 foo",
        "A003 UID EXPUNGE 3000:3002",
        "A999 UID FETCH 4827313:4828442 FLAGS",
        "a003 fetch 12 full",
        "a004 fetch 12 body[header]",
        "a005 store 12 +flags \\deleted",
    ]);
}

/// RFC 5182 §2.2, RFC 3516 §4.2, RFC 8514 §4.3, RFC 5032 §4
#[test]
fn extensions_of_search_and_fetch() {
    all_read(&[
        "A283 FETCH $ (UID INTERNALDATE FLAGS BODY.PEEK[HEADER])",
        "A300 SEARCH RETURN (SAVE) SINCE 1-Jan-2004 NOT FROM \"Smith\"",
        "A301 UID SEARCH UID $ SMALLER 4096",
        "P283 SEARCH CHARSET UTF-8 (OR $ 1,3000:3021) TEXT {8}\r\nмать",
        "F283 COPY $ \"Junk\"",
        "F284 STORE $ +FLAGS.Silent (\\Deleted)",
        "C285 SEARCH RETURN (MAX SAVE MIN) SINCE 12-Feb-2006 NOT FROM \"Smith\"",
        "a FETCH 1 (BINARY[1.2] BINARY.PEEK[1]<0.100> BINARY.SIZE[3] BINARY[])",
        "A101 FETCH 998 (SAVEDATE)",
        "A103 SEARCH SAVEDSINCE 28-Dec-2014 SAVEDATESUPPORTED",
        "a1 SEARCH UNSEEN YOUNGER 259200",
    ]);
    none_read(&[
        "a FETCH 1 BINARY",
        "a FETCH 1 BINARY[HEADER]",
        "a FETCH 1 BINARY[1.]",
        "a FETCH 1 BINARY.SIZE[1]<0.1>",
        "a SEARCH YOUNGER 0",
        "a SEARCH OLDER",
        "a SEARCH SAVEDON",
    ]);
}

/// RFC 3501 §6
#[test]
fn rfc_3501() {
    all_read(&[
        "A003 LSUB \"#news.\" \"comp.%\"",
        "A042 STATUS blurdybloop (UIDNEXT MESSAGES)",
        "FXXZ CHECK",
        "A284 SEARCH CHARSET UTF-8 TEXT {6}\r\nмат",
        "A282 SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
        "A443 EXPUNGE",
        "A223 COPY 3:200 blurdybloop",
    ]);
    none_read(&["A044 BLURDYBLOOP {102856}"]);
}

/// RFC 7162 §3.1
#[test]
fn rfc_7162() {
    all_read(&[
        "A142 SELECT INBOX (CONDSTORE)",
        "a103 UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted)",
        "a104 STORE * (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted $Processed)",
        "a102 STORE 12 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)",
        "B001 STORE 1:7 (UNCHANGEDSINCE 320172338) +FLAGS (\\SEEN)",
        "A150 STORE 1:2 (UNCHANGEDSINCE 96) +FLAGS.SILENT \\Seen",
        "s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)",
        "a FETCH 1:3 (MODSEQ)",
        "a SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338",
        "t SEARCH OR NOT MODSEQ 720162338 LARGER 50000",
        "a SEARCH RETURN (ALL) MODSEQ 1234",
        "a SORT RETURN (ALL) (DATE) UTF-8 MODSEQ 1234",
        "A042 STATUS blurdybloop (UIDNEXT MESSAGES HIGHESTMODSEQ)",
    ]);
    all_read(&[
        "A142 SELECT INBOX (QRESYNC (3857529045 20010715194032001 1:198))",
        "A02 SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
        "B04 EXAMINE INBOX (QRESYNC (67890007 90060115194045000 1:29997 (5000,7500,9990:9999 15000,22500,29970:29979)))",
        "a SELECT INBOX (CONDSTORE QRESYNC (67890007 9))",
        "a SELECT INBOX (QRESYNC (67890007 9 (1 1)))",
        "s100 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
        "s100 UID FETCH 300:500 (FLAGS) (VANISHED CHANGEDSINCE 12345)",
    ]);
    none_read(&[
        "a SELECT INBOX (QRESYNC)",
        "a SELECT INBOX (QRESYNC (1))",
        "a SELECT INBOX (QRESYNC (0 1))",
        "a SELECT INBOX (QRESYNC (1 0))",
        "a SELECT INBOX (QRESYNC (1 1 1:*))",
        "a SELECT INBOX (QRESYNC (1 1 $))",
        "a SELECT INBOX (QRESYNC (1 1 1:3 (1:2 1:3)))",
        "a SELECT INBOX (QRESYNC (1 1 1:3 (1:2)))",
        "a UID FETCH 300:500 (FLAGS) (VANISHED)",
        "a FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
        // SORT is not offered.
    ]);
}

/// RFC 4315 §2.1, RFC 4731 §3.2, RFC 6154 §5.2, RFC 2971 §3.1, RFC 4959 §4, RFC 7888 §3, RFC 5258 §5
#[test]
fn extensions() {
    all_read(&[
        "A003 UID EXPUNGE 3000:3002",
        "A005 UID COPY 305:310 meeting",
        "a1 SEARCH RETURN (MIN) MODSEQ \"/flags/\\\\draft\" all 620162338",
        "a4 SEARCH RETURN (MIN COUNT) MODSEQ \"/flags/\\\\draft\" all 620162338",
        "t2 CREATE MySpecial (USE (\\Drafts \\Sent))",
        "t3 CREATE Everything (USE (\\All))",
        "t3 LIST (SPECIAL-USE) \"\" \"*\"",
        "t5 LIST \"\" \"%\" RETURN (SPECIAL-USE)",
        "a023 ID (\"name\" \"sodr\" \"version\" \"19.34\" \"vendor\" \"Pink Floyd Music Limited\")",
        "a042 ID NIL",
        "A01 AUTHENTICATE PLAIN\r\n*",
        "A001 LOGIN {11+}\r\nFRED FOOBAR {7+}\r\nfat man",
        "BBB LIST \"\" (\"INBOX\" \"Drafts\" \"Sent/%\")",
        "a1 LIST \"\" (\"foo\" \"foo/*\")",
    ]);
}

/// RFC 5256 §3, RFC 5267 §3.3, RFC 5255 §4.7
#[test]
fn sorting_and_threading() {
    all_read(&[
        "A282 SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994",
        "A283 SORT (SUBJECT REVERSE DATE) UTF-8 ALL",
        "A284 SORT (SUBJECT) US-ASCII TEXT \"not in mailbox\"",
        "A283 THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000",
        "A284 THREAD ORDEREDSUBJECT US-ASCII TEXT \"gewp\"",
        "A285 THREAD REFERENCES UTF-8 SINCE 5-MAR-2000",
        "E01 UID SORT RETURN () (REVERSE DATE) UTF-8 UNDELETED UNKEYWORD $Junk",
        "A001 COMPARATOR \"cz;*\" i;basic",
        "A001 COMPARATOR",
    ]);
    none_read(&[
        "a SORT (SUBJECT) ALL",
        "a SORT () UTF-8 ALL",
        "a SORT SUBJECT UTF-8 ALL",
        "a SORT (REVERSE) UTF-8 ALL",
        "a SORT (SUBJECT)  UTF-8 ALL",
        "a THREAD UTF-8 ALL",
        "a THREAD REFERENCES ALL",
        "a COMPARATOR a**",
        "a COMPARATOR +-a",
    ]);
}
