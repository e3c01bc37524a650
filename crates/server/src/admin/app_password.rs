//! `koi account app-password` and `koi account token`, which is stored beside: scopes and times as a person
//! reads them.

use koi_proto::imap::date::{DateTime, push_date_time};
use koi_types::{Access, Address, Timestamp, ZoneOffset};

use super::{AppPasswordLine, Reply};
use crate::problem::Problem;
use crate::service::Service;

pub(super) fn add(
    service: &Service,
    address: &Address,
    name: &str,
    scopes: &[String],
) -> Result<Reply, Problem> {
    let known = || Access::ALL.map(Access::name).join(", ");
    let unknown = |scope: &String| {
        Problem::usage(format!("`{scope}` is not a scope"), format!("give one or more of: {}", known()))
    };
    let scopes = scopes.iter().map(|s| Access::parse(s).ok_or_else(|| unknown(s)));
    let access = scopes.collect::<Result<_, _>>()?;
    Ok(Reply::AppPassword(service.add_app_password(address, name, access)?))
}

pub(super) fn add_token(service: &Service, address: &Address, name: &str) -> Result<Reply, Problem> {
    let access = [Access::Jmap].into_iter().collect();
    Ok(Reply::AppPassword(service.add_token(address, name, access)?))
}

/// Removes an app password, or a token: not one for the other.
pub(super) fn remove(
    service: &Service,
    address: &Address,
    name: &str,
    token: bool,
) -> Result<Reply, Problem> {
    let account = service.account(address)?;
    let all = service.mailbox.directory().app_passwords(account)?;
    let other = all.iter().any(|p| &*p.record.name == name.trim() && p.record.access.is_of_token() != token);
    if other {
        let (is, command) = if token { ("an app password", "app-password") } else { ("a token", "token") };
        let remedy = format!("`koi account {command} remove` removes it");
        return Err(Problem::usage(format!("`{name}` is {is}"), remedy));
    }
    service.remove_app_password(address, name)?;
    Ok(Reply::Done)
}

pub(super) fn list(service: &Service, address: &Address, tokens: bool) -> Result<Reply, Problem> {
    let account = service.account(address)?;
    let all = service.mailbox.directory().app_passwords(account)?;
    let wanted = all.into_iter().filter(|password| password.record.access.is_of_token() == tokens);
    let lines = wanted.map(|password| {
        let record = password.record;
        AppPasswordLine {
            name: record.name.into(),
            scopes: record.access.iter().map(|a| a.name().to_owned()).collect(),
            created: shown(record.created_at),
            used: record.used_at.map(shown),
        }
    });
    Ok(Reply::AppPasswords(lines.collect()))
}

fn shown(at: Timestamp) -> String {
    let mut text = Vec::new();
    push_date_time(DateTime { at, zone: ZoneOffset(0) }, &mut text);
    String::from_utf8_lossy(&text).trim_matches('"').trim().to_owned()
}
