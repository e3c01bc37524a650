//! Every `tests/scripts/**.script`, on the memory engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::runner;
use koi_testkit::script::Script;

use crate::harness::Test;

/// One test per file, named like it.
pub(crate) fn tests() -> Vec<Test> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scripts");
    let mut files = Vec::new();
    find(&root, &mut files);
    files.sort();
    let test = |file: PathBuf| {
        let name = file.strip_prefix(&root).unwrap_or(&file).with_extension("").display().to_string();
        Test { run: Box::new(move || play(&file)), name: format!("scripts/{name}") }
    };
    files.into_iter().map(test).collect()
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

fn play(file: &Path) -> Result<(), String> {
    let name = file.display().to_string();
    let source = std::fs::read_to_string(file).map_err(|e| format!("{name}: {e}"))?;
    let script = Script::parse(&name, &source).map_err(|e| format!("{name}: {e}"))?;
    runner::play(&script, &|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>)
}
