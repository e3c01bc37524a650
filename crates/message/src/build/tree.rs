//! The parts that are written, from the form: the tree as it was given, or one made of text, HTML and
//! attachments (RFC 8621 §4.6).

use super::check::is_multipart;
use super::{EmailForm, PartForm};

/// One part to be written.
pub(super) struct Node<'f> {
    /// Its other properties; none for multiparts that are ours.
    pub(super) form: Option<&'f PartForm>,
    /// In lower case.
    pub(super) media_type: String,
    /// In place of none in the form.
    pub(super) disposition: Option<&'static str>,
    pub(super) contents: Source<'f>,
}

pub(super) enum Source<'f> {
    /// The id of a body value.
    Value(&'f str),
    Blob(&'f str),
    Parts(Vec<Node<'f>>),
    /// An Email without a body.
    Nothing,
}

impl<'f> Node<'f> {
    pub(super) fn of(form: &'f EmailForm) -> Node<'f> {
        match &form.body_structure {
            Some(root) => Node::given(root, "text/plain"),
            None => from_lists(form),
        }
    }

    /// `default` is the type of a text in its place.
    fn given(form: &'f PartForm, default: &str) -> Node<'f> {
        let unnamed = if form.blob_id.is_some() { "application/octet-stream" } else { default };
        Node::of_type(form, unnamed)
    }

    /// `unnamed` is the type of what has none.
    fn of_type(form: &'f PartForm, unnamed: &str) -> Node<'f> {
        let media_type = form.type_written().unwrap_or_else(|| unnamed.to_owned());
        let contents = match (&form.part_id, &form.blob_id) {
            _ if is_multipart(&media_type) => {
                let parts = form.sub_parts.iter().flatten();
                Source::Parts(parts.map(|part| Node::given(part, "text/plain")).collect())
            }
            (Some(id), _) => Source::Value(id),
            (None, Some(id)) => Source::Blob(id),
            (None, None) => Source::Nothing,
        };
        Node { form: Some(form), media_type, disposition: None, contents }
    }

    fn multipart(subtype: &str, parts: Vec<Node<'f>>) -> Node<'f> {
        let media_type = format!("multipart/{subtype}");
        Node { form: None, media_type, disposition: None, contents: Source::Parts(parts) }
    }
}

/// `mixed(alternative(text, related(html, pictures)), attachments)`, without the multiparts that would hold
/// one part only. What has a Content-ID and is not said to be an attachment belongs to the HTML.
fn from_lists(form: &EmailForm) -> Node<'_> {
    let first = |parts: &'_ Option<Vec<PartForm>>| parts.as_ref().and_then(|parts| parts.first()).is_some();
    let has_html = first(&form.html_body);
    let is_embedded = |part: &&PartForm| {
        let attached =
            part.disposition.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("attachment"));
        has_html && part.cid.is_some() && !attached
    };
    let attachments = || form.attachments.iter().flatten();
    let offered = |disposition: &'static str| {
        move |part| Node { disposition: Some(disposition), ..Node::given(part, "text/plain") }
    };
    let embedded: Vec<Node<'_>> = attachments().filter(is_embedded).map(offered("inline")).collect();
    let others: Vec<Node<'_>> =
        attachments().filter(|part| !is_embedded(part)).map(offered("attachment")).collect();
    // RFC 8621 §4.6: these are of no other type.
    let text = form.text_body.iter().flatten().map(|part| Node::of_type(part, "text/plain"));
    let html = form.html_body.iter().flatten().map(|part| Node::of_type(part, "text/html"));
    let html = html.map(|html| match embedded.is_empty() {
        true => html,
        false => Node::multipart("related", vec![html]),
    });
    let mut bodies: Vec<Node<'_>> = text.chain(html).collect();
    if let Some(Source::Parts(related)) = bodies.last_mut().map(|last| &mut last.contents) {
        related.extend(embedded);
    }
    let body = if bodies.len() > 1 { Some(Node::multipart("alternative", bodies)) } else { bodies.pop() };
    if others.is_empty() {
        return body.unwrap_or(Node {
            form: None,
            media_type: "text/plain".to_owned(),
            disposition: None,
            contents: Source::Nothing,
        });
    }
    Node::multipart("mixed", body.into_iter().chain(others).collect())
}
