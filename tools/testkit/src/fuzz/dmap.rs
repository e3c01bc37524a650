//! The DMAP decoder: whatever comes and however it is cut, it says the same, holds no more than its limits
//! allow, and what it understands is written and read to the same again (DMAP-00 §3.2.1 and §5.3, RFC 7888
//! §5).

use koi_proto::dmap::command;
use koi_proto::dmap::decode::{Decoded, Decoder, Phase};
use koi_types::limits;

use super::Target;

/// What a literal may be skipped by before the connection is given up.
const SKIP_OCTETS_MAX: u64 = 1 << 20;
/// More answers than this to one input would be a loop: every answer but a few uses up an octet.
const ANSWERS_PER_OCTET_MAX: usize = 4;

/// Commands of every kind, and words of the grammar.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 16] = [
        b"a CAPABILITY\r\nb NOOP\r\nc LOGOUT\r\nd CLOSE\r\ne UNSELECT\r\nf LISTKEYS\r\n",
        b"a AUTHENTICATE STACIE AHVzZXJAZXhhbXBsZS50bGQ=\r\nb ENABLE QRESYNC UIDONLY\r\n",
        b"a SELECT INBOX (QRESYNC (7 90 1:4))\r\nb EXAMINE {3}\r\na b\r\n",
        b"a CREATE x/ (USE (\\Sent \\Odd) META ~{3+}\r\na\0b)\r\nb RENAME \"a\\\\b\" c\r\n",
        b"a LIST (SUBSCRIBED SPECIAL-USE) (\"%\" a*) RETURN (META CHILDREN STATUS (MESSAGES UIDNEXT))\r\n",
        b"a STATUS x (HIGHESTMODSEQ SIZE)\r\nb MBOXMETA x ~{3}\r\n\0\r\n\r\nc MBOXMETA x NIL\r\n",
        b"a APPEND x (\\SubmitPending) \" 1-Jan-2020 00:00:00 +0000\" META ~{1+}\r\nm \
          ~{5+}\r\nhel\0o\r\nb NOOP\r\n",
        b"a APPEND {1+}\r\nx {3}\r\nabc\r\n",
        b"a ADDKEY 5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ \
          ~{2+}\r\n\0\0 ~{1}\r\n\n (EXPIRES \" 1-Jan-2020 00:00:00 +0000\")\r\n",
        b"a GETSIGNET bob@example.net (HISTORY REFRESH)\r\nb ADDSIGNET b@c ~{1+}\r\nx META NIL\r\n",
        b"a GETREALM mail\r\nb ADDREALM mail 0 \
          5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ\r\n",
        b"a UID SEARCH RETURN (MIN SAVE) OR 1:3 NOT (CHUNK 67 UNSUBMITTED) PEER \"b c\" SINCE \
          1-Jan-2020 $\r\n",
        b"a UID FETCH 1:*,5 (FLAGS BODY.PEEK[1.2]<0.100> PLAIN[] MODSEQ KEYID) (CHANGEDSINCE 5 VANISHED)\r\n",
        b"a UID STORE 1:4 (UNCHANGEDSINCE 9) META.SILENT ~{2+}\r\n\0\0\r\nb STORE 1 +FLAGS \\Deleted x\r\n",
        b"a UID SUBMIT * (HOLDFOR 5 RETURN HEADER SAVETO Sent SENTFLAGS (\\Seen))\r\nb UID EXPUNGE 4\r\n",
        b"a XPIG (\\Seen) ~{2+}\r\n\0\0 {1}\r\n\n 7\r\nb IDLE\r\nDONE\r\nc UID MOVE 1 x\r\n",
    ];
    Target { name: "dmap", body, seeds: seeds.iter().map(|seed| seed.to_vec()).collect(), words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"{10}\r\n",
    b"{10+}\r\n",
    b"~{4}\r\n",
    b"~{4+}\r\n",
    b"~{0+}\r\n",
    b"~{4097+}\r\n",
    b"~{65537}\r\n",
    b"{99999999999999999999}\r\n",
    b"\"",
    b"\\",
    b"(",
    b")",
    b"a001 ",
    b" UID ",
    b" FETCH 1 ",
    b" SEARCH ",
    b" STORE 1 META ",
    b" APPEND x ",
    b" META ",
    b"BODY[67.2]",
    b"<1.2>",
    b"1:*",
    b"$",
    b"4294967295",
    b"NIL",
    b"INBOX",
    b"(CHANGEDSINCE 1)",
    b"RETURN (ALL) ",
    b"\\SubmitPending",
    b"$Submitted",
    b"DONE\r\n",
    b"OR ",
    b"NOT ",
    b"((((((((",
    b"5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ",
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
    let (mut said, mut message) = (Vec::new(), Vec::new());
    let mut answers = 0usize;
    for piece in input.chunks(step) {
        decoder.feed(piece);
        loop {
            answers += 1;
            assert!(answers <= 16 + ANSWERS_PER_OCTET_MAX * input.len() + input.len() / step, "it loops");
            let decoded = decoder.next(phase);
            match &decoded {
                Decoded::NeedMore => break,
                Decoded::AppendBegin { append, .. } => match append.octets <= SKIP_OCTETS_MAX {
                    true => decoder.accept_append(),
                    false => decoder.refuse_append(),
                },
                Decoded::AppendData => {
                    message.extend_from_slice(decoder.append_data());
                    continue;
                }
                Decoded::Command { tag, command } => {
                    let encoded = command.encode(tag);
                    let line = encoded.octets().strip_suffix(b"\r\n").unwrap_or_default();
                    let again = command::parse(line).map(|parsed| parsed.command);
                    // The reader allows a name that is none, and the writer has no words for it.
                    if !format!("{command:?}").contains("Invalid(") {
                        assert_eq!(again.as_ref(), Ok(command), "{}", line.escape_ascii());
                    }
                }
                _ => {}
            }
            said.push(format!("{decoded:?} {}", message.escape_ascii()));
        }
        let held = decoder.buffered();
        let held_max = limits::DMAP_LINE_OCTETS_MAX + limits::DMAP_COMMAND_LITERALS_OCTETS_MAX + 2 * step;
        assert!(held <= held_max, "{held} octets held");
    }
    said
}
