//! Drives one session over one connection: the same for every line protocol.
//!
//! Wait for octets, a signal or the deadline; step the session until it has nothing to do; write out what it
//! made; again. Reading goes on while output waits, as long as the session wants it; a peer that does not
//! take output for `limits.write_secs` is dropped. An idle connection holds no buffer.
//!
//! Must not: know a protocol's words; wait for anything but through `select`-like polling, so that a signal
//! is seen.

mod layers;
mod login;
mod lookup;

use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use koi_mailbox::Ticket;
use koi_sessions::{Effect, EffectResult, Session, Step};
use koi_types::Timestamp;
use koi_types::limits::{INPUT_OCTETS_MAX, OUTPUT_OCTETS_HIGH};

use crate::admission::Admitted;
use crate::edge::Edge;
use crate::metrics::{add, count};
use crate::notes::Tally;
use crate::packing::Packing;
use crate::password::{Begun, StacieBegun};
use crate::watch::{Advanced, Joined};
use crate::wire::Wire;

/// A session goes on when the waiting output has shrunk to this.
const OUTPUT_OCTETS_LOW: usize = OUTPUT_OCTETS_HIGH / 4;
/// A peer that has sent so much without an answer is in the middle of a large message.
const LARGE_OCTETS: u64 = koi_types::limits::BODY_INLINE_OCTETS_MAX as u64;
/// How long a compressed connection that has nothing to say keeps what lets it compress well.
const LINGER_MS: i64 = 2000;
/// The longest wait without looking at the clock again.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// One connection being driven.
pub struct Driver {
    edge: Arc<Edge>,
    wire: Wire,
    session: Box<dyn Session>,
    admitted: Admitted,
    joined: Option<Joined>,
    /// Other accounts whose commits the session hears of.
    following: Vec<Joined>,
    peer: IpAddr,
    out: Vec<u8>,
    /// How much of `out` is written.
    written: usize,
    flushed: bool,
    input_closed: bool,
    /// Octets read since something was written.
    unanswered: u64,
    /// Octets the session was given since it was last stepped: it keeps them until then.
    unstepped: usize,
    /// Some of them came after the last acknowledgement.
    unacknowledged: bool,
    /// When the peer last took output, or when output began to wait.
    moved: Instant,
    /// Since when a commit is awaited.
    committing: Option<Instant>,
    /// A SCRAM exchange between its halves.
    scram: Option<Box<Begun>>,
    /// The same of STACIE.
    stacie: Option<Box<StacieBegun>>,
    pub tally: Tally,
}

/// Why driving ended.
#[derive(Debug)]
pub enum End {
    /// The session closed.
    Closed,
    /// The connection broke, or the peer closed it.
    Peer(io::ErrorKind),
    /// The peer did not read for too long.
    NotReading,
    Handshake,
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Peer(error.kind())
    }
}

/// What a wait ended with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moved {
    Read,
    Wrote,
    Signal,
    Time,
    Done,
}

impl Driver {
    pub fn new(
        edge: Arc<Edge>,
        wire: Wire,
        session: Box<dyn Session>,
        admitted: Admitted,
        peer: IpAddr,
        tally: Tally,
    ) -> Self {
        Self {
            edge,
            wire,
            session,
            admitted,
            joined: None,
            following: Vec::new(),
            peer,
            out: Vec::new(),
            written: 0,
            flushed: true,
            input_closed: false,
            unanswered: 0,
            unstepped: 0,
            unacknowledged: false,
            moved: Instant::now(),
            committing: None,
            scram: None,
            stacie: None,
            tally,
        }
    }

    /// Until the session closes or the connection ends.
    pub async fn run(&mut self) -> End {
        loop {
            match self.turn().await {
                Ok(true) => {}
                Ok(false) => return End::Closed,
                Err(end) => return end,
            }
        }
    }

    /// The session's task is being unwound.
    pub fn panicked(&self) {
        count(&self.edge.metrics.sessions_panicked);
        tracing::error!(peer = %self.peer, "a session panicked and was closed; please report this bug");
    }

    /// One step and what it asked for. `false`: closed.
    async fn turn(&mut self) -> Result<bool, End> {
        self.signals();
        self.forget_written();
        let began = Instant::now();
        if self.out.is_empty() {
            self.moved = began;
        }
        let step = self.step();
        self.edge.metrics.step.record(began.elapsed());
        self.tally.take(self.session.take_notes(), &self.edge.metrics);
        match step {
            Step::NeedInput if self.input_closed => return self.close().await,
            Step::NeedInput => self.idle().await?,
            Step::OutputFull => self.drain(OUTPUT_OCTETS_LOW).await?,
            Step::Yield => self.give_way().await?,
            Step::Await(ticket) => self.commit(ticket).await?,
            Step::Effect(effect) => self.effect(effect).await?,
            Step::StartTls => Box::pin(self.start_tls()).await?,
            Step::StartCompress => self.start_compress().await?,
            Step::Unauthenticated => Box::pin(self.unauthenticated()).await?,
            Step::Close => return self.close().await,
        }
        Ok(true)
    }

    /// The end of a large message waits for the disk and parses it all, and some commands work on whole
    /// messages: first the other connections of this thread are given to another.
    fn step(&mut self) -> Step {
        self.unstepped = 0;
        let is_long = self.unanswered >= LARGE_OCTETS || self.session.works_long();
        let mut step = || self.session.step(crate::clock::now(), &mut self.out);
        if is_long { tokio::task::block_in_place(step) } else { step() }
    }

    /// Hands signals on to the session. Answers whether it is to end.
    fn signals(&mut self) -> bool {
        let signals = self.admitted.link.take();
        if signals.shutdown {
            self.session.shutdown();
        }
        if signals.account_gone {
            self.session.account_gone();
        }
        if !signals.advanced.is_empty() {
            let watched = self.session.watches();
            for Advanced { account, modseq } in signals.advanced {
                if watched.contains(&account) {
                    self.session.state_advanced(account, modseq);
                }
            }
        }
        signals.shutdown || signals.account_gone
    }

    /// Follows the accounts that the session watches and is not logged in to, and no others.
    fn follow(&mut self) {
        let watched = self.session.watches();
        self.following.retain(|joined| watched.contains(&joined.account));
        let own = self.joined.as_ref().map(|joined| joined.account);
        for account in watched {
            let known = self.following.iter().any(|joined| joined.account == account);
            if Some(account) != own && !known {
                self.following.extend(self.edge.watch.follow(account, &self.admitted.link));
            }
        }
    }

    /// Nothing to do: until octets, a signal or the deadline come.
    async fn idle(&mut self) -> Result<(), End> {
        self.follow();
        let deadline = self.session.deadline();
        if self.out.is_empty() {
            self.out = Vec::new();
            if std::mem::take(&mut self.unacknowledged) {
                self.wire.acknowledge_now();
            }
        }
        self.wire.has_been_read();
        let mut linger = self.linger();
        loop {
            let quiet = self.quiet();
            if quiet && linger.is_some_and(|until| until <= crate::clock::now()) {
                self.wire.packing().into_iter().for_each(Packing::put_down);
                linger = None;
            }
            let until = deadline.into_iter().chain(linger.filter(|_| quiet)).min();
            match self.wait(until, None).await? {
                Moved::Wrote => {}
                Moved::Time if linger.is_some_and(|until| until <= crate::clock::now()) => {}
                _ => return Ok(()),
            }
        }
    }

    /// When a compressed connection that stays idle gives back its memory; at once in IDLE.
    fn linger(&mut self) -> Option<Timestamp> {
        let (now, rests) = (crate::clock::now(), self.session.rests());
        let may_linger = !rests && self.wire.packing()?.may_linger();
        Some(if may_linger { Timestamp(now.0.saturating_add(LINGER_MS)) } else { now })
    }

    /// Writes until at most `left` octets wait; a session that wants input gets some meanwhile, but is not
    /// stepped.
    async fn drain(&mut self, left: usize) -> Result<(), End> {
        while self.out.len() - self.written > left || (left == 0 && !self.flushed) {
            if self.wait(None, None).await? == Moved::Signal {
                self.signals();
            }
        }
        Ok(())
    }

    /// Lets others have their turn; writes what can be written without waiting.
    async fn give_way(&mut self) -> Result<(), End> {
        poll_fn(|cx| match self.poll_wire(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(End::from(error))),
            _ => Poll::Ready(Ok(())),
        })
        .await?;
        self.check_moving()?;
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Until the commit is durable; at the deadline the session is stepped, and asks for the same again.
    async fn commit(&mut self, ticket: Ticket) -> Result<(), End> {
        let began = *self.committing.get_or_insert_with(Instant::now);
        let deadline = self.session.deadline();
        let mut ticket = pin!(ticket);
        loop {
            match self.wait(deadline, Some(ticket.as_mut())).await? {
                Moved::Done => break,
                Moved::Time if deadline.is_some_and(|deadline| deadline <= crate::clock::now()) => {
                    return Ok(());
                }
                _ => {}
            }
        }
        self.committing = None;
        self.edge.metrics.commit.record(began.elapsed());
        Ok(())
    }

    /// The one place where a connection waits.
    async fn wait(
        &mut self,
        deadline: Option<Timestamp>,
        mut ticket: Option<std::pin::Pin<&mut Ticket>>,
    ) -> Result<Moved, End> {
        let link = Arc::clone(&self.admitted.link);
        let mut woken = pin!(link.woken());
        let mut sleep = pin!(tokio::time::sleep(self.until(deadline)));
        let waiting = !self.quiet();
        let moved = poll_fn(|cx| {
            if let Some(ticket) = &mut ticket
                && ticket.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Ok(Moved::Done));
            }
            // A signal while a commit is awaited waits too: the step after it takes it.
            if ticket.is_none() && woken.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(Moved::Signal));
            }
            if let Poll::Ready(moved) = self.poll_wire(cx) {
                return Poll::Ready(moved.map_err(End::from));
            }
            sleep.as_mut().poll(cx).map(|()| Ok(Moved::Time))
        })
        .await?;
        if moved == Moved::Time && waiting {
            self.check_moving()?;
        }
        Ok(moved)
    }

    /// Writes, then reads. Reading alone does not count as moving: a peer may send and never read.
    fn poll_wire(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Moved>> {
        let mut wrote = false;
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            let Poll::Ready(length) = self.wire.poll_write(cx, rest)? else { break };
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += length;
            self.flushed = false;
            wrote = true;
            add(&self.edge.metrics.octets_out, length as u64);
            self.tally.octets_out += length as u64;
        }
        // In the middle a flush would only cost what it lets the peer see early.
        let all = self.written == self.out.len();
        if all && !self.flushed && self.wire.poll_flush(cx)?.is_ready() {
            self.flushed = true;
            wrote = true;
        }
        if wrote {
            self.moved = Instant::now();
            self.unanswered = 0;
            self.unacknowledged = false;
        }
        // Output may wait for as long as the peer likes, and the session with it.
        let has_room = self.unstepped < INPUT_OCTETS_MAX;
        if !self.input_closed && has_room && self.session.wants_input() {
            let session = &mut self.session;
            match self.wire.poll_read(cx, &mut |octets| session.input(octets)) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(self.end_of_input())),
                // TLS without close_notify: many clients just leave.
                Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(self.end_of_input()));
                }
                Poll::Ready(Ok(length)) => {
                    add(&self.edge.metrics.octets_in, length as u64);
                    self.tally.octets_in += length as u64;
                    self.unanswered = self.unanswered.saturating_add(length as u64);
                    self.unstepped = self.unstepped.saturating_add(length);
                    self.unacknowledged = true;
                    return Poll::Ready(Ok(Moved::Read));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
        }
        if wrote { Poll::Ready(Ok(Moved::Wrote)) } else { Poll::Pending }
    }

    fn end_of_input(&mut self) -> Moved {
        self.input_closed = true;
        match self.wire.is_broken() {
            true => self.session.input_broken(),
            false => self.session.input_closed(),
        }
        Moved::Read
    }

    fn quiet(&self) -> bool {
        self.written == self.out.len() && self.flushed
    }

    /// How long to sleep at most: to the session's deadline, or until the peer has not read for too long.
    fn until(&self, deadline: Option<Timestamp>) -> Duration {
        let mut sleep = SLEEP_MAX;
        if let Some(deadline) = deadline {
            let millis = deadline.0.saturating_sub(crate::clock::now().0);
            sleep = sleep.min(Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
        }
        if !self.quiet() {
            sleep = sleep.min(self.edge.limits().write.saturating_sub(self.moved.elapsed()));
        }
        sleep
    }

    fn check_moving(&self) -> Result<(), End> {
        if !self.quiet() && self.moved.elapsed() >= self.edge.limits().write {
            count(&self.edge.metrics.slow_peers_dropped);
            return Err(End::NotReading);
        }
        Ok(())
    }

    fn forget_written(&mut self) {
        if self.written == self.out.len() {
            self.out.clear();
        } else {
            self.out.drain(..self.written);
        }
        self.written = 0;
    }

    async fn effect(&mut self, effect: Effect) -> Result<(), End> {
        self.drain(0).await?;
        let result = match effect {
            Effect::Authenticate(credentials) => self.authenticate(&credentials).await,
            Effect::ScramBegin(name) => EffectResult::ScramBegun(self.scram_begin(&name)),
            Effect::ScramProve(proof) => EffectResult::ScramProved(self.scram_prove(&proof).await),
            Effect::StacieBegin(name) => EffectResult::StacieBegun(self.stacie_begin(&name)),
            Effect::StacieProve(proof) => EffectResult::StacieProved(self.stacie_prove(&proof).await),
            Effect::Organisation(domain) => {
                let others = Arc::clone(&self.edge.organisations);
                EffectResult::Organisation(self.looked_up(others.organisation(&domain, self.asker())).await?)
            }
            Effect::Signets(wanted) => {
                let others = Arc::clone(&self.edge.organisations);
                EffectResult::Signets(
                    self.looked_up(others.signets(&wanted, self.asker())).await?.map(Box::new),
                )
            }
            Effect::EndOthers => {
                if let Some(joined) = &self.joined {
                    self.edge.watch.others_gone(joined.account, &self.admitted.link);
                }
                EffectResult::OthersEnded
            }
        };
        self.session.effect_done(result);
        Ok(())
    }

    /// Writes only; used where reading is forbidden.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let rest = self.out.get(self.written..).unwrap_or_default();
        if rest.is_empty() {
            self.flushed = true;
            return Poll::Ready(Ok(()));
        }
        self.wire.poll_write(cx, rest).map(|length| {
            self.written += length?;
            Ok(())
        })
    }

    async fn close(&mut self) -> Result<bool, End> {
        // Nobody reads input any more; the rest of it must not make the peer miss the last words.
        self.input_closed = true;
        self.drain(0).await?;
        let limit = self.edge.limits().write.min(Duration::from_secs(5));
        let shutdown = poll_fn(|cx| self.wire.poll_shutdown(cx));
        let _ = tokio::time::timeout(limit, shutdown).await;
        Ok(false)
    }
}
