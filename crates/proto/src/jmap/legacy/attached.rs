//! `attachedEmails`: messages within a message, which the RFC has as blobs that Email/parse reads.

use super::email::{ATTACHED, Wanted, list_or_null};
use super::{Members, Texts, put, strings};
use crate::jmap::json::Json;

/// Messages within each other that are looked into.
const DEPTH_MAX: usize = 4;
/// Messages within those of one call.
const EMAILS_MAX: usize = 100;

/// The answer of an Email/get that waits for what is attached.
#[derive(Debug)]
pub(super) struct Attached {
    /// As the draft has it, but for that.
    pub(super) arguments: Members,
    /// What the client asked for.
    wanted: Wanted,
    /// Emails by blob id.
    found: Members,
    /// Blob ids not yet read.
    open: Vec<Box<str>>,
    depth: usize,
}

impl Attached {
    pub(super) fn new(arguments: Members, wanted: Wanted) -> Self {
        let mut open = Vec::new();
        if let Some(Json::Array(list)) = arguments.value("list") {
            list.iter().for_each(|email| blobs(email, &mut open));
        }
        open.truncate(EMAILS_MAX);
        Self { arguments, wanted, found: Members::default(), open, depth: 0 }
    }
    /// Arguments of the Email/parse that is needed next.
    pub(super) fn ask(&mut self) -> Option<Members> {
        if self.open.is_empty() || self.depth >= DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        let mut arguments = Members::default();
        let account = self.arguments.value("accountId").cloned().unwrap_or(Json::Null);
        put(&mut arguments, "accountId", account);
        put(&mut arguments, "blobIds", strings(self.open.iter().map(|id| &**id)));
        Wanted::all(ATTACHED).ask(&mut arguments);
        self.open.clear();
        Some(arguments)
    }
    /// What Email/parse answered.
    pub(super) fn answered(&mut self, mut response: Members, texts: &Texts) {
        let Some(Json::Object(parsed)) = response.take("parsed") else { return };
        for one in parsed {
            let Json::Object(email) = one.value else { continue };
            let email = Json::Object(Wanted::all(ATTACHED).answer(email, texts));
            blobs(&email, &mut self.open);
            self.found.put(one.name, email);
        }
        self.open.truncate(EMAILS_MAX.saturating_sub(self.found.len()));
    }
    /// The whole answer.
    pub(super) fn finish(self) -> Members {
        let Self { mut arguments, wanted, found, .. } = self;
        let whole = |email| {
            let mut email = filled(email, &found, DEPTH_MAX);
            if let Json::Object(email) = &mut email
                && !wanted.has("attachments")
            {
                drop(email.take("attachments"));
            }
            email
        };
        arguments.change("list", |list| match list {
            Json::Array(list) => Json::Array(list.into_iter().map(whole).collect()),
            other => other,
        });
        arguments
    }
}

/// The blob ids of messages that are attached to an Email.
fn blobs(email: &Json, all: &mut Vec<Box<str>>) {
    let Json::Object(email) = email else { return };
    let Some(Json::Array(attachments)) = email.value("attachments") else { return };
    for attachment in attachments {
        let Json::Object(attachment) = attachment else { continue };
        let text = |name| attachment.value(name).and_then(Json::as_str);
        if let (Some("message/rfc822" | "message/global"), Some(id)) = (text("type"), text("blobId"))
            && all.len() < EMAILS_MAX
            && !all.iter().any(|known| **known == *id)
        {
            all.push(id.into());
        }
    }
}

fn filled(email: Json, found: &Members, depth: usize) -> Json {
    let mut ids = Vec::new();
    blobs(&email, &mut ids);
    let Json::Object(mut email) = email else { return email };
    let mut attached = Members::default();
    for id in ids {
        if let (Some(one), true) = (found.value(&id), depth > 0) {
            attached.put(id, filled(one.clone(), found, depth - 1));
        }
    }
    let attached = if attached.is_empty() { list_or_null(Vec::new()) } else { Json::Object(attached) };
    put(&mut email, "attachedEmails", attached);
    Json::Object(email)
}
