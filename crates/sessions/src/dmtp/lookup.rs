//! SGNT, VRFY and HIST: the signets of our organisations and their users, for everybody (docs/DIME.md, DMTP).
//!
//! Must not: tell users that are not there from those without a signet.

use koi_dime::dmtp::{Name, REPLY_LINES_MAX, REPLY_OCTETS_MAX, Reply, SignetReply, VerifyReply};
use koi_dime::signet::Form;
use koi_dime::{Fingerprint, OrgSignet, UserSignet};
use koi_mailbox::MailboxService;
use koi_types::{Address, Result};

use super::command::has_fingerprint;
use super::replies;

/// What we have of a name: the newest first.
enum Found {
    Organisation(Box<OrgSignet>),
    Users(Vec<UserSignet>),
}

fn find(service: &MailboxService, name: &str) -> Result<Option<Found>> {
    let is_user = name.contains('@');
    Ok(service.local_signets(name)?.map(|local| match is_user {
        true => Found::Users(local.users),
        false => Found::Organisation(Box::new(local.organisation)),
    }))
}

/// Domains that are not ours are asked for elsewhere, and never will be here.
fn found(service: &MailboxService, name: &Name) -> Result<std::result::Result<Found, Reply>> {
    let name = match name {
        Name::Domain(domain) => domain.clone(),
        Name::User(address) => address.to_string(),
    };
    Ok(match find(service, &name)? {
        None => Err(replies::not_served()),
        Some(Found::Users(users)) if users.is_empty() => Err(replies::no_signet()),
        Some(found) => Ok(found),
    })
}

pub(super) fn signet(
    service: &MailboxService,
    name: &Name,
    fingerprint: Option<&Fingerprint>,
) -> Result<Reply> {
    let object = match found(service, name)? {
        Err(reply) => return Ok(reply),
        Ok(Found::Organisation(signet)) => {
            let is_meant = fingerprint.is_none_or(|wanted| has_fingerprint(&signet, wanted));
            is_meant.then(|| signet.object())
        }
        Ok(Found::Users(users)) => {
            let meant = match fingerprint {
                None => users.first(),
                Some(wanted) => users.iter().find(|signet| is_of_user(signet, wanted)),
            };
            meant.map(UserSignet::object)
        }
    };
    Ok(object.map_or_else(replies::no_signet, |object| SignetReply(object).reply()))
}

pub(super) fn verify(service: &MailboxService, name: &Name, fingerprint: &Fingerprint) -> Result<Reply> {
    let (is_current, full) = match found(service, name)? {
        Err(reply) => return Ok(reply),
        Ok(Found::Organisation(signet)) => {
            (has_fingerprint(&signet, fingerprint), signet.fingerprint(Form::Full))
        }
        Ok(Found::Users(users)) => match users.first() {
            None => return Ok(replies::no_signet()),
            Some(signet) => (is_of_user(signet, fingerprint), signet.fingerprint(Form::Full)),
        },
    };
    Ok(match (is_current, full) {
        (true, _) => VerifyReply::Current.reply(),
        (false, Some(full)) => VerifyReply::Update(full).reply(),
        (false, None) => replies::no_signet(),
    })
}

/// The chain of custody, the newest first: from the first fingerprint that is given back to the second, both
/// included; without them from the current signet to the oldest.
pub(super) fn history(
    service: &MailboxService,
    user: &Address,
    start: Option<&Fingerprint>,
    stop: Option<&Fingerprint>,
) -> Result<Reply> {
    let users = match found(service, &Name::User(user.clone()))? {
        Err(reply) => return Ok(reply),
        Ok(Found::Users(users)) => users,
        Ok(Found::Organisation(_)) => return Ok(replies::no_signet()),
    };
    let place = |wanted: &Fingerprint| users.iter().position(|signet| is_of_user(signet, wanted));
    let (first, last) = match (start.map(place), stop.map(place)) {
        (Some(None), _) | (_, Some(None)) => return Ok(replies::no_signet()),
        (first, last) => (first.flatten().unwrap_or(0), last.flatten().unwrap_or(users.len())),
    };
    // Whichever of the two is named first: the chain is the same.
    let (first, last) = (first.min(last), first.max(last));
    let chain = users.iter().take(last.saturating_add(1)).skip(first);
    let mut octets = 0;
    let signets = chain.map(|signet| SignetReply(signet.object())).take_while(|signet| {
        octets += signet.0.len() * 2;
        octets <= REPLY_OCTETS_MAX
    });
    let signets: Vec<SignetReply> = signets.take(REPLY_LINES_MAX - 1).collect();
    Ok(SignetReply::history_reply(&signets))
}

fn is_of_user(signet: &UserSignet, fingerprint: &Fingerprint) -> bool {
    let forms = [Form::Core, Form::Full, Form::Identifiable];
    forms.into_iter().any(|form| signet.fingerprint(form).as_ref() == Some(fingerprint))
}
