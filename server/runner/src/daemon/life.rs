//! Whether anybody needs the runner: a client that is connected, or a step that runs.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

#[derive(Debug)]
pub(super) struct Life {
    reasons: watch::Sender<usize>,
}

/// A reason to live, until dropped.
#[derive(Debug)]
pub(super) struct Busy(Arc<Life>);

impl Life {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { reasons: watch::Sender::new(0) })
    }

    pub fn busy(self: &Arc<Self>) -> Busy {
        self.reasons.send_modify(|count| *count += 1);
        Busy(self.clone())
    }

    /// Returns once there was no reason to live for so long.
    pub async fn idle_for(&self, patience: Duration) {
        let mut reasons = self.reasons.subscribe();
        loop {
            // The sender is `self`.
            let _ = reasons.wait_for(|count| *count == 0).await;
            if timeout(patience, reasons.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.reasons.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reason_in_between_begins_the_wait_anew() {
        let life = Life::new();
        let busy = life.busy();
        let began = tokio::time::Instant::now();
        let waiting = tokio::spawn({
            let life = life.clone();
            async move { life.idle_for(Duration::from_secs(10)).await }
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(busy);
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(life.busy());
        waiting.await.expect("it ends");
        assert_eq!(began.elapsed().as_secs(), 75);
    }
}
