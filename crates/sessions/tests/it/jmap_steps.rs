//! However much a call has to read, it leaves room for others: a step does so much and no more.

use std::sync::Arc;

use koi_mailbox::{AclChange, Delivery, Env, INBOX, MailboxService, Options};
use koi_proto::jmap::{Capabilities, CoreLimits};
use koi_sessions::jmap::{Exchange, Jmap};
use koi_sessions::{Login, Step};
use koi_store::kv::Commits;
use koi_store::memory::MemoryKv;
use koi_types::{AccessSet, AccountId, Address, BlobName, CommitNotice, ReversePath, Rights, Timestamp};

use crate::harness::Test;

const OCTETS: usize = 8 << 20;
/// About two MiB are read in one step.
const STEPS_MIN: usize = 4;

pub(crate) fn tests() -> Vec<Test> {
    let test =
        |name: &str, run: fn() -> Result<(), String>| Test { name: name.to_owned(), run: Box::new(run) };
    vec![
        test("jmap/a_large_blob_is_read_in_many_steps", large_blob),
        test("jmap/a_large_part_is_decoded_in_many_steps", large_part),
    ]
}

struct Rig;

impl Commits for Rig {
    fn committed(&self, _: &[CommitNotice]) {}
}

impl Env for Rig {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
    fn random(&self) -> [u8; 10] {
        [0; 10]
    }
}

// spec: RFC 8620 §6.3; RFC 9404 §4.1
fn large_blob() -> Result<(), String> {
    let service =
        MailboxService::new(Arc::new(MemoryKv::new(Arc::new(Rig))), Options::default(), Arc::new(Rig));
    service.directory().create_domain("example.org").unwrap();
    let login = |name: &str| {
        let address = Address::new(name, "example.org").unwrap();
        let account = service.directory().create_account(&address, "x").unwrap();
        Login { account, address, access: AccessSet::ALL, app_password: None }
    };
    let (alice, bob) = (login("alice"), login("bob"));
    let account = |id: AccountId| service.account(id).unwrap();
    let rights = AclChange::Replace(Rights::ALL);
    account(bob.account).set_acl(INBOX, "alice@example.org", rights).wait().unwrap();
    let mut stage = account(alice.account).stage_upload();
    stage.write(&vec![b'x'; OCTETS]).unwrap();
    let blob = account(alice.account).keep_upload(stage, "text/plain").unwrap().wait().unwrap();
    let blob = BlobName::Upload(blob.id);
    let (from, to) = (alice.account, bob.account);
    let limits = CoreLimits::default();
    let jmap =
        Arc::new(Jmap { service, limits, supported: Capabilities::all(), account_rates: Arc::default() });
    let copy =
        format!(r#"["Blob/copy",{{"fromAccountId":"{from}","accountId":"{to}","blobIds":["{blob}"]}},"a"]"#);
    let upload = format!(
        r#"["Blob/upload",{{"accountId":"{from}","create":{{"k":{{"data":[{{"blobId":"{blob}","offset":1}}]}}}}}},"a"]"#
    );
    for (call, expected) in [(copy, "\"notCopied\":null"), (upload, &*format!("\"size\":{}", OCTETS - 1))] {
        let (answer, steps) = answered(&call, &jmap, alice.clone());
        if steps < STEPS_MIN || !answer.contains(expected) {
            return Err(format!("{steps} steps: {answer}"));
        }
    }
    Ok(())
}

// spec: RFC 9404 §4.2; RFC 8620 §6.3
fn large_part() -> Result<(), String> {
    let service =
        MailboxService::new(Arc::new(MemoryKv::new(Arc::new(Rig))), Options::default(), Arc::new(Rig));
    service.directory().create_domain("example.org").unwrap();
    let address = Address::new("alice", "example.org").unwrap();
    let account = service.directory().create_account(&address, "x").unwrap();
    let mut stage = service.stage();
    stage.write(b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n").unwrap();
    stage.write(b"Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n").unwrap();
    let line = [b"QUFB".repeat(18).as_slice(), b"\r\n"].concat();
    (0..OCTETS / line.len()).for_each(|_| stage.write(&line).unwrap());
    stage.write(b"--x--\r\n").unwrap();
    let message = Arc::new(stage.finish().unwrap());
    let recipients = vec![account];
    let delivery = Delivery { sender: ReversePath::Null, recipients, message, received_at: Timestamp(0) };
    let delivered = service.deliver(delivery).wait().unwrap().remove(0).unwrap();
    let part = BlobName::Part { email: delivered.email, path: vec![1] };
    let login = Login { account, address, access: AccessSet::ALL, app_password: None };
    let limits = CoreLimits::default();
    let jmap =
        Arc::new(Jmap { service, limits, supported: Capabilities::all(), account_rates: Arc::default() });
    let call =
        format!(r#"["Blob/get",{{"accountId":"{account}","ids":["{part}"],"properties":["size"]}},"a"]"#);
    let (answer, steps) = answered(&call, &jmap, login);
    let size = OCTETS / line.len() * 18 * 3;
    if steps < STEPS_MIN || !answer.contains(&format!("\"size\":{size}")) {
        return Err(format!("{steps} steps: {answer}"));
    }
    Ok(())
}

fn answered(call: &str, jmap: &Arc<Jmap>, login: Login) -> (String, usize) {
    let using = r#""urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail","urn:ietf:params:jmap:blob""#;
    let request = format!(r#"{{"using":[{using}],"methodCalls":[{call}]}}"#);
    let mut exchange = Exchange::read(request.as_bytes(), jmap, login, "s").unwrap();
    let (mut out, mut steps) = (Vec::new(), 0);
    loop {
        match exchange.step(Timestamp(0), &mut out) {
            Step::Yield => steps += 1,
            Step::Await(_) => {}
            Step::Close => return (String::from_utf8(out).unwrap(), steps),
            _ => panic!("nothing else to wait for"),
        }
    }
}
