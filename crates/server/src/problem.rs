//! The error of the edge: what is wrong, where, and what to do about it, for a person at a terminal.
//!
//! Inside the service errors are `MailError`; here they end up on standard error with an exit code.

use std::fmt;

/// Exit codes of the `koi` command; `koi --help` lists them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Something failed that is not named below.
    Failed = 1,
    /// The configuration or the command line is wrong.
    Usage = 2,
    /// A port or the data folder is in use by another process.
    InUse = 3,
    /// `koi check` found damage.
    Findings = 4,
}

/// What is wrong (with its place) and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    pub what: Box<str>,
    pub remedy: Box<str>,
    pub exit: Exit,
}

impl Problem {
    #[must_use]
    pub fn new(what: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self { what: what.to_string().into(), remedy: remedy.to_string().into(), exit: Exit::Failed }
    }
    /// Wrong configuration or command line.
    #[must_use]
    pub fn usage(what: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, ..Self::new(what, remedy) }
    }
    /// Somebody else has what this needs.
    #[must_use]
    pub fn in_use(what: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self { exit: Exit::InUse, ..Self::new(what, remedy) }
    }
    /// For `map_err` on a file operation: says which file and what was tried.
    pub fn file(doing: &str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let place = format!("cannot {doing} {}", path.display());
        move |error| {
            let remedy = match error.kind() {
                std::io::ErrorKind::NotFound => "check the path",
                std::io::ErrorKind::PermissionDenied => {
                    "run as the owner of the file, or change its permissions"
                }
                std::io::ErrorKind::StorageFull => "make room on the disk and try again",
                std::io::ErrorKind::InvalidData => "check that it is a file of this kind",
                std::io::ErrorKind::AlreadyExists => "give another name: this one is taken",
                std::io::ErrorKind::NotADirectory => "give another path: a part of this one is no folder",
                std::io::ErrorKind::IsADirectory => "give the path of a file: this is a folder",
                std::io::ErrorKind::ReadOnlyFilesystem => "mount the file system so that it can be written",
                _ => "see the system's message above",
            };
            Self::new(format!("{place}: {error}"), remedy)
        }
    }
}

impl From<koi_types::MailError> for Problem {
    fn from(error: koi_types::MailError) -> Self {
        use koi_types::ErrorKind as K;
        let remedy = match error.kind {
            K::Corrupt => "run `koi check`, and `koi check --repair` on a copy of the data folder",
            K::Unavailable => "try again; if it stays, look at disk space and at the server's log",
            K::NotFound => "check the name; `koi account list` shows the accounts",
            K::OverQuota => "raise the quota in koi.toml or delete mail",
            K::AlreadyExists => "choose another name, or change what is there",
            K::InvalidInput => "correct it and try again",
            _ => "the server's log may say more",
        };
        Self::new(error, remedy)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "\n  what to do: {}", self.remedy) }
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_way_is_said_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "hi").unwrap();
        let said = |error: std::io::Error| Problem::file("use", &file)(error).to_string();
        assert!(said(std::fs::create_dir(&file).unwrap_err()).contains("this one is taken"));
        assert!(said(std::fs::create_dir(file.join("x")).unwrap_err()).contains("is no folder"));
        assert!(said(std::fs::read(folder.path()).unwrap_err()).contains("this is a folder"));
    }
}
