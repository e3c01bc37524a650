//! The Email object: one text and one HTML body instead of a tree of parts, header fields as one map, names
//! that are never null.

use std::collections::{BTreeMap, BTreeSet};

use koi_types::limits;

use super::{
    Texts, change, each_item, keyword_answered, keyword_asked, put, rename, renamed, string, strings,
};
use crate::jmap::error::MethodError;
use crate::jmap::json::{Json, Member, Members};

/// All properties, in the order of the draft.
const PROPERTIES: [&str; 24] = [
    "id",
    "blobId",
    "threadId",
    "mailboxIds",
    "keywords",
    "hasAttachment",
    "headers",
    "sender",
    "from",
    "to",
    "cc",
    "bcc",
    "replyTo",
    "subject",
    "sentAt",
    "receivedAt",
    "size",
    "preview",
    "textBody",
    "htmlBody",
    "attachments",
    "attachedEmails",
    "body",
    "date",
];
/// Those that only have to be asked for: two are other names, which examples of the draft use.
const DEFAULTS: usize = 22;
/// What an attached email has.
pub(super) const ATTACHED: [&str; 13] = [
    "headers",
    "sender",
    "from",
    "to",
    "cc",
    "bcc",
    "replyTo",
    "subject",
    "date",
    "textBody",
    "htmlBody",
    "attachments",
    "attachedEmails",
];
const ADDRESSES: [&str; 5] = ["from", "to", "cc", "bcc", "replyTo"];
const BODY: [&str; 5] = ["textBody", "htmlBody", "attachments", "attachedEmails", "body"];
/// Header fields that are properties of their own, or say what the body is.
const OWN_FIELDS: [&str; 8] = ["from", "to", "cc", "bcc", "reply-to", "sender", "subject", "date"];

/// Properties of an Email that a client wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub(super) properties: Vec<Box<str>>,
    /// Of the map `headers`, in lower case; `None`: all, when the map is wanted.
    fields: Option<BTreeSet<Box<str>>>,
}

impl Wanted {
    /// Of the argument `properties`.
    pub(super) fn read(properties: Option<Json>) -> Result<Self, MethodError> {
        let names = match properties {
            None | Some(Json::Null) => {
                return Ok(Self::all(PROPERTIES.iter().take(DEFAULTS).copied()));
            }
            Some(Json::Array(names)) => names,
            Some(_) => return Err(MethodError::invalid("properties must be an array")),
        };
        if names.len() > limits::JMAP_PROPERTIES_MAX {
            let most = limits::JMAP_PROPERTIES_MAX;
            return Err(MethodError::invalid(format!("properties has more than {most} items")));
        }
        let (mut wanted, mut fields) = (Self::all(["id"]), BTreeSet::new());
        for name in &names {
            let name = name.as_str().ok_or_else(|| MethodError::invalid("properties must be Strings"))?;
            if let Some(field) = name.strip_prefix("headers.") {
                fields.insert(field.to_ascii_lowercase().into());
            } else if PROPERTIES.contains(&name) {
                wanted.add(name);
            } else {
                return Err(MethodError::invalid(format!("properties: there is no {name}")));
            }
        }
        if !fields.is_empty() && !wanted.has("headers") {
            wanted.add("headers");
            wanted.fields = Some(fields);
        }
        Ok(wanted)
    }
    pub(super) fn all<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self { properties: names.into_iter().map(Into::into).collect(), fields: None }
    }
    /// Of these names those there are, and the id.
    pub(super) fn known<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut wanted = Self::all(["id"]);
        names.into_iter().filter(|name| PROPERTIES.contains(name)).for_each(|name| wanted.add(name));
        wanted
    }
    /// With what says whether anything is attached, if that is wanted.
    pub(super) fn with_attachments(&self) -> Self {
        let mut wanted = self.clone();
        if wanted.has("attachedEmails") {
            wanted.add("attachments");
        }
        wanted
    }
    pub(super) fn has(&self, name: &str) -> bool {
        self.properties.iter().any(|property| **property == *name)
    }
    fn add(&mut self, name: &str) {
        if !self.has(name) {
            self.properties.push(name.into());
        }
    }
    /// The arguments of Email/get or Email/parse that bring all that is needed.
    pub(super) fn ask(&self, arguments: &mut Members) {
        let mut names: Vec<&str> = Vec::new();
        let mut need = |name: &'static str| {
            if !names.contains(&name) {
                names.push(name);
            }
        };
        let wants_body = BODY.iter().any(|name| self.has(name));
        for name in PROPERTIES.into_iter().filter(|name| self.has(name)) {
            match name {
                "sentAt" | "date" => ["sentAt", "receivedAt"].into_iter().for_each(&mut need),
                name if BODY.contains(&name) => {}
                name => need(name),
            }
        }
        if wants_body {
            ["textBody", "htmlBody", "attachments", "bodyValues"].into_iter().for_each(&mut need);
            let parts = ["partId", "blobId", "size", "name", "type", "cid"];
            put(arguments, "bodyProperties", strings(parts));
            put(arguments, "fetchTextBodyValues", Json::Bool(true));
            put(arguments, "fetchHTMLBodyValues", Json::Bool(true));
        }
        put(arguments, "properties", strings(names));
    }
    /// An Email as the draft has it. What is attached comes later.
    pub(super) fn answer(&self, mut email: Members, texts: &Texts) -> Members {
        let body = BODY.iter().any(|name| self.has(name)).then(|| Body::take(&mut email, texts));
        let mut out = Members::default();
        for name in &self.properties {
            let value = match (&**name, &body) {
                ("headers", _) => Some(headers(email.value("headers"), self.fields.as_ref(), texts)),
                ("keywords", _) => email.take("keywords").map(|all| renamed(all, keyword_answered)),
                ("sender", _) => email.take("sender").map(first_emailer),
                ("subject", _) => Some(email.take("subject").filter(|s| !s.is_null()).unwrap_or(string(""))),
                ("sentAt" | "date", _) => {
                    let sent = email.value("sentAt").filter(|sent| !sent.is_null());
                    sent.or_else(|| email.value("receivedAt")).cloned()
                }
                ("textBody", Some(body)) => Some(string(&body.text)),
                ("htmlBody", Some(body)) => Some(body.html.as_deref().map_or(Json::Null, string)),
                ("attachments", Some(body)) => Some(list_or_null(body.attachments.clone())),
                ("attachedEmails", _) => Some(Json::Null),
                ("body", Some(body)) => {
                    let (name, text) = match &body.html {
                        Some(html) => ("htmlBody", html),
                        None => ("textBody", &body.text),
                    };
                    put(&mut out, name, string(text));
                    None
                }
                (name, _) if ADDRESSES.contains(&name) => email.take(name).map(emailers),
                (name, _) => email.value(name).cloned(),
            };
            if let Some(value) = value {
                out.put(name.clone(), value);
            }
        }
        out
    }
}

/// The body of an Email as the draft sees it.
struct Body {
    text: String,
    html: Option<String>,
    attachments: Vec<Json>,
}

impl Body {
    fn take(email: &mut Members, texts: &Texts) -> Self {
        let values = match email.take("bodyValues") {
            Some(Json::Object(values)) => values,
            _ => Members::default(),
        };
        let (text, html) = (parts(email.take("textBody")), parts(email.take("htmlBody")));
        let value = |part: &Members| {
            let id = part.value("partId").and_then(Json::as_str)?;
            let Json::Object(value) = values.value(id)? else { return None };
            value.value("value").and_then(Json::as_str)
        };
        let mut plain = String::new();
        for part in &text {
            let said = match (kind(part), value(part)) {
                ("text/html", Some(value)) => (texts.of_html)(value),
                (kind, Some(value)) if kind.starts_with("text/") => value.to_owned(),
                _ => continue,
            };
            if !plain.is_empty() && !plain.ends_with('\n') {
                plain.push('\n');
            }
            plain.push_str(&said);
        }
        let is_html = html.iter().any(|part| kind(part) == "text/html");
        let page = html.iter().filter_map(|part| match (kind(part), value(part)) {
            ("text/html", Some(value)) => Some(value.to_owned()),
            (kind, Some(value)) if kind.starts_with("text/") => {
                Some(format!("<pre>{}</pre>", escaped(value)))
            }
            _ => None,
        });
        let html_body = is_html.then(|| page.collect::<String>());
        let mut attached = parts(email.take("attachments"));
        for part in html.into_iter().chain(text) {
            let is_known = attached.iter().any(|known| known.value("partId") == part.value("partId"));
            if !kind(&part).starts_with("text/") && !is_known {
                attached.push(part);
            }
        }
        let shown = html_body.as_deref().map(cids).unwrap_or_default();
        let attachment = |part| attachment(part, &shown);
        let attachments = attached.into_iter().map(attachment).collect();
        Self { text: plain, html: html_body, attachments }
    }
}

fn parts(list: Option<Json>) -> Vec<Members> {
    let Some(Json::Array(list)) = list else { return Vec::new() };
    list.into_iter()
        .filter_map(|part| if let Json::Object(part) = part { Some(part) } else { None })
        .collect()
}

fn kind(part: &Members) -> &str {
    part.value("type").and_then(Json::as_str).unwrap_or_default()
}

/// The Content-IDs that a page refers to, each up to where a URL ends. It is gone through once: it may be
/// long, and what is attached many.
fn cids(html: &str) -> BTreeSet<&str> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | '&' | '\\');
    html.split("cid:").skip(1).filter_map(|rest| rest.split(ends).next()).collect()
}

/// `shown`: the Content-IDs that the page refers to.
fn attachment(mut part: Members, shown: &BTreeSet<&str>) -> Json {
    let cid = part.take("cid").unwrap_or(Json::Null);
    let shown = cid.as_str().is_some_and(|cid| shown.contains(cid));
    let mut out = Members::default();
    for name in ["blobId", "type", "name", "size"] {
        put(&mut out, name, part.take(name).unwrap_or(Json::Null));
    }
    put(&mut out, "cid", cid);
    put(&mut out, "isInline", Json::Bool(shown));
    Json::Object(out)
}

pub(super) fn list_or_null(list: Vec<Json>) -> Json {
    if list.is_empty() { Json::Null } else { Json::Array(list) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The map of header fields; of a field that stands several times the values are joined.
fn headers(raw: Option<&Json>, fields: Option<&BTreeSet<Box<str>>>, texts: &Texts) -> Json {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let raw = if let Some(Json::Array(raw)) = raw { raw.as_slice() } else { &[] };
    for field in raw {
        let Json::Object(field) = field else { continue };
        let text = |name| field.value(name).and_then(Json::as_str);
        let (Some(name), Some(value)) = (text("name"), text("value")) else { continue };
        let name = name.to_ascii_lowercase();
        if fields.is_some_and(|fields| !fields.contains(&*name)) {
            continue;
        }
        let value = (texts.header)(value);
        let joined = all.entry(name).and_modify(|joined| joined.push('\n')).or_default();
        joined.push_str(&value);
    }
    let member =
        |(name, value): (String, String)| Member { name: name.into(), value: Json::String(value.into()) };
    super::object(all.into_iter().map(member))
}

fn emailer(mut address: Members) -> Members {
    change(&mut address, "name", |name| if name.is_null() { string("") } else { name });
    change(&mut address, "email", |email| match email.as_str() {
        Some(text) if text.contains('@') => email,
        other => string(&format!("{}@", other.unwrap_or_default())),
    });
    address
}

/// Addresses as the draft has them.
pub(super) fn emailers(addresses: Json) -> Json {
    each_item(Some(addresses), emailer).unwrap_or(Json::Null)
}

fn first_emailer(addresses: Json) -> Json {
    match emailers(addresses) {
        Json::Array(all) => all.into_iter().next().unwrap_or(Json::Null),
        other => other,
    }
}

/// Emailers as the RFC has them.
pub(super) fn addresses(emailers: Json) -> Json {
    let address = |mut emailer: Members| {
        change(&mut emailer, "name", |name| if name.as_str() == Some("") { Json::Null } else { name });
        emailer
    };
    each_item(Some(emailers), address).unwrap_or(Json::Null)
}

/// What is to be changed of an Email: a patch whose paths may have keywords in them.
pub(super) fn patch(patch: Members) -> Members {
    let path = |Member { name, value }| match name.strip_prefix("keywords/") {
        Some(keyword) => Member { name: format!("keywords/{}", keyword_asked(keyword)).into(), value },
        None if &*name == "keywords" => Member { name, value: renamed(value, keyword_asked) },
        None => Member { name, value },
    };
    patch.into_iter().map(path).collect()
}

/// An Email to be created: body and header fields as the RFC wants them.
pub(super) fn create(mut email: Members) -> Members {
    change(&mut email, "keywords", |all| renamed(all, keyword_asked));
    change(&mut email, "sender", |one| if one.is_null() { one } else { addresses(Json::Array(vec![one])) });
    for name in ADDRESSES {
        change(&mut email, name, addresses);
    }
    body(&mut email);
    let fields = match email.take("headers") {
        Some(Json::Object(fields)) => fields,
        _ => Members::default(),
    };
    let is_own = |name: &str| OWN_FIELDS.contains(&name) || name.starts_with("content-");
    let set = fields.iter().filter(|one| !is_own(&one.name));
    let set = set.filter_map(|one| one.value.as_str().map(|value| field(&one.name, value)));
    // All at once: there may be very many.
    email.into_iter().chain(set).collect()
}

/// `textBody`, `htmlBody` and `attachments`; what is not of the draft's type stays, and is refused.
fn body(email: &mut Members) {
    let (text, html) = (email.take("textBody"), email.take("htmlBody"));
    let mut values = Members::default();
    let mut part = |id: &str, kind: &str, text: &str| {
        let mut value = Members::default();
        put(&mut value, "value", string(text));
        put(&mut values, id, Json::Object(value));
        let mut part = Members::default();
        put(&mut part, "partId", string(id));
        put(&mut part, "type", string(kind));
        Json::Array(vec![Json::Object(part)])
    };
    match html {
        Some(Json::String(html)) => put(email, "htmlBody", part("html", "text/html", &html)),
        None | Some(Json::Null) => {}
        Some(other) => put(email, "htmlBody", other),
    }
    let has_html = email.value("htmlBody").is_some();
    match text {
        Some(Json::String(text)) if !text.is_empty() || !has_html => {
            put(email, "textBody", part("text", "text/plain", &text));
        }
        Some(Json::String(_)) => {}
        None | Some(Json::Null) if has_html => {}
        None | Some(Json::Null) => put(email, "textBody", part("text", "text/plain", "")),
        Some(other) => put(email, "textBody", other),
    }
    put(email, "bodyValues", Json::Object(values));
    if let Some(attachments) = email.take("attachments").filter(|list| !list.is_null()) {
        let attachments = each_item(Some(attachments), |mut part| {
            let is_inline = part.take("isInline") == Some(Json::Bool(true));
            ["size", "width", "height"].into_iter().for_each(|name| drop(part.take(name)));
            put(&mut part, "disposition", string(if is_inline { "inline" } else { "attachment" }));
            part
        });
        put(email, "attachments", attachments.unwrap_or(Json::Null));
    }
    rename(email, "date", "sentAt");
}

/// The property of a header field to be set. Raw where it can be, because the RFC allows that for all fields.
fn field(name: &str, value: &str) -> Member {
    let values: Vec<&str> = value.split('\n').collect();
    let form = if value.is_ascii() { "" } else { ":asText" };
    let space = if value.is_ascii() { " " } else { "" };
    let texts = values.iter().map(|value| string(&format!("{space}{value}")));
    match values.len() {
        1 => {
            Member { name: format!("header:{name}{form}").into(), value: string(&format!("{space}{value}")) }
        }
        _ => Member { name: format!("header:{name}{form}:all").into(), value: Json::Array(texts.collect()) },
    }
}
