//! The use cases: authorise, validate, persist, audit.
//!
//! REST handlers and server functions are adapters over [`Services`]; neither speaks to the store. Each call begins by asking whether
//! the actor may, checks the object as well as the verb, and writes its audit row in the commit of the act.

mod accounts;
mod audit;
mod authorise;
mod catalogue;
mod credentials;
mod error;
mod health;
mod hosts;
mod installation;
mod keys;
mod overview;
mod references;
mod retention;
mod runbooks;
mod runs;
mod settings;
mod throttle;

use engine::EngineHandle;
use store::Store;
pub use store::{AuditFilter, RunFilter};
use vault::Vault;

pub use crate::accounts::{Accounts, LONGEST_DAYS, NewKey, NewUser, OneTimeLink, SignUp, UserChange};
pub use crate::audit::Audit;
pub use crate::credentials::{Credentials, NewCredential};
pub use crate::error::ServiceError;
pub use crate::health::Health;
pub use crate::hosts::Hosts;
pub use crate::installation::{Administration, Installation};
pub use crate::keys::{Keys, Lost};
pub use crate::overview::Home;
pub use crate::retention::{Fixed, Gone, Retention, Upkeep};
pub use crate::runbooks::{ExportedRunbook, MAX_IMPORT, RunbookFilter, Runbooks};
pub use crate::runs::{MASK, MAX_COMMENT, MAX_REASON, MAX_REQUEST_KEY, Report, Runs, StartRun, TAIL_BYTES, may_control};
pub use crate::settings::{LocalCommands, Settings, Signup};

/// What a use case answers.
pub type Result<T> = std::result::Result<T, ServiceError>;

/// Every use case; a clone is a handle to the same.
#[derive(Clone)]
pub struct Services {
    /// What runs here and how it is set.
    pub administration: Administration,
    /// Signing up, in and out; who is asking.
    pub accounts: Accounts,
    /// Who did what.
    pub audit: Audit,
    /// Stored secrets.
    pub credentials: Credentials,
    /// Where it may run.
    pub hosts: Hosts,
    /// What a person wants to see first.
    pub home: Home,
    /// The keys to the stored secrets.
    pub keys: Keys,
    /// What people write.
    pub runbooks: Runbooks,
    /// What happens when it is run.
    pub runs: Runs,
    /// Whether the rest can work.
    pub health: Health,
}

impl Services {
    /// Puts the use cases over a store, a vault and an engine.
    #[must_use]
    pub fn new(store: Store, vault: Vault, engine: EngineHandle, settings: Settings) -> Self {
        let local = settings.local.clone();
        let runbooks = Runbooks::new(store.clone());
        let keys = Keys::new(store.clone(), vault.clone());
        Self {
            administration: Administration::new(store.clone(), keys.clone(), settings.installation.clone()),
            accounts: Accounts::new(store.clone(), settings),
            audit: Audit::new(store.clone()),
            credentials: Credentials::new(store.clone(), vault.clone()),
            hosts: Hosts::new(store.clone(), vault.clone(), engine.clone(), local.clone()),
            home: Home::new(store.clone(), runbooks.clone()),
            keys,
            runbooks,
            runs: Runs::new(store.clone(), vault, engine, local),
            health: Health::new(store),
        }
    }
}

/// The longest page a list answers.
const MAX_PAGE: u32 = 200;
/// The page where none is asked for.
const DEFAULT_PAGE: u32 = 50;

/// A page size that is neither nothing nor everything.
fn page_size(asked: u32) -> u32 {
    if asked == 0 { DEFAULT_PAGE } else { asked.min(MAX_PAGE) }
}

/// The one place where these use cases read the clock.
fn now() -> domain::Timestamp {
    chrono::Utc::now()
}
