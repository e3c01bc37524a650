//! After random changes of mailboxes by JMAP and IMAP, what a client has put together from Mailbox/changes
//! and Mailbox/queryChanges, from whatever earlier state, is what Mailbox/get and Mailbox/query show.

use std::collections::BTreeMap;
use std::sync::Arc;

use koi_proto::jmap::json::Bounds;
use koi_proto::jmap::{Json, Members};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;

use crate::harness::Test;
use crate::view::Random;

const STEPS: usize = 40;

/// Filters, orders and forms of a tree.
const QUERIES: [&str; 6] = [
    r#""sort":[{"property":"name"}]"#,
    r#""filter":{"hasAnyRole":false},"sort":[{"property":"name","isAscending":false}]"#,
    r#""sort":[{"property":"sortOrder"},{"property":"name"}],"sortAsTree":true"#,
    r#""filter":{"operator":"OR","conditions":[{"name":"a"},{"isSubscribed":false}]},"filterAsTree":true"#,
    r#""filter":{"parentId":null},"sort":[{"property":"name","collation":"i;octet"}]"#,
    r#""filter":{"name":"b"},"sortAsTree":true,"filterAsTree":true,"sort":[{"property":"name"}]"#,
];

const NAMES: [&str; 5] = ["a", "b", "ab", "Box", "zebra"];

pub(crate) fn tests() -> Vec<Test> {
    let first: u64 = std::env::var("KOI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let count = if std::env::var_os("KOI_QUICK").is_some() { 10 } else { 60 };
    let run = move || {
        (first..first + count).try_for_each(|seed| run(seed).map_err(|e| format!("KOI_SEED={seed}: {e}")))
    };
    let name = "mailboxes/changes_lead_to_what_is_there".to_owned();
    vec![Test { name, run: Box::new(run) }]
}

/// What a client of JMAP has, since different moments.
#[derive(Clone)]
struct Cache {
    state: String,
    mailboxes: BTreeMap<String, Members>,
    queries: Vec<Followed>,
}

#[derive(Clone)]
struct Followed {
    state: String,
    ids: Vec<String>,
}

// spec: RFC 8621 §2.2; RFC 8621 §2.4; RFC 8620 §5.2; RFC 8620 §5.6
fn run(seed: u64) -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.open_jmap(1, "alice").unwrap();
    world.open_imap(2, true);
    world.send(2, b"x LOGIN alice secret\r\n");
    let mut random = Random::new(seed);
    let mut caches = vec![Cache::fresh(&mut world)];
    for at in 0..STEPS {
        change(&mut world, &mut random, &caches);
        let known = random.below(caches.len());
        let max_changes = random.below(3);
        let mut cache = caches[known].clone();
        cache.follow(&mut world, max_changes).map_err(|why| format!("step {at}: {why}"))?;
        caches.push(cache);
    }
    Ok(())
}

fn ask(world: &mut World, method: &str, arguments: &str) -> Members {
    world.send(1, format!("{method} {{{arguments}}}\r\n").as_bytes());
    let said = String::from_utf8(std::mem::take(&mut world.peer(1).unwrap().said)).unwrap();
    let answer = said.strip_prefix(method).unwrap_or_else(|| panic!("{method} {{{arguments}}}: {said}"));
    match Json::parse(answer.trim().as_bytes(), &Bounds::default()) {
        Ok(Json::Object(members)) => members,
        other => panic!("{other:?}"),
    }
}

fn text(members: &Members, name: &str) -> String {
    members.value(name).and_then(Json::as_str).unwrap_or_else(|| panic!("no {name}")).to_owned()
}

fn list<'m>(members: &'m Members, name: &str) -> &'m [Json] {
    let Some(Json::Array(items)) = members.value(name) else { panic!("no {name}") };
    items
}

fn ids(members: &Members, name: &str) -> Vec<String> {
    list(members, name).iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

fn objects(members: &Members, name: &str) -> Vec<Members> {
    let object = |item: &Json| match item {
        Json::Object(object) => object.clone(),
        other => panic!("{other:?}"),
    };
    list(members, name).iter().map(object).collect()
}

/// Something happens, which may be refused.
fn change(world: &mut World, random: &mut Random, caches: &[Cache]) {
    let known: Vec<&String> = caches[caches.len() - 1].mailboxes.keys().collect();
    let any = |random: &mut Random| known[random.below(known.len())].clone();
    let (one, mut other) = (any(random), any(random));
    while other == one {
        // Beside the only one, one that is not there.
        other = if known.len() > 1 { any(random) } else { "m0".to_owned() };
    }
    let name = NAMES[random.below(NAMES.len())];
    let level = NAMES[random.below(NAMES.len())];
    let set = match random.below(14) {
        0 | 1 => format!(r#""create":{{"k":{{"name":"{name}","parentId":"{one}"}}}}"#),
        2 => format!(r##""create":{{"k":{{"name":"{name}"}},"l":{{"name":"{level}","parentId":"#k"}}}}"##),
        3 => format!(r#""update":{{"{one}":{{"parentId":"{other}"}}}}"#),
        4 => format!(r#""update":{{"{one}":{{"name":"{name}","sortOrder":{}}}}}"#, random.below(4)),
        5 => format!(r#""update":{{"{one}":{{"name":"{name}"}},"{other}":{{"name":"{level}"}}}}"#),
        6 => format!(r#""update":{{"{one}":{{"isSubscribed":{}}}}}"#, random.below(2) == 0),
        7 => format!(r#""destroy":["{one}","{other}"],"onDestroyRemoveEmails":true"#),
        8 => format!(r#""update":{{"{one}":{{"role":null}},"{other}":{{"role":"archive"}}}}"#),
        9 => return drop(ask(world, "Email/set", &email(&one, &other))),
        10 => return imap(world, &format!("CREATE {name}/{level}")),
        11 => return imap(world, &format!("RENAME {name} {level}/{name}")),
        12 => return imap(world, &format!("DELETE {name}")),
        _ => return imap(world, &format!("UNSUBSCRIBE {name}")),
    };
    ask(world, "Mailbox/set", &set);
}

fn email(one: &str, other: &str) -> String {
    format!(r#""create":{{"k":{{"mailboxIds":{{"{one}":true}}}},"l":{{"mailboxIds":{{"{other}":true}}}}}}"#)
}

fn imap(world: &mut World, command: &str) {
    world.send(2, format!("x {command}\r\n").as_bytes());
    world.peer(2).unwrap().said.clear();
}

impl Cache {
    fn fresh(world: &mut World) -> Self {
        let got = ask(world, "Mailbox/get", r#""ids":null"#);
        let mailboxes = objects(&got, "list").into_iter().map(|one| (text(&one, "id"), one)).collect();
        let query = |query: &&str| {
            let found = ask(world, "Mailbox/query", query);
            Followed { state: text(&found, "queryState"), ids: ids(&found, "ids") }
        };
        let queries = QUERIES.iter().map(query).collect();
        Self { state: text(&got, "state"), mailboxes, queries }
    }
    /// Brings it up to now, and compares.
    fn follow(&mut self, world: &mut World, max_changes: usize) -> Result<(), String> {
        loop {
            let max = if max_changes == 0 { "null".to_owned() } else { max_changes.to_string() };
            let since = format!(r#""sinceState":"{}","maxChanges":{max}"#, self.state);
            let changes = ask(world, "Mailbox/changes", &since);
            self.apply(world, &changes);
            self.state = text(&changes, "newState");
            if changes.value("hasMoreChanges") == Some(&Json::Bool(false)) {
                break;
            }
        }
        let fresh = Self::fresh(world);
        if self.mailboxes != fresh.mailboxes {
            return Err(format!("mailboxes\n{:?}\nare\n{:?}", self.mailboxes, fresh.mailboxes));
        }
        for ((query, followed), is) in QUERIES.iter().zip(&mut self.queries).zip(&fresh.queries) {
            followed.apply(world, query);
            if followed.ids != is.ids || followed.state != is.state {
                return Err(format!("{query}: {:?} are {:?}", followed.ids, is.ids));
            }
        }
        Ok(())
    }
    fn apply(&mut self, world: &mut World, changes: &Members) {
        for id in ids(changes, "destroyed") {
            self.mailboxes.remove(&id);
        }
        let names = |ids: Vec<String>| ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(",");
        let created = names(ids(changes, "created"));
        for one in objects(&ask(world, "Mailbox/get", &format!(r#""ids":[{created}]"#)), "list") {
            self.mailboxes.insert(text(&one, "id"), one);
        }
        // Only what may have changed is asked for.
        let properties = changes.value("updatedProperties").unwrap();
        let wanted = format!(r#""ids":[{}],"properties":{properties}"#, names(ids(changes, "updated")));
        for one in objects(&ask(world, "Mailbox/get", &wanted), "list") {
            let known = self.mailboxes.get_mut(&text(&one, "id")).expect("an update of what is not known");
            one.into_iter().for_each(|member| known.put(member.name, member.value));
        }
    }
}

impl Followed {
    /// RFC 8620 §5.6: what is removed is taken out, what is added put in at its place, one by one.
    fn apply(&mut self, world: &mut World, query: &str) {
        let since = format!(r#"{query},"sinceQueryState":"{}","calculateTotal":true"#, self.state);
        let changes = ask(world, "Mailbox/queryChanges", &since);
        let removed = ids(&changes, "removed");
        self.ids.retain(|id| !removed.contains(id));
        for added in objects(&changes, "added") {
            let Some(Json::Number(index)) = added.value("index") else { panic!("no index") };
            let index = usize::try_from(index.int().unwrap()).unwrap();
            self.ids.insert(index, text(&added, "id"));
        }
        self.state = text(&changes, "newQueryState");
    }
}
