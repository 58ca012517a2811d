//! A process that nobody follows any more although it runs: it goes on at the runner for whoever takes its run up, but not
//! beside what another worker does.

use std::sync::Arc;
use std::time::Duration;

use runner::{Runner, RunningProcess};
use tracing::warn;

use super::chain;
use super::handle::Handle;
use crate::handle::Shared;
use crate::held::Control;

/// Sees to it that a process does not outlive the right to its run, however following it ends; see [`GivenUp::followed`].
pub(super) struct GivenUp {
    end: Option<EndOf>,
    control: Arc<Control>,
}

/// How it is ended.
struct EndOf {
    runner: Runner,
    handle: Handle,
    step: String,
    alone: bool,
}

impl GivenUp {
    pub(super) fn new(runner: &Runner, control: &Arc<Control>, handle: &Handle, step: &str, alone: bool) -> Self {
        let end = EndOf { runner: runner.clone(), handle: handle.clone(), step: step.to_owned(), alone };
        Self { end: Some(end), control: Arc::clone(control) }
    }

    /// It was followed to its end.
    pub(super) fn followed(mut self) {
        self.end = None;
    }

    /// The lease is lost.
    pub(super) async fn end(mut self) {
        if let Some(end) = self.end.take() {
            end.now().await;
        }
    }
}

/// Ends a process that was found again and is not followed any more, for the lease is lost.
pub(crate) async fn end_found(shared: &Shared, step: String, process: RunningProcess) {
    let handle = Handle::Local(process.handle);
    EndOf { runner: shared.runner.clone(), handle, step, alone: shared.config.alone }.now().await;
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        let Some(end) = self.end.take().filter(|end| end.handle.outlives_us() && !end.alone) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let control = Arc::clone(&self.control);
        // The task waits for the store, to give the run back.
        runtime.spawn(async move {
            tokio::select! {
                biased;
                () = control.lost.cancelled() => end.now().await,
                () = control.ended.cancelled() => {}
            }
        });
    }
}

impl EndOf {
    async fn now(self) {
        let stopped = self.handle.stop(Duration::ZERO).await;
        if !stopped.proven {
            warn!(step = self.step, "what a run of a lost lease ran: {}", stopped.sentence);
        }
        // It did not end by itself, so its end says nothing of the step: whoever has the run, we ourselves perhaps, finds a step
        // of which nobody knows. Where nobody else uses the store such a one would count as never started.
        if self.handle.outlives_us()
            && !self.alone
            && let Err(error) = self.runner.forget(&self.step).await
        {
            warn!(step = self.step, "the runner keeps the step of a lost lease: {}", chain(&error));
        }
    }
}
