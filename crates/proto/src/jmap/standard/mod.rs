//! The standard methods (RFC 8620 §5), each generic over the object it is about: arguments as they are read,
//! responses as they are written. One file per method.

pub mod changes;
pub mod copy;
pub mod get;
pub mod query;
pub mod query_changes;
pub mod set;

mod filter;
mod sort;

use std::borrow::Cow;
use std::fmt;

use super::arguments::{Arguments, Reading};
use super::error::MethodError;
use super::json::{Slot, ToJson};

pub use changes::{ChangesArguments, ChangesResponse};
pub use copy::{CopyArguments, CopyResponse};
pub use filter::{Condition, Filter, Operator};
pub use get::{GetArguments, GetResponse, Selection};
pub use query::{Queried, QueryArguments, QueryResponse, QueryTotals, Window};
pub use query_changes::{Added, QueryChangesArguments, QueryChangesResponse};
pub use set::{Create, Outcome, SetArguments, SetObjects, SetResponse, Settable, Update};
pub use sort::{Comparator, SortKey};

/// A data type (RFC 8620 §1.6.3).
pub trait Object: Sized {
    /// As in method names and StateChange objects.
    const TYPE: &'static str;
    type Property: Property;
    /// What /get takes besides the standard arguments.
    type GetExtra: Extra;
    /// The properties that are returned when none are named.
    fn default_properties() -> Vec<Self::Property>;
}

/// A property that can be asked for.
pub trait Property: Clone + PartialEq + fmt::Debug {
    /// `None`: there is no such property, or not in such a form.
    fn parse(name: &str) -> Option<Self>;
    /// As it was asked for, and as it is answered.
    fn name(&self) -> Cow<'_, str>;
}

/// Arguments of one method besides the standard ones.
pub trait Extra: Sized + fmt::Debug {
    /// Takes them out of the arguments.
    ///
    /// # Errors
    /// One is wrong.
    fn take(arguments: &mut Arguments, reading: &Reading<'_>) -> Result<Self, MethodError>;
}

impl Extra for () {
    fn take(_: &mut Arguments, _: &Reading<'_>) -> Result<Self, MethodError> {
        Ok(())
    }
}

/// A map of ids to what became of them; null when nothing is in it, as the standard methods want it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table<T>(Vec<Row<T>>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Row<T> {
    key: Box<str>,
    value: T,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    /// One of that key is replaced: an object has no name twice.
    pub fn put(&mut self, key: &impl fmt::Display, value: T) {
        let key: Box<str> = key.to_string().into();
        match self.0.iter_mut().find(|row| row.key == key) {
            Some(row) => row.value = value,
            None => self.0.push(Row { key, value }),
        }
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&T> {
        self.0.iter().find(|row| *row.key == *key).map(|row| &row.value)
    }
}

impl<T: ToJson> ToJson for Table<T> {
    fn write(&self, slot: Slot<'_>) {
        if !self.is_empty() {
            slot.members(|object| self.0.iter().for_each(|row| object.put(&row.key, &row.value)));
        }
    }
}

/// Declares the properties of an object that has a fixed list of them.
macro_rules! properties {
    ($(#[$doc:meta])* $vis:vis $name:ident { $($variant:ident $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        $vis enum $name { $($variant,)* }

        impl $name {
            $vis const ALL: &'static [Self] = &[$(Self::$variant,)*];

            #[must_use]
            $vis const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl $crate::jmap::standard::Property for $name {
            fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|property| property.text() == name)
            }
            fn name(&self) -> std::borrow::Cow<'_, str> {
                self.text().into()
            }
        }
    };
}
pub(super) use properties;

#[cfg(test)]
mod tests;
