//! The runner's directory, as client and runner both know it: who may enter, and what is where.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::OFlag,
    unistd::{Gid, Uid, User, geteuid},
};

use crate::RunnerError;

/// When the log is begun anew.
const LONGEST_LOG: u64 = 4 * 1024 * 1024;

/// The user that a runner, and with it every command, runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// The user.
    pub uid: u32,
    /// The user's only group.
    pub gid: u32,
}

impl RunAs {
    /// A user of this machine, by name, with the primary group.
    ///
    /// # Errors
    ///
    /// [`NoSuchUser`](RunnerError::NoSuchUser).
    pub fn user(name: &str) -> Result<Self, RunnerError> {
        match User::from_name(name) {
            Ok(Some(user)) => Ok(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() }),
            _ => Err(RunnerError::NoSuchUser { name: name.to_owned() }),
        }
    }
}

/// The name of a user, or the number where there is none.
pub(crate) fn user_name(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

/// The directory of one runner.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    dir: PathBuf,
}

impl Home {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.join("socket")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    pub fn spool(&self) -> PathBuf {
        self.dir.join("spool")
    }

    /// Sees to a directory that only `owner`, or this user, can enter.
    pub fn prepare(&self, owner: Option<RunAs>) -> Result<(), RunnerError> {
        self.make_private(owner).map_err(|source| self.unusable(&self.dir, source))
    }

    fn make_private(&self, owner: Option<RunAs>) -> io::Result<()> {
        if let Some(parent) = self.dir.parent() {
            fs::create_dir_all(parent)?;
        }
        match DirBuilder::new().mode(0o700).create(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let found = fs::symlink_metadata(&self.dir)?;
        if !found.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let own = geteuid().as_raw();
        let wanted = owner.map_or(own, |owner| owner.uid);
        if found.uid() != wanted {
            let Some(owner) = owner else {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
            };
            lchown(&self.dir, Some(owner.uid), Some(owner.gid))?;
        }
        if found.mode() & 0o777 != 0o700 {
            fs::set_permissions(&self.dir, Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    /// The file that a runner writes its log to. Opened with care: the directory may belong to a
    /// user who is trusted less than this one.
    pub fn open_log(&self) -> Result<File, RunnerError> {
        let path = self.log();
        let opened = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
            .open(&path);
        let checked = opened.and_then(|file| {
            let found = file.metadata()?;
            if !found.is_file() || found.nlink() != 1 {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is no plain file"));
            }
            if found.len() > LONGEST_LOG {
                file.set_len(0)?;
            }
            Ok(file)
        });
        checked.map_err(|source| self.unusable(&path, source))
    }

    /// Makes this process the only runner here, for as long as the file is held, and notes its
    /// id in it for people.
    pub fn claim(&self) -> Result<File, RunnerError> {
        let path = self.dir.join("lock");
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = opened.map_err(|source| self.unusable(&path, source))?;
        match file.try_lock() {
            Ok(()) => {
                let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                noted.map_err(|source| self.unusable(&path, source)).map(|()| file)
            }
            Err(fs::TryLockError::WouldBlock) => Err(RunnerError::Occupied { dir: self.dir.clone() }),
            Err(fs::TryLockError::Error(source)) => Err(self.unusable(&path, source)),
        }
    }

    fn unusable(&self, path: &Path, source: io::Error) -> RunnerError {
        RunnerError::Directory { path: path.to_owned(), source }
    }
}

/// The home directory and name of a user, for the environment of a runner that becomes it.
pub(crate) fn user_environment(run_as: RunAs) -> Option<[(&'static str, String); 2]> {
    let user = User::from_uid(Uid::from_raw(run_as.uid)).ok().flatten()?;
    Some([("HOME", user.dir.to_string_lossy().into_owned()), ("USER", user.name)])
}

/// Whether this process may change to another user at all.
pub(crate) fn may_run_as(run_as: RunAs) -> bool {
    geteuid().is_root() || (geteuid() == Uid::from_raw(run_as.uid) && nix::unistd::getegid() == Gid::from_raw(run_as.gid))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn refusal<T: std::fmt::Debug>(result: Result<T, RunnerError>) -> String {
        match result.expect_err("it must be refused") {
            RunnerError::Directory { source, .. } => source.to_string(),
            other => other.to_string(),
        }
    }

    #[test]
    fn the_directory_is_made_private_and_is_no_link() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::new(dir.path().join("deep/runner"));
        home.prepare(None).expect("made");
        fs::set_permissions(home.dir(), Permissions::from_mode(0o755)).expect("opened up");
        home.prepare(None).expect("closed again");
        assert_eq!(fs::metadata(home.dir()).expect("there").mode() & 0o777, 0o700);

        let link = dir.path().join("link");
        symlink(home.dir(), &link).expect("linked");
        assert!(refusal(Home::new(link).prepare(None)).contains("not a directory"));
    }

    #[test]
    fn the_log_is_not_written_through_a_link() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::new(dir.path().into());
        let victim = dir.path().join("victim");
        fs::write(&victim, "").expect("written");
        symlink(&victim, home.log()).expect("linked");
        refusal(home.open_log());
        fs::remove_file(home.log()).expect("removed");
        fs::hard_link(&victim, home.log()).expect("linked");
        assert_eq!(refusal(home.open_log()), "it is no plain file");
    }

    #[test]
    fn one_runner_owns_a_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::new(dir.path().into());
        let first = home.claim().expect("claimed");
        assert!(matches!(home.claim(), Err(RunnerError::Occupied { .. })));
        drop(first);
        home.claim().expect("claimed again");
    }
}
