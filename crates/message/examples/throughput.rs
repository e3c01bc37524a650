//! Prints how fast messages are parsed, recorded and searched: `cargo run --release -p koi-message
//! --example throughput`. It measures the crate alone, in memory; it proves nothing about a server.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use koi_message::{Envelope, Needle, Scratch, Structure, parse};

fn main() -> std::io::Result<()> {
    let corpora = [("4 KB text", text(0)), ("4 KB base64 text", base64()), ("alternative", alternative())];
    for (name, messages) in &corpora {
        let octets: usize = messages.iter().map(Vec::len).sum();
        let line = |what: &str, took: Duration| {
            let mb_s = octets as f64 / took.as_secs_f64() / 1e6;
            let each_ns = took.as_nanos() as f64 / messages.len() as f64;
            writeln!(std::io::stdout(), "{name:18} {what:24} {mb_s:8.0} MB/s {each_ns:8.0} ns/message")
        };
        line("parse", best(|| messages.iter().map(|raw| parse(raw).root().body.end).max()))?;
        let facts: Vec<_> = messages.iter().map(|raw| parse(raw).facts).collect();
        let records: Vec<Vec<u8>> =
            facts.iter().map(|facts| encoded(|out| facts.structure.encode(out))).collect();
        let envelopes: Vec<Vec<u8>> =
            facts.iter().map(|facts| encoded(|out| facts.envelope.encode(out))).collect();
        line(
            "Structure::decode",
            best(|| records.iter().filter(|record| Structure::decode(record).is_ok()).count()),
        )?;
        line(
            "Envelope::decode",
            best(|| envelopes.iter().filter(|record| Envelope::decode(record).is_ok()).count()),
        )?;
        let mut scratch = Scratch::default();
        for word in ["qzxjwv", "nowhere to be found", "grüße"] {
            let needle = Needle::new(word);
            let mut search = || {
                let pairs = messages.iter().zip(&records);
                pairs
                    .filter(|(raw, record)| needle.in_text_by_record(raw, record, &mut scratch) == Ok(true))
                    .count()
            };
            line(&format!("in_text {word:.12}"), best(&mut search))?;
        }
    }
    Ok(())
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

/// The shortest of several rounds.
fn best<T>(mut round: impl FnMut() -> T) -> Duration {
    let timed = |_| {
        let start = Instant::now();
        black_box(round());
        start.elapsed()
    };
    (0..20).map(timed).min().unwrap_or_default()
}

fn header(number: usize, content: &str) -> String {
    format!(
        "Return-Path: <sender{number}@example.org>\r\n\
         Received: from mail.example.org (mail.example.org [192.0.2.1])\r\n\tby mx.example.net\
         \x20with ESMTPS id {number};\r\n\tSat, 21 Nov 2026 20:00:00 +0000\r\n\
         DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org;\
         \r\n\tb=abcdefghijklmnopqrstuvwxyz\r\n\
         Date: Sat, 21 Nov 2026 20:00:00 +0000\r\nFrom: \"Sender {number}\" <sender{number}@example.org>\r\n\
         To: Receiver <receiver@example.net>, other@example.net\r\nSubject: Message number {number}\r\n\
         Message-ID: <{number}@example.org>\r\nMIME-Version: 1.0\r\n{content}\r\n"
    )
}

/// Words that are different from message to message.
fn body(number: usize, octets: usize) -> String {
    let words =
        ["lorem", "ipsum", "dolor", "sit", "amet", "the", "quick", "brown", "fox", "mail", "server", "of"];
    let mut out = String::new();
    let mut seed = number as u64 + 1;
    let mut column = 0;
    while out.len() < octets {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = words.get((seed >> 33) as usize % words.len()).copied().unwrap_or_default();
        out.push_str(word);
        column += word.len() + 1;
        out.push_str(if column > 70 { "\r\n" } else { " " });
        column = if column > 70 { 0 } else { column };
    }
    out
}

fn text(first: usize) -> Vec<Vec<u8>> {
    let content = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n";
    (first..first + 2_000)
        .map(|number| (header(number, content) + &body(number, 3_400)).into_bytes())
        .collect()
}

fn base64() -> Vec<Vec<u8>> {
    let content = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n";
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |text: &[u8]| {
        let mut out = String::new();
        for (at, group) in text.chunks_exact(3).enumerate() {
            let bits = group.iter().fold(0_usize, |bits, &octet| bits << 8 | usize::from(octet));
            let digits = [bits >> 18, bits >> 12, bits >> 6, bits].map(|bits| bits & 63);
            out.extend(digits.map(|digit| char::from(alphabet.get(digit).copied().unwrap_or(b'A'))));
            out.push_str(if at % 19 == 18 { "\r\n" } else { "" });
        }
        out
    };
    (0..2_000)
        .map(|number| (header(number, content) + &encode(body(number, 2_500).as_bytes())).into_bytes())
        .collect()
}

fn alternative() -> Vec<Vec<u8>> {
    let content = "Content-Type: multipart/alternative; boundary=\"=_boundary\"\r\n";
    let part = |number: usize, kind: &str| {
        let text = body(number, 3_000).replace("ipsum", "=C3=A9t=C3=A9").replace(" \r\n", "=\r\n");
        format!(
            "--=_boundary\r\nContent-Type: text/{kind}; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{text}\r\n"
        )
    };
    let message = |number| {
        header(number, content) + &part(number, "plain") + &part(number, "html") + "--=_boundary--\r\n"
    };
    (0..2_000).map(|number| message(number).into_bytes()).collect()
}
