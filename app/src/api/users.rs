//! The accounts of others, for administrators.

use domain::{AccountId, InviteId, InviteSummary, Role, UserSummary};
use leptos::prelude::*;

use super::codec::Text;
use super::once::Once;
#[cfg(feature = "ssr")]
use super::server::{actor, address_of_page, services};
use crate::error::Result;

/// Every account, by name.
#[server(prefix = "/rpc", endpoint = "list_users", output = Text)]
pub async fn list_users() -> Result<Vec<UserSummary>> {
    let actor = actor().await?;
    Ok(services()?.accounts.users(&actor).await?)
}

/// The names of those who can give roles, for whoever lacks one.
#[server(prefix = "/rpc", endpoint = "administrators", output = Text)]
pub async fn administrators() -> Result<Vec<String>> {
    let actor = actor().await?;
    Ok(services()?.accounts.administrators(&actor).await?)
}

/// Makes an account; its password is made up and shown this once.
#[server(prefix = "/rpc", endpoint = "create_user", output = Text)]
pub async fn create_user(username: String, role: Role) -> Result<Once> {
    let actor = actor().await?;
    let wish = service::NewUser { username, role, password: None };
    let (account, password) = services()?.accounts.create_user(&actor, wish).await?;
    Ok(Once::new(format!("Password of “{}”", account.username), &password.unwrap_or_default()).kept())
}

/// Gives an account another role.
#[server(prefix = "/rpc", endpoint = "change_role", output = Text)]
pub async fn change_role(id: AccountId, role: Role) -> Result<()> {
    let actor = actor().await?;
    services()?.accounts.change_user(&actor, id, service::UserChange { role: Some(role), disabled: None }).await?;
    Ok(())
}

/// Locks an account out, or lets it in again.
#[server(prefix = "/rpc", endpoint = "disable_user", output = Text)]
pub async fn disable_user(id: AccountId, disabled: bool) -> Result<()> {
    let actor = actor().await?;
    services()?.accounts.change_user(&actor, id, service::UserChange { role: None, disabled: Some(disabled) }).await?;
    Ok(())
}

/// Makes a link by which the owner of an account chooses a new password; it is shown this once.
#[server(prefix = "/rpc", endpoint = "offer_password_reset", output = Text)]
pub async fn offer_password_reset(id: AccountId) -> Result<Once> {
    let actor = actor().await?;
    let link = services()?.accounts.offer_password_reset(&actor, id).await?;
    Ok(Once::new("Link to a new password".to_owned(), &address_of_page("/reset/", &link.token)).kept())
}

/// Makes a link by which somebody makes themself an account; it is shown this once.
#[server(prefix = "/rpc", endpoint = "invite_user", output = Text)]
pub async fn invite_user(role: Role) -> Result<Once> {
    let actor = actor().await?;
    let link = services()?.accounts.invite(&actor, role).await?;
    Ok(Once::new(format!("Invitation as {role}"), &address_of_page("/invite/", &link.token)).kept())
}

/// The invitations that nobody has taken up yet.
#[server(prefix = "/rpc", endpoint = "list_invites", output = Text)]
pub async fn list_invites() -> Result<Vec<InviteSummary>> {
    let actor = actor().await?;
    Ok(services()?.accounts.invites(&actor).await?)
}

/// Takes an invitation back.
#[server(prefix = "/rpc", endpoint = "withdraw_invite", output = Text)]
pub async fn withdraw_invite(id: InviteId) -> Result<()> {
    let actor = actor().await?;
    services()?.accounts.withdraw_invite(&actor, id).await?;
    Ok(())
}
