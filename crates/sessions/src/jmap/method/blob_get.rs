//! Blob/get and Blob/lookup (RFC 9404 §4.2, §4.3).

use std::ops::Range;

use koi_mailbox::emails::Emails;
use koi_mailbox::{Account, Blob as Stored, BlobRun, Sought};
use koi_proto::jmap::object::blob::{
    Blob, BlobInfo, BlobLookup, BlobLookupResponse, BlobProperty, BlobRange, Blobs, LookupType, Matched,
};
use koi_proto::jmap::standard::{GetArguments, GetResponse};
use koi_proto::jmap::{Arguments, Id, IdRef, Items, MethodError};
use koi_types::{BlobName, limits};

use super::blob_reading::BlobReading;
use super::email_write::weight;
use crate::jmap::call::{Call, Ran, SLICE, Started, with_emails};
use crate::jmap::context::{Context, Wanted};

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let GetArguments { account_id, selection } = GetArguments::<Blobs>::read(arguments, &cx.reading())?;
    let account = cx.account(&account_id)?;
    // RFC 9404 §4.2: nobody could tell all blobs there are.
    let ids = selection.ids.ok_or_else(|| MethodError::invalid("ids must be given"))?;
    let Wanted { known, not_found } = Wanted::of(ids, BlobName::parse);
    Ok(Box::new(Getting {
        account,
        account_id,
        properties: selection.properties,
        range: selection.extra,
        left: known.into_iter(),
        seeking: None,
        octets: 0,
        list: Items::default(),
        not_found,
    }))
}

struct Getting {
    account: Account,
    account_id: Id,
    properties: Vec<BlobProperty>,
    range: BlobRange,
    left: std::vec::IntoIter<BlobName>,
    /// The one that is looked for.
    seeking: Option<BlobRun>,
    /// Octets of contents so far.
    octets: usize,
    list: Items,
    not_found: Vec<IdRef>,
}

impl Call for Getting {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let mut done = 0;
        let next = |left: &mut std::vec::IntoIter<BlobName>, account: &Account| {
            left.next().map(|name| account.find_blob(name))
        };
        while let Some(mut run) = self.seeking.take().or_else(|| next(&mut self.left, &self.account)) {
            let octets_before = self.octets;
            match run.advance().map_err(|error| cx.failed(&error))? {
                Sought::More => {
                    self.seeking = Some(run);
                    done += BlobReading::weight_of_piece();
                }
                Sought::Nothing => self.not_found.push(IdRef::Id(Id::from(run.name().clone()))),
                Sought::Found(blob) => self.show(run.name(), &blob, cx)?,
            }
            done += weight(self.octets - octets_before);
            if done >= SLICE {
                return Ok(Ran::Yield);
            }
        }
        cx.respond(&GetResponse {
            account_id: Some(self.account_id.clone()),
            // Blobs have no state.
            state: None,
            list: std::mem::take(&mut self.list),
            not_found: std::mem::take(&mut self.not_found),
        });
        Ok(Ran::Done)
    }
}

impl Getting {
    fn show(&mut self, name: &BlobName, found: &Stored, cx: &mut Context<'_>) -> Result<(), MethodError> {
        let id = Id::from(name.clone());
        let Selected { octets: range, is_truncated } = selected(&self.range, found.octets);
        let mut octets = Vec::new();
        if self.properties.iter().any(|property| !matches!(property, BlobProperty::Id | BlobProperty::Size)) {
            let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            self.octets = self.octets.saturating_add(wanted);
            if self.octets > limits::JMAP_BLOB_GET_OCTETS_MAX {
                return Err(MethodError::RequestTooLarge);
            }
            let read =
                self.account.snapshot().and_then(|snapshot| snapshot.read_blob(found, range, &mut octets));
            read.map_err(|error| cx.failed(&error))?;
        }
        let digest = |property: &BlobProperty| match property {
            BlobProperty::Digest(algorithm) => Some(algorithm.digest(&octets)),
            _ => None,
        };
        let digests = self.properties.iter().filter_map(digest).collect();
        let blob = Blob { id, size: found.octets, selected: octets, is_truncated, digests };
        self.list.push(|slot| blob.write(&self.properties, slot));
        Ok(())
    }
}

/// What of a blob is wanted and there.
struct Selected {
    octets: Range<u64>,
    is_truncated: bool,
}

/// RFC 9404 §4.2: truncated when something was wanted that lies behind the end; where no length is given,
/// that is the offset alone.
fn selected(range: &BlobRange, size: u64) -> Selected {
    let wanted_end = range.length.map(|length| range.offset.saturating_add(length));
    let is_truncated = wanted_end.unwrap_or(range.offset) > size;
    let start = range.offset.min(size);
    Selected { octets: start..wanted_end.unwrap_or(size).min(size), is_truncated }
}

pub(super) fn start_lookup(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let BlobLookup { account_id, types, ids } = BlobLookup::read(arguments, &cx.reading())?;
    let account = cx.account(&account_id)?;
    let wanted = Wanted::of(ids, BlobName::parse);
    with_emails(account, move |emails, cx| {
        let mut list = Vec::with_capacity(wanted.known.len());
        for name in &wanted.known {
            let matched = matched(name, &types, emails).map_err(|error| cx.failed(&error))?;
            list.push(BlobInfo { id: name.clone().into(), matched });
        }
        cx.respond(&BlobLookupResponse {
            account_id: account_id.clone(),
            list,
            not_found: wanted.not_found.clone(),
        });
        Ok(Ran::Done)
    })
}

/// Who refers to a blob. A name says of which email it is; of what was uploaded nothing is made but copies.
fn matched(name: &BlobName, types: &[LookupType], emails: &Emails<'_>) -> koi_types::Result<Vec<Matched>> {
    let email = match name {
        BlobName::Message(email) | BlobName::Part { email, .. } => emails.email(*email),
        BlobName::Upload(_) | BlobName::UploadPart { .. } => None,
    };
    let is_there = email.is_some() && emails.snapshot().has_blob(name)?;
    let email = email.filter(|_| is_there);
    let of_type = |lookup_type: &LookupType| {
        let ids = email.iter().flat_map(|email| -> Vec<Id> {
            match lookup_type {
                LookupType::Mailbox => email.mailboxes.iter().copied().map(Id::from).collect(),
                LookupType::Thread => vec![email.thread.into()],
                LookupType::Email => vec![email.id.into()],
            }
        });
        Matched { lookup_type: *lookup_type, ids: ids.collect() }
    };
    Ok(types.iter().map(of_type).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec: RFC 9404 §4.2
    #[test]
    fn ranges_end_where_the_blob_ends() {
        let of = |offset, length, size| {
            let Selected { octets, is_truncated } = selected(&BlobRange { offset, length }, size);
            (octets.start, octets.end, is_truncated)
        };
        assert_eq!(of(0, None, 10), (0, 10, false));
        assert_eq!(of(10, None, 10), (10, 10, false));
        assert_eq!(of(11, None, 10), (10, 10, true));
        assert_eq!(of(4, Some(6), 10), (4, 10, false));
        assert_eq!(of(4, Some(7), 10), (4, 10, true));
        assert_eq!(of(u64::MAX, Some(u64::MAX), 10), (10, 10, true));
        assert_eq!(of(3, Some(0), 10), (3, 3, false));
    }
}
