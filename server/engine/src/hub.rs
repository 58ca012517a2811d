//! Hands what happens in runs to those who watch them here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{RunEvent, RunId};
use tokio::sync::broadcast;

/// How many events a viewer may fall behind before it must read the store.
const CAPACITY: usize = 1024;

/// A channel for each run that somebody watches.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    channels: Mutex<HashMap<RunId, broadcast::Sender<Arc<RunEvent>>>>,
}

impl Hub {
    /// Watches a run from now on.
    pub(crate) fn subscribe(&self, run: RunId) -> broadcast::Receiver<Arc<RunEvent>> {
        let mut channels = self.lock();
        // Whoever looks at a run that is over leaves a channel that nothing will ever be published on.
        channels.retain(|_, channel| channel.receiver_count() > 0);
        channels.entry(run).or_insert_with(|| broadcast::channel(CAPACITY).0).subscribe()
    }

    /// Tells the viewers of a run; never waits for one. A channel that nobody listens to any more goes.
    pub(crate) fn publish(&self, run: RunId, event: RunEvent) {
        let ended = matches!(&event, RunEvent::Run(run) if run.state.is_final());
        let mut channels = self.lock();
        let Some(channel) = channels.get(&run) else { return };
        // Nobody listening is no error here.
        let unheard = channel.send(Arc::new(event)).is_err();
        if unheard || ended {
            channels.remove(&run);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, broadcast::Sender<Arc<RunEvent>>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::{Chunk, Stream};

    use super::*;

    #[tokio::test]
    async fn viewers_hear_what_happens_and_leave_nothing_behind() {
        let hub = Hub::default();
        let run = RunId::new();
        let chunk = Chunk { ordinal: 0, attempt: 1, seq: 7, stream: Stream::Stdout, text: "x".into() };
        hub.publish(run, RunEvent::Output(chunk.clone()));
        let mut viewer = hub.subscribe(run);
        hub.publish(run, RunEvent::Output(chunk.clone()));
        assert_eq!(viewer.recv().await.unwrap().seq(), 7);
        drop(viewer);
        hub.publish(run, RunEvent::Output(chunk));
        assert!(hub.lock().is_empty());
    }
}
