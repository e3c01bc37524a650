//! `koi dns`: the records of the domains, to be put into their zones.

use koi_server::config::Config;
use koi_server::{Problem, dns};

use crate::cli::Dns;
use crate::terminal::say;

pub(crate) fn run(config: &Config, arguments: &Dns) -> Result<(), Problem> {
    let wanted = arguments.domain.as_ref().map(|domain| domain.to_lowercase());
    if let Some(domain) = wanted.as_ref().filter(|domain| !config.domains.contains(domain)) {
        let what = format!("{domain} is not one of this server's domains ({})", config.domains.join(", "));
        return Err(Problem::usage(what, "add it to server.domains in koi.toml"));
    }
    if dns::is_only_here(config) {
        say(format_args!("; every listener is on loopback: nobody else could follow these records"));
    }
    for domain in config.domains.iter().filter(|domain| wanted.as_ref().is_none_or(|one| one == *domain)) {
        let management = dns::management_record(config, domain)?;
        let records = dns::records(config, domain, management.as_ref());
        let width = records.iter().map(|record| record.name.len()).max().unwrap_or(0);
        say(format_args!("; {domain}"));
        if management.as_ref().is_some_and(|record| !record.tls.is_empty()) {
            say(format_args!(
                "; tls= in _dx is for the certificate of now: publish it anew when that changes"
            ));
        }
        if management.is_none() {
            say(format_args!(
                "; no _dx record yet: the organisation's key is made when the server first starts"
            ));
        }
        for record in &records {
            say(format_args!("{}", record.line(width)));
        }
    }
    Ok(())
}
