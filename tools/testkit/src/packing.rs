//! Both ends of a compressed connection (RFC 4978): the client's, and the server's as its driver has it.

use std::collections::VecDeque;

use koi_proto::deflate::{Broken, Deflater, Inflater};
use koi_types::limits;

/// With what the client ends its stream, behind the line end of the command.
const UNAUTHENTICATE: &[u8] = b" unauthenticate\r\n";

pub(crate) struct Packing {
    client: Side,
    server: Side,
    /// The last of what the client said.
    tail: Vec<u8>,
    /// The client speaks in the clear again (RFC 8437 §4.1).
    client_ended: bool,
    broken: bool,
}

#[derive(Default)]
struct Side {
    inflater: Inflater,
    deflater: Deflater,
}

impl Default for Packing {
    fn default() -> Self {
        let server = Side { inflater: Inflater::of_commands(), deflater: Deflater::default() };
        Self { client: Side::default(), server, tail: Vec::new(), client_ended: false, broken: false }
    }
}

impl Packing {
    /// What is on the wire for it.
    pub(crate) fn client_says(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        for octet in octets {
            if self.client_ended {
                wire.push(*octet);
                continue;
            }
            self.client.deflater.write(&[*octet], &mut wire);
            self.tail.push(octet.to_ascii_lowercase());
            self.tail.drain(..self.tail.len().saturating_sub(UNAUTHENTICATE.len()));
            if self.tail == UNAUTHENTICATE {
                self.client.deflater.flush(&mut wire);
                self.client_ended = true;
            }
        }
        self.client.deflater.flush(&mut wire);
        wire
    }
    /// What the session is handed next.
    pub(crate) fn server_hears(&mut self, wire: &mut VecDeque<u8>) -> Result<Vec<u8>, Broken> {
        if self.broken {
            wire.clear();
            return Ok(Vec::new());
        }
        let mut heard = Vec::new();
        if self.server.inflater.is_empty() {
            let some: Vec<u8> = wire.drain(..wire.len().min(4096)).collect();
            self.server.inflater.feed(&some);
        }
        let read = self.server.inflater.read(limits::INPUT_OCTETS_MAX, &mut heard);
        self.broken = read.is_err() && heard.is_empty();
        self.server.inflater.put_down();
        match self.broken {
            true => Err(Broken),
            false => Ok(heard),
        }
    }
    /// What the client hears of it.
    pub(crate) fn server_says(&mut self, octets: &[u8], said: &mut Vec<u8>) {
        let mut wire = Vec::new();
        self.server.deflater.write(octets, &mut wire);
        self.server.deflater.flush(&mut wire);
        self.client_hears(&wire, said);
    }
    fn client_hears(&mut self, wire: &[u8], said: &mut Vec<u8>) {
        self.client.inflater.feed(wire);
        while !self.client.inflater.is_empty() {
            self.client.inflater.read(limits::INPUT_OCTETS_MAX, said).expect("the server's stream is whole");
        }
    }
    /// Memory the server's inflater holds.
    pub(crate) fn inflater_octets(&self) -> usize {
        self.server.inflater.memory_octets()
    }
    /// The session waits for more; whether there was something to wait for.
    pub(crate) fn go_on(&mut self) -> bool {
        let holding = self.server.inflater.is_holding();
        self.server.inflater.go_on();
        holding
    }
    /// The server ends its stream; what the client has said behind the end of its own.
    pub(crate) fn end(mut self) -> Vec<u8> {
        let mut wire = Vec::new();
        self.server.deflater.finish(&mut wire);
        let mut said = Vec::new();
        self.client_hears(&wire, &mut said);
        assert!(said.is_empty(), "everything was flushed");
        assert!(self.client.inflater.is_ended(), "the client sees where the stream ends");
        koi_proto::deflate::without_end(self.server.inflater.rest()).to_vec()
    }
}
