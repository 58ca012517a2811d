//! Watching a run: what is in the store first, then what happens as it happens.
//!
//! The watcher subscribes before it reads, so nothing falls in between, and remembers how far it told of each thing, so nothing is told
//! twice. One that falls behind, or whose run is driven by another process, reads the store again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{Actor, Permission, RunEvent, RunId, Step};
use futures::Stream;
use store::{Store, StoreError};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::{MISSING, Runs};
use crate::Result;
use crate::authorise::authorise;

/// How long it may be quiet before the store is asked.
const QUIET: Duration = Duration::from_secs(1);
/// How many pieces of output are read at once.
const PAGE: u32 = 200;
/// How many events wait for a slow reader.
const BUFFER: usize = 64;

impl Runs {
    /// What happened in a run after event number `after` (0 for all), and what happens from now on.
    ///
    /// First the run and its steps as they stand, then their output, then everything live. Of a run that is over the run itself comes
    /// last. Ends after the event that says the run is over.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn watch(
        &self,
        actor: &Actor,
        run: RunId,
        after: u64,
    ) -> Result<impl Stream<Item = RunEvent> + Send + Unpin + use<>> {
        authorise(actor, Permission::Read)?;
        self.store.run(run).await?.ok_or(MISSING)?;
        let live = self.engine.subscribe(run);
        let (events, reader) = mpsc::channel(BUFFER);
        let watcher = Watcher { store: self.store.clone(), run, events, told: Told::after(after) };
        tokio::spawn(watcher.follow(live));
        Ok(ReceiverStream::new(reader))
    }
}

/// Why a watcher ends or stumbles.
enum Halt {
    /// The reader went away, or the run is over and all is told.
    Over,
    /// The store failed; it may be back.
    Store(StoreError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Of each thing, the number of the last event that was told.
struct Told {
    after: u64,
    run: u64,
    steps: HashMap<(u32, u32), u64>,
    output: HashMap<(u32, u32), u64>,
}

impl Told {
    fn after(after: u64) -> Self {
        Self { after, run: after, steps: HashMap::new(), output: HashMap::new() }
    }

    /// Whether the event is news; from now on it is not.
    fn is_news(&mut self, event: &RunEvent) -> bool {
        let told = match event {
            RunEvent::Run(_) => &mut self.run,
            RunEvent::Step(step) => self.steps.entry((step.ordinal, step.attempt)).or_insert(self.after),
            RunEvent::Output(chunk) => self.output.entry((chunk.ordinal, chunk.attempt)).or_insert(self.after),
        };
        let news = event.seq() > *told;
        *told = event.seq().max(*told);
        news
    }

    fn output_of(&self, step: &Step) -> u64 {
        self.output.get(&(step.ordinal, step.attempt)).copied().unwrap_or(self.after)
    }
}

struct Watcher {
    store: Store,
    run: RunId,
    events: mpsc::Sender<RunEvent>,
    told: Told,
}

impl Watcher {
    async fn follow(mut self, mut live: broadcast::Receiver<Arc<RunEvent>>) {
        loop {
            match self.catch_up().await {
                Err(Halt::Over) => return,
                Err(Halt::Store(error)) => {
                    tracing::warn!(run.id = %self.run, error = %error, "a watcher cannot read the store; it tries again");
                    if self.pause().await.is_err() {
                        return;
                    }
                }
                Ok(()) => {
                    if self.pass_on(&mut live).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Passes on what happens until the store must be read: quiet, behind, or the run is over.
    async fn pass_on(&mut self, live: &mut broadcast::Receiver<Arc<RunEvent>>) -> std::result::Result<(), Halt> {
        loop {
            let received = tokio::select! {
                () = self.events.closed() => return Err(Halt::Over),
                received = tokio::time::timeout(QUIET, live.recv()) => received,
            };
            match received {
                Ok(Ok(event)) => {
                    // The end is told by catching up, after whatever else there still is.
                    if matches!(event.as_ref(), RunEvent::Run(run) if run.state.is_final()) {
                        return Ok(());
                    }
                    self.tell(event.as_ref().clone()).await?;
                }
                Ok(Err(broadcast::error::RecvError::Lagged(_))) | Err(_) => return Ok(()),
                Ok(Err(broadcast::error::RecvError::Closed)) => return self.pause().await,
            }
        }
    }

    /// Tells everything in the store that was not told yet.
    async fn catch_up(&mut self) -> std::result::Result<(), Halt> {
        let Some(run) = self.store.run(self.run).await? else { return Err(Halt::Over) };
        let over = run.state.is_final();
        let run = RunEvent::Run(Box::new(run));
        if !over {
            self.tell(run.clone()).await?;
        }
        // Read after the run: once that is over these are complete.
        let steps = self.store.steps(self.run).await?;
        for step in &steps {
            self.tell(RunEvent::Step(Box::new(step.clone()))).await?;
        }
        for step in &steps {
            self.tell_output(step).await?;
        }
        if over {
            self.tell(run).await?;
            return Err(Halt::Over);
        }
        Ok(())
    }

    async fn tell_output(&mut self, step: &Step) -> std::result::Result<(), Halt> {
        // While a step goes on its row may be older than its output.
        let going_on = step.started_at.is_some() && !step.state.is_final();
        if step.last_output <= self.told.output_of(step) && !going_on {
            return Ok(());
        }
        loop {
            let after = self.told.output_of(step);
            let chunks = self.store.output(self.run, step.ordinal, step.attempt, after, PAGE).await?;
            let last_page = chunks.len() < PAGE as usize;
            for chunk in chunks {
                self.tell(RunEvent::Output(chunk)).await?;
            }
            if last_page || self.told.output_of(step) == after {
                return Ok(());
            }
        }
    }

    async fn tell(&mut self, event: RunEvent) -> std::result::Result<(), Halt> {
        if self.told.is_news(&event) { self.events.send(event).await.map_err(|_| Halt::Over) } else { Ok(()) }
    }

    /// Waits a moment; an error when the reader went away meanwhile.
    async fn pause(&self) -> std::result::Result<(), Halt> {
        tokio::select! {
            () = self.events.closed() => Err(Halt::Over),
            () = tokio::time::sleep(QUIET) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Chunk, Stream};

    use super::*;

    fn output(ordinal: u32, seq: u64) -> RunEvent {
        RunEvent::Output(Chunk { ordinal, attempt: 1, seq, stream: Stream::Stdout, text: String::new() })
    }

    #[test]
    fn nothing_is_told_twice_and_nothing_before_the_given_number() {
        let mut told = Told::after(10);
        assert!(!told.is_news(&output(0, 10)));
        assert!(told.is_news(&output(0, 11)));
        assert!(!told.is_news(&output(0, 11)));
        assert!(told.is_news(&output(1, 11)), "another step");
        assert!(told.is_news(&output(0, 15)));
        assert!(!told.is_news(&output(0, 12)));
    }
}
