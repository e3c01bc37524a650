//! The decoder of a DMAP client: whatever a server sends and however it is cut, it says the same, holds no
//! more than it was told, and what it understands is written and read to the same again (DMAP-00 §3.2.2 and
//! §8).

use koi_proto::dmap::client::{Decoder, Received};
use koi_proto::dmap::response::{self, Response};

use super::Target;

/// Small, so that inputs reach it.
const RESPONSE_OCTETS_MAX: usize = 2000;
/// More answers than this to one input would be a loop.
const ANSWERS_PER_OCTET_MAX: usize = 2;

/// Responses of every kind, and words of the grammar.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 9] = [
        b"* OK [CAPABILITY DMAPv1 DMAP=CAUTIOUS AUTH=STACIE XPIG] ready\r\n+ AGE=\r\na OK [ALERT] x {5}\r\n",
        b"* FLAGS (\\Seen \\Odd $x)\r\n* 3 EXISTS\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n* 2 EXPUNGE\r\n",
        b"* LIST (\\HasNoChildren \\Drafts) \"/\" x (STATUS (MESSAGES 0) META ~{3}\r\na\0) CHILDINFO \
          (\"A\") B c)\r\n",
        b"* STATUS {1}\r\nx (UIDNEXT 1 HIGHESTMODSEQ 9)\r\n* MBOXMETA x NIL\r\n* SEARCH 9 2 (MODSEQ 7)\r\n",
        b"* ESEARCH (TAG \"a\") UID MIN 1 ALL 1:3,7 MODSEQ 9\r\n* VANISHED (EARLIER) 1:3\r\n* ENABLED \
          QRESYNC\r\n",
        b"* 1 FETCH (UID 7 FLAGS () INTERNALDATE \" 1-Jan-2020 00:00:00 +0000\" SIZE 9 BODYSTRUCTURE \
          ((1 73) (32 356)) \
          MODSEQ (90) BODY[32.1]<0> ~{3}\r\n)\r\n BODY[] NIL PLAIN[67.2] ~{0}\r\n META NIL KEYID NIL)\r\n",
        b"* KEY 5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ \
          (STATUS CURRENT PUBLIC ~{1}\r\n) EXPIRES NIL MESSAGES 3)\r\n",
        b"* SIGNET a@b \
          5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ \
          (VALIDATION (SELF FOO) RECORD \"x\" SOURCE DMTP DATA NIL)\r\n",
        b"* FOO {3}\r\n\r\n* bar\r\n* XPIG ow-nay\r\n* BYE x\r\na NO [COPYUID 1 1:2 8:9] y\r\nb BAD \
          [HELD x] z\r\n",
    ];
    Target {
        name: "dmap_client",
        body,
        seeds: seeds.iter().map(|seed| seed.to_vec()).collect(),
        words: WORDS,
    }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"{10}\r\n",
    b"~{4}\r\n",
    b"~{0}\r\n",
    b"~{2001}\r\n",
    b"{99999999999999999999}\r\n",
    b"\"",
    b"\\",
    b"(",
    b")",
    b"* ",
    b"+ ",
    b"a OK ",
    b"[",
    b"]",
    b" FETCH (",
    b"BODY[67.2]<1> ",
    b"NIL",
    b"1:3,7",
    b"4294967295",
    b"INBOX",
    b"* SEARCH ",
    b"\" 1-Jan-2020 00:00:00 +0000\"",
    b"5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let whole = decode(input, input.len().max(1));
    let cut = decode(input, 1 + input.len() % 7);
    assert_eq!(whole, cut, "the cuts must not matter");
}

fn decode(input: &[u8], step: usize) -> Vec<Received> {
    let mut decoder = Decoder::new(RESPONSE_OCTETS_MAX);
    let mut said = Vec::new();
    for piece in input.chunks(step) {
        decoder.feed(piece);
        loop {
            assert!(said.len() <= 16 + ANSWERS_PER_OCTET_MAX * input.len(), "it loops");
            match decoder.receive() {
                Received::NeedMore => break,
                decoded => said.push(decoded),
            }
        }
        assert!(decoder.buffered() <= RESPONSE_OCTETS_MAX + step, "{} octets held", decoder.buffered());
    }
    said.iter().for_each(is_written_again);
    said
}

/// But for what is stepped over, and names that are none: nobody writes those.
fn is_written_again(received: &Received) {
    let Received::Response(response) = received else { return };
    if matches!(response, Response::Unknown(_)) || format!("{response:?}").contains("Invalid(") {
        return;
    }
    let mut line = Vec::new();
    response.push(&mut line);
    // A NUL in text for people is written as `?`.
    if !line.contains(&b'?') {
        let again = response::parse(line.strip_suffix(b"\r\n").unwrap_or_default());
        assert_eq!(again.as_ref(), Ok(response), "{}", line.escape_ascii());
    }
}
