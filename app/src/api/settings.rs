//! The installation: looked at and changed by administrators.

use domain::InstallationStatus;
use leptos::prelude::*;

use super::codec::Text;
#[cfg(feature = "ssr")]
use super::server::{actor, services};
use crate::error::Result;

/// What runs here, how much there is to do, and how it is set.
#[server(prefix = "/rpc", endpoint = "get_settings", output = Text)]
pub async fn get_settings() -> Result<InstallationStatus> {
    let actor = actor().await?;
    Ok(services()?.administration.status(&actor).await?)
}

/// Sets how many days old data is kept, 0 for ever; what is not given stays.
#[server(prefix = "/rpc", endpoint = "set_retention", output = Text)]
pub async fn set_retention(
    #[server(default)] audit_days: Option<u32>,
    #[server(default)] output_days: Option<u32>,
) -> Result<()> {
    let actor = actor().await?;
    services()?.administration.set_retention(&actor, audit_days, output_days).await?;
    Ok(())
}
