//! Which messages a sequence set means for this client (RFC 9051 §4.1.1, RFC 9051 §9, RFC 5182 §2.1).

use koi_proto::line::set::SequenceSet;
use koi_types::{NumSet, UidSet};

use super::Selected;

/// A set that names what is not there: the command is answered BAD.
#[derive(Debug)]
pub(crate) struct BadSet(pub(crate) &'static str);

/// The messages of the set that this client knows.
///
/// RFC 9051 §6.4.9: a UID that does not exist is ignored. RFC 9051 §9, `seq-number`: a sequence number above
/// EXISTS is BAD, and so is `*` in an empty mailbox. RFC 5182 §2.1: `$` is never wrong, only perhaps nothing.
pub(crate) fn uids(view: &Selected, set: &SequenceSet, by_uid: bool) -> Result<UidSet, BadSet> {
    let mut uids = match by_uid {
        true => UidSet(set.resolve(view.largest_uid().unwrap_or(0)).intersect(view.known())),
        false => numbered(view, set)?,
    };
    if set.has_saved() {
        uids.0.extend(&view.saved.intersect(view.known()));
    }
    Ok(uids)
}

/// The messages of a set of sequence numbers in SEARCH and its kin.
///
/// DEVIATION RFC 9051 §9: a number above EXISTS should be BAD; here it finds nothing, like a UID that does
/// not exist, because a client whose view is behind gets what there is from most servers.
pub(crate) fn searched(view: &Selected, set: &SequenceSet) -> UidSet {
    let mut there = NumSet::new();
    if view.exists() > 0 {
        there.insert_range(1..=view.exists());
    }
    let wanted = set.resolve(view.exists()).intersect(&there);
    let mut uids = view.uids_at(&wanted).unwrap_or_default();
    if set.has_saved() {
        uids.0.extend(&view.saved.intersect(view.known()));
    }
    uids
}

fn numbered(view: &Selected, set: &SequenceSet) -> Result<UidSet, BadSet> {
    if !set.has_numbers() {
        return Ok(UidSet::new());
    }
    if view.exists() == 0 {
        return Err(BadSet("there are no messages"));
    }
    let wanted = set.resolve(view.exists());
    view.uids_at(&wanted).ok_or(BadSet("there is no message with this number"))
}
