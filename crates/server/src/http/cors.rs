//! Which pages of other origins may ask (the Fetch standard, CORS). Logins are in headers that a page sends
//! by itself, or in a cookie that is good for pages of this server alone, so that `*` gives no page anything
//! its user did not give it.

use hyper::StatusCode;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderValue, ORIGIN, VARY,
};

use super::answer::Answer;

/// A day; browsers take less.
const MAX_AGE_SECS: &str = "86400";

/// Answers whether a page of another origin may ask for this.
pub(super) fn preflight(methods: &'static str) -> Answer {
    let mut answer = Answer::empty(StatusCode::NO_CONTENT);
    let of = |text: &'static str| HeaderValue::from_static(text);
    answer.headers.insert(ACCESS_CONTROL_ALLOW_METHODS, of(methods));
    answer.headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, of("Authorization, Content-Type, Last-Event-ID"));
    answer.headers.insert(ACCESS_CONTROL_MAX_AGE, of(MAX_AGE_SECS));
    answer
}

/// Whether pages of this origin may ask.
pub(super) fn is_allowed(origins: &[String], origin: &HeaderValue) -> bool {
    origins.iter().any(|one| one == "*" || one.as_bytes() == origin.as_bytes())
}

/// Says to the browser whether the page may read the answer.
pub(super) fn mark(origins: &[String], asked: &HeaderMap, answered: &mut HeaderMap) {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        // Whoever asks: a browser keeps what its user has looked at, and gives it to a page later.
        HeaderValue::from_static("*")
    } else {
        answered.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = asked.get(ORIGIN).filter(|origin| is_allowed(origins, origin)) else { return };
        origin.clone()
    };
    answered.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    let exposed = HeaderValue::from_static("Retry-After, WWW-Authenticate");
    answered.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(origins: &[&str], origin: Option<&str>) -> HeaderMap {
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let (mut asked, mut answered) = (HeaderMap::new(), HeaderMap::new());
        asked.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_str(origin).unwrap())));
        mark(&origins, &asked, &mut answered);
        answered
    }

    fn allowed(origins: &[&str], origin: &str) -> Option<String> {
        let answered = marked(origins, Some(origin));
        answered.get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn pages_of_origins_that_are_named() {
        assert_eq!(allowed(&["*"], "https://any.example").as_deref(), Some("*"));
        let origins = ["https://app.example", "http://localhost:3000"];
        assert_eq!(allowed(&origins, "https://app.example").as_deref(), Some("https://app.example"));
        assert_eq!(allowed(&origins, "https://app.example.evil.example"), None);
        assert_eq!(allowed(&origins, "null"), None);
        assert_eq!(allowed(&[], "https://app.example"), None);
    }

    /// A download may be kept for ever: what is said of it holds for whoever asks, or says for whom.
    #[test]
    fn what_is_kept_is_good_for_other_pages_too() {
        assert_eq!(marked(&["*"], None)[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(marked(&["https://app.example"], None)[VARY], "Origin");
    }
}
