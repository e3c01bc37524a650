//! Sections `imap`, `dmap`, `dmtp`, `http` and `smtp`: what their sessions are told.

use std::time::Duration;

use koi_proto::dmap::Mode;

use super::{count, secs, small};
use crate::config::raw::Raw;
use crate::problem::Problem;

/// Section `imap`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImapConfig {
    pub compress: bool,
    pub unauthenticate: bool,
    pub administrators: Vec<koi_types::Address>,
    pub submitters: Vec<koi_types::Address>,
    /// 0: no bound.
    pub commands_per_second_max: u32,
    /// 0: never.
    pub progress_secs: u32,
    /// 0: no bound.
    pub search_secs_max: u32,
    /// `None`: no bound.
    pub search_octets_max: Option<u64>,
    pub notifications_max: usize,
    pub connection_memory_max: usize,
    pub notify_accounts_max: usize,
}

/// Section `dmap`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DmapConfig {
    /// What is said of accounts before login.
    pub mode: Mode,
    /// 0: no bound.
    pub commands_per_second_max: u32,
    /// 0: no bound.
    pub search_secs_max: u32,
    pub connection_memory_max: usize,
}

/// What of section `dmtp` comes in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DmtpConfig {
    pub idle_secs: u32,
    pub connections_per_minute_max: u32,
    pub messages_per_minute_max: u32,
    pub lookups_per_minute_max: u32,
    pub errors_per_minute_max: u32,
}

/// Section `http`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpConfig {
    /// `None`: as the client has asked.
    pub url: Option<String>,
    pub origins: Vec<String>,
    pub idle: Duration,
    /// Between two octets of a body.
    pub pause: Duration,
    pub header_octets_max: usize,
    pub request_octets_max: usize,
    pub requests_per_connection_max: usize,
    pub requests_per_account_max: usize,
    /// Event sources and WebSockets.
    pub streams_per_account_max: usize,
    /// A cookie that is not used.
    pub login_idle: Duration,
}

/// Section `smtp`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SmtpConfig {
    pub recipients_max: usize,
    pub postmaster: Option<koi_types::Address>,
    pub greeting_delay_ms: u32,
    pub connections_per_minute_max: u32,
    pub messages_per_minute_max: u32,
    pub recipients_per_minute_max: u32,
    pub errors_per_minute_max: u32,
    pub account_messages_per_hour_max: u32,
    pub account_messages_per_day_max: u32,
    pub account_recipients_per_hour_max: u32,
    pub account_recipients_per_day_max: u32,
}

pub(super) fn imap(raw: &Raw) -> Result<ImapConfig, Problem> {
    Ok(ImapConfig {
        compress: raw.switch("imap.compress"),
        unauthenticate: raw.switch("imap.unauthenticate"),
        administrators: address_list(raw, "imap.administrators")?,
        submitters: address_list(raw, "imap.submitters")?,
        commands_per_second_max: small(raw, "imap.commands_per_second_max"),
        progress_secs: small(raw, "imap.progress_secs"),
        search_secs_max: small(raw, "imap.search_secs_max"),
        search_octets_max: Some(raw.number("imap.search_octets_max")).filter(|n| *n > 0),
        notifications_max: count(raw, "imap.notifications_max"),
        connection_memory_max: count(raw, "imap.connection_memory_max"),
        notify_accounts_max: count(raw, "imap.notify_accounts_max"),
    })
}

pub(super) fn dmap(raw: &Raw) -> DmapConfig {
    let mode = raw.text("dmap.mode").and_then(|mode| Mode::parse(&mode));
    DmapConfig {
        mode: mode.unwrap_or(Mode::Trustful),
        commands_per_second_max: small(raw, "dmap.commands_per_second_max"),
        search_secs_max: small(raw, "dmap.search_secs_max"),
        connection_memory_max: count(raw, "dmap.connection_memory_max"),
    }
}

pub(super) fn dmtp(raw: &Raw) -> DmtpConfig {
    DmtpConfig {
        idle_secs: small(raw, "dmtp.idle_secs"),
        connections_per_minute_max: small(raw, "dmtp.connections_per_minute_max"),
        messages_per_minute_max: small(raw, "dmtp.messages_per_minute_max"),
        lookups_per_minute_max: small(raw, "dmtp.lookups_per_minute_max"),
        errors_per_minute_max: small(raw, "dmtp.errors_per_minute_max"),
    }
}

pub(super) fn http(raw: &Raw) -> Result<HttpConfig, Problem> {
    let url = raw.text("http.url");
    if let Some(url) =
        url.as_ref().filter(|url| !url.starts_with("https://") || url.contains(['?', '#', ' ']))
    {
        let what = format!("{}: `{url}` is not the beginning of a URL", raw.place("http.url"));
        return Err(Problem::usage(what, "write such as https://mail.example.org"));
    }
    Ok(HttpConfig {
        url,
        origins: raw.list("http.origins"),
        idle: secs(raw, "http.idle_secs"),
        pause: secs(raw, "http.pause_secs"),
        header_octets_max: count(raw, "http.header_octets_max"),
        request_octets_max: count(raw, "http.request_octets_max"),
        requests_per_connection_max: count(raw, "http.requests_per_connection_max"),
        requests_per_account_max: count(raw, "http.requests_per_account_max"),
        streams_per_account_max: count(raw, "http.streams_per_account_max"),
        login_idle: secs(raw, "http.login_idle_secs"),
    })
}

pub(super) fn smtp(raw: &Raw) -> Result<SmtpConfig, Problem> {
    let postmaster = raw.text("smtp.postmaster").map(|text| {
        koi_types::Address::parse(&text).ok_or_else(|| {
            let what = format!("{}: `{text}` is not an address", raw.place("smtp.postmaster"));
            Problem::usage(what, "write user@domain")
        })
    });
    Ok(SmtpConfig {
        recipients_max: count(raw, "smtp.recipients_max"),
        postmaster: postmaster.transpose()?,
        greeting_delay_ms: small(raw, "smtp.greeting_delay_ms"),
        connections_per_minute_max: small(raw, "smtp.connections_per_minute_max"),
        messages_per_minute_max: small(raw, "smtp.messages_per_minute_max"),
        recipients_per_minute_max: small(raw, "smtp.recipients_per_minute_max"),
        errors_per_minute_max: small(raw, "smtp.errors_per_minute_max"),
        account_messages_per_hour_max: small(raw, "smtp.account_messages_per_hour_max"),
        account_messages_per_day_max: small(raw, "smtp.account_messages_per_day_max"),
        account_recipients_per_hour_max: small(raw, "smtp.account_recipients_per_hour_max"),
        account_recipients_per_day_max: small(raw, "smtp.account_recipients_per_day_max"),
    })
}

fn address_list(raw: &Raw, name: &str) -> Result<Vec<koi_types::Address>, Problem> {
    let list = raw.list(name).into_iter().map(|text| {
        koi_types::Address::parse(&text).ok_or_else(|| {
            let what = format!("{}: `{text}` is not an address", raw.place(name));
            Problem::usage(what, "write addresses such as \"alice@example.org\"")
        })
    });
    list.collect()
}
