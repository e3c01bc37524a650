//! An object that a client wants to be created: properties taken one by one, everything wrong gathered, so
//! that one `invalidProperties` names *all* of it (RFC 8620 §5.3).

use koi_types::limits;

use super::json::{Json, Members};
use super::set_error::{SetError, SetErrorKind};
use super::value::{FromJson, Wrong};

/// What was found to be wrong so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wrongs {
    properties: Vec<Box<str>>,
    /// Of the first.
    description: Option<Box<str>>,
}

impl Wrongs {
    pub fn add(&mut self, property: impl Into<Box<str>>, why: impl Into<Box<str>>) {
        let property = property.into();
        // So many that nobody reads them: the rest is not told, and not compared with all others.
        if self.properties.len() < limits::JMAP_WRONG_PROPERTIES_MAX && !self.properties.contains(&property) {
            self.properties.push(property);
        }
        self.description.get_or_insert_with(|| why.into());
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.properties.is_empty()
    }
    /// # Errors
    /// `invalidProperties` when something is wrong; also when there is no value, which is then a mistake of
    /// whoever read it.
    pub fn or<T>(self, value: Option<T>) -> Result<T, SetError> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            _ => {
                let kind = SetErrorKind::InvalidProperties { properties: self.properties };
                Err(SetError { kind, description: self.description })
            }
        }
    }
}

/// The properties of one object, which may be inside another.
pub struct Form<'w> {
    members: Members,
    /// Of the object; empty at the top, else it ends with a slash.
    path: String,
    wrongs: &'w mut Wrongs,
}

impl<'w> Form<'w> {
    pub fn new(members: Members, wrongs: &'w mut Wrongs) -> Self {
        Self { members, path: String::new(), wrongs }
    }
    /// An object that is the value of a property.
    pub fn within(members: Members, path: &str, wrongs: &'w mut Wrongs) -> Self {
        Self { members, path: format!("{path}/"), wrongs }
    }
    /// A property that must be there and not be null.
    pub fn required<T: FromJson>(&mut self, name: &str) -> Option<T> {
        match self.members.take(name) {
            Some(value) => self.read(name, value),
            None => {
                self.wrong(name, format!("{}{name} is missing", self.path));
                None
            }
        }
    }
    /// A property that may be null or absent, which is the same.
    pub fn optional<T: FromJson>(&mut self, name: &str) -> Option<T> {
        let value = self.members.take(name).filter(|value| !value.is_null())?;
        self.read(name, value)
    }
    /// A property with a default. Null is not of its type.
    pub fn or<T: FromJson>(&mut self, name: &str, default: T) -> T {
        match self.members.take(name) {
            Some(value) => self.read(name, value).unwrap_or(default),
            None => default,
        }
    }
    /// A property that somebody else reads.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        self.members.take(name)
    }
    /// The members with such names, taken out.
    pub fn take_if(&mut self, chosen: impl Fn(&str) -> bool) -> Vec<super::json::Member> {
        self.members.take_if(chosen)
    }
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.value(name).is_some()
    }
    /// The path of one of its properties from the top of the object that is created.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }
    pub fn wrong(&mut self, name: &str, why: impl Into<Box<str>>) {
        self.wrongs.add(format!("{}{name}", self.path), why);
    }
    /// What is wrong, to add to it from elsewhere.
    pub fn wrongs(&mut self) -> &mut Wrongs {
        self.wrongs
    }
    /// Reads a value in another way.
    pub fn read_with<T>(&mut self, name: &str, value: Result<T, Wrong>) -> Option<T> {
        value.map_err(|wrong| self.wrong(name, wrong.within(&self.path(name)).to_string())).ok()
    }
    /// What was not taken is not to be given: it is unknown, or only the server sets it.
    pub fn finish(self) {
        for member in self.members {
            let path = format!("{}{}", self.path, member.name);
            let why = format!("{path} cannot be set");
            self.wrongs.add(path, why);
        }
    }

    fn read<T: FromJson>(&mut self, name: &str, value: Json) -> Option<T> {
        let read = T::from_json(value);
        self.read_with(name, read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::json::Bounds;

    /// spec: RFC 8620 §5.3
    #[test]
    fn everything_wrong_is_named() {
        let text = r#"{"name":5,"n":null,"ok":true,"id":"x","inner":{"size":-1,"y":0}}"#;
        let Ok(Json::Object(members)) = Json::parse(text.as_bytes(), &Bounds::default()) else { panic!() };
        let mut wrongs = Wrongs::default();
        let mut form = Form::new(members, &mut wrongs);
        assert_eq!(form.required::<Box<str>>("name"), None);
        assert_eq!(form.required::<Box<str>>("email"), None);
        assert_eq!(form.optional::<u64>("n"), None);
        assert!(form.or("ok", false));
        let Some(Json::Object(inner)) = form.take("inner") else { panic!() };
        let path = form.path("inner");
        let mut inner = Form::within(inner, &path, form.wrongs());
        assert_eq!(inner.or("size", 7u64), 7);
        inner.finish();
        form.finish();
        let error = wrongs.or(Some(())).unwrap_err();
        assert_eq!(error.description.as_deref(), Some("name must be a String"));
        let SetErrorKind::InvalidProperties { properties } = error.kind else { panic!() };
        assert_eq!(properties, ["name", "email", "inner/size", "inner/y", "id"].map(Box::from));
    }
}
