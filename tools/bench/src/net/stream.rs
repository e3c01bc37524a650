//! One blocking connection, clear or TLS, with the two ways of reading the driver needs: a line,
//! and "everything up to the tagged line", counted on the way.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::linux::net::TcpStreamExt as _;
use std::sync::Arc;
use std::time::Duration;

use koi_proto::deflate::{Deflater, Inflater};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::failure::{Context, Outcome, fail};

/// A server that says nothing for this long ends the benchmark.
const SILENCE: Duration = Duration::from_secs(900);
/// One read takes at most this many octets.
const READ_OCTETS: usize = 256 * 1024;
/// A line longer than this is not from a mail server.
const LINE_OCTETS_MAX: usize = 64 * 1024;

/// A connection and what was read from it but not used.
pub(crate) struct Stream {
    wire: Wire,
    scratch: Vec<u8>,
    start: usize,
    end: usize,
    /// What comes is acknowledged at once.
    prompt: bool,
    /// Both directions are compressed (RFC 4978).
    packing: Option<Box<Packing>>,
}

#[derive(Default)]
struct Packing {
    inflater: Inflater,
    deflater: Deflater,
}

enum Wire {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Clear(socket) => socket,
            Self::Tls(tls) => &tls.sock,
        }
    }
}

/// What a command's answer contained, counted.
#[derive(Clone, Default)]
pub(crate) struct Counted {
    /// Octets of the whole answer.
    pub(crate) octets: u64,
    /// How often the word that was counted is in it.
    pub(crate) found: u64,
    /// The last octets of the answer, the tagged line among them.
    pub(crate) tail: Vec<u8>,
}

impl Stream {
    /// Connects to a loopback port.
    pub(crate) fn connect(port: u16, tls: Option<&Arc<ClientConfig>>) -> Outcome<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).context(&format!("port {port}"))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SILENCE))?;
        let wire = match tls {
            None => Wire::Clear(socket),
            Some(config) => {
                let session = ClientConnection::new(config.clone(), "localhost".try_into()?)?;
                Wire::Tls(Box::new(StreamOwned::new(session, socket)))
            }
        };
        Ok(Self { wire, scratch: Vec::new(), start: 0, end: 0, prompt: false, packing: None })
    }

    /// From here on segments are acknowledged at once. A server that writes an answer in pieces and lets
    /// Nagle's algorithm hold back the last of them (RFC 1122 §4.2.3.4) would else wait 40 ms for each.
    pub(crate) fn acknowledge_promptly(&mut self) {
        self.prompt = true;
    }

    /// From here on both directions are compressed (RFC 4978 §3).
    pub(crate) fn start_packing(&mut self) {
        self.packing = Some(Box::default());
    }

    /// Sends octets, all of them.
    pub(crate) fn send(&mut self, octets: &[u8]) -> Outcome<()> {
        let mut packed = Vec::new();
        let octets = match &mut self.packing {
            Some(packing) => {
                packing.deflater.write(octets, &mut packed);
                packing.deflater.flush(&mut packed);
                packed.as_slice()
            }
            None => octets,
        };
        match &mut self.wire {
            Wire::Clear(socket) => socket.write_all(octets)?,
            Wire::Tls(tls) => {
                tls.write_all(octets)?;
                tls.flush()?;
            }
        }
        Ok(())
    }

    /// The next line without its CRLF.
    pub(crate) fn line(&mut self) -> Outcome<String> {
        let mut searched = 0;
        loop {
            let held = self.scratch.get(self.start..self.end).unwrap_or_default();
            let unseen = held.get(searched..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', unseen) {
                let line = held.get(..searched + at).unwrap_or_default();
                let text = String::from_utf8_lossy(line).trim_end_matches('\r').to_string();
                self.start += searched + at + 1;
                return Ok(text);
            }
            searched = held.len();
            if searched > LINE_OCTETS_MAX {
                return fail("a line of more than 64 KiB");
            }
            self.fill()?;
        }
    }

    /// Appends the next `count` octets to `out`.
    pub(crate) fn exactly(&mut self, count: usize, out: &mut Vec<u8>) -> Outcome<()> {
        let mut left = count;
        while left > 0 {
            if self.start == self.end {
                self.fill()?;
            }
            let held = self.scratch.get(self.start..self.end).unwrap_or_default();
            let part = held.get(..left.min(held.len())).unwrap_or_default();
            out.extend_from_slice(part);
            (self.start, left) = (self.start + part.len(), left - part.len());
        }
        Ok(())
    }

    /// Reads until the line that begins with `tag`, counting a word in what comes before it. The tag must be
    /// one no message contains.
    pub(crate) fn until_tagged(&mut self, tag: &str, word: &[u8]) -> Outcome<Counted> {
        let word = memchr::memmem::Finder::new(word);
        let mut counted = Counted::default();
        loop {
            if self.start == self.end {
                self.fill()?;
            }
            let held = self.scratch.get(self.start..self.end).unwrap_or_default();
            counted.octets += held.len() as u64;
            counted.found += word.find_iter(held).count() as u64;
            if counted.straddles(held, &word) {
                counted.found += 1;
            }
            counted.keep_tail(held);
            self.start = self.end;
            if counted.is_complete(tag) {
                return Ok(counted);
            }
        }
    }

    fn fill(&mut self) -> Outcome<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.scratch.len() < self.end + READ_OCTETS / 2 {
            self.scratch.resize(self.end + READ_OCTETS, 0);
        }
        if self.prompt {
            // Linux forgets it now and then (tcp(7)).
            self.wire.socket().set_quickack(true)?;
        }
        let room = self.scratch.get_mut(self.end..).unwrap_or_default();
        let got = match &mut self.wire {
            Wire::Clear(socket) => socket.read(room)?,
            Wire::Tls(tls) => tls.read(room)?,
        };
        if got == 0 {
            return fail("the server closed the connection");
        }
        let Some(packing) = &mut self.packing else {
            self.end += got;
            return Ok(());
        };
        packing.inflater.feed(room.get(..got).unwrap_or_default());
        self.scratch.truncate(self.end);
        while !packing.inflater.is_empty() {
            let read = packing.inflater.read(READ_OCTETS, &mut self.scratch);
            if read.is_err() {
                return fail("the server's compressed stream is broken");
            }
        }
        self.end = self.scratch.len();
        Ok(())
    }

    /// Gives back the read buffer of a connection that will only wait.
    pub(crate) fn shrink(&mut self) {
        if self.start == self.end {
            (self.scratch, self.start, self.end) = (Vec::new(), 0, 0);
        }
        if let Some(packing) = &mut self.packing {
            packing.inflater.put_down();
            packing.deflater.put_down();
        }
    }
}

impl Counted {
    const TAIL_OCTETS: usize = 1_024;

    /// The last line of the answer.
    pub(crate) fn tagged(&self) -> String {
        let text = String::from_utf8_lossy(&self.tail);
        text.trim_end().rsplit('\n').next().unwrap_or_default().to_string()
    }

    fn is_complete(&self, tag: &str) -> bool {
        let Some(body) = self.tail.strip_suffix(b"\r\n") else { return false };
        let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
        let line = body.get(start..).unwrap_or_default();
        line.strip_prefix(tag.as_bytes()).is_some_and(|rest| rest.starts_with(b" "))
    }

    /// Whether the searched word lies across the border between the last read and this one.
    fn straddles(&self, next: &[u8], word: &memchr::memmem::Finder<'_>) -> bool {
        let one_less = word.needle().len() - 1;
        let old = self.tail.get(self.tail.len().saturating_sub(one_less)..).unwrap_or_default();
        let new = next.get(..one_less.min(next.len())).unwrap_or_default();
        !old.is_empty() && word.find(&[old, new].concat()).is_some()
    }

    fn keep_tail(&mut self, held: &[u8]) {
        let fresh = held.get(held.len().saturating_sub(Self::TAIL_OCTETS)..).unwrap_or_default();
        self.tail.extend_from_slice(fresh);
        let surplus = self.tail.len().saturating_sub(Self::TAIL_OCTETS);
        self.tail.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::Counted;

    #[test]
    fn an_answer_is_complete_at_its_tagged_line() {
        let mut counted = Counted::default();
        counted.keep_tail(b"* 1 FETCH (UID 1)\r\nkb7 OK do");
        assert!(!counted.is_complete("kb7"));
        counted.keep_tail(b"ne\r\n");
        assert!(counted.is_complete("kb7"));
        assert_eq!(counted.tagged(), "kb7 OK done");
    }

    #[test]
    fn a_word_across_two_reads_is_seen_once() {
        let finder = memchr::memmem::Finder::new(b" FETCH (");
        let mut counted = Counted::default();
        counted.keep_tail(b"* 12 FET");
        assert!(counted.straddles(b"CH (UID 1)", &finder));
        counted.keep_tail(b"CH (UID 1)");
        assert!(!counted.straddles(b"\r\n* 13 FETCH (", &finder));
    }
}
