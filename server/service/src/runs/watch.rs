//! Watching a run: what is in the store first, then what happens as it happens.
//!
//! The watcher subscribes before it reads, so nothing falls in between, and remembers how far it told of each thing, so nothing is told
//! twice. One that falls behind, or whose run is driven by another process, reads the store again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::{Actor, Chunk, NoteId, Permission, RunEvent, RunId, Step};
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
    /// First the run and its steps as they stand, then its notes, then their output, then everything live. Output comes in the order of
    /// its numbers, also where several hosts wrote at once: whoever was told a number has been told all output before it. Of a run that
    /// is over the run itself comes last. Ends after the event that says the run is over.
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
    /// Notes have no numbers: which were told, and whether as deleted.
    notes: HashMap<NoteId, bool>,
}

impl Told {
    fn after(after: u64) -> Self {
        Self { after, run: after, steps: HashMap::new(), output: HashMap::new(), notes: HashMap::new() }
    }

    /// Whether the event is news; from now on it is not.
    fn is_news(&mut self, event: &RunEvent) -> bool {
        let told = match event {
            RunEvent::Run(_) => &mut self.run,
            RunEvent::Step(step) => self.steps.entry((step.ordinal, step.attempt)).or_insert(self.after),
            RunEvent::Output(chunk) => self.output.entry((chunk.ordinal, chunk.attempt)).or_insert(self.after),
            RunEvent::Note(note) => {
                let told = self.notes.insert(note.id, !note.is_kept());
                // Whoever was never told of it need not hear that it is gone.
                return if note.is_kept() { told.is_none() } else { told == Some(false) };
            }
        };
        let news = event.seq() > *told;
        *told = event.seq().max(*told);
        news
    }

    fn output_of(&self, step: &Step) -> u64 {
        self.output.get(&(step.ordinal, step.attempt)).copied().unwrap_or(self.after)
    }
}

/// What was read of a step's output and is not told yet.
struct Queue<'a> {
    step: &'a Step,
    read: VecDeque<Chunk>,
    /// Whether the store has no more of it now.
    is_over: bool,
}

impl<'a> Queue<'a> {
    const fn of(step: &'a Step) -> Self {
        Self { step, read: VecDeque::new(), is_over: false }
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
        for note in self.store.notes(self.run).await? {
            self.tell(RunEvent::Note(Box::new(note))).await?;
        }
        // The steps of a block, all its hosts and attempts, are side by side; those of the next block write after them.
        for block in steps.chunk_by(|one, next| one.block_id == next.block_id) {
            self.tell_output(block).await?;
        }
        if over {
            self.tell(run).await?;
            return Err(Halt::Over);
        }
        Ok(())
    }

    /// Tells what the steps of a block wrote, piece by piece in the order of the pieces' numbers.
    async fn tell_output(&mut self, steps: &[Step]) -> std::result::Result<(), Halt> {
        // While a step goes on its row may be older than its output.
        let may_have_more = |step: &Step| {
            let going_on = step.started_at.is_some() && !step.state.is_final();
            going_on || step.last_output > self.told.output_of(step)
        };
        let mut queues: Vec<Queue<'_>> = steps.iter().filter(|step| may_have_more(step)).map(Queue::of).collect();
        // However many hosts there are, no more is held than of one.
        let page = PAGE.checked_div(u32::try_from(queues.len()).unwrap_or(PAGE)).unwrap_or(PAGE).max(2);
        loop {
            for queue in queues.iter_mut().filter(|queue| queue.read.is_empty() && !queue.is_over) {
                let after = self.told.output_of(queue.step);
                let step = queue.step;
                let chunks = self.store.output(self.run, step.ordinal, step.attempt, after, page).await?;
                queue.is_over = chunks.len() < page as usize;
                queue.read = chunks.into();
            }
            let next = queues.iter_mut().filter(|queue| !queue.read.is_empty());
            let next = next.min_by_key(|queue| queue.read.front().map(|chunk| chunk.seq));
            let Some(chunk) = next.and_then(|queue| queue.read.pop_front()) else { return Ok(()) };
            self.tell(RunEvent::Output(chunk)).await?;
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
    use domain::{AccountId, Note, Stream};

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
    #[test]
    fn a_note_is_told_once_and_that_it_is_gone_to_those_who_know_it() {
        let mut told = Told::after(10);
        let at = chrono::Utc::now();
        let (author, author_id, text) = ("ann".to_owned(), AccountId::new(), "seen".to_owned());
        let note = Note { id: NoteId::new(), author, author_id, at, text, step: None, deleted_at: None };
        let unheard = Note { id: NoteId::new(), ..note.clone() }.deleted(at);
        let mut tell = |note: &Note| told.is_news(&RunEvent::Note(Box::new(note.clone())));
        assert_eq!((tell(&note), tell(&note)), (true, false));
        let gone = note.deleted(at);
        assert_eq!((tell(&gone), tell(&gone), tell(&unheard)), (true, false, false));
    }
}
