//! Many connections on one thread: an epoll loop that hands what arrives to a conversation and sends
//! what the conversation answers. One thread, so that a crowd of 64 costs the client little.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::failure::{Context, Outcome, fail};

/// A crowd that hears nothing for this long ends the benchmark.
const SILENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// One connection's conversation, without the connection.
pub(crate) trait Talk {
    /// Takes what arrived, puts what to send into `out`, says what is next.
    fn heard(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Outcome<Next>;
}

/// What a conversation wants after it heard something.
pub(crate) enum Next {
    /// More octets.
    Wait,
    /// A new connection in place of this one.
    Reopen,
    /// Nothing more; the connection is closed.
    Finished,
}

struct Member<T> {
    socket: TcpStream,
    talk: T,
    unsent: Vec<u8>,
    /// Whether the loop also waits for room to write.
    blocked: bool,
}

/// Opens one connection per conversation and runs them until all are finished.
pub(crate) fn run<T: Talk>(port: u16, talks: Vec<T>) -> Outcome<Vec<T>> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut members = HashMap::new();
    for (number, talk) in talks.into_iter().enumerate() {
        let socket = open(port, &poll, number as u64)?;
        members.insert(number as u64, Member { socket, talk, unsent: Vec::new(), blocked: false });
    }
    let mut finished = Vec::with_capacity(members.len());
    let mut scratch = vec![0_u8; 64 * 1024];
    let mut events: Vec<Event> = Vec::with_capacity(256);
    while !members.is_empty() {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&SILENCE))?;
        if events.is_empty() {
            return fail("the server said nothing on any connection for a minute");
        }
        for event in &events {
            let number = event.data.u64();
            let Some(member) = members.get_mut(&number) else { continue };
            if !member.turn(port, &poll, number, &mut scratch)? {
                finished.extend(members.remove(&number).map(|member| member.talk));
            }
        }
    }
    Ok(finished)
}

fn open(port: u16, poll: &OwnedFd, number: u64) -> Outcome<TcpStream> {
    let socket = TcpStream::connect(("127.0.0.1", port)).context(&format!("port {port}"))?;
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)?;
    epoll::add(poll, &socket, EventData::new_u64(number), EventFlags::IN)?;
    Ok(socket)
}

impl<T: Talk> Member<T> {
    /// Reads, answers; false when the conversation is finished.
    fn turn(&mut self, port: u16, poll: &OwnedFd, number: u64, scratch: &mut [u8]) -> Outcome<bool> {
        if !self.unsent.is_empty() {
            self.flush(poll, number)?;
        }
        let got = match self.socket.read(scratch) {
            Ok(0) => return fail("the server closed the connection"),
            Ok(got) => got,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let heard = scratch.get(..got).unwrap_or_default();
        match self.talk.heard(heard, &mut self.unsent)? {
            Next::Wait => self.flush(poll, number)?,
            Next::Finished => return Ok(false),
            Next::Reopen => {
                self.unsent.clear();
                self.socket = open(port, poll, number)?;
            }
        }
        Ok(true)
    }

    fn flush(&mut self, poll: &OwnedFd, number: u64) -> Outcome<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        match self.socket.write(&self.unsent) {
            Ok(sent) => drop(self.unsent.drain(..sent)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if self.blocked == self.unsent.is_empty() {
            self.blocked = !self.blocked;
            let out = if self.blocked { EventFlags::OUT } else { EventFlags::empty() };
            epoll::modify(poll, &self.socket, EventData::new_u64(number), EventFlags::IN | out)?;
        }
        Ok(())
    }
}
