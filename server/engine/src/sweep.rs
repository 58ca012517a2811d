//! What the runner keeps of steps that are over: a server that was lost right after it wrote a step's end, or a person who settled
//! a step that no worker held, leave it there.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use runner::RunnerError;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::handle::Shared;

/// Looks at once, and now and then.
pub(crate) async fn sweep_now_and_then(shared: Arc<Shared>) {
    let mut tick = interval(shared.config.sweep);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match sweep(&shared).await {
            Ok(0) => {}
            Ok(forgotten) => info!(steps = forgotten, "what the runner kept of steps that are over is forgotten"),
            Err(error) => {
                warn!(error = &*error, "what the runner keeps could not be compared with the store; trying again later")
            }
        }
    }
}

/// Has the runner forget every step that is not under way; how many there were.
async fn sweep(shared: &Shared) -> Result<usize, Box<dyn Error + Send + Sync>> {
    // First what the runner has, then what is under way: a step is durably so before the runner hears of it.
    let kept = shared.runner.steps().await?;
    if kept.is_empty() {
        return Ok(0);
    }
    let under_way: HashSet<String> = shared.store.steps_under_way().await?.iter().map(ToString::to_string).collect();
    let mut forgotten = 0;
    for step in kept.iter().filter(|step| !under_way.contains(*step)) {
        match shared.runner.forget(step).await {
            Ok(()) => forgotten += 1,
            Err(RunnerError::StillRunning { .. }) => warn!(step, "a process of a step that is over still runs"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(forgotten)
}
