//! Flags in DMAP's spelling (DMAP-00 §3.3.2): three that are keywords elsewhere begin with `\` here.

use koi_types::{Flags, Keyword, SystemFlags, limits};

use super::text::push_list;
use crate::line::lex::{Cursor, SyntaxError};

/// A system flag of DMAP that is kept as a keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Respelled {
    flag: &'static str,
    keyword: &'static str,
}

/// RFC 5788 registers the first, RFC 5550 §5.10 names the others.
const RESPELLED: [Respelled; 3] = [
    Respelled { flag: "\\Forwarded", keyword: FORWARDED },
    Respelled { flag: "\\Submitted", keyword: SUBMITTED },
    Respelled { flag: "\\SubmitPending", keyword: SUBMIT_PENDING },
];

/// The keyword that `\Forwarded` is kept as.
pub const FORWARDED: &str = "$Forwarded";
/// The keyword that `\Submitted` is kept as.
pub const SUBMITTED: &str = "$Submitted";
/// The keyword that `\SubmitPending` is kept as.
pub const SUBMIT_PENDING: &str = "$SubmitPending";

/// What becomes of a `\` flag that is not one of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unknown {
    /// The server cannot store it.
    Refused,
    /// The client does not care.
    Ignored,
}

/// ```abnf
/// flag-list = "(" [flag *(SP flag)] ")"
/// ```
pub(super) fn flag_list(cursor: &mut Cursor<'_>, unknown: Unknown) -> Result<Flags, SyntaxError> {
    let mut flags = Flags::default();
    cursor.list_or_empty(|cursor| flag(cursor, unknown, &mut flags))?;
    Ok(flags)
}

/// `flag *(SP flag)`, to the end of the command.
pub(super) fn flags_until_end(cursor: &mut Cursor<'_>) -> Result<Flags, SyntaxError> {
    let mut flags = Flags::default();
    flag(cursor, Unknown::Refused, &mut flags)?;
    while cursor.take(b' ') {
        flag(cursor, Unknown::Refused, &mut flags)?;
    }
    Ok(flags)
}

/// ```abnf
/// flag    = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / "\Forwarded" / "\Submitted" /
///           "\SubmitPending" / keyword / "\" atom    ; earlier alternative wins
/// keyword = "$" atom / atom
/// ```
pub(super) fn flag(cursor: &mut Cursor<'_>, unknown: Unknown, flags: &mut Flags) -> Result<(), SyntaxError> {
    let before = cursor.clone();
    let name = match cursor.take(b'\\') {
        true => format!("\\{}", cursor.atom("expected the name of a system flag")?),
        false => cursor.atom("expected a flag")?.to_owned(),
    };
    if let Some(system) = SystemFlags::parse(&name) {
        flags.system = flags.system.union(system);
        return Ok(());
    }
    let respelled = RESPELLED.iter().find(|known| known.flag.eq_ignore_ascii_case(&name));
    match Keyword::new(respelled.map_or(&name, |known| known.keyword)) {
        Some(keyword) => flags.insert(keyword),
        None if name.starts_with('\\') && unknown == Unknown::Ignored => {}
        None if name.starts_with('\\') => return before.fail("unknown system flag"),
        None => return before.fail("keyword is too long"),
    }
    if flags.keywords.len() > limits::KEYWORDS_PER_MESSAGE_MAX && unknown == Unknown::Refused {
        return before.fail("too many keywords");
    }
    Ok(())
}

/// `keyword` as an argument of SEARCH.
pub(super) fn keyword(cursor: &mut Cursor<'_>) -> Result<Keyword, SyntaxError> {
    let before = cursor.error("expected a keyword");
    let name = cursor.atom("expected a keyword")?;
    Keyword::new(name).ok_or(before)
}

/// `flag-list`
pub(super) fn push_flags(flags: &Flags, out: &mut Vec<u8>) {
    push_list(names(flags), |name, out| out.extend_from_slice(name.as_bytes()), out);
}

/// The same of flags that are not held together; keywords in the order given.
pub(super) fn push_flag_names<'a>(
    system: SystemFlags,
    keywords: impl Iterator<Item = &'a Keyword>,
    out: &mut Vec<u8>,
) {
    let stored = SystemFlags::NAMES.iter().filter(|(_, flag)| system.contains(*flag));
    let keywords = keywords.map(|keyword| {
        let respelled = RESPELLED.iter().find(|known| is(keyword, known));
        respelled.map_or_else(|| keyword.as_str(), |known| known.flag)
    });
    let names = stored.map(|(name, _)| *name).chain(keywords);
    push_list(names, |name, out| out.extend_from_slice(name.as_bytes()), out);
}

/// The names on the wire: system flags first, then keywords.
pub(super) fn names(flags: &Flags) -> impl Iterator<Item = &str> {
    let stored = SystemFlags::NAMES.iter().filter(|(_, flag)| flags.system.contains(*flag));
    let respelled = RESPELLED.iter().filter(|known| flags.keywords.iter().any(|k| is(k, known)));
    let keywords = flags.keywords.iter().filter(|k| !RESPELLED.iter().any(|known| is(k, known)));
    stored
        .map(|(name, _)| *name)
        .chain(respelled.map(|known| known.flag))
        .chain(keywords.map(Keyword::as_str))
}

fn is(keyword: &Keyword, known: &Respelled) -> bool {
    keyword.as_str().eq_ignore_ascii_case(known.keyword)
}
