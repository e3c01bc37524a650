//! MDN/send and MDN/parse (RFC 9007 §2).

mod send;
mod words;

use koi_mailbox::{Account, Snapshot};
use koi_message::mdn::parse_mdn;
use koi_proto::jmap::object::email::fetch::ParseResponse;
use koi_proto::jmap::object::mdn::MdnParse;
use koi_proto::jmap::standard::Table;
use koi_proto::jmap::{Arguments, Id, IdRef, MethodError, Raw};
use koi_types::{BlobName, MailError};

use crate::jmap::call::{Call, Ran, SLICE, Started};
use crate::jmap::context::Context;

pub(super) use send::start as send;

/// Octets read in one step that are as much as a look at an object.
const OCTETS_OF_ONE: u64 = 16 * 1024;

pub(super) fn parse(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let MdnParse { account_id, blob_ids } = MdnParse::read(arguments, &cx.reading())?;
    // RFC 9007 §2.2.
    let account = cx.personal(&account_id).map_err(no_such_account)?;
    let response = ParseResponse {
        account_id,
        parsed: Table::default(),
        not_parsable: Vec::new(),
        not_found: blob_ids.unresolved,
    };
    let mut wanted = blob_ids.known;
    wanted.reverse();
    Ok(Box::new(Parsing { account, wanted, response }))
}

fn no_such_account(error: MethodError) -> MethodError {
    match error {
        MethodError::AccountNotFound => MethodError::invalid("accountId: there is no such account"),
        error => error,
    }
}

struct Parsing {
    account: Account,
    /// The next one last.
    wanted: Vec<Id>,
    response: ParseResponse,
}

impl Call for Parsing {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let account = self.account.clone();
        let snapshot = account.snapshot().map_err(|error| cx.failed(&error))?;
        let mut left = SLICE as u64;
        while let Some(id) = self.wanted.pop() {
            let octets = self.one(id, &snapshot).map_err(|error| cx.failed(&error))?;
            left = left.saturating_sub(1 + octets / OCTETS_OF_ONE);
            if left == 0 && !self.wanted.is_empty() {
                return Ok(Ran::Yield);
            }
        }
        cx.respond(&self.response);
        Ok(Ran::Done)
    }
}

impl Parsing {
    /// Answers how many octets were read.
    fn one(&mut self, id: Id, snapshot: &Snapshot<'_>) -> Result<u64, MailError> {
        let blob = match BlobName::parse(id.as_str()) {
            Some(name) => snapshot.blob(&name)?,
            None => None,
        };
        let Some(blob) = blob else {
            self.response.not_found.push(IdRef::Id(id));
            return Ok(0);
        };
        let mut octets = Vec::new();
        snapshot.read_blob(&blob, 0..blob.octets, &mut octets)?;
        match parse_mdn(&octets) {
            Some(mdn) => {
                let original = mdn.original_message_id.as_deref().unwrap_or_default();
                let email = snapshot.email_with_message_id(original.as_bytes())?;
                let found = words::found(mdn, email.map(|email| IdRef::Id(email.into())));
                self.response.parsed.put(&id, Raw::of(&found));
            }
            None => self.response.not_parsable.push(id),
        }
        Ok(blob.octets)
    }
}
