//! Blob/copy (RFC 8620 §6.3).

use std::collections::VecDeque;

use koi_mailbox::{Account, BlobRun, Pending, Sought, Stage, Uploaded};
use koi_proto::jmap::object::blob::{BlobCopy, BlobCopyResponse};
use koi_proto::jmap::standard::Table;
use koi_proto::jmap::{Arguments, Id, IdRef, MethodError, SetError, SetErrorKind};
use koi_types::{BlobName, ErrorKind, MailError};

use super::blob_reading::BlobReading;
use super::blob_upload::{UNKNOWN_TYPE, kept};
use super::email_write::too_large;
use super::writing::Failure;
use crate::jmap::call::{Call, Ran, SLICE, Started};
use crate::jmap::context::Context;

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let BlobCopy { from_account_id, account_id, blob_ids } = BlobCopy::read(arguments, &cx.reading())?;
    // RFC 8620 §6.3: *between* two accounts.
    if from_account_id == account_id {
        return Err(MethodError::invalid("accountId must be different to fromAccountId"));
    }
    let from = cx.account(&from_account_id).map_err(|error| match error {
        MethodError::AccountNotFound => MethodError::FromAccountNotFound,
        other => other,
    })?;
    let to = cx.account(&account_id)?;
    let mut not_copied = Table::default();
    blob_ids.unresolved.iter().for_each(|id: &IdRef| not_copied.put(id, SetErrorKind::NotFound.into()));
    Ok(Box::new(Copying {
        from,
        to,
        left: blob_ids.known.into(),
        copying: None,
        begun: VecDeque::new(),
        has_begun_any: false,
        response: BlobCopyResponse { from_account_id, account_id, copied: Table::default(), not_copied },
    }))
}

struct Copying {
    from: Account,
    to: Account,
    left: VecDeque<Id>,
    copying: Option<Copy>,
    begun: VecDeque<Begun>,
    has_begun_any: bool,
    response: BlobCopyResponse,
}

/// A blob of which some octets are there.
struct Copy {
    id: Id,
    run: BlobRun,
    /// Nothing before it is found.
    reading: Option<BlobReading>,
    stage: Stage,
}

struct Begun {
    id: Id,
    pending: Pending<Uploaded>,
}

impl Call for Copying {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let mut done = 0;
        while let Some(copy) = self.next()? {
            done += self.go_on(copy, cx)?;
            if done >= SLICE {
                return Ok(Ran::Yield);
            }
        }
        while let Some(Begun { id, pending }) = self.begun.pop_front() {
            let ticket = pending.ticket();
            if ticket.peek().is_none() {
                self.begun.push_front(Begun { id, pending });
                return Ok(Ran::Await(ticket));
            }
            match kept(pending, cx)? {
                Ok(uploaded) => self.response.copied.put(&id, uploaded.id.into()),
                Err(why) => self.response.not_copied.put(&id, why),
            }
        }
        cx.respond(&self.response);
        Ok(Ran::Done)
    }
}

impl Copying {
    fn next(&mut self) -> Result<Option<Copy>, MethodError> {
        if let Some(copy) = self.copying.take() {
            return Ok(Some(copy));
        }
        while let Some(id) = self.left.pop_front() {
            let Some(name) = BlobName::parse(id.as_str()) else {
                self.refuse(&id, missing(&id))?;
                continue;
            };
            let (run, stage) = (self.from.find_blob(name), self.to.stage_upload().stored());
            return Ok(Some(Copy { id, run, reading: None, stage }));
        }
        Ok(None)
    }
    /// Copies the next piece, or keeps what is whole; answers how much that was.
    fn go_on(&mut self, mut copy: Copy, cx: &mut Context<'_>) -> Result<usize, MethodError> {
        let Some(reading) = &mut copy.reading else { return self.find(copy, cx) };
        if reading.is_done() {
            match self.to.keep_upload(copy.stage, reading.media_type().unwrap_or(UNKNOWN_TYPE)) {
                Ok(pending) => {
                    self.has_begun_any = true;
                    self.begun.push_back(Begun { id: copy.id, pending });
                }
                Err(error) => self.refuse(&copy.id, failure(&error, cx))?,
            }
            return Ok(1);
        }
        match reading.go_on(&mut copy.stage) {
            Ok(done) => {
                self.copying = Some(copy);
                Ok(done)
            }
            Err(error) => self.refuse(&copy.id, failure(&error, cx)).map(|()| 1),
        }
    }
    /// Looks on for the blob; answers how much that was.
    fn find(&mut self, mut copy: Copy, cx: &mut Context<'_>) -> Result<usize, MethodError> {
        match copy.run.advance() {
            Ok(Sought::More) => {
                self.copying = Some(copy);
                Ok(BlobReading::weight_of_piece())
            }
            Ok(Sought::Found(blob)) => {
                let octets = blob.octets;
                copy.reading = Some(BlobReading::new(self.from.clone(), blob, 0..octets));
                self.copying = Some(copy);
                Ok(1)
            }
            Ok(Sought::Nothing) => self.refuse(&copy.id, missing(&copy.id)).map(|()| 1),
            Err(error) => {
                let failed = Failure::Call(cx.failed(&error));
                self.refuse(&copy.id, failed).map(|()| 1)
            }
        }
    }
    fn refuse(&mut self, id: &Id, failure: Failure) -> Result<(), MethodError> {
        match failure {
            Failure::Object(why) => self.response.not_copied.put(id, why),
            Failure::Call(_) if self.has_begun_any => return Err(MethodError::ServerPartialFail),
            Failure::Call(error) => return Err(error),
        }
        Ok(())
    }
}

/// RFC 8620 §6.3 allows every error of a create; this one says which blob it is.
fn missing(id: &Id) -> Failure {
    Failure::Object(SetErrorKind::BlobNotFound { not_found: vec![id.clone()] }.into())
}

fn failure(error: &MailError, cx: &mut Context<'_>) -> Failure {
    match error.kind {
        ErrorKind::TooLarge => Failure::Object(too_large(cx)),
        ErrorKind::NoPermission => Failure::Object(SetError::from(SetErrorKind::Forbidden)),
        _ => Failure::Call(cx.failed(error)),
    }
}
