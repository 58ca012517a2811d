//! The audit trail: read and verified.

use domain::{AuditRecord, AuditVerdict, Page};
use leptos::prelude::*;

use super::codec::Text;
#[cfg(feature = "ssr")]
use super::server::{actor, services};
use crate::error::Result;

/// A page of the trail, the newest first. `since` and `until` are days (`2027-01-31`, UTC), both inclusive.
#[server(prefix = "/rpc", endpoint = "list_audit", output = Text)]
pub async fn list_audit(
    #[server(default)] who: Option<String>,
    #[server(default)] action: Option<String>,
    #[server(default)] target: Option<String>,
    #[server(default)] since: Option<String>,
    #[server(default)] until: Option<String>,
    #[server(default)] cursor: Option<String>,
) -> Result<Page<AuditRecord>> {
    use domain::AuditAction;
    use service::AuditFilter;

    use super::runbooks::given;
    use crate::state::day::{after_day, beginning_of_day};

    let actor = actor().await?;
    let filter = AuditFilter {
        actor: given(who),
        action: action.and_then(|word| AuditAction::ALL.iter().find(|action| action.as_str() == word).copied()),
        target: given(target),
        since: since.as_deref().and_then(beginning_of_day),
        until: until.as_deref().and_then(after_day),
        limit: 50,
        cursor: given(cursor),
    };
    Ok(services()?.audit.list(&actor, filter).await?)
}

/// Reads the whole trail and says where it is broken first, if it is; also against a head that was kept elsewhere (`SEQ:HASH`).
#[server(prefix = "/rpc", endpoint = "verify_audit", output = Text)]
pub async fn verify_audit(#[server(default)] head: Option<String>) -> Result<AuditVerdict> {
    use domain::{AuditHead, Faults, Problem};

    let actor = actor().await?;
    let head = super::runbooks::given(head).map(|text| text.parse::<AuditHead>()).transpose();
    let head = head.map_err(|error| Problem::invalid(Faults::one("$.head", error.to_string())))?;
    Ok(services()?.audit.verify(&actor, head).await?)
}
