//! Flags of messages as DMAP tells them, and the FETCH line that does (DMAP-00 §3.3.2, §8.4.1).

use koi_mailbox::{KeywordTable, MessageRow};
use koi_proto::dmap::flag::{FORWARDED, SUBMIT_PENDING, SUBMITTED};
use koi_proto::dmap::response::{FetchLine, FetchedItem, Of};
use koi_types::{SeqNum, Uid};

/// The flags of DMAP that are kept as keywords.
pub(crate) const OWN: [&str; 3] = [FORWARDED, SUBMITTED, SUBMIT_PENDING];

/// `* 5 FETCH (UID 17 FLAGS (\Seen) MODSEQ (9))`, or UIDFETCH without the item UID.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlagsLine {
    pub(crate) seqnum: u32,
    /// FLAGS too, not only MODSEQ.
    pub(crate) flags: bool,
    /// UIDFETCH instead of FETCH (RFC 9586 §3.3).
    pub(crate) uid_only: bool,
}

impl FlagsLine {
    pub(crate) fn write(self, row: &MessageRow<'_>, keywords: &KeywordTable, out: &mut Vec<u8>) {
        let Some(mut line) = begin(self.seqnum, row.uid, self.uid_only, out) else { return };
        if !self.uid_only {
            line.push(&FetchedItem::Uid(row.uid), out);
        }
        if self.flags {
            flags_item(&mut line, row, keywords, out);
        }
        line.push(&FetchedItem::ModSeq(row.modseq), out);
        line.end(out);
    }
}

/// The beginning of a line about a message, by its UID or by its number.
pub(crate) fn begin(seqnum: u32, uid: Uid, uid_only: bool, out: &mut Vec<u8>) -> Option<FetchLine> {
    let of = match uid_only {
        true => Of::Uid(uid),
        false => Of::Seq(SeqNum::new(seqnum)?),
    };
    Some(FetchLine::begin(of, out))
}

/// `FLAGS (\Seen \Forwarded Work)`
pub(crate) fn flags_item(
    line: &mut FetchLine,
    row: &MessageRow<'_>,
    keywords: &KeywordTable,
    out: &mut Vec<u8>,
) {
    line.flag_names(row.flags, row.keywords.iter().filter_map(|n| keywords.keyword(n)), out);
}
