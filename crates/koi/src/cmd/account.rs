//! `koi account add|list|passwd|remove`.

use koi_server::Problem;
use koi_server::admin::{Reply, Request};
use koi_server::config::Config;
use koi_server::password::verifier;

use crate::cli::{Account, Password};
use crate::terminal::{new_password, say};

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
        Account::Remove { address } => {
            done(config, Request::AccountRemove { address: address.clone() })?;
            say(format_args!("removed {address}"));
            Ok(())
        }
        Account::List => list(config),
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
        let (address, messages, octets) = (account.address, account.messages, account.octets);
        say(format_args!("{address:width$}  {messages:>9}  {octets:>14}{disabled}"));
    }
    Ok(())
}
