//! Files of the journal whose header is lost, that are another's, or that are missing: the store does not
//! open, and `koi check --repair` keeps what can be read.

use std::path::{Path, PathBuf};

use koi_store::body::{NewBody, Scope};
use koi_store::engine::{Durability, Embedded, OpenError, Options};
use koi_store::kv::{Kv, transact_and_wait};

use crate::crash_points::fast_folder;
use crate::damage::copy;
use crate::rig::{Rows, all_rows, heard, key, open, rounds, small};
use crate::workload::{Author, Content, Model};

const FIRST_GROUP_AT: usize = 4096;

fn options() -> Options {
    Options { durability: Durability::Append, segment_octets: 8 * 1024, ..small() }
}

/// A closed store of some packs and some segments.
struct Rig {
    root: tempfile::TempDir,
    model: Model,
    rows: Rows,
    names: Vec<String>,
}

impl Rig {
    fn new(seed: u64) -> Self {
        let root = fast_folder();
        let kv = open(&root.path().join("store"), options());
        let (mut author, mut model) = (Author::new(seed), Model::new());
        for round in 0..80 {
            let script = author.script();
            assert_eq!(kv.submit_and_wait(script.boxed()).is_ok(), model.run(&script).is_ok());
            if round == 40 {
                kv.compact_now().unwrap();
            }
        }
        let rows = all_rows(&kv);
        kv.close().unwrap();
        let entries = std::fs::read_dir(root.path().join("store/journal")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let are = |kind: &str| names.iter().filter(|name| name.ends_with(kind)).count();
        assert!(are("seg") > 3 && are("pack") > 3, "{names:?}");
        Self { root, model, rows, names }
    }
    /// A copy of the folder.
    fn scratch(&self, without_index: bool) -> PathBuf {
        let scratch = self.root.path().join("scratch");
        copy(&self.root.path().join("store"), &scratch);
        if without_index {
            std::fs::remove_dir_all(scratch.join("index")).unwrap();
        }
        scratch
    }
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut octets = std::fs::read(path).unwrap();
    change(&mut octets);
    std::fs::write(path, octets).unwrap();
}

fn refused(folder: &Path) -> String {
    match Embedded::open(folder, options(), heard()) {
        Err(error @ OpenError::Damaged { .. }) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("started"),
    }
}

/// What repair told of, and the rows there are then; also at the start after it.
fn repaired(folder: &Path) -> (Vec<String>, Vec<String>, Rows) {
    let kv = Embedded::open_repairing(folder, options(), heard()).unwrap();
    let (mended, given_up) = (kv.report().mended.clone(), kv.report().given_up.clone());
    let rows = all_rows(&kv);
    // As after a crash.
    drop(kv);
    let kv = open(folder, options());
    assert_eq!((&kv.report().mended, &kv.report().given_up), (&vec![], &vec![]));
    assert_eq!(all_rows(&kv), rows);
    transact_and_wait(&kv, |txn| txn.put(&key(7, "later"), b"x")).unwrap();
    kv.close().unwrap();
    (mended, given_up, rows)
}

#[test]
fn a_lost_header_is_made_again() {
    let rig = Rig::new(31);
    let step = rounds(1, 3) as usize;
    for name in rig.names.iter().step_by(step) {
        for (octets, without_index) in [(20, false), (80, true), (128, true)] {
            let folder = rig.scratch(without_index);
            let path = folder.join("journal").join(name);
            // The last segment, made ahead of need, may have nothing else.
            if std::fs::metadata(&path).unwrap().len() <= FIRST_GROUP_AT as u64 && name.ends_with("seg") {
                continue;
            }
            change(&path, |file| file[..octets].fill(0xa5));
            assert!(refused(&folder).contains(name.as_str()));
            let kv = Embedded::open_repairing(&folder, options(), heard()).unwrap();
            assert_eq!(Content::of(&kv), *rig.model.last(), "{name} {octets}");
            let (mended, given_up) = (kv.report().mended.len(), &kv.report().given_up);
            assert_eq!((mended, given_up), (1, &vec![]), "{name}");
            drop(kv);
            let kv = open(&folder, options());
            assert_eq!(kv.report().mended, [""; 0]);
            assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
            kv.compact_now().unwrap();
            kv.rest_now().unwrap();
        }
    }
}

/// A segment whose front is lost is known by its last group, which the next one names.
#[test]
fn a_segment_without_its_front_keeps_its_other_groups() {
    let rig = Rig::new(32);
    let segments: Vec<_> = rig.names.iter().filter(|name| name.ends_with("seg")).collect();
    for name in &segments[..segments.len() - 2] {
        let folder = rig.scratch(false);
        let path = folder.join("journal").join(name);
        change(&path, |file| file[..FIRST_GROUP_AT + 100].fill(0));
        assert!(refused(&folder).contains(name.as_str()));
        let (mended, given_up, rows) = repaired(&folder);
        assert_eq!(rows, rig.rows, "the index has them");
        if mended.is_empty() {
            assert!(given_up[0].contains("it is kept as"), "one group was all it had: {given_up:?}");
        }
        // A store whose index is lost as well has at least the rows behind the front.
        std::fs::remove_dir_all(folder.join("index")).unwrap();
        assert!(!refused(&folder).is_empty());
        let (_, given_up, _) = repaired(&folder);
        assert!(!given_up.is_empty());
    }
}

/// After a crash between the naming of a pack and the removal of what it was made of both are there.
#[test]
fn a_pack_without_its_table_makes_way_for_its_segment() {
    let root = fast_folder();
    let folder = root.path().join("store");
    let kv = open(&folder, options());
    for n in 0..20 {
        let body = NewBody::inline(vec![n; 1000].into());
        transact_and_wait(&kv, move |txn| txn.put(&key(1, &n.to_string()), &[n; 100])).unwrap();
        transact_and_wait(&kv, move |txn| txn.put_body(Scope(1), &body)).unwrap();
    }
    let rows = all_rows(&kv);
    let (segment, pack) = (folder.join("journal/00000001.seg"), folder.join("journal/00000001.pack"));
    let octets = std::fs::read(&segment).unwrap();
    kv.compact_now().unwrap();
    assert!(pack.exists() && !segment.exists());
    kv.close().unwrap();
    std::fs::write(&segment, octets).unwrap();
    change(&pack, |file| {
        let end = file.len();
        file[end - 100..].fill(0xff);
    });
    std::fs::remove_dir_all(folder.join("index")).unwrap();
    assert!(refused(&folder).contains("00000001.pack"));
    let (_, given_up, repaired) = repaired(&folder);
    assert!(given_up.len() == 1 && given_up[0].contains("00000001.pack.damaged"), "{given_up:?}");
    assert_eq!(repaired, rows);
    let kv = open(&folder, options());
    assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
}

#[test]
fn a_file_that_is_another_s_is_set_aside() {
    let rig = Rig::new(33);
    for without_index in [false, true] {
        for kind in ["seg", "pack"] {
            let of_kind: Vec<_> = rig.names.iter().filter(|name| name.ends_with(kind)).collect();
            let folder = rig.scratch(without_index);
            let (this, other) =
                (folder.join("journal").join(of_kind[1]), folder.join("journal").join(of_kind[0]));
            let octets = std::fs::read(&other).unwrap();
            std::fs::write(&this, &octets).unwrap();
            assert!(refused(&folder).contains("does not belong"));
            let (mended, given_up, rows) = repaired(&folder);
            assert_eq!(mended, [""; 0]);
            assert!(given_up[0].contains(".damaged"), "{given_up:?}");
            let aside = this.with_file_name(format!("{}.damaged", of_kind[1]));
            assert_eq!((std::fs::read(aside).unwrap(), this.exists()), (octets, false));
            if !without_index {
                assert_eq!(rows, rig.rows);
            }
        }
    }
}

#[test]
fn a_missing_file_is_given_up_and_missed_when_the_index_is_lost_again() {
    let rig = Rig::new(34);
    let step = rounds(1, 3) as usize;
    for name in rig.names[..rig.names.len() - 2].iter().step_by(step) {
        let folder = rig.scratch(true);
        std::fs::remove_file(folder.join("journal").join(name)).unwrap();
        assert!(refused(&folder).contains("the segment is missing"));
        let (_, given_up, rows) = repaired(&folder);
        assert!(given_up[0].contains("the segment is missing"), "{given_up:?}");
        std::fs::remove_dir_all(folder.join("index")).unwrap();
        assert!(refused(&folder).contains("the segment is missing"));
        let (.., again) = repaired(&folder);
        assert_eq!(again.len(), rows.len() + 1, "what was written later");
    }
}

/// With the newest file nothing says any more whose the others are, or where they ended.
#[test]
fn the_only_segment_may_be_lost_and_the_index_is_kept() {
    let root = fast_folder();
    let folder = root.path().join("store");
    let kv = open(&folder, options());
    transact_and_wait(&kv, |txn| txn.put(&key(1, "a"), b"x")).unwrap();
    let rows = all_rows(&kv);
    kv.close().unwrap();
    let path = folder.join("journal/00000001.seg");
    change(&path, |file| file.fill(0x5a));
    assert!(refused(&folder).contains("the header of the segment is damaged"));
    let kv = Embedded::open_repairing(&folder, options(), heard()).unwrap();
    assert_eq!((all_rows(&kv), kv.report().index_rebuilt.clone()), (rows.clone(), None));
    drop(kv);
    let kv = open(&folder, options());
    assert_eq!(all_rows(&kv), rows);
}

/// A group without payload and with the highest sequence: one that somebody made up.
fn made_up() -> Vec<u8> {
    const SEED: u32 = 0x5eed;
    let mut group = vec![0; 64];
    let mut put = |at: usize, octets: &[u8]| group[at..at + octets.len()].copy_from_slice(octets);
    put(0, b"KOIG\x01");
    put(8, &u64::MAX.to_le_bytes());
    put(16, &1_u32.to_le_bytes());
    put(20, &64_u32.to_le_bytes());
    put(56, &SEED.to_le_bytes());
    let checksum = crc32c::crc32c_append(SEED, &group[..60]);
    group[60..].copy_from_slice(&checksum.to_le_bytes());
    group
}

/// A mail may hold the octets of a group, whole and with the right number: of another store, for one.
#[test]
fn a_group_that_came_by_mail_is_not_believed() {
    let root = fast_folder();
    let of_another = {
        let folder = root.path().join("other");
        let kv = open(&folder, options());
        transact_and_wait(&kv, |txn| txn.put(&key(1, "poison"), b"x")).unwrap();
        kv.close().unwrap();
        std::fs::read(folder.join("journal/00000001.seg")).unwrap()[FIRST_GROUP_AT..].to_vec()
    };
    let of_others = [made_up(), of_another].concat();
    for next_is_there in [true, false] {
        let folder = root.path().join("store");
        let _ = std::fs::remove_dir_all(&folder);
        let kv = open(&folder, options());
        transact_and_wait(&kv, |txn| txn.put(&key(1, "first"), b"x")).unwrap();
        let group = std::fs::read(folder.join("journal/00000001.seg")).unwrap().len();
        let body = NewBody::inline(of_others.clone().into());
        transact_and_wait(&kv, move |txn| txn.put_body(Scope(1), &body)).unwrap();
        for n in 0..if next_is_there { 9 } else { 1 } {
            transact_and_wait(&kv, move |txn| txn.put(&key(2, &n.to_string()), &[7; 1000])).unwrap();
        }
        kv.close().unwrap();
        assert_eq!(folder.join("journal/00000003.seg").exists(), next_is_there);
        std::fs::remove_dir_all(folder.join("index")).unwrap();
        change(&folder.join("journal/00000001.seg"), |file| file[..group].fill(0));
        let kv = Embedded::open_repairing(&folder, options(), heard()).unwrap();
        let view = kv.view().unwrap();
        assert_eq!(view.get(&key(1, "poison")).unwrap(), None);
        assert_eq!(view.get(&key(2, "0")).unwrap().is_some(), next_is_there);
    }
}

/// One write leaves no more than a group; what is longer was acknowledged once.
#[test]
fn what_is_too_long_for_a_torn_write_is_damage() {
    const GROUP_OCTETS_MAX: usize = 64 * 1024 * 1024;
    let root = fast_folder();
    let folder = root.path().join("store");
    let journal = |number: u32| folder.join(format!("journal/{number:08x}.seg"));
    let options = || Options { segment_octets: 256 * 1024 * 1024, ..options() };
    let kv = open(&folder, options());
    transact_and_wait(&kv, |txn| txn.put(&key(1, "a"), b"x")).unwrap();
    let rows = all_rows(&kv);
    kv.close().unwrap();
    let end = std::fs::metadata(journal(1)).unwrap().len() as usize;
    // What a segment is that was made ahead of need: its header says nothing of what is before it.
    let ahead = {
        let mut header = std::fs::read(journal(1)).unwrap();
        header.truncate(FIRST_GROUP_AT);
        (header[8], header[12]) = (2, 2);
        header[32..40].fill(0);
        let checksum = crc32c::crc32c(&header[..76]);
        header[76..80].copy_from_slice(&checksum.to_le_bytes());
        header
    };
    for (junk, is_torn) in [(GROUP_OCTETS_MAX - 8, true), (GROUP_OCTETS_MAX + 8, false)] {
        for in_next in [false, true] {
            let sound = std::fs::read(journal(1)).unwrap();
            if in_next {
                std::fs::write(journal(2), [ahead.clone(), vec![0xa5; junk]].concat()).unwrap();
            } else {
                change(&journal(1), |file| file.resize(end + junk, 0xa5));
            }
            let kv = match is_torn {
                true => open(&folder, options()),
                false => {
                    let refused = Embedded::open(&folder, options(), heard()).err().unwrap().to_string();
                    assert!(
                        refused.contains("no group") || refused.contains("more than a write"),
                        "{refused}"
                    );
                    Embedded::open_repairing(&folder, options(), heard()).unwrap()
                }
            };
            assert_eq!((kv.report().torn_tail, kv.report().given_up.len()), (is_torn, usize::from(!is_torn)));
            assert_eq!(all_rows(&kv), rows);
            drop(kv);
            for entry in std::fs::read_dir(folder.join("journal")).unwrap() {
                std::fs::remove_file(entry.unwrap().path()).unwrap();
            }
            std::fs::write(journal(1), sound).unwrap();
            std::fs::remove_dir_all(folder.join("index")).unwrap();
        }
    }
}
