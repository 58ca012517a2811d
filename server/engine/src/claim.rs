//! Takes up runs, keeps their leases alive and passes on what people ask of them.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::Utc;
use domain::RunId;
use store::Claim;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::fault;
use crate::handle::Shared;
use crate::held::{Control, Kept};
use crate::leases;
use crate::run_task;
use crate::sweep;

/// How many runs are claimed at once.
const BATCH: usize = 50;

/// The life of an engine: until it is asked to close, and all its tasks have ended.
pub(crate) async fn work(shared: Arc<Shared>) {
    // Whatever becomes of this task, nobody waits for it for ever, and what it started ends with it.
    let _done = shared.done.clone().drop_guard();
    if shared.config.alone
        && let Err(error) = run_task::persist(|| shared.store.end_leases(Utc::now())).await
    {
        warn!(
            error = &error as &dyn std::error::Error,
            "old leases could not be ended; their runs are taken up when they run out"
        );
    }
    let mut helpers = JoinSet::new();
    helpers.spawn(leases::keep(Arc::clone(&shared)));
    helpers.spawn(control(Arc::clone(&shared)));
    helpers.spawn(sweep::sweep_now_and_then(Arc::clone(&shared)));
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut poll = interval(shared.config.poll);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.closing.cancelled() => break,
            _ = poll.tick() => shared.look.store(true, Ordering::Relaxed),
            () = shared.wake.notified() => {}
            // Whoever ends says by itself that there is room again.
            Some(_) = tasks.join_next() => continue,
        }
        while tasks.try_join_next().is_some() {}
        claim(&shared, &mut tasks).await;
    }
    info!(runs = tasks.len(), "closing: runs in hand go on to their next step boundary");
    while tasks.join_next().await.is_some() {}
    shared.runner.forget_gathered().await;
}

/// Takes up runs as long as there is room: those queued here just now by their names, all others where they may be there.
async fn claim(shared: &Arc<Shared>, tasks: &mut JoinSet<()>) {
    loop {
        let mut queued = std::mem::take(&mut *shared.queued());
        let limit = shared.room().min(BATCH);
        if queued.len() > limit {
            // They are found again in the store, as soon as there is room.
            shared.look.store(true, Ordering::Relaxed);
        }
        let look = shared.look.load(Ordering::Relaxed);
        if limit == 0 || shared.closing.is_cancelled() || (queued.is_empty() && !look) {
            return;
        }
        let (now, store, owner) = (Utc::now(), &shared.store, &shared.config.owner);
        let kept = Kept { asked: Instant::now(), until: now + shared.config.lease };
        // What we hold is ours to renew: taken once more it would be taken from ourselves, and what it runs ended.
        let held = leases::look(shared, now);
        let claims = if look {
            // Whoever asks from now on asks for another look.
            shared.look.store(false, Ordering::Relaxed);
            store.claim_runs(owner, now, kept.until, u32::try_from(limit).unwrap_or(u32::MAX), &held).await
        } else {
            queued.truncate(limit);
            store.claim_these(owner, now, kept.until, &queued, &held).await
        };
        let claims = match claims {
            Ok(claims) => claims,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "runs could not be claimed; trying again");
                shared.look.store(true, Ordering::Relaxed);
                return;
            }
        };
        if look && claims.len() >= limit {
            shared.look.store(true, Ordering::Relaxed);
        }
        for claim in claims {
            start(shared, tasks, claim, kept);
        }
    }
}

fn start(shared: &Arc<Shared>, tasks: &mut JoinSet<()>, claim: Claim, kept: Kept) {
    let run = claim.run.id;
    let span = info_span!("run", run.id = %run, run.number = claim.run.number);
    let control = Arc::new(Control::new(claim.lease.clone(), (claim.run.state, claim.run.mode), kept));
    // A task of ours that still winds down under an older lease must not speak for the run any more.
    let older = shared.held().insert(run, Arc::clone(&control));
    if let Some(older) = &older {
        older.is_not_ours();
    }
    shared.busy.fetch_add(1, Ordering::Relaxed);
    metrics::gauge!("runbook_studio_runs_active").increment(1);
    let shared = Arc::clone(shared);
    tasks.spawn(
        async move {
            let guard = Held { shared: Arc::clone(&shared), run, control: Arc::clone(&control) };
            if let Some(older) = older {
                // Nor may it end, or leave behind, what this one finds.
                older.ended.cancelled().await;
            }
            let mut inner = JoinSet::new();
            inner.spawn(run_task::drive(Arc::clone(&shared), Arc::clone(&control), claim).in_current_span());
            if let Some(Err(broken)) = inner.join_next().await
                && let Ok(panic) = broken.try_into_panic()
            {
                error!(panic = said(panic.as_ref()), "a run task panicked; its run fails");
                fault::fail_by_fault(&shared, &control).await;
            }
            drop(guard);
        }
        .instrument(span),
    );
}

/// Forgets a run when its task ends, however it ends.
struct Held {
    shared: Arc<Shared>,
    run: RunId,
    control: Arc<Control>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.shared.held();
        if held.get(&self.run).is_some_and(|control| Arc::ptr_eq(control, &self.control)) {
            held.remove(&self.run);
        }
        drop(held);
        self.control.ended.cancel();
        self.shared.busy.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("runbook_studio_runs_active").decrement(1);
        // There is room again, and the run may have been answered while we let go of it.
        self.shared.wake.notify_one();
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("?")
}

async fn control(shared: Arc<Shared>) {
    let mut poll = interval(shared.config.poll);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = poll.tick() => {}
            () = shared.nudge.notified() => {}
        }
        let before: Vec<_> = shared.held().iter().map(|(run, control)| (*run, Arc::clone(control))).collect();
        if before.is_empty() {
            continue;
        }
        let states = match shared.store.owned_states(&shared.config.owner).await {
            Ok(states) => states,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "controls could not be read; trying again");
                continue;
            }
        };
        let states: std::collections::HashMap<_, _> = states.into_iter().map(|(run, state, mode)| (run, (state, mode))).collect();
        for (run, control) in before {
            match states.get(&run) {
                Some(now) => {
                    control.asked.send_if_modified(|asked| std::mem::replace(asked, *now) != *now);
                }
                // Released by its own task, or taken by another worker: either way not ours.
                None => {
                    debug!(run.id = %run, "no longer ours");
                    control.is_not_ours();
                }
            }
        }
    }
}
