//! Untagged responses about the selected mailbox: FLAGS, PERMANENTFLAGS, and the FETCH line that tells flags
//! (RFC 9051 §7.3.5, RFC 9051 §7.5.2, RFC 7162 §3.2).

use koi_mailbox::{KeywordTable, MessageRow};
use koi_proto::imap::response::{self, Code, FetchLine, Status};
use koi_types::{Keyword, Rights, SeqNum, SystemFlags};

/// The keywords a client is told of: every one that was ever set in the account, and that of chat where chat
/// is offered (COI-server §configure-message-filtering/imap), so that it is known before the first one comes.
pub(crate) fn told_keywords(keywords: &KeywordTable, offers_chat: bool) -> Vec<Keyword> {
    let mut told: Vec<Keyword> = keywords.iter().cloned().collect();
    told.extend(Keyword::new("$Chat").filter(|chat| offers_chat && !told.contains(chat)));
    told
}

/// How many these are.
pub(crate) fn told_count(keywords: &KeywordTable, offers_chat: bool) -> usize {
    let adds_chat = offers_chat && Keyword::new("$Chat").is_some_and(|chat| keywords.number(&chat).is_none());
    keywords.iter().count() + usize::from(adds_chat)
}

/// `* FLAGS (…)`: the system flags and the keywords.
pub(crate) fn flags(keywords: &[Keyword], out: &mut Vec<u8>) {
    response::flags(SystemFlags::ALL, keywords.iter().map(Keyword::as_str), out);
}

/// `* OK [PERMANENTFLAGS (…)]`: what these rights allow to change (RFC 4314 §5.1.1); nothing is permanent in
/// a mailbox that is read-only (RFC 9051 §7.1).
pub(crate) fn permanent_flags(keywords: &[Keyword], rights: Rights, out: &mut Vec<u8>) {
    let writes = rights.contains(Rights::WRITE);
    let own = SystemFlags::SEEN.union(SystemFlags::DELETED);
    let mut system = if writes { SystemFlags::ALL.without(own) } else { SystemFlags::NONE };
    for (right, flag) in [(Rights::SEEN, SystemFlags::SEEN), (Rights::DELETE_MESSAGES, SystemFlags::DELETED)]
    {
        if rights.contains(right) {
            system = system.union(flag);
        }
    }
    let keywords = if writes { keywords } else { &[] };
    let code = Code::PermanentFlags { system, keywords, new_keywords: writes };
    response::status(None, Status::Ok, Some(&code), "flags that can be changed", out);
}

/// `* 5 FETCH (UID 17 FLAGS (\Seen) MODSEQ (9))`, with only what is wanted. Nothing at all when nothing is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlagsLine {
    pub(crate) seqnum: u32,
    pub(crate) uid: bool,
    pub(crate) flags: bool,
    pub(crate) modseq: bool,
    /// It is `\Recent` in this session.
    pub(crate) recent: bool,
    /// UIDFETCH instead of FETCH, which names the UID (RFC 9586 §3.6).
    pub(crate) uid_only: bool,
}

impl FlagsLine {
    pub(crate) fn write(self, row: &MessageRow<'_>, keywords: &KeywordTable, out: &mut Vec<u8>) {
        let Some(seqnum) = SeqNum::new(self.seqnum).filter(|_| self.flags || self.modseq) else { return };
        let mut line = match self.uid_only {
            true => FetchLine::begin_uid(row.uid, out),
            false => FetchLine::begin(seqnum, out),
        };
        if self.uid && !self.uid_only {
            line.uid(row.uid, out);
        }
        if self.flags {
            flags_item(&mut line, row, keywords, self.recent, out);
        }
        if self.modseq {
            line.mod_seq(row.modseq, out);
        }
        line.end(out);
    }
}

/// `FLAGS (\Seen $Forwarded)`
pub(crate) fn flags_item(
    line: &mut FetchLine,
    row: &MessageRow<'_>,
    keywords: &KeywordTable,
    recent: bool,
    out: &mut Vec<u8>,
) {
    let names = row.keywords.iter().filter_map(|n| keywords.keyword(n)).map(Keyword::as_str);
    line.flags(row.flags, names.chain(recent.then_some("\\Recent")), out);
}
