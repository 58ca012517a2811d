//! The disk is full: nothing is acknowledged that is not stored, and when there is room again all goes on.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::ledger::Start;
use super::world::World;
use super::{Chaos, Outcome};

/// The disk. The store writes its log ahead in pieces, and has to fit an empty one.
const SIZE: &str = "size=96m,mode=700";
/// Runs before it is full, and after.
const RUNS: usize = 10;
/// Calls while the disk is full.
const CALLS: usize = 60;
/// How long the server may take to be itself again once there is room.
const RECOVERY: Duration = Duration::from_secs(60);

pub fn play(chaos: &Chaos) -> Result<Outcome> {
    let disk = match SmallDisk::mount(chaos.scratch.join(format!("small-disk-{}", std::process::id())))? {
        Ok(disk) => disk,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    let mut world = World::new(chaos, Some(disk.path.join("data")))?;
    // Some runs are under way when it happens, some have ended.
    for _ in 0..RUNS {
        world.ledger.start(&world.studio.client(), &world.runbook);
    }
    disk.fill()?;
    start_while_full(&mut world, &disk)?;
    disk.free()?;
    recover(&mut world)?;
    run_some_more(&mut world)?;

    // What was acknowledged must be on the disk, not in the memory of a process that lived through it.
    world.studio.kill()?;
    world.tally.kills += 1;
    world.studio.start_again().context("after the disk was full")?;
    world.judge()?;
    let tally = world.close()?;
    drop(disk);
    Ok(Outcome::Ran(tally))
}

/// Calls with no room left, and a look at what the server says about itself.
fn start_while_full(world: &mut World, disk: &SmallDisk) -> Result<()> {
    let client = world.studio.client();
    let mut taken = 0;
    for _ in 0..CALLS {
        // What is freed by tidying up is taken again.
        disk.fill()?;
        match world.ledger.start(&client, &world.runbook) {
            Start::Acknowledged => taken += 1,
            Start::Refused | Start::InDoubt => {}
        }
        thread::sleep(Duration::from_millis(20));
    }
    let ready = client.outside("/readyz");
    world.tally.note(format!(
        "{CALLS} calls with a full disk: {taken} acknowledged; /readyz then: {}",
        ready.map_or_else(|| "no answer".to_owned(), |status| status.to_string())
    ));
    let failures = world.ledger.entries().refused.iter().filter(|refusal| refusal.starts_with("500")).count();
    if failures > 0 {
        world.tally.broken(format!("{failures} calls were answered with 500 for want of room, not with 503"));
    }
    if ready == Some(200) && taken < CALLS {
        world.tally.broken("the server refuses runs for want of room and says that it is ready");
    }
    if let Some(status) = world.studio.server().ended() {
        world.tally.broken(format!("the server ended because its disk was full ({status})"));
    }
    Ok(())
}

/// Waits until runs are taken again; starts the server anew where it does not come round by itself.
fn recover(world: &mut World) -> Result<()> {
    let freed = Instant::now();
    while freed.elapsed() < RECOVERY {
        let client = world.studio.client();
        if client.is_ready() && matches!(world.ledger.start(&client, &world.runbook), Start::Acknowledged) {
            world.tally.note(format!("took runs again {:.1} s after there was room", freed.elapsed().as_secs_f64()));
            return Ok(());
        }
        thread::sleep(Duration::from_millis(200));
    }
    let last = world.ledger.entries().refused.last().cloned().unwrap_or_default();
    world.tally.broken(format!("still no runs {} s after there was room, until it was restarted: {last}", RECOVERY.as_secs()));
    world.studio.kill()?;
    world.studio.start_again().context("after the disk was full and free again")?;
    Ok(())
}

/// Work after the trouble, done and acknowledged; it must be there after a restart like any other.
fn run_some_more(world: &mut World) -> Result<()> {
    let client = world.studio.client();
    for _ in 0..RUNS {
        world.ledger.start(&client, &world.runbook);
    }
    if let Some(last) = world.ledger.entries().acknowledged.last()
        && let Err(error) = client.until_over(last, RECOVERY)
    {
        world.tally.broken(format!("with room again: {error:#}"));
    }
    Ok(())
}

/// A file system in memory of our own; gone when dropped.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts it, or says why it cannot.
    fn mount(path: PathBuf) -> Result<Result<Self, String>> {
        fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "runbook-studio-chaos"]).arg(&path).output();
        let refusal = match mounted {
            Ok(output) if output.status.success() => return Ok(Ok(Self { path })),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => format!("mount: {error}"),
        };
        fs::remove_dir(&path).with_context(|| format!("removing {}", path.display()))?;
        Ok(Err(format!("a small disk needs root and the right to mount: {refusal}")))
    }

    /// Takes what room is left.
    fn fill(&self) -> Result<()> {
        let mut file = File::options().create(true).append(true).open(self.ballast()).context("making the ballast")?;
        for piece in [64 * 1024, 4096, 1] {
            let zeros = vec![0; piece];
            loop {
                match file.write(&zeros) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error).context("filling the disk"),
                }
            }
        }
        Ok(())
    }

    fn free(&self) -> Result<()> {
        fs::remove_file(self.ballast()).context("making room")
    }

    fn ballast(&self) -> PathBuf {
        Path::join(&self.path, "ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the runner stays some seconds longer than its server.
        if Command::new("umount").arg("--lazy").arg(&self.path).status().is_ok_and(|status| status.success()) {
            let _ = fs::remove_dir(&self.path);
        }
    }
}
