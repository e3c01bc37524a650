//! Every Rust file of the workspace, scanned once, with what the module tree says about it.

use crate::failure::Failure;
use crate::repo::Repo;
use crate::tidy::metadata::Metadata;
use crate::tidy::modules;
use crate::tidy::source::Source;

/// The scanned sources, in path order.
pub(crate) struct Workspace {
    pub(crate) sources: Vec<Source>,
}

impl Workspace {
    /// Asks cargo for the graph first.
    pub(crate) fn open(repo: &Repo) -> Result<Workspace, Failure> {
        Workspace::read(repo, &Metadata::read()?)
    }

    pub(crate) fn read(repo: &Repo, metadata: &Metadata) -> Result<Workspace, Failure> {
        let mut sources = Vec::new();
        for path in repo.files()?.iter().filter(|path| path.ends_with(".rs")) {
            let package = metadata.members().find(|member| path.starts_with(&format!("{}/", member.folder)));
            let package = package.map_or("", |member| member.folder.as_str());
            sources.push(Source::new(path, package, repo.read(path)?));
        }
        modules::mark(&mut sources, metadata);
        Ok(Workspace { sources })
    }
}
