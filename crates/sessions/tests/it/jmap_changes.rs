//! After random operations over IMAP, JMAP and LMTP, what `*/changes` and `Email/queryChanges` tell since any
//! earlier state leads from what was seen then to what is seen now (RFC 8620 §5.2, RFC 8620 §5.6).
//!
//! The client here believes what it is told and looks at nothing else: emails, threads and mailboxes by /get,
//! their changes in pages of every size, and two queries by queryChanges.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use koi_proto::jmap::json::Bounds;
use koi_proto::jmap::{Json, Members};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;

use crate::harness::Test;
use crate::view::Random;

const OPERATIONS: usize = 60;
/// After so many operations everything is looked at.
const EVERY: usize = 6;

const IMAP: u32 = 1;
const JMAP: u32 = 2;
const LMTP: u32 = 3;

const TYPES: [&str; 3] = ["Email", "Thread", "Mailbox"];
const QUERIES: [&str; 3] = [
    r#""filter":{"inMailbox":"@"},"sort":[{"property":"receivedAt","isAscending":false}]"#,
    r#""filter":{"hasKeyword":"$flagged"},"sort":[{"property":"subject"},{"property":"size"}]"#,
    r#""filter":{"operator":"NOT","conditions":[{"hasKeyword":"$seen"}]},"collapseThreads":true"#,
];

pub(crate) fn tests() -> Vec<Test> {
    let first: u64 = std::env::var("KOI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let seeds = if std::env::var("KOI_QUICK").is_ok() { 5 } else { 40 };
    let random = move || {
        (first..first + seeds).try_for_each(|seed| run(seed).map_err(|e| format!("KOI_SEED={seed}: {e}")))
    };
    // spec: RFC 8620 §5.2; RFC 8620 §5.6; RFC 8621 §2.2; RFC 8621 §3.2; RFC 8621 §4.3; RFC 8621 §4.5
    vec![Test { name: "jmap_changes/lead_from_any_state_to_now".to_owned(), run: Box::new(random) }]
}

/// What a client knows of all objects of a type: each without its id, as text.
type Objects = BTreeMap<String, String>;

/// Everything at one moment.
struct Moment {
    objects: BTreeMap<&'static str, Seen>,
    queries: Vec<Listed>,
}

struct Seen {
    state: String,
    objects: Objects,
}

struct Listed {
    state: String,
    ids: Vec<String>,
}

struct Play {
    world: World,
    random: Random,
    inbox: String,
    delivered: usize,
    tags: usize,
    made: usize,
}

fn run(seed: u64) -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.open_imap(IMAP, true);
    world.open_jmap(JMAP, "alice")?;
    world.open_lmtp(LMTP);
    world.send(LMTP, b"LHLO test\r\n");
    let inbox = world.mailbox_id("alice", "INBOX")?.to_string();
    let mut play = Play { world, random: Random::new(seed), inbox, delivered: 0, tags: 0, made: 0 };
    play.imap("LOGIN alice secret")?;
    play.imap("CREATE work")?;
    play.imap("SELECT INBOX")?;
    let mut moments = vec![play.look()?];
    let mut done = String::new();
    for step in 1..=OPERATIONS {
        let what = play.operate().map_err(|e| format!("{done}{e}"))?;
        let _ = writeln!(done, "{what}");
        if step % EVERY == 0 {
            let now = play.look()?;
            for (at, then) in moments.iter().enumerate() {
                play.compare(then, &now).map_err(|e| format!("{done}from moment {at} to {step}: {e}"))?;
            }
            moments.push(now);
        }
    }
    Ok(())
}

impl Play {
    fn below(&mut self, number: usize) -> usize {
        self.random.below(number)
    }
    fn imap(&mut self, command: &str) -> Result<String, String> {
        self.tags += 1;
        self.world.send(IMAP, format!("t{} {command}\r\n", self.tags).as_bytes());
        let said = std::mem::take(&mut self.world.peer(IMAP).ok_or("no connection")?.said);
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
    /// One call, and the arguments of its response.
    fn jmap(&mut self, call: &str) -> Result<(String, Members), String> {
        self.world.send(JMAP, format!("{call}\r\n").as_bytes());
        let said = std::mem::take(&mut self.world.peer(JMAP).ok_or("no connection")?.said);
        let said = String::from_utf8_lossy(&said).into_owned();
        let (name, arguments) = said.trim_end().split_once(' ').ok_or_else(|| format!("{call}: {said}"))?;
        match Json::parse(arguments.as_bytes(), &Bounds::default()) {
            Ok(Json::Object(members)) => Ok((name.to_owned(), members)),
            _ => Err(format!("{call}: {said}")),
        }
    }
    /// The same for one that must not fail.
    fn told(&mut self, call: &str) -> Result<Members, String> {
        let (name, members) = self.jmap(call)?;
        match call.starts_with(&format!("{name} ")) {
            true => Ok(members),
            false => Err(format!("{call}: {name} {}", Json::Object(members))),
        }
    }

    /// Something that clients or others do; answers what.
    fn operate(&mut self) -> Result<String, String> {
        let what = match self.below(20) {
            0..=5 => return self.deliver(),
            6..=11 => self.imap_command(),
            12 => "NOOP".to_owned(),
            _ => return self.jmap_set(),
        };
        let said = self.imap(&what)?;
        Ok(format!("{what}: {}", said.lines().last().unwrap_or_default()))
    }
    /// A message of its own, or an answer to one before; subjects are few.
    fn deliver(&mut self) -> Result<String, String> {
        self.delivered += 1;
        let (number, subject) = (self.delivered, self.below(3));
        let answers = match self.below(2) {
            0 if number > 1 => format!("In-Reply-To: <{}@example.net>\r\n", 1 + self.below(number + 1)),
            _ => String::new(),
        };
        let message = format!(
            "MAIL FROM:<s@example.net>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nFrom: s@example.net\r\n\
             Subject: about {subject}\r\nMessage-ID: <{number}@example.net>\r\n{answers}\r\n{}\r\n.\r\n",
            "x".repeat(number)
        );
        self.world.advance(1000);
        self.world.send(LMTP, message.as_bytes());
        self.world.peer(LMTP).ok_or("no connection")?.said.clear();
        Ok(format!("deliver {number} {answers:?}"))
    }
    fn imap_command(&mut self) -> String {
        let flag = ["\\Seen", "\\Flagged", "\\Deleted", "\\Deleted", "$Junk", "later"][self.below(6)];
        let sign = ["+", "-", ""][self.below(3)];
        let (from, to) = (1 + self.below(8), 1 + self.below(8));
        let mailbox = ["work", "INBOX", "made", "work/below"][self.below(4)];
        match self.below(12) {
            0..=4 => format!("STORE {from}:{to} {sign}FLAGS ({flag})"),
            5 => format!("COPY {from} {mailbox}"),
            6 => format!("MOVE {from} {mailbox}"),
            7 => "EXPUNGE".to_owned(),
            8 => format!("SELECT {mailbox}"),
            9 => format!("CREATE {mailbox}"),
            10 if mailbox != "INBOX" => format!("DELETE {mailbox}"),
            10 => "RENAME INBOX work/below".to_owned(),
            _ => "RENAME made other".to_owned(),
        }
    }
    fn jmap_set(&mut self) -> Result<String, String> {
        let list = self.told(r#"Email/query {"limit":10}"#)?;
        let ids = strings(&list, "ids");
        let mailboxes = self.told(r#"Mailbox/query {}"#)?;
        let mailboxes = strings(&mailboxes, "ids");
        let mailbox = mailboxes[self.below(mailboxes.len())].clone();
        self.made += 1;
        let id = match ids.is_empty() {
            true => "none".to_owned(),
            false => ids[self.below(ids.len())].clone(),
        };
        let call = match self.below(9) {
            0 => format!(r#"Email/set {{"update":{{"{id}":{{"keywords/$seen":true}}}}}}"#),
            1 => format!(r#"Email/set {{"update":{{"{id}":{{"keywords/$flagged":null}}}}}}"#),
            2 => format!(r#"Email/set {{"update":{{"{id}":{{"keywords":{{"$draft":true,"new":true}}}}}}}}"#),
            3 => format!(r#"Email/set {{"update":{{"{id}":{{"mailboxIds/{mailbox}":true}}}}}}"#),
            4 => format!(r#"Email/set {{"update":{{"{id}":{{"mailboxIds":{{"{mailbox}":true}}}}}}}}"#),
            5 => format!(r#"Email/set {{"destroy":["{id}"]}}"#),
            6 => format!(
                r#"Mailbox/set {{"create":{{"k":{{"name":"made {}","parentId":"{mailbox}"}}}}}}"#,
                self.made
            ),
            7 => format!(r#"Mailbox/set {{"destroy":["{mailbox}"],"onDestroyRemoveEmails":true}}"#),
            _ => format!(
                r#"Email/set {{"create":{{"k":{{"mailboxIds":{{"{mailbox}":true}},"subject":"about 1",
                "from":[{{"email":"alice@example.org"}}],"bodyValues":{{"t":{{"value":"text"}}}},
                "textBody":[{{"partId":"t","type":"text/plain"}}]}}}}}}"#
            )
            .replace('\n', " "),
        };
        let (name, arguments) = self.jmap(&call)?;
        Ok(format!("{call}: {name} {}", Json::Object(arguments)))
    }

    /// Everything as it is now.
    fn look(&mut self) -> Result<Moment, String> {
        let mut objects = BTreeMap::new();
        for name in TYPES {
            let mut got = self.told(&format!("{name}/get {{\"ids\":null{}}}", properties(name)))?;
            let state = string(&got, "state");
            objects.insert(name, Seen { state, objects: listed(&mut got)? });
        }
        let mut queries = Vec::new();
        for query in QUERIES {
            let found = self.told(&format!("Email/query {{{}}}", self.query(query)))?;
            queries.push(Listed { state: string(&found, "queryState"), ids: strings(&found, "ids") });
        }
        Ok(Moment { objects, queries })
    }
    fn query(&self, query: &str) -> String {
        query.replace('@', &self.inbox)
    }
    /// What was seen then, with all changes since, is what is seen now.
    fn compare(&mut self, then: &Moment, now: &Moment) -> Result<(), String> {
        for name in TYPES {
            let after = self.follow(name, &then.objects[name], &now.objects[name])?;
            if after != now.objects[name].objects {
                return Err(format!("{name}: {after:#?}\nis not {:#?}", now.objects[name].objects));
            }
        }
        for (at, query) in QUERIES.iter().enumerate() {
            let after = self.follow_query(query, &then.queries[at])?;
            if after != now.queries[at].ids {
                return Err(format!("{query}: {after:?}\nis not {:?}", now.queries[at].ids));
            }
        }
        Ok(())
    }
    fn follow(&mut self, name: &str, then: &Seen, now: &Seen) -> Result<Objects, String> {
        let (mut objects, mut state) = (then.objects.clone(), then.state.clone());
        let page = [1, 2, 3, 50][self.below(4)];
        // As many pages as it could ever take.
        for _ in 0..2000 {
            let call = format!(r#"{name}/changes {{"sinceState":"{state}","maxChanges":{page}}}"#);
            let changes = self.told(&call)?;
            let (created, updated) = (strings(&changes, "created"), strings(&changes, "updated"));
            let destroyed = strings(&changes, "destroyed");
            let all: BTreeSet<&String> = created.iter().chain(&updated).chain(&destroyed).collect();
            if all.len() != created.len() + updated.len() + destroyed.len() || all.len() > page {
                return Err(format!("{call}: {}", Json::Object(changes)));
            }
            for id in &destroyed {
                objects.remove(id);
            }
            for id in created.iter().chain(&updated) {
                // One that is gone by now is told to be so on a later page.
                objects.insert(id.clone(), now.objects.get(id).cloned().unwrap_or_default());
            }
            state = string(&changes, "newState");
            if changes.value("hasMoreChanges") != Some(&Json::Bool(true)) {
                return match state == now.state {
                    true => Ok(objects),
                    false => Err(format!("{name}/changes ends at {state}, /get was at {}", now.state)),
                };
            }
        }
        Err(format!("{name}/changes never ends"))
    }
    fn follow_query(&mut self, query: &str, then: &Listed) -> Result<Vec<String>, String> {
        let state = &then.state;
        let call = format!(r#"Email/queryChanges {{"sinceQueryState":"{state}",{}}}"#, self.query(query));
        let changes = self.told(&call)?;
        let removed: BTreeSet<String> = strings(&changes, "removed").into_iter().collect();
        let mut ids: Vec<String> = then.ids.iter().filter(|id| !removed.contains(*id)).cloned().collect();
        let Some(Json::Array(added)) = changes.value("added") else {
            return Err(format!("{call}: no added"));
        };
        for one in added {
            let Json::Object(one) = one else { return Err(format!("{call}: {one}")) };
            let at: usize = one.value("index").map(ToString::to_string).unwrap_or_default().parse().unwrap();
            if at > ids.len() {
                return Err(format!("{call}: there is no place {at}: {}", Json::Object(changes.clone())));
            }
            ids.insert(at, string(one, "id"));
        }
        Ok(ids)
    }
}

/// What of a type may change.
fn properties(name: &str) -> &'static str {
    if name == "Email" {
        r#","properties":["threadId","mailboxIds","keywords","size","subject"]"#
    } else {
        ""
    }
}

fn listed(got: &mut Members) -> Result<Objects, String> {
    let Some(Json::Array(list)) = got.take("list") else { return Err("no list".to_owned()) };
    let object = |item: Json| match item {
        Json::Object(mut members) => {
            let id = members.take("id").and_then(|id| id.as_str().map(str::to_owned));
            Ok((id.ok_or("no id")?, Json::Object(members).to_string()))
        }
        other => Err(format!("not an object: {other}")),
    };
    list.into_iter().map(object).collect()
}

fn string(members: &Members, name: &str) -> String {
    members.value(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn strings(members: &Members, name: &str) -> Vec<String> {
    let Some(Json::Array(items)) = members.value(name) else { return Vec::new() };
    items.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}
