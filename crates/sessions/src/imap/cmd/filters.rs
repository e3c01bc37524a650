//! Stored filters (RFC 5466): FILTER in a search is replaced by what the annotation of that name says, and a
//! value that is no search is not taken.
//!
//! DEVIATION RFC 5466 §3.1: a filter of several keys stands as if it were in parentheses, not word for word,
//! because NOT and OR before it would otherwise mean only its first key.

use koi_mailbox::Snapshot;
use koi_proto::imap::command::search::{filter, is_filter_name};
use koi_proto::imap::command::{Charset, SearchKey};
use koi_proto::imap::response::Code;
use koi_types::annotation::{Depth, EntryName, Target};
use koi_types::{Result, limits};

use crate::imap::core::Core;
use crate::imap::reply::Reply;

/// Where values are, the first one that has the name first.
const VALUES: [&str; 2] = ["/private/filters/values/", "/shared/filters/values/"];

/// Replaces every FILTER among the keys. Answers what is wrong with one, if anything is.
pub(super) fn expand(core: &Core, charset: Charset, keys: &mut Vec<SearchKey>) -> Result<Option<Reply>> {
    if !keys.iter().any(|key| key.any(&|key| matches!(key, SearchKey::Filter(_)))) {
        return Ok(None);
    }
    if charset == Charset::Converted {
        let reply = Reply::bad("a filter is in UTF-8, and so must the search be");
        return Ok(Some(reply.code(&Code::BadCharset(&["UTF-8", "US-ASCII"]))));
    }
    let snapshot = core.snapshot()?;
    let mut expansion = Expansion { snapshot: &snapshot, names: Vec::new(), left: limits::IMAP_FILTERS_MAX };
    match expansion.keys(keys)? {
        // RFC 9586 §3.2
        Ok(expanded) if core.uid_only && expanded.iter().any(SearchKey::has_seqnums) => {
            let reply = Reply::bad("there are message numbers in the filter, and UIDONLY is enabled");
            Ok(Some(reply.code(&Code::UidRequired)))
        }
        Ok(expanded) => {
            *keys = expanded;
            Ok(None)
        }
        Err(Undefined(name)) => Ok(Some(Reply::no("no such filter").code(&Code::UndefinedFilter(&name)))),
    }
}

/// What is wrong with an annotation that is to be a filter, if anything is (RFC 5466 §3.2).
pub(super) fn refused(name: &EntryName, value: Option<&[u8]>) -> Option<&'static str> {
    let (name, value) = (VALUES.iter().find_map(|root| below(name, root))?, value?);
    if !is_filter_name(name) {
        return Some("no filter can have this name");
    }
    filter(value).is_err().then_some("this is no search")
}

/// The name below a root. Names of entries are the same in any case (RFC 5464 §3).
fn below<'n>(name: &'n EntryName, root: &str) -> Option<&'n str> {
    let (head, tail) = name.as_str().split_at_checked(root.len())?;
    head.eq_ignore_ascii_case(root).then_some(tail)
}

/// The name of a filter that is not there, or is within itself.
struct Undefined(Box<str>);

type Expanded<T> = Result<std::result::Result<T, Undefined>>;

struct Expansion<'a> {
    snapshot: &'a Snapshot<'a>,
    /// Filters that are being replaced, outermost first.
    names: Vec<Box<str>>,
    /// How many may still be.
    left: usize,
}

impl Expansion<'_> {
    fn keys(&mut self, keys: &[SearchKey]) -> Expanded<Vec<SearchKey>> {
        let mut expanded = Vec::with_capacity(keys.len());
        for key in keys {
            match self.key(key)? {
                Ok(key) => expanded.push(key),
                Err(undefined) => return Ok(Err(undefined)),
            }
        }
        Ok(Ok(expanded))
    }
    fn key(&mut self, key: &SearchKey) -> Expanded<SearchKey> {
        let boxed = |mut keys: Vec<SearchKey>| Box::new(keys.pop().unwrap_or(SearchKey::All));
        Ok(match key {
            SearchKey::Filter(name) => return self.named(name),
            SearchKey::And(_) => self.keys(key.inner())?.map(SearchKey::And),
            SearchKey::Or(_) => self.keys(key.inner())?.map(SearchKey::Or),
            SearchKey::Not(_) => self.keys(key.inner())?.map(|keys| SearchKey::Not(boxed(keys))),
            SearchKey::Fuzzy(_) => self.keys(key.inner())?.map(|keys| SearchKey::Fuzzy(boxed(keys))),
            key => Ok(key.clone()),
        })
    }
    fn named(&mut self, name: &str) -> Expanded<SearchKey> {
        let undefined = || Ok(Err(Undefined(name.into())));
        let looped = self.names.iter().any(|outer| outer.eq_ignore_ascii_case(name));
        if looped || self.names.len() >= limits::IMAP_FILTER_DEPTH_MAX || self.left == 0 {
            return undefined();
        }
        self.left -= 1;
        // One that is no search any more is as good as none.
        let Some(keys) = self.value(name)?.and_then(|value| filter(&value).ok()) else { return undefined() };
        self.names.push(name.into());
        let expanded = self.keys(&keys)?;
        self.names.pop();
        Ok(expanded.map(SearchKey::And))
    }
    /// RFC 5466 §3.1: the user's own, if there is one.
    fn value(&self, name: &str) -> Result<Option<Vec<u8>>> {
        for root in VALUES {
            let Ok(entry) = EntryName::new(&format!("{root}{name}")) else { continue };
            for row in self.snapshot.annotations(Target::Server, &entry, Depth::Zero)? {
                if let Some(value) = self.snapshot.annotation_value(Target::Server, &row)? {
                    return Ok(Some(value.into_owned()));
                }
            }
        }
        Ok(None)
    }
}
