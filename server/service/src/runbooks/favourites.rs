//! The runbooks that a person wants at hand. They are nobody else's business, and change nothing for anybody else.

use domain::{Actor, AuditAction, Permission, RunbookId};
use serde_json::json;

use super::{MISSING, Runbooks};
use crate::authorise::authorise;
use crate::{Result, audit};

impl Runbooks {
    /// Makes a runbook a favourite of the actor, or no longer; that it is so already is no fault.
    ///
    /// # Errors
    /// `OutOfScope`, `NotFound`.
    pub async fn set_favourite(&self, actor: &Actor, id: RunbookId, favourite: bool) -> Result<()> {
        authorise(actor, Permission::ManageOwn)?;
        let runbook = self.store.runbook(id).await?.ok_or(MISSING)?;
        let action = if favourite { AuditAction::FavouriteAdded } else { AuditAction::FavouriteRemoved };
        let entry = audit::by(actor, action, "runbook", id, json!({ "title": runbook.title }));
        if favourite {
            self.store.add_favourite(actor.id, id, &entry).await?;
        } else {
            self.store.remove_favourite(actor.id, id, &entry).await?;
        }
        Ok(())
    }
}
