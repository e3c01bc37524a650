//! Section `webpush`.

use std::path::Path;
use std::time::Duration;

use super::{count, secs, small};
use crate::config::raw::Raw;
use crate::problem::Problem;
use crate::webpush::SendSettings;

/// Between two pushes of states to one user: what a person does, and what comes in at once, is one push.
const STATES_PAUSE: Duration = Duration::from_secs(2);

/// Section `webpush`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebPushConfig {
    pub send: SendSettings,
    pub subscriptions_max: u16,
    pub waiting_max: usize,
}

pub(super) fn webpush(raw: &Raw, base: &Path) -> Result<Option<WebPushConfig>, Problem> {
    let domain = raw.list("server.domains").into_iter().next().unwrap_or_default().to_lowercase();
    let contact = raw.text("webpush.contact").unwrap_or_else(|| format!("mailto:postmaster@{domain}"));
    if !["mailto:", "https:"].iter().any(|scheme| contact.starts_with(scheme)) {
        let what = format!("{}: `{contact}` is not a URI", raw.place("webpush.contact"));
        return Err(Problem::usage(what, "write mailto:user@domain or an https: URI"));
    }
    let send = SendSettings {
        contact: contact.into(),
        ca_file: raw.text("webpush.ca_file").map(|file| base.join(file)),
        private: raw.switch("webpush.private"),
        any_port: raw.switch("webpush.any_port"),
        proxy: proxy(raw)?,
        connect: secs(raw, "webpush.connect_secs"),
        answer: secs(raw, "webpush.answer_secs"),
        backoff: Duration::from_secs(5),
        requests_max: count(raw, "webpush.requests_max"),
        requests_per_origin_max: count(raw, "webpush.requests_per_origin_max"),
        couriers_per_account_max: count(raw, "webpush.requests_per_account_max"),
        pushes_per_minute_max: small(raw, "webpush.pushes_per_minute_max"),
        ttl_secs: small(raw, "webpush.ttl_secs"),
        states_pause: STATES_PAUSE,
    };
    let subscriptions_max = u16::try_from(raw.number("webpush.subscriptions_max")).unwrap_or(u16::MAX);
    let waiting_max = count(raw, "webpush.waiting_max");
    let all = WebPushConfig { send, subscriptions_max, waiting_max };
    Ok(raw.switch("webpush.enabled").then_some(all))
}

/// `host:port`, also with `http://` before it.
fn proxy(raw: &Raw) -> Result<Option<Box<str>>, Problem> {
    let Some(text) = raw.text("webpush.proxy") else { return Ok(None) };
    let authority = text.strip_prefix("http://").unwrap_or(&text).trim_end_matches('/');
    let port = authority.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    if port.is_none_or(|port| port.parse::<u16>().is_err()) || authority.contains(['/', '@', ' ']) {
        let what = format!("{}: `{text}` is not a proxy", raw.place("webpush.proxy"));
        return Err(Problem::usage(what, "write host:port"));
    }
    Ok(Some(authority.into()))
}
