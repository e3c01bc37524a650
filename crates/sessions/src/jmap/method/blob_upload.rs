//! Blob/upload (RFC 9404 §4.1): blobs put together from texts and other blobs, also from those that are made
//! in the same call.

use std::collections::VecDeque;

use koi_mailbox::{Account, BlobRun, Pending, Sought, Stage, Uploaded};
use koi_proto::jmap::object::blob::{BlobUpload, BlobUploadResponse, CreatedBlob, DataSource, UploadObject};
use koi_proto::jmap::standard::{Create, Table};
use koi_proto::jmap::{Arguments, Id, IdRef, MethodError, Raw, SetError, SetErrorKind};
use koi_types::{BlobName, ErrorKind, MailError, limits};

use super::blob_reading::BlobReading;
use super::email_write::{too_large, weight};
use super::writing::Failure;
use crate::jmap::call::{Call, Ran, SLICE, Started};
use crate::jmap::context::Context;

/// What a blob is when nobody says.
pub(super) const UNKNOWN_TYPE: &str = "application/octet-stream";

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let BlobUpload { account_id, create } = BlobUpload::read(arguments, &cx.reading())?;
    let account = cx.account(&account_id)?;
    let mut not_created = Table::default();
    let mut tasks = VecDeque::new();
    for Create { creation_id, object } in create {
        match object {
            Ok(object) => tasks.push_back(Task { creation_id, object }),
            Err(why) => not_created.put(&creation_id, why),
        }
    }
    let response = BlobUploadResponse { account_id, created: Table::default(), not_created };
    Ok(Box::new(Uploading {
        account,
        tasks,
        staging: None,
        begun: VecDeque::new(),
        has_kept: false,
        response,
    }))
}

/// A blob that is asked for.
struct Task {
    creation_id: Id,
    object: UploadObject,
}

struct Uploading {
    account: Account,
    tasks: VecDeque<Task>,
    staging: Option<Staging>,
    begun: VecDeque<Begun>,
    has_kept: bool,
    response: BlobUploadResponse,
}

/// A blob of which some sources are there.
struct Staging {
    creation_id: Id,
    media_type: Box<str>,
    sources: VecDeque<DataSource>,
    /// The source that is being looked for.
    seeking: Option<Seeking>,
    /// The source that is being read.
    reading: Option<BlobReading>,
    stage: Stage,
}

/// A range of another blob.
struct Seeking {
    id: IdRef,
    offset: u64,
    length: Option<u64>,
    run: BlobRun,
}

struct Begun {
    creation_id: Id,
    media_type: Box<str>,
    pending: Pending<Uploaded>,
}

impl Call for Uploading {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let mut done = 0;
        loop {
            while done < SLICE {
                let Some(staging) = self.staging.take().or_else(|| self.next_ready()) else { break };
                done += self.go_on(staging, cx)?;
            }
            if done >= SLICE {
                return Ok(Ran::Yield);
            }
            if let Some(ran) = self.finish_begun(cx)? {
                return Ok(ran);
            }
            if self.tasks.is_empty() {
                break;
            }
            if !self.tasks.iter().any(|task| !self.waits(task)) {
                // They wait for each other.
                for task in std::mem::take(&mut self.tasks) {
                    let why = SetError::invalid_property("data", "it is made of what is made of it");
                    self.response.not_created.put(&task.creation_id, why);
                }
            }
        }
        cx.respond(&self.response);
        Ok(Ran::Done)
    }
}

impl Uploading {
    /// Whether it is made of a blob that is not there yet.
    fn waits(&self, task: &Task) -> bool {
        let is_expected = |creation: &Id| {
            self.tasks.iter().any(|other| other.creation_id == *creation)
                || self.begun.iter().any(|begun| begun.creation_id == *creation)
        };
        task.object.data.iter().any(|source| match source {
            DataSource::Blob { blob_id: IdRef::Creation(creation), .. } => is_expected(creation),
            _ => false,
        })
    }
    fn next_ready(&mut self) -> Option<Staging> {
        let at = self.tasks.iter().position(|task| !self.waits(task))?;
        let Task { creation_id, object } = self.tasks.remove(at)?;
        Some(Staging {
            creation_id,
            media_type: object.media_type.unwrap_or_else(|| UNKNOWN_TYPE.into()),
            sources: object.data.into(),
            seeking: None,
            reading: None,
            stage: self.account.stage_upload(),
        })
    }
    /// Adds something of the next source, or keeps what is whole; answers how much that was.
    fn go_on(&mut self, mut staging: Staging, cx: &mut Context<'_>) -> Result<usize, MethodError> {
        staging.reading = staging.reading.filter(|reading| !reading.is_done());
        let added = match (staging.seeking.take(), &mut staging.reading) {
            (Some(seeking), _) => self.seek(seeking, &mut staging, cx),
            (None, Some(reading)) => reading.go_on(&mut staging.stage).map_err(|error| refusal(&error, cx)),
            (None, None) => match staging.sources.pop_front() {
                Some(source) => self.add(source, &mut staging, cx),
                None => return self.keep(staging, cx).map(|()| 1),
            },
        };
        match added {
            Ok(done) => {
                self.staging = Some(staging);
                Ok(done)
            }
            Err(Failure::Object(why)) => {
                self.response.not_created.put(&staging.creation_id, why);
                Ok(1)
            }
            Err(Failure::Call(error)) => Err(self.partly(error)),
        }
    }
    fn partly(&self, error: MethodError) -> MethodError {
        if self.has_kept { MethodError::ServerPartialFail } else { error }
    }
    /// Adds a source that is in memory; another blob is read from now on.
    fn add(&self, source: DataSource, staging: &mut Staging, cx: &mut Context<'_>) -> Result<usize, Failure> {
        match source {
            DataSource::Octets(octets) => {
                staging.stage.write(&octets).map_err(|error| refusal(&error, cx))?;
                Ok(weight(octets.len()))
            }
            DataSource::Blob { blob_id, offset, length } => {
                let name = cx.created.resolve(&blob_id).and_then(|id| BlobName::parse(id.as_str()));
                let Some(name) = name else { return Err(missing(&blob_id, cx)) };
                let run = self.account.find_blob(name);
                staging.seeking = Some(Seeking { id: blob_id, offset, length, run });
                Ok(1)
            }
        }
    }
    /// Looks on for a range of another blob, all of which must be there; answers how much that was.
    fn seek(
        &self,
        mut seeking: Seeking,
        staging: &mut Staging,
        cx: &mut Context<'_>,
    ) -> Result<usize, Failure> {
        let blob = match seeking.run.advance().map_err(|error| cx.failed(&error))? {
            Sought::More => {
                staging.seeking = Some(seeking);
                return Ok(BlobReading::weight_of_piece());
            }
            Sought::Nothing => return Err(missing(&seeking.id, cx)),
            Sought::Found(blob) => blob,
        };
        let Seeking { id, offset, length, .. } = seeking;
        let end = length.map_or(Some(blob.octets), |length| offset.checked_add(length));
        let Some(end) = end.filter(|end| offset <= *end && *end <= blob.octets) else {
            let why = format!("the blob {id} has only {} octets", blob.octets);
            return Err(SetError::invalid_property("data", why).into());
        };
        staging.reading = Some(BlobReading::new(self.account.clone(), blob, offset..end));
        Ok(1)
    }
    fn keep(&mut self, staging: Staging, cx: &mut Context<'_>) -> Result<(), MethodError> {
        let Staging { creation_id, media_type, stage, .. } = staging;
        if media_type.len() > limits::MEDIA_TYPE_OCTETS_MAX {
            let why = SetError::invalid_property("type", "the media type is too long");
            self.response.not_created.put(&creation_id, why);
            return Ok(());
        }
        match self.account.keep_upload(stage, &media_type) {
            Ok(pending) => {
                self.has_kept = true;
                self.begun.push_back(Begun { creation_id, media_type, pending });
            }
            Err(error) if error.kind == ErrorKind::NoPermission => {
                self.response.not_created.put(&creation_id, SetErrorKind::Forbidden.into());
            }
            Err(error) => return Err(self.partly(cx.failed(&error))),
        }
        Ok(())
    }
    /// Tells of those that are durable; what to wait for if some are not.
    fn finish_begun(&mut self, cx: &mut Context<'_>) -> Result<Option<Ran>, MethodError> {
        while let Some(begun) = self.begun.pop_front() {
            let ticket = begun.pending.ticket();
            if ticket.peek().is_none() {
                self.begun.push_front(begun);
                return Ok(Some(Ran::Await(ticket)));
            }
            let Begun { creation_id, media_type, pending } = begun;
            match kept(pending, cx)? {
                Ok(uploaded) => {
                    let id = Id::from(uploaded.id);
                    cx.created.insert(creation_id.clone(), id.clone());
                    let blob = CreatedBlob { id, media_type: Some(media_type), size: uploaded.octets };
                    self.response.created.put(&creation_id, Raw::of(&blob));
                }
                Err(why) => self.response.not_created.put(&creation_id, why),
            }
        }
        Ok(None)
    }
}

fn missing(id: &IdRef, cx: &Context<'_>) -> Failure {
    let not_found = cx.created.resolve(id).cloned().into_iter().collect();
    SetError::described(SetErrorKind::BlobNotFound { not_found }, format!("there is no blob {id}")).into()
}

fn refusal(error: &MailError, cx: &mut Context<'_>) -> Failure {
    match error.kind {
        ErrorKind::TooLarge => Failure::Object(too_large(cx)),
        _ => Failure::Call(cx.failed(error)),
    }
}

/// What became of an upload that was to be kept.
pub(super) fn kept(
    pending: Pending<Uploaded>,
    cx: &mut Context<'_>,
) -> Result<Result<Uploaded, SetError>, MethodError> {
    match pending.take() {
        Ok(uploaded) => Ok(Ok(uploaded)),
        Err(error) => match error.kind {
            ErrorKind::TooLarge => Ok(Err(too_large(cx))),
            ErrorKind::OverQuota => Ok(Err(SetErrorKind::OverQuota.into())),
            _ => {
                cx.failed(&error);
                Err(MethodError::ServerPartialFail)
            }
        },
    }
}
