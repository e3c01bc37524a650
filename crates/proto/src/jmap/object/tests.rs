//! The objects besides Email: what is read of them and what is shown, with the examples of the RFCs. One file
//! per specification, or part of it.

mod blobs;
mod mailbox;
mod others;
mod submission;

use koi_types::Rights;

use super::address::EmailAddress;
use super::blob::*;
use super::identity::*;
use super::mailbox::*;
use super::mdn::*;
use super::push_subscription::*;
use super::quota::*;
use super::search_snippet::*;
use super::submission::*;
use super::thread::*;
use super::vacation::*;
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::capability::{Capabilities, Capability};
use crate::jmap::date::UtcDate;
use crate::jmap::error::MethodError;
use crate::jmap::id::{CreatedIds, Id, IdRef};
use crate::jmap::json::{Bounds, Items, Json, Raw};
use crate::jmap::keyword::EmailKeyword;
use crate::jmap::limits::CoreLimits;
use crate::jmap::patch::{Change, SetChange};
use crate::jmap::set_error::{SetError, SetErrorKind};
use crate::jmap::standard::{Filter, GetArguments, Property, QueryArguments, SetArguments, Settable, Table};

fn arguments(text: &str) -> Arguments {
    let Ok(Json::Object(members)) = Json::parse(text.as_bytes(), &Bounds::default()) else {
        panic!("{text}")
    };
    Arguments::new(members)
}

fn reading<T>(read: impl FnOnce(&Reading<'_>) -> T) -> T {
    let (limits, mut created_ids) = (CoreLimits::default(), CreatedIds::default());
    created_ids.insert(id("k"), id("made"));
    read(&Reading { limits: &limits, created_ids: &created_ids, using: Capabilities::all() })
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn set<O: Settable>(text: &str) -> SetArguments<O> {
    reading(|reading| SetArguments::read(arguments(&format!(r#"{{"accountId":"a",{text}}}"#)), reading))
        .unwrap()
}

fn create<O: Settable>(text: &str) -> Result<O::Create, SetError> {
    set::<O>(&format!(r#""create":{{"k1":{text}}}"#)).objects.create.remove(0).object
}

fn update<O: Settable>(text: &str) -> Result<O::Update, SetError> {
    set::<O>(&format!(r#""update":{{"x":{text}}}"#)).objects.update.remove(0).change
}

fn wrong<T: std::fmt::Debug>(result: Result<T, SetError>) -> String {
    match result.unwrap_err().kind {
        SetErrorKind::InvalidProperties { properties } => properties.join(" "),
        other => other.name().to_owned(),
    }
}

fn shown(write: impl FnOnce(crate::jmap::json::Slot<'_>)) -> String {
    Raw::build(write).as_str().to_owned()
}
