//! The schema, file by file: each is applied once, in order, in a transaction that also records its checksum.

use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::query::{Outcome, Variables, variables};
use crate::{Result, Store, StoreError};

/// Every migration, the first one first. A released one never changes: a new file is added.
const MIGRATIONS: [&str; 9] = [
    include_str!("../schema/0001_initial.surql"),
    include_str!("../schema/0002_idempotency.surql"),
    include_str!("../schema/0003_hosts.surql"),
    include_str!("../schema/0004_audit_chain.surql"),
    include_str!("../schema/0005_identity.surql"),
    include_str!("../schema/0006_list_indexes.surql"),
    include_str!("../schema/0007_keys.surql"),
    include_str!("../schema/0008_notes.surql"),
    include_str!("../schema/0009_favourites.surql"),
];

/// How long one may take: a new index is made over all rows there are, perhaps on a slow disk.
const PATIENCE: Duration = Duration::from_secs(600);

/// What must be there before the first migration: their record, and the row that processes starting at once contend for.
const RECORD: &str = "
    DEFINE TABLE IF NOT EXISTS migration SCHEMAFULL;
    DEFINE FIELD IF NOT EXISTS number ON migration TYPE int;
    DEFINE FIELD IF NOT EXISTS checksum ON migration TYPE string;
    DEFINE FIELD IF NOT EXISTS applied_at ON migration TYPE datetime;
    DEFINE TABLE IF NOT EXISTS migration_lock SCHEMAFULL;
    DEFINE FIELD IF NOT EXISTS number ON migration_lock TYPE int;";

#[derive(Deserialize)]
struct Row {
    number: u32,
    checksum: String,
}

impl Store {
    /// Applies what is missing.
    pub(crate) async fn migrate(&self) -> Result<()> {
        self.transact("prepare the schema", RECORD, Variables::new()).await?;
        let applied: Vec<Row> = self
            .rows("read the schema", "migration", "SELECT number, checksum FROM migration ORDER BY number", Variables::new())
            .await?;
        let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
        if let Some(found) = applied.iter().map(|row| row.number).max().filter(|found| *found > known) {
            return Err(StoreError::SchemaTooNew { found, known });
        }
        for (number, text) in (1_u32..).zip(MIGRATIONS) {
            let checksum = hex::encode(Sha256::digest(text));
            match applied.iter().find(|row| row.number == number) {
                Some(row) if row.checksum == checksum => {}
                Some(_) => return Err(StoreError::ChangedMigration { number }),
                None => self.apply(number, text, &checksum).await?,
            }
        }
        Ok(())
    }

    async fn apply(&self, number: u32, text: &str, checksum: &str) -> Result<()> {
        let statements = format!(
            "UPSERT migration_lock:one SET number = $number;
             IF record::exists(type::record('migration', $number)) {{ THROW 'guard:applied' }};
             CREATE type::record('migration', $number) SET number = $number, checksum = $checksum, applied_at = time::now();
             {text}"
        );
        let variables = variables! { number: number, checksum: checksum };
        let outcome = self.transact_within("apply a migration", &statements, variables, PATIENCE).await?;
        match outcome {
            Outcome::Committed => tracing::info!(schema.number = number, "migration applied"),
            Outcome::Refused(_) => tracing::debug!(schema.number = number, "another process applied the migration"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store() -> Store {
        Store::connect("mem://", None).await.expect("a store in memory")
    }

    #[tokio::test]
    async fn migrating_again_changes_nothing() {
        assert!(store().await.migrate().await.is_ok());
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused() {
        let store = store().await;
        let newer = "CREATE migration:99 SET number = 99, checksum = 'x', applied_at = time::now();";
        store.transact("pretend a newer release", newer, Variables::new()).await.expect("a row");
        let known = u32::try_from(MIGRATIONS.len()).unwrap();
        assert!(matches!(store.migrate().await, Err(StoreError::SchemaTooNew { found: 99, known: k }) if k == known));
    }

    #[tokio::test]
    async fn a_changed_migration_is_refused() {
        let store = store().await;
        let changed = "UPDATE migration:1 SET checksum = 'x';";
        store.transact("change a migration", changed, Variables::new()).await.expect("a row");
        assert!(matches!(store.migrate().await, Err(StoreError::ChangedMigration { number: 1 })));
    }

    #[tokio::test]
    async fn the_hot_queries_scan_no_table() {
        let store = store().await;
        for query in [
            "SELECT key, wake_at FROM run WHERE listed = true AND wake_at > 0 ORDER BY wake_at LIMIT 8",
            "SELECT VALUE id FROM run WHERE listed = true AND wake_at > 9",
            "SELECT VALUE key FROM run WHERE listed = true AND wake_at > 0 AND state != 'queued'",
            "SELECT key, state, mode FROM run WHERE owner = 'w'",
            "SELECT doc FROM run WHERE sort > 'a' AND listed = true ORDER BY sort LIMIT 8",
            "SELECT doc FROM run WHERE sort > 'a' AND runbook = 'b' AND state = 'failed' ORDER BY sort LIMIT 8",
            "SELECT key FROM run WHERE state = 'running' AND sort > '' ORDER BY sort LIMIT 8",
            "SELECT VALUE runbook FROM run WHERE started_by = 'ann' AND sort > '' ORDER BY sort LIMIT 8",
            "SELECT VALUE owner FROM run WHERE owner > ''",
            "SELECT key, title FROM runbook WHERE changed > 7",
            "SELECT doc FROM runbook WHERE deleted_at = 0 AND sort > 'a' ORDER BY sort LIMIT 8",
            "SELECT key FROM api_key WHERE hash = 'h' LIMIT 1",
            "SELECT key FROM api_key WHERE account = 'a'",
            "SELECT key FROM session WHERE account = 'a'",
            "SELECT key FROM tries WHERE key IN ['a', 'b']",
            "SELECT sealed, name FROM credential WHERE name > 'a' ORDER BY name LIMIT 8",
            "SELECT sealed, sort FROM run WHERE sort > 'a' AND listed = true ORDER BY sort LIMIT 8",
            "SELECT doc FROM account WHERE username = 'a' LIMIT 1",
            "SELECT VALUE doc FROM host WHERE name = 'a' LIMIT 1",
            "SELECT VALUE doc FROM host WHERE name IN ['a', 'b']",
            "SELECT * FROM audit_entry WHERE by_target > 'a' AND by_target < 'a ' ORDER BY by_target LIMIT 51",
            "SELECT key, ended_at FROM run WHERE ended_at > 'a' AND ended_at < 'b' ORDER BY ended_at LIMIT 20",
        ] {
            let plan: Vec<serde_json::Value> =
                store.rows("explain", "run", &format!("{query} EXPLAIN"), Variables::new()).await.expect("a plan");
            let plan = serde_json::to_string(&plan).unwrap();
            assert!(plan.contains("Index") && !plan.contains("TableScan") && !plan.contains("Iterate Table"), "{query}\n{plan}");
        }
    }
}
