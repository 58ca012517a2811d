//! Hosts: where blocks may run, and who may run there.

use domain::host::HostCheck;
use domain::{HostId, HostSummary};
use leptos::prelude::*;

use super::codec::Text;
#[cfg(feature = "ssr")]
use super::server::{actor, services};
use crate::error::Result;
use crate::state::host_form::HostForm;

/// Every host, `local` first; how each is reached is told to those who manage hosts.
#[server(prefix = "/rpc", endpoint = "list_hosts", output = Text)]
pub async fn list_hosts() -> Result<Vec<HostSummary>> {
    let actor = actor().await?;
    Ok(services()?.hosts.list(&actor).await?)
}

/// Adds a host.
#[server(prefix = "/rpc", endpoint = "create_host", output = Text)]
pub async fn create_host(host: HostForm) -> Result<HostSummary> {
    let actor = actor().await?;
    let made = services()?.hosts.create(&actor, host.draft().map_err(domain::Problem::invalid)?).await?;
    leptos_axum::redirect("/hosts");
    Ok(made)
}

/// Changes a host to what the form says.
#[server(prefix = "/rpc", endpoint = "update_host", output = Text)]
pub async fn update_host(id: HostId, host: HostForm) -> Result<HostSummary> {
    let actor = actor().await?;
    let changed = services()?.hosts.update(&actor, id, host.draft().map_err(domain::Problem::invalid)?).await?;
    leptos_axum::redirect("/hosts");
    Ok(changed)
}

/// Deletes a host; `force` even when runbooks name it.
#[server(prefix = "/rpc", endpoint = "delete_host", output = Text)]
pub async fn delete_host(id: HostId, #[server(default)] force: bool) -> Result<()> {
    let actor = actor().await?;
    services()?.hosts.delete(&actor, id, force).await?;
    leptos_axum::redirect("/hosts");
    Ok(())
}

/// Looks at a host without running anything on it.
#[server(prefix = "/rpc", endpoint = "check_host", output = Text)]
pub async fn check_host(id: HostId) -> Result<(HostId, HostCheck)> {
    let actor = actor().await?;
    Ok((id, services()?.hosts.check(&actor, id).await?))
}

/// Pins the key that a host has shown; from then on it must show it.
#[server(prefix = "/rpc", endpoint = "pin_host_key", output = Text)]
pub async fn pin_host_key(id: HostId, host_key: String) -> Result<HostSummary> {
    let actor = actor().await?;
    let host = services()?.hosts.pin(&actor, id, &host_key).await?;
    leptos_axum::redirect("/hosts");
    Ok(host)
}
