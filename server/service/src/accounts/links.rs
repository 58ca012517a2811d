//! One-time links: an administrator makes one, whoever has it chooses a name and password, or a new password.

use chrono::TimeDelta;
use domain::{Account, AccountId, Actor, AuditAction, InviteId, InviteSummary, LinkPurpose, Permission, Role, Timestamp};
use secrecy::SecretString;
use serde_json::json;
use store::{Link, NewLink, TakenUp};
use vault::{SessionToken, token_hash};

use super::password::check_new;
use super::{Accounts, MAX_TOKEN, check_sign_up, new_account};
use crate::authorise::{authorise, authorise_look};
use crate::{Result, ServiceError, audit, now};

/// How long a link can be used.
const LINK: TimeDelta = TimeDelta::days(7);
/// What is said of a link whatever ended it.
const GONE: ServiceError = ServiceError::NotFound { what: "link: it was used or withdrawn, or is older than 7 days" };

/// A link as it is shown once to whoever made it.
#[derive(Debug, Clone)]
pub struct OneTimeLink {
    /// Its id, by which an invitation is withdrawn.
    pub id: InviteId,
    /// What the address of its page ends with.
    pub token: SecretString,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

impl Accounts {
    /// Makes a link by which somebody can make themself an account of this role.
    ///
    /// # Errors
    /// `Forbidden` to all but administrators.
    pub async fn invite(&self, actor: &Actor, role: Role) -> Result<OneTimeLink> {
        authorise(actor, Permission::Administer)?;
        self.make_link(actor, Link::Invite(role)).await
    }

    /// The invitations that nobody has taken up yet, the latest first.
    ///
    /// # Errors
    /// `Forbidden` to all but administrators.
    pub async fn invites(&self, actor: &Actor) -> Result<Vec<InviteSummary>> {
        authorise_look(actor, Permission::Administer)?;
        Ok(self.store.invites(now()).await?)
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`.
    pub async fn withdraw_invite(&self, actor: &Actor, id: InviteId) -> Result<()> {
        authorise(actor, Permission::Administer)?;
        let entry = audit::by(actor, AuditAction::InviteWithdrawn, "invite", id, json!({}));
        let withdrawn = self.store.withdraw_invite(id, &entry).await?;
        if withdrawn { Ok(()) } else { Err(ServiceError::NotFound { what: "invitation" }) }
    }

    /// Makes a link by which the owner of an account can choose a new password. Until it is used, the old one stays good.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`.
    pub async fn offer_password_reset(&self, actor: &Actor, id: AccountId) -> Result<OneTimeLink> {
        authorise(actor, Permission::Administer)?;
        let account = self.store.account(id).await?.ok_or(ServiceError::NotFound { what: "user" })?;
        self.make_link(actor, Link::Reset(account.id)).await
    }

    /// What a link is good for; asked by whoever has it.
    ///
    /// # Errors
    /// `NotFound` where it is unknown, used, withdrawn or over.
    pub async fn link_purpose(&self, token: &str) -> Result<LinkPurpose> {
        match self.link(token).await? {
            Link::Invite(role) => Ok(LinkPurpose::Invite(role)),
            Link::Reset(id) => {
                let account = self.store.account(id).await?.ok_or(GONE)?;
                Ok(LinkPurpose::Reset(account.username.to_string()))
            }
        }
    }

    /// Makes the account that the holder of an invitation asks for, and uses the invitation up.
    ///
    /// # Errors
    /// `NotFound` for a link that is not, or no longer, an invitation; `Invalid`; `NameTaken`, which leaves the invitation good.
    pub async fn accept_invite(
        &self,
        token: &str,
        username: &str,
        password: SecretString,
        address: Option<String>,
    ) -> Result<Account> {
        let Link::Invite(role) = self.link(token).await? else { return Err(GONE) };
        let username = check_sign_up(username, &password)?;
        let hash = self.passwords.hash(password).await?;
        let account = new_account(username, role);
        let detail = json!({ "username": account.username, "role": role, "by": "invitation" });
        let entry = audit::by_account(&account, address.as_deref(), AuditAction::SignUp, detail);
        match self.store.take_up_invite(&token_hash(token), &account, &hash, &entry).await? {
            TakenUp::Done => {
                tracing::info!(account.id = %account.id, account.role = %role, "account made");
                Ok(account)
            }
            TakenUp::Gone => Err(GONE),
            TakenUp::NameTaken => Err(ServiceError::NameTaken),
        }
    }

    /// Gives an account the password that the holder of its link chooses, and ends all its sessions and API keys.
    ///
    /// # Errors
    /// `NotFound` for a link that is not, or no longer, for this; `Invalid` for a weak password.
    pub async fn reset_password(&self, token: &str, password: SecretString, address: Option<String>) -> Result<Account> {
        let Link::Reset(id) = self.link(token).await? else { return Err(GONE) };
        let account = self.store.account(id).await?.ok_or(GONE)?;
        check_new(&password, account.username.as_str())?;
        let hash = self.passwords.hash(password).await?;
        let entry = audit::by_account(&account, address.as_deref(), AuditAction::PasswordReset, json!({ "by": "link" }));
        if self.store.reset_password(&token_hash(token), id, &hash, &entry).await? { Ok(account) } else { Err(GONE) }
    }

    async fn link(&self, token: &str) -> Result<Link> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Err(GONE);
        }
        self.store.link(&token_hash(token), now()).await?.ok_or(GONE)
    }

    async fn make_link(&self, actor: &Actor, link: Link) -> Result<OneTimeLink> {
        let token = SessionToken::generate()?;
        let made_at = now();
        let new = NewLink {
            id: InviteId::new(),
            token_hash: token.hash(),
            link,
            created_by: actor.id,
            created_by_name: actor.username.to_string(),
            created_at: made_at,
            expires_at: made_at + LINK,
        };
        let entry = match link {
            Link::Invite(role) => {
                let detail = json!({ "role": role, "expires_at": new.expires_at });
                audit::by(actor, AuditAction::Invited, "invite", new.id, detail)
            }
            Link::Reset(account) => {
                let detail = json!({ "expires_at": new.expires_at });
                audit::by(actor, AuditAction::PasswordResetOffered, "account", account, detail)
            }
        };
        self.store.create_link(&new, &entry).await?;
        Ok(OneTimeLink { id: new.id, token: token.into_secret(), expires_at: new.expires_at })
    }
}
