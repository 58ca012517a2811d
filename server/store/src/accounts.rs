//! Accounts and their password hashes.

use domain::{Account, AccountId, AuditEntry, UserSummary, Username};
use serde::Deserialize;

use crate::query::{Outcome, Variables, from_doc, micros, some_time, to_doc, variables};
use crate::{Result, Store, audit};

/// Ends whatever lets somebody in as the account `$id`: sessions, keys, links to a new password.
pub const END_ALL: &str =
    "DELETE session WHERE account = $id; DELETE api_key WHERE account = $id; DELETE link WHERE account = $id;";
/// Counts the administrators who may come in. Each change of that count writes the same row, so that of two changes at once one sees
/// the other.
const COUNT_ADMINS: &str = "LET $admins = array::len((SELECT VALUE role FROM account WHERE role = 'admin' AND disabled_at = 0));
                            UPDATE counter:admin SET value = $admins;";

/// How a change of an account ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountChange {
    /// It is written.
    Done,
    /// The account is not, or no longer, as it was seen.
    Moved,
    /// No administrator would be left who may come in.
    LastAdmin,
}

#[derive(Deserialize)]
struct Row {
    doc: String,
    password_hash: String,
}

#[derive(Deserialize)]
struct Listed {
    doc: String,
    last_sign_in: i64,
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
             CREATE type::record('account', $id) SET username = $username, password_hash = $password_hash, doc = $doc, \
             role = $role, disabled_at = 0, last_sign_in = 0;
             {COUNT_ADMINS}
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            first: first,
            id: account.id.to_string(),
            username: account.username.as_str(),
            password_hash: password_hash,
            role: account.role,
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

    /// Gives an account another role, locks it out or lets it in again. Ends its sessions, keys and links, and the invitations
    /// that it made.
    ///
    /// # Errors
    /// The database's.
    pub async fn change_account(&self, seen: &Account, changed: &Account, audit: &AuditEntry) -> Result<AccountChange> {
        let statements = format!(
            "LET $row = (SELECT role, disabled_at FROM ONLY type::record('account', $id));
             IF $row = NONE OR $row.role != $seen_role OR $row.disabled_at != $seen_disabled_at {{ THROW 'guard:moved' }};
             UPDATE type::record('account', $id) SET doc = $doc, role = $role, disabled_at = $disabled_at;
             {END_ALL}
             DELETE link WHERE created_by = $id;
             {COUNT_ADMINS}
             IF $admins = 0 {{ THROW 'guard:last_admin' }};
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            id: seen.id.to_string(),
            seen_role: seen.role,
            seen_disabled_at: seen.disabled_at.map_or(0, micros),
            doc: to_doc("account", changed)?,
            role: changed.role,
            disabled_at: changed.disabled_at.map_or(0, micros),
        };
        audit::add(&mut variables, audit)?;
        Ok(match self.transact("change an account", &statements, variables).await? {
            Outcome::Committed => AccountChange::Done,
            Outcome::Refused(word) if word == "last_admin" => AccountChange::LastAdmin,
            Outcome::Refused(_) => AccountChange::Moved,
        })
    }

    /// Replaces the password hash `seen`, and ends the account's sessions, keys and links. False: it was replaced meanwhile.
    ///
    /// # Errors
    /// The database's.
    pub async fn change_password(&self, id: AccountId, seen: &str, password_hash: &str, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "LET $row = (SELECT password_hash FROM ONLY type::record('account', $id));
             IF $row = NONE OR $row.password_hash != $seen {{ THROW 'guard:moved' }};
             UPDATE type::record('account', $id) SET password_hash = $password_hash;
             {END_ALL}
             {}",
            audit::CREATE
        );
        let mut variables = variables! { id: id.to_string(), seen: seen, password_hash: password_hash };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("change a password", &statements, variables).await?.is_committed())
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn accounts(&self) -> Result<Vec<UserSummary>> {
        let text = "SELECT doc, last_sign_in FROM account";
        let rows: Vec<Listed> = self.rows("list accounts", "account", text, Variables::new()).await?;
        let summary = |row: Listed| {
            let Account { id, username, role, created_at, disabled_at } = from_doc("account", &row.doc)?;
            Ok(UserSummary { id, username, role, created_at, disabled_at, last_sign_in_at: some_time(row.last_sign_in) })
        };
        let mut accounts = rows.into_iter().map(summary).collect::<Result<Vec<_>>>()?;
        accounts.sort_by(|a, b| a.username.cmp(&b.username));
        Ok(accounts)
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
