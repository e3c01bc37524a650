//! Every message of the collection (`tests/mail`) by JMAP: what was kept at delivery, its header, and the
//! message parsed anew show the same, and its parts are blobs of the size that is told.

use std::path::PathBuf;
use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;
use koi_types::BlobName;

use crate::harness::Test;

/// What lists show, and forms of a few fields besides.
const LISTED: &str =
    r#""subject","from","sender","replyTo","to","cc","bcc","sentAt","messageId","inReplyTo","hasAttachment""#;
const BODIES: &str = r#""references","header:from:asGroupedAddresses","header:received:all","preview","bodyStructure","textBody","htmlBody","attachments","bodyValues","headers""#;
const OF_PARTS: &str = r#""bodyProperties":["partId","size","headers","name","type","charset","disposition","cid","language","location"]"#;

pub(crate) fn tests() -> Vec<Test> {
    let name = "jmap/every_message_is_shown_alike_by_all_ways".to_owned();
    let long = "jmap/a_list_of_many_ids_is_whole".to_owned();
    vec![Test { name, run: Box::new(every_message) }, Test { name: long, run: Box::new(many_ids) }]
}

// spec: RFC 8620 §5.5
fn many_ids() -> Result<(), String> {
    const MANY: usize = 2_345;
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.open_jmap(1, "alice")?;
    let messages: Vec<Vec<u8>> = (0..MANY).map(|number| format!("A: {number}\r\n\r\n").into()).collect();
    world.fill("alice", "INBOX", &messages);
    let all = ask(&mut world, r#"Email/query {"calculateTotal":true}"#);
    let ids = between(&all, "\"ids\":[\"", "\"],\"total\"");
    let ids: std::collections::HashSet<&str> = ids.split("\",\"").collect();
    match ids.len() == MANY && all.contains(&format!("\"total\":{MANY}")) {
        true => Ok(()),
        false => Err(format!("{} ids of {MANY}: {all:.200}", ids.len())),
    }
}

// spec: RFC 8621 §4.1; RFC 8621 §4.2; RFC 8621 §4.9; RFC 8620 §6.2
fn every_message() -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.open_jmap(1, "alice")?;
    let mails = mails();
    for mail in &mails {
        world.fill("alice", "INBOX", std::slice::from_ref(&mail.octets));
    }
    let all = ask(&mut world, r#"Email/query {"sort":[{"property":"receivedAt"}]}"#);
    let ids: Vec<String> = between(&all, "\"ids\":[\"", "\"]").split("\",\"").map(str::to_owned).collect();
    assert_eq!(ids.len(), mails.len());
    let mut parsed = 0;
    for (id, mail) in ids.iter().zip(&mails) {
        parsed += usize::from(one(&mut world, id).map_err(|what| format!("{}: {what}", mail.name))?);
    }
    match mails.len() > 250 && parsed > 200 {
        true => Ok(()),
        false => Err(format!("{} messages, of which {parsed} were parsed: too few", mails.len())),
    }
}

/// Answers whether it is a message by its own looks, too.
fn one(world: &mut World, id: &str) -> Result<bool, String> {
    let get = |world: &mut World, properties: &str, more: &str| {
        let said = ask(world, &format!(r#"Email/get {{"ids":["{id}"],"properties":[{properties}]{more}}}"#));
        between(&said, &format!("\"list\":[{{\"id\":\"{id}\","), "}],\"notFound\":[]}").to_owned()
    };
    // With all fields the header must be read, without them what was kept of it may do.
    let kept = get(world, LISTED, "");
    let read = get(world, &format!("{LISTED},\"headers\""), "");
    let (read, _) = read.rsplit_once(",\"headers\":[").unwrap();
    if kept != read {
        return Err(format!("kept {kept}\nread {read}"));
    }
    let blobs = get(world, r#""bodyStructure""#, r#","bodyProperties":["blobId","size"]"#);
    sizes(world, &blobs)?;
    let more = format!(r#","fetchAllBodyValues":true,{OF_PARTS}"#);
    let stored = get(world, &format!("{LISTED},{BODIES}"), &more);
    let blob = BlobName::Message(koi_types::EmailId::parse(id).unwrap());
    let arguments = format!(r#"{{"blobIds":["{blob}"],"properties":[{LISTED},{BODIES}]{more}}}"#);
    let said = ask(world, &format!("Email/parse {arguments}"));
    if said.contains("\"parsed\":null") {
        return Ok(false);
    }
    let front = format!("{{\"parsed\":{{\"{blob}\":{{");
    let anew = between(&said, &front, "}},\"notParsable\":null,\"notFound\":null}");
    if stored == anew { Ok(true) } else { Err(format!("stored {stored}\nparsed {anew}")) }
}

/// Every part that has a blob id is a blob of its size.
fn sizes(world: &World, shown: &str) -> Result<(), String> {
    let account = world.account("alice");
    let snapshot = account.snapshot().unwrap();
    for part in shown.split("\"blobId\":\"").skip(1) {
        let (name, rest) = part.split_once("\",\"size\":").unwrap();
        let size: u64 = rest.split([',', '}']).next().unwrap().parse().unwrap();
        let blob = snapshot.blob(&BlobName::parse(name).unwrap()).unwrap();
        if blob.as_ref().map(|blob| blob.octets) != Some(size) {
            return Err(format!("{name} has {size} octets, but is {blob:?}"));
        }
    }
    Ok(())
}

struct Mail {
    name: String,
    octets: Vec<u8>,
}

fn mails() -> Vec<Mail> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/mail"));
    let mut mails = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            mails.push(Mail { name, octets: std::fs::read(path).unwrap() });
        }
    }
    mails.sort_by(|a, b| a.name.cmp(&b.name));
    mails
}

fn ask(world: &mut World, request: &str) -> String {
    world.send(1, format!("{request}\r\n").as_bytes());
    String::from_utf8(std::mem::take(&mut world.peer(1).unwrap().said)).unwrap()
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.rsplit_once(after).unwrap_or_else(|| panic!("no {after} in {text}")).0
}
