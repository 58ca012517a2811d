//! Waits by the clock: timers, and the time between two attempts. A run that waits takes no place among those that execute.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::Utc;
use domain::plan::Planned;
use domain::{RunState, Seconds, Step, StepState, Timestamp};

use crate::error::Halt;
use crate::executors::{Cause, Outcome};
use crate::handle::Shared;
use crate::held::Control;
use crate::output::Printed;
use crate::run_task::{Commit, RunTask};

/// Why a wait ended.
enum Waited {
    Due,
    /// A person asked for something, or the engine closes.
    Disturbed,
}

impl RunTask {
    /// Waits until a repeated attempt is due; false when disturbed.
    pub(crate) async fn wait_for_retry(&mut self, index: usize) -> Result<bool, Halt> {
        let Some(due) = self.steps[index].due_at else { return Ok(true) };
        // That the last attempt failed is durable before the wait.
        if !self.dirty.is_empty() && self.commit(RunState::Running, false).await? == Commit::Moved {
            return Ok(false);
        }
        if let Waited::Disturbed = self.wait_until(due).await {
            return Ok(false);
        }
        self.steps[index].due_at = None;
        Ok(true)
    }

    /// A timer: begins, goes on where it was held, or ends. One that may not take as long as it waits ends as timed out.
    pub(crate) async fn timer(&mut self, planned: &Planned<'_>, index: usize, duration: Seconds) -> Result<(), Halt> {
        let timeout = planned.block.timeout.filter(|timeout| *timeout < duration);
        let is_begun = self.steps[index].state == StepState::Running;
        if !is_begun && !self.begin_timer(index, duration, timeout.unwrap_or(duration)).await? {
            return Ok(());
        }
        let due = self.steps[index].due_at.unwrap_or_else(Utc::now);
        if let Waited::Due = self.wait_until(due).await {
            self.steps[index].due_at = None;
            let outcome = match timeout {
                None => Outcome::succeeded(),
                Some(_) => Outcome::broken_off(Cause::TimedOut, &format!("it was to wait {duration}"), timeout),
            };
            return self.conclude(planned, index, outcome, Printed::default()).await;
        }
        let asked = *self.asked.borrow_and_update();
        self.pen.announce(asked);
        match self.pen.run.state {
            RunState::Stopping => {
                self.settle(index, StepState::stop, Some("stopped before it was due".to_owned()))?;
                self.end(RunState::Stopped, None).await
            }
            RunState::Pausing => self.hold_timer(index, due).await,
            // The engine closes, or the person thought better of it; the boundary knows.
            _ => Ok(()),
        }
    }

    /// Keeps what is left of a timer as `due_at - ended_at`, and the run on hold.
    async fn hold_timer(&mut self, index: usize, due: Timestamp) -> Result<(), Halt> {
        let before = self.steps[index].clone();
        let now = Utc::now();
        let step = &mut self.steps[index];
        step.state = step.state.ask()?;
        step.ended_at = Some(now);
        step.what = format!("Wait {} more", span(due, now));
        self.dirty.insert(index);
        if self.commit(RunState::Paused, true).await? == Commit::Done {
            return Err(Halt::AtRest);
        }
        self.steps[index] = before;
        self.dirty.remove(&index);
        Ok(())
    }

    /// Writes that a timer begins, due after `limit`, or goes on with what was left when it was held.
    async fn begin_timer(&mut self, index: usize, duration: Seconds, limit: Seconds) -> Result<bool, Halt> {
        let step = &mut self.steps[index];
        let before = step.clone();
        let left = match (step.due_at, step.ended_at) {
            (Some(due), Some(held)) if is_held(step) => due - held,
            _ => chrono::Duration::from_std(limit.to_std()).unwrap_or_default(),
        };
        step.due_at = Some(Utc::now() + left);
        step.ended_at = None;
        self.steps[index].what = format!("Wait {duration}");
        let begun = self.begin(index).await?;
        if !begun {
            self.steps[index] = before;
        }
        Ok(begun)
    }

    /// Waits until then; false when disturbed.
    pub(crate) async fn is_due(&mut self, due: Timestamp) -> bool {
        matches!(self.wait_until(due).await, Waited::Due)
    }

    /// Waits by the clock on the wall; costs no place among the busy runs.
    async fn wait_until(&mut self, due: Timestamp) -> Waited {
        let _idle = Idle::new(&self.shared, &self.control);
        loop {
            let Ok(left) = (due - Utc::now()).to_std() else { return Waited::Due };
            if left.is_zero() {
                return Waited::Due;
            }
            // The wall clock may be set; look again now and then.
            let nap = left.min(std::time::Duration::from_secs(60));
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                changed = self.asked.changed() => {
                    if changed.is_ok() && *self.asked.borrow_and_update() != (self.pen.run.state, self.pen.run.mode) {
                        // Seen by whoever handles it.
                        self.asked.mark_changed();
                        return Waited::Disturbed;
                    }
                }
                () = self.control.lost.cancelled() => return Waited::Disturbed,
                () = self.shared.closing.cancelled() => return Waited::Disturbed,
            }
        }
    }
}

/// Whether this is a timer that was begun and is held.
pub(crate) fn is_held(step: &Step) -> bool {
    step.state == StepState::Waiting && step.started_at.is_some()
}

/// Makes room for another run while this one waits.
struct Idle {
    shared: Arc<Shared>,
    control: Arc<Control>,
}

impl Idle {
    fn new(shared: &Arc<Shared>, control: &Arc<Control>) -> Self {
        control.waits.store(true, Ordering::Relaxed);
        shared.busy.fetch_sub(1, Ordering::Relaxed);
        shared.wake.notify_one();
        Self { shared: Arc::clone(shared), control: Arc::clone(control) }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.control.waits.store(false, Ordering::Relaxed);
        self.shared.busy.fetch_add(1, Ordering::Relaxed);
    }
}

fn span(due: Timestamp, now: Timestamp) -> String {
    let millis = u64::try_from((due - now).num_milliseconds()).unwrap_or(0);
    // Whole seconds are what people read.
    Seconds::from_millis(millis.div_ceil(1_000) * 1_000).map_or_else(|| "some time".to_owned(), |span| span.to_string())
}
