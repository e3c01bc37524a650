//! Filters and comparators: the words of the draft in those of the RFC.

use super::{Members, change, each_item, keyword_asked, put, rename, string};
use crate::jmap::error::MethodError;
use crate::jmap::json::Json;

/// Conditions whose value is a keyword.
const KEYWORD_CONDITIONS: [&str; 5] = [
    "allInThreadHaveKeyword",
    "someInThreadHaveKeyword",
    "noneInThreadHaveKeyword",
    "hasKeyword",
    "notKeyword",
];

/// A filter of this type of data. As deep as the request was allowed to be.
pub(super) fn filter(object_type: &str, filter: Json) -> Result<Json, MethodError> {
    let Json::Object(mut members) = filter else { return Ok(filter) };
    if members.value("operator").is_some() {
        if let Some(Json::Array(conditions)) = members.take("conditions") {
            let all = conditions.into_iter().map(|one| self::filter(object_type, one));
            put(&mut members, "conditions", Json::Array(all.collect::<Result<_, _>>()?));
        }
        return Ok(Json::Object(members));
    }
    match object_type {
        "Mailbox" => rename(&mut members, "hasRole", "hasAnyRole"),
        "Email" => {
            if members.value("attachments").is_some() {
                let description = "the text of attachments is not searched".into();
                return Err(MethodError::UnsupportedFilter { description });
            }
            for name in KEYWORD_CONDITIONS {
                change(&mut members, name, keyword);
            }
        }
        _ => {}
    }
    Ok(Json::Object(members))
}

fn keyword(value: Json) -> Json {
    value.as_str().map(|text| Json::String(keyword_asked(text))).unwrap_or(value)
}

/// Comparators of this type of data; the arguments of the query get what else is needed for them.
pub(super) fn sort(object_type: &str, sort: Json, arguments: &mut Members) -> Result<Json, MethodError> {
    if object_type == "Mailbox" {
        return tree(sort, arguments);
    }
    let sort = if object_type == "Email" { each_item(Some(sort), comparator) } else { Some(sort) };
    Ok(sort.unwrap_or(Json::Null))
}

/// `hasKeyword:$Flagged`, and `receivedAt desc`, which an example of the draft has.
fn comparator(mut members: Members) -> Members {
    let property = members.value("property").and_then(Json::as_str).unwrap_or_default();
    if let Some((property, keyword)) = property.split_once(':') {
        let (property, keyword) = (string(property), Json::String(keyword_asked(keyword)));
        put(&mut members, "property", property);
        put(&mut members, "keyword", keyword);
    } else if let Some((property, order)) = property.split_once(' ') {
        let (property, is_ascending) = (string(property), order == "asc");
        put(&mut members, "property", property);
        if members.value("isAscending").is_none() {
            put(&mut members, "isAscending", Json::Bool(is_ascending));
        }
    }
    members
}

/// `parent/name` is the order of the tree. What stands behind it decides nothing: siblings have different
/// names.
fn tree(sort: Json, arguments: &mut Members) -> Result<Json, MethodError> {
    let Json::Array(comparators) = sort else { return Ok(sort) };
    let is_tree = |one: &Json| match one {
        Json::Object(one) => one.value("property").and_then(Json::as_str) == Some("parent/name"),
        _ => false,
    };
    let Some(at) = comparators.iter().position(is_tree) else { return Ok(Json::Array(comparators)) };
    let unsupported = |why: &str| Err(MethodError::UnsupportedSort { description: why.into() });
    if at > 0 {
        return unsupported("parent/name must be the first comparator");
    }
    let mut comparators = comparators;
    comparators.truncate(1);
    for one in &mut comparators {
        let Json::Object(one) = one else { continue };
        if one.value("isAscending") == Some(&Json::Bool(false)) {
            return unsupported("parent/name is in ascending order");
        }
        put(one, "property", string("name"));
    }
    put(arguments, "sortAsTree", Json::Bool(true));
    Ok(Json::Array(comparators))
}
