//! One's own account: password, sessions, API keys.

use domain::{ApiKeyId, ApiKeySummary, Scope, SessionId, SessionSummary};
use leptos::prelude::*;

use super::codec::Text;
use super::once::Once;
#[cfg(feature = "ssr")]
use super::server::{actor, services, session_token};
use crate::error::Result;

/// Where one is signed in, this browser first.
#[server(prefix = "/rpc", endpoint = "list_sessions", output = Text)]
pub async fn list_sessions() -> Result<Vec<SessionSummary>> {
    let actor = actor().await?;
    Ok(services()?.accounts.sessions(&actor, session_token().as_deref()).await?)
}

/// Ends one session.
#[server(prefix = "/rpc", endpoint = "end_session", output = Text)]
pub async fn end_session(id: SessionId) -> Result<()> {
    let actor = actor().await?;
    services()?.accounts.end_session(&actor, id).await?;
    Ok(())
}

/// Signs out everywhere, here too.
#[server(prefix = "/rpc", endpoint = "end_sessions", output = Text)]
pub async fn end_sessions() -> Result<()> {
    let actor = actor().await?;
    services()?.accounts.end_sessions(&actor).await?;
    super::server::end_session_cookie();
    leptos_axum::redirect("/sign-in");
    Ok(())
}

/// Changes one's password, which ends every session and key, and signs this browser in again.
#[server(prefix = "/rpc", endpoint = "change_password", output = Text)]
pub async fn change_password(current_password: String, new_password: String) -> Result<()> {
    use secrecy::{ExposeSecret, SecretString};

    let actor = actor().await?;
    let accounts = services()?.accounts;
    let new = SecretString::from(new_password);
    accounts.change_password(&actor, SecretString::from(current_password), new.clone()).await?;
    let token = accounts.sign_in(actor.username.as_str(), new, actor.address.clone(), &super::server::device()).await?;
    super::server::begin_session_cookie(token.expose_secret());
    leptos_axum::redirect("/profile?changed=password");
    Ok(())
}

/// One's API keys, the latest first.
#[server(prefix = "/rpc", endpoint = "list_api_keys", output = Text)]
pub async fn list_api_keys() -> Result<Vec<ApiKeySummary>> {
    let actor = actor().await?;
    Ok(services()?.accounts.api_keys(&actor).await?)
}

/// Makes an API key, which is shown this once; 0 days are for ever.
#[server(prefix = "/rpc", endpoint = "create_api_key", output = Text)]
pub async fn create_api_key(
    name: String,
    #[server(default)] scopes: Vec<Scope>,
    #[server(default)] expires_in_days: u32,
) -> Result<Once> {
    let actor = actor().await?;
    let wish = service::NewKey { name, scopes, expires_in_days: Some(expires_in_days).filter(|days| *days > 0) };
    let (key, secret) = services()?.accounts.create_api_key(&actor, wish).await?;
    Ok(Once::new(format!("API key “{}”", key.name), &secret).kept())
}

/// Revokes one of one's API keys.
#[server(prefix = "/rpc", endpoint = "revoke_api_key", output = Text)]
pub async fn revoke_api_key(id: ApiKeyId) -> Result<()> {
    let actor = actor().await?;
    services()?.accounts.revoke_api_key(&actor, id).await?;
    Ok(())
}
