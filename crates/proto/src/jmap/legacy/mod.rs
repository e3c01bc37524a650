//! The dialect of early 2018 (drafts of JMAP Core and JMAP Mail between draft-03 and draft-04), over the same
//! methods: what a client asks in the draft's words is asked again in those of RFC 8620 and RFC 8621, and
//! what is answered is said in the draft's words. docs/JMAP-2018.md has the differences.
//!
//! A [`Conversation`] is one request of the draft. Each of its calls is made alone, as a request of the RFC
//! ([`Next::Ask`]), so that result references point into answers as the draft has them; some calls need a
//! second one, for what the draft says in one object and the RFC in two. [`ask`] goes one way, [`answer`]
//! the other, [`email`] knows the one object whose shape differs. Must not: know mailboxes, or what any
//! method does.

mod answer;
mod ask;
mod attached;
mod conversation;
mod email;
mod error;
mod query;
mod whole;

pub use conversation::{Conversation, Dialect, Next};

use super::json::{Json, Member, Members};

/// What the draft calls the core.
pub const CORE: &str = "ietf:jmap";
/// What it calls mail, submission and all.
pub const MAIL: &str = "ietf:jmapmail";
/// Profiles of data that an account has.
pub const DATA_PROFILES: [&str; 1] = ["mail"];

/// What translating needs to know of mail; only the edge of this crate has it.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// The value of a header field, unfolded and decoded (RFC 2047).
    pub header: fn(&str) -> String,
    /// The text that HTML shows.
    pub of_html: fn(&str) -> String,
}

/// Keywords that the draft writes with a capital; every other is the same.
const KEYWORDS: [[&str; 2]; 8] = [
    ["$draft", "$Draft"],
    ["$seen", "$Seen"],
    ["$flagged", "$Flagged"],
    ["$answered", "$Answered"],
    ["$forwarded", "$Forwarded"],
    ["$phishing", "$Phishing"],
    ["$junk", "$Junk"],
    ["$notjunk", "$NotJunk"],
];

/// A keyword as the RFC writes it.
fn keyword_asked(keyword: &str) -> Box<str> {
    let known = KEYWORDS.iter().find(|[_, draft]| *draft == keyword);
    known.map_or(keyword, |[rfc, _]| *rfc).into()
}

/// As the draft does.
fn keyword_answered(keyword: &str) -> Box<str> {
    let known = KEYWORDS.iter().find(|[rfc, _]| *rfc == keyword);
    known.map_or(keyword, |[_, draft]| *draft).into()
}

/// The names of an object's members, renamed.
fn renamed(value: Json, rename: impl Fn(&str) -> Box<str>) -> Json {
    let Json::Object(members) = value else { return value };
    object(members.into_iter().map(|Member { name, value }| Member { name: rename(&name), value }))
}

fn object(members: impl IntoIterator<Item = Member>) -> Json {
    Json::Object(members.into_iter().collect())
}

fn string(text: &str) -> Json {
    Json::String(text.into())
}

fn strings<'t>(texts: impl IntoIterator<Item = &'t str>) -> Json {
    Json::Array(texts.into_iter().map(string).collect())
}

fn put(members: &mut Members, name: &str, value: Json) {
    members.put(name.into(), value);
}

/// A member under another name.
fn rename(members: &mut Members, from: &str, to: &str) {
    members.rename(from, to);
}

/// Every member of a map that is an object, changed in place.
fn each(map: Option<Json>, change: impl Fn(Members) -> Members) -> Option<Json> {
    let Some(Json::Object(all)) = map else { return map };
    Some(object(all.into_iter().map(|Member { name, value }| match value {
        Json::Object(one) => Member { name, value: Json::Object(change(one)) },
        value => Member { name, value },
    })))
}

/// The same for a list.
fn each_item(list: Option<Json>, change: impl Fn(Members) -> Members) -> Option<Json> {
    let Some(Json::Array(all)) = list else { return list };
    let item = |item| if let Json::Object(one) = item { Json::Object(change(one)) } else { item };
    Some(Json::Array(all.into_iter().map(item).collect()))
}

/// Changes a member where there is one.
fn change(members: &mut Members, name: &str, change: impl FnOnce(Json) -> Json) {
    members.change(name, change);
}

#[cfg(test)]
mod tests;
