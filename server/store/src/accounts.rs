//! Accounts and their password hashes.

use domain::{Account, AccountId, AuditEntry, Username};
use serde::Deserialize;

use crate::query::{from_doc, to_doc, variables};
use crate::{Result, Store, audit};

#[derive(Deserialize)]
struct Row {
    doc: String,
    password_hash: String,
}

impl Store {
    /// How many accounts there are.
    ///
    /// # Errors
    /// The database's.
    pub async fn account_count(&self) -> Result<u64> {
        self.counter("account").await
    }

    /// Makes an account. False: the name is taken, or it was to be the `first` and there is one already.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_account(&self, account: &Account, password_hash: &str, first: bool, audit: &AuditEntry) -> Result<bool> {
        // The counter is written by every sign-up: of two that would both be the first, one conflicts and sees the other.
        let statements = format!(
            "IF $first AND counter:account.value > 0 {{ THROW 'guard:first' }};
             UPDATE counter:account SET value += 1;
             CREATE type::record('account', $id) SET username = $username, password_hash = $password_hash, doc = $doc;
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            first: first,
            id: account.id.to_string(),
            username: account.username.as_str(),
            password_hash: password_hash,
            doc: to_doc("account", account)?,
        };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("create an account", &statements, variables).await?.is_committed())
    }

    /// The account of that name, with its password hash.
    ///
    /// # Errors
    /// The database's.
    pub async fn account_by_name(&self, name: &Username) -> Result<Option<(Account, String)>> {
        let text = "SELECT doc, password_hash FROM account WHERE username = $username LIMIT 1";
        let row: Option<Row> = self.row("read an account", "account", text, variables! { username: name.as_str() }).await?;
        row.map(|row| Ok((from_doc("account", &row.doc)?, row.password_hash))).transpose()
    }

    /// The account.
    ///
    /// # Errors
    /// The database's.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>> {
        let text = "SELECT VALUE doc FROM type::record('account', $id)";
        let doc: Option<String> = self.row("read an account", "account", text, variables! { id: id.to_string() }).await?;
        doc.map(|doc| from_doc("account", &doc)).transpose()
    }
}
