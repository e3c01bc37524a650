//! `koi dmap mailboxes|list|read`: what a person sees of his mail.
//!
//! What others wrote is shown without control characters: a terminal obeys them.

use std::io::Write as _;
use std::path::Path;

use koi_dime::meta::Trust;
use koi_dmap_client::{Note, OpenedMessage, Reading, Verdict, field};
use koi_message::body::{BodyLists, BodyPart};
use koi_message::encoded_word::decode_text;
use koi_message::{body_value, parse, text_of_html};
use koi_proto::dmap::DateTime;
use koi_server::Problem;
use koi_types::{Timestamp, Uid, ZoneOffset};

use super::problem;
use super::session::Session;
use super::signets::word;
use crate::cli::dmap::ReadMessage;
use crate::terminal::{note, print, say};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// What of the header is shown, in this order.
const SHOWN: [&str; 5] = ["From", "To", "Cc", "Date", "Subject"];

pub(super) fn mailboxes(session: &mut Session) -> Result<(), Problem> {
    let lines = session.account.mailboxes().map_err(problem)?;
    let width = lines.iter().map(|line| line.shown.chars().count()).max().unwrap_or(0).max(7);
    say(format_args!("{:width$}  {:>8}  {:>6}  use", "mailbox", "messages", "unseen"));
    for line in lines {
        let role = line.role.map_or("", |role| role.attribute());
        let doubt = if line.is_doubtful { "  (its name cannot be verified)" } else { "" };
        let (shown, messages, unseen) = (plain(&line.shown), line.messages, line.unseen);
        say(format_args!("{shown:width$}  {messages:>8}  {unseen:>6}  {role}{doubt}"));
    }
    Ok(())
}

pub(super) fn list(session: &mut Session, mailbox: &str, count: u32) -> Result<(), Problem> {
    let mailbox = session.account.find_mailbox(mailbox).map_err(problem)?;
    let selected = session.account.select(&mailbox, true).map_err(problem)?;
    let glimpses = session.account.glimpses(selected, count).map_err(problem)?;
    if glimpses.is_empty() {
        say("no messages");
        return Ok(());
    }
    say(format_args!("{:>6}  {:4}  {:16}  {:28}  subject", "number", "", "date", "from (claimed)"));
    for glimpse in glimpses {
        let has = |flag: &str| glimpse.flags.iter().any(|known| known == flag);
        let marks: String = [("\\Seen", ' ', 'N'), ("\\Answered", 'A', ' '), ("\\Flagged", '!', ' ')]
            .iter()
            .map(|(flag, with, without)| if has(flag) { *with } else { *without })
            .chain([if has("\\SubmitPending") { 'P' } else { ' ' }])
            .collect();
        let (from, subject, date) = match &glimpse.header {
            Ok(header) => {
                let of = |name| plain(&decode_text(field(header, name).unwrap_or_default().as_bytes()));
                (address_in(&of("From")), of("Subject"), short_date(&of("Date")))
            }
            Err(why) => (String::new(), format!("(cannot be opened: {})", plain(why)), String::new()),
        };
        let from: String = from.chars().take(28).collect();
        let date = if date.is_empty() { glimpse.date.map(came).unwrap_or_default() } else { date };
        say(format_args!("{:>6}  {marks:4}  {date:16}  {from:28}  {subject}", glimpse.uid.value()));
    }
    Ok(())
}

pub(super) fn read(session: &mut Session, read: &ReadMessage) -> Result<(), Problem> {
    let uid = Uid::new(read.uid)
        .ok_or_else(|| Problem::usage("0 is not the number of a message", "see `koi dmap list`"))?;
    let mailbox = session.account.find_mailbox(&read.mailbox).map_err(problem)?;
    session.account.select(&mailbox, read.peek || read.raw).map_err(problem)?;
    if read.raw {
        let fetched = session.account.fetch(uid).map_err(problem)?;
        let mut out = std::io::stdout().lock();
        return out.write_all(&fetched.octets).and_then(|()| out.flush()).map_err(|error| {
            Problem::new(format!("cannot write the message: {error}"), "check where standard output goes")
        });
    }
    let reading = session.account.read(uid).map_err(problem)?;
    let Reading { fetched, outcome, trust, .. } = reading;
    let message = outcome.map_err(|why| {
        let what = format!("message {uid} is not shown: {why}");
        Problem::new(
            what,
            "it was changed on its way or on the server, or is not for you; --raw gives it as it is",
        )
    })?;
    show(&message, trust);
    if let Some(folder) = &read.save {
        save(&message, folder)?;
    }
    if !read.peek {
        session.account.mark_read(&fetched, &mut session.random).map_err(problem)?;
    }
    Ok(())
}

fn show(message: &OpenedMessage, trust: Trust) {
    say(verdict(message, trust));
    for note in &message.notes {
        say(match note {
            Note::SuiteOne => "note: of suite 1, which every server on its way could read".to_owned(),
            Note::From(from) => format!("note: its From field names somebody else: {}", plain(from)),
            Note::NotSubmitted => "note: it was not sent yet".to_owned(),
        });
    }
    say("");
    for name in SHOWN {
        if let Some(value) = field(&message.headers, name) {
            say(format_args!("{name}: {}", plain(&decode_text(value.as_bytes()))));
        }
    }
    let mut files = Vec::new();
    for whole in octets(message) {
        let parsed = parse(&whole);
        let root = BodyPart::of(&parsed.facts.structure);
        let lists = BodyLists::of(&root);
        for part in &lists.text {
            let text = body_value(part.part, &whole, 0).value;
            let is_html = part.part.full_type() == "text/html";
            print(&format!("\n{}\n", lines(if is_html { text_of_html(&text) } else { text }.trim_end())));
        }
        files.extend(lists.attachments.iter().map(|part| {
            let name = part.part.name().unwrap_or_else(|| "without a name".to_owned());
            format!("{} ({}, {} octets)", plain(&name), part.part.full_type(), part.part.size(&whole))
        }));
    }
    for file in files {
        say(format_args!("attached: {file}"));
    }
}

fn verdict(message: &OpenedMessage, trust: Trust) -> String {
    match &message.verdict {
        Verdict::Signed { author } => format!("signed by {author}; trust: {}", word(trust)),
        Verdict::Own => "written by yourself".to_owned(),
        Verdict::Ordinary { organisation } => {
            format!("ordinary mail, encrypted by {organisation} when it came: who wrote it is not proved")
        }
    }
}

/// The message as MIME: ordinary mail is one, the parts of others are one each.
fn octets(message: &OpenedMessage) -> Vec<Vec<u8>> {
    match &message.verdict {
        Verdict::Ordinary { .. } => {
            let body = message.parts.iter().flat_map(|part| part.data.iter().copied());
            vec![message.headers.iter().copied().chain(body).collect()]
        }
        _ => message.parts.iter().map(|part| part.data.to_vec()).collect(),
    }
}

fn save(message: &OpenedMessage, folder: &Path) -> Result<(), Problem> {
    std::fs::create_dir_all(folder).map_err(Problem::file("create the folder", folder))?;
    for whole in octets(message) {
        let parsed = parse(&whole);
        let root = BodyPart::of(&parsed.facts.structure);
        for (part, number) in BodyLists::of(&root).attachments.iter().zip(1..) {
            let name = part.part.name().unwrap_or_else(|| format!("attachment-{number}"));
            let file = folder.join(file_name(&name));
            let opened = std::fs::File::options().write(true).create_new(true).open(&file);
            let mut out = opened.map_err(Problem::file("create", &file))?;
            out.write_all(&part.part.octets(&whole)).map_err(Problem::file("write", &file))?;
            note(format_args!("saved {}", file.display()));
        }
    }
    Ok(())
}

/// A name in this folder and no other.
fn file_name(name: &str) -> String {
    let safe: String =
        name.chars().map(|c| if c.is_control() || matches!(c, '/' | '\\') { '_' } else { c }).collect();
    let safe = safe.trim_start_matches('.').chars().take(120).collect::<String>();
    if safe.is_empty() { "attachment".to_owned() } else { safe }
}

/// One line without control characters.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_direction(c) { '\u{fffd}' } else { c }).collect()
}

/// Lines without other control characters.
fn lines(text: &str) -> String {
    let kept = |c: char| matches!(c, '\n' | '\t');
    text.chars()
        .map(|c| if !kept(c) && (c.is_control() || is_direction(c)) { '\u{fffd}' } else { c })
        .collect()
}

/// What turns the order of characters around, and with it what they seem to say (UAX #9).
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What is in the angle brackets of a From field: a name says anything.
fn address_in(from: &str) -> String {
    let inner = from.rsplit_once('<').map_or(from, |(_, inner)| inner.trim_end_matches('>'));
    inner.trim().to_owned()
}

/// When it came, in the zone the server names.
fn came(date: DateTime) -> String {
    let local = Timestamp(date.at.0.saturating_add(i64::from(date.zone.0) * 60_000));
    let day = local.day(ZoneOffset(0)).date();
    let month = usize::from(day.month.saturating_sub(1));
    let name = MONTHS.get(month).copied().unwrap_or_default();
    let minutes = local.secs().rem_euclid(86_400) / 60;
    format!("{} {name} {:02} {:02}:{:02}", day.day, day.year % 100, minutes / 60, minutes % 60)
}

/// `19 Oct 15 10:00` of a date as headers write it.
fn short_date(date: &str) -> String {
    let date = date.split_once(", ").map_or(date, |(_, rest)| rest);
    let words: Vec<&str> = date.split_whitespace().collect();
    match words.as_slice() {
        [day, month, year, time, ..] => {
            let time: String = time.chars().take(5).collect();
            format!("{day} {month} {} {time}", year.get(2..).unwrap_or(year))
        }
        _ => date.chars().take(16).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_moves_nothing_on_the_screen() {
        assert_eq!(plain("a\x1b[2J\r\nb\u{202e}c"), "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}c");
        assert_eq!(lines("a\tb\nc\x07"), "a\tb\nc\u{fffd}");
        assert_eq!(file_name("../../.ssh/keys"), "_.._.ssh_keys");
        assert_eq!(file_name(".."), "attachment");
        assert_eq!(file_name("a\0b.txt"), "a_b.txt");
        assert_eq!(short_date("Mon, 19 Oct 2015 10:00:00 +0000"), "19 Oct 15 10:00");
        assert_eq!(short_date("yesterday"), "yesterday");
        let date = DateTime { at: Timestamp::from_secs(1_445_248_800), zone: ZoneOffset(120) };
        assert_eq!(came(date), "19 Oct 15 12:00");
        assert_eq!(address_in("\"bob@example.org\" <eve@example.net>"), "eve@example.net");
        assert_eq!(address_in("eve@example.net"), "eve@example.net");
    }
}
