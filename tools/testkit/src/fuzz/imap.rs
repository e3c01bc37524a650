//! The IMAP decoder: whatever comes and however it is cut, it says the same, and it holds no more than its
//! limits allow (RFC 9051 §2.2.1 and §4.3, RFC 7888 §3).

use koi_proto::imap::command::AppendBegin;
use koi_proto::imap::decode::{Decoded, Decoder, Phase};
use koi_types::limits;

use super::Target;

/// What a literal may be skipped by before the connection is given up.
const SKIP_OCTETS_MAX: u64 = 1 << 20;
/// More answers than this to one input would be a loop: every answer but a few uses up an octet.
const ANSWERS_PER_OCTET_MAX: usize = 4;

/// Commands of every kind, and words of the grammar.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 19] = [
        b"a NOTIFY SET STATUS (selected (MessageNew (uid) MessageExpunge)) (mailboxes (x {1}\r\ny) NONE)\r\n",
        b"a LOGIN alice {5}\r\nhello\r\nb SELECT INBOX\r\n",
        b"a AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\n",
        b"a UID FETCH 1:*,5 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (TO CC)]<0.100> MODSEQ) (CHANGEDSINCE 5)\r\n",
        b"a SEARCH RETURN (MIN) CHARSET UTF-8 NOT OR 1:3 (SUBJECT {3+}\r\nabc SINCE 1-Jan-2020) UID 5:*\r\n",
        b"a APPEND \"Sent\" (\\Seen $x) \" 1-Jan-2020 00:00:00 +0000\" {5+}\r\nhello\r\nb NOOP\r\n",
        b"a APPEND x {1+}\r\na (\\Seen) ~{2+}\r\n\0b \"17-Jul-1996 02:44:25 -0700\" {3}\r\nabc\r\nb NOOP\r\n",
        b"a APPEND x CATENATE (URL \"/INBOX/;UID=1\" TEXT {2+}\r\nab URL {3+}\r\n/x/ UTF8 (~{1+}\r\na))\r\n",
        b"a RESETKEY INBOX INTERNAL\r\nb GENURLAUTH {3}\r\n/x/ INTERNAL\r\nc URLFETCH (x BODY BINARY) y\r\n",
        b"a UID REPLACE 7 Drafts (\\Draft) UTF8 (~{4+}\r\nabcd)\r\nb REPLACE * x CATENATE (URL y)\r\n",
        b"a STORE 1:4 (UNCHANGEDSINCE 9) +FLAGS.SILENT (\\Deleted keyword)\r\na UID EXPUNGE 4\r\n",
        b"a LIST (SUBSCRIBED) \"\" (\"%\" \"*\") RETURN (CHILDREN STATUS (MESSAGES UIDNEXT))\r\n",
        b"a IDLE\r\nDONE\r\nb RENAME \"a\\\\b\" &AOQ-\r\nc STATUS x (HIGHESTMODSEQ)\r\n",
        b"a SETMETADATA INBOX (/private/a ~{3+}\r\na\0b \"/shared/b c\" NIL /private/d yes)\r\n",
        b"a GETMETADATA (DEPTH infinity MAXSIZE 9) {0+}\r\n (/private {9+}\r\n/shared/x)\r\n",
        b"a UID SORT RETURN (PARTIAL 1:9 UPDATE) (REVERSE DATE SUBJECT) UTF-8 FUZZY NOT FILTER x\r\n",
        b"a THREAD REFS KOI8-R SEEN\r\nb COMPARATOR -i;* \"default\"\r\nc CANCELUPDATE \"a\" \"b\"\r\n",
        b"a ESEARCH IN (mailboxes (a \"b c\") subtree-one x personal) RETURN (COUNT RELEVANCY) TEXT x\r\n",
        b"a ENABLE CONDSTORE\r\na ID (\"name\" NIL)\r\na MOVE 1 {3}\r\nabc\r\n",
    ];
    Target { name: "imap", body, seeds: seeds.iter().map(|seed| seed.to_vec()).collect(), words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"{10}\r\n",
    b"{10+}\r\n",
    b"~{4}\r\n",
    b"{4294967295+}\r\n",
    b"{99999999999999999999}\r\n",
    b"\"",
    b"\\",
    b"(",
    b")",
    b"a001 ",
    b" UID ",
    b" FETCH ",
    b" SEARCH ",
    b" CATENATE (",
    b" URL x",
    b" TEXT {3+}\r\nabc",
    b" UTF8 (~{3+}\r\nabc)",
    b" REPLACE 1 x ",
    b"BODY[",
    b"]<1.2>",
    b"1:*",
    b"*:*",
    b"4294967295",
    b"NIL",
    b"INBOX",
    b"(CHANGEDSINCE 1)",
    b"RETURN (ALL)",
    b"(PARTIAL -1:-5)",
    b"(SUBJECT REVERSE SIZE) UTF-8 ",
    b"FUZZY ",
    b"\\Seen",
    b"&AOQ-",
    b"DONE\r\n",
    b"OR ",
    b"SETMETADATA \"\" (",
    b"GETMETADATA (DEPTH 1) ",
    b"/private/vendor/x/y ",
    b"/shared/comment",
    b"{65537}\r\n",
    b"NOT ",
    b"((((((((",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    for phase in [Phase::NotAuthenticated, Phase::Authenticated] {
        let whole = decode(input, phase, input.len().max(1));
        let cut = decode(input, phase, 1 + input.len() % 7);
        assert_eq!(whole, cut, "the cuts must not matter");
    }
    let _ = decode(input, Phase::Sasl, 3);
    let _ = decode(input, Phase::Idle, 3);
}

/// Everything the decoder says, as text; message data joined, so that cuts do not show.
fn decode(input: &[u8], phase: Phase, step: usize) -> Vec<String> {
    let mut decoder = Decoder::new(SKIP_OCTETS_MAX);
    let mut said = Vec::new();
    let mut message = Vec::new();
    let mut answers = 0usize;
    for piece in input.chunks(step) {
        decoder.feed(piece);
        loop {
            answers += 1;
            assert!(answers <= 16 + ANSWERS_PER_OCTET_MAX * input.len() + input.len() / step, "it loops");
            let decoded = decoder.next(phase);
            match decoded {
                Decoded::NeedMore => break,
                Decoded::AppendBegin(AppendBegin { ref line, .. }) | Decoded::AppendNext { ref line, .. } => {
                    let literal = line.literal;
                    said.push(format!("{decoded:?} {}", message.escape_ascii()));
                    match literal.is_none_or(|literal| literal.octets <= SKIP_OCTETS_MAX) {
                        true => decoder.accept_append(),
                        false => decoder.refuse_append(),
                    }
                }
                Decoded::AppendData => message.extend_from_slice(decoder.append_data()),
                ref other => said.push(format!("{other:?} {}", message.escape_ascii())),
            }
        }
        let held = decoder.buffered();
        let held_max = limits::IMAP_LINE_OCTETS_MAX
            + limits::IMAP_COMMAND_LITERALS_OCTETS_MAX
            + step
            + input.len().min(step);
        assert!(held <= held_max, "{held} octets held");
    }
    said
}
