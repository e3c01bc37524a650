//! `koi account app-password`: scopes and times as a person reads them.

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

pub(super) fn list(service: &Service, address: &Address) -> Result<Reply, Problem> {
    let account = service.account(address)?;
    let all = service.mailbox.directory().app_passwords(account)?;
    let lines = all.into_iter().map(|password| {
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
