//! The folder of one step: its identity and its end.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{GONE, Saved};
use crate::{Exit, ProcessIdentity};

const IDENTITY: &str = "identity";
const EXIT: &str = "exit";

#[derive(Clone, Debug)]
pub(crate) struct Folder {
    step: String,
    path: PathBuf,
}

/// What is noted when a step starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    pub identity: ProcessIdentity,
    /// Its private files, to be removed when its runner cannot any more.
    pub private_dir: Option<PathBuf>,
}

/// What is kept when a step has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub exit: Exit,
    /// Whether the output was read to its end.
    pub whole: bool,
}

impl Folder {
    pub(super) fn new(step: String, path: PathBuf) -> Self {
        Self { step, path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes who the process is, for another runner. A power failure may take the note, with the
    /// process; that there was one stays known by the folder.
    pub fn note(&self, note: &Note) -> io::Result<()> {
        self.create_file(IDENTITY)?.write_all(&serde_json::to_vec(note)?)
    }

    /// Keeps the end. It is there at once, whole, also for another runner; [`sync`](Self::sync)
    /// makes it outlast the machine.
    pub fn keep(&self, kept: Kept) -> io::Result<()> {
        let temporary = self.path.join("exit.new");
        self.create_file("exit.new")?.write_all(&serde_json::to_vec(&kept)?)?;
        fs::rename(temporary, self.path.join(EXIT))
    }

    /// Makes the end durable. After a power failure before this, it is missing or torn, and the
    /// step counts as lost.
    pub fn sync(&self) -> io::Result<()> {
        File::open(self.path.join(EXIT))?.sync_all()?;
        File::open(&self.path)?.sync_all()
    }

    /// Takes the folder out of the spool and gives where it is now, to be removed. What is set
    /// aside is gone for a later runner too.
    pub fn set_aside(&self) -> io::Result<PathBuf> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let aside = self.path.with_file_name(format!("{GONE}{}-{number}", std::process::id()));
        fs::rename(&self.path, &aside)?;
        Ok(aside)
    }

    pub(super) fn load(self) -> Saved {
        let note = read(&self.path.join(IDENTITY))
            .unwrap_or_else(|| Note { identity: ProcessIdentity::unnoted(self.step.clone()), private_dir: None });
        match read(&self.path.join(EXIT)) {
            Some(kept) => Saved::Ended(self, note, kept),
            None => Saved::Lost(self, note),
        }
    }

    fn create_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(self.path.join(name))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
