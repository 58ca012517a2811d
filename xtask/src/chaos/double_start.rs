//! One `Idempotency-Key`, many calls: one run. Also when the answer was lost because the server died.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use anyhow::{Context, Result};

use super::world::World;
use super::{Chaos, Outcome};
use crate::studio::Client;
use crate::studio::client::text_of;

/// Callers of one key, all at once.
const CALLERS: usize = 8;
/// Keys.
const KEYS: usize = 10;

pub fn play(chaos: &Chaos) -> Result<Outcome> {
    let mut world = World::new(chaos, None)?;
    let keys: Vec<String> = (0..KEYS).map(|number| format!("chaos-{}-{number}", chaos.seed)).collect();
    let mut runs = Vec::new();
    for key in &keys {
        let answers = call_at_once(&world, key)?;
        runs.push(one_run(&mut world, key, "calls at once", answers));
    }

    world.studio.kill()?;
    world.tally.kills += 1;
    world.studio.start_again().context("after the kill")?;
    let client = world.studio.client();
    for (key, run) in keys.iter().zip(&runs) {
        let answer = call(&client, &world.runbook, key)?;
        let again = one_run(&mut world, key, "the call after a restart", vec![answer]);
        if let (Some(run), Some(again)) = (run, again)
            && *run != again
        {
            world.tally.broken(format!("key {key}: run {run} before a restart, run {again} after it"));
        }
    }
    let stored = client.executions_of(&world.runbook)?.len();
    if stored != KEYS {
        world.tally.broken(format!("{KEYS} keys made {stored} runs"));
    }
    world.judge_effects()?;
    Ok(Outcome::Ran(world.close()?))
}

/// A status and, with a 202, the run.
type Answered = (u16, Option<String>);

fn call_at_once(world: &World, key: &str) -> Result<Vec<Answered>> {
    let barrier = Barrier::new(CALLERS);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (client, barrier, runbook) = (world.studio.client(), &barrier, world.runbook.as_str());
                scope.spawn(move || {
                    barrier.wait();
                    call(&client, runbook, key)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap_or_else(|_| anyhow::bail!("a caller panicked"))).collect()
    })
}

fn call(client: &Client, runbook: &str, key: &str) -> Result<Answered> {
    let answer = client.call_with("POST", &format!("/runbooks/{runbook}/execute"), &[("idempotency-key", key)], None)?;
    let run = if answer.status == 202 { Some(text_of(&answer.json()?, "job_id")?) } else { None };
    Ok((answer.status, run))
}

/// The one run of these answers. A 409 says that the first call is still under way, which is right, too.
fn one_run(world: &mut World, key: &str, when: &str, answers: Vec<Answered>) -> Option<String> {
    world.tally.started += answers.len();
    for (status, _) in answers.iter().filter(|(status, _)| *status != 202 && *status != 409) {
        world.tally.broken(format!("key {key}, {when}: a call was answered with {status}"));
    }
    let runs: Vec<String> = answers.into_iter().filter_map(|(_, run)| run).collect();
    world.tally.acknowledged += runs.len();
    let different: BTreeSet<&String> = runs.iter().collect();
    if different.len() != 1 {
        world.tally.broken(format!("key {key}, {when}: {} runs", different.len()));
    }
    runs.into_iter().next()
}
