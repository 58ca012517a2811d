//! Hides directories and files from commands, by bubblewrap (bwrap(1)).
//!
//! A mount namespace and a user namespace, nothing else: process ids, groups and signals stay
//! those of the machine, so that a stop finds everything, and files in memory stay visible. The
//! user namespace also closes the way round by `/proc/PID/root` of the server.
//!
//! One thing changes: between the runner and the command stands `bwrap`, which reports the end
//! by signal N as exit code 128 + N, as shells do.

use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{process::Command, time::timeout};
use tracing::{info, warn};

use crate::{
    RunnerError, children,
    script::CommandLine,
    start::{DEFAULT_PATH, own_path},
};

/// When something is hidden from commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confine {
    /// Unless the runner is root, and where bubblewrap works.
    #[default]
    Auto,
    /// Also as root; without bubblewrap the runner does not start.
    Always,
    /// Never.
    Never,
}

/// What keeps a command from the server's own files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confinement {
    /// Commands run as this user, who is not the server's.
    OtherUser(String),
    /// Commands run as the server's user, and what is to be hidden is hidden from them.
    Bubblewrap,
    /// Nothing: commands share the server's user.
    None,
}

/// How long bubblewrap may take to show that it works.
const TRIAL: Duration = Duration::from_secs(5);

/// Succeeds when every directory and file it is given is empty.
const TRIAL_SCRIPT: &str =
    r#"for path do if [ -d "$path" ]; then [ -z "$(ls -A "$path")" ]; else [ ! -s "$path" ]; fi || exit 1; done"#;

/// Puts command lines into bubblewrap, or leaves them as they are.
#[derive(Debug)]
pub(crate) struct Confiner(Option<Bubblewrap>);

#[derive(Debug)]
struct Bubblewrap {
    program: PathBuf,
    /// As they were named: a link may lead elsewhere tomorrow, such as the one to a renewed key.
    hide: Vec<PathBuf>,
}

impl Confiner {
    /// Decides once, by trying.
    pub async fn choose(confine: Confine, hide: &[PathBuf]) -> Result<Self, RunnerError> {
        let wanted = match confine {
            Confine::Always => true,
            Confine::Auto => !is_root(),
            Confine::Never => false,
        };
        if !wanted || outermost(hide).is_empty() {
            return Ok(Self(None));
        }
        let found = match find() {
            Some(program) => Bubblewrap { program, hide: hide.to_vec() }.tried().await,
            None => None,
        };
        match (&found, confine) {
            (None, Confine::Always) => return Err(RunnerError::CannotConfine),
            (None, _) => warn!("bubblewrap is missing or does not work here; commands see the server's files"),
            (Some(bubblewrap), _) => info!(hidden = ?bubblewrap.hide, "commands run inside bubblewrap"),
        }
        Ok(Self(found))
    }

    /// Whether anything is hidden.
    pub fn hides(&self) -> bool {
        self.0.is_some()
    }

    /// The command line to start instead of `line`.
    pub fn wrap(&self, line: CommandLine, working_dir: Option<&Path>) -> CommandLine {
        match &self.0 {
            Some(bubblewrap) => bubblewrap.wrap(line, working_dir),
            None => line,
        }
    }
}

impl Bubblewrap {
    fn wrap(&self, line: CommandLine, working_dir: Option<&Path>) -> CommandLine {
        let mut args: Vec<OsString> =
            ["--unshare-user", "--cap-drop", "ALL", "--dev-bind", "/", "/"].into_iter().map(OsString::from).collect();
        for path in outermost(&self.hide) {
            if path.is_dir() {
                // Read-only: what is written there would be gone without a word.
                args.extend(["--tmpfs".into(), path.clone().into(), "--remount-ro".into(), path.into()]);
            } else {
                args.extend(["--ro-bind".into(), "/dev/null".into(), path.into()]);
            }
        }
        if let Some(dir) = working_dir {
            args.extend(["--chdir".into(), dir.into()]);
        }
        args.extend(["--".into(), line.program.into()]);
        args.extend(line.args);
        CommandLine { program: self.program.clone(), args }
    }

    /// This one, if it hides what it should.
    async fn tried(self) -> Option<Self> {
        let mut args: Vec<OsString> = ["-c", TRIAL_SCRIPT, "sh"].into_iter().map(OsString::from).collect();
        args.extend(outermost(&self.hide).into_iter().map(OsString::from));
        let line = self.wrap(CommandLine { program: "/bin/sh".into(), args }, None);
        let launch = || {
            let mut command = Command::new(&line.program);
            command.args(&line.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        let (mut child, pid) = children::start(None, launch).ok()?;
        let works = match timeout(TRIAL, child.wait()).await {
            Ok(ended) => ended.is_ok_and(|status| status.success()),
            Err(_) => {
                let _ = child.kill().await;
                false
            }
        };
        children::disown(pid);
        works.then_some(self)
    }
}

fn find() -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        path.is_absolute() && path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let path = own_path();
    let dirs = std::env::split_paths(&path).chain(std::env::split_paths(DEFAULT_PATH));
    dirs.map(|dir| dir.join("bwrap")).find(is_program)
}

/// The directories and files that exist, without those inside another of them.
fn outermost(paths: &[PathBuf]) -> Vec<PathBuf> {
    let is_kept = |path: &PathBuf| path.is_dir() || path.is_file();
    let mut paths: Vec<PathBuf> = paths.iter().filter_map(|path| path.canonicalize().ok()).filter(is_kept).collect();
    paths.sort();
    paths.dedup_by(|inner, outer| inner.starts_with(outer));
    paths
}

/// Whether this process is root, whose commands [`Confine::Auto`] leaves as they are: only another user ([`crate::RunAs`]) keeps them
/// from its files.
#[must_use]
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_inside_a_hidden_directory_is_not_named_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let outer = dir.path().canonicalize().expect("a path");
        let inner = outer.join("inner");
        std::fs::create_dir(&inner).expect("made");
        let (missing, file) = (outer.join("missing"), inner.join("file"));
        std::fs::write(&file, "text").expect("written");
        assert_eq!(outermost(&[inner.clone(), outer.clone(), missing, file.clone()]), [outer]);
        assert_eq!(outermost(&[file.clone(), "/dev/null".into()]), [file]);
    }
}
