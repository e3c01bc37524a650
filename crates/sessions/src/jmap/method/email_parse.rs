//! Email/parse (RFC 8621 §4.9).

use std::collections::VecDeque;

use koi_mailbox::{Account, Snapshot};
use koi_proto::jmap::object::email::Email;
use koi_proto::jmap::object::email::fetch::{EmailParse, ParseResponse};
use koi_proto::jmap::standard::Table;
use koi_proto::jmap::{Arguments, Id, IdRef, MethodError, Raw};
use koi_types::{BlobName, MailError, limits};

use crate::jmap::call::{Call, Ran, Started};
use crate::jmap::context::{Context, Wanted};
use crate::jmap::shown::{Effort, Facts, Message, Octets, Shown, Sizes};

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = EmailParse::read(arguments, &cx.reading())?;
    let account = cx.account(&given.account_id)?;
    let Wanted { known, not_found } = Wanted::of(given.blob_ids, BlobName::parse);
    Ok(Box::new(Parse {
        account,
        shown: Shown::new(given.properties, given.body),
        left: known.into(),
        octets: 0,
        response: ParseResponse {
            account_id: given.account_id,
            parsed: Table::default(),
            not_parsable: Vec::new(),
            not_found,
        },
    }))
}

struct Parse {
    account: Account,
    shown: Shown,
    left: VecDeque<BlobName>,
    /// Of what was parsed so far, as it is shown.
    octets: usize,
    response: ParseResponse,
}

/// What became of a blob.
enum Parsed {
    Email(Raw),
    NoMessage,
    NoBlob,
}

impl Call for Parse {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let mut effort = Effort::of_step();
        while let Some(name) = self.left.front() {
            if effort.is_spent() {
                return Ok(Ran::Yield);
            }
            let parsed =
                self.account.snapshot().and_then(|snapshot| self.parse(name, &snapshot, &mut effort));
            let id = Id::from(name.clone());
            match parsed.map_err(|error| cx.failed(&error))? {
                Parsed::NoBlob => self.response.not_found.push(IdRef::Id(id)),
                Parsed::NoMessage => self.response.not_parsable.push(id),
                Parsed::Email(email) => {
                    self.octets += email.as_str().len();
                    if !self.response.parsed.is_empty() && self.octets > limits::JMAP_LIST_OCTETS_MAX {
                        return Err(MethodError::RequestTooLarge);
                    }
                    self.response.parsed.put(&id, email);
                }
            }
            self.left.pop_front();
        }
        cx.respond(&self.response);
        Ok(Ran::Done)
    }
}

impl Parse {
    fn parse(
        &self,
        name: &BlobName,
        snapshot: &Snapshot<'_>,
        effort: &mut Effort,
    ) -> Result<Parsed, MailError> {
        effort.object();
        let Some(blob) = snapshot.blob(name)? else { return Ok(Parsed::NoBlob) };
        let mut octets = Vec::new();
        snapshot.read_blob(&blob, 0..blob.octets, &mut octets)?;
        effort.spend(blob.octets);
        if !koi_message::is_message(&octets) {
            return Ok(Parsed::NoMessage);
        }
        // RFC 8621 §4.9: what an Email has for being in a mailbox is null.
        let mut email = Email { blob_id: Some(name.clone().into()), size: blob.octets, ..Email::default() };
        let mut message = Message {
            blob: name,
            facts: Facts::Parsed(Box::new(koi_message::parse(&octets).facts.structure)),
            octets: Octets::of_memory(&octets),
        };
        let mut sizes = Sizes::default();
        // It is in memory: there is nothing to wait for.
        while !self.shown.fill(&mut email, &mut message, &mut sizes, &mut Effort::of_step())? {}
        Ok(Parsed::Email(Raw::build(|slot| self.shown.write(&email, slot))))
    }
}
