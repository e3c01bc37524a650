//! The options of RETURN (RFC 9051 §6.4.4, RFC 4731 §3.1, RFC 5182 §2.1, RFC 5267 §4, RFC 9394 §3.1, RFC 6203
//! §4, RFC 5465 §7), and the range of PARTIAL, which FETCH has too (RFC 9394 §3.3).

use koi_types::NumSet;

use super::fetch::{self, FetchItem};
use crate::imap::lex::{Cursor, SyntaxError};

/// RFC 9051 §6.4.4, RFC 4731 §3.1
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReturnOption {
    Min,
    Max,
    All,
    Count,
    /// RFC 5182 §2.1: what is found is `$` from now on.
    Save,
    /// RFC 9394 §3.1, RFC 5267 §4.4: only these of the results. Never together with ALL.
    Partial(PartialRange),
    /// RFC 5267 §4.3: changes of the result are told.
    Update,
    /// RFC 5267 §4.2: the same will be asked again.
    Context,
    /// RFC 6203 §4
    Relevancy,
}

/// Places in a list of results, counted from 1; the ends are as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartialRange {
    pub from: u32,
    pub to: u32,
    /// Counted from the last result.
    pub backwards: bool,
}

impl PartialRange {
    /// The places meant among so many results, counted from 0 and from the first: a range that may be empty.
    #[must_use]
    pub fn places(self, count: u64) -> std::ops::Range<u64> {
        let (first, last) = (u64::from(self.from.min(self.to)), u64::from(self.from.max(self.to)));
        match self.backwards {
            false => (first - 1).min(count)..last.min(count),
            true => count.saturating_sub(last)..count.saturating_sub(first - 1),
        }
    }
    /// What the range means of a set.
    #[must_use]
    pub fn of(self, set: &NumSet) -> NumSet {
        let places = self.places(set.count());
        let mut between = NumSet::new();
        if let (Some(first), Some(last), false) =
            (set.nth(places.start), set.nth(places.end.saturating_sub(1)), places.is_empty())
        {
            between.insert_range(first..=last);
        }
        set.intersect(&between)
    }
}

/// RETURN.
pub(super) struct Returns {
    /// Each once; nothing without RETURN.
    pub(super) options: Option<Vec<ReturnOption>>,
    /// The items of UPDATE.
    pub(super) update_items: Vec<FetchItem>,
}

/// The options of RETURN with the space behind them, if they are there.
///
/// ```abnf
/// search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"   ; RFC 9051 §9
/// ```
pub(super) fn returns(cursor: &mut Cursor<'_>) -> Result<Returns, SyntaxError> {
    let mut update_items = Vec::new();
    if !cursor.take_word("RETURN ") {
        return Ok(Returns { options: None, update_items });
    }
    let before = cursor.error("at most one ALL or PARTIAL");
    let mut options: Vec<ReturnOption> = Vec::new();
    for option in cursor.list_or_empty(|cursor| option(cursor, &mut update_items))? {
        if !options.contains(&option) {
            options.push(option);
        }
    }
    cursor.space()?;
    // RFC 9394 §3.1, RFC 5267 §4.4
    let lists = |option: &&ReturnOption| matches!(option, ReturnOption::All | ReturnOption::Partial(_));
    if options.iter().filter(lists).count() > 1 {
        return Err(before);
    }
    Ok(Returns { options: Some(options), update_items })
}

/// ```abnf
/// search-return-opt  = "MIN" / "MAX" / "ALL" / "COUNT" / "SAVE"                 ; RFC 9051 §9
/// search-return-opt  =/ modifier-context / modifier-partial / modifier-update   ; RFC 5267 §5
/// search-return-opt  =/ "RELEVANCY"                                             ; RFC 6203 §7
/// modifier-update    = "UPDATE" [ "(" fetch-att *(SP fetch-att) ")" ]           ; RFC 5465 §8
/// ```
/// QUIRK update_items: with a space before the items, as in the example of RFC 5465 §7.
fn option(cursor: &mut Cursor<'_>, update_items: &mut Vec<FetchItem>) -> Result<ReturnOption, SyntaxError> {
    if cursor.take_word("PARTIAL ") {
        return partial_range(cursor).map(ReturnOption::Partial);
    }
    let before = cursor.error("unknown RETURN option");
    match cursor.atom("expected a RETURN option")?.to_ascii_uppercase().as_str() {
        "MIN" => Ok(ReturnOption::Min),
        "MAX" => Ok(ReturnOption::Max),
        "ALL" => Ok(ReturnOption::All),
        "COUNT" => Ok(ReturnOption::Count),
        "SAVE" => Ok(ReturnOption::Save),
        "UPDATE" => {
            if cursor.rest().starts_with(b" (") {
                cursor.space()?;
            }
            if cursor.peek() == Some(b'(') {
                *update_items = fetch::item_list(cursor)?;
            }
            Ok(ReturnOption::Update)
        }
        "CONTEXT" => Ok(ReturnOption::Context),
        "RELEVANCY" => Ok(ReturnOption::Relevancy),
        _ => Err(before),
    }
}

/// ```abnf
/// partial-range-first = nz-number ":" nz-number                    ; RFC 9394 §4
/// partial-range-last  = MINUS nz-number ":" MINUS nz-number
/// partial-range       = partial-range-first / partial-range-last
/// ```
pub(super) fn partial_range(cursor: &mut Cursor<'_>) -> Result<PartialRange, SyntaxError> {
    let backwards = cursor.take(b'-');
    let from = cursor.nz_number()?;
    cursor.expect(b':', "expected :")?;
    if backwards {
        cursor.expect(b'-', "both ends of a range count from the same side")?;
    }
    let to = cursor.nz_number()?;
    Ok(PartialRange { from, to, backwards })
}
