//! What can go wrong between a use case and its rows.

/// The source of an error, whichever library it comes from.
pub type Source = Box<dyn std::error::Error + Send + Sync>;
/// What every function of this crate answers.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened or reached at start.
    #[error("the database at {url} could not be opened")]
    Connect {
        /// Its address, without a password.
        url: String,
        /// Why.
        source: Source,
    },
    /// A newer release has changed the schema.
    #[error("the database has schema {found}, this release knows up to {known}: use the newer release")]
    SchemaTooNew {
        /// The schema found.
        found: u32,
        /// The newest one known.
        known: u32,
    },
    /// A migration that was applied is not the one this release holds.
    #[error("schema {number} was applied with another text than this release holds")]
    ChangedMigration {
        /// Which migration.
        number: u32,
    },
    /// The database refused a query, or gave up on one.
    #[error("the database failed to {operation}")]
    Query {
        /// What was asked, as a verb and its object.
        operation: &'static str,
        /// Why.
        source: Source,
    },
    /// A row does not hold what it should.
    #[error("a row of {table} cannot be read: {row}")]
    Malformed {
        /// The table.
        table: &'static str,
        /// What is known of the row.
        row: String,
        /// Why.
        source: Source,
    },
    /// The database cannot be reached now, or its disk fails or is full. Nothing was written.
    #[error("the database cannot be reached to {operation}")]
    Unavailable {
        /// What was asked.
        operation: &'static str,
        /// Why.
        source: Source,
    },
    /// The database or its disk failed while it wrote: after that only what it holds can say whether it was written.
    #[error("the database failed while it was to {operation}")]
    InDoubt {
        /// What was asked.
        operation: &'static str,
        /// Why.
        source: Source,
    },
}

impl StoreError {
    /// Whether a later attempt may find the database reachable.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::InDoubt { .. } | Self::Connect { .. })
    }

    /// The same failure, told to another who waited for the same thing.
    pub(crate) fn for_another(&self) -> Self {
        let source = std::iter::successors(std::error::Error::source(self), |error| error.source());
        let source = source.map(ToString::to_string).collect::<Vec<_>>().join(": ").into();
        match self {
            Self::Unavailable { operation, .. } => Self::Unavailable { operation, source },
            Self::InDoubt { operation, .. } => Self::InDoubt { operation, source },
            Self::Query { operation, .. } => Self::Query { operation, source },
            Self::Malformed { table, row, .. } => Self::Malformed { table, row: row.clone(), source },
            Self::Connect { url, .. } => Self::Connect { url: url.clone(), source },
            Self::SchemaTooNew { found, known } => Self::SchemaTooNew { found: *found, known: *known },
            Self::ChangedMigration { number } => Self::ChangedMigration { number: *number },
        }
    }

    pub(crate) fn from_database(operation: &'static str, source: surrealdb::Error) -> Self {
        let message = source.message().to_lowercase();
        let lost = source.is_connection()
            || ["connection reset", "connection refused", "connection closed", "router", "not connected", "broken pipe"]
                .iter()
                .any(|word| message.contains(word));
        let source = Box::new(source);
        if lost { Self::Unavailable { operation, source } } else { Self::Query { operation, source } }
    }
}

/// What the engines say when their disk fails: the system's words, and those that the embedded one puts before them.
const DISK_FAILURES: [&str; 12] = [
    "no space left",
    "storage full",
    "quota exceeded",
    "read-only file system",
    "input/output error",
    "io error:",
    "wal error:",
    "commit failed:",
    "pipeline stall",
    "write stall:",
    "failed to flush memtable",
    "failed to atomically update manifest",
];

/// Whether a write failed for its disk.
pub fn is_disk_failure(error: &surrealdb::Error) -> bool {
    let message = error.message().to_lowercase();
    DISK_FAILURES.iter().any(|words| message.contains(words))
}
