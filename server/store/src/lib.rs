//! Keeps everything in SurrealDB. No other crate speaks SurrealQL or sees a row: what goes in and comes out are the types
//! of `domain`, and the few of this crate that name a filter, a change or a lease.
//!
//! Every change is one `BEGIN; …; COMMIT;` text that also writes its audit row; see `query` for how conflicts between
//! transactions are retried and how a guard inside one is answered.

mod accounts;
mod api_keys;
mod audit;
mod catalogue;
mod connect;
mod credentials;
mod error;
mod favourites;
mod going;
mod handle;
mod hosts;
mod leases;
mod links;
mod migrate;
mod notes;
mod output;
mod place;
mod query;
mod recovery;
mod retention;
mod runbooks;
mod runs;
mod sealed;
mod sessions;
mod settings;
mod start;
mod tries;

pub use accounts::AccountChange;
pub use api_keys::{FoundKey, NewApiKey};
pub use audit::{AuditFilter, Pruned};
pub use catalogue::Listed;
pub use connect::Store;
pub use error::{Result, StoreError};
pub use hosts::HostChange;
pub use leases::{Claim, Lease, Progress, Saved};
pub use links::{Link, NewLink, TakenUp};
pub use retention::EndedRuns;
pub use runs::{ControlChange, RunFilter};
pub use sealed::{Resealed, Sealed, SealedKind, SealedPage};
pub use sessions::NewSession;
pub use start::{Idempotency, Started};
pub use tries::Tries;
