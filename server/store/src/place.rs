//! The folder of the embedded database: how much room it has, whether somebody holds it, what its log holds.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::statvfs::statvfs;
use tokio::time::Instant;

/// With less room than this nothing is written: the engine's own upkeep writes too, and must not be the one that fails.
const LEAST_ROOM: u64 = 1 << 20;
/// Beside what its log asks for, this much room is wanted to open the database.
const ROOM_TO_OPEN: u64 = 2 << 20;
/// How long whoever held the folder may take to let go of it.
const LET_GO: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Where an embedded database lies.
#[derive(Debug)]
pub struct Place {
    folder: PathBuf,
}

impl Place {
    /// The folder of a database that is embedded and on a disk.
    pub fn of(url: &str) -> Option<Self> {
        let path = url.strip_prefix("surrealkv:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(Self { folder: path.split_once('?').map_or(path, |(path, _)| path).into() })
    }

    /// Whether there is too little room to write anything.
    pub fn is_full(&self) -> bool {
        self.room().is_some_and(|room| room < LEAST_ROOM)
    }

    /// Whether there is room to open the database: its log becomes a table.
    pub fn has_room_to_open(&self) -> bool {
        let log = self.log_size().unwrap_or(0);
        self.room().is_none_or(|room| room >= ROOM_TO_OPEN.saturating_add(log))
    }

    /// Bytes in the log: changes that no table holds yet.
    pub fn log_size(&self) -> io::Result<u64> {
        let mut size = 0;
        for entry in entries(&self.log())? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "wal") {
                size += entry.metadata()?.len();
            }
        }
        Ok(size)
    }

    /// Waits until nobody holds the database, and removes what a repair that failed has left: the engine would append to it.
    pub async fn make_ready(&self) -> io::Result<()> {
        let deadline = Instant::now() + LET_GO;
        let lock = loop {
            match self.lock() {
                Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Err(io::Error::new(error.kind(), "another process has it open"));
                }
                answer => break answer?,
            }
        };
        let answer = match fs::remove_dir_all(self.log().join("repair_temp")) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        drop(lock);
        answer
    }

    /// The engine's own lock, as far as there is one.
    fn lock(&self) -> io::Result<Option<File>> {
        match File::options().read(true).write(true).open(self.folder.join("LOCK")) {
            Ok(file) => {
                file.try_lock()?;
                Ok(Some(file))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.join("wal")
    }

    /// Bytes that are free for us; unknown on a file system that does not say.
    fn room(&self) -> Option<u64> {
        let folder = self.folder.ancestors().find(|folder| folder.is_dir())?;
        let facts = statvfs(folder).ok().filter(|facts| facts.blocks() > 0)?;
        Some(facts.blocks_available().saturating_mul(facts.fragment_size()))
    }
}

fn entries(folder: &Path) -> io::Result<Vec<io::Result<fs::DirEntry>>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_embedded_database_on_a_disk_has_a_place() {
        let folder = |url| Place::of(url).map(|place| place.folder);
        assert_eq!(folder("surrealkv:///var/lib/a?sync=every"), Some("/var/lib/a".into()));
        assert_eq!(folder("surrealkv://a"), Some("a".into()));
        assert_eq!((folder("mem://"), folder("ws://localhost:8000")), (None, None));
    }
}
