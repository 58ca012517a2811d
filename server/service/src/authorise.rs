//! The first line of every use case.

use domain::{Actor, Permission, Scope};

use crate::{Result, ServiceError};

/// Refuses an actor whose role does not hold the permission, and one whose API key was not made for it.
pub(crate) fn authorise(actor: &Actor, permission: Permission) -> Result<()> {
    ask(actor, permission, permission.scope())
}

/// The same for a look at what the permission is for: a key for reading is enough.
pub(crate) fn authorise_look(actor: &Actor, permission: Permission) -> Result<()> {
    ask(actor, permission, Scope::Read)
}

fn ask(actor: &Actor, permission: Permission, scope: Scope) -> Result<()> {
    if !actor.role.may(permission) {
        Err(ServiceError::Forbidden { permission })
    } else if actor.has_scope(scope) {
        Ok(())
    } else {
        Err(ServiceError::OutOfScope { scope })
    }
}
