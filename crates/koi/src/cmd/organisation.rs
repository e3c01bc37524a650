//! `koi organisation list|forget`: what this server knows of other organisations.

use koi_server::Problem;
use koi_server::admin::{Reply, Request};
use koi_server::config::Config;

use crate::cli::Organisation;
use crate::terminal::say;

pub(crate) fn run(config: &Config, arguments: Organisation) -> Result<(), Problem> {
    match arguments {
        Organisation::List => {
            let all = match super::ask(config, &Request::OrganisationList)? {
                Reply::Organisations(all) => all,
                other => return Err(super::unexpected(other)),
            };
            if all.is_empty() {
                say("no other organisation is known");
            }
            for one in all {
                let dnssec = if one.validated { "DNSSEC" } else { "no DNSSEC" };
                say(format_args!("{}  {dnssec}", one.domain));
                say(format_args!("  key    {}", one.fingerprint));
                say(format_args!("  known since {}, looked up {}", one.known_since, one.learned));
                if !one.kept {
                    say("  nobody here has dealt with it: it is forgotten when room is needed");
                }
            }
            Ok(())
        }
        Organisation::Forget { domain } => {
            match super::ask(config, &Request::OrganisationForget { domain: domain.clone() })? {
                Reply::Done => say(format_args!("forgotten: whatever key {domain} has next is believed")),
                other => return Err(super::unexpected(other)),
            }
            Ok(())
        }
    }
}
