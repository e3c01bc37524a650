//! The data folder: what lies where in it, and its mode.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
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
