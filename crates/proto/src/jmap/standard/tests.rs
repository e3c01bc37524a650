//! The standard methods on the Todo of RFC 8620 §5.7.

use super::*;
use crate::jmap::capability::Capabilities;
use crate::jmap::form::Form;
use crate::jmap::id::{CreatedIds, Id, IdRef};
use crate::jmap::json::{Bounds, Items, Json, Raw};
use crate::jmap::limits::CoreLimits;
use crate::jmap::patch::{Change, Patch, SetChange};
use crate::jmap::set_error::{SetError, SetErrorKind};

#[derive(Debug)]
struct Todo;

properties! {
    TodoProperty {
        Id "id",
        Title "title",
        Keywords "keywords",
        Estimation "neuralNetworkTimeEstimation",
        SubTodoIds "subTodoIds",
    }
}

#[derive(PartialEq, Debug)]
struct TodoCreate {
    title: Box<str>,
}

#[derive(PartialEq, Debug)]
struct TodoUpdate {
    title: Change<Box<str>>,
    keywords: SetChange<String>,
    sub_todo_ids: Change<Option<Vec<IdRef>>>,
    claims: usize,
}

#[derive(PartialEq, Debug)]
struct HasKeyword(Option<Box<str>>);

impl Object for Todo {
    const TYPE: &'static str = "Todo";
    type Property = TodoProperty;
    type GetExtra = ();
    fn default_properties() -> Vec<TodoProperty> {
        TodoProperty::ALL.to_vec()
    }
}

impl Settable for Todo {
    type Create = TodoCreate;
    type Update = TodoUpdate;
    type SetExtra = ();
    fn create(form: &mut Form<'_>) -> Option<TodoCreate> {
        Some(TodoCreate { title: form.required("title")? })
    }
    fn update(mut patch: Patch) -> Result<TodoUpdate, SetError> {
        let title = patch.value("title", None);
        let keywords = patch.set("keywords", Some(Vec::new()), "a keyword", |text| Some(text.to_owned()));
        let sub_todo_ids = patch.value("subTodoIds", Some(None));
        let claims = patch.finish(|name| TodoProperty::parse(name).is_some())?.len();
        Ok(TodoUpdate { title, keywords, sub_todo_ids, claims })
    }
}

impl Condition for HasKeyword {
    fn read(members: &mut Arguments, _: &Reading<'_>) -> Result<Self, MethodError> {
        Ok(Self(members.optional("hasKeyword")?))
    }
}

impl SortKey for TodoProperty {
    fn read(property: &str, _: &mut Arguments) -> Result<Option<Self>, MethodError> {
        Ok(Self::parse(property).filter(|property| *property == Self::Title))
    }
}

impl Queried for Todo {
    type Condition = HasKeyword;
    type SortKey = TodoProperty;
    type QueryExtra = ();
    type QueryChangesExtra = ();
}

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Bounds::default()).unwrap()
}

fn arguments(text: &str) -> Arguments {
    let Json::Object(members) = json(text) else { panic!("{text}") };
    Arguments::new(members)
}

fn reading<T>(read: impl FnOnce(&Reading<'_>) -> T) -> T {
    let mut created_ids = CreatedIds::default();
    created_ids.insert(id("known"), id("made"));
    let limits = CoreLimits { get_objects_max: 3, set_objects_max: 3, ..CoreLimits::default() };
    read(&Reading { limits: &limits, created_ids: &created_ids, using: Capabilities::all() })
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn get(text: &str) -> Result<GetArguments<Todo>, MethodError> {
    reading(|reading| GetArguments::read(arguments(text), reading))
}

fn set(text: &str) -> Result<SetArguments<Todo>, MethodError> {
    reading(|reading| SetArguments::read(arguments(text), reading))
}

fn query(text: &str) -> Result<QueryArguments<Todo>, MethodError> {
    reading(|reading| QueryArguments::read(arguments(text), reading))
}

/// spec: RFC 8620 §5.1
#[test]
fn arguments_of_get() {
    let all = get(r#"{"accountId":"x"}"#).unwrap();
    assert_eq!(all.account_id, id("x"));
    assert_eq!(all.selection.ids, None);
    assert_eq!(all.selection.properties, TodoProperty::ALL);
    let some = get(r##"{"accountId":"x","ids":["a","#known","a"],"properties":["title","title"]}"##).unwrap();
    assert_eq!(some.selection.ids.unwrap().known, [id("a"), id("made")]);
    assert_eq!(some.selection.properties, [TodoProperty::Title]);
    assert!(some.selection.is_chosen);
    let said = |text: &str| get(text).unwrap_err();
    assert_eq!(
        said(r#"{"accountId":"x","properties":["nope"]}"#),
        MethodError::invalid("properties: there is no nope")
    );
    assert_eq!(said("{}"), MethodError::invalid("accountId is missing"));
    assert_eq!(said(r#"{"accountId":"x","ids":"a"}"#), MethodError::invalid("ids must be an array"));
    assert_eq!(
        said(r#"{"accountId":"x","idz":[]}"#),
        MethodError::invalid("idz is no argument of this method")
    );
    assert_eq!(said(r#"{"accountId":"x","ids":["a","b","c","d"]}"#), MethodError::RequestTooLarge);
    assert!(get(r#"{"accountId":"x","ids":["a","b","c","c"]}"#).is_ok());
}

/// spec: RFC 8620 §5.1; RFC 8620 §5.7
#[test]
fn response_of_get() {
    let mut list = Items::default();
    list.push(|slot| slot.members(|todo| todo.put("id", "a")));
    list.push(|slot| slot.members(|todo| todo.put("id", "b")));
    let response = GetResponse {
        account_id: Some(id("x")),
        state: Some("10324".into()),
        list,
        not_found: vec![IdRef::Id(id("c")), IdRef::Creation(id("d"))],
    };
    assert_eq!(
        Raw::of(&response).as_str(),
        r##"{"accountId":"x","state":"10324","list":[{"id":"a"},{"id":"b"}],"notFound":["c","#d"]}"##
    );
}

/// spec: RFC 8620 §5.2; RFC 8620 §5.7
#[test]
fn changes() {
    let read = |text: &str| ChangesArguments::read(arguments(text));
    let given = read(r#"{"accountId":"x","sinceState":"10324","maxChanges":50}"#).unwrap();
    assert_eq!((&*given.since_state, given.max_changes.map(u64::from)), ("10324", Some(50)));
    assert_eq!(read(r#"{"accountId":"x","sinceState":"1"}"#).unwrap().max_changes, None);
    for bad in ["0", "-1", "1.5", "\"1\""] {
        let error = read(&format!(r#"{{"accountId":"x","sinceState":"1","maxChanges":{bad}}}"#)).unwrap_err();
        assert_eq!(error.kind(), "invalidArguments", "{bad}");
    }
    assert!(read(r#"{"accountId":"x"}"#).is_err());
    let mut response = ChangesResponse {
        account_id: id("x"),
        old_state: "10324".into(),
        new_state: "871903".into(),
        has_more_changes: false,
        created: Items::default(),
        updated: Items::default(),
        destroyed: ["b"].into_iter().collect(),
        updated_properties: None,
    };
    let text = concat!(
        r#"{"accountId":"x","oldState":"10324","newState":"871903","hasMoreChanges":false,"#,
        r#""created":[],"updated":[],"destroyed":["b"]"#
    );
    assert_eq!(Raw::of(&response).as_str(), format!("{text}}}"));
    response.updated_properties = Some(None);
    assert_eq!(Raw::of(&response).as_str(), format!(r#"{text},"updatedProperties":null}}"#));
    response.updated_properties = Some(Some(vec!["used"]));
    assert_eq!(Raw::of(&response).as_str(), format!(r#"{text},"updatedProperties":["used"]}}"#));
}

/// spec: RFC 8620 §5.3; RFC 8620 §5.7
#[test]
fn set_arguments() {
    let given =
        set(r##"{"accountId":"x","ifInState":"10324","create":{"k15":{"title":"Warm up with scales"}},
        "update":{"a":{"subTodoIds":["#k15"]},"#k15":{"keywords/chopin":true,"keywords/mozart":null}}}"##)
        .unwrap();
    assert_eq!(given.if_in_state.as_deref(), Some("10324"));
    let create = &given.objects.create[0];
    assert_eq!(create.creation_id, id("k15"));
    assert_eq!(create.object, Ok(TodoCreate { title: "Warm up with scales".into() }));
    let [a, k15] = &given.objects.update[..] else { panic!() };
    assert_eq!(a.change.as_ref().unwrap().sub_todo_ids, Change::Set(Some(vec![IdRef::Creation(id("k15"))])));
    assert_eq!(k15.id, IdRef::Creation(id("k15")));
    let edit = SetChange::Edit { add: vec!["chopin".into()], remove: vec!["mozart".into()] };
    assert_eq!(k15.change.as_ref().unwrap().keywords, edit);
    let nothing = set(r#"{"accountId":"x","create":null,"update":{},"destroy":null}"#).unwrap().objects;
    assert!(nothing.create.is_empty() && nothing.update.is_empty() && nothing.destroy.is_empty());
}

/// spec: RFC 8620 §5.3
#[test]
fn a_wrong_object_refuses_only_itself() {
    let given = set(
        r#"{"accountId":"x","create":{"k1":{"id":"z"},"k2":{"title":"ok"}},"update":{"a":{"title/x":1}}}"#,
    )
    .unwrap()
    .objects;
    let properties = |error: &SetError| match &error.kind {
        SetErrorKind::InvalidProperties { properties } => properties.join(" "),
        other => other.name().to_owned(),
    };
    assert_eq!(properties(given.create[0].object.as_ref().unwrap_err()), "title id");
    assert!(given.create[1].object.is_ok());
    assert_eq!(properties(given.update[0].change.as_ref().unwrap_err()), "invalidPatch");
    let whole = [
        (r#"{"accountId":"x","create":[]}"#, "create must be an object"),
        (r#"{"accountId":"x","create":{"k":1}}"#, "create/k must be an object"),
        (r#"{"accountId":"x","create":{"k k":{}}}"#, "create/k k must be a creation id"),
        (r##"{"accountId":"x","create":{"#k":{}}}"##, "create/#k must be a creation id"),
        (r#"{"accountId":"x","update":{"":{}}}"#, "update/ must be an Id"),
        (r#"{"accountId":"x","destroy":["a b"]}"#, "destroy/0 must be an Id or a creation id"),
    ];
    for (text, expected) in whole {
        assert_eq!(set(text).unwrap_err(), MethodError::invalid(expected), "{text}");
    }
    let many = r#"{"accountId":"x","create":{"k":1},"update":{"":1},"destroy":["a","b"]}"#;
    assert_eq!(set(many).unwrap_err(), MethodError::RequestTooLarge, "before the objects are read");
}

/// spec: RFC 8620 §5.3; RFC 8620 §5.7
#[test]
fn set_response() {
    let mut outcome = Outcome::default();
    outcome.updated.put(&id("a"), Some(Raw::build(|slot| slot.members(|todo| todo.put("n", &5400u64)))));
    outcome.updated.put(&id("b"), None);
    outcome.not_destroyed.put(&IdRef::Creation(id("q")), SetErrorKind::NotFound.into());
    let response = SetResponse {
        account_id: Some(id("x")),
        old_state: Some("10324".into()),
        new_state: Some("10329".into()),
        outcome,
    };
    let expected = concat!(
        r#"{"accountId":"x","oldState":"10324","newState":"10329","created":null,"#,
        r#""updated":{"a":{"n":5400},"b":null},"destroyed":null,"notCreated":null,"notUpdated":null,"#,
        r##""notDestroyed":{"#q":{"type":"notFound"}}}"##
    );
    assert_eq!(Raw::of(&response).as_str(), expected);
    let mut table = Table::default();
    table.put(&"k", 1u64);
    table.put(&"k", 2u64);
    assert_eq!((table.len(), table.value("k")), (1, Some(&2)));
}

/// spec: RFC 8620 §5.4; RFC 8620 §5.7
#[test]
fn copy() {
    let read = |text: &str| {
        reading(|reading| {
            CopyArguments::read(arguments(text), reading, |form| Some(form.optional::<Box<str>>("title")))
        })
    };
    let given = read(
        r#"{"fromAccountId":"x","accountId":"y","create":{"k5122":{"id":"a","title":"T"},"k2":{"title":5}},
        "onSuccessDestroyOriginal":true}"#,
    )
    .unwrap();
    assert!(given.on_success_destroy_original);
    let copied = given.create[0].object.as_ref().unwrap();
    assert_eq!((&copied.id, copied.change.as_deref()), (&IdRef::Id(id("a")), Some("T")));
    assert!(given.create[1].object.is_err());
    let same = read(r#"{"fromAccountId":"x","accountId":"x","create":{}}"#);
    assert_eq!(same.unwrap_err(), MethodError::invalid("accountId must be different to fromAccountId"));
    let many = read(r#"{"fromAccountId":"x","accountId":"y","create":{"a":{},"b":{},"c":{},"d":{}}}"#);
    assert_eq!(many.unwrap_err(), MethodError::RequestTooLarge);
    assert!(read(r#"{"fromAccountId":"x","accountId":"y","create":null}"#).is_err());
    let mut created = Table::default();
    created.put(&id("k5122"), Raw::build(|slot| slot.members(|todo| todo.put("id", "DAf97"))));
    let response = CopyResponse {
        from_account_id: id("x"),
        account_id: id("y"),
        old_state: Some("c1d64ecb038c".into()),
        new_state: "33844835152b".into(),
        created,
        not_created: Table::default(),
    };
    let expected = concat!(
        r#"{"fromAccountId":"x","accountId":"y","oldState":"c1d64ecb038c","newState":"33844835152b","#,
        r#""created":{"k5122":{"id":"DAf97"}},"notCreated":null}"#
    );
    assert_eq!(Raw::of(&response).as_str(), expected);
}

/// spec: RFC 8620 §5.5; RFC 8620 §5.7
#[test]
fn query_arguments() {
    let given = query(
        r#"{"accountId":"x","filter":{"operator":"OR","conditions":[{"hasKeyword":"music"},
        {"operator":"NOT","conditions":[{"hasKeyword":"video"},{}]}]},
        "sort":[{"property":"title"},{"property":"title","isAscending":false,"collation":"i;ascii-casemap"}],
        "position":-5,"anchorOffset":3,"limit":10}"#,
    )
    .unwrap();
    let is = |text: &str| Filter::Condition(HasKeyword(Some(text.into())));
    let not = Filter::Operator {
        operator: Operator::Not,
        conditions: vec![is("video"), Filter::Condition(HasKeyword(None))],
    };
    let expected = Filter::Operator { operator: Operator::Or, conditions: vec![is("music"), not] };
    assert_eq!(given.filter, Some(expected));
    let [first, second] = &given.sort[..] else { panic!() };
    assert!(first.is_ascending && first.collation.is_none());
    assert!(!second.is_ascending);
    assert_eq!(second.collation.as_deref(), Some("i;ascii-casemap"));
    assert_eq!((given.window, given.limit, given.calculate_total), (Window::Position(-5), Some(10), false));
    let plain = query(r#"{"accountId":"x","filter":null,"sort":null}"#).unwrap();
    assert!(plain.filter.is_none() && plain.sort.is_empty() && plain.limit.is_none());
    let anchored = query(r##"{"accountId":"x","anchor":"#known","anchorOffset":-1,"position":7}"##).unwrap();
    assert_eq!(anchored.window, Window::Anchor { anchor: id("made"), offset: -1 });
    assert_eq!(query(r##"{"accountId":"x","anchor":"#x"}"##).unwrap().window, Window::AnchorNotFound);
}

/// spec: RFC 8620 §5.5
#[test]
fn queries_that_are_refused() {
    let kind = |rest: &str| query(&format!(r#"{{"accountId":"x",{rest}}}"#)).unwrap_err().kind();
    for wrong in [
        r#""filter":[]"#,
        r#""filter":{"hasKeyword":5}"#,
        r#""filter":{"operator":"XOR","conditions":[]}"#,
        r#""filter":{"operator":"AND"}"#,
        r#""filter":{"operator":"AND","conditions":[null]}"#,
        r#""filter":{"operator":"AND","conditions":[],"hasKeyword":"x"}"#,
        r#""sort":[{}]"#,
        r#""sort":[{"property":"title","extra":1}]"#,
        r#""sort":[{"property":"title","collation":5}]"#,
        r#""limit":-1"#,
        r#""position":1.5"#,
        r#""calculateTotal":null"#,
    ] {
        assert_eq!(kind(wrong), "invalidArguments", "{wrong}");
    }
    assert_eq!(kind(r#""filter":{"color":"red"}"#), "unsupportedFilter");
    assert_eq!(kind(r#""sort":[{"property":"keywords"}]"#), "unsupportedSort");
    let deep = |levels: usize| {
        let open = r#"{"operator":"AND","conditions":["#.repeat(levels);
        format!(r#""filter":{open}{{}}{}"#, "]}".repeat(levels))
    };
    let levels = koi_types::limits::JMAP_FILTER_DEPTH_MAX;
    assert!(query(&format!(r#"{{"accountId":"x",{}}}"#, deep(levels))).is_ok());
    assert_eq!(kind(&deep(levels + 1)), "unsupportedFilter");
    let wide = vec!["{}"; koi_types::limits::JMAP_FILTER_TERMS_MAX].join(",");
    assert_eq!(kind(&format!(r#""filter":{{"operator":"OR","conditions":[{wide}]}}"#)), "unsupportedFilter");
    let sort = vec![r#"{"property":"title"}"#; koi_types::limits::JMAP_COMPARATORS_MAX + 1].join(",");
    assert_eq!(kind(&format!(r#""sort":[{sort}]"#)), "unsupportedSort");
}

/// spec: RFC 8620 §5.5
#[test]
fn where_the_results_begin() {
    let first = |window: Window| window.first(10, |wanted| (*wanted == id("a")).then_some(4));
    assert_eq!(first(Window::Position(3)), Ok(3));
    assert_eq!(first(Window::Position(30)), Ok(30), "behind the end is no error");
    assert_eq!(first(Window::Position(-3)), Ok(7));
    assert_eq!(first(Window::Position(-30)), Ok(0));
    assert_eq!(first(Window::Anchor { anchor: id("a"), offset: 2 }), Ok(6));
    assert_eq!(first(Window::Anchor { anchor: id("a"), offset: -9 }), Ok(0));
    assert_eq!(first(Window::Anchor { anchor: id("b"), offset: 0 }), Err(MethodError::AnchorNotFound));
    assert_eq!(first(Window::AnchorNotFound), Err(MethodError::AnchorNotFound));
}

/// spec: RFC 8620 §5.5; RFC 8620 §5.7
#[test]
fn query_response() {
    let mut response = QueryResponse {
        account_id: id("x"),
        query_state: "y13213".into(),
        can_calculate_changes: true,
        position: 0,
        ids: Some([id("a"), id("b")].into_iter().collect()),
        total: None,
        limit: None,
    };
    let text =
        r#"{"accountId":"x","queryState":"y13213","canCalculateChanges":true,"position":0,"ids":["a","b"]"#;
    assert_eq!(Raw::of(&response).as_str(), format!("{text}}}"));
    response.total = Some(101);
    response.limit = Some(2);
    assert_eq!(Raw::of(&response).as_str(), format!(r#"{text},"total":101,"limit":2}}"#));
}

/// spec: RFC 8620 §5.6; RFC 8620 §5.7
#[test]
fn query_changes() {
    let read = |text: &str| reading(|reading| QueryChangesArguments::<Todo>::read(arguments(text), reading));
    let given = read(
        r#"{"accountId":"x","filter":{"hasKeyword":"music"},"sort":[{"property":"title"}],
        "sinceQueryState":"y13213","maxChanges":50,"upToId":"b","calculateTotal":true}"#,
    )
    .unwrap();
    assert_eq!((&*given.since_query_state, given.max_changes), ("y13213", Some(50)));
    assert_eq!((given.up_to_id, given.calculate_total), (Some(id("b")), true));
    assert!(read(r#"{"accountId":"x"}"#).is_err());
    let response = QueryChangesResponse {
        account_id: id("x"),
        old_query_state: "y13213".into(),
        new_query_state: "y13218".into(),
        total: None,
        removed: vec![id("b")],
        added: vec![Added { id: id("id5"), index: 0 }],
    };
    let expected = concat!(
        r#"{"accountId":"x","oldQueryState":"y13213","newQueryState":"y13218","removed":["b"],"#,
        r#""added":[{"id":"id5","index":0}]}"#
    );
    assert_eq!(Raw::of(&response).as_str(), expected);
}
