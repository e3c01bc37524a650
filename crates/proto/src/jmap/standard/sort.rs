//! Comparators (RFC 8620 §5.5).

use crate::jmap::arguments::Arguments;
use crate::jmap::error::MethodError;
use crate::jmap::json::{Json, Members};
use koi_types::limits;

/// One Comparator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comparator<K> {
    pub key: K,
    pub is_ascending: bool,
    /// An identifier of the collation registry (RFC 4790); whether it is supported is not known here.
    pub collation: Option<Box<str>>,
}

/// What the objects of a type can be sorted by.
pub trait SortKey: Sized + std::fmt::Debug {
    /// Takes what the property needs besides its name. `Ok(None)`: the type cannot be sorted by it.
    ///
    /// # Errors
    /// `invalidArguments` when what it needs is missing or wrong.
    fn read(property: &str, comparator: &mut Arguments) -> Result<Option<Self>, MethodError>;
}

/// The `sort` argument; null is the empty list.
pub(super) fn read<K: SortKey>(arguments: &mut Arguments) -> Result<Vec<Comparator<K>>, MethodError> {
    let given: Vec<Members> = arguments.optional("sort")?.unwrap_or_default();
    if given.len() > limits::JMAP_COMPARATORS_MAX {
        return Err(unsupported(format!("more than {} comparators", limits::JMAP_COMPARATORS_MAX)));
    }
    given.into_iter().map(comparator).collect()
}

fn comparator<K: SortKey>(members: Members) -> Result<Comparator<K>, MethodError> {
    let mut comparator = Arguments::new(members);
    let property: Box<str> = comparator.required("property")?;
    let is_ascending = comparator.or("isAscending", true)?;
    let collation = match comparator.take("collation") {
        None => None,
        Some(Json::String(identifier)) => Some(identifier),
        Some(_) => return Err(MethodError::invalid("collation must be a String")),
    };
    let key = K::read(&property, &mut comparator)?;
    let key = key.ok_or_else(|| unsupported(format!("there is no sorting by {property}")))?;
    comparator.finish()?;
    Ok(Comparator { key, is_ascending, collation })
}

fn unsupported(description: String) -> MethodError {
    MethodError::UnsupportedSort { description: description.into() }
}
