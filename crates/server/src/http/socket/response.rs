//! The response to one request of a WebSocket: kept until it is whole, or sent while it is made when it is
//! long, so that no more of it is held than that. Must not: know what a request means.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use koi_proto::jmap::RequestError;
use koi_proto::jmap::websocket::RefusedMessage;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::http::Boxed;
use crate::http::account::Loaded;
use crate::http::problem::Refused;

/// Octets of a response in one frame.
const FRAME_OCTETS: usize = 64 * 1024;
/// Octets of a response that are kept until it is whole; a longer one is sent while it is made.
const WHOLE_OCTETS_MAX: usize = 1024 * 1024;

/// The response of one request. It keeps its place among those of the account until the peer has taken it:
/// who does not read does not get more and more of them.
pub(super) struct Ready {
    /// As it was made.
    pub(super) pieces: Vec<Bytes>,
    /// Of one that is long: it is sent while it is made.
    pub(super) rest: Option<Rest>,
    pub(super) place: Arc<Loaded>,
}

pub(super) struct Rest {
    pub(super) pieces: mpsc::Receiver<Bytes>,
    /// At its end: whether all of it was made.
    pub(super) making: JoinHandle<Result<(), Refused>>,
}

/// Whose request it is, for the log.
pub(super) struct Said {
    pub(super) account: String,
    pub(super) peer: IpAddr,
}

/// Answers one request: until the response is whole, or long. What was begun is finished also when the peer
/// has gone, and keeps its place as long.
pub(super) async fn respond(
    id: Option<Box<str>>,
    answering: Boxed<Result<(), Refused>>,
    mut coming: mpsc::Receiver<Bytes>,
    place: Loaded,
    said: Said,
) -> Ready {
    let place = Arc::new(place);
    let making = tokio::spawn(making(answering, Arc::clone(&place), said));
    let (mut pieces, mut octets) = (Vec::new(), 0);
    while let Some(piece) = coming.recv().await {
        octets += piece.len();
        pieces.push(piece);
        if octets >= WHOLE_OCTETS_MAX {
            let rest = Some(Rest { pieces: coming, making });
            return Ready { pieces, rest, place };
        }
    }
    let refused = |error| {
        let refused = RefusedMessage { request_id: id.clone(), error };
        vec![refused.message().as_str().as_bytes().to_vec().into()]
    };
    let pieces = match making.await {
        Ok(Ok(())) => pieces,
        Ok(Err(Refused::Jmap(error))) => refused(error),
        Ok(Err(other)) => refused(RequestError::NotRequest { detail: other.detail().into_owned().into() }),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The server goes down.
            Err(_) => Vec::new(),
        },
    };
    Ready { pieces, rest: None, place }
}

async fn making(
    answering: Boxed<Result<(), Refused>>,
    _place: Arc<Loaded>,
    said: Said,
) -> Result<(), Refused> {
    let (began, Said { account, peer }) = (Instant::now(), said);
    let answered = answering.await;
    let refused = answered.is_err();
    let ms = format!("{:.1}", began.elapsed().as_secs_f64() * 1000.0);
    tracing::info!(%peer, account, refused, ms, "request over a WebSocket");
    answered
}

/// Octets in the frames in which they are sent.
pub(super) fn frames(mut octets: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let length = octets.len().min(FRAME_OCTETS);
        (length > 0).then(|| octets.split_to(length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::account::Loads;
    use crate::http::pieces::Out;
    use koi_types::AccountId;
    use tokio::sync::Semaphore;

    fn octets(pieces: &[Bytes]) -> usize {
        pieces.iter().map(Bytes::len).sum()
    }

    #[tokio::test]
    async fn a_long_response_is_sent_before_it_is_whole() {
        const PIECE: usize = 64 * 1024;
        let loads = Arc::new(Loads::default());
        let place = loads.begin(AccountId(1), 1).unwrap();
        let (out, pieces) = Out::taken_here();
        let gate = Arc::new(Semaphore::new(0));
        let opened = Arc::clone(&gate);
        let answering: Boxed<Result<(), Refused>> = Box::pin(async move {
            for _ in 0..WHOLE_OCTETS_MAX / PIECE {
                out.write(vec![b'x'; PIECE]).await;
            }
            opened.acquire().await.unwrap().forget();
            out.write(&b"y"[..]).await;
            Ok(())
        });
        let said = Said { account: String::new(), peer: [127, 0, 0, 1].into() };
        let ready = respond(None, answering, pieces, place, said).await;
        assert_eq!(octets(&ready.pieces), WHOLE_OCTETS_MAX);
        let mut rest = ready.rest.expect("there is more to come");
        gate.add_permits(1);
        assert_eq!(rest.pieces.recv().await.as_deref(), Some(&b"y"[..]));
        assert!(rest.pieces.recv().await.is_none());
        rest.making.await.unwrap().unwrap();
        assert!(loads.begin(AccountId(1), 1).is_none(), "until the peer has it");
        drop(ready.place);
        assert!(loads.begin(AccountId(1), 1).is_some());
    }
}
