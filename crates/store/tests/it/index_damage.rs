//! An index that cannot serve is built again from the journal, and one that cannot belong to it is refused.

use std::path::Path;

use koi_store::engine::{Embedded, OpenError, Options};
use koi_store::kv::Kv;

use crate::crash_points::fast_folder;
use crate::damage::{copy, last_segment, left, options, run};
use crate::rig::{heard, open};
use crate::workload::{Author, Content, Model};

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
