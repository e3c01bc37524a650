//! What is wrong with files that were there already: torn tails, damage in the middle, an index that cannot
//! serve.

use std::path::{Path, PathBuf};

use koi_store::body::{BodyRef, NewBody, Scope};
use koi_store::engine::{Embedded, OpenError, Options};
use koi_store::kv::{Kv, transact_and_wait};
use koi_store::record::mailbox::MailboxRecord;
use koi_types::{AccountId, ErrorKind, MailboxId, ModSeq, Uid, UidValidity};

use crate::crash_points::fast_folder;
use crate::rig::{Dice, all_rows, heard, key, open, rounds, small};
use crate::sim::SimVfs;
use crate::workload::{Author, Content, Model};

fn options() -> Options {
    // No zeros ahead: the last octet of the file is the last of the last group.
    Options { durability: koi_store::engine::Durability::Append, ..small() }
}

fn run(kv: &dyn Kv, author: &mut Author, model: &mut Model, transactions: usize) {
    for _ in 0..transactions {
        let script = author.script();
        assert_eq!(kv.submit_and_wait(script.boxed()).is_ok(), model.run(&script).is_ok());
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    let status = std::process::Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(status.unwrap().success());
}

fn last_segment(folder: &Path) -> PathBuf {
    let mut names: Vec<_> =
        std::fs::read_dir(folder.join("journal")).unwrap().map(|e| e.unwrap().path()).collect();
    // One that was made ahead of need has only a header.
    names.retain(|name| std::fs::metadata(name).unwrap().len() > 4096);
    names.sort();
    names.pop().unwrap()
}

/// A folder as a crash leaves it, and the model's states.
struct Left {
    _root: tempfile::TempDir,
    folder: PathBuf,
    scratch: PathBuf,
    model: Model,
    /// Length of the last segment before the last transaction.
    before_last: u64,
}

fn left(seed: u64, transactions: usize) -> Left {
    let root = fast_folder();
    let (folder, crashed) = (root.path().join("store"), root.path().join("left"));
    let kv = open(&folder, options());
    let (mut author, mut model) = (Author::new(seed), Model::new());
    run(&kv, &mut author, &mut model, transactions);
    kv.apply_now().unwrap();
    run(&kv, &mut author, &mut model, 10);
    let before_last = std::fs::metadata(last_segment(&folder)).unwrap().len();
    let script = author.small_script();
    kv.submit_and_wait(script.boxed()).unwrap();
    model.run(&script).unwrap();
    copy(&folder, &crashed);
    drop(kv);
    let scratch = root.path().join("scratch");
    Left { _root: root, folder: crashed, scratch, model, before_last }
}

impl Left {
    /// Opens a copy whose last segment was changed, and returns what it holds.
    fn with_tail(&self, change: impl FnOnce(&mut Vec<u8>)) -> Result<Content, OpenError> {
        copy(&self.folder, &self.scratch);
        let path = last_segment(&self.scratch);
        let mut octets = std::fs::read(&path).unwrap();
        change(&mut octets);
        std::fs::write(&path, octets).unwrap();
        let kv = Embedded::open(&self.scratch, options(), heard())?;
        Ok(Content::of(&kv))
    }
    fn state(&self, from_the_end: usize) -> &Content {
        &self.model.states[self.model.states.len() - 1 - from_the_end]
    }
}

#[test]
fn a_tail_cut_at_every_octet_loses_exactly_the_last_group() {
    let left = left(3, 30);
    let whole = std::fs::metadata(last_segment(&left.folder)).unwrap().len();
    assert_eq!(left.with_tail(|_| {}).unwrap(), *left.state(0));
    let step = rounds(1, 7) as usize;
    for cut in (left.before_last..whole).step_by(step) {
        let content = left.with_tail(|octets| octets.truncate(cut as usize)).unwrap();
        assert_eq!(content, *left.state(1), "cut at {cut}");
    }
}

#[test]
fn a_last_group_with_a_flipped_octet_goes_as_a_whole() {
    let left = left(4, 30);
    let whole = std::fs::metadata(last_segment(&left.folder)).unwrap().len();
    let step = rounds(1, 7) as usize;
    // Padding is the only part that is not covered: up to 7 zeros at the end.
    for at in (left.before_last..whole - 7).step_by(step) {
        let content = left.with_tail(|octets| octets[at as usize] ^= 0x20).unwrap();
        assert_eq!(content, *left.state(1), "octet {at}");
    }
}

#[test]
fn garbage_and_zeros_behind_the_tail_do_not_matter() {
    let left = left(5, 30);
    for behind in [vec![0; 9000], vec![0xa5; 777], b"KOIG".repeat(500)] {
        assert_eq!(left.with_tail(|octets| octets.extend_from_slice(&behind)).unwrap(), *left.state(0));
    }
    // The front of a real group, at another place than it was written for.
    let content = left.with_tail(|octets| octets.extend_from_within(4096..6000)).unwrap();
    assert_eq!(content, *left.state(0));
}

#[test]
fn damage_in_the_middle_refuses_to_start_and_repair_keeps_the_rest() {
    let left = left(6, 0);
    let mut refused = 0;
    for at in (4096..left.before_last as usize - 2000).step_by(1499) {
        let outcome = left.with_tail(|octets| octets[at] ^= 1);
        match outcome {
            Err(OpenError::Damaged { what, .. }) => {
                assert!(what.contains("groups follow"), "{what}");
                refused += 1;
            }
            // Padding of a body, and what the index has already.
            Ok(content) => assert_eq!(content, *left.state(0)),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0);
    let at = left.before_last as usize - 3000;
    assert!(left.with_tail(|octets| octets[at..at + 64].fill(0x55)).is_err());
    let kv = Embedded::open_repairing(&left.scratch, options(), heard()).unwrap();
    assert_eq!(kv.report().given_up.len(), 1, "{:?}", kv.report());
    drop(kv);
    let kv = open(&left.scratch, options());
    assert!(kv.report().given_up.is_empty());
}

/// Any octet of the header of any segment or pack.
#[test]
fn a_damaged_octet_of_a_header_is_put_right_by_its_checksum() {
    let root = fast_folder();
    let (folder, scratch) = (root.path().join("store"), root.path().join("scratch"));
    let options = || Options { segment_octets: 8 * 1024, ..options() };
    let kv = open(&folder, options());
    let (mut author, mut model) = (Author::new(7), Model::new());
    run(&kv, &mut author, &mut model, 40);
    kv.compact_now().unwrap();
    run(&kv, &mut author, &mut model, 40);
    drop(kv);
    let names: Vec<_> =
        std::fs::read_dir(folder.join("journal")).unwrap().map(|e| e.unwrap().file_name()).collect();
    let is_a = |kind: &str| names.iter().any(|name| name.to_string_lossy().ends_with(kind));
    assert!(is_a("seg") && is_a("pack"), "{names:?}");
    let mut dice = Dice::new(3);
    for name in &names {
        copy(&folder, &scratch);
        let path = scratch.join("journal").join(name);
        let sound = std::fs::read(&path).unwrap();
        let mut octets = sound.clone();
        octets[dice.below(80) as usize] ^= 1 << dice.below(8);
        std::fs::write(&path, &octets).unwrap();
        let kv = open(&scratch, options());
        assert_eq!(&Content::of(&kv), model.last());
        assert_eq!(kv.report().mended, [format!("{}: an octet of its header is damaged", path.display())]);
        drop(kv);
        let kv = Embedded::open_repairing(&scratch, options(), heard()).unwrap();
        assert_eq!(kv.report().mended.len(), 1);
        drop(kv);
        assert_eq!(std::fs::read(&path).unwrap()[..80], sound[..80], "repair writes it back");
        let kv = open(&scratch, options());
        assert_eq!((kv.report().mended.len(), &Content::of(&kv)), (0, model.last()));
    }
}

#[test]
fn an_index_whose_journal_is_lost_is_kept_by_repair_and_after_it() {
    let root = fast_folder();
    let folder = root.path().join("store");
    let kv = open(&folder, options());
    for n in 0..20u8 {
        transact_and_wait(&kv, move |txn| txn.put(&key(1, &format!("{n}")), &[n])).unwrap();
    }
    let rows = all_rows(&kv);
    kv.close().unwrap();
    for entry in std::fs::read_dir(folder.join("journal")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    assert!(Embedded::open(&folder, options(), heard()).is_err(), "not without being asked");
    let kv = Embedded::open_repairing(&folder, options(), heard()).unwrap();
    assert_eq!(all_rows(&kv), rows);
    transact_and_wait(&kv, |txn| txn.put(&key(1, "later"), b"x")).unwrap();
    let rows = all_rows(&kv);
    kv.close().unwrap();
    let kv = open(&folder, options());
    assert_eq!((all_rows(&kv), kv.report().index_rebuilt.clone()), (rows, None));
}

#[test]
fn a_missing_segment_refuses_to_start() {
    let root = fast_folder();
    let kv = open(root.path(), Options { segment_octets: 8 * 1024, ..options() });
    run(&kv, &mut Author::new(8), &mut Model::new(), 60);
    let copied = root.path().join("copy");
    copy(&root.path().join("journal"), &copied.join("journal"));
    drop(kv);
    std::fs::remove_file(copied.join("journal/00000002.seg")).unwrap();
    let refused = Embedded::open(&copied, options(), heard()).err().expect("refused");
    assert!(refused.to_string().contains("00000002.seg: the segment is missing"), "{refused}");
}

#[test]
fn an_index_that_cannot_serve_is_built_again() {
    let left = left(7, 60);
    let data = Path::new("index/00000001/data.mdb");
    let older = {
        let root = fast_folder();
        let kv = open(root.path(), options());
        run(&kv, &mut Author::new(70), &mut Model::new(), 5);
        kv.close().unwrap();
        std::fs::read(root.path().join(data)).unwrap()
    };
    let whole = std::fs::read(left.folder.join(data)).unwrap();
    let half = whole[..whole.len() / 2].to_vec();
    let garbage: Vec<u8> = (0..whole.len()).map(|n| (n * 31 % 251) as u8).collect();
    let mut bad_meta = whole.clone();
    bad_meta[16..20].fill(0);
    let cases: [(&str, Option<Vec<u8>>, bool); 8] = [
        ("as it was", Some(whole.clone()), false),
        ("missing", None, false),
        ("empty", Some(Vec::new()), false),
        ("cut in the middle", Some(half), true),
        ("cut by a page", Some(whole[..whole.len() - 4096].to_vec()), true),
        ("garbage", Some(garbage), true),
        ("a damaged meta page", Some(bad_meta), true),
        ("of another store", Some(older), true),
    ];
    for (what, octets, rebuilt) in cases {
        copy(&left.folder, &left.scratch);
        let path = left.scratch.join(data);
        match octets {
            Some(octets) => std::fs::write(&path, octets).unwrap(),
            None => std::fs::remove_dir_all(left.scratch.join("index")).unwrap(),
        }
        let kv = open(&left.scratch, options());
        assert_eq!(kv.report().index_rebuilt.is_some(), rebuilt, "{what}: {:?}", kv.report());
        assert_eq!(Content::of(&kv), *left.state(0), "{what}");
        kv.apply_now().unwrap();
        assert_eq!(Content::of(&kv), *left.state(0), "{what}, applied");
    }
}

#[test]
fn an_index_that_was_marked_as_damaged_is_built_again_at_the_next_start() {
    let left = left(13, 60);
    copy(&left.folder, &left.scratch);
    std::fs::write(left.scratch.join("index/damaged"), []).unwrap();
    let kv = open(&left.scratch, options());
    assert!(kv.report().index_rebuilt.as_ref().is_some_and(|why| why.contains("found damaged")));
    assert_eq!(Content::of(&kv), *left.state(0));
    kv.close().unwrap();
    assert_eq!(open(&left.scratch, options()).report().index_rebuilt, None);
}

#[test]
fn an_index_older_by_some_groups_catches_up_and_replay_equals_live() {
    let root = fast_folder();
    let (folder, old) = (root.path().join("store"), root.path().join("old"));
    let kv = open(&folder, options());
    let (mut author, mut model) = (Author::new(9), Model::new());
    let mut olds = Vec::new();
    for n in 0..5 {
        run(&kv, &mut author, &mut model, 40);
        kv.apply_now().unwrap();
        let at = old.join(n.to_string());
        copy(&folder.join("index"), &at);
        olds.push(at);
    }
    run(&kv, &mut author, &mut model, 40);
    kv.close().unwrap();
    for index in olds {
        copy(&index, &folder.join("index"));
        let kv = open(&folder, options());
        assert_eq!(Content::of(&kv), *model.last());
        kv.close().unwrap();
        // Twice the same.
        copy(&index, &folder.join("index"));
        assert_eq!(Content::of(&open(&folder, options())), *model.last());
    }
}

#[test]
fn a_full_index_grows_by_itself() {
    let root = fast_folder();
    let options = Options { map_octets: 256 * 1024, ..options() };
    let kv = open(root.path(), options.clone());
    let (mut author, mut model) = (Author::new(10), Model::new());
    let held = kv.view().unwrap();
    for n in 0..6u8 {
        run(&kv, &mut author, &mut model, 20);
        let fill = move |txn: &mut dyn koi_store::kv::Txn| {
            (0..200u8).try_for_each(|m| txn.put(&crate::rig::key(8, &format!("{n}{m}")), &[n; 900]))
        };
        kv.submit_and_wait(Box::new(fill)).unwrap();
        kv.apply_now().unwrap();
    }
    let before = Content::of(&kv);
    assert_eq!(before.rows.keys().filter(|key| key[3] == 8).count(), 1200);
    assert_eq!(crate::rig::account_rows(held.as_ref(), 8).len(), 0);
    drop(held);
    kv.close().unwrap();
    assert_eq!(Content::of(&open(root.path(), options)), before);
}

#[test]
fn an_index_ahead_of_the_journal_is_not_started_with() {
    let left = left(11, 30);
    copy(&left.folder, &left.scratch);
    let path = last_segment(&left.scratch);
    let kv = open(&left.scratch, options());
    kv.close().unwrap();
    let octets = std::fs::read(&path).unwrap();
    std::fs::write(&path, &octets[..octets.len() / 2]).unwrap();
    let Err(OpenError::IndexAhead { .. }) = Embedded::open(&left.scratch, options(), heard()) else {
        panic!("started")
    };
    let kv = Embedded::open_repairing(&left.scratch, options(), heard()).unwrap();
    let script = Author::new(1).script();
    kv.submit_and_wait(script.boxed()).unwrap();
    drop(kv);
    let kv = open(&left.scratch, options());
    kv.submit_and_wait(script.boxed()).unwrap();
}

/// Groups that are whole and in their order, but whose content says that something before them is missing.
#[test]
fn a_counter_that_goes_down_is_refused_when_the_journal_is_read_again() {
    let row = |uidnext: u32| {
        let fresh = MailboxRecord::new(UidValidity::new(9).unwrap(), ModSeq::MIN);
        MailboxRecord { uidnext: Uid::new(uidnext).unwrap(), ..fresh }.encode()
    };
    let key = koi_store::key::mailbox(AccountId(1), koi_store::key::table::MAILBOX, MailboxId(1));
    // The first one is in the index in one case, and in the journal only in the other.
    for in_index in [true, false] {
        for (next, sound) in [(8, true), (7, true), (6, false)] {
            let root = fast_folder();
            let (folder, crashed) = (root.path().join("store"), root.path().join("left"));
            // Written by a store that does not look: what it should not have written is what was lost.
            let kv = open(&folder, Options { rising: |_, _| None, ..options() });
            for (uidnext, applied) in [(7, in_index), (next, false)] {
                let value = row(uidnext);
                kv.submit_and_wait(Box::new(move |txn| txn.put(&key, &value))).unwrap();
                if applied {
                    kv.apply_now().unwrap();
                }
            }
            copy(&folder, &crashed);
            drop(kv);
            match Embedded::open(&crashed, options(), heard()) {
                Ok(_) => assert!(sound, "{in_index} {next}"),
                Err(OpenError::Damaged { what, .. }) => {
                    assert!(!sound && what.contains("counter"), "{in_index} {next}: {what}");
                    let kv = Embedded::open_repairing(&crashed, options(), heard()).unwrap();
                    assert_eq!(kv.report().given_up.len(), 1);
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

/// The same is refused before it is written, wherever the number before is: in the index, in the overlay, in
/// the open group or in the same transaction. Nothing of the transaction happens then, and others go on.
#[test]
fn a_counter_that_would_go_down_refuses_its_transaction() {
    let key = koi_store::key::mailbox(AccountId(1), koi_store::key::table::MAILBOX, MailboxId(1));
    let other = koi_store::key::mailbox(AccountId(1), koi_store::key::table::MAILBOX, MailboxId(2));
    let row = |uidnext: u32, modseq: u64| {
        let fresh = MailboxRecord::new(UidValidity::new(9).unwrap(), ModSeq::new(modseq).unwrap());
        MailboxRecord { uidnext: Uid::new(uidnext).unwrap(), ..fresh }.encode()
    };
    let root = fast_folder();
    let kv = open(root.path(), options());
    let put = |key: [u8; 9], value: Vec<u8>| {
        kv.submit_and_wait(Box::new(move |txn| {
            txn.put(&other, b"beside")?;
            txn.put(&key, &value)
        }))
    };
    put(key, row(7, 70)).unwrap();
    for in_index in [false, true] {
        if in_index {
            kv.apply_now().unwrap();
        }
        for (uidnext, modseq, sound) in [(7, 70, true), (6, 71, false), (8, 69, false), (1, 1, false)] {
            let result = put(key, row(uidnext, modseq));
            assert_eq!(result.is_ok(), sound, "{in_index} {uidnext} {modseq}");
            if let Err(error) = result {
                assert_eq!(error.kind, ErrorKind::Internal);
                assert!(error.to_string().contains("counter"), "{error}");
            }
        }
    }
    assert_eq!(kv.view().unwrap().get(&key).unwrap().unwrap().as_ref(), row(7, 70));
    // What the transaction itself put, and a row that went and came back.
    let twice = [row(9, 90), row(8, 90)];
    let result = kv.submit_and_wait(Box::new(move |txn| twice.iter().try_for_each(|row| txn.put(&key, row))));
    assert!(result.is_err());
    let anew = row(1, 1);
    kv.submit_and_wait(Box::new(move |txn| {
        txn.delete(&key)?;
        txn.put(&key, &anew)
    }))
    .unwrap();
}

fn noise(n: u64, octets: usize) -> Vec<u8> {
    let mut dice = Dice::new(n + 1);
    std::iter::repeat_with(|| dice.next().to_le_bytes()).flatten().take(octets).collect()
}

fn put_body(kv: &Embedded, octets: Vec<u8>) -> BodyRef {
    let body = NewBody::inline(octets.into());
    transact_and_wait(kv, move |txn| txn.put_body(Scope(1), &body)).unwrap()
}

/// Packs hold nearly all mail: one octet of one of them must not cost all the others.
#[test]
fn a_damaged_pack_gives_up_its_group_when_the_index_is_lost_too() {
    let root = fast_folder();
    let options = Options { segment_octets: 8 * 1024 * 1024, reserve_octets: 0, ..options() };
    let kv = open(root.path(), options.clone());
    let stored: Vec<_> = (0..24).map(|n| put_body(&kv, noise(n, 200_000))).collect();
    kv.rest_now().unwrap();
    kv.close().unwrap();
    let pack = root.path().join("journal/00000001.pack");
    let mut octets = std::fs::read(&pack).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    std::fs::write(&pack, octets).unwrap();
    let readable = |kv: &Embedded| {
        let view = kv.view().unwrap();
        let reads = |body: &&BodyRef| view.read_body(body, 0..u64::MAX, &mut Vec::new()).is_ok();
        stored.iter().filter(reads).count()
    };
    std::fs::remove_dir_all(root.path().join("index")).unwrap();
    let Err(OpenError::Damaged { file, .. }) = Embedded::open(root.path(), options.clone(), heard()) else {
        panic!("started")
    };
    assert_eq!(file, pack);
    let kv = Embedded::open_repairing(root.path(), options.clone(), heard()).unwrap();
    assert_eq!(kv.report().given_up.len(), 1, "{:?}", kv.report());
    let findings = kv.check(false, None, &mut |_, _| {}).unwrap().findings;
    assert!(findings.iter().any(|finding| finding.file.as_ref() == Some(&pack)), "{findings:?}");
    // Rows of a group go with it, bodies that nothing is wrong with stay where they are.
    let rows = Content::of(&kv).bodies.len();
    assert!((12..24).contains(&rows), "{rows}");
    assert!(readable(&kv) >= rows);
    kv.close().unwrap();
    let kv = open(root.path(), options);
    assert!(kv.report().given_up.is_empty());
    assert_eq!(Content::of(&kv).bodies.len(), rows);
}

/// What the table says can be found out again.
#[test]
fn a_damaged_table_of_a_pack_is_made_again() {
    for (without_index, at_end) in [(false, 10), (false, 200), (true, 40), (true, 10)] {
        let root = fast_folder();
        let options = Options { segment_octets: 8 * 1024 * 1024, reserve_octets: 0, ..options() };
        let kv = open(root.path(), options.clone());
        let mut stored: Vec<_> = (0..30).map(|n| put_body(&kv, noise(n, 60_000))).collect();
        // The same octets twice, in two scopes.
        let body = NewBody::inline(noise(20, 60_000).into());
        stored.push(transact_and_wait(&kv, move |txn| txn.put_body(Scope(2), &body)).unwrap());
        let dead: Vec<_> = stored.drain(..7).map(|body| body.blob).collect();
        transact_and_wait(&kv, move |txn| {
            dead.iter().try_for_each(|blob| txn.release_body(Scope(1), blob).map(drop))
        })
        .unwrap();
        kv.rest_now().unwrap();
        let before = Content::of(&kv);
        kv.close().unwrap();
        let pack = root.path().join("journal/00000001.pack");
        let mut octets = std::fs::read(&pack).unwrap();
        let at = octets.len() - at_end;
        octets[at] ^= 1;
        std::fs::write(&pack, octets).unwrap();
        if without_index {
            std::fs::remove_dir_all(root.path().join("index")).unwrap();
        }
        let Err(OpenError::Damaged { file, .. }) = Embedded::open(root.path(), options.clone(), heard())
        else {
            panic!("started")
        };
        assert_eq!(file, pack);
        let kv = Embedded::open_repairing(root.path(), options.clone(), heard()).unwrap();
        assert_eq!(kv.report().given_up.len(), 1, "{:?}", kv.report());
        kv.close().unwrap();
        let kv = open(root.path(), options);
        assert_eq!(Content::of(&kv), before);
        assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
        for body in &stored {
            let mut octets = Vec::new();
            kv.view().unwrap().read_body(body, 0..u64::MAX, &mut octets).unwrap();
            assert_eq!(*blake3::hash(&octets).as_bytes(), body.blob.0);
        }
    }
}

/// Else an idle server would read all rows of bodies, and the segment, every few seconds.
#[test]
fn a_segment_that_cannot_be_packed_is_not_looked_at_again_and_again() {
    let root = fast_folder();
    let vfs = SimVfs::default();
    let disk: std::sync::Arc<dyn koi_store::vfs::Vfs> = std::sync::Arc::new(vfs.clone());
    let options = Options { vfs: disk, segment_octets: 64 * 1024, reserve_octets: 0, ..options() };
    let folder = root.path().join("store");
    let kv = open(&folder, options.clone());
    (0..10).for_each(|n| _ = put_body(&kv, noise(n, 20_000)));
    kv.apply_now().unwrap();
    let first = folder.join("journal/00000001.seg");
    let mut octets = vfs.content(&first).unwrap();
    octets[30_000] ^= 1;
    vfs.set_content(&first, octets);
    let looks_once = |kv: &Embedded| {
        kv.compact_now().unwrap();
        let reads = vfs.reads();
        kv.compact_now().unwrap();
        assert_eq!(vfs.reads(), reads);
    };
    looks_once(&kv);
    kv.close().unwrap();
    let kv = open(&folder, options);
    looks_once(&kv);
    assert!(vfs.content(&first).is_some());
    assert!(vfs.content(&folder.join("journal/00000002.pack")).is_some());
}

/// What a damaged row says is not believed before room is taken for it.
#[test]
fn a_body_that_is_said_to_be_longer_than_its_file_is_damaged() {
    let root = fast_folder();
    let kv = open(root.path(), options());
    let sound = put_body(&kv, noise(1, 5000));
    let mut stage = kv.stage_body().unwrap();
    stage.write(&noise(2, 300_000)).unwrap();
    let staged = stage.finish().unwrap();
    let large = transact_and_wait(&kv, move |txn| txn.put_body(Scope(1), &staged)).unwrap();
    let view = kv.view().unwrap();
    for body in [sound, large] {
        for octets in [1 << 33, 1 << 60, u64::MAX] {
            for range in [0..u64::MAX, 1..u64::MAX, 5..10_000_000_000] {
                let mut out = b"before".to_vec();
                let error = view.read_body(&BodyRef { octets, ..body }, range, &mut out).unwrap_err();
                assert_eq!(error.kind, ErrorKind::Corrupt, "{octets}");
                assert_eq!(out, b"before");
            }
        }
        let beyond = BodyRef { offset: u64::MAX - 7, ..body };
        view.read_body(&beyond, 0..u64::MAX, &mut Vec::new()).unwrap_err();
    }
}
