//! Octets in and out: upload and download (RFC 8620 §6.1 and §6.2), in pieces however many there are.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use koi_mailbox::{Account, Blob, MailboxService, Sought};
use koi_proto::jmap::RequestLimit;
use koi_sessions::Login;
use koi_types::{AccountId, BlobName, ErrorKind, MailError, limits};
use serde_json::json;

use super::Site;
use super::account::Loaded;
use super::answer::Answer;
use super::body::Bounds;
use super::connection::InFlight;
use super::problem::Refused;
use super::query::{self, decoded, encoded};

/// Octets of a blob read at a time.
const PIECE_OCTETS: u64 = 64 * 1024;
/// What nobody has said the type of.
const OPAQUE: &str = "application/octet-stream";
/// A blob never changes (RFC 8620 §6.2).
const FOR_EVER: &str = "private, immutable, max-age=31536000";

/// A blob on its way out.
pub(super) struct Reading {
    account: Account,
    blob: Blob,
    at: u64,
    /// Its place among the downloads of the account.
    _loaded: Loaded,
}

impl Reading {
    pub(super) const fn left(&self) -> u64 {
        self.blob.octets.saturating_sub(self.at)
    }
    /// The next octets; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Bytes, MailError> {
        let end = self.blob.octets.min(self.at.saturating_add(PIECE_OCTETS));
        let mut piece = Vec::new();
        self.account.snapshot()?.read_blob(&self.blob, self.at..end, &mut piece)?;
        if piece.len() as u64 != end - self.at {
            return Err(MailError::new(ErrorKind::Corrupt, "a blob is shorter than it should be"));
        }
        self.at = end;
        Ok(piece.into())
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Takes in a file; `target` is what follows `/jmap/upload/`.
pub(super) async fn upload(
    site: &Site,
    mailbox: &MailboxService,
    login: &Login,
    target: &str,
    parts: &Parts,
    body: Incoming,
    in_flight: &InFlight,
) -> Result<Answer, Refused> {
    let account = account_of(mailbox, login, target.strip_suffix('/').unwrap_or(target))?;
    let most = site.config().requests_per_account_max;
    let _loaded = site.uploads.begin(login.account, most).ok_or_else(|| {
        Refused::limit(RequestLimit::MaxConcurrentUpload, format!("{most} uploads are under way."))
    })?;
    let media_type = media_type(&parts.headers)?;
    let bounds = Bounds {
        octets_max: usize::try_from(mailbox.options().message_octets_max).unwrap_or(usize::MAX),
        pause: site.config().pause,
        too_large: |max| {
            Refused::limit(RequestLimit::MaxSizeUpload, format!("A file may have {max} octets."))
        },
    };
    let mut stage = account.stage_upload();
    let failed = |error: MailError| refused(&account, &error);
    let take = |octets: Bytes| tokio::task::block_in_place(|| stage.write(&octets)).map_err(failed);
    bounds.each(body, in_flight, take).await?;
    let kept = tokio::task::block_in_place(|| account.keep_upload(stage, &media_type)).map_err(failed)?;
    let _ = kept.ticket().await;
    let uploaded = kept.take().map_err(failed)?;
    let answer = json!({
        "accountId": account.id().to_string(),
        "blobId": BlobName::Upload(uploaded.id).to_string(),
        "type": media_type,
        "size": uploaded.octets,
    });
    Ok(Answer::of(StatusCode::CREATED, "application/json", answer.to_string().into_bytes()))
}

/// Gives out a blob; `target` is what follows `/jmap/download/`.
pub(super) async fn download(
    site: &Site,
    mailbox: &MailboxService,
    login: &Login,
    target: &str,
    asked: Option<&str>,
) -> Result<Answer, Refused> {
    let (account, rest) = target.split_once('/').ok_or(Refused::NotFound)?;
    let (blob, name) = rest.split_once('/').ok_or(Refused::NotFound)?;
    let account = account_of(mailbox, login, account)?;
    let blob = BlobName::parse(blob).ok_or(Refused::NotFound)?;
    let too_many = || Refused::Busy("Too many downloads of this account at a time.".into());
    let most = site.config().requests_per_account_max;
    let loaded = site.downloads.begin(login.account, most).ok_or_else(too_many)?;
    let blob = found(&account, blob).await?;
    // RFC 8620 §6.2: the type is what the client asks for.
    let asked = asked.and_then(|asked| query::value(asked, "accept")).filter(|text| is_media_type(text));
    let media_type = asked.or(blob.media_type.as_deref().map(str::to_owned)).unwrap_or(OPAQUE.into());
    let mut answer = Answer::reading(Reading { account, blob, at: 0, _loaded: loaded });
    let headers = &mut answer.headers;
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(OPAQUE));
    headers.insert(CONTENT_TYPE, value(&media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    let name = decoded(name).unwrap_or_default();
    headers.insert(CONTENT_DISPOSITION, value(&format!("attachment; filename*=UTF-8''{}", encoded(&name))));
    // It is somebody else's page, if it is one.
    let policy = HeaderName::from_static("content-security-policy");
    headers.insert(policy, HeaderValue::from_static("sandbox; default-src 'none'"));
    Ok(answer)
}

/// A part is decoded in pieces, others have their turn between two, and held until it is sent.
async fn found(account: &Account, name: BlobName) -> Result<Blob, Refused> {
    let mut run = account.find_blob(name);
    loop {
        let sought = tokio::task::block_in_place(|| run.advance());
        match sought.map_err(|error| refused(account, &error))? {
            Sought::More => tokio::task::yield_now().await,
            Sought::Nothing => return Err(Refused::NotFound),
            Sought::Found(blob) => return Ok(blob),
        }
    }
}

/// An account the user may use; one that it may not is as good as not there.
fn account_of(mailbox: &MailboxService, login: &Login, id: &str) -> Result<Account, Refused> {
    let id = AccountId::parse(id).ok_or(Refused::NotFound)?;
    let own = mailbox.account(login.account).map_err(|error| Refused::from(&error))?;
    own.of(id).map_err(|error| Refused::from(&error))
}

fn refused(account: &Account, error: &MailError) -> Refused {
    match error.kind {
        ErrorKind::NoPermission if account.is_others() => Refused::NotFound,
        ErrorKind::TooLarge => Refused::limit(RequestLimit::MaxSizeUpload, error.text.to_string()),
        _ => Refused::from(error),
    }
}

fn media_type(headers: &HeaderMap) -> Result<String, Refused> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(OPAQUE.to_owned()) };
    let text = given.to_str().ok().filter(|text| is_media_type(text));
    text.map(str::to_owned).ok_or_else(|| Refused::BadRequest("The content type cannot be used.".into()))
}

fn is_media_type(text: &str) -> bool {
    let usual = text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic());
    usual && text.contains('/') && text.len() <= limits::MEDIA_TYPE_OCTETS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_can_be_sent_back() {
        assert!(is_media_type("text/plain; charset=utf-8"));
        assert!(!is_media_type("text/html\r\nx: y") && !is_media_type("text") && !is_media_type("ä/b"));
    }
}
