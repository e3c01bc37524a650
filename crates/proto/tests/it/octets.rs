//! Any octets: no panic, no loop, the same whatever the cuts, and no more held than was fed.

use koi_proto::smtp::Protocol;
use proptest::prelude::*;

use crate::seen::{imap, smtp};

/// Pieces of the grammar, which alone would be found too seldom.
const IMAP_WORDS: [&str; 56] = [
    "a ",
    "b1 ",
    "NOOP",
    "LOGIN ",
    "AUTHENTICATE PLAIN",
    "APPEND ",
    "FETCH ",
    "UID ",
    "SEARCH ",
    "STORE ",
    "SELECT ",
    "LIST ",
    "STATUS ",
    "IDLE",
    "DONE",
    "ID ",
    "CREATE ",
    "\r\n",
    "\n",
    "\r",
    "{3}\r\n",
    "{3+}\r\n",
    "~{4+}\r\n",
    "{0}\r\n",
    "{5",
    "+}",
    "{70000+}\r\n",
    "{9999999999999+}\r\n",
    "\"",
    "\\",
    "(",
    ")",
    " ",
    "x",
    "INBOX",
    "1:*",
    ",7",
    "FLAGS ",
    "(\\Seen $x)",
    "BODY[",
    "1.2.MIME",
    "HEADER.FIELDS (a b)",
    "]",
    "<0.5>",
    "(CHANGEDSINCE 5)",
    "RETURN (ALL)",
    "CHARSET UTF-8 ",
    "NOT ",
    "OR ",
    "SINCE 1-Jan-2020",
    "\" 1-Jan-2020 00:00:00 +0000\" ",
    "&AOQ-",
    "NIL",
    "\0",
    "\u{e4}",
    "abc",
];

const SMTP_WORDS: [&str; 34] = [
    "EHLO x\r\n",
    "LHLO x\r\n",
    "MAIL FROM:",
    "RCPT TO:",
    "<a@b>",
    "<>",
    "<\"q\\\"\"@[1.2.3.4]>",
    "<@a,@b:c@d>",
    " SIZE=5",
    " BODY=8BITMIME",
    " SMTPUTF8",
    "DATA\r\n",
    "BDAT 5\r\n",
    "BDAT 3 LAST\r\n",
    "BDAT 99999999999999999999\r\n",
    "AUTH PLAIN\r\n",
    "AUTH PLAIN =\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT",
    "\r\n",
    "\n",
    "\r",
    ".",
    "\r\n.\r\n",
    "\n.\n",
    "\r\n..",
    "x",
    " ",
    "\0",
    "\u{e4}",
    "abc\r\n",
    "<Postmaster>",
    "*\r\n",
];

fn words(of: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => prop::sample::select(of).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Where to cut, ascending.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::btree_set(0usize..200, 0..12).prop_map(|cuts| cuts.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn imap_of_any_words(input in words(&IMAP_WORDS), cuts in cuts()) {
        prop_assert_eq!(imap(&input, &cuts), imap(&input, &[]));
    }
    #[test]
    fn imap_of_any_octets(input in prop::collection::vec(any::<u8>(), 0..200), cuts in cuts()) {
        prop_assert_eq!(imap(&input, &cuts), imap(&input, &[]));
    }
    #[test]
    fn smtp_of_any_words(input in words(&SMTP_WORDS), cuts in cuts(), lmtp: bool) {
        let protocol = if lmtp { Protocol::Lmtp } else { Protocol::Smtp };
        prop_assert_eq!(smtp(&input, &cuts, protocol), smtp(&input, &[], protocol));
    }
}
