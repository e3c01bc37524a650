//! `koi dmap send`: a message for each recipient.

use std::io::Read as _;
use std::path::Path;

use koi_dmap_client::{Attachment, Error, Letter, SendOptions, encrypt};
use koi_proto::dmap::Code;
use koi_server::{Problem, clock};

use super::problem;
use super::session::Session;
use crate::cli::dmap::Send;
use crate::terminal::{note, say};

/// Octets of the text, and of each file.
const OCTETS_MAX: u64 = 256 * 1024 * 1024;

/// A file that goes with the message.
struct Attached {
    name: String,
    content: Vec<u8>,
}

pub(super) fn send(session: &mut Session, send: &Send) -> Result<(), Problem> {
    let text = text(send.text.as_deref())?;
    let files = send.attach.iter().map(|file| attached(file)).collect::<Result<Vec<_>, _>>()?;
    let attachments: Vec<Attachment<'_>> = files
        .iter()
        .map(|file| Attachment {
            name: &file.name,
            media_type: media_type(&file.name),
            content: &file.content,
        })
        .collect();
    let account = &mut session.account;
    let random = &mut session.random;
    let own = account.current_key().map_err(problem)?;
    // Everybody's key is verified before anything is sent to anybody.
    let mut contacts = Vec::new();
    for recipient in &send.to {
        let contact = account.contact(recipient, clock::now(), random).map_err(problem)?;
        if contact.is_rotated {
            note(format_args!("{recipient} has a new key, signed by the one that was known"));
        }
        contacts.push(contact);
    }
    let message_id = account.new_message_id(random).map_err(problem)?;
    let from = account.address().clone();
    let letter = Letter {
        from: &from,
        to: &send.to,
        subject: &send.subject,
        text: &text,
        attachments: &attachments,
        date: clock::now(),
        message_id: &message_id,
        in_reply_to: None,
    };
    let options = SendOptions { hold_secs: send.hold, bounce: None };
    for contact in &contacts {
        let to = &contact.user.address;
        let message = encrypt(&letter, &own, &contact.user, random).map_err(problem)?;
        let placed = account.place(&message, clock::now()).map_err(problem)?;
        let sent = account.submit(&placed, options).map_err(|error| {
            let (mailbox, uid) = (placed.mailbox.as_str(), placed.uid);
            let begins = match error {
                Error::Refused { .. } if !error.is(&Code::Unavailable) => "not sent to",
                // The server may have taken it before the answer was lost, or it was out of order.
                _ => "nobody knows whether it was sent to",
            };
            let what = format!("{begins} {to}: {error}; it lies in {mailbox} as number {uid}");
            Problem::new(what, error.remedy())
        })?;
        let copy = sent.saved_to.map_or_else(
            || format!("; your copy stays in {} as number {}", placed.mailbox, placed.uid),
            |mailbox| format!("; copy in {mailbox}"),
        );
        // By which a bounce names it.
        let named = sent.transaction.map_or_else(String::new, |name| format!("; transaction {name}"));
        match sent.held {
            Some(_) => say(format_args!("held for {to}: {}", sent.text)),
            None => say(format_args!("sent to {to}{copy}{named}")),
        }
        if let Some(why) = sent.draft_stays {
            let (mailbox, uid) = (&placed.mailbox, placed.uid);
            note(format_args!("the draft stays in {mailbox} as number {uid}: {why}"));
        }
    }
    Ok(())
}

fn text(file: Option<&Path>) -> Result<String, Problem> {
    let mut text = String::new();
    let problem = |error: std::io::Error| {
        Problem::new(
            format!("cannot read the text: {error}"),
            "give it as UTF-8, on standard input or with --text",
        )
    };
    match file {
        Some(file) => {
            let opened = std::fs::File::open(file).map_err(Problem::file("open", file))?;
            opened.take(OCTETS_MAX).read_to_string(&mut text).map_err(problem)?;
        }
        None => {
            std::io::stdin().lock().take(OCTETS_MAX).read_to_string(&mut text).map_err(problem)?;
        }
    }
    Ok(text)
}

fn attached(file: &Path) -> Result<Attached, Problem> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("attachment").to_owned();
    let opened = std::fs::File::open(file).map_err(Problem::file("open", file))?;
    let mut content = Vec::new();
    opened.take(OCTETS_MAX + 1).read_to_end(&mut content).map_err(Problem::file("read", file))?;
    match content.len() as u64 > OCTETS_MAX {
        true => Err(Problem::usage(format!("{}: too large to send", file.display()), "send it another way")),
        false => Ok(Attached { name, content }),
    }
}

/// By the name's end: what is not known is octets.
fn media_type(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    match end.as_str() {
        "txt" | "md" | "log" => "text/plain",
        "html" | "htm" => "text/html",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "zip" => "application/zip",
        "eml" => "message/rfc822",
        _ => "application/octet-stream",
    }
}
