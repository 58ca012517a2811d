//! The installation: what runs here, how much there is to do, how it is set; and what administrators change of it while it runs.

use std::path::{Path, PathBuf};

use domain::{
    Actor, AuditAction, Faults, InstallationStatus, KeptDays, Permission, QueueStatus, RunState, SetValue, StoreStatus, Timestamp,
};
use serde_json::json;
use store::Store;

use crate::authorise::{authorise, authorise_look};
use crate::{Fixed, Keys, Result, Retention, ServiceError, audit, now};

/// The longest that anything is kept, but for ever, in days: a hundred years.
const MAX_DAYS: u32 = 36_500;

/// What the process knows of itself.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The release.
    pub version: String,
    /// How it was built.
    pub build: String,
    /// When the process started.
    pub started_at: Timestamp,
    /// The address of the database.
    pub database: String,
    /// How many runs this process executes at once.
    pub at_once: usize,
    /// How long old data is kept, as it was set at the start.
    pub retention: Retention,
    /// What set that.
    pub fixed: Fixed,
    /// Everything else that was set at the start.
    pub settings: Vec<SetValue>,
}

impl Default for Installation {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: String::new(),
            started_at: now(),
            database: "mem://".to_owned(),
            at_once: 0,
            retention: Retention::default(),
            fixed: Fixed::default(),
            settings: Vec::new(),
        }
    }
}

/// Looking at the installation, and changing what can be changed.
#[derive(Clone)]
pub struct Administration {
    store: Store,
    keys: Keys,
    installation: Installation,
}

impl Administration {
    pub(crate) fn new(store: Store, keys: Keys, installation: Installation) -> Self {
        Self { store, keys, installation }
    }

    /// Everything an administrator is shown.
    ///
    /// # Errors
    /// `Forbidden` below admin.
    pub async fn status(&self, actor: &Actor) -> Result<InstallationStatus> {
        authorise_look(actor, Permission::Administer)?;
        let Installation { version, build, started_at, retention, fixed, settings, .. } = self.installation.clone();
        let retention = retention.now(&fixed, &self.store).await?;
        Ok(InstallationStatus {
            version,
            build,
            started_at,
            store: store_status(&self.installation.database).await?,
            queue: self.queue().await?,
            audit_days: KeptDays { days: retention.audit_days, set_by: fixed.audit_days },
            output_days: KeptDays { days: retention.output_days, set_by: fixed.output_days },
            keys: self.keys.status(actor)?,
            settings,
        })
    }

    /// Sets how many days old data is kept, 0 for ever; what is not given stays. It goes within an hour.
    ///
    /// # Errors
    /// `Forbidden` below admin, `Invalid`, `Conflict` for what is set at the start.
    pub async fn set_retention(&self, actor: &Actor, audit_days: Option<u32>, output_days: Option<u32>) -> Result<()> {
        authorise(actor, Permission::Administer)?;
        let fixed = &self.installation.fixed;
        let mut faults = Faults::default();
        for (name, days, set_by) in
            [("audit_days", audit_days, &fixed.audit_days), ("output_days", output_days, &fixed.output_days)]
        {
            if let (Some(_), Some(set_by)) = (days, set_by) {
                return Err(ServiceError::conflict(format!("{name} is set by {set_by}; change it there")));
            }
            if days.is_some_and(|days| days > MAX_DAYS) {
                faults.push(format!("$.{name}"), format!("it is at most {MAX_DAYS} days, or 0 for ever"));
            }
        }
        faults.into_result(())?;
        let before = self.installation.retention.now(fixed, &self.store).await?;
        let after = Retention {
            audit_days: audit_days.unwrap_or(before.audit_days),
            output_days: output_days.unwrap_or(before.output_days),
        };
        let told = |kept: Retention| json!({ "audit_days": kept.audit_days, "output_days": kept.output_days });
        let detail = json!({ "before": told(before), "after": told(after) });
        let entry = audit::by(actor, AuditAction::SettingsChanged, "settings", "retention", detail);
        Ok(self.store.choose_retention(&told(after), &entry).await?)
    }

    async fn queue(&self) -> Result<QueueStatus> {
        let count = async |states: &[RunState]| {
            let mut count = 0;
            for state in states {
                count += self.store.count_runs_in_state(*state).await?;
            }
            Ok::<u64, ServiceError>(count)
        };
        Ok(QueueStatus {
            queued: count(&[RunState::Queued]).await?,
            running: count(&[RunState::Running, RunState::Pausing, RunState::Stopping]).await?,
            waiting: count(&[RunState::Waiting, RunState::Interrupted, RunState::Paused]).await?,
            workers: self.store.workers().await?.len() as u64,
            at_once: self.installation.at_once as u64,
        })
    }
}

async fn store_status(url: &str) -> Result<StoreStatus> {
    let told = |kind: &str, place: String, size, sync: &str| {
        Ok(StoreStatus { kind: kind.to_owned(), place, size, sync: sync.to_owned() })
    };
    if let Some(path) = url.strip_prefix("surrealkv://") {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let folder = PathBuf::from(path);
        let size = tokio::task::spawn_blocking(move || size(&folder)).await.map_err(ServiceError::internal)?;
        let sync = if query.contains("sync=") { query } else { "each change is on the disk before it is answered" };
        return told("embedded", path.to_owned(), Some(size), sync);
    }
    match (url.find("://"), url.rfind('@')) {
        _ if url.starts_with("mem://") => told("memory", url.to_owned(), None, "never: everything is gone with the process"),
        (Some(scheme), Some(at)) if at > scheme => {
            told("server", format!("{}…{}", &url[..scheme + 3], &url[at..]), None, "as the database server is set up")
        }
        _ => told("server", url.to_owned(), None, "as the database server is set up"),
    }
}

/// Bytes of the files in a folder; what goes away meanwhile counts nothing.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_is_told_without_its_password() {
        let told = store_status("ws://root:secret@db:8000").await.expect("a status");
        assert_eq!((told.kind.as_str(), told.place.as_str()), ("server", "ws://…@db:8000"));
        assert_eq!(store_status("mem://").await.expect("a status").kind, "memory");
    }
}
