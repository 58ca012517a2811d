//! Sessions of one's own: where one is signed in, and ending that from elsewhere.

use domain::{Actor, AuditAction, Permission, SessionId, SessionSummary};
use serde_json::json;
use vault::token_hash;

use super::Accounts;
use crate::authorise::authorise;
use crate::{Result, ServiceError, audit, now};

impl Accounts {
    /// The actor's sessions, the one of the token `current` first.
    ///
    /// # Errors
    /// `OutOfScope`.
    pub async fn sessions(&self, actor: &Actor, current: Option<&str>) -> Result<Vec<SessionSummary>> {
        authorise(actor, Permission::Read)?;
        let current = current.map(token_hash);
        Ok(self.store.sessions(actor.id, now(), self.settings.session_idle, current.as_deref()).await?)
    }

    /// Ends one of the actor's sessions.
    ///
    /// # Errors
    /// `OutOfScope`; `NotFound` for somebody else's as well.
    pub async fn end_session(&self, actor: &Actor, id: SessionId) -> Result<()> {
        authorise(actor, Permission::ManageOwn)?;
        let entry = audit::by(actor, AuditAction::SessionsEnded, "account", actor.id, json!({ "session": id }));
        let ended = self.store.end_sessions(actor.id, Some(id), &entry).await?;
        if ended { Ok(()) } else { Err(ServiceError::NotFound { what: "session" }) }
    }

    /// Signs the actor out everywhere. API keys stay.
    ///
    /// # Errors
    /// `OutOfScope`.
    pub async fn end_sessions(&self, actor: &Actor) -> Result<()> {
        authorise(actor, Permission::ManageOwn)?;
        let entry = audit::by(actor, AuditAction::SessionsEnded, "account", actor.id, json!({ "session": "all" }));
        // That there was none is no fault: nobody is signed in afterwards.
        self.store.end_sessions(actor.id, None, &entry).await?;
        Ok(())
    }
}
