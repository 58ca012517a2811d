//! Stored credentials. A secret goes in here and never comes out.

use domain::{CredentialId, CredentialKind, CredentialSummary};
use leptos::prelude::*;

use super::codec::Text;
#[cfg(feature = "ssr")]
use super::server::{actor, services};
use crate::error::Result;

/// Every credential, by name, without its secret.
#[server(prefix = "/rpc", endpoint = "list_credentials", output = Text)]
pub async fn list_credentials() -> Result<Vec<CredentialSummary>> {
    let actor = actor().await?;
    Ok(services()?.credentials.list(&actor).await?)
}

/// Stores a credential, encrypted from the first byte.
#[server(prefix = "/rpc", endpoint = "create_credential", output = Text)]
pub async fn create_credential(
    name: String,
    kind: CredentialKind,
    secret: String,
    #[server(default)] username: String,
    #[server(default)] passphrase: String,
) -> Result<CredentialSummary> {
    let actor = actor().await?;
    // Browsers send the line ends of a text area as CR LF; keys are written with LF.
    let secret = secrecy::SecretString::from(secret.replace("\r\n", "\n"));
    let new = service::NewCredential { name, secret, username, passphrase: passphrase.into() };
    Ok(services()?.credentials.create_of(&actor, kind, new).await?)
}

/// Deletes a credential; `force` even when runbooks use it.
#[server(prefix = "/rpc", endpoint = "delete_credential", output = Text)]
pub async fn delete_credential(id: CredentialId, #[server(default)] force: bool) -> Result<()> {
    let actor = actor().await?;
    services()?.credentials.delete(&actor, id, force).await?;
    Ok(())
}
