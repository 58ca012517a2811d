//! A run in hand: what others have to say to its task, and how long its lease is known to last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use domain::{RunMode, RunState, Timestamp};
use store::Lease;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What others have to say to the task of a run.
#[derive(Debug)]
pub(crate) struct Control {
    /// The right to drive it.
    pub(crate) lease: Lease,
    /// What people asked for: the run's state and mode as the store has them.
    pub(crate) asked: watch::Sender<(RunState, RunMode)>,
    /// The lease is lost.
    pub(crate) lost: CancellationToken,
    /// The task has ended.
    pub(crate) ended: CancellationToken,
    /// It waits by the clock, and writes nothing meanwhile.
    pub(crate) waits: AtomicBool,
    /// It gives the run back by its own will.
    hands_back: AtomicBool,
    kept: Mutex<Kept>,
}

/// How far a lease is known to reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// When it was asked for, by the clock that nobody sets.
    pub(crate) asked: Instant,
    /// Until when it was asked for, by the clock on the wall, which other workers go by.
    pub(crate) until: Timestamp,
}

impl Control {
    pub(crate) fn new(lease: Lease, asked: (RunState, RunMode), kept: Kept) -> Self {
        Self {
            lease,
            asked: watch::Sender::new(asked),
            lost: CancellationToken::new(),
            ended: CancellationToken::new(),
            waits: AtomicBool::new(false),
            hands_back: AtomicBool::new(false),
            kept: Mutex::new(kept),
        }
    }

    /// How far its lease is known to reach.
    pub(crate) fn kept(&self) -> Kept {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lease was renewed.
    pub(crate) fn keep(&self, kept: Kept) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }

    /// From here on the run may be somebody else's because its own task gave it back.
    pub(crate) fn hands_back(&self) {
        self.hands_back.store(true, Ordering::Relaxed);
    }

    /// The store has the run as somebody else's, or as nobody's. What was started for one that was given back goes on at the
    /// runner, for whoever takes it up next.
    pub(crate) fn is_not_ours(&self) {
        if !self.hands_back.load(Ordering::Relaxed) {
            self.lost.cancel();
        }
    }
}
