//! The disk is full: nothing is acknowledged that is not stored, and when there is room again all goes on.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::trouble::Trouble;
use super::world::World;
use super::{Chaos, Outcome};

/// The disk. The store writes its log ahead in pieces, and has to fit an empty one.
const SIZE: &str = "size=96m,mode=700";

pub fn play(chaos: &Chaos) -> Result<Outcome> {
    let disk = match SmallDisk::mount(chaos.scratch.join(format!("small-disk-{}", std::process::id())))? {
        Ok(disk) => disk,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    let mut world = World::new(chaos, Some(disk.path.join("data")))?;
    let trouble = Trouble { called: "a full disk", may_store: true };
    trouble.before(&world);
    // What is freed by tidying up is taken again.
    trouble.call_meanwhile(&mut world, || disk.fill())?;
    disk.free()?;
    trouble.recover(&mut world)?;
    trouble.after(&mut world)?;
    let tally = world.close()?;
    drop(disk);
    Ok(Outcome::Ran(tally))
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
