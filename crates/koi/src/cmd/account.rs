//! `koi account add|list|passwd|scram|app-password|token|share|set|mode|quota|remove`.

use koi_server::Problem;
use koi_server::admin::{AppPasswordLine, Reply, Request, ShareLine, Used};
use koi_server::config::Config;
use koi_server::password::verifier;

use crate::cli::{Account, AppPassword, Password, Quota, Share, ShareOf, Switch, Token};
use crate::terminal::{known_password, new_password, say};

pub(crate) fn run(config: &Config, arguments: Account) -> Result<(), Problem> {
    match arguments {
        Account::Add(Password { address, generate }) => {
            let password = password(&address, generate)?;
            done(config, Request::AccountAdd { address: address.clone(), password: password.clone() })?;
            say(format_args!("added {address}"));
            show(generate, &password);
            Ok(())
        }
        Account::Passwd(Password { address, generate }) => {
            let password = password(&address, generate)?;
            done(config, Request::AccountPasswd { address: address.clone(), password: password.clone() })?;
            say(format_args!("password of {address} changed"));
            show(generate, &password);
            Ok(())
        }
        Account::Set { address, setting, value } => {
            let said = format!("{setting} of {address} is {value}");
            done(config, Request::AccountSet { address, setting, value })?;
            say(format_args!("{said}"));
            Ok(())
        }
        Account::Mode { address, mode, drop_keys } => {
            let request = Request::AccountMode { address: address.clone(), mode, drops_keys: drop_keys };
            match super::ask(config, &request)? {
                Reply::Mode(mode) => say(format_args!("{address} is {mode}")),
                other => return Err(super::unexpected(other)),
            }
            Ok(())
        }
        Account::Remove { address } => {
            done(config, Request::AccountRemove { address: address.clone() })?;
            say(format_args!("removed {address}"));
            Ok(())
        }
        Account::Scram { address, state } => {
            let password = match state {
                Switch::On => Some(known_password(&address)?),
                Switch::Off => None,
            };
            done(config, Request::AccountScram { address: address.clone(), password })?;
            let state = if state == Switch::On { "on" } else { "off" };
            say(format_args!("SCRAM of {address} is {state}"));
            Ok(())
        }
        Account::AppPassword(arguments) => app_password(config, arguments),
        Account::Token(arguments) => token(config, arguments),
        Account::Share(arguments) => share(config, arguments),
        Account::Quota(Quota { address, octets, messages, mailboxes }) => {
            quota(config, Request::AccountQuota { address, octets, messages, mailboxes })
        }
        Account::List => list(config),
    }
}

fn app_password(config: &Config, arguments: AppPassword) -> Result<(), Problem> {
    match arguments {
        AppPassword::Add { address, name, scope } => {
            let request = Request::AppPasswordAdd { address, name, scopes: scope };
            match super::ask(config, &request)? {
                Reply::AppPassword(password) => say(format_args!("app password: {password}")),
                other => return Err(super::unexpected(other)),
            }
            Ok(())
        }
        AppPassword::List { address } => match super::ask(config, &Request::AppPasswordList { address })? {
            Reply::AppPasswords(all) => {
                app_passwords(all);
                Ok(())
            }
            other => Err(super::unexpected(other)),
        },
        AppPassword::Remove { address, name } => {
            done(config, Request::AppPasswordRemove { address, name: name.clone() })?;
            say(format_args!("removed {name}"));
            Ok(())
        }
    }
}

fn token(config: &Config, arguments: Token) -> Result<(), Problem> {
    match arguments {
        Token::Add { address, name } => match super::ask(config, &Request::TokenAdd { address, name })? {
            Reply::AppPassword(token) => {
                say(format_args!("token: {token}"));
                Ok(())
            }
            other => Err(super::unexpected(other)),
        },
        Token::List { address } => match super::ask(config, &Request::TokenList { address })? {
            Reply::AppPasswords(all) => {
                app_passwords(all);
                Ok(())
            }
            other => Err(super::unexpected(other)),
        },
        Token::Remove { address, name } => {
            done(config, Request::TokenRemove { address, name: name.clone() })?;
            say(format_args!("removed {name}"));
            Ok(())
        }
    }
}

fn app_passwords(all: Vec<AppPasswordLine>) {
    let width = all.iter().map(|p| p.name.chars().count()).max().unwrap_or(0).max(4);
    say(format_args!("{:width$}  {:<16}  {:<26}  last used", "name", "scopes", "made"));
    for AppPasswordLine { name, scopes, created, used } in all {
        let (scopes, used) = (scopes.join(","), used.unwrap_or_else(|| "never".into()));
        say(format_args!("{name:width$}  {scopes:<16}  {created:<26}  {used}"));
    }
}

fn share(config: &Config, arguments: Share) -> Result<(), Problem> {
    match arguments {
        Share::Set { of: ShareOf { owner: address, mailbox, user }, rights } => {
            let said = format!("{user} has {rights} on {mailbox} of {address}");
            done(config, Request::ShareSet { address, mailbox, user, rights })?;
            say(format_args!("{said}"));
            Ok(())
        }
        Share::Remove { of: ShareOf { owner: address, mailbox, user } } => {
            let said = format!("{user} has no rights on {mailbox} of {address}");
            done(config, Request::ShareRemove { address, mailbox, user })?;
            say(format_args!("{said}"));
            Ok(())
        }
        Share::List { owner: address, mailbox } => {
            match super::ask(config, &Request::ShareList { address, mailbox })? {
                Reply::Shares(all) => {
                    shares(all);
                    Ok(())
                }
                other => Err(super::unexpected(other)),
            }
        }
    }
}

fn shares(all: Vec<ShareLine>) {
    let width = |text: fn(&ShareLine) -> &str, least: usize| {
        all.iter().map(|line| text(line).chars().count()).max().unwrap_or(0).max(least)
    };
    let (mailboxes, users) = (width(|line| &line.mailbox, 7), width(|line| &line.user, 4));
    say(format_args!("{:mailboxes$}  {:users$}  rights", "mailbox", "user"));
    for ShareLine { mailbox, user, rights } in &all {
        say(format_args!("{mailbox:mailboxes$}  {user:users$}  {rights}"));
    }
}

fn password(address: &str, generate: bool) -> Result<String, Problem> {
    if generate { Ok(verifier::generate()) } else { new_password(address) }
}

fn show(generated: bool, password: &str) {
    if generated {
        say(format_args!("password: {password}"));
    }
}

fn done(config: &Config, request: Request) -> Result<(), Problem> {
    match super::ask(config, &request)? {
        Reply::Done => Ok(()),
        other => Err(super::unexpected(other)),
    }
}

fn list(config: &Config) -> Result<(), Problem> {
    let Reply::Accounts(accounts) = super::ask(config, &Request::AccountList)? else {
        return Err(Problem::new(
            "the server did not list accounts",
            "use the `koi` of the server's version",
        ));
    };
    let width = accounts.iter().map(|a| a.address.len()).max().unwrap_or(0).max(7);
    say(format_args!("{:width$}  {:>9}  {:>14}", "account", "messages", "octets"));
    for account in accounts {
        let disabled = if account.disabled { "  disabled" } else { "" };
        let scram = if account.scram { "  scram" } else { "" };
        let sent_copy = if account.sent_copy { "  sent-copy" } else { "" };
        let mode = if account.mode.is_empty() {
            String::new()
        } else {
            format!("  {}", account.mode.to_lowercase())
        };
        let (address, messages, octets) = (account.address, account.messages, account.octets);
        say(format_args!("{address:width$}  {messages:>9}  {octets:>14}{scram}{sent_copy}{mode}{disabled}"));
    }
    Ok(())
}

fn quota(config: &Config, request: Request) -> Result<(), Problem> {
    let quota = match super::ask(config, &request)? {
        Reply::Quota(quota) => quota,
        other => return Err(super::unexpected(other)),
    };
    say(format_args!("{:9}  {:>14}  {:>14}", "", "used", "limit"));
    let lines = [("octets", quota.octets), ("messages", quota.messages), ("mailboxes", quota.mailboxes)];
    for (what, of) in lines {
        let Used { used, limit, own } = of;
        let limit = limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        let own = if own { "  of its own" } else { "" };
        say(format_args!("{what:9}  {used:>14}  {limit:>14}{own}"));
    }
    Ok(())
}
