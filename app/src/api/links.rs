//! What whoever has a one-time link does with it.

use domain::LinkPurpose;
use leptos::prelude::*;

use super::codec::Text;
#[cfg(feature = "ssr")]
use super::server::{address, begin_session_cookie, device, services};
use crate::error::Result;

/// What a link is good for.
#[server(name = GetLinkPurpose, prefix = "/rpc", endpoint = "link_purpose", output = Text)]
pub async fn link_purpose(token: String) -> Result<LinkPurpose> {
    Ok(services()?.accounts.link_purpose(&token).await?)
}

/// Makes the account that an invitation is for, and signs it in.
#[server(prefix = "/rpc", endpoint = "accept_invite", output = Text)]
pub async fn accept_invite(token: String, username: String, password: String) -> Result<()> {
    use secrecy::{ExposeSecret, SecretString};

    let accounts = services()?.accounts;
    let password = SecretString::from(password);
    accounts.accept_invite(&token, &username, password.clone(), address()).await?;
    let session = accounts.sign_in(&username, password, address(), &device()).await?;
    begin_session_cookie(session.expose_secret());
    leptos_axum::redirect("/");
    Ok(())
}

/// Gives an account the password that was chosen, which ends its sessions and keys, and leads to the sign-in.
#[server(prefix = "/rpc", endpoint = "reset_password", output = Text)]
pub async fn reset_password(token: String, password: String) -> Result<()> {
    services()?.accounts.reset_password(&token, secrecy::SecretString::from(password), address()).await?;
    leptos_axum::redirect("/sign-in");
    Ok(())
}
