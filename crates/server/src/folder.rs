//! The data folder: what lies where in it, its mode, and files in it that are secret.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// Makes a folder that only its owner may enter; an existing one gets that mode.
pub fn make_private(folder: &Path) -> Result<(), Problem> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(Problem::file("create the folder", folder))?;
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder, private).map_err(Problem::file("set the mode of", folder))
}

/// Writes beside and renames, mode 0600. What is there then stays there.
pub fn write_private(file: &Path, text: &str) -> Result<(), Problem> {
    let beside = file.with_extension("new");
    let mut out = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(Problem::file("create", &beside))?;
    // Also of one that a crash has left.
    let private = std::fs::Permissions::from_mode(0o600);
    out.set_permissions(private).map_err(Problem::file("set the mode of", &beside))?;
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(Problem::file("write", &beside))?;
    std::fs::rename(&beside, file).map_err(Problem::file("rename to", file))?;
    make_names_durable(file)
}

/// That a file is there, or gone, in the folder where it lies.
pub(crate) fn make_names_durable(file: &Path) -> Result<(), Problem> {
    // Of a name alone that is an empty path.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(Problem::file("make durable what is in", folder))
}

/// The socket of the running server.
#[must_use]
pub fn admin_socket(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// The folder of the store inside the data folder.
#[must_use]
pub fn store(data: &Path) -> PathBuf {
    data.join("store")
}

/// Who was logged in with a page of this server when it ended.
#[must_use]
pub fn web_logins(data: &Path) -> PathBuf {
    data.join("web-logins")
}
