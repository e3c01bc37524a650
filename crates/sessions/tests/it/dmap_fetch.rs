//! FETCH of DMAP says that a step takes long where it encrypts ordinary mail, and nowhere else: to give a
//! thread's other connections away costs more than to send what is stored.

use std::sync::Arc;

use koi_proto::sasl::base64_encode;
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;
use koi_types::Mode;

use crate::harness::Test;

const ENCRYPTED: usize = 300;

pub(crate) fn tests() -> Vec<Test> {
    let name = "dmap/only_what_is_encrypted_to_be_shown_takes_long".to_owned();
    vec![Test { name, run: Box::new(long_steps) }]
}

fn ask(world: &mut World, command: &[u8]) -> Result<(), String> {
    world.send(1, command);
    let said = std::mem::take(&mut world.peer(1).unwrap().said);
    let end = said.windows(5).any(|octets| octets == b"x OK ");
    if end { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) }
}

/// Steps of a command that were said to take long.
fn long(world: &mut World, command: &str) -> Result<usize, String> {
    let before = world.peer(1).unwrap().long_steps;
    ask(world, format!("x {command}\r\n").as_bytes())?;
    Ok(world.peer(1).unwrap().long_steps - before)
}

// spec: DMAP-00 §7.6.4
fn long_steps() -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.set_mode("alice", Mode::Trustful, true);
    let ordinary: Vec<Vec<u8>> = (0..3).map(|n| format!("Subject: {n}\r\n\r\nx\r\n").into()).collect();
    world.fill("alice", "INBOX", &ordinary);
    let message = world.authored("alice", "alice", "hello")?;
    world.open_dmap(1);
    let plain = base64_encode(b"\0alice\0secret");
    ask(&mut world, format!("x AUTHENTICATE PLAIN {plain}\r\n").as_bytes())?;
    for _ in 0..ENCRYPTED {
        let mut append = format!("x APPEND Archive ~{{{}+}}\r\n", message.len()).into_bytes();
        append.extend_from_slice(&message);
        append.extend_from_slice(b"\r\n");
        ask(&mut world, &append)?;
    }
    ask(&mut world, b"x SELECT Archive\r\n")?;
    for items in ["BODY.PEEK[]", "(BODYSTRUCTURE BODY.PEEK[])"] {
        let steps = long(&mut world, &format!("FETCH 1:* {items}"))?;
        if steps != 0 {
            return Err(format!("{steps} long steps for {items} of encrypted messages"));
        }
    }
    ask(&mut world, b"x SELECT INBOX\r\n")?;
    let all = long(&mut world, "FETCH 1:* BODY.PEEK[]")?;
    let rows = long(&mut world, "FETCH 1:* (FLAGS SIZE)")?;
    if all != 1 || rows != 0 { Err(format!("{all} and {rows} long steps")) } else { Ok(()) }
}
