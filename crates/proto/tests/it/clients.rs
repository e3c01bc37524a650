//! Lines as programs in use send them.

use koi_proto::smtp::Protocol;

use crate::seen::{cut_everywhere, imap, smtp};

#[track_caller]
fn all_read(lines: &[&str]) {
    for line in lines {
        let seen = cut_everywhere(format!("{line}\r\n").as_bytes(), imap);
        let bad = seen.iter().find(|decoded| decoded.starts_with("Bad") || decoded.starts_with("Fatal"));
        assert!(!seen.is_empty() && bad.is_none(), "{line}: {seen:?}");
    }
}

#[test]
fn python_imaplib() {
    all_read(&[
        "KLBM0 CAPABILITY",
        "KLBM1 LOGIN alice@example.org \"pass word\"",
        "KLBM2 LIST \"\" *",
        "KLBM3 SELECT INBOX",
        "KLBM4 SEARCH ALL",
        "KLBM5 FETCH 1 (RFC822)",
        "KLBM6 UID SEARCH HEADER Message-ID \"<a@b>\"",
        "KLBM7 APPEND INBOX (\\Seen) \" 1-Jan-2020 00:00:00 +0000\" {5}\r\nhello",
        "KLBM8 STORE 1 +FLAGS (\\Deleted)",
        "KLBM9 STATUS \"INBOX\" (MESSAGES UNSEEN)",
    ]);
}

#[test]
fn mbsync() {
    all_read(&[
        "1 CAPABILITY",
        "2 AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==",
        "3 NAMESPACE",
        "4 LIST \"\" \"*\"",
        "5 SELECT \"Sent\"",
        "6 UID FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-TUID)])",
        "7 UID FETCH 1:1000,1003 (UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])",
        "8 UID FETCH 7 (BODY.PEEK[])",
        "9 APPEND \"Sent\" (\\Flagged \\Seen) {7+}\r\nmessage",
        "10 UID STORE 3 +FLAGS.SILENT (\\Deleted)",
        "11 UID EXPUNGE 3",
    ]);
}

#[test]
fn thunderbird() {
    all_read(&[
        "1 authenticate PLAIN",
        "2 ID (\"name\" \"Thunderbird\" \"version\" \"115.3.1\")",
        "3 list (subscribed) \"\" \"*\" return (special-use)",
        "4 list \"\" \"*\"",
        "5 enable CONDSTORE",
        "6 select \"INBOX\" (CONDSTORE)",
        "7 UID fetch 1:* (FLAGS)",
        "8 UID fetch 21:* (FLAGS) (CHANGEDSINCE 77)",
        "9 UID fetch 1:5,8 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID \
         Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])",
        "10 UID fetch 5 (UID RFC822.SIZE BODY.PEEK[]<0.20480>)",
        "11 uid store 5 +Flags (\\Seen)",
        "12 uid move 5 \"Trash\"",
        "13 IDLE\r\nDONE",
        "14 UID SEARCH UNDELETED SENTSINCE 1-Jan-2024 OR SUBJECT \"x\" FROM \"y\"",
    ]);
}

#[test]
fn apple_mail_k9_curl_mutt() {
    all_read(&[
        "2.85 ID (\"name\" \"Mac OS X Mail\" \"version\" \"16.0 (3774.300.61.1.2)\" \"os\" NIL)",
        "5.85 LIST \"\" * RETURN (SPECIAL-USE)",
        "7.85 FETCH 1:2 (INTERNALDATE UID RFC822.SIZE FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (date subject from \
         content-type to cc bcc message-id in-reply-to references x-uniform-type-identifier)])",
        "8.85 UID FETCH 9 BODY.PEEK[1.MIME]",
        "3 UID SEARCH 1:* NOT DELETED SINCE 1-Jan-2024",
        "4 UID FETCH 1,2 (UID INTERNALDATE FLAGS BODYSTRUCTURE)",
        "A003 FETCH 1 BODY[TEXT]",
        "A004 UID FETCH 1 BODY[]<0.100>",
        "A005 EXAMINE INBOX",
        "a0003 FETCH 1:3 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER SUBJECT TO CC \
         MESSAGE-ID REFERENCES CONTENT-TYPE CONTENT-DESCRIPTION IN-REPLY-TO REPLY-TO LINES LIST-POST X-LABEL)])",
        "a0004 UID SEARCH UID 1:5",
    ]);
}

#[test]
fn postfix_lmtp_and_python_smtplib() {
    let lmtp = |input: &[u8], cuts: &[usize]| smtp(input, cuts, Protocol::Lmtp);
    let postfix = b"LHLO mx.example.org\r\nMAIL FROM:<a@example.net> SIZE=321 BODY=8BITMIME\r\n\
        RCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nReceived: by x\r\n\r\n..\r\n.\r\nQUIT\r\n";
    let seen = cut_everywhere(postfix, lmtp);
    assert_eq!(seen.len(), 8, "{seen:?}");
    assert_eq!(seen[5], "data Received: by x\\r\\n\\r\\n.\\r\\n");
    let smtplib =
        b"ehlo [127.0.1.1]\r\nmail FROM:<a@x> size=21\r\nrcpt TO:<b@x>\r\ndata\r\nx\r\n.\r\nrset\r\nquit\r\n";
    let seen = cut_everywhere(smtplib, |input, cuts| smtp(input, cuts, Protocol::Smtp));
    assert_eq!(seen.iter().filter(|decoded| decoded.starts_with("Command")).count(), 6, "{seen:?}");
}
