//! SEARCH, SORT and ESEARCH (RFC 5256 §4, RFC 3501 §7.2.5, RFC 9051 §7.3.4, RFC 4731 §3, RFC 7162 §3.1.5
//! and §3.1.6, RFC 5267 §4, RFC 9394 §3, RFC 6203 §4, RFC 7377 §2.1).

use koi_types::{ModSeq, NumSet, UidValidity};

use super::mailbox::{NameEncoding, push_mailbox};
use super::number::push_number;
use crate::imap::command::{PartialRange, Tag};
use crate::imap::set::{push_ordered_set, push_set};

/// Numbers of messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbers<'a> {
    /// In the order of the mailbox.
    Set(&'a NumSet),
    /// In an order of their own (RFC 5267 §3.2).
    Ordered(&'a [u32]),
}

/// RFC 7377 §2.1
#[derive(Clone, Copy, Debug)]
pub struct MailboxCorrelator<'a> {
    pub name: &'a str,
    pub encoding: NameEncoding,
    pub uid_validity: UidValidity,
}

/// A part of the results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partial<'a> {
    pub range: PartialRange,
    pub numbers: Numbers<'a>,
}

/// Results that come into a list or leave it, one behind the other (RFC 5267 §4.3.3, §4.3.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListChange {
    /// Counted from 1; 0 where the list is in the order of the mailbox.
    pub position: u32,
    pub numbers: Vec<u32>,
}

impl Numbers<'_> {
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Set(set) => set.is_empty(),
            Self::Ordered(list) => list.is_empty(),
        }
    }
    /// Appends them as a `sequence-set`.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        match self {
            Self::Set(set) => push_set(set, out),
            Self::Ordered(list) => push_ordered_set(list, out),
        }
    }
}

/// The answer to SEARCH or SORT with RETURN.
#[derive(Clone, Copy, Debug, Default)]
pub struct Esearch<'a> {
    /// Of the command it answers.
    pub tag: Option<&'a Tag>,
    /// Which mailbox it is about, in the answer to ESEARCH (RFC 7377 §2.1).
    pub mailbox: Option<MailboxCorrelator<'a>>,
    /// The numbers are UIDs.
    pub by_uid: bool,
    /// Absent when nothing was found, even if asked for.
    pub min: Option<u32>,
    pub max: Option<u32>,
    pub count: Option<u64>,
    /// Left out when empty, as nothing is what ALL says then.
    pub all: Option<Numbers<'a>>,
    /// RFC 9394 §3.1: the range asked for, and what there is of it.
    pub partial: Option<Partial<'a>>,
    /// RFC 6203 §4: scores of the numbers of ALL or PARTIAL, in their order.
    pub relevancy: Option<&'a [u8]>,
    /// RFC 7162 §3.1.5: when the search had MODSEQ and found something.
    pub mod_seq: Option<ModSeq>,
}

/// ```abnf
/// mailbox-data =/ "SEARCH" [1*(SP nz-number) SP search-sort-mod-seq]   ; RFC 7162 §7
/// mailbox-data =/ "SEARCH" *(SP nz-number)                             ; RFC 3501 §9
/// ```
/// `mod_seq` is the highest of the messages found, if the search had MODSEQ.
pub fn search(numbers: impl IntoIterator<Item = u32>, mod_seq: Option<ModSeq>, out: &mut Vec<u8>) {
    found(b"* SEARCH", numbers, mod_seq, out);
}

/// ```abnf
/// sort-data = "SORT" *(SP nz-number)                                   ; RFC 5256 §5
/// sort-data =/ "SORT" [1*(SP nz-number) SP search-sort-mod-seq]        ; RFC 7162 §7
/// ```
pub fn sort(numbers: &[u32], mod_seq: Option<ModSeq>, out: &mut Vec<u8>) {
    found(b"* SORT", numbers.iter().copied(), mod_seq, out);
}

fn found(word: &[u8], numbers: impl IntoIterator<Item = u32>, mod_seq: Option<ModSeq>, out: &mut Vec<u8>) {
    out.extend_from_slice(word);
    let mut any = false;
    for number in numbers {
        any = true;
        out.push(b' ');
        push_number(u64::from(number), out);
    }
    if let Some(mod_seq) = mod_seq.filter(|_| any) {
        out.extend_from_slice(b" (MODSEQ ");
        push_number(mod_seq.value(), out);
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

/// ```abnf
/// esearch-response  = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)   ; RFC 9051 §9
/// search-correlator = SP "(" one-correlator *(SP one-correlator) ")"                      ; RFC 7377 §4
/// one-correlator    = ("TAG" SP tag-string) / ("MAILBOX" SP astring) / ("UIDVALIDITY" SP nz-number)
/// ```
pub fn esearch(answer: &Esearch<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ESEARCH");
    if let Some(tag) = answer.tag {
        out.extend_from_slice(b" (TAG \"");
        out.extend_from_slice(tag.as_str().as_bytes());
        out.push(b'"');
        if let Some(mailbox) = &answer.mailbox {
            out.extend_from_slice(b" MAILBOX ");
            push_mailbox(mailbox.name, mailbox.encoding, out);
            item(" UIDVALIDITY ", Some(u64::from(mailbox.uid_validity.value())), out);
        }
        out.push(b')');
    }
    if answer.by_uid {
        out.extend_from_slice(b" UID");
    }
    item(" MIN ", answer.min.map(u64::from), out);
    item(" MAX ", answer.max.map(u64::from), out);
    item(" COUNT ", answer.count, out);
    if let Some(all) = answer.all.filter(|all| !all.is_empty()) {
        out.extend_from_slice(b" ALL ");
        all.push(out);
    }
    if let Some(partial) = &answer.partial {
        push_partial(partial, out);
    }
    if let Some(scores) = answer.relevancy {
        push_scores(scores, out);
    }
    item(" MODSEQ ", answer.mod_seq.map(ModSeq::value), out);
    out.extend_from_slice(b"\r\n");
}

/// ```abnf
/// ret-data-partial = "PARTIAL" SP "(" partial-range SP partial-results ")"     ; RFC 9394 §4
/// partial-results  = sequence-set / "NIL"
/// ```
///
/// A range 500:400 is the same as 400:500, and is told as that; one counted from the end as it was asked.
fn push_partial(partial: &Partial<'_>, out: &mut Vec<u8>) {
    let PartialRange { from, to, backwards } = partial.range;
    let (from, to) = if backwards { (from, to) } else { (from.min(to), from.max(to)) };
    let sign: &[u8] = if backwards { b"-" } else { b"" };
    out.extend_from_slice(b" PARTIAL (");
    out.extend_from_slice(sign);
    push_number(u64::from(from), out);
    out.push(b':');
    out.extend_from_slice(sign);
    push_number(u64::from(to), out);
    out.push(b' ');
    match partial.numbers.is_empty() {
        true => out.extend_from_slice(b"NIL"),
        false => partial.numbers.push(out),
    }
    out.push(b')');
}

/// ```abnf
/// score-list = "(" [score *(SP score)] ")"                                     ; RFC 6203 §7
/// ```
fn push_scores(scores: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b" RELEVANCY (");
    for (at, score) in scores.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        push_number(u64::from(*score), out);
    }
    out.push(b')');
}

/// What changed in the result of a search with UPDATE: first what leaves it, then what comes into it. Nothing
/// when nothing did.
///
/// ```abnf
/// ret-data-addto      = "ADDTO" SP "(" context-position SP sequence-set
///                       *(SP context-position SP sequence-set) ")"             ; RFC 5267 §5
/// ret-data-removefrom = "REMOVEFROM" SP "(" context-position SP sequence-set
///                       *(SP context-position SP sequence-set) ")"
/// ```
pub fn context_changes(
    tag: &Tag,
    by_uid: bool,
    removed: &[ListChange],
    added: &[ListChange],
    out: &mut Vec<u8>,
) {
    if removed.is_empty() && added.is_empty() {
        return;
    }
    push_correlator(tag, by_uid, out);
    for (word, changes) in [(" REMOVEFROM (", removed), (" ADDTO (", added)] {
        if changes.is_empty() {
            continue;
        }
        out.extend_from_slice(word.as_bytes());
        for (at, change) in changes.iter().enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            push_number(u64::from(change.position), out);
            out.push(b' ');
            push_ordered_set(&change.numbers, out);
        }
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

fn push_correlator(tag: &Tag, by_uid: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ESEARCH (TAG \"");
    out.extend_from_slice(tag.as_str().as_bytes());
    out.extend_from_slice(b"\")");
    out.extend_from_slice(if by_uid { b" UID" } else { b"" });
}

fn item(word: &str, number: Option<u64>, out: &mut Vec<u8>) {
    if let Some(number) = number {
        out.extend_from_slice(word.as_bytes());
        push_number(number, out);
    }
}
