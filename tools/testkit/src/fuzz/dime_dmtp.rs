//! DMTP: what is found is the same however the octets come, and commands read back as they are written
//! (docs/DIME.md, DMTP).

use koi_dime::Fingerprint;
use koi_dime::dmtp::{Command, Commands, DecodeError, Decoded, Replies, Reply, ReplyError};

use super::Target;

/// Octets of the message behind each DATA.
const SIZE: u64 = 20;

/// A session from either side.
#[must_use]
pub fn target() -> Target {
    let print = Fingerprint([7; 64]);
    let client = format!(
        "EHLO <a.example>\r\nMODE\r\nMAIL FROM: <a.example> [{print}] SIZE=20 RETURN=HEADER\r\n\
         RCPT TO: <b.example> [{print}]\r\nDATA [{print}]\r\n01234567890123456789\r\n\
         SGNT <x@b.example>\r\nVRFY <b.example> [{print}]\r\nHIST USER=<x@y> START=[{print}]\r\nQUIT\r\n"
    );
    let server = "220 b.example DMTPv1\r\n250-PIPELINING\r\n250 OK\r\n354 CONTINUE\r\n250 OK [b2N0ZXRz]\r\n";
    let seeds = vec![client.into_bytes(), server.as_bytes().to_vec()];
    Target { name: "dime_dmtp", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"DATA\r\n",
    b"MAIL FROM=<a> FINGERPRINT=[",
    b" SIZE=18446744073709551615",
    b" RETURN=FULL",
    b"USER=<a@b>",
    b"DOMAIN=<a>",
    b"STARTTLS <a> MODE=DMTPv1\r\n",
    b"250-",
    b"450 ",
    b"\n\n",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let whole = commands(input, usize::MAX);
    assert_eq!(commands(input, 1), whole);
    assert_eq!(commands(input, 7), whole);
    for decoded in whole.into_iter().flatten() {
        if let Decoded::Command(command) = decoded {
            let line = command.line();
            assert_eq!(Command::parse(line.trim_end_matches("\r\n")), Ok(command));
        }
    }
    let whole = replies(input, usize::MAX);
    assert_eq!(replies(input, 1), whole);
    for reply in whole.into_iter().flatten() {
        assert_eq!(replies(reply.text().as_bytes(), 5), Ok(vec![Reply { ..reply }]));
    }
}

fn commands(input: &[u8], piece: usize) -> Result<Vec<Decoded>, DecodeError> {
    let mut commands = Commands::new();
    let mut all: Vec<Decoded> = Vec::new();
    for piece in input.chunks(piece) {
        commands.feed(piece);
        loop {
            match commands.decode()? {
                Decoded::NeedMore => break,
                Decoded::Data(more) => match all.last_mut() {
                    Some(Decoded::Data(data)) => data.extend(more),
                    _ => all.push(Decoded::Data(more)),
                },
                decoded => {
                    if matches!(decoded, Decoded::Command(Command::Data { .. })) {
                        commands.expect_data(SIZE);
                    }
                    all.push(decoded);
                }
            }
        }
    }
    Ok(all)
}

fn replies(input: &[u8], piece: usize) -> Result<Vec<Reply>, ReplyError> {
    let mut replies = Replies::new();
    let mut all = Vec::new();
    for piece in input.chunks(piece) {
        replies.feed(piece);
        while let Some(reply) = replies.decode()? {
            all.push(reply);
        }
    }
    Ok(all)
}
