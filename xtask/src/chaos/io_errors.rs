//! The disk answers with I/O errors (EIO) when it is to keep something for good: strace(1) gives the answers in its place.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::trouble::Trouble;
use super::world::World;
use super::{Chaos, Outcome};
use crate::studio::process::signal;

/// What fails: nothing is durable without one of these.
const CALLS: &str = "fsync,fdatasync";

pub fn play(chaos: &Chaos) -> Result<Outcome> {
    if Command::new("strace").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return Ok(Outcome::NotRun("strace is not installed".to_owned()));
    }
    let mut world = World::new(chaos, None)?;
    let trouble = Trouble { called: "I/O errors", may_store: false };
    trouble.before(&world);
    let Some(errors) = Errors::of(world.studio.server().pid())? else {
        world.close()?;
        return Ok(Outcome::NotRun("strace may not look at the server".to_owned()));
    };
    trouble.call_meanwhile(&mut world, || Ok(()))?;
    errors.end()?;
    trouble.recover(&mut world)?;
    trouble.after(&mut world)?;
    Ok(Outcome::Ran(world.close()?))
}

/// A strace that answers in the kernel's place, for one process.
struct Errors(Child);

impl Errors {
    /// From when this returns on, every thread of the process gets errors; none where that is not allowed.
    fn of(pid: u32) -> Result<Option<Self>> {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", &format!("trace={CALLS}"), "-e", &format!("inject={CALLS}:error=EIO"), "-p", &pid.to_string()]);
        let mut child =
            strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("starting strace")?;
        let mut lines = BufReader::new(child.stderr.take().context("strace has no output")?).lines();
        // Its first line says whether it is attached; a call that it answered says that it works.
        let first = lines.next().transpose().context("reading what strace says")?.unwrap_or_default();
        if !first.contains("attached") {
            child.wait().context("waiting for strace")?;
            return Ok(None);
        }
        // Nobody must wait because its output is not read.
        std::thread::spawn(move || for_each_line(lines));
        Ok(Some(Self(child)))
    }

    /// The calls succeed again. An interrupted strace lets its process go unharmed.
    fn end(mut self) -> Result<()> {
        signal(self.0.id(), Signal::SIGINT)?;
        let status = self.0.wait().context("waiting for strace")?;
        if status.code() == Some(1) {
            bail!("strace failed: {status}");
        }
        Ok(())
    }
}

fn for_each_line(lines: impl Iterator<Item = std::io::Result<String>>) {
    for line in lines {
        if line.is_err() {
            return;
        }
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // Nothing else can be done here, and the test fails already.
            let _ = signal(self.0.id(), Signal::SIGINT);
        }
    }
}
