//! Requests to JMAP as a whole, over mailboxes in memory: no call panics, each request comes to an end with
//! an answer to every call in valid JSON, states never go back, and what is stored stays sound (RFC 8620
//! §3.6.2, RFC 8620 §5.1).

use std::sync::Arc;

use koi_mailbox::emails::DataType;
use koi_proto::jmap::{Capabilities, CoreLimits};
use koi_sessions::jmap::{Exchange, Jmap};
use koi_sessions::{Login, Note, Step};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_types::{AccessSet, AccountId};
use serde_json::Value;

use super::Target;
use crate::world::{World, address};

/// Steps of one request; far more than any needs here.
const STEPS_MAX: usize = 100_000;
/// Requests of one input, one in a line.
const REQUESTS_MAX: usize = 6;

const USING: &str = r#""using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail",
"urn:ietf:params:jmap:submission","urn:ietf:params:jmap:vacationresponse","urn:ietf:params:jmap:blob",
"urn:ietf:params:jmap:quota","urn:ietf:params:jmap:mdn"]"#;

/// What is asked, in which ACCOUNT, INBOX, FIRST and SECOND stand for ids.
const CALLS: [&str; 7] = [
    r##"["Mailbox/get",{"accountId":"ACCOUNT"},"a"],["Mailbox/query",{"accountId":"ACCOUNT",
"sort":[{"property":"name"}]},"b"],["Mailbox/set",{"accountId":"ACCOUNT",
"create":{"k":{"name":"new","parentId":"INBOX"}},"update":{"INBOX":{"sortOrder":3}}},"c"],
["Mailbox/changes",{"accountId":"ACCOUNT","sinceState":"1"},"d"]"##,
    r##"["Email/query",{"accountId":"ACCOUNT","filter":{"inMailbox":"INBOX"},"collapseThreads":true,
"calculateTotal":true},"q"],["Email/get",{"accountId":"ACCOUNT","#ids":{"resultOf":"q",
"name":"Email/query","path":"/ids"},"properties":["subject","bodyStructure","preview","keywords"],
"fetchTextBodyValues":true},"g"],["Thread/get",{"accountId":"ACCOUNT","ids":null},"t"]"##,
    r##"["Email/set",{"accountId":"ACCOUNT","create":{"k":{"mailboxIds":{"INBOX":true},
"subject":"made","bodyValues":{"1":{"value":"text"}},"textBody":[{"partId":"1",
"type":"text/plain"}]}},"update":{"FIRST":{"keywords/$seen":true}},"destroy":["SECOND"]},"s"],
["Email/changes",{"accountId":"ACCOUNT","sinceState":"1","maxChanges":2},"c"],["Email/queryChanges",
{"accountId":"ACCOUNT","sinceQueryState":"1"},"d"]"##,
    r##"["Identity/get",{"accountId":"ACCOUNT"},"i"],["EmailSubmission/set",{"accountId":"ACCOUNT",
"create":{"s":{"identityId":"o00000000000000000000000004","emailId":"FIRST",
"envelope":{"mailFrom":{"email":"alice@example.org"},"rcptTo":[{"email":"alice@example.org"}]}}},
"onSuccessUpdateEmail":{"#s":{"keywords/$draft":null}}},"e"],["EmailSubmission/query",
{"accountId":"ACCOUNT"},"f"]"##,
    r##"["Blob/upload",{"accountId":"ACCOUNT",
"create":{"b":{"data":[{"data:asText":"Subject: x\r\n\r\nbody"}],"type":"message/rfc822"}}},"u"],
["Email/import",{"accountId":"ACCOUNT","emails":{"m":{"blobId":"#b","mailboxIds":{"INBOX":true}}}},
"m"],["Email/parse",{"accountId":"ACCOUNT","blobIds":["#b"]},"p"],["Blob/get",
{"accountId":"ACCOUNT","ids":["#b"],"properties":["data:asText","digest:sha","size"]},"g"]"##,
    r##"["VacationResponse/set",{"accountId":"ACCOUNT","update":{"singleton":{"isEnabled":true,
"textBody":"away"}}},"v"],["VacationResponse/get",{"accountId":"ACCOUNT","ids":null},"w"],
["Quota/get",{"accountId":"ACCOUNT","ids":null},"q"],["SearchSnippet/get",{"accountId":"ACCOUNT",
"emailIds":["FIRST"],"filter":{"text":"body"}},"s"]"##,
    r##"["PushSubscription/set",{"create":{"p":{"deviceClientId":"d",
"url":"https://push.example/"}}},"p"],["PushSubscription/get",{"ids":null},"g"],["Core/echo",
{"x":[1,{"y":null}]},"e"]"##,
];

/// Sessions of clients, in both dialects.
#[must_use]
pub fn target() -> Target {
    let world = Fuzzed::new();
    let mut seeds: Vec<Vec<u8>> = CALLS.iter().map(|calls| world.request(USING, calls)).collect();
    let draft = r##"["Email/query",{"filter":{"hasKeyword":"$Seen"}},"q"],["Email/get",
{"ids":["FIRST"]},"g"],["Email/set",{"update":{"FIRST":{"keywords/$Seen":true,"subject":"one 0"}}},
"s"],["Mailbox/query",{"sort":[{"property":"parent/name"}]},"m"],["Mailbox/changes",
{"sinceState":"1"},"c"]"##;
    seeds.push(world.request(r#""using":["ietf:jmapmail"]"#, draft));
    let [one, .., last] = [seeds[2].clone(), seeds[1].clone(), seeds[0].clone()];
    seeds.push([one, last].join(&b'\n'));
    Target { name: "jmap_exchange", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\"accountId\":\"a000000c\",",
    b"\"ids\":null,",
    b"\"properties\":[\"id\"],",
    b"\"maxChanges\":1,",
    b"\"sinceState\":\"1.1\",",
    b"\"position\":-1,",
    b"\"limit\":0,",
    b"\"#k\"",
    b"\"ifInState\":\"1\",",
    b"{\"operator\":\"NOT\",\"conditions\":[]}",
    b"\"header:Subject:asText\"",
    b"\"$draft\"",
    b"null",
    b"9007199254740991",
    b"\n",
];

struct Fuzzed {
    world: World,
    account: AccountId,
    jmap: Arc<Jmap>,
}

impl Fuzzed {
    fn new() -> Self {
        let engine = |commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>;
        let mut world = World::new(&engine);
        let account = world.add_user("alice");
        let messages: Vec<Vec<u8>> = (0..3)
            .map(|n| {
                format!("Subject: one {n}\r\nMessage-ID: <{n}@x>\r\nReferences: <0@x>\r\n\r\nbody {n}\r\n")
                    .into_bytes()
            })
            .collect();
        world.fill("alice", "INBOX", &messages);
        let (service, limits) = (world.service.clone(), CoreLimits::default());
        let supported = Capabilities::all();
        let jmap = Arc::new(Jmap { service, limits, supported, account_rates: Arc::default() });
        Self { world, account, jmap }
    }
    fn request(&self, using: &str, calls: &str) -> Vec<u8> {
        let account = self.world.service.account(self.account).unwrap();
        // The table is read in pieces.
        let emails = (0..9).find_map(|_| account.emails().unwrap()).expect("the table of three emails");
        let mut ids = emails.ids().map(|id| id.to_string());
        let (first, second) = (ids.next().unwrap_or_default(), ids.next().unwrap_or_default());
        let text = format!("{{{using},\"methodCalls\":[{calls}]}}").replace('\n', "");
        let text = text.replace("ACCOUNT", &self.account.to_string());
        let text = text.replace("INBOX", &koi_mailbox::INBOX.to_string());
        text.replace("FIRST", &first).replace("SECOND", &second).into_bytes()
    }
    fn states(&self) -> Vec<u64> {
        let account = self.world.service.account(self.account).unwrap();
        let snapshot = account.snapshot().unwrap();
        DataType::ALL.into_iter().map(|data| snapshot.state(data).modseq).collect()
    }
    /// The response, if the request is one.
    fn answer(&self, octets: &[u8]) -> Option<Vec<u8>> {
        let (account, address) = (self.account, address("alice"));
        let login = Login { account, address, access: AccessSet::ALL, app_password: None };
        let mut exchange = Exchange::read(octets, &self.jmap, login, "s").ok()?;
        let mut out = Vec::new();
        for _ in 0..STEPS_MAX {
            let step = exchange.step(self.world.now(), &mut out);
            for note in exchange.take_notes() {
                assert!(!matches!(note, Note::Failed { .. }), "a fault of ours: {note:?}");
            }
            match step {
                Step::Close => return Some(out),
                Step::Await(ticket) => assert!(ticket.peek().is_some(), "nothing is slow here"),
                Step::Yield | Step::OutputFull => {}
                _ => panic!("a request waits for nothing else"),
            }
        }
        panic!("it does not come to an end")
    }
}

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let fuzzed = Fuzzed::new();
    let mut before = fuzzed.states();
    for request in input.split(|octet| *octet == b'\n').take(REQUESTS_MAX) {
        let Some(response) = fuzzed.answer(request) else { continue };
        let asked: Value = serde_json::from_slice(request).expect("it was read");
        let said: Value = serde_json::from_slice(&response).expect("what is sent is JSON");
        let ids = |value: &Value, name: &str| -> Vec<Value> {
            let all = value[name].as_array().expect("an array");
            let mut ids: Vec<Value> = all.iter().map(|one| one[2].clone()).collect();
            ids.dedup();
            ids
        };
        assert_eq!(ids(&said, "methodResponses"), ids(&asked, "methodCalls"), "every call has an answer");
        let now = fuzzed.states();
        assert!(before.iter().zip(&now).all(|(before, now)| before <= now), "states go on: {now:?}");
        before = now;
    }
    let findings = fuzzed.world.service.check().unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}
