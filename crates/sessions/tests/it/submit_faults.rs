//! SUBMIT while the store fails: at each call of the engine and of its files, once for an error and once for
//! a full disk (DMAP-00 §7.6.7). A message is submitted once, or waits, or is refused and nobody has it; what
//! was acknowledged is done, nothing is lost, and every row agrees with every other.

use std::io::ErrorKind as IoKind;
use std::path::Path;
use std::sync::Arc;

use koi_mailbox::INBOX;
use koi_mailbox::dmap::NewPrimeMessage;
use koi_store::engine::{Embedded, Options};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::failing::{Failing, FailingKv, FailingVfs};
use koi_testkit::world::World;
use koi_types::{ErrorKind, Flags, Keyword, MailError, MailboxName, Mode, Uid, ZoneOffset};

use crate::harness::Test;

/// Long enough that a submission is nobody's any more who waits for it.
const ABANDONED_MILLIS: i64 = 11 * 60_000;
/// Where the table of bodies is damaged a message goes all the same, and its octets stay until `koi check`
/// has counted anew who needs them; with any other error not even that is left.
const DAMAGED: &str = "a body's references are counted wrong";
/// A message that goes to a file of its own, and one that does not.
const TEXTS: [usize; 2] = [1, 300_000];

pub(crate) fn tests() -> Vec<Test> {
    let test = |name: &str, run: fn() -> Result<(), String>| Test {
        name: format!("submit_faults/{name}"),
        run: Box::new(run),
    };
    vec![
        test("an_error_at_each_call_of_the_engine", || of_engine(ErrorKind::Unavailable)),
        test("a_damaged_row_at_each_call_of_the_engine", || of_engine(ErrorKind::Corrupt)),
        test("an_error_at_each_call_of_a_file", || of_files(IoKind::Other)),
        test("a_full_disk_at_each_call_of_a_file", || of_files(IoKind::StorageFull)),
    ]
}

/// What has become of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Waiting,
    /// It was taken, and is not ended yet.
    Taken,
    Submitted,
    Refused,
}

fn begin(world: &mut World) {
    for user in ["alice", "bob"] {
        world.add_user(user);
        world.set_mode(user, Mode::Trustful, true);
    }
}

/// A message of alice's to bob that waits to be submitted.
fn place(world: &World, octets: usize) -> Uid {
    let text = "0123456789abcdef".repeat(octets.div_ceil(16));
    let message = world.authored("alice", "bob", &text).unwrap();
    let account = world.account("alice");
    let mut stage = account.stage_prime();
    stage.write(&message).unwrap();
    let mut flags = Flags::default();
    flags.insert(Keyword::new("$SubmitPending").unwrap());
    let new = NewPrimeMessage {
        prime: stage.finish().unwrap(),
        key: None,
        peer: None,
        flags,
        received_at: world.now(),
        received_zone: ZoneOffset(0),
        meta: None,
    };
    account.append_prime(INBOX, new).wait().unwrap().uid
}

/// A fresh connection that has INBOX open.
fn connect(world: &mut World) -> Result<(), String> {
    world.open_dmap(1);
    // NUL alice NUL secret
    ask(world, "login AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==")?;
    ask(world, "select SELECT INBOX").map(drop)
}

fn say(world: &mut World, command: &str) -> String {
    world.send(1, format!("{command}\r\n").as_bytes());
    let said = world.peer(1).map(|peer| std::mem::take(&mut peer.said)).unwrap_or_default();
    String::from_utf8_lossy(&said).into_owned()
}

fn ask(world: &mut World, command: &str) -> Result<String, String> {
    let said = say(world, command);
    if said.contains(" OK ") { Ok(said) } else { Err(format!("`{command}` was answered\n{said}")) }
}

fn count(world: &World, user: &str, mailbox: &str) -> u32 {
    let name = MailboxName::new(mailbox).unwrap();
    world.account(user).snapshot().unwrap().mailbox_named(&name).unwrap().unwrap().messages
}

/// Messages that bob has, and copies that alice has of what she sent.
fn delivered(world: &World) -> [u32; 2] {
    [count(world, "bob", "INBOX"), count(world, "alice", "Sent")]
}

fn found(world: &World, uid: Uid) -> Found {
    let account = world.account("alice");
    let snapshot = account.snapshot().unwrap();
    let table = snapshot.keywords();
    let has = |name: &str| {
        let of_row = |row: &koi_mailbox::MessageRow<'_>| {
            row.keywords.iter().filter_map(|n| table.keyword(n)).any(|keyword| keyword.as_str() == name)
        };
        snapshot.message(INBOX, uid, of_row).unwrap().expect("it is never lost")
    };
    match (has("$SubmitPending"), has("$Submitted")) {
        (true, false) => Found::Waiting,
        (true, true) => Found::Taken,
        (false, true) => Found::Submitted,
        (false, false) => Found::Refused,
    }
}

/// What a client was told, and what is there, agree.
fn judge(world: &World, uid: Uid, before: [u32; 2], said: &str) -> Result<Found, String> {
    let (found, now) = (found(world, uid), delivered(world));
    let is_told = said.contains("submit OK [SUBMITTED ");
    let more = [now[0] - before[0], now[1] - before[1]];
    let fits = match found {
        Found::Submitted => more == [1, 1],
        Found::Waiting | Found::Taken | Found::Refused => more == [0, 0] && !is_told,
    };
    if fits { Ok(found) } else { Err(format!("{found:?}, delivered {before:?} -> {now:?}:\n{said}")) }
}

/// What was taken is ended in the background; what waits is submitted when the client tries again.
fn end(world: &mut World, uid: Uid, before: [u32; 2], is_damaged: bool) -> Result<(), String> {
    world.advance(ABANDONED_MILLIS);
    world.housekeep();
    world.housekeep();
    let ended = judge(world, uid, before, "")?;
    if ended == Found::Taken {
        return Err("nobody has ended it".to_owned());
    }
    if ended == Found::Waiting {
        connect(world)?;
        ask(world, &format!("submit UID SUBMIT {uid} (SAVETO Sent)"))?;
        if judge(world, uid, before, "")? != Found::Submitted {
            return Err("it does not wait any more, and was not submitted".to_owned());
        }
    }
    let mut findings = world.service.check().map_err(|error| error.to_string())?;
    findings.retain(|finding| !(is_damaged && finding.problem == DAMAGED));
    if findings.is_empty() { Ok(()) } else { Err(format!("the store does not agree: {findings:#?}")) }
}

/// One after the other in one world.
fn of_engine(kind: ErrorKind) -> Result<(), String> {
    let failing = Failing::default();
    let engine = |commits: Arc<dyn Commits>| {
        let kv = Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>;
        Arc::new(FailingKv::new(kv, failing.clone())) as Arc<dyn Kv>
    };
    let mut world = World::new(&engine);
    begin(&mut world);
    let mut seen = Vec::new();
    for octets in TEXTS {
        for at in (0..).step_by(steps(7)) {
            connect(&mut world)?;
            let (uid, before) = (place(&world, octets), delivered(&world));
            ask(&mut world, "noop NOOP")?;
            failing.fail(at, 1, MailError::new(kind, "the store fails"));
            let said = say(&mut world, &format!("submit UID SUBMIT {uid} (SAVETO Sent)"));
            let calls = failing.works();
            let told = |error: String| format!("{kind:?} at call {at} of {calls}: {error}");
            seen.push(judge(&world, uid, before, &said).map_err(told)?);
            end(&mut world, uid, before, kind == ErrorKind::Corrupt).map_err(told)?;
            if calls <= at {
                break;
            }
        }
    }
    summary(&seen, &[Found::Waiting, Found::Taken, Found::Submitted])
}

/// Each in a folder of its own: a store whose disk has failed is read-only until it is opened again.
fn of_files(kind: IoKind) -> Result<(), String> {
    let mut seen = Vec::new();
    for octets in TEXTS {
        for at in 0.. {
            let (found, is_over) =
                of_file(octets, at, kind).map_err(|error| format!("{kind:?} at call {at}: {error}"))?;
            seen.push(found);
            if is_over {
                break;
            }
        }
    }
    summary(&seen, &[Found::Waiting, Found::Taken, Found::Submitted])
}

fn open(folder: &Path, vfs: &FailingVfs) -> World {
    World::new(&|commits: Arc<dyn Commits>| {
        let vfs = Arc::new(vfs.clone());
        let options = Options { vfs, fill_ahead_octets: 1 << 16, reserve_octets: 0, ..Options::default() };
        Arc::new(Embedded::open(folder, options, commits).unwrap()) as Arc<dyn Kv>
    })
}

fn of_file(octets: usize, at: u64, kind: IoKind) -> Result<(Found, bool), String> {
    let folder = match Path::new("/dev/shm").is_dir() {
        true => tempfile::tempdir_in("/dev/shm"),
        false => tempfile::tempdir(),
    };
    let folder = folder.map_err(|error| error.to_string())?;
    let vfs = FailingVfs::default();
    let mut world = open(folder.path(), &vfs);
    begin(&mut world);
    connect(&mut world)?;
    let (uid, before) = (place(&world, octets), delivered(&world));
    ask(&mut world, "noop NOOP")?;
    vfs.failing.fail(at, 1, kind);
    let said = say(&mut world, &format!("submit UID SUBMIT {uid} (SAVETO Sent)"));
    let is_over = vfs.failing.works() <= at;
    let found = judge(&world, uid, before, &said)?;
    if kind == IoKind::StorageFull {
        end(&mut world, uid, before, false)?;
    }
    drop(world);
    // What the disk has is that, or one step further: a write that failed may have reached it.
    let mut world = open(folder.path(), &FailingVfs::default());
    let again = judge(&world, uid, before, &said)?;
    if found == Found::Submitted && again != found {
        return Err(format!("it was submitted, and is {again:?} after a restart"));
    }
    end(&mut world, uid, before, false)?;
    Ok((found, is_over))
}

/// All calls, or every so manieth where the machine is in a hurry.
fn steps(hurried: usize) -> usize {
    if std::env::var_os("KOI_QUICK").is_some() { hurried } else { 1 }
}

/// Each of these was seen.
fn summary(seen: &[Found], wanted: &[Found]) -> Result<(), String> {
    match wanted.iter().find(|found| !seen.contains(found)) {
        None => Ok(()),
        Some(missing) => Err(format!("never {missing:?}: {seen:?}")),
    }
}
