//! SUBMIT and its delivery options (DMAP-00 §7.6.7).

use koi_types::Flags;

use super::list::words;
use super::{Command, Encoded};
use crate::dmap::flag::{Unknown, flag_list, push_flags};
use crate::dmap::name::{self, MailboxArg};
use crate::dmap::text;
use crate::line::date::{DateTime, date_time, push_date_time};
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::set::{SequenceSet, single};

/// SUBMIT or UID SUBMIT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submit {
    pub by_uid: bool,
    /// A single number, or `*`.
    pub message: SequenceSet,
    pub hold: Option<Hold>,
    /// How much of the message a bounce is to return.
    pub bounce: Option<Bounce>,
    pub save_to: Option<SaveTo>,
}

/// When it is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// In so many seconds, above 0.
    For(u32),
    Until(DateTime),
}

words! {
    /// What a bounce returns.
    Bounce {
        Full = "FULL",
        Display = "DISPLAY",
        Header = "HEADER",
    }
}

/// Where the message goes once it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SaveTo {
    pub mailbox: MailboxArg,
    /// SENTFLAGS
    pub flags: Option<Flags>,
}

/// ```abnf
/// submit = "SUBMIT" SP seq-number [SP "(" [sub-opt *(SP sub-opt)] ")"]
/// ```
pub(super) fn submit(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let message = single(cursor)?;
    let mut options = Options::default();
    let before = cursor.error("SENTFLAGS needs SAVETO");
    text::options(cursor, true, |cursor| options.read(cursor))?;
    let Options { hold, bounce, mailbox, flags } = options;
    let save_to = match (mailbox, flags) {
        (Some(mailbox), flags) => Some(SaveTo { mailbox, flags }),
        (None, None) => None,
        (None, Some(_)) => return Err(before),
    };
    Ok(Command::Submit(Submit { by_uid, message, hold, bounce, save_to }))
}

/// What was read so far.
#[derive(Default)]
struct Options {
    hold: Option<Hold>,
    bounce: Option<Bounce>,
    mailbox: Option<MailboxArg>,
    flags: Option<Flags>,
}

impl Options {
    /// ```abnf
    /// sub-opt = "HOLDFOR" SP nz-number / "HOLDUNTIL" SP date-time /
    ///           "RETURN" SP ("FULL" / "DISPLAY" / "HEADER") /
    ///           "SAVETO" SP mailbox / "SENTFLAGS" SP flag-list
    /// ```
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
        let before = cursor.error("unknown delivery option");
        let name = cursor.atom("expected a delivery option")?.to_ascii_uppercase();
        if !["HOLDFOR", "HOLDUNTIL", "RETURN", "SAVETO", "SENTFLAGS"].contains(&name.as_str()) {
            return Err(before);
        }
        cursor.space()?;
        match name.as_str() {
            "HOLDFOR" => text::once(&mut self.hold, Hold::For(cursor.nz_number()?), before),
            "HOLDUNTIL" => text::once(&mut self.hold, Hold::Until(date_time(cursor)?), before),
            "RETURN" => {
                let unknown = cursor.error("expected FULL, DISPLAY or HEADER");
                let bounce = Bounce::parse(cursor.atom(unknown.what)?).ok_or(unknown)?;
                text::once(&mut self.bounce, bounce, before)
            }
            "SAVETO" => text::once(&mut self.mailbox, name::mailbox(cursor)?, before),
            _ => text::once(&mut self.flags, flag_list(cursor, Unknown::Refused)?, before),
        }
    }
}

impl Submit {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.push(if self.by_uid { "UID SUBMIT " } else { "SUBMIT " });
        out.with(|out| self.message.push(out));
        let mut options: Vec<Push<'_>> = Vec::new();
        if let Some(hold) = self.hold {
            options.push(Box::new(move |out| hold.push(out)));
        }
        if let Some(bounce) = self.bounce {
            options.push(Box::new(move |out| out.push(&format!("RETURN {}", bounce.name()))));
        }
        if let Some(SaveTo { mailbox, flags }) = &self.save_to {
            options.push(Box::new(|out| out.with_name("SAVETO ", mailbox.as_str())));
            if let Some(flags) = flags {
                options.push(Box::new(|out| {
                    out.push("SENTFLAGS ");
                    out.with(|out| push_flags(flags, out));
                }));
            }
        }
        if !options.is_empty() {
            out.push(" ");
            out.list(options, |out, push| push(out));
        }
    }
}

type Push<'a> = Box<dyn FnOnce(&mut Encoded) + 'a>;

impl Hold {
    fn push(self, out: &mut Encoded) {
        match self {
            Self::For(seconds) => out.push(&format!("HOLDFOR {seconds}")),
            Self::Until(time) => {
                out.push("HOLDUNTIL ");
                out.with(|out| push_date_time(time, out));
            }
        }
    }
}
