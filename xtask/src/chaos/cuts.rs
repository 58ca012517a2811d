//! SSH connections that are cut at random moments, while the steps of runs take effect on a host.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fastrand::Rng;

use super::world::World;
use super::{Chaos, Outcome, settle};
use crate::studio::Client;
use crate::studio::client::PAGE;
use crate::studio::process::Process;
use crate::studio::sshd::Sshd;

/// Runs that are under way at a cut; more would only wait for each other.
const RUNS: usize = 3;
/// When a cut falls, in milliseconds after so many were under way.
const MOMENTS: std::ops::Range<u64> = 20..500;
/// Of so many cuts, one takes every connection at once.
const ALL_AT_ONCE: u32 = 8;
/// How long we look for a connection to cut.
const LOOK: Duration = Duration::from_secs(30);

pub fn play(chaos: &Chaos) -> Result<Outcome> {
    if let Some(why) = Sshd::missing() {
        return Ok(Outcome::NotRun(why));
    }
    let folder = tempfile::Builder::new().prefix("sshd-").tempdir_in(&chaos.scratch).context("making a folder")?;
    let sshd = Sshd::start(folder.path())?;
    let mut world = World::on_host(chaos, &sshd)?;
    let client = world.studio.client();
    let began = Instant::now();
    for _ in 0..chaos.kills {
        for _ in under_way(&client, &world.runbook)?..RUNS {
            world.ledger.start(&client, &world.runbook);
        }
        thread::sleep(Duration::from_millis(world.rng.u64(MOMENTS)));
        world.tally.kills += cut(&mut world, &sshd)?;
        // Also what goes on after an answer is cut again.
        settle::answer_interrupted(&client, &world.runbook, &world.ledger, &mut world.rng, &mut world.tally)?;
    }
    let cutting = began.elapsed();
    world.judge()?;
    world.tally.note(format!(
        "{:.0} s of cuts, {:.0} s until all was settled and checked",
        cutting.as_secs_f64(),
        (began.elapsed() - cutting).as_secs_f64()
    ));
    Ok(Outcome::Ran(world.close()?))
}

fn under_way(client: &Client, runbook: &str) -> Result<usize> {
    Ok(client.all(&format!("/executions?runbook={runbook}&state=running&limit={PAGE}"))?.len())
}

/// Answers how many connections were cut: one, or all there are. Waits until there is one, starting runs where all are over.
fn cut(world: &mut World, sshd: &Sshd) -> Result<usize> {
    let deadline = Instant::now() + LOOK;
    let mut next_run = Instant::now() + Duration::from_secs(1);
    loop {
        let connections = sshd.connections();
        let mut cut = 0;
        for connection in chosen(&mut world.rng, connections) {
            cut += usize::from(connection.kill()?);
        }
        if cut > 0 {
            return Ok(cut);
        }
        if Instant::now() > deadline {
            bail!("no connection to the host was made for {} s", LOOK.as_secs());
        }
        if Instant::now() > next_run {
            world.ledger.start(&world.studio.client(), &world.runbook);
            next_run += Duration::from_secs(1);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn chosen(rng: &mut Rng, mut connections: Vec<Process>) -> Vec<Process> {
    if connections.is_empty() || rng.u32(0..ALL_AT_ONCE) == 0 {
        return connections;
    }
    vec![connections.swap_remove(rng.usize(..connections.len()))]
}
