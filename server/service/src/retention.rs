//! How long old data is kept, and what goes on in the background so that it goes.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use chrono::TimeDelta;
use domain::{AuditAction, AuditEntry, Timestamp};
use serde_json::{Value, json};
use store::Store;

use crate::audit::{SYSTEM, by_nobody};
use crate::{Audit, Result, Settings, Signup, now};

/// How often the background looks for what is too old, and writes the head of the audit trail to the log.
const HOURLY: Duration = Duration::from_secs(60 * 60);
/// How many rows of the audit trail go in one transaction, and how many runs lose their output by one entry.
const ROWS: u32 = 500;
const RUNS: u32 = 20;
/// What everybody else gets between two batches.
const BREATH: Duration = Duration::from_millis(50);

/// What else decides who gets in, how far commands and calls reach, and whether others can listen. None of it is a secret.
const NOTED: [&str; 7] =
    ["hosts", "trusted_proxies", "session_idle", "session_absolute", "egress_private", "egress_allow", "run_as"];

/// How many days old data is kept; 0 for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Rows of the audit trail.
    pub audit_days: u32,
    /// The output of runs, after their end.
    pub output_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { audit_days: 365, output_days: 90 }
    }
}

/// What sets these numbers at the start, where something does: administrators change only what nothing else sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fixed {
    /// What sets how long the audit trail is kept.
    pub audit_days: Option<String>,
    /// What sets how long the output of runs is kept.
    pub output_days: Option<String>,
}

impl Retention {
    /// What holds now: what was set at the start, else what administrators have set since, else the usual.
    pub(crate) async fn now(self, fixed: &Fixed, store: &Store) -> Result<Self> {
        let chosen = store.chosen_retention().await?.unwrap_or_default();
        let days = |name: &str, at_start: u32, set_by: &Option<String>| {
            let chosen = chosen.get(name).and_then(Value::as_u64).and_then(|days| u32::try_from(days).ok());
            chosen.filter(|_| set_by.is_none()).unwrap_or(at_start)
        };
        Ok(Self {
            audit_days: days("audit_days", self.audit_days, &fixed.audit_days),
            output_days: days("output_days", self.output_days, &fixed.output_days),
        })
    }
}

/// What went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gone {
    /// Rows of the audit trail.
    pub rows: u64,
    /// Runs that lost their output.
    pub runs: u64,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows of the audit trail, the output of {} runs", self.rows, self.runs)
    }
}

/// What looks after old data.
#[derive(Clone)]
pub struct Upkeep {
    store: Store,
    audit: Audit,
    retention: Retention,
    fixed: Fixed,
}

impl Upkeep {
    /// Looks after a store.
    #[must_use]
    pub fn new(store: Store, retention: Retention, fixed: Fixed) -> Self {
        Self { audit: Audit::new(store.clone()), store, retention, fixed }
    }

    /// Every hour until it is stopped: writes the head of the audit trail to the log and deletes what is too old. Once more the
    /// head at the end.
    pub async fn run(self, stopped: impl Future<Output = ()>) {
        let mut tick = tokio::time::interval(HOURLY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let work = async {
            loop {
                tick.tick().await;
                self.audit.log_head().await;
                match self.prune(now()).await {
                    Ok(gone) if gone == Gone::default() => {}
                    Ok(gone) => tracing::info!(rows = gone.rows, runs = gone.runs, "old data deleted"),
                    Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "old data cannot be deleted yet"),
                }
            }
        };
        // Whatever is stopped half way goes on at the next start: each batch is whole.
        tokio::select! {
            () = stopped => {}
            () = work => {}
        }
        self.audit.log_head().await;
    }

    /// Deletes what is too old at the given time, in small batches.
    ///
    /// # Errors
    /// When the store fails; what was deleted before is gone.
    pub async fn prune(&self, now: Timestamp) -> Result<Gone> {
        let mut gone = Gone::default();
        let retention = self.retention.now(&self.fixed, &self.store).await?;
        if let Some(before) = days_before(now, retention.audit_days) {
            while let Some(pruned) = self.store.audit_to_prune(before, ROWS).await? {
                let target = format!("audit:{}", pruned.last.seq);
                let entry = by_system(now, AuditAction::AuditPruned, target, pruned.detail(before));
                if self.store.prune_audit(&pruned, &entry).await? {
                    gone.rows += pruned.last.seq + 1 - pruned.first;
                }
                tokio::time::sleep(BREATH).await;
            }
        }
        self.store.finish_pruning_output().await?;
        if let Some(before) = days_before(now, retention.output_days) {
            while let Some(ended) = self.store.output_to_prune(before, RUNS).await? {
                let detail = json!({ "runs": ended.runs, "ended_before": before });
                let target = format!("run:{}", ended.runs.last().map(ToString::to_string).unwrap_or_default());
                let entry = by_system(now, AuditAction::OutputPruned, target, detail);
                if self.store.prune_output(&ended, &entry).await? {
                    gone.runs += u64::try_from(ended.runs.len()).unwrap_or(u64::MAX);
                }
                tokio::time::sleep(BREATH).await;
            }
        }
        Ok(gone)
    }

    /// Tells the audit trail where the settings of this start differ from those of the last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_settings(&self, settings: &Settings) -> Result<()> {
        let retention = self.retention.now(&self.fixed, &self.store).await?;
        let mut new = json!({
            "signup": match settings.signup { Signup::Open => "open", Signup::Closed => "closed" },
            "audit_days": retention.audit_days,
            "output_days": retention.output_days,
        });
        for set in &settings.installation.settings {
            if NOTED.contains(&set.name.as_str()) {
                new[&set.name] = set.value.clone().into();
            } else if set.name == "tls_cert" {
                // Where the certificate lies is nobody's matter; that nothing is encrypted any more is.
                new["tls"] = if set.value == "none" { "off" } else { "on" }.into();
            }
        }
        let old = self.store.last_settings().await?;
        if old.as_ref() == Some(&new) {
            return Ok(());
        }
        let detail = json!({ "before": old.unwrap_or(Value::Null), "after": new });
        let entry = by_system(now(), AuditAction::SettingsChanged, "settings:server".to_owned(), detail);
        Ok(self.store.note_settings(&new, &entry).await?)
    }
}

/// What the product itself did, by the caller's clock: a checkpoint must not be older than what it lets go.
fn by_system(at: Timestamp, action: AuditAction, target: String, detail: Value) -> AuditEntry {
    AuditEntry { at, ..by_nobody(SYSTEM, None, action, target, detail) }
}

/// So many days before; `None` where nothing is too old.
fn days_before(now: Timestamp, days: u32) -> Option<Timestamp> {
    if days == 0 { None } else { now.checked_sub_signed(TimeDelta::days(i64::from(days))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_days_keep_for_ever() {
        assert_eq!(days_before(now(), 0), None);
        assert_eq!(days_before(now(), u32::MAX), None, "longer than there is time");
        let today = now();
        assert_eq!(days_before(today, 1), Some(today - TimeDelta::hours(24)));
    }
}
