//! The SMTP and LMTP decoder: whatever comes and however it is cut, it says the same, hands out as many
//! octets as it says, and holds no more than a line (RFC 5321 §4.5.2 and §4.5.3.1, RFC 3030 §2, RFC 2920
//! §3.2).

use koi_proto::smtp::command::Command;
use koi_proto::smtp::decode::{Decoded, Decoder, Phase, Protocol};
use koi_types::limits;

use super::Target;

/// Small, so that inputs reach it.
const MESSAGE_OCTETS_MAX: u64 = 300;
/// More answers than this to one input would be a loop.
const ANSWERS_PER_OCTET_MAX: usize = 4;

/// Transactions of every kind, and words of the grammar.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 5] = [
        b"LHLO a.example\r\nMAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<c+d@e.example>\r\n\
          DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n",
        b"EHLO [IPv6:::1]\r\nMAIL FROM:<> SMTPUTF8\r\nRCPT TO:<\"q\\\"t\"@b.example>\r\n\
          BDAT 4\r\nabcdBDAT 3 LAST\r\nefg",
        b"RSET\r\nNOOP x\r\nVRFY x\r\nHELP\r\nSTARTTLS\r\nAUTH PLAIN AGEAYg==\r\nEXPN a\r\n",
        b"LHLO b\r\nMAIL FROM:<@c,@d:e@f.example>\r\nRCPT TO:<postmaster>\r\nDATA\r\n.\r\n",
        "LHLO c\r\nMAIL FROM:<ä@ö.example> SMTPUTF8\r\nDATA\r\nbare\nlf\rcr\0\r\n.\n\r\n.\r\n".as_bytes(),
    ];
    Target { name: "smtp", body, seeds: seeds.iter().map(|seed| seed.to_vec()).collect(), words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n.\r\n",
    b"\n.\n",
    b"\r\n..",
    b"\r\n.",
    b"DATA\r\n",
    b"BDAT 5\r\n",
    b"BDAT 0 LAST\r\n",
    b"BDAT 99999999999999999999\r\n",
    b"MAIL FROM:<",
    b"RCPT TO:<",
    b">",
    b" SIZE=",
    b" BODY=BINARYMIME",
    b" SMTPUTF8",
    b"LHLO x\r\n",
    b"@",
    b"\"",
    b"[127.0.0.1]",
    b"RSET\r\n",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    for protocol in [Protocol::Lmtp, Protocol::Smtp] {
        let whole = decode(input, protocol, input.len().max(1));
        let cut = decode(input, protocol, 1 + input.len() % 7);
        assert_eq!(whole, cut, "the cuts must not matter");
    }
}

/// Everything the decoder says, as text, with the message before its end.
fn decode(input: &[u8], protocol: Protocol, step: usize) -> Vec<String> {
    let mut decoder = Decoder::new(protocol, MESSAGE_OCTETS_MAX);
    let mut said = Vec::new();
    let mut message = Vec::new();
    let mut answers = 0usize;
    for piece in input.chunks(step) {
        decoder.feed(piece);
        loop {
            answers += 1;
            assert!(answers <= 16 + ANSWERS_PER_OCTET_MAX * input.len() + input.len() / step, "it loops");
            match decoder.next(Phase::Command) {
                Decoded::NeedMore => break,
                Decoded::Data => message.extend_from_slice(decoder.data()),
                Decoded::DataEnd(end) => {
                    assert!(message.len() as u64 <= MESSAGE_OCTETS_MAX, "no more than the limit");
                    // What is too large is refused; how much of it was handed out depends on the cuts.
                    if end.too_large {
                        message.clear();
                    } else {
                        assert_eq!(end.octets, message.len() as u64, "it says what it handed out");
                    }
                    said.push(format!("{end:?} {}", message.escape_ascii()));
                    message.clear();
                }
                Decoded::Command(command) => {
                    said.push(format!("{command:?}"));
                    if matches!(command, Command::Data) {
                        decoder.begin_data();
                    }
                }
                other => said.push(format!("{other:?}")),
            }
        }
        let held = decoder.buffered();
        assert!(held <= limits::SMTP_LINE_OCTETS_MAX + step, "{held} octets held");
    }
    said
}
