//! What is answered, in the words of the draft.

use super::ask::Echo;
use super::{Members, Texts, change, each, each_item, email, error, put, rename};
use crate::jmap::json::Json;

/// The arguments of a response of this name.
pub(super) fn answer(name: &str, mut arguments: Members, echo: &Echo, texts: &Texts) -> Members {
    if name == "error" {
        error::of_method(echo.method.name(), &mut arguments);
        return arguments;
    }
    let (object_type, verb) = name.split_once('/').unwrap_or_default();
    match verb {
        "get" => got(object_type, &mut arguments, echo, texts),
        "changes" => changed(&mut arguments),
        "query" => {
            drop(arguments.take("limit"));
            rename(&mut arguments, "queryState", "state");
        }
        "queryChanges" => {
            rename(&mut arguments, "oldQueryState", "oldState");
            rename(&mut arguments, "newQueryState", "newState");
        }
        "set" => set(name, &mut arguments, echo),
        "import" => {
            without_states(&mut arguments);
            refused(name, &mut arguments);
            for name in ["created", "notCreated"] {
                change(&mut arguments, name, |map| match map {
                    Json::Null => Json::Object(Members::default()),
                    map => map,
                });
            }
        }
        "copy" => {
            without_states(&mut arguments);
            refused(name, &mut arguments);
            rename(&mut arguments, "accountId", "toAccountId");
        }
        _ => {}
    }
    if name == echo.method.name() {
        echo.said.iter().for_each(|member| arguments.put(member.name.clone(), member.value.clone()));
    }
    arguments
}

fn got(object_type: &str, arguments: &mut Members, echo: &Echo, texts: &Texts) {
    change(arguments, "notFound", null_if_empty);
    change(arguments, "list", |list| {
        let changed = match (object_type, &echo.wanted) {
            ("Email", Some(wanted)) => {
                let wanted = wanted.with_attachments();
                each_item(Some(list), |one| wanted.answer(one, texts))
            }
            ("Identity", _) => each_item(Some(list), identity),
            ("SearchSnippet", _) => each_item(Some(list), |mut one| {
                put(&mut one, "attachments", Json::Null);
                one
            }),
            _ => Some(list),
        };
        changed.unwrap_or(Json::Null)
    });
}

fn identity(mut identity: Members) -> Members {
    ["replyTo", "bcc"].into_iter().for_each(|name| change(&mut identity, name, email::emailers));
    identity
}

/// What was created and what was updated is one list.
fn changed(arguments: &mut Members) {
    let list = |json| if let Some(Json::Array(list)) = json { list } else { Vec::new() };
    let (created, updated) = (list(arguments.take("created")), list(arguments.take("updated")));
    if let Some(properties) = arguments.take("updatedProperties") {
        // What is new has all properties.
        let properties = if created.is_empty() { properties } else { Json::Null };
        put(arguments, "changedProperties", properties);
    }
    let mut changed = created;
    changed.extend(updated);
    put(arguments, "changed", email::list_or_null(changed));
    change(arguments, "destroyed", null_if_empty);
}

fn null_if_empty(list: Json) -> Json {
    match list {
        Json::Array(list) => email::list_or_null(list),
        other => other,
    }
}

fn without_states(arguments: &mut Members) {
    ["oldState", "newState"].into_iter().for_each(|name| drop(arguments.take(name)));
}

fn set(name: &str, arguments: &mut Members, echo: &Echo) {
    refused(name, arguments);
    if name == "Identity/set" {
        for name in ["created", "updated"] {
            if let Some(all) = each(arguments.take(name), identity) {
                put(arguments, name, all);
            }
        }
    }
    if name == echo.method.name() && !echo.refused.is_empty() {
        let mut all = match arguments.take("notUpdated") {
            Some(Json::Object(all)) => all,
            _ => Members::default(),
        };
        echo.refused.iter().for_each(|one| all.put(one.name.clone(), one.value.clone()));
        put(arguments, "notUpdated", Json::Object(all));
    }
}

fn refused(method: &str, arguments: &mut Members) {
    for name in ["notCreated", "notUpdated", "notDestroyed", "notCopied"] {
        if let Some(all) = each(arguments.take(name), |one| error::of_object(method, one)) {
            put(arguments, name, all);
        }
    }
}
