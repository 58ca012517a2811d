//! What outlives the runner: a folder for each step, until the step's outcome is kept elsewhere.
//!
//! ```text
//! spool/<step>/              there before the start of the step is answered, durable soon after
//!              identity      who the process is
//!              output        frames of output in the order of arrival, up to the head's limit
//!              output.<n>    the end of a longer output; n is the first byte's place in the whole
//!              exit          how it ended; appears whole or not at all
//! ```
//!
//! A folder without `exit` is that of a step that runs, or was lost with a former runner. One
//! without `identity` is that of a step whose runner, or whose machine, died in the moment of its
//! start.
//! No environment, no script, no secret lies here, except what a process prints.

mod folder;
mod log;

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::{sync::Mutex as AsyncMutex, task::spawn_blocking};
use tracing::warn;

pub(crate) use folder::{Folder, Kept, Note};
pub(crate) use log::{Cursor, Log, LogWriter, MAX_BATCH, Part};

use crate::RunnerError;

/// What stands for itself in a folder's name; a dot does not, so that no step is named `..`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The longest name of a folder, below every file system's limit.
const MAX_NAME_BYTES: usize = 240;

/// Folders that are on their way out begin like this.
const GONE: &str = ".gone-";

/// The directory of all folders.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    /// The number of calls of [`sync`](Self::sync) so far.
    asked: AtomicU64,
    /// How many of them are answered.
    synced: AsyncMutex<u64>,
}

/// A step that a former runner left.
#[derive(Debug)]
pub(crate) enum Saved {
    Ended(Folder, Note, Kept),
    Lost(Folder, Note),
}

impl Spool {
    pub fn open(dir: PathBuf) -> Result<Self, RunnerError> {
        let made = match DirBuilder::new().mode(0o700).create(&dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Ok(()) => dir.parent().map_or(Ok(()), |home| File::open(home)?.sync_all()),
            failed => failed,
        };
        match made {
            Ok(()) => Ok(Self { dir, asked: AtomicU64::new(0), synced: AsyncMutex::new(0) }),
            Err(source) => Err(RunnerError::Directory { path: dir, source }),
        }
    }

    /// Makes the folder of a new step. From here on the step counts as started, also after a power
    /// failure once [`sync`](Self::sync) has returned.
    pub fn create(&self, step: &str) -> Result<Folder, RunnerError> {
        let name = utf8_percent_encode(step, ENCODED).to_string();
        if name.len() > MAX_NAME_BYTES {
            return Err(RunnerError::MarkerTooLong);
        }
        let folder = Folder::new(step.to_owned(), self.dir.join(name));
        match DirBuilder::new().mode(0o700).create(folder.path()) {
            Ok(()) => Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(RunnerError::AlreadyKnown { step: step.to_owned() })
            }
            Err(source) => Err(RunnerError::Record { step: step.to_owned(), source }),
        }
    }

    /// Makes every folder durable that is there now. Those who ask at the same time share the work.
    pub async fn sync(&self) -> io::Result<()> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut synced = self.synced.lock().await;
        if *synced >= number {
            return Ok(());
        }
        let asked = self.asked.load(Ordering::SeqCst);
        let dir = self.dir.clone();
        spawn_blocking(move || File::open(dir)?.sync_all()).await.map_err(io::Error::other)??;
        *synced = asked;
        Ok(())
    }

    /// Everything that a former runner left. What was on its way out goes now.
    pub fn load(&self) -> Result<Vec<Saved>, RunnerError> {
        let unreadable = |source| RunnerError::Directory { path: self.dir.clone(), source };
        let mut saved = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if name.starts_with(GONE) {
                if let Err(error) = fs::remove_dir_all(&path) {
                    warn!(path = %path.display(), %error, "a forgotten step could not be removed");
                }
                continue;
            }
            let Ok(step) = percent_decode_str(name).decode_utf8().map(|step| step.into_owned()) else { continue };
            saved.push(Folder::new(step, path).load());
        }
        Ok(saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exit, ProcessIdentity};

    fn spool() -> (tempfile::TempDir, Spool) {
        let dir = tempfile::tempdir().expect("a directory");
        let spool = Spool::open(dir.path().join("spool")).expect("opened");
        (dir, spool)
    }

    fn loaded(spool: &Spool) -> Vec<String> {
        let name = |saved: Saved| match saved {
            Saved::Ended(_, note, kept) => format!("{} {}", note.identity.step, kept.exit.describe()),
            Saved::Lost(_, note) => format!("{} lost, pid {}", note.identity.step, note.identity.pid),
        };
        let mut names: Vec<String> = spool.load().expect("loaded").into_iter().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn any_name_of_a_step_makes_one_folder_inside() {
        let (dir, spool) = spool();
        let names = ["..", ".", "a/b", "../../x", "a b\n", "é%2F", "-", ".gone-1"];
        for name in names {
            spool.create(name).expect("made");
            let error = spool.create(name).expect_err("refused");
            assert!(matches!(error, RunnerError::AlreadyKnown { .. }), "{error:?}");
        }
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);
        let mut expected: Vec<String> = names.iter().map(|name| format!("{name} lost, pid 0")).collect();
        expected.sort();
        assert_eq!(loaded(&spool), expected);
        assert!(matches!(spool.create(&"/".repeat(81)), Err(RunnerError::MarkerTooLong)));
    }

    #[test]
    fn what_ended_is_told_from_what_was_lost() {
        let (_dir, spool) = spool();
        let identity = |step: &str| ProcessIdentity { pid: 7, ..ProcessIdentity::unnoted(step.to_owned()) };
        let note = |step| Note { identity: identity(step), private_dir: None };
        let kept = Kept { exit: Exit { code: Some(3), signal: None }, whole: true };
        for (step, ends) in [("one", true), ("two", false), ("torn", true), ("gone", true)] {
            let folder = spool.create(step).expect("made");
            folder.note(&note(step)).expect("noted");
            if ends {
                folder.keep(kept).expect("kept");
            }
            match step {
                "torn" => fs::write(folder.path().join("exit"), "{\"ex").expect("written"),
                "gone" => drop(folder.set_aside().expect("set aside")),
                _ => {}
            }
        }
        assert_eq!(loaded(&spool), ["one exit 3", "torn lost, pid 7", "two lost, pid 7"]);
        assert_eq!(fs::read_dir(&spool.dir).expect("listed").count(), 3, "what was set aside is gone");
    }
}
