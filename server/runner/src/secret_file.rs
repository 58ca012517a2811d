//! Private files of one process: its secrets, and its script when that must be a file.
//!
//! One directory of mode 0700 per process, files of mode 0600, in memory (`/dev/shm`, then
//! `XDG_RUNTIME_DIR`) where that is possible, else in the temporary directory. Removed when the
//! process ends, on stop and on drop.

use std::{
    env,
    fs::{OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use secrecy::ExposeSecret;
use tempfile::TempDir;
use tracing::warn;

use crate::spec::SecretFile;

/// How the names of private directories begin.
const PREFIX: &str = "runbook-step-";

/// A directory that only this user can enter, gone on drop.
#[derive(Debug)]
pub(crate) struct PrivateDir(TempDir);

impl PrivateDir {
    /// Makes a directory in the first place where `fill` succeeds too, and gives what it gave.
    pub fn create<T>(mut fill: impl FnMut(&Self) -> io::Result<T>) -> io::Result<(Self, T)> {
        let mut refused = io::Error::from(io::ErrorKind::NotFound);
        for place in places() {
            let attempt = Self::create_in(&place).and_then(|dir| fill(&dir).map(|made| (dir, made)));
            match attempt {
                Ok(made) => return Ok(made),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn create_in(place: &Path) -> io::Result<Self> {
        tempfile::Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(0o700)).tempdir_in(place).map(Self)
    }

    /// Writes a new file of mode 0600 and gives its path.
    pub fn write(&self, name: &str, contents: &[u8]) -> io::Result<PathBuf> {
        let path = self.0.path().join(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.write_all(contents)?;
        Ok(path)
    }

    /// Writes every secret and gives the variable and path of each.
    pub fn write_secrets(&self, files: &[SecretFile]) -> io::Result<Vec<(String, PathBuf)>> {
        let write = |(index, file): (usize, &SecretFile)| {
            let path = self.write(&format!("secret-{index}"), file.contents.expose_secret().as_bytes())?;
            Ok((file.env.clone(), path))
        };
        files.iter().enumerate().map(write).collect()
    }
}

/// The private directory of a process, if it has one, until it is removed.
#[derive(Debug)]
pub(crate) struct PrivateFiles(Mutex<Option<PrivateDir>>);

impl PrivateFiles {
    pub fn new(dir: Option<PrivateDir>) -> Self {
        Self(Mutex::new(dir))
    }

    /// The directory, while it is there.
    pub fn path(&self) -> Option<PathBuf> {
        let dir = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        dir.as_ref().map(|PrivateDir(dir)| dir.path().to_owned())
    }

    /// Removes the files now. Harmless when they are gone already.
    pub fn remove(&self) {
        let dir = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(PrivateDir(dir)) = dir else { return };
        let path = dir.path().to_owned();
        if let Err(error) = dir.close() {
            warn!(path = %path.display(), %error, "private files of a process could not be removed");
        }
    }
}

/// Removes the private directory of a process whose runner is gone.
pub(crate) fn remove_lost(dir: &Path) {
    let is_ours = dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    if is_ours
        && let Err(error) = std::fs::remove_dir_all(dir)
        && error.kind() != io::ErrorKind::NotFound
    {
        warn!(path = %dir.display(), %error, "private files of a lost process could not be removed");
    }
}

fn places() -> impl Iterator<Item = PathBuf> {
    let runtime_dir = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    [Some(PathBuf::from("/dev/shm")), runtime_dir, Some(env::temp_dir())]
        .into_iter()
        .flatten()
        .filter(|place| place.is_absolute() && place.is_dir())
}
