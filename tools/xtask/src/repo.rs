//! The checkout we work on: its root, its target folder, and the files git knows or would add.
//!
//! Paths are relative to the root, with `/`, in byte order, so that everything written is the same anywhere.

use crate::failure::Failure;
use crate::phase::{output, program};
use std::path::{Path, PathBuf};

/// A checkout of the project.
pub(crate) struct Repo {
    pub(crate) root: PathBuf,
}

impl Repo {
    /// The checkout cargo was called in; the current folder becomes its root. What cargo says when it starts
    /// us goes before what it said when it built us: checkouts that share a target folder share the binary.
    pub(crate) fn open() -> Result<Repo, Failure> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
        let here = Path::new(&here);
        let root = here.ancestors().nth(2).unwrap_or(here).to_path_buf();
        std::env::set_current_dir(&root)
            .map_err(|error| Failure::new(format!("cannot enter {}: {error}", root.display())))?;
        Ok(Repo { root })
    }

    /// Tracked files and new ones that are not ignored; deleted ones left out.
    pub(crate) fn files(&self) -> Result<Vec<String>, Failure> {
        let mut list = program("git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(&self.root);
        let names = output(&mut list)?;
        let mut files: Vec<String> =
            names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        files.retain(|name| self.root.join(name).is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Reads a file of the checkout as text.
    pub(crate) fn read(&self, path: &str) -> Result<String, Failure> {
        std::fs::read_to_string(self.root.join(path))
            .map_err(|error| Failure::new(format!("cannot read {path}: {error}")))
    }

    /// Where cargo builds: CARGO_TARGET_DIR, or `target` in the root.
    pub(crate) fn target_dir(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) if !dir.is_empty() => self.root.join(dir),
            _ => self.root.join("target"),
        }
    }
}
