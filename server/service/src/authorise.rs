//! The first line of every use case.

use domain::{Actor, Permission};

use crate::{Result, ServiceError};

/// Refuses an actor whose role does not hold the permission.
pub(crate) fn authorise(actor: &Actor, permission: Permission) -> Result<()> {
    if actor.may(permission) { Ok(()) } else { Err(ServiceError::Forbidden { permission }) }
}
