//! SIGKILL at random moments, of the server, of its runner, or of both, while runs are started and under way.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::world::World;
use super::{Chaos, Outcome};
use crate::studio::process::Process;

/// Runs that are started between two kills.
const RUNS: usize = 4;
/// When a kill falls, in milliseconds after the server was ready.
const MOMENTS: std::ops::Range<u64> = 50..1_000;
/// How long we look for a runner, which may start with the first command only.
const LOOK: Duration = Duration::from_secs(5);

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    Server,
    Runner,
    Both,
}

pub fn play(chaos: &Chaos, victim: Victim) -> Result<Outcome> {
    let mut world = World::new(chaos, None)?;
    if victim != Victim::Server {
        // A first run, so that whatever serves commands is there.
        world.ledger.start(&world.studio.client(), &world.runbook);
        if find_runner(&mut world).is_none() {
            world.judge()?;
            world.close()?;
            return Ok(Outcome::NotRun("this server has no runner process".to_owned()));
        }
    }
    let began = Instant::now();
    for _ in 0..chaos.kills {
        let moment = Duration::from_millis(world.rng.u64(MOMENTS));
        one_life(&mut world, victim, moment)?;
    }
    if victim != Victim::Runner {
        world.studio.start_again().context("after the last kill")?;
    }
    let killing = began.elapsed();
    world.judge()?;
    world.tally.note(format!(
        "{:.0} s of kills, {:.0} s until all was settled and checked",
        killing.as_secs_f64(),
        (began.elapsed() - killing).as_secs_f64()
    ));
    Ok(Outcome::Ran(world.close()?))
}

/// Starts runs up to the moment of the kill; the last call is aimed at that very moment.
fn one_life(world: &mut World, victim: Victim, moment: Duration) -> Result<()> {
    // The first life began with the world, every later one begins here.
    if world.studio.server().ended().is_some() {
        world.studio.start_again().context("after a kill")?;
    }
    let ready = Instant::now();
    let mut starts: Vec<Duration> = (1..RUNS).map(|_| moment.mul_f64(world.rng.f64())).collect();
    starts.push(moment.saturating_sub(Duration::from_micros(world.rng.u64(0..6_000))));

    let clients: Vec<_> = starts.into_iter().map(|at| (at, world.studio.client())).collect();
    let runbook = world.runbook.clone();
    let ledger = Arc::clone(&world.ledger);
    let killed = thread::scope(|scope| {
        for (at, client) in clients {
            let (ledger, runbook) = (&ledger, &runbook);
            scope.spawn(move || {
                thread::sleep(at.saturating_sub(ready.elapsed()));
                ledger.start(&client, runbook);
            });
        }
        thread::sleep(moment.saturating_sub(ready.elapsed()));
        strike(world, victim)
    })?;
    world.tally.kills += killed;
    Ok(())
}

/// Answers how many processes were killed.
fn strike(world: &mut World, victim: Victim) -> Result<usize> {
    let mut killed = 0;
    if victim != Victim::Server
        && let Some(runner) = world.runner()
    {
        killed += usize::from(runner.kill()?);
    }
    if victim != Victim::Runner {
        world.studio.kill()?;
        killed += 1;
    }
    Ok(killed)
}

fn find_runner(world: &mut World) -> Option<Process> {
    let deadline = Instant::now() + LOOK;
    loop {
        let found = world.runner();
        if found.is_some() || Instant::now() > deadline {
            return found;
        }
        thread::sleep(Duration::from_millis(20));
    }
}
