//! What a session sees of an input, as text, however the input is cut.

use koi_proto::imap::{self, Phase};
use koi_proto::smtp;

/// More answers than this would be a loop: all but a few use up an octet.
fn answers_max(octets: usize) -> usize {
    16 + 8 * octets
}

/// Commands one after the other; AUTHENTICATE and IDLE change the phase for the lines that follow them.
pub(crate) fn imap(input: &[u8], cuts: &[usize]) -> Vec<String> {
    let mut decoder = imap::Decoder::new(1 << 20);
    let mut seen: Vec<String> = Vec::new();
    let mut phase = Phase::Authenticated;
    let mut answers = 0;
    for piece in pieces(input, cuts) {
        decoder.feed(piece);
        loop {
            answers += 1;
            assert!(answers < answers_max(input.len()), "it loops");
            let decoded = decoder.next(phase);
            match &decoded {
                imap::Decoded::NeedMore => break,
                imap::Decoded::AppendData => {
                    push_data(&mut seen, decoder.append_data());
                    continue;
                }
                imap::Decoded::AppendBegin(_) | imap::Decoded::AppendNext { .. } => decoder.accept_append(),
                imap::Decoded::Command { command, .. } => phase = phase_after(command),
                imap::Decoded::Sasl(_) | imap::Decoded::Done | imap::Decoded::NotDone => {
                    phase = Phase::Authenticated
                }
                _ => {}
            }
            seen.push(format!("{decoded:?}"));
        }
        assert!(decoder.buffered() <= input.len(), "more is held than was fed");
    }
    seen
}

fn phase_after(command: &imap::Command) -> Phase {
    match command {
        imap::Command::Authenticate { initial_response: None, .. } => Phase::Sasl,
        imap::Command::Idle => Phase::Idle,
        _ => Phase::Authenticated,
    }
}

/// Commands one after the other; DATA is always welcome.
pub(crate) fn smtp(input: &[u8], cuts: &[usize], protocol: smtp::Protocol) -> Vec<String> {
    let mut decoder = smtp::Decoder::new(protocol, 1 << 20);
    let mut seen: Vec<String> = Vec::new();
    let mut phase = smtp::Phase::Command;
    let mut answers = 0;
    for piece in pieces(input, cuts) {
        decoder.feed(piece);
        loop {
            answers += 1;
            assert!(answers < answers_max(input.len()), "it loops");
            let decoded = decoder.next(phase);
            match &decoded {
                smtp::Decoded::NeedMore => break,
                smtp::Decoded::Data => {
                    push_data(&mut seen, decoder.data());
                    continue;
                }
                smtp::Decoded::Command(smtp::Command::Data) => decoder.begin_data(),
                smtp::Decoded::Command(smtp::Command::Auth { initial_response: None, .. }) => {
                    phase = smtp::Phase::Auth
                }
                _ => phase = smtp::Phase::Command,
            }
            seen.push(format!("{decoded:?}"));
        }
        assert!(decoder.buffered() <= input.len(), "more is held than was fed");
    }
    seen
}

/// Data is one thing however it comes.
fn push_data(seen: &mut Vec<String>, data: &[u8]) {
    assert!(!data.is_empty(), "data of no octets");
    let data = data.escape_ascii().to_string();
    match seen.last_mut().filter(|last| last.starts_with("data ")) {
        Some(last) => last.push_str(&data),
        None => seen.push(format!("data {data}")),
    }
}

fn pieces<'a>(input: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut from = 0;
    let mut pieces = Vec::new();
    for cut in cuts.iter().map(|cut| (*cut).min(input.len())).chain([input.len()]) {
        pieces.push(input.get(from..cut.max(from)).unwrap_or_default());
        from = cut.max(from);
    }
    pieces
}

/// Whole, cut in two at every octet, and octet by octet: all the same.
#[track_caller]
pub(crate) fn cut_everywhere(input: &[u8], see: impl Fn(&[u8], &[usize]) -> Vec<String>) -> Vec<String> {
    let whole = see(input, &[]);
    let every: Vec<usize> = (0..input.len()).collect();
    assert_eq!(see(input, &every), whole, "octet by octet: {}", input.escape_ascii());
    for cut in 0..input.len() {
        assert_eq!(see(input, &[cut]), whole, "cut at {cut}: {}", input.escape_ascii());
    }
    whole
}
