//! A disk in trouble, whatever its trouble is: calls meanwhile, and what must be true of them afterwards.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::ledger::Start;
use super::world::World;

/// Runs before the trouble, and after.
const RUNS: usize = 10;
/// Calls while it lasts.
const CALLS: usize = 60;
/// How long the server may take to be itself again once it is over.
const RECOVERY: Duration = Duration::from_secs(60);

/// What is wrong with the disk.
pub struct Trouble {
    /// `a full disk`
    pub called: &'static str,
    /// Whether some writes may succeed all the same, and be acknowledged.
    pub may_store: bool,
}

impl Trouble {
    /// Some runs are under way when it happens, some have ended.
    pub fn before(&self, world: &World) {
        for _ in 0..RUNS {
            world.ledger.start(&world.studio.client(), &world.runbook);
        }
    }

    /// Calls while it lasts, `keep_up` before each, and a look at what the server says about itself.
    pub fn call_meanwhile(&self, world: &mut World, keep_up: impl Fn() -> Result<()>) -> Result<()> {
        let client = world.studio.client();
        let mut taken = 0;
        for _ in 0..CALLS {
            keep_up()?;
            match world.ledger.start(&client, &world.runbook) {
                Start::Acknowledged => taken += 1,
                Start::Refused | Start::InDoubt => {}
            }
            thread::sleep(Duration::from_millis(20));
        }
        let ready = client.outside("/readyz");
        world.tally.note(format!(
            "{CALLS} calls with {}: {taken} acknowledged; /readyz then: {}",
            self.called,
            ready.map_or_else(|| "no answer".to_owned(), |status| status.to_string())
        ));
        if taken > 0 && !self.may_store {
            world.tally.broken(format!("{taken} runs were acknowledged with {}, on which nothing can be stored", self.called));
        }
        let failures = world.ledger.entries().refused.iter().filter(|refusal| refusal.starts_with("500")).count();
        if failures > 0 {
            world.tally.broken(format!("{failures} calls were answered with 500 because of {}, not with 503", self.called));
        }
        if ready == Some(200) && taken < CALLS {
            world.tally.broken(format!("the server refuses runs because of {} and says that it is ready", self.called));
        }
        if let Some(status) = world.studio.server().ended() {
            world.tally.broken(format!("the server ended because of {} ({status})", self.called));
        }
        Ok(())
    }

    /// Waits until runs are taken again; starts the server anew where it does not come round by itself.
    pub fn recover(&self, world: &mut World) -> Result<()> {
        let over = Instant::now();
        while over.elapsed() < RECOVERY {
            let client = world.studio.client();
            if client.is_ready() && matches!(world.ledger.start(&client, &world.runbook), Start::Acknowledged) {
                world.tally.note(format!("took runs again {:.1} s after it was over", over.elapsed().as_secs_f64()));
                return Ok(());
            }
            thread::sleep(Duration::from_millis(200));
        }
        let last = world.ledger.entries().refused.last().cloned().unwrap_or_default();
        world.tally.broken(format!("still no runs {} s after it was over, until it was restarted: {last}", RECOVERY.as_secs()));
        world.studio.kill()?;
        world.studio.start_again().with_context(|| format!("after {}", self.called))?;
        Ok(())
    }

    /// Work after it, done and acknowledged; it must be there after a kill like all that was acknowledged before: on the disk,
    /// not in the memory of a process that lived through it.
    pub fn after(&self, world: &mut World) -> Result<()> {
        let client = world.studio.client();
        for _ in 0..RUNS {
            world.ledger.start(&client, &world.runbook);
        }
        if let Some(last) = world.ledger.entries().acknowledged.last()
            && let Err(error) = client.until_over(last, RECOVERY)
        {
            world.tally.broken(format!("after {}: {error:#}", self.called));
        }
        world.studio.kill()?;
        world.tally.kills += 1;
        world.studio.start_again().with_context(|| format!("after {}", self.called))?;
        world.judge()
    }
}
