//! Requests to the API (RFC 8620 §3.1): one at a time is read and answered. What is short is sent as a whole,
//! with its length; what is not goes out while it is made.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use koi_proto::jmap::{RequestError, RequestLimit};

use super::answer::Answer;
use super::body::Bounds;
use super::problem::Refused;
use super::routes::Visit;
use super::{Asked, Jmap, PIECE_OCTETS, Sent, pieces};

/// RFC 8620 §3.1, RFC 8620 §3.6.1
pub(super) async fn answer(mut visit: Visit<'_>, jmap: &dyn Jmap, body: Incoming) -> Result<Answer, Refused> {
    let login = visit.log_in().await?.proven.login;
    let (site, config) = (&visit.connection.site, visit.connection.site.config());
    let place = site.loads.begin(login.account, config.requests_per_account_max).ok_or_else(|| {
        let why = format!("{} requests of this account are worked on.", config.requests_per_account_max);
        Refused::limit(RequestLimit::MaxConcurrentRequests, why)
    })?;
    if !is_json(&visit.parts.headers) {
        let detail = "The content type must be application/json.".into();
        return Err(RequestError::NotJson { detail }.into());
    }
    let bounds = Bounds {
        octets_max: config.request_octets_max,
        pause: config.pause,
        too_large: |max| {
            Refused::limit(RequestLimit::MaxSizeRequest, format!("A request may have {max} octets."))
        },
    };
    let octets = bounds.read(body, visit.in_flight).await?;
    let asked = Asked { login, base: visit.base, peer: visit.connection.peer };
    let (telling, told) = tokio::sync::oneshot::channel();
    let mut pieces = pieces::make(visit.in_flight, |out| {
        let answering = jmap.answer(asked, Sent::Body(octets), out);
        async move {
            let answered = answering.await;
            drop(place);
            let is_whole = answered.is_ok();
            // Nobody listens any more where a part of it is sent already.
            let _ = telling.send(answered);
            is_whole
        }
    });
    let mut first = Bytes::new();
    while let Some(piece) = pieces.next().await {
        first = match first.is_empty() {
            true => piece,
            false => [first, piece].concat().into(),
        };
        if first.len() >= PIECE_OCTETS {
            pieces.begin_with(first);
            return Ok(Answer::pieces("application/json", pieces));
        }
    }
    match told.await {
        Ok(answered) => answered.map(|()| Answer::json(first)),
        // It panicked, outside of any call.
        Err(_) => Err(pieces.pass_on_panic().await),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = value.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn json_is_json_with_a_charset_too() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(text));
            is_json(&headers)
        };
        assert!(of("application/json") && of("Application/JSON; charset=utf-8"));
        assert!(!of("text/plain") && !of("application/jsonx") && !is_json(&HeaderMap::new()));
    }
}
