//! JMAP over a WebSocket (RFC 8887; RFC 6455): requests in any order, their responses as they are ready, and
//! changes when the client wants to hear of them.
//!
//! The library does frames; this says how much, how long, and who may. A message is held to the limit of a
//! request; one that trickles in, a peer that does not read, and one that is gone end the connection.
//! Requests count with those of the API. Must not: know what a request means.

mod alive;
mod response;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use koi_proto::jmap::push::{PushTypes, StateChange};
use koi_proto::jmap::websocket::{ClientMessage, RefusedMessage, state_change};
use koi_proto::jmap::{Request, RequestError, RequestLimit};
use koi_sessions::jmap::Told;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use super::account::Loaded;
use super::connection::{Connection, InFlight};
use super::following::{Following, Happened, Why};
use super::metered::{Meter, Metered, Places};
use super::pieces::Out;
use super::{Asked, Sent};
use crate::metrics::{add, count};
use alive::Alive;
use response::{Ready, Rest, Said, frames, respond};

/// What the library reads at a time.
const READ_OCTETS: usize = 8 * 1024;
/// Of the closing handshake.
const CLOSING: Duration = Duration::from_secs(5);
/// A message that takes long comes at this rate on average.
const OCTETS_PER_SECOND_MIN: u64 = 1024;

type Stream = WebSocketStream<Metered<TokioIo<Upgraded>>>;

/// One socket.
pub(super) struct Socket {
    connection: Arc<Connection>,
    following: Following,
    base: String,
    peer: IpAddr,
    stream: Stream,
    meter: Meter,
    /// Requests at work; each ends with its response.
    working: JoinSet<Ready>,
    /// What must be said.
    waiting: VecDeque<Bytes>,
    /// The client wants to hear of changes.
    pushes: bool,
    /// There may be some.
    look: bool,
    alive: Alive,
    /// What came cannot be read on.
    is_broken: bool,
    began: Instant,
    requests: u64,
}

/// Why it ends, as the peer is told.
struct End {
    code: CloseCode,
    reason: &'static str,
}

const FAILED: End = End { code: CloseCode::Error, reason: "internal error" };

/// Serves one socket to its end. It is in flight as long.
pub(super) async fn serve(
    connection: Arc<Connection>,
    following: Following,
    base: String,
    upgrade: OnUpgrade,
    in_flight: InFlight,
) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(peer = %connection.peer, %error, "no WebSocket came of it");
            return;
        }
    };
    // What keeps a peer waiting is seen to here.
    in_flight.rests();
    count(&connection.edge.metrics.websockets);
    let meter = Meter::default();
    let octets_max = connection.site.config().request_octets_max;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_OCTETS)
        .write_buffer_size(0)
        .max_message_size(Some(octets_max))
        .max_frame_size(Some(octets_max));
    let places = Places {
        loads: Arc::clone(&connection.site.loads),
        account: following.login.account,
        max: connection.site.config().requests_per_account_max,
    };
    let io = Metered::new(TokioIo::new(upgraded), meter.clone(), places);
    let stream = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let (peer, now) = (connection.peer, Instant::now());
    let mut socket = Socket {
        connection,
        following,
        base,
        peer,
        stream,
        meter,
        working: JoinSet::new(),
        waiting: VecDeque::new(),
        pushes: false,
        look: false,
        alive: Alive::new(now),
        is_broken: false,
        began: now,
        requests: 0,
    };
    let end = socket.run().await;
    socket.close(end).await;
    drop(in_flight);
}

impl Socket {
    /// Until one side has enough; nothing when the peer has gone.
    async fn run(&mut self) -> Option<End> {
        loop {
            while let Some(message) = self.waiting.pop_front() {
                self.say(vec![message]).await?;
            }
            if std::mem::take(&mut self.look) && self.pushes {
                match self.following.news() {
                    Ok(change) => change.into_iter().for_each(|change| self.push(&change)),
                    Err(error) => {
                        tracing::warn!(account = %self.following.login.address, %error, "a WebSocket ends");
                        return Some(FAILED);
                    }
                }
                continue;
            }
            let due = self.due();
            tokio::select! {
                message = self.stream.next() => match message {
                    Some(Ok(message)) => {
                        self.alive.heard(Instant::now());
                        if let Some(end) = self.take(message)? {
                            return Some(end);
                        }
                    }
                    Some(Err(error)) => return self.broken(&error).await,
                    None => return None,
                },
                Some(ready) = self.working.join_next() => match ready {
                    Ok(ready) => if let Some(end) = self.tell(ready).await? {
                        return Some(end);
                    },
                    Err(_) => return Some(self.panicked()),
                },
                happened = self.following.happens() => match happened {
                    Happened::Committed => self.look = true,
                    Happened::Ends(Why::Shutdown) => {
                        return self.finish_requests().await;
                    }
                    // RFC 8887 §4.2
                    Happened::Ends(Why::LoggedOut) => {
                        return Some(End { code: CloseCode::Policy, reason: "log in again" });
                    }
                },
                () = tokio::time::sleep_until(due) => {
                    if let Some(end) = self.check()? {
                        return Some(end);
                    }
                    self.ask().await?;
                }
            }
        }
    }

    /// A message came. Nothing in the outer answer: the peer has gone.
    fn take(&mut self, message: Message) -> Option<Option<End>> {
        match message {
            Message::Text(text) => {
                let place = self.meter.message_came();
                self.read(text.as_bytes(), place);
            }
            // RFC 8887 §4.3.1
            Message::Binary(_) => {
                return Some(Some(End { code: CloseCode::Unsupported, reason: "only text is understood" }));
            }
            // The library has answered.
            Message::Ping(octets) | Message::Pong(octets) => self.meter.control_came(octets.len()),
            Message::Frame(_) => {}
            Message::Close(_) => return None,
        }
        Some(None)
    }

    /// RFC 8887 §4.3; with the place it has, if it was not short.
    fn read(&mut self, octets: &[u8], place: Option<Loaded>) {
        add(&self.connection.edge.metrics.octets_in, octets.len() as u64);
        let Some(jmap) = self.connection.site.jmap.as_deref() else { return };
        match jmap.message(octets) {
            Ok(ClientMessage::Request { id, request }) => self.begin(id, request, place),
            Ok(ClientMessage::PushEnable { types, push_state }) => self.listen(types, push_state.as_deref()),
            Ok(ClientMessage::PushDisable) => self.pushes = false,
            Err(refused) => self.refuse(&refused),
        }
    }

    /// RFC 8887 §4.3.2
    fn begin(&mut self, id: Option<Box<str>>, request: Request, place: Option<Loaded>) {
        let site = Arc::clone(&self.connection.site);
        let most = site.config().requests_per_account_max;
        let place = place.or_else(|| site.loads.begin(self.following.login.account, most));
        let Some(place) = place else {
            let detail = format!("{most} requests of this account are worked on.").into();
            let error = RequestError::Limit { limit: RequestLimit::MaxConcurrentRequests, detail };
            return self.refuse(&RefusedMessage { request_id: id, error });
        };
        let Some(jmap) = site.jmap.as_deref() else { return };
        self.requests += 1;
        let (login, base) = (self.following.login.clone(), self.base.clone());
        let asked = Asked { login, base, peer: self.peer };
        let (out, pieces) = Out::taken_here();
        let answering = jmap.answer(asked, Sent::Message { id: id.clone(), request }, out);
        let said = Said { account: self.following.login.address.to_string(), peer: self.peer };
        self.working.spawn(respond(id, answering, pieces, place, said));
    }

    /// RFC 8887 §4.3.5.2: what has changed since the token is told at once.
    fn listen(&mut self, types: PushTypes, push_state: Option<&str>) {
        // One that is none of ours says nothing of what was missed: then everything is told.
        let since = push_state.map(|state| Told::parse(state).unwrap_or_default());
        self.look = since.is_some();
        self.pushes = true;
        if let Err(error) = self.following.listen(types, since) {
            tracing::warn!(account = %self.following.login.address, %error, "no pushes over a WebSocket");
            self.pushes = false;
        }
    }

    /// RFC 8887 §4.3.5.1
    fn push(&mut self, change: &StateChange) {
        let told = self.following.told().to_string();
        self.waiting.push_back(state_change(change, Some(&told)).as_str().as_bytes().to_vec().into());
    }

    /// RFC 8887 §4.3.4
    fn refuse(&mut self, refused: &RefusedMessage) {
        count(&self.connection.edge.metrics.http_refused);
        self.waiting.push_back(refused.message().as_str().as_bytes().to_vec().into());
    }

    /// Nothing in the outer answer: the peer does not take it. In the inner one: it goes on.
    async fn tell(&mut self, ready: Ready) -> Option<Option<End>> {
        let Ready { pieces, rest, place: _place } = ready;
        let Some(Rest { pieces: mut coming, making }) = rest else {
            self.say(pieces).await?;
            return Some(None);
        };
        let began = Instant::now();
        let mut code = OpCode::Data(Data::Text);
        for octets in pieces.into_iter().flat_map(frames) {
            self.send(octets, &mut code, false).await?;
        }
        // Other messages wait: RFC 6455 §5.4 has one after the other.
        while let Some(piece) = coming.recv().await {
            for octets in frames(piece) {
                self.send(octets, &mut code, false).await?;
            }
        }
        // One that breaks off is none, and no other can come after it.
        match making.await {
            Ok(Ok(())) => self.send(Bytes::new(), &mut code, true).await?,
            Ok(Err(_)) => return Some(Some(FAILED)),
            Err(_) => return Some(Some(self.panicked())),
        }
        self.not_listened(began);
        Some(None)
    }

    /// One message, in frames; nothing when the peer does not take them.
    async fn say(&mut self, pieces: Vec<Bytes>) -> Option<()> {
        let began = Instant::now();
        let mut frames = pieces.into_iter().flat_map(frames).peekable();
        let mut code = OpCode::Data(Data::Text);
        while let Some(octets) = frames.next() {
            let is_last = frames.peek().is_none();
            self.send(octets, &mut code, is_last).await?;
        }
        self.not_listened(began);
        Some(())
    }

    /// Nothing was read since: that is no time the peer has taken. It has not been heard either, so that one
    /// that is gone is noticed however much it is told.
    fn not_listened(&mut self, began: Instant) {
        let took = began.elapsed();
        self.alive.not_listened(took);
        self.meter.not_listened(took);
    }

    /// A request did: it is told of here, and ends its socket alone.
    fn panicked(&self) -> End {
        count(&self.connection.edge.metrics.sessions_panicked);
        tracing::error!(peer = %self.peer, "a request panicked; please report this bug");
        FAILED
    }

    async fn send(&mut self, octets: Bytes, code: &mut OpCode, is_last: bool) -> Option<()> {
        let limit = self.connection.edge.limits().write;
        add(&self.connection.edge.metrics.octets_out, octets.len() as u64);
        let code = std::mem::replace(code, OpCode::Data(Data::Continue));
        let frame = Message::Frame(Frame::message(octets, code, is_last));
        match tokio::time::timeout(limit, self.stream.send(frame)).await {
            Ok(sent) => sent.ok(),
            Err(_) => {
                count(&self.connection.edge.metrics.slow_peers_dropped);
                None
            }
        }
    }

    /// The library has complained about what came: the peer is told, as far as it can be (RFC 6455 §7.4.1).
    async fn broken(&mut self, error: &Error) -> Option<End> {
        self.is_broken = true;
        match error {
            Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
                let detail = format!("A request may have {max_size} octets.").into();
                let error = RequestError::Limit { limit: RequestLimit::MaxSizeRequest, detail };
                let refused = RefusedMessage { request_id: None, error };
                self.say(vec![refused.message().as_str().as_bytes().to_vec().into()]).await?;
                Some(End { code: CloseCode::Size, reason: "the message is too large" })
            }
            Error::Utf8(_) => Some(End { code: CloseCode::Invalid, reason: "the message is not UTF-8" }),
            Error::Protocol(_) => Some(End { code: CloseCode::Protocol, reason: "the frame is wrong" }),
            _ => None,
        }
    }

    /// What was begun is finished before the server goes down.
    async fn finish_requests(&mut self) -> Option<End> {
        while let Some(ready) = self.working.join_next().await {
            let Ok(ready) = ready else { return Some(self.panicked()) };
            if let Some(end) = self.tell(ready).await? {
                return Some(end);
            }
        }
        Some(End { code: CloseCode::Away, reason: "the server goes down" })
    }

    /// When something must be done about a peer that does nothing.
    fn due(&mut self) -> Instant {
        self.hear();
        // Octets of a message may come while this waits.
        let look = || Instant::now() + self.connection.site.config().pause;
        if self.meter.is_held_up() {
            return look();
        }
        let answer = self.alive.due(self.connection.edge.limits().write);
        answer.min(self.whole_by().unwrap_or_else(look))
    }
    /// What came of a message that is not whole yet.
    fn hear(&mut self) {
        if let Some(waiting) = self.meter.waiting() {
            self.alive.heard(waiting.last);
        }
    }
    /// When a message that is under way must be there.
    fn whole_by(&self) -> Option<Instant> {
        let waiting = self.meter.waiting()?;
        let octets = Duration::from_secs(waiting.octets / OCTETS_PER_SECOND_MIN);
        Some(waiting.since + self.connection.site.config().pause + octets)
    }
    /// Whether it must end.
    fn check(&mut self) -> Option<Option<End>> {
        let now = Instant::now();
        if self.meter.is_held_up() {
            // Whatever it says is not read, nor is its answer.
            self.alive.heard(now);
            return Some(None);
        }
        self.hear();
        if self.alive.is_gone(now, self.connection.edge.limits().write) {
            return None;
        }
        let is_slow = self.whole_by().is_some_and(|whole| now >= whole);
        if is_slow {
            count(&self.connection.edge.metrics.slow_peers_dropped);
        }
        Some(is_slow.then_some(End { code: CloseCode::Policy, reason: "the message did not come in time" }))
    }
    /// Is it still there?
    async fn ask(&mut self) -> Option<()> {
        let began = Instant::now();
        if self.alive.is_to_be_asked(began) {
            let limit = self.connection.edge.limits().write;
            let ping = self.stream.send(Message::Ping(Bytes::new()));
            tokio::time::timeout(limit, ping).await.ok()?.ok()?;
            self.not_listened(began);
            self.alive.asked(Instant::now());
        }
        Some(())
    }

    /// The closing handshake, and a line in the log.
    async fn close(mut self, end: Option<End>) {
        let (account, secs) = (self.following.login.address.to_string(), self.began.elapsed().as_secs_f64());
        let reason = end.as_ref().map_or("peer left", |end| end.reason);
        let secs = format!("{secs:.1}");
        tracing::info!(peer = %self.peer, account, requests = self.requests, secs, reason, "WebSocket ended");
        let goodbye = async {
            if let Some(End { code, reason }) = end {
                let frame = CloseFrame { code, reason: reason.into() };
                let _ = self.stream.send(Message::Close(Some(frame))).await;
            }
            // Until the peer has said the same, or gone.
            while let Some(Ok(_)) = self.stream.next().await {}
            if self.is_broken {
                // What still comes is thrown away: unread it would make the peer miss the last words.
                let stream = self.stream.get_mut();
                let _ = stream.shutdown().await;
                let mut octets = [0; 1024];
                while stream.read(&mut octets).await.is_ok_and(|count| count > 0) {}
            }
        };
        let _ = tokio::time::timeout(CLOSING, goodbye).await;
    }
}
