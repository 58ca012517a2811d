//! The pen of a run: the right to write about it, and the numbers and the order of its events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::{Chunk, Run, RunEvent, RunMode, RunState};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::Halt;
use crate::handle::Shared;
use crate::held::Control;
use crate::run_task::persist;

/// The right and the means to write about a run. `run.state` is what the store is known to hold; `run.event` is the last
/// number that this pen gave out.
pub(crate) struct Pen {
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: Arc<Control>,
    pub(crate) run: Run,
    /// The last number of the run's events.
    numbers: Arc<AtomicU64>,
    /// Held from the giving out of numbers until what has them is stored and told, so that viewers hear of them in their order.
    order: Arc<Mutex<()>>,
    /// It writes for one lane; the run itself is the task's to tell of.
    of_lane: bool,
}

impl Pen {
    pub(crate) fn new(shared: &Arc<Shared>, control: &Arc<Control>, run: Run) -> Self {
        let numbers = Arc::new(AtomicU64::new(run.event));
        Self { shared: Arc::clone(shared), control: Arc::clone(control), run, numbers, order: Arc::default(), of_lane: false }
    }

    /// Another one for the same run.
    pub(crate) fn of_lane(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            control: Arc::clone(&self.control),
            run: self.run.clone(),
            numbers: Arc::clone(&self.numbers),
            order: Arc::clone(&self.order),
            of_lane: true,
        }
    }

    /// The turn to give out numbers, and to store and tell what has them.
    pub(crate) async fn order(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.order).lock_owned().await
    }

    /// The next number of the run's events; within one's turn.
    pub(crate) fn next_event(&mut self) -> u64 {
        self.run.event = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        self.run.event
    }

    /// Numbers up to this one are taken.
    pub(crate) fn has_given_out(&mut self, event: u64) {
        let before = self.numbers.fetch_max(event, Ordering::Relaxed);
        self.run.event = before.max(event);
    }

    /// Tells those who watch.
    pub(crate) fn publish(&self, event: RunEvent) {
        self.shared.hub.publish(self.run.id, event);
    }

    /// Takes note of, and tells, what a person asked for while a step runs.
    pub(crate) fn announce(&mut self, (state, mode): (RunState, RunMode)) {
        if (self.run.state, self.run.mode) != (state, mode) {
            (self.run.state, self.run.mode) = (state, mode);
            if self.of_lane {
                return;
            }
            self.next_event();
            self.publish(RunEvent::Run(Box::new(self.run.clone())));
        }
    }

    /// Stores pieces of output.
    pub(crate) async fn append(&self, chunks: &[Chunk]) -> Result<(), Halt> {
        let appending = persist(|| self.shared.store.append_output(&self.control.lease, chunks));
        let kept = self.unless_lost(appending).await??;
        if kept { Ok(()) } else { Err(Halt::Lost) }
    }

    /// Waits for the store no longer than the run is ours: what it runs is to be ended then, however the store does.
    pub(crate) async fn unless_lost<T>(&self, work: impl Future<Output = T>) -> Result<T, Halt> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.control.lost.cancelled() => Err(Halt::Lost),
        }
    }
}
