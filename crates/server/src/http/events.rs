//! The event source (RFC 8620 §7.3): a response that goes on for as long as both sides like.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use koi_proto::jmap::push::{EventSourceRequest, ping_event, state_event};
use koi_sessions::jmap::Told;
use tokio::time::Instant;

use super::answer::Answer;
use super::auth::Entered;
use super::connection::{Connection, InFlight};
use super::following::{Following, Happened};
use super::pieces::{self, Out};
use super::problem::Refused;
use super::query;
use crate::metrics::count;

/// What browsers send when they come again (the HTML standard, server-sent events).
const LAST_EVENT_ID: &str = "last-event-id";

/// Opens one.
pub(super) fn open(
    connection: &Arc<Connection>,
    entered: &Entered,
    asked: Option<&str>,
    headers: &HeaderMap,
    in_flight: &InFlight,
) -> Result<Answer, Refused> {
    let request = request(asked.unwrap_or_default())?;
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    // An id that is none of ours says nothing of what was missed: then everything is told.
    let since = last.map(|id| Told::parse(id).unwrap_or_default());
    let missed = since.is_some();
    let following = Following::begin(connection, entered, request.types.clone(), since)?;
    count(&connection.edge.metrics.event_sources);
    let body = pieces::make(in_flight, |out| async move {
        let mut stream = Stream { following, request, out, last: Instant::now() };
        stream.run(missed).await;
        true
    });
    let mut answer = Answer::pieces("text/event-stream", body);
    answer.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
    // Proxies that collect answers before they pass them on.
    let buffering = HeaderName::from_static("x-accel-buffering");
    answer.headers.insert(buffering, HeaderValue::from_static("no"));
    Ok(answer)
}

/// The three variables; all must be there.
fn request(asked: &str) -> Result<EventSourceRequest, Refused> {
    let wrong = |name: &str| Refused::BadRequest(format!("`{name}` is missing or wrong.").into());
    let variable = |name: &'static str| query::value(asked, name).ok_or_else(|| wrong(name));
    let (types, closeafter, ping) = (variable("types")?, variable("closeafter")?, variable("ping")?);
    EventSourceRequest::parse(&types, &closeafter, &ping).map_err(wrong)
}

struct Stream {
    following: Following,
    request: EventSourceRequest,
    out: Out,
    /// When the last event was sent.
    last: Instant,
}

impl Stream {
    /// Until the peer has gone or it must end.
    async fn run(&mut self, missed: bool) {
        // An id alone is no event: whoever comes again before the first says what was not missed.
        let id = self.following.told().to_string();
        if !missed && !self.out.write(format!("id: {id}\n\n")).await {
            return;
        }
        if missed && !self.out.write(": here again\n\n").await {
            return;
        }
        let mut look = missed;
        loop {
            if look && !self.tell().await {
                return;
            }
            let ping = self.request.ping_s.map(Duration::from_secs);
            let due = ping.and_then(|every| self.last.checked_add(every));
            let due_at = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            look = tokio::select! {
                happened = self.following.happens() => match happened {
                    Happened::Committed => true,
                    Happened::Ends(_) => return,
                },
                () = self.out.gone() => return,
                () = due_at => {
                    if !self.send(ping_event(self.request.ping_s.unwrap_or_default())).await {
                        return;
                    }
                    false
                }
            };
        }
    }
    /// Tells what has changed, when the peer has taken what was told before; `false`: that was all.
    async fn tell(&mut self) -> bool {
        if !self.out.has_room().await {
            return false;
        }
        let change = match self.following.news() {
            Ok(None) => return true,
            Ok(Some(change)) => change,
            Err(error) => {
                tracing::warn!(account = %self.following.login.address, %error, "an event source ends");
                return false;
            }
        };
        let event = state_event(&change, Some(&self.following.told().to_string()));
        self.send(event).await && !self.request.closes_after_state
    }
    async fn send(&mut self, event: String) -> bool {
        self.last = Instant::now();
        self.out.write(event).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use koi_proto::jmap::push::{PushType, PushTypes};

    // spec: RFC 8620 §7.3
    #[test]
    fn what_is_asked_for() {
        let all = request("types=*&closeafter=no&ping=0").unwrap();
        assert_eq!(
            all,
            EventSourceRequest { types: PushTypes::All, closes_after_state: false, ping_s: None }
        );
        let some = request("ping=60&types=Email%2CMailbox&closeafter=state&x=y").unwrap();
        assert!(some.types.contains(PushType::Mailbox) && !some.types.contains(PushType::Thread));
        assert_eq!((some.closes_after_state, some.ping_s), (true, Some(60)));
        for bad in
            ["", "types=*&closeafter=no", "types=*&closeafter=never&ping=0", "types=*&closeafter=no&ping=x"]
        {
            assert!(matches!(request(bad), Err(Refused::BadRequest(_))), "{bad}");
        }
    }
}
