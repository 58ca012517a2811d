//! One-time links, by the hash of their token: to make an account that somebody was invited to, or to choose a new password.

use domain::{Account, AccountId, AuditEntry, InviteId, InviteSummary, Role, Timestamp};
use serde::Deserialize;

use crate::accounts::END_ALL;
use crate::query::{Outcome, micros, time, to_doc, variables};
use crate::sessions::account_id;
use crate::{Result, Store, audit};

/// What a link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Making an account of this role.
    Invite(Role),
    /// Choosing a new password for this account.
    Reset(AccountId),
}

/// A link to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// Its id.
    pub id: InviteId,
    /// The hash of its token.
    pub token_hash: String,
    /// What it is good for.
    pub link: Link,
    /// Who made it.
    pub created_by: AccountId,
    /// Their name.
    pub created_by_name: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

/// How the use of a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenUp {
    /// It is used up.
    Done,
    /// It is unknown, used, withdrawn or over.
    Gone,
    /// Another account has the name.
    NameTaken,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    role: String,
    account: String,
}

#[derive(Deserialize)]
struct Listed {
    key: InviteId,
    role: Role,
    created_by_name: String,
    created_at: i64,
    expires_at: i64,
}

/// Uses the link up, or refuses.
const TAKE: &str = "
    LET $link = (SELECT expires_at FROM ONLY type::record('link', $hash));
    IF $link = NONE OR $link.expires_at <= $now { THROW 'guard:gone' };
    DELETE type::record('link', $hash);";

impl Store {
    /// Stores a link, and forgets those that are over. A link to a new password replaces an earlier one of the same account.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_link(&self, link: &NewLink, audit: &AuditEntry) -> Result<()> {
        let statements = format!(
            "DELETE link WHERE expires_at <= $now OR ($account != '' AND account = $account);
             CREATE type::record('link', $hash) SET key = $key, kind = $kind, role = $role, account = $account, \
             created_by = $created_by, created_by_name = $created_by_name, created_at = $now, expires_at = $expires_at;
             {}",
            audit::CREATE
        );
        let (kind, role, account) = match link.link {
            Link::Invite(role) => ("invite", role.as_str(), String::new()),
            Link::Reset(account) => ("reset", "", account.to_string()),
        };
        let mut variables = variables! {
            hash: link.token_hash,
            key: link.id,
            kind: kind,
            role: role,
            account: account,
            created_by: link.created_by,
            created_by_name: link.created_by_name,
            now: micros(link.created_at),
            expires_at: micros(link.expires_at),
        };
        audit::add(&mut variables, audit)?;
        self.transact("store a link", &statements, variables).await?;
        Ok(())
    }

    /// What a link is good for; `None` where it is unknown, used, withdrawn or over.
    ///
    /// # Errors
    /// The database's.
    pub async fn link(&self, token_hash: &str, now: Timestamp) -> Result<Option<Link>> {
        let text = "SELECT kind, role, account FROM type::record('link', $hash) WHERE expires_at > $now";
        let row: Option<Row> = self.row("read a link", "link", text, variables! { hash: token_hash, now: micros(now) }).await?;
        Ok(match row {
            None => None,
            Some(row) if row.kind == "reset" => Some(Link::Reset(account_id("link", &row.account)?)),
            Some(row) => row.role.parse().ok().map(Link::Invite),
        })
    }

    /// The invitations that nobody has taken up yet, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn invites(&self, now: Timestamp) -> Result<Vec<InviteSummary>> {
        let text =
            "SELECT key, role, created_by_name, created_at, expires_at FROM link WHERE kind = 'invite' AND expires_at > $now";
        let rows: Vec<Listed> = self.rows("list invitations", "link", text, variables! { now: micros(now) }).await?;
        let summary = |row: Listed| {
            Ok(InviteSummary {
                id: row.key,
                role: row.role,
                created_by: row.created_by_name,
                created_at: time("link", row.created_at)?,
                expires_at: time("link", row.expires_at)?,
            })
        };
        let mut invites = rows.into_iter().map(summary).collect::<Result<Vec<_>>>()?;
        invites.sort_by_key(|invite| std::cmp::Reverse((invite.created_at, invite.id)));
        Ok(invites)
    }

    /// Takes an invitation back. False: there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn withdraw_invite(&self, id: InviteId, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "LET $gone = (DELETE link WHERE kind = 'invite' AND key = $key RETURN BEFORE);
             IF array::len($gone) = 0 {{ THROW 'guard:gone' }};
             {}",
            audit::CREATE
        );
        let mut variables = variables! { key: id };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("withdraw an invitation", &statements, variables).await?.is_committed())
    }

    /// Makes the account that an invitation is for, and uses the invitation up.
    ///
    /// # Errors
    /// The database's.
    pub async fn take_up_invite(
        &self,
        token_hash: &str,
        account: &Account,
        password_hash: &str,
        audit: &AuditEntry,
    ) -> Result<TakenUp> {
        let statements = format!(
            "{TAKE}
             UPDATE counter:account SET value += 1;
             CREATE type::record('account', $id) SET username = $username, password_hash = $password_hash, doc = $doc, \
             role = $role, disabled_at = 0, last_sign_in = 0;
             UPDATE counter:admin SET value = array::len((SELECT VALUE role FROM account WHERE role = 'admin' AND disabled_at = 0));
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            hash: token_hash,
            now: micros(account.created_at),
            id: account.id,
            username: account.username,
            password_hash: password_hash,
            role: account.role,
            doc: to_doc("account", account)?,
        };
        audit::add(&mut variables, audit)?;
        Ok(match self.transact("take up an invitation", &statements, variables).await? {
            Outcome::Committed => TakenUp::Done,
            Outcome::Refused(word) if word == "gone" => TakenUp::Gone,
            Outcome::Refused(_) => TakenUp::NameTaken,
        })
    }

    /// Gives an account the password that was chosen by a link, uses the link up, and ends the account's sessions and keys. False: the
    /// link is unknown, used or over.
    ///
    /// # Errors
    /// The database's.
    pub async fn reset_password(
        &self,
        token_hash: &str,
        account: AccountId,
        password_hash: &str,
        audit: &AuditEntry,
    ) -> Result<bool> {
        let statements = format!(
            "{TAKE}
             UPDATE type::record('account', $id) SET password_hash = $password_hash;
             {END_ALL}
             {}",
            audit::CREATE
        );
        let mut variables = variables! { hash: token_hash, now: micros(audit.at), id: account, password_hash: password_hash };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("reset a password", &statements, variables).await?.is_committed())
    }
}
