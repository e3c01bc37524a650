//! The questions a client of a mailbox asks, and answers to them as values.

use serde_json::Value;

use super::SEED;
use crate::corpus;
use crate::failure::{Context, Outcome, fail};
use crate::net::jmap::Jmap;
use crate::rng::Rng;

/// Emails of the top of the list.
pub(super) const NEWEST: u64 = 50;
/// What a list of messages shows of one.
const LIST: &str = concat!(
    r#"["id","threadId","mailboxIds","keywords","from","to","subject","#,
    r#""receivedAt","size","hasAttachment","preview"]"#
);

/// The order of the list.
const ORDER: &str = r#"[{"property":"receivedAt","isAscending":false}]"#;

/// Every mailbox, with all its properties.
pub(super) fn mailboxes(account: &str) -> String {
    format!(r#"["Mailbox/get",{{"accountId":"{account}","ids":null}},"0"]"#)
}

/// The top of the list, in one request (RFC 8620 §3.7).
pub(super) fn newest(account: &str, inbox: &str) -> String {
    let query = page(account, inbox, 0, NEWEST);
    let ids = r##""#ids":{"resultOf":"0","name":"Email/query","path":"/ids"}"##;
    format!(r#"{query},["Email/get",{{"accountId":"{account}",{ids},"properties":{LIST}}},"1"]"#)
}

/// The emails with a word, the newest first.
pub(super) fn text(account: &str, word: &str) -> String {
    let filter = format!(r#"{{"text":"{word}"}}"#);
    query(account, &filter, 0, NEWEST)
}

/// Every id of a mailbox in one answer.
pub(super) fn all(account: &str, inbox: &str) -> String {
    let filter = format!(r#"{{"inMailbox":"{inbox}"}}"#);
    format!(r#"["Email/query",{{"accountId":"{account}","filter":{filter},"sort":{ORDER}}},"0"]"#)
}

fn page(account: &str, inbox: &str, position: u64, limit: u64) -> String {
    query(account, &format!(r#"{{"inMailbox":"{inbox}"}}"#), position, limit)
}

fn query(account: &str, filter: &str, position: u64, limit: u64) -> String {
    let window = format!(r#""position":{position},"limit":{limit},"calculateTotal":true"#);
    format!(r#"["Email/query",{{"accountId":"{account}","filter":{filter},"sort":{ORDER},{window}}},"0"]"#)
}

/// All mailboxes of the account.
pub(super) fn mailbox_list(jmap: &mut Jmap) -> Outcome<Vec<Value>> {
    let mut answer = jmap.ask(&mailboxes(jmap.account()))?;
    match answer.get_mut("list").map(Value::take) {
        Some(Value::Array(list)) => Ok(list),
        _ => fail("Mailbox/get without a list"),
    }
}

/// The id of the mailbox with this role.
pub(super) fn inbox(jmap: &mut Jmap) -> Outcome<String> {
    let list = mailbox_list(jmap)?;
    let inbox = list.iter().find(|mailbox| mailbox.get("role").and_then(Value::as_str) == Some("inbox"));
    let id = inbox.and_then(|mailbox| mailbox.get("id")).and_then(Value::as_str);
    Ok(id.context("a mailbox with the role inbox")?.to_string())
}

/// How many emails a mailbox has, as a query counts them.
pub(super) fn total(jmap: &mut Jmap, inbox: &str) -> Outcome<u64> {
    total_of(&jmap.ask(&page(jmap.account(), inbox, 0, 1))?)
}

/// How many emails have a word.
pub(super) fn hits(jmap: &mut Jmap, word: &str) -> Outcome<u64> {
    total_of(&jmap.ask(&text(jmap.account(), word))?)
}

fn total_of(answer: &Value) -> Outcome<u64> {
    answer.get("total").and_then(Value::as_u64).context("total")
}

/// The ids of emails from a place of the list on.
pub(super) fn ids(jmap: &mut Jmap, inbox: &str, position: u64, limit: u64) -> Outcome<Vec<String>> {
    let answer = jmap.ask(&page(jmap.account(), inbox, position, limit))?;
    let ids = answer.get("ids").and_then(Value::as_array).context("ids")?;
    Ok(ids.iter().filter_map(Value::as_str).map(str::to_string).collect())
}

/// The state of the account's emails.
pub(super) fn state(jmap: &mut Jmap) -> Outcome<String> {
    let answer = jmap.ask(&format!(r#"["Email/get",{{"accountId":"{}","ids":[]}},"0"]"#, jmap.account()))?;
    Ok(answer.get("state").and_then(Value::as_str).context("state")?.to_string())
}

/// As many words of the messages `0..count`, each of which one message has, or a few.
pub(super) fn words(seed: u64, number: usize, count: u64) -> Vec<String> {
    let mut rng = Rng::new(seed);
    let mut words = Vec::with_capacity(number);
    while words.len() < number {
        let message = corpus::conversation(SEED, rng.below(count));
        let text = String::from_utf8_lossy(&message).to_ascii_lowercase();
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let mut each = body.split(|letter: char| !letter.is_ascii_lowercase());
        // Only words of four syllables are as long; there are 810,000 of them.
        words.extend(each.find(|word| word.len() >= 10).map(str::to_string));
    }
    words
}
