//! An IMAP client for measuring: sends prepared commands, counts answers (RFC 9051, RFC 2177).

use std::sync::Arc;

use koi_proto::sasl::scram::ScramClient;
use koi_proto::sasl::scram::client::Binding;
use koi_proto::sasl::{base64_decode, base64_encode};
use rustls::ClientConfig;

use super::salted::Salted;
use super::stream::{Counted, Stream};
use crate::failure::{Context, Outcome, fail};

/// How every untagged FETCH response goes on after its number.
const FETCH: &[u8] = b" FETCH (";

/// A message and its internal date.
pub(crate) struct Dated {
    pub(crate) date: String,
    pub(crate) message: Vec<u8>,
}

/// One IMAP session.
pub(crate) struct Imap {
    stream: Stream,
    number: u32,
}

impl Imap {
    /// Connects and reads the greeting.
    pub(crate) fn connect(port: u16, tls: Option<&Arc<ClientConfig>>) -> Outcome<Self> {
        let mut stream = Stream::connect(port, tls)?;
        let greeting = stream.line().context("IMAP greeting")?;
        if !greeting.starts_with("* OK") {
            return fail(format!("IMAP greeting: {greeting}"));
        }
        Ok(Self { stream, number: 0 })
    }

    /// Connects in clear text and logs in.
    pub(crate) fn login(port: u16, user: &str, password: &str) -> Outcome<Self> {
        let mut imap = Self::connect(port, None)?;
        imap.run(&format!("LOGIN {user} {password}"))?;
        Ok(imap)
    }

    /// Connects in clear text and logs in by SCRAM-SHA-256 (RFC 7677), checking the server's proof.
    pub(crate) fn scram(port: u16, user: &str, salted: &mut Salted) -> Outcome<Self> {
        let mut imap = Self::connect(port, None)?;
        let tag = imap.next_tag();
        let mut client = ScramClient::new(user, &format!("bench{}", salted.nonce()), Binding::None);
        let first = base64_encode(&client.first());
        imap.stream.send(format!("{tag} AUTHENTICATE SCRAM-SHA-256 {first}\r\n").as_bytes())?;
        let server_first = imap.challenge()?;
        let proof = client.proof_salted(&server_first, |salt, count| salted.of(salt, count));
        let proof = proof.or_else(fail)?;
        imap.stream.send(format!("{}\r\n", base64_encode(&proof)).as_bytes())?;
        client.check(&imap.challenge()?).or_else(fail)?;
        imap.stream.send(b"\r\n")?;
        imap.finish(&tag, "AUTHENTICATE", FETCH)?;
        Ok(imap)
    }

    fn challenge(&mut self) -> Outcome<Vec<u8>> {
        let line = self.stream.line()?;
        match line.strip_prefix("+ ") {
            Some(text) => base64_decode(text.trim_end().as_bytes()).or_else(fail),
            None => fail(format!("AUTHENTICATE: {line}")),
        }
    }

    /// Runs one command and counts the FETCH responses of its answer; anything but a tagged OK is a failure.
    pub(crate) fn run(&mut self, command: &str) -> Outcome<Counted> {
        self.run_counting(command, FETCH)
    }

    /// The same for another word than FETCH.
    pub(crate) fn run_counting(&mut self, command: &str, word: &[u8]) -> Outcome<Counted> {
        let tag = self.next_tag();
        self.stream.send(format!("{tag} {command}\r\n").as_bytes())?;
        self.finish(&tag, command, word)
    }

    /// APPEND of several messages in one command (RFC 3502), which not every server has.
    pub(crate) fn append_many(&mut self, messages: &[Vec<u8>]) -> Outcome<()> {
        let tag = self.next_tag();
        let mut request = format!("{tag} APPEND INBOX").into_bytes();
        for message in messages {
            request.extend_from_slice(format!(" {{{}+}}\r\n", message.len()).as_bytes());
            request.extend_from_slice(message);
        }
        request.extend_from_slice(b"\r\n");
        self.stream.send(&request)?;
        self.finish(&tag, "APPEND of many", FETCH).map(drop)
    }

    /// The same with the times they are said to have come at, as IMAP writes them.
    pub(crate) fn append_dated(&mut self, messages: &[Dated]) -> Outcome<()> {
        let tag = self.next_tag();
        let mut request = format!("{tag} APPEND INBOX").into_bytes();
        for Dated { date, message } in messages {
            request.extend_from_slice(format!(" \"{date}\" {{{}+}}\r\n", message.len()).as_bytes());
            request.extend_from_slice(message);
        }
        request.extend_from_slice(b"\r\n");
        self.stream.send(&request)?;
        self.finish(&tag, "APPEND of many", FETCH).map(drop)
    }

    /// A command for each message (RFC 9051 §6.3.12), all in one write.
    pub(crate) fn append_each(&mut self, mailbox: &str, messages: &[Vec<u8>]) -> Outcome<()> {
        let (mut request, mut tags) = (Vec::new(), Vec::new());
        for message in messages {
            let tag = self.next_tag();
            request
                .extend_from_slice(format!("{tag} APPEND {mailbox} {{{}+}}\r\n", message.len()).as_bytes());
            request.extend_from_slice(message);
            request.extend_from_slice(b"\r\n");
            tags.push(tag);
        }
        self.stream.send(&request)?;
        for tag in tags {
            let line = self.stream.line()?;
            if !line.strip_prefix(tag.as_str()).is_some_and(|rest| rest.starts_with(" OK")) {
                return fail(format!("APPEND to {mailbox}: {line}"));
            }
        }
        Ok(())
    }

    /// SELECTs INBOX and says how many messages it holds.
    pub(crate) fn select(&mut self) -> Outcome<u64> {
        let answer = self.run("SELECT INBOX")?;
        let text = String::from_utf8_lossy(&answer.tail).to_string();
        let exists = text.lines().find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS"));
        Ok(exists.context("SELECT without EXISTS")?.trim().parse()?)
    }

    /// Starts IDLE; returns when the server says it waits.
    pub(crate) fn idle(&mut self) -> Outcome<()> {
        let tag = self.next_tag();
        self.stream.send(format!("{tag} IDLE\r\n").as_bytes())?;
        loop {
            let line = self.stream.line()?;
            if line.starts_with('+') {
                return Ok(());
            }
            if !line.starts_with('*') {
                return fail(format!("IDLE: {line}"));
            }
        }
    }

    /// Waits until an EXISTS of at least `count` arrives.
    pub(crate) fn wait_exists(&mut self, count: u64) -> Outcome<()> {
        loop {
            let line = self.stream.line()?;
            let number = line.strip_prefix("* ").and_then(|rest| rest.strip_suffix(" EXISTS"));
            if number.and_then(|digits| digits.parse::<u64>().ok()).is_some_and(|seen| seen >= count) {
                return Ok(());
            }
        }
    }

    /// Waits for a line that begins so.
    pub(crate) fn wait_line(&mut self, start: &str) -> Outcome<()> {
        while !self.stream.line()?.starts_with(start) {}
        Ok(())
    }

    /// Compresses from here on (RFC 4978).
    pub(crate) fn compress(&mut self) -> Outcome<()> {
        self.run("COMPRESS DEFLATE")?;
        self.stream.start_packing();
        Ok(())
    }

    /// Gives back the read buffer of a session that will only wait.
    pub(crate) fn shrink(&mut self) {
        self.stream.shrink();
    }

    fn next_tag(&mut self) -> String {
        self.number += 1;
        format!("kb7q{}", self.number)
    }

    fn finish(&mut self, tag: &str, command: &str, word: &[u8]) -> Outcome<Counted> {
        let verb = command.get(..command.len().min(60)).unwrap_or_default();
        let answer = self.stream.until_tagged(tag, word).context(verb)?;
        let tagged = answer.tagged();
        match tagged.strip_prefix(tag) {
            Some(rest) if rest.starts_with(" OK") => Ok(answer),
            _ => fail(format!("{verb}: {tagged}")),
        }
    }
}
