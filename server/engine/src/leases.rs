//! Keeps the leases of the runs in hand, and lets go of those that it could not keep.
//!
//! Other workers go by the clock on the wall, which may be set, and which goes on while a machine sleeps: a lease that is over
//! by it may still be ours, so it is renewed before anything is made of it. Only where the store does not answer for as long as
//! a lease lasts, by the clock that nobody sets, may another worker have the run unseen.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::Utc;
use domain::{RunId, Timestamp};
use store::Lease;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};
use tracing::{debug, error, warn};

use crate::handle::Shared;
use crate::held::{Control, Kept};

/// How many leases are renewed by one commit.
const BATCH: usize = 100;

/// Renews them now and then, and when asked to.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut beat = interval(shared.config.heartbeat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = shared.renew.notified() => {}
        }
        while !renew(&shared).await {
            sleep(shared.config.poll).await;
        }
    }
}

/// The runs in hand; where one's lease is over by the clock on the wall, it is to be renewed at once.
pub(crate) fn look(shared: &Shared, now: Timestamp) -> Vec<RunId> {
    let held = shared.held();
    if held.values().any(|control| control.kept().until <= now) {
        shared.renew.notify_one();
    }
    held.keys().copied().collect()
}

/// Renews all. False: the store did not take it, and it is to be tried again.
async fn renew(shared: &Shared) -> bool {
    let mut held: Vec<Arc<Control>> =
        shared.held().values().filter(|control| !control.lost.is_cancelled()).map(Arc::clone).collect();
    held.sort_by_key(|control| control.kept().asked);
    // A commit over many runs would conflict with every step of theirs that begins or ends meanwhile. Those that wait write nothing.
    let (waiting, busy): (Vec<_>, Vec<_>) = held.iter().cloned().partition(|control| control.waits.load(Ordering::Relaxed));
    for batch in busy.chunks(1).chain(waiting.chunks(BATCH)) {
        let began = Instant::now();
        if let Err(cause) = renew_batch(shared, batch, began).await {
            warn!(error = &*cause, "leases could not be renewed; trying again");
            let_go(shared, &held, began);
            return false;
        }
    }
    true
}

async fn renew_batch(
    shared: &Shared,
    batch: &[Arc<Control>],
    began: Instant,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let leases: Vec<&Lease> = batch.iter().map(|control| &control.lease).collect();
    let until = Utc::now() + shared.config.lease;
    let asking = shared.store.renew_leases(&leases, until);
    let good = match batch.first().map(|oldest| deadline(shared, oldest)) {
        // Whoever began before the deadline hears of it in time; after it there is one more try.
        Some(deadline) if !shared.config.alone => {
            let limit = if began < deadline { deadline } else { began + shared.config.poll };
            timeout_at(limit, asking).await??
        }
        _ => asking.await?,
    };
    for control in batch {
        if good.contains(&control.lease.run) {
            control.keep(Kept { asked: began, until });
        } else {
            // Released by its own task, or taken by another worker: either way not ours.
            debug!(run.id = %control.lease.run, "no longer ours");
            control.is_not_ours();
        }
    }
    Ok(())
}

/// Lets go of the runs of which another worker may have the lease by now, after a try to renew it that began when that was so
/// already: a process that did not run for a while must be heard first. Where nobody else uses the store, nobody can have it.
fn let_go(shared: &Shared, held: &[Arc<Control>], began: Instant) {
    if shared.config.alone {
        return;
    }
    for control in held.iter().filter(|control| deadline(shared, control) <= began) {
        error!(run.id = %control.lease.run, "the store did not answer for as long as a lease lasts; what this run runs is ended");
        control.lost.cancel();
    }
}

/// When a lease counts as one that could not be kept: so early that a last try to renew it is over before another worker may
/// take it.
fn deadline(shared: &Shared, control: &Control) -> Instant {
    control.kept().asked + shared.config.lease.saturating_sub(2 * shared.config.poll)
}
