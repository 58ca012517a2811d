//! SIGKILL at random moments, of the server, of its runner, or of both, while runs are started and under way.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::world::World;
use super::{Chaos, Outcome};
use crate::studio::process::{Process, runner_of};

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
        if find_runner(&world).is_none() {
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

    let studio = &mut world.studio;
    let clients: Vec<_> = starts.into_iter().map(|at| (at, studio.client())).collect();
    let (ledger, runbook) = (&world.ledger, world.runbook.as_str());
    let killed = thread::scope(|scope| {
        for (at, client) in clients {
            scope.spawn(move || {
                thread::sleep(at.saturating_sub(ready.elapsed()));
                ledger.start(&client, runbook);
            });
        }
        thread::sleep(moment.saturating_sub(ready.elapsed()));
        let runner = runner_of(studio.pid(), &studio.folders().data);
        let runner_killed = match (victim, runner) {
            (Victim::Runner | Victim::Both, Some(runner)) => runner.kill()?,
            _ => false,
        };
        if victim == Victim::Runner {
            return Ok(runner_killed);
        }
        studio.kill()?;
        Ok::<_, anyhow::Error>(true)
    })?;
    world.tally.kills += usize::from(killed);
    Ok(())
}

fn find_runner(world: &World) -> Option<Process> {
    let deadline = Instant::now() + LOOK;
    loop {
        let found = runner_of(world.studio.pid(), &world.studio.folders().data);
        if found.is_some() || Instant::now() > deadline {
            return found;
        }
        thread::sleep(Duration::from_millis(20));
    }
}
