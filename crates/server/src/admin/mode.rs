//! `koi account mode`: how much the server may know of an account's mail (DMAP-00 §7.1.1, docs/DMAP.md).

use koi_mailbox::dmap::ModeChange;
use koi_types::{Address, Cause, Mode};

use crate::problem::Problem;
use crate::service::Service;

/// The mode after the change, if one was asked for; then open sessions of the account end.
pub(super) fn execute(
    service: &Service,
    address: &Address,
    wanted: Option<&str>,
    drops_keys: bool,
) -> Result<String, Problem> {
    let id = service.account(address)?;
    let account = service.mailbox.account(id)?;
    let before = account.snapshot()?.mode();
    let Some(wanted) = wanted else { return Ok(before.word().to_owned()) };
    let mode = Mode::parse(wanted).ok_or_else(|| {
        Problem::usage(format!("there is no mode `{wanted}`"), "modes: trustful, cautious, paranoid")
    })?;
    if mode != before {
        let change = ModeChange { drops_private_keys: drops_keys, ..ModeChange::to(mode) };
        account.set_mode(&change).wait().map_err(|error| match error.cause {
            Some(Cause::KeyPolicy) => {
                Problem::new(format!("{address} stays {}: {error}", before.word()), needs(mode))
            }
            _ => Problem::from(error),
        })?;
        service.watch.account_gone(id);
    }
    Ok(mode.word().to_owned())
}

/// What is usually missing.
const fn needs(mode: Mode) -> &'static str {
    match mode {
        Mode::Trustful => {
            "give the account a key whose private part is on the server: `koi dmap keys create` as its owner"
        }
        Mode::Cautious | Mode::Paranoid => {
            "if it has no STACIE verifier, set a password of at least 8 characters with `koi account \
             passwd`; if private keys are in the way, its owner makes a new one (`koi dmap keys create`) or \
             keeps them on his side (`koi dmap keys keep`), then say --drop-keys: mail that only they open \
             is lost otherwise"
        }
    }
}
