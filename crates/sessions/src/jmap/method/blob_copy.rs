//! Blob/copy (RFC 8620 §6.3).

use std::collections::VecDeque;

use koi_mailbox::{Account, Pending, Uploaded};
use koi_proto::jmap::object::blob::{BlobCopy, BlobCopyResponse};
use koi_proto::jmap::standard::Table;
use koi_proto::jmap::{Arguments, Id, IdRef, MethodError, SetError, SetErrorKind};
use koi_types::{BlobName, ErrorKind};

use super::blob_upload::kept;
use super::email_write::{too_large, weight};
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
        begun: VecDeque::new(),
        has_begun_any: false,
        response: BlobCopyResponse { from_account_id, account_id, copied: Table::default(), not_copied },
    }))
}

struct Copying {
    from: Account,
    to: Account,
    left: VecDeque<Id>,
    begun: VecDeque<Begun>,
    has_begun_any: bool,
    response: BlobCopyResponse,
}

struct Begun {
    id: Id,
    pending: Pending<Uploaded>,
}

impl Call for Copying {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let mut done = 0;
        while let Some(id) = self.left.pop_front() {
            match self.copy(&id, cx) {
                Ok(Copied { pending, octets }) => {
                    done += weight(octets);
                    self.has_begun_any = true;
                    self.begun.push_back(Begun { id, pending });
                }
                Err(Failure::Object(why)) => self.response.not_copied.put(&id, why),
                Err(Failure::Call(_)) if self.has_begun_any => return Err(MethodError::ServerPartialFail),
                Err(Failure::Call(error)) => return Err(error),
            }
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

/// A blob on its way.
struct Copied {
    pending: Pending<Uploaded>,
    octets: usize,
}

impl Copying {
    fn copy(&self, id: &Id, cx: &mut Context<'_>) -> Result<Copied, Failure> {
        let missing = || {
            // RFC 8620 §6.3 allows every error of a create; this one says which blob it is.
            Failure::Object(SetErrorKind::BlobNotFound { not_found: vec![id.clone()] }.into())
        };
        let name = BlobName::parse(id.as_str()).ok_or_else(missing)?;
        let octets = self.from.snapshot().and_then(|snapshot| snapshot.blob(&name));
        let octets = octets.map_err(|error| cx.failed(&error))?.ok_or_else(missing)?.octets;
        let copying = self.from.copy_blob(&name, &self.to).map_err(|error| match error.kind {
            ErrorKind::TooLarge => Failure::Object(too_large(cx)),
            ErrorKind::NoPermission => Failure::Object(SetError::from(SetErrorKind::Forbidden)),
            _ => Failure::Call(cx.failed(&error)),
        })?;
        let octets = usize::try_from(octets).unwrap_or(usize::MAX);
        Ok(Copied { pending: copying.ok_or_else(missing)?, octets })
    }
}
