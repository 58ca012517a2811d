//! The runbooks that a person wants at hand.

use domain::{AccountId, AuditEntry, RunbookId};

use crate::query::{micros, variables};
use crate::{Result, Store, audit};

impl Store {
    /// Makes a runbook a favourite of an account. False: it is one already.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_favourite(&self, account: AccountId, runbook: RunbookId, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "IF record::exists(type::record('favourite', [$account, $runbook])) {{ THROW 'guard:known' }};
             CREATE type::record('favourite', [$account, $runbook]) SET runbook = $runbook, created_at = $now RETURN NONE;
             {}",
            audit::CREATE
        );
        let mut variables = variables! { account: account, runbook: runbook, now: micros(audit.at) };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("keep a favourite", &statements, variables).await?.is_committed())
    }

    /// Lets a favourite of an account go. False: it is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove_favourite(&self, account: AccountId, runbook: RunbookId, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "IF !record::exists(type::record('favourite', [$account, $runbook])) {{ THROW 'guard:gone' }};
             DELETE type::record('favourite', [$account, $runbook]);
             {}",
            audit::CREATE
        );
        let mut variables = variables! { account: account, runbook: runbook };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("let a favourite go", &statements, variables).await?.is_committed())
    }

    /// The favourites of an account.
    ///
    /// # Errors
    /// The database's.
    pub async fn favourites(&self, account: AccountId) -> Result<Vec<RunbookId>> {
        let text = "SELECT VALUE runbook FROM favourite:[$account, '']..=[$account, '~']";
        self.rows("list favourites", "favourite", text, variables! { account: account }).await
    }
}
