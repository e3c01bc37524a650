//! The rules of `Kv` that every engine keeps.

use std::ops::ControlFlow;

use koi_store::body::{NewBody, Scope};
use koi_store::engine::{Embedded, Options};
use koi_store::kv::{Kv, Read, transact, transact_and_wait};
use koi_store::memory::MemoryKv;
use koi_types::{AccountId, BlobId, CommitNotice, ErrorKind, MailError, ModSeq};

use crate::rig::{Heard, heard, key, small};

#[test]
fn memory_keeps_the_rules() {
    let heard = heard();
    keeps_the_rules(&MemoryKv::new(heard.clone()), &heard);
}

#[test]
fn embedded_keeps_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let heard = heard();
    let kv = Embedded::open(folder.path(), small(), heard.clone()).unwrap();
    keeps_the_rules(&kv, &heard);
    kv.close().unwrap();
}

#[test]
fn embedded_keeps_the_rules_while_the_applier_runs_all_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let heard = heard();
    let options = Options { apply_rows: 1, ..small() };
    let kv = Embedded::open(folder.path(), options, heard.clone()).unwrap();
    keeps_the_rules(&kv, &heard);
    kv.close().unwrap();
}

fn keeps_the_rules(kv: &dyn Kv, heard: &Heard) {
    transactions_see_themselves_and_errors_leave_nothing(kv);
    views_stay_as_they_were(kv);
    bodies_are_read_one_after_the_other(kv);
    bodies_are_counted(kv);
    large_bodies_are_staged(kv);
    notices_come_in_order(kv, heard);
}

fn rows(read: &dyn Read, account: u8, back: bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        out.push(format!("{}={}", String::from_utf8_lossy(&key[5..]), String::from_utf8_lossy(value)));
        ControlFlow::Continue(())
    };
    let (from, end) = ([0, 0, 0, account, b'T'], [0, 0, 0, account, b'U']);
    match back {
        false => read.scan(&from, &end, &mut visit).unwrap(),
        true => read.scan_back(&from, &end, &mut visit).unwrap(),
    }
    out
}

fn transactions_see_themselves_and_errors_leave_nothing(kv: &dyn Kv) {
    transact_and_wait(kv, |txn| {
        txn.put(&key(1, "a"), b"1")?;
        txn.put(&key(1, "b"), b"2")?;
        txn.put(&key(1, "c"), b"3")?;
        txn.delete(&key(1, "b"))?;
        assert_eq!(txn.get(&key(1, "b"))?, None);
        assert_eq!(rows(txn, 1, false), ["a=1", "c=3"]);
        Ok(())
    })
    .unwrap();
    let failed = transact_and_wait(kv, |txn| -> koi_types::Result<()> {
        txn.put(&key(1, "a"), b"9")?;
        txn.put(&key(1, "d"), b"4")?;
        txn.delete(&key(1, "c"))?;
        txn.put_body(Scope(1), &NewBody::inline(b"lost".as_slice().into()))?;
        assert_eq!(rows(txn, 1, false), ["a=9", "d=4"]);
        assert_eq!(rows(txn, 1, true), ["d=4", "a=9"]);
        Err(MailError::new(ErrorKind::OverQuota, "no"))
    });
    assert_eq!(failed.unwrap_err().kind, ErrorKind::OverQuota);
    assert_eq!(rows(kv.view().unwrap().as_ref(), 1, false), ["a=1", "c=3"]);
    assert_eq!(rows(kv.view().unwrap().as_ref(), 1, true), ["c=3", "a=1"]);
    let gone =
        transact_and_wait(kv, |txn| txn.share_body(Scope(1), &BlobId(*blake3::hash(b"lost").as_bytes())));
    assert_eq!(gone.unwrap_err().kind, ErrorKind::NotFound);
}

fn views_stay_as_they_were(kv: &dyn Kv) {
    let before = kv.view().unwrap();
    let pending = transact(kv, |txn| {
        txn.delete(&key(1, "a"))?;
        txn.put(&key(1, "z"), b"26")?;
        Ok(7)
    });
    assert_eq!(pending.wait().unwrap(), 7);
    assert_eq!(rows(before.as_ref(), 1, false), ["a=1", "c=3"]);
    assert_eq!(before.get(&key(1, "a")).unwrap().as_deref(), Some(b"1".as_slice()));
    assert_eq!(rows(kv.view().unwrap().as_ref(), 1, false), ["c=3", "z=26"]);
}

fn bodies_are_counted(kv: &dyn Kv) {
    let body = NewBody::inline(b"a body of some octets".as_slice().into());
    let blob = body.blob();
    let again = body.clone();
    let first = transact_and_wait(kv, move |txn| txn.put_body(Scope(1), &body)).unwrap();
    let second = transact_and_wait(kv, move |txn| txn.put_body(Scope(1), &again)).unwrap();
    assert_eq!(first, second);
    let view = kv.view().unwrap();
    let mut octets = Vec::new();
    view.read_body(&first, 2..6, &mut octets).unwrap();
    view.read_body(&first, 7..1000, &mut octets).unwrap();
    assert_eq!(octets, b"bodyof some octets");
    let other = transact_and_wait(kv, move |txn| txn.share_body(Scope(2), &blob));
    assert_eq!(other.unwrap_err().kind, ErrorKind::NotFound, "bodies are shared inside their scope only");
    for _ in 0..2 {
        transact_and_wait(kv, move |txn| txn.release_body(Scope(1), &blob)).unwrap();
    }
    let over = transact_and_wait(kv, move |txn| txn.release_body(Scope(1), &blob));
    assert_eq!(over.unwrap_err().kind, ErrorKind::NotFound);
    octets.clear();
    view.read_body(&first, 0..6, &mut octets).unwrap();
    assert_eq!(octets, b"a body", "a view may read what was released after it was opened");
}

/// In the order they came, as FETCH does, which the store reads ahead for; backwards; in parts.
fn bodies_are_read_one_after_the_other(kv: &dyn Kv) {
    let octets = |n: usize| match n % 50 {
        49 => 90_000,
        n => n * n * 13,
    };
    let body = |n: usize| -> Vec<u8> { (0..octets(n)).map(|at| (at * 31 + n * 7) as u8).collect() };
    let stored: Vec<_> = (0..300)
        .map(|n| {
            let body = NewBody::inline(body(n).as_slice().into());
            transact_and_wait(kv, move |txn| txn.put_body(Scope(3), &body)).unwrap()
        })
        .collect();
    let view = kv.view().unwrap();
    let read = |n: usize, from: usize, to: usize| {
        let mut out = b"before".to_vec();
        view.read_body(&stored[n], from as u64..to as u64, &mut out).unwrap();
        let wanted = body(n);
        let to = to.min(wanted.len());
        assert_eq!(out[6..], wanted[from.min(to)..to], "{from}..{to} of body {n}");
    };
    (0..300).for_each(|n| read(n, 0, usize::MAX));
    (0..300).rev().for_each(|n| read(n, 0, usize::MAX));
    (0..300).step_by(3).for_each(|n| read(n, 11, 800));
    (0..300).for_each(|n| (0..3).for_each(|part| read(n, part * 700, (part + 1) * 700)));
}

fn large_bodies_are_staged(kv: &dyn Kv) {
    let large: Vec<u8> = (0..600_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut stage = kv.stage_body().unwrap();
    large.chunks(70_000).for_each(|chunk| stage.write(chunk).unwrap());
    let staged = stage.finish().unwrap();
    assert_eq!(staged.octets(), 600_000);
    let body = transact_and_wait(kv, move |txn| txn.put_body(Scope(1), &staged)).unwrap();
    let mut octets = Vec::new();
    kv.view().unwrap().read_body(&body, 0..u64::MAX, &mut octets).unwrap();
    assert_eq!(octets, large);
}

fn notices_come_in_order(kv: &dyn Kv, heard: &Heard) {
    let notice = |n: u64| CommitNotice {
        account: AccountId(1),
        modseq: ModSeq::new(n).unwrap(),
        pushes: false,
        sends: false,
    };
    let tickets: Vec<_> = (1..=100u64)
        .map(|n: u64| {
            let run = transact(kv, move |txn| {
                txn.put(&key(1, "n"), &n.to_le_bytes())?;
                txn.notice(notice(n));
                Ok(())
            });
            run.ticket()
        })
        .collect();
    tickets.iter().for_each(|ticket| ticket.wait().unwrap());
    assert_eq!(*heard.0.lock(), (1..=100).map(notice).collect::<Vec<_>>());
}
