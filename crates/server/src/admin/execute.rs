//! Does what a request asks for, on an open service. Blocks: never called on a thread that drives sessions.

use koi_store::engine::Health;
use koi_types::{Address, Cause, MailError, Mode};

use super::{AccountLine, AccountQuota, Limit, OnProgress, Reply, Request, Status, Used};
use super::{app_password, check, index, mode, organisation, queue, share};
use crate::disclose;
use crate::metrics::Counter;
use crate::problem::Problem;
use crate::service::Service;
use crate::transfer;

/// Everything but `Shutdown` and the running server's part of `Status`, which only the server knows.
pub fn execute(
    service: &Service,
    request: &Request,
    progress: &mut OnProgress<'_>,
) -> Result<Reply, Problem> {
    match request {
        Request::Status => status(service).map(|s| Reply::Status(Box::new(s))),
        Request::AccountAdd { address, password } => {
            service.add_account(&parse(address)?, password)?;
            Ok(Reply::Done)
        }
        Request::AccountPasswd { address, password } => {
            service.set_password(&parse(address)?, password).map_err(kept_by_owner)?;
            Ok(Reply::Done)
        }
        Request::AccountRemove { address } => {
            Ok(service.remove_account(&parse(address)?).map(|()| Reply::Done)?)
        }
        Request::AccountMode { address, mode, drops_keys } => {
            mode::execute(service, &parse(address)?, mode.as_deref(), *drops_keys).map(Reply::Mode)
        }
        Request::AccountSet { address, setting, value } => {
            set(service, &parse(address)?, setting, value).map(|()| Reply::Done)
        }
        Request::AccountList => accounts(service).map(Reply::Accounts),
        Request::AccountScram { address, password } => {
            service.set_scram(&parse(address)?, password.as_deref())?;
            Ok(Reply::Done)
        }
        Request::AppPasswordAdd { address, name, scopes } => {
            app_password::add(service, &parse(address)?, name, scopes)
        }
        Request::AppPasswordList { address } => app_password::list(service, &parse(address)?, false),
        Request::AppPasswordRemove { address, name } => {
            app_password::remove(service, &parse(address)?, name, false)
        }
        Request::TokenAdd { address, name } => app_password::add_token(service, &parse(address)?, name),
        Request::TokenList { address } => app_password::list(service, &parse(address)?, true),
        Request::TokenRemove { address, name } => app_password::remove(service, &parse(address)?, name, true),
        Request::ShareSet { address, mailbox, user, rights } => {
            share::set(&open(service, address)?, mailbox, user, rights).map(|()| Reply::Done)
        }
        Request::ShareRemove { address, mailbox, user } => {
            share::remove(&open(service, address)?, mailbox, user).map(|()| Reply::Done)
        }
        Request::ShareList { address, mailbox } => {
            share::list(&open(service, address)?, mailbox.as_deref()).map(Reply::Shares)
        }
        Request::AccountQuota { address, octets, messages, mailboxes } => {
            quota(service, address, [*octets, *messages, *mailboxes]).map(Reply::Quota)
        }
        Request::Import { format, path, account, mailbox } => {
            let account = open(service, account)?;
            let target = transfer::Target { service: &service.mailbox, account };
            transfer::import(&target, *format, path, mailbox.as_deref(), progress).map(Reply::Moved)
        }
        Request::Export { path, account } => {
            transfer::export(&open(service, account)?, path, progress).map(Reply::Moved)
        }
        Request::Disclose { path, account } => disclose::disclose(service, path, account.as_deref()),
        Request::Check { repair } => check::execute(service, *repair, progress).map(Reply::Checked),
        Request::Index { action, account } => {
            index::execute(service, *action, account.as_deref(), progress).map(Reply::Indexes)
        }
        Request::OrganisationList => organisation::list(service).map(Reply::Organisations),
        Request::OrganisationForget { domain } => organisation::forget(service, domain).map(|()| Reply::Done),
        Request::Queue { action, which } => queue::execute(service, *action, which).map(Reply::Queue),
        Request::Shutdown => Err(Problem::usage("no server is running on this folder", "nothing to stop")),
    }
}

/// Of an account whose mode leaves its password to its owner.
fn kept_by_owner(error: MailError) -> Problem {
    match error.cause {
        Some(Cause::KeyPolicy) => Problem::new(error, "its owner says `koi dmap passwd`"),
        _ => Problem::from(error),
    }
}

pub(crate) fn parse(address: &str) -> Result<Address, Problem> {
    let wrong = || Problem::usage(format!("`{address}` is not an address"), "write user@domain");
    let address = Address::from_path(address).ok_or_else(wrong)?;
    match address.detail() {
        None => Ok(address.account_key()),
        Some(_) => Err(Problem::usage(format!("{address} has a +detail"), "name the account without it")),
    }
}

fn set(service: &Service, address: &Address, setting: &str, value: &str) -> Result<(), Problem> {
    let on = match value {
        "on" => true,
        "off" => false,
        _ => return Err(Problem::usage(format!("`{value}` is neither on nor off"), "write on or off")),
    };
    match setting {
        "sent-copy" => Ok(service.set_files_sent(address, on)?),
        _ => Err(Problem::usage(format!("there is no setting `{setting}`"), "settings: sent-copy")),
    }
}

fn open(service: &Service, address: &str) -> Result<koi_mailbox::Account, Problem> {
    let account = service.account(&parse(address)?)?;
    Ok(service.mailbox.account(account)?)
}

fn quota(
    service: &Service,
    address: &str,
    [octets, messages, mailboxes]: [Option<Limit>; 3],
) -> Result<AccountQuota, Problem> {
    let account = open(service, address)?;
    let mut own = account.snapshot()?.usage().own_quota;
    if octets.is_some() || messages.is_some() || mailboxes.is_some() {
        own.octets_max = octets.map_or(own.octets_max, own_limit);
        own.messages_max = messages.map_or(own.messages_max, own_limit);
        own.mailboxes_max = mailboxes.map_or(own.mailboxes_max, own_limit);
        account.set_quota(own).wait()?;
    }
    let snapshot = account.snapshot()?;
    let (usage, all) = (snapshot.usage(), snapshot.quota());
    let limit = |limit: u64| Some(limit).filter(|limit| *limit < u64::MAX);
    Ok(AccountQuota {
        octets: Used { used: usage.octets, limit: limit(all.octets_max), own: own.octets_max.is_some() },
        messages: Used {
            used: usage.messages,
            limit: limit(all.messages_max),
            own: own.messages_max.is_some(),
        },
        mailboxes: Used {
            used: snapshot.mailboxes_count(),
            limit: limit(all.mailboxes_max),
            own: own.mailboxes_max.is_some(),
        },
    })
}

const fn own_limit(limit: Limit) -> Option<u64> {
    match limit {
        Limit::Default => None,
        Limit::None => Some(u64::MAX),
        Limit::Number(number) => Some(number),
    }
}

fn accounts(service: &Service) -> Result<Vec<AccountLine>, Problem> {
    let mut lines = Vec::new();
    for row in service.mailbox.directory().list()? {
        let account = service.mailbox.account(row.id)?;
        let snapshot = account.snapshot()?;
        let mode = Some(snapshot.mode()).filter(|mode| *mode != Mode::Trustful);
        let mailboxes = snapshot.mailboxes()?;
        lines.push(AccountLine {
            address: row.address.to_string(),
            disabled: row.disabled,
            scram: row.scram,
            messages: mailboxes.iter().map(|m| u64::from(m.messages)).sum(),
            octets: mailboxes.iter().map(|m| m.octets).sum(),
            sent_copy: account.files_sent()?,
            mode: mode.map_or_else(String::new, |mode| mode.word().to_owned()),
        });
    }
    lines.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(lines)
}

/// The part of the status that the files tell.
pub fn status(service: &Service) -> Result<Status, Problem> {
    let accounts = accounts(service)?;
    Ok(Status {
        accounts: accounts.len() as u64,
        messages: accounts.iter().map(|a| a.messages).sum(),
        octets: accounts.iter().map(|a| a.octets).sum(),
        store: store_counters(service),
        store_trouble: store_trouble(service),
        index: index::totals(&service.mailbox)?,
        queued: service.mailbox.waiting_mail_count()?,
        ..Status::default()
    })
}

fn store_counters(service: &Service) -> Vec<Counter> {
    let counters = service.store.counters();
    let all = [
        ("groups written, each with one flush", counters.groups),
        ("transactions", counters.transactions),
        ("transactions refused", counters.transactions_refused),
        ("octets of groups", counters.group_octets),
        ("groups that failed", counters.group_failures),
        ("flushes somebody waited for", counters.flushes),
        ("flushes in the background", counters.background_flushes),
        ("octets written", counters.octets_written),
        ("times the index was written", counters.applier_rounds),
        ("rows not yet in the index", counters.overlay_rows),
    ];
    all.into_iter().map(|(name, value)| Counter { name: name.into(), value }).collect()
}

fn store_trouble(service: &Service) -> Option<String> {
    match service.store.health() {
        Health::Good => None,
        Health::Struggling(why) => Some(format!("writes fail until there is room: {why}")),
        Health::ReadOnly(why) => Some(format!("nothing is written until the server is started again: {why}")),
    }
}
