//! `koi status`.

use koi_server::Problem;
use koi_server::admin::{Reply, Request, Running, Status};
use koi_server::config::Config;
use koi_server::metrics::Counter;

use crate::cli;
use crate::terminal::{note, say};

pub(crate) fn run(config: &Config, arguments: &cli::Status) -> Result<(), Problem> {
    let Reply::Status(status) = super::ask(config, &Request::Status)? else {
        return Err(Problem::new(
            "the server did not tell its status",
            "use the `koi` of the server's version",
        ));
    };
    if arguments.json {
        let json = serde_json::to_string_pretty(&status);
        say(json.map_err(|e| Problem::new(format!("cannot write JSON: {e}"), "report this as a bug"))?);
        return Ok(());
    }
    show(config, &status);
    Ok(())
}

fn show(config: &Config, status: &Status) {
    match &status.running {
        Some(running) => show_running(running),
        None => say("no server is running on this folder"),
    }
    say(format_args!("folder    {}", config.data.display()));
    let Status { accounts, messages, octets, .. } = status;
    say(format_args!("holds     {accounts} accounts, {messages} messages, {octets} octets of mail"));
    let index = &status.index;
    say(format_args!(
        "indexed   {} accounts, {} emails, {} of at most {} octets, {} accounts not yet complete",
        index.accounts, index.emails, index.octets, index.octets_max, index.behind
    ));
    if status.queued > 0 {
        say(format_args!("queued    {} messages for other servers; see `koi queue`", status.queued));
    }
    for trouble in [&status.store_trouble, &status.dns_trouble].into_iter().flatten() {
        note(format_args!("TROUBLE   {trouble}"));
    }
    say("\nstore");
    status.store.iter().for_each(show_counter);
}

fn show_running(running: &Running) {
    let Running { pid, version, up_secs, connections, .. } = running;
    let (hours, minutes) = (up_secs / 3600, up_secs / 60 % 60);
    say(format_args!(
        "server    koi {version}, process {pid}, up {hours} h {minutes} min, {connections} connections"
    ));
    say(format_args!("listening {}", running.listeners.join(", ")));
    say("\nsince the start");
    running.counters.iter().for_each(show_counter);
    say("\nlatency in microseconds               count        p50        p99        max");
    for named in &running.latencies {
        let l = &named.latency;
        let name = &named.name;
        say(format_args!(
            "  {name:30} {:>10} {:>10} {:>10} {:>10}",
            l.count, l.p50_micros, l.p99_micros, l.max_micros
        ));
    }
    say("");
}

fn show_counter(counter: &Counter) {
    say(format_args!("  {:40} {:>14}", counter.name, counter.value));
}
