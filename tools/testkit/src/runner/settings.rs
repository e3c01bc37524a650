//! `set NAME VALUE` of a script: the settings of the world's sessions.

use std::sync::Arc;

use koi_proto::dmap::Mode as AccountMode;
use koi_sessions::account_rates::{AccountRates, AccountRatesMax};
use koi_sessions::smtp::{Rates, RatesMax};

use crate::world::World;

pub(super) fn set(world: &mut World, name: &str, value: &str) -> Result<(), String> {
    let yes = value == "yes";
    let number = || value.parse::<u32>().map_err(|_| format!("not a number: {value}"));
    match name {
        "imap.plain_without_tls" => world.imap.plain_without_tls = yes,
        "imap.scram" => world.imap.scram = yes,
        "imap.starttls" => world.imap.starttls = yes,
        "imap.message_octets_max" => world.imap.message_octets_max = number()?.into(),
        "imap.compress" => world.imap.compress = yes,
        "imap.unauthenticate" => world.imap.unauthenticate = yes,
        "imap.commands_per_second_max" => world.imap.commands_per_second_max = number()?,
        "imap.progress_secs" => world.imap.progress_secs = number()?,
        "imap.search_secs_max" => world.imap.search_secs_max = number()?,
        "imap.search_octets_max" => world.imap.search_octets_max = Some(number()?.into()),
        "imap.connection_memory_max" => world.imap.connection_memory_max = number()? as usize,
        "imap.jmap_url" => world.imap.jmap_url = Some(value.into()),
        "imap.bad_commands_max" => world.imap.bad_commands_max = number()?,
        "imap.notify_accounts_max" => world.imap.notify_accounts_max = number()? as usize,
        "imap.notifications_max" => world.imap.notifications_max = number()? as usize,
        "imap.administrators" => {
            world.imap.administrators = value.split(' ').map(crate::world::address).collect();
        }
        "imap.submitters" => {
            world.imap.submitters = value.split(' ').map(crate::world::address).collect();
        }
        "imap.failed_logins_max" => world.imap.failed_logins_max = number()?,
        "jmap.get_objects_max" => world.jmap.get_objects_max = number()?.into(),
        "jmap.set_objects_max" => world.jmap.set_objects_max = number()?.into(),
        "jmap.calls_max" => world.jmap.calls_max = number()?.into(),
        "jmap.request_octets_max" => world.jmap.request_octets_max = number()?.into(),
        _ if name.starts_with("dmtp.") => return set_dmtp(world, name, value),
        _ if name.starts_with("dmap.") => return set_dmap(world, name, value),
        _ => return set_smtp(world, name, value),
    }
    Ok(())
}

fn set_dmap(world: &mut World, name: &str, value: &str) -> Result<(), String> {
    let number = || value.parse::<u32>().map_err(|_| format!("not a number: {value}"));
    let settings = &mut world.dmap;
    match name {
        "dmap.mode" => settings.mode = AccountMode::parse(value).ok_or("no such mode")?,
        "dmap.scram" => settings.scram = value == "yes",
        "dmap.bad_commands_max" => settings.bad_commands_max = number()?,
        "dmap.failed_logins_max" => settings.failed_logins_max = number()?,
        "dmap.message_octets_max" => settings.message_octets_max = number()?.into(),
        "dmap.commands_per_second_max" => settings.commands_per_second_max = number()?,
        "dmap.search_secs_max" => settings.search_secs_max = number()?,
        "dmap.encrypted_octets_max" => {
            let octets = number()?.into();
            world.set_options(|options| {
                options.dmap.iter_mut().for_each(|dmap| dmap.encrypted_octets_max = octets);
            });
        }
        "dmap.connection_memory_max" => settings.connection_memory_max = number()? as usize,
        _ => return Err(format!("no such setting: {name}")),
    }
    Ok(())
}

fn set_dmtp(world: &mut World, name: &str, value: &str) -> Result<(), String> {
    let number = || value.parse::<u32>().map_err(|_| format!("not a number: {value}"));
    let settings = &mut world.dmtp;
    match name {
        "dmtp.message_octets_max" => settings.message_octets_max = number()?.into(),
        "dmtp.bad_commands_max" => settings.bad_commands_max = number()?,
        "dmtp.rates" => settings.rates = Arc::new(Rates::new(rates(value)?)),
        _ => return Err(format!("no such setting: {name}")),
    }
    Ok(())
}

fn set_smtp(world: &mut World, name: &str, value: &str) -> Result<(), String> {
    let number = || value.parse::<u32>().map_err(|_| format!("not a number: {value}"));
    if name.ends_with(".message_octets_max") {
        let octets = number()?.into();
        world.set_options(|options| options.message_octets_max = octets);
    }
    let service = world.service.clone();
    let settings = match name.split_once('.') {
        Some(("lmtp", _)) => &mut world.lmtp,
        Some(("smtp", _)) => &mut world.smtp,
        Some(("submission", _)) => &mut world.submission,
        _ => return Err(format!("no such setting: {name}")),
    };
    let (_, what) = name.split_once('.').unwrap_or_default();
    match what {
        "starttls" => settings.starttls = value == "yes",
        "plain_without_tls" => settings.plain_without_tls = value == "yes",
        "message_octets_max" => settings.message_octets_max = number()?.into(),
        "recipients_max" => settings.recipients_max = number()? as usize,
        "bad_commands_max" => settings.bad_commands_max = number()?,
        "failed_logins_max" => settings.failed_logins_max = number()?,
        "scram" => settings.scram = value == "yes",
        "greeting_delay_ms" => settings.greeting_delay_ms = number()?,
        "rates" => settings.rates = Arc::new(Rates::new(rates(value)?)),
        // What was sent before counts, as after a restart.
        "account_rates" => {
            let rates = AccountRates::remembered(account_rates(value)?, service);
            settings.account_rates = Arc::new(rates);
        }
        _ => return Err(format!("no such setting: {name}")),
    }
    Ok(())
}

/// `messages 3 errors 2`, a minute.
fn rates(value: &str) -> Result<RatesMax, String> {
    let mut max = RatesMax::default();
    for Named { name, number } in numbers(value)? {
        *match name {
            "connections" => &mut max.connections,
            "messages" => &mut max.messages,
            "recipients" => &mut max.recipients,
            "lookups" => &mut max.lookups,
            "errors" => &mut max.errors,
            _ => return Err(format!("no such rate: {name}")),
        } = number;
    }
    Ok(max)
}

fn account_rates(value: &str) -> Result<AccountRatesMax, String> {
    let mut max = AccountRatesMax::default();
    for Named { name, number } in numbers(value)? {
        *match name {
            "messages_per_hour" => &mut max.messages_per_hour,
            "messages_per_day" => &mut max.messages_per_day,
            "recipients_per_hour" => &mut max.recipients_per_hour,
            "recipients_per_day" => &mut max.recipients_per_day,
            _ => return Err(format!("no such rate: {name}")),
        } = number;
    }
    Ok(max)
}

struct Named<'a> {
    name: &'a str,
    number: u32,
}

/// `messages 2 recipients 3`
fn numbers(value: &str) -> Result<Vec<Named<'_>>, String> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let pair = |pair: &[&'_ str]| match pair {
        [_, number] => number.parse().map_err(|_| format!("not a number: {number}")),
        _ => Err(format!("not pairs: {value}")),
    };
    words.chunks(2).map(|words| Ok(Named { name: words[0], number: pair(words)? })).collect()
}
