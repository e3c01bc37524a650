//! The embedded engine beside the memory oracle: random transactions, the applier and readers at any moment.

use koi_store::engine::{Embedded, Options};
use koi_store::kv::Kv;

use crate::crash_points::fast_folder;
use crate::rig::{Dice, heard, rounds, small};
use crate::workload::{Author, Content, Model, count_in};

#[test]
fn behaves_as_the_oracle_whatever_the_applier_does() {
    for seed in 1..=rounds(20, 4) {
        println!("seed {seed}");
        let root = fast_folder();
        let mut dice = Dice::new(seed + 77);
        let apply_rows = [usize::MAX, 1, 20][dice.below(3) as usize];
        let options = Options { apply_rows, segment_octets: 64 * 1024, ..small() };
        let mut kv = Embedded::open(root.path(), options.clone(), heard()).unwrap();
        let (mut author, mut model) = (Author::new(seed), Model::new());
        let mut operations = 0;
        while operations < 240 {
            match dice.below(12) {
                0 => kv.apply_now().unwrap(),
                1 if dice.below(6) == 0 => {
                    kv.close().unwrap();
                    kv = Embedded::open(root.path(), options.clone(), heard()).unwrap();
                }
                2 => assert_eq!(&Content::of(&kv), model.last()),
                3 => reader_sees_one_state(&kv, &mut author, &mut model),
                _ => {
                    let script = author.script();
                    assert_eq!(kv.submit_and_wait(script.boxed()).is_ok(), model.run(&script).is_ok());
                }
            }
            operations += 1;
        }
        assert_eq!(&Content::of(&kv), model.last());
    }
}

/// A view opened between two commits shows exactly the state of that moment, whatever happens later.
fn reader_sees_one_state(kv: &Embedded, author: &mut Author, model: &mut Model) {
    let before = kv.view().unwrap();
    let count = model.last().count();
    let scripts: Vec<_> = (0..5).map(|_| author.script()).collect();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for script in &scripts {
                let outcome = kv.submit_and_wait(script.boxed());
                let model = model.run(script);
                assert_eq!(outcome.is_ok(), model.is_ok());
            }
            kv.apply_now().unwrap();
        });
        let mut seen = count;
        while !writer.is_finished() {
            let now = count_in(kv.view().unwrap().as_ref());
            assert!(now >= seen, "a later view shows an older state");
            seen = now;
            assert_eq!(count_in(before.as_ref()), count);
        }
        writer.join().unwrap();
    });
    assert_eq!(count_in(kv.view().unwrap().as_ref()), model.last().count());
}
