//! Octets of another message, which a URL names, on their way into a new one (RFC 4469 §3).

use koi_mailbox::{Account, BodyRef};
use koi_proto::imap::response::Code;
use koi_proto::imap::url::MessageUrl;

use super::building::Building;
use super::{Refusable, refuse};
use crate::imap::core::Core;
use crate::imap::fetch::Octets;
use crate::imap::link;
use crate::imap::reply::Reply;

/// Octets copied in one step.
const OCTETS_PER_STEP: u64 = 4 << 20;
/// Octets held at a time.
const PIECE_OCTETS: u64 = 256 * 1024;

pub(super) struct Copying {
    account: Account,
    /// What the client calls it.
    url: Box<[u8]>,
    from: From,
}

enum From {
    Made(Vec<u8>),
    Body { body: BodyRef, at: u64, end: u64 },
}

impl Copying {
    /// NO with BADURL when the URL leads to nothing that this session may read.
    pub(super) fn begin(core: &Core, url: &[u8]) -> Refusable<Self> {
        let parsed = match MessageUrl::parse(url) {
            Ok(parsed) => parsed,
            Err(bad) => return bad_url(url, bad.0),
        };
        let account = match link::own(core, &parsed)? {
            Ok(account) => account,
            Err(why) => return bad_url(url, why),
        };
        let linked = link::follow(&account.snapshot()?, &parsed)?;
        let linked = match linked {
            Ok(linked) => linked,
            Err(why) => return bad_url(url, why),
        };
        let from = match linked.octets {
            Octets::Made(octets) => From::Made(octets),
            Octets::Body(range) => From::Body { body: linked.body, at: range.start, end: range.end },
            Octets::None => return bad_url(url, "no such part"),
        };
        Ok(Self { account, url: url.into(), from })
    }
    /// How many are still to come.
    pub(super) fn octets(&self) -> u64 {
        match &self.from {
            From::Made(octets) => octets.len() as u64,
            From::Body { at, end, .. } => end - at,
        }
    }
    /// Copies for one step; answers whether that was all.
    pub(super) fn step(&mut self, building: &mut Building) -> Refusable<bool> {
        let (body, at, end) = match &mut self.from {
            From::Made(octets) => {
                building.write(octets)?;
                return Ok(true);
            }
            From::Body { body, at, end } => (body, at, *end),
        };
        let snapshot = self.account.snapshot()?;
        let stop = end.min(at.saturating_add(OCTETS_PER_STEP));
        let mut octets = Vec::new();
        while *at < stop {
            let to = stop.min(at.saturating_add(PIECE_OCTETS));
            octets.clear();
            snapshot.read_body(body, *at..to, &mut octets)?;
            if octets.len() as u64 != to - *at {
                return bad_url(&self.url, "the message is gone");
            }
            building.write(&octets)?;
            *at = to;
        }
        Ok(*at >= end)
    }
}

/// RFC 4469 §4.1: the first URL that did not do.
fn bad_url<T>(url: &[u8], why: &'static str) -> Refusable<T> {
    refuse(Reply::no(why).code(&Code::BadUrl(url)))
}
