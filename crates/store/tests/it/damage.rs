//! What is wrong with a journal that was there already: torn tails, damage in the middle, counters that go
//! down. The index is `index_damage.rs`, packs are `pack_damage.rs`.

use std::path::{Path, PathBuf};

use koi_store::engine::{Embedded, OpenError, Options};
use koi_store::kv::{Kv, transact_and_wait};
use koi_store::record::mailbox::MailboxRecord;
use koi_types::{AccountId, ErrorKind, MailboxId, ModSeq, Uid, UidValidity};

use crate::crash_points::fast_folder;
use crate::rig::{Dice, all_rows, heard, key, open, rounds, small};
use crate::workload::{Author, Content, Model};

pub(crate) fn options() -> Options {
    // No zeros ahead: the last octet of the file is the last of the last group.
    Options { durability: koi_store::engine::Durability::Append, ..small() }
}

pub(crate) fn run(kv: &dyn Kv, author: &mut Author, model: &mut Model, transactions: usize) {
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

pub(crate) fn last_segment(folder: &Path) -> PathBuf {
    let mut names: Vec<_> =
        std::fs::read_dir(folder.join("journal")).unwrap().map(|e| e.unwrap().path()).collect();
    // One that was made ahead of need has only a header.
    names.retain(|name| std::fs::metadata(name).unwrap().len() > 4096);
    names.sort();
    names.pop().unwrap()
}

/// A folder as a crash leaves it, and the model's states.
pub(crate) struct Left {
    _root: tempfile::TempDir,
    pub(crate) folder: PathBuf,
    pub(crate) scratch: PathBuf,
    model: Model,
    /// Length of the last segment before the last transaction.
    before_last: u64,
}

pub(crate) fn left(seed: u64, transactions: usize) -> Left {
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
    pub(crate) fn state(&self, from_the_end: usize) -> &Content {
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
