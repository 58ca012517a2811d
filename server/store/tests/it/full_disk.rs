//! A disk that is full, and logs that end in the middle of a record: nothing that was acknowledged is lost.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use domain::{AuditAction, Runbook, RunbookId};
use store::{Store, StoreError};

use crate::world::{audit, runbook};

/// How long the store may take to be good again.
const RECOVERY: Duration = Duration::from_secs(60);

/// The engine's log is written in blocks of this size.
const BLOCK: u64 = 32 * 1024;

/// A file system in memory of our own; gone when dropped.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// None where this process may not mount; says so.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "store-test"]).arg(folder.path()).output();
        let refusal = match mounted {
            Ok(output) if output.status.success() => return Some(Self { folder }),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let mut stderr = std::io::stderr();
        // Past the harness, which would swallow it.
        writeln!(stderr, "NOT RUN: a small disk needs root and the right to mount: {refusal}").expect("a line");
        None
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Takes what room is left, but for this many bytes.
    fn fill(&self, leave: usize) {
        let mut file = File::options().create(true).append(true).open(self.ballast()).expect("a file");
        for piece in [64 * 1024, 4096, 1] {
            let zeros = vec![0; piece];
            loop {
                match file.write(&zeros) {
                    Ok(written) if written > 0 => {}
                    Err(error) if error.kind() != ErrorKind::StorageFull => panic!("filling the disk: {error}"),
                    _ => break,
                }
            }
        }
        let size = file.metadata().expect("facts").len();
        file.set_len(size.saturating_sub(u64::try_from(leave).expect("a number"))).expect("some room");
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).expect("room");
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the store that was dropped just before may still be closing.
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

async fn open(data: &Path) -> Store {
    let url = format!("surrealkv://{}", data.display());
    let deadline = Instant::now() + RECOVERY;
    loop {
        match Store::connect(&url, None).await {
            Ok(store) => return store,
            Err(error) => assert!(Instant::now() < deadline, "it cannot be opened: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Writes a runbook that is this long.
async fn write(store: &Store, length: usize) -> Result<RunbookId, StoreError> {
    let written = Runbook { description: "x".repeat(length), ..runbook("A long story", 1) };
    store.create_runbook(&written, &[], &audit(AuditAction::RunbookCreated)).await?;
    Ok(written.id)
}

async fn until_good(store: &Store) -> RunbookId {
    let deadline = Instant::now() + RECOVERY;
    loop {
        match write(store, 1000).await {
            Ok(id) => return id,
            Err(error) => assert!(error.is_unavailable() && Instant::now() < deadline, "never good again: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn assert_all_there(store: &Store, acknowledged: &[RunbookId]) {
    for (place, id) in acknowledged.iter().enumerate() {
        let found = store.runbook(*id).await.expect("an answer");
        assert!(found.is_some(), "acknowledged write {place} of {} is lost", acknowledged.len());
    }
}

/// A copy of the data as a process that is killed now would leave it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// The file at the end of the log.
fn last_log(data: &Path) -> PathBuf {
    let files = fs::read_dir(data.join("wal")).expect("a log");
    let names = files.map(|entry| entry.expect("an entry").path());
    names.filter(|path| path.extension().is_some_and(|extension| extension == "wal")).max().expect("a log")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_a_free_one_is_good_again_with_all_that_was_acknowledged() {
    let Some(disk) = SmallDisk::mount() else { return };
    let store = open(&disk.data()).await;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        for _ in 0..5 {
            acknowledged.push(write(&store, 3000).await.expect("room"));
        }
        disk.fill(0);
        for _ in 0..20 {
            let refused = write(&store, 20_000).await.expect_err("there is no room");
            assert!(refused.is_unavailable(), "round {round}: {refused:?}");
        }
        assert!(store.ping().await.expect_err("it cannot write").is_unavailable());
        disk.free();
        acknowledged.push(until_good(&store).await);
        store.ping().await.expect("a sign of life");
        assert_all_there(&store, &acknowledged).await;
        // As after a crash: nothing of the memory is left.
        let crashed = tempfile::tempdir().expect("a folder");
        copy(&disk.data(), crashed.path());
        assert_all_there(&open(crashed.path()).await, &acknowledged).await;
    }

    disk.fill(0);
    assert!(write(&store, 3000).await.expect_err("there is no room").is_unavailable());
    drop(store);
    let url = format!("surrealkv://{}", disk.data().display());
    assert!(Store::connect(&url, None).await.expect_err("there is no room").is_unavailable());
    disk.free();
    assert_all_there(&open(&disk.data()).await, &acknowledged).await;
}

/// Small and large writes side by side: the large ones meet the end of the disk in the middle of a record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_meet_the_end_of_the_disk_lose_nothing_that_was_acknowledged() {
    let Some(disk) = SmallDisk::mount() else { return };
    let store = open(&disk.data()).await;
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        // More than what the store wants to have, and less than what two of the large ones need.
        disk.fill(1_600_000);
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..6 {
            let store = store.clone();
            let length = if writer < 3 { 2000 + round * 911 } else { 500_000 + writer * 70_001 };
            writers.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    match write(&store, length).await {
                        Ok(id) => mine.push(id),
                        Err(error) => return (mine, error),
                    }
                }
            });
        }
        let mut met_the_end = false;
        for (mine, error) in writers.join_all().await {
            assert!(error.is_unavailable(), "round {round}: {error:?}");
            met_the_end |= format!("{error:?}").contains("No space left");
            acknowledged.extend(mine);
        }
        assert!(met_the_end, "round {round}: the engine never met the end of the disk");
        disk.free();
        acknowledged.push(until_good(&store).await);
        let crashed = tempfile::tempdir().expect("a folder");
        copy(&disk.data(), crashed.path());
        assert_all_there(&open(crashed.path()).await, &acknowledged).await;
    }
    drop(store);
    assert_all_there(&open(&disk.data()).await, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_after_a_log_was_found_torn_outlives_a_crash() {
    // A header cut short, a record cut short, a record that lacks all but its first piece.
    let tails: [fn(&Path); 3] = [
        |log| append(log, &[1, 2, 3]),
        |log| append(log, &[&[1; 4][..], &[1, 0, 1], b"abcd"].concat()),
        |log| {
            let file = File::options().write(true).open(log).expect("the log");
            let size = file.metadata().expect("facts").len();
            file.set_len(size - size % BLOCK).expect("a shorter log");
        },
    ];
    for tear in tails {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let store = open(&data).await;
        let mut acknowledged = vec![write(&store, 3000).await.expect("a write")];
        // Over the end of a block; of no concern to the store that finds only a piece of it.
        write(&store, usize::try_from(BLOCK).expect("a number")).await.expect("a write");
        let torn = folder.path().join("torn");
        copy(&data, &torn);
        tear(&last_log(&torn));
        drop(store);

        let store = open(&torn).await;
        acknowledged.push(write(&store, 3000).await.expect("a write"));
        let crashed = folder.path().join("crashed");
        copy(&torn, &crashed);
        assert_all_there(&open(&crashed).await, &acknowledged).await;
    }
}

fn append(log: &Path, bytes: &[u8]) {
    File::options().append(true).open(log).expect("the log").write_all(bytes).expect("a write");
}
