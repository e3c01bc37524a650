//! The arguments of a call, taken one by one; what nobody takes is refused (RFC 8620 §3.9).

use super::capability::Capabilities;
use super::error::MethodError;
use super::id::{CreatedIds, Id, IdRef};
use super::json::{Json, Members};
use super::limits::CoreLimits;
use super::value::FromJson;

/// Arguments that are still to be read.
#[derive(Clone, PartialEq, Debug)]
pub struct Arguments(Members);

/// What reading needs to know of the request around a call.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'r> {
    pub limits: &'r CoreLimits,
    pub created_ids: &'r CreatedIds,
    pub using: Capabilities,
}

impl Arguments {
    pub(super) fn new(members: Members) -> Self {
        Self(members)
    }

    /// As they are: what Core/echo answers (RFC 8620 §4).
    #[must_use]
    pub fn into_members(self) -> Members {
        self.0
    }

    /// An argument that must be there.
    ///
    /// # Errors
    /// It is missing or of another type.
    pub fn required<T: FromJson>(&mut self, name: &str) -> Result<T, MethodError> {
        match self.0.take(name) {
            Some(value) => read(name, value),
            None => Err(MethodError::invalid(format!("{name} is missing"))),
        }
    }

    /// An argument that may be null, which is also its default (RFC 8620 §3.5).
    ///
    /// # Errors
    /// It is of another type.
    pub fn optional<T: FromJson>(&mut self, name: &str) -> Result<Option<T>, MethodError> {
        self.0.take(name).map_or(Ok(None), |value| read(name, value))
    }

    /// An argument that may be absent. Whether it may be null is for its type to say.
    ///
    /// # Errors
    /// It is of another type.
    pub fn given<T: FromJson>(&mut self, name: &str) -> Result<Option<T>, MethodError> {
        self.0.take(name).map(|value| read(name, value)).transpose()
    }

    /// An id that may be absent and must be of something that exists, if it is a creation id.
    ///
    /// # Errors
    /// It is no id, or nothing was created under it.
    pub fn existing(&mut self, name: &str, created: &CreatedIds) -> Result<Option<Id>, MethodError> {
        self.given::<IdRef>(name)?.map(|id| exists(name, &id, created)).transpose()
    }

    /// The same for a list.
    ///
    /// # Errors
    /// One is no id, or nothing was created under it.
    pub fn all_existing(&mut self, name: &str, created: &CreatedIds) -> Result<Option<Vec<Id>>, MethodError> {
        let Some(ids) = self.given::<Vec<IdRef>>(name)? else { return Ok(None) };
        ids.iter().map(|id| exists(name, id, created)).collect::<Result<_, _>>().map(Some)
    }

    /// An argument with a default of its own.
    ///
    /// # Errors
    /// It is of another type; null is.
    pub fn or<T: FromJson>(&mut self, name: &str, default: T) -> Result<T, MethodError> {
        self.0.take(name).map_or(Ok(default), |value| read(name, value))
    }

    /// An argument as it was written.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        self.0.take(name).filter(|value| !value.is_null())
    }

    /// A map, so that what is in it can be counted and read one by one.
    ///
    /// # Errors
    /// It is neither an object nor null.
    pub(super) fn map(&mut self, name: &str) -> Result<Members, MethodError> {
        self.optional(name).map(Option::unwrap_or_default)
    }

    /// The id of the account to use. Whether there is such an account is not known here.
    ///
    /// # Errors
    /// It is missing or no Id.
    pub fn account_id(&mut self) -> Result<Id, MethodError> {
        self.required("accountId")
    }

    /// Call when all known arguments were taken.
    ///
    /// # Errors
    /// Something is left over, which this method does not know.
    pub fn finish(self) -> Result<(), MethodError> {
        match self.0.iter().next() {
            Some(member) => {
                Err(MethodError::invalid(format!("{} is no argument of this method", member.name)))
            }
            None => Ok(()),
        }
    }
}

fn exists(name: &str, id: &IdRef, created: &CreatedIds) -> Result<Id, MethodError> {
    let wrong = || MethodError::invalid(format!("{name}: nothing was created as {id}"));
    created.resolve(id).cloned().ok_or_else(wrong)
}

fn read<T: FromJson>(name: &str, value: Json) -> Result<T, MethodError> {
    T::from_json(value).map_err(|wrong| MethodError::invalid(wrong.within(name).to_string()))
}

/// Ids to look up: each once, in the order in which they were named (RFC 8620 §5.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ids {
    pub known: Vec<Id>,
    /// Creation ids under which nothing was created: not found, whatever they were to name.
    pub unresolved: Vec<IdRef>,
}

impl Ids {
    pub(super) fn resolve(given: Vec<IdRef>, created: &CreatedIds) -> Self {
        let mut seen = std::collections::BTreeSet::new();
        let mut ids = Self::default();
        for id in given {
            match created.resolve(&id) {
                Some(known) if seen.insert(IdRef::Id(known.clone())) => ids.known.push(known.clone()),
                None if seen.insert(id.clone()) => ids.unresolved.push(id),
                _ => {}
            }
        }
        ids
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len() + self.unresolved.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::json::Bounds;

    fn arguments(text: &str) -> Arguments {
        let Ok(Json::Object(members)) = Json::parse(text.as_bytes(), &Bounds::default()) else {
            panic!("{text}")
        };
        Arguments(members)
    }

    fn said<T: std::fmt::Debug>(result: Result<T, MethodError>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), "invalidArguments");
        error.description().unwrap().to_owned()
    }

    /// spec: RFC 8620 §3.5; RFC 8620 §3.9
    #[test]
    fn missing_wrong_and_unknown_arguments() {
        let mut given = arguments(r#"{"accountId":"a1","n":1,"no":null,"bad":"x","extra":0}"#);
        assert_eq!(given.account_id().unwrap().as_str(), "a1");
        assert_eq!(said(given.account_id()), "accountId is missing");
        assert_eq!(given.optional::<u64>("n"), Ok(Some(1)));
        assert_eq!(given.optional::<u64>("n"), Ok(None));
        assert_eq!(given.optional::<u64>("no"), Ok(None));
        assert_eq!(said(given.or("bad", false)), "bad must be a Boolean");
        assert_eq!(given.or("absent", true), Ok(true));
        assert_eq!(said(given.finish()), "extra is no argument of this method");
        assert_eq!(said(arguments(r#"{"x":null}"#).or("x", 0u64)), "x must be an UnsignedInt");
        assert_eq!(arguments("{}").finish(), Ok(()));
    }

    /// spec: RFC 8620 §5.1
    #[test]
    fn an_id_named_twice_is_looked_up_once() {
        let reference = |text: &str| IdRef::parse(text).unwrap();
        let mut created = CreatedIds::default();
        created.insert(Id::parse("k").unwrap(), Id::parse("m1").unwrap());
        let ids = Ids::resolve(["m2", "#k", "m1", "#x", "m2", "#x"].map(reference).into(), &created);
        assert_eq!(ids.known.iter().map(Id::as_str).collect::<Vec<_>>(), ["m2", "m1"]);
        assert_eq!(ids.unresolved, [reference("#x")]);
        assert_eq!(ids.len(), 3);
    }
}
