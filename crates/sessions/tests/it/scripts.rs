//! Every `tests/scripts/**.script`: in all modes on the memory engine, plainly on the embedded one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use koi_store::engine::{Embedded, Options};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::runner::{self, Mode};
use koi_testkit::script::Script;

use crate::harness::Test;

/// One test per file, named like it.
pub(crate) fn tests() -> Vec<Test> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scripts");
    let mut files = Vec::new();
    find(&root, &mut files);
    files.sort();
    let name = |file: &Path| file.strip_prefix(&root).unwrap().with_extension("").display().to_string();
    let mut tests = Vec::new();
    for file in files {
        let (memory, embedded) = (format!("scripts/{}", name(&file)), format!("embedded/{}", name(&file)));
        let again = file.clone();
        tests.push(Test { name: memory, run: Box::new(move || on_memory(&file)) });
        tests.push(Test { name: embedded, run: Box::new(move || on_embedded(&again)) });
    }
    tests
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "script") {
            files.push(path);
        }
    }
}

fn on_memory(file: &Path) -> Result<(), String> {
    let engine = |commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>;
    runner::play(&read(file)?, &engine)
}

/// Durability is the same code here as in the server: tickets that resolve on other threads, a view that
/// lags.
fn on_embedded(file: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let engine = |commits: Arc<dyn Commits>| {
        let options = Options { fill_ahead_octets: 1 << 16, reserve_octets: 0, ..Options::default() };
        Arc::new(Embedded::open(folder.path(), options, commits).unwrap()) as Arc<dyn Kv>
    };
    runner::play_in(&read(file)?, &engine, Mode::Plain)
}

fn read(file: &Path) -> Result<Script, String> {
    let name = file.display().to_string();
    let source = std::fs::read_to_string(file).map_err(|e| format!("{name}: {e}"))?;
    Script::parse(&name, &source).map_err(|e| format!("{name}: {e}"))
}
