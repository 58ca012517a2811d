//! Signing up, in and out, and who one is.

use domain::{Permission, Role};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::codec::Text;
use crate::error::Result;

/// The person in front of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Their name.
    pub username: String,
    /// What they are trusted with.
    pub role: Role,
    /// Whether the server listens for others than its own machine without encryption.
    #[serde(default)]
    pub is_unencrypted: bool,
}

/// That the server listens for others than its own machine without encryption, where it does: it says so itself, as context of what
/// it renders and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unencrypted;

impl Me {
    /// Whether their role holds the permission.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.role.may(permission)
    }
}

/// Who is signed in; `None` for nobody.
#[server(name = GetMe, prefix = "/rpc", endpoint = "me", output = Text)]
pub async fn me() -> Result<Option<Me>> {
    let actor = super::server::asking().await?;
    let is_unencrypted = use_context::<Unencrypted>().is_some();
    Ok(actor.map(|actor| Me { username: actor.username.to_string(), role: actor.role, is_unencrypted }))
}

/// Whether there is no account yet, so that the first one is to be made.
#[server(prefix = "/rpc", endpoint = "needs_setup", output = Text)]
pub async fn needs_setup() -> Result<bool> {
    Ok(super::server::services()?.accounts.needs_setup().await?)
}

/// Whether strangers may make themselves an account.
#[server(prefix = "/rpc", endpoint = "is_sign_up_open", output = Text)]
pub async fn is_sign_up_open() -> Result<bool> {
    Ok(super::server::services()?.accounts.is_sign_up_open())
}

/// Makes an account and signs it in.
#[server(prefix = "/rpc", endpoint = "sign_up", output = Text)]
pub async fn sign_up(
    username: String,
    password: String,
    #[server(default)] setup_token: Option<String>,
    #[server(default)] next: Option<String>,
) -> Result<()> {
    use domain::Actor;
    use secrecy::{ExposeSecret, SecretString};
    use service::SignUp;

    let services = super::server::services()?;
    let address = super::server::address();
    let password = SecretString::from(password);
    let setup_token = setup_token.filter(|token| !token.trim().is_empty());
    let request = SignUp { username: username.clone(), password: password.clone(), role: None, setup_token };
    let asker = super::server::asking().await?;
    let (account, api_key) = services.accounts.sign_up(asker.as_ref(), request, address.clone()).await?;
    // A browser has no use for the API key that comes with a new account, and nobody would ever see it.
    let actor = Actor { id: account.id, username: account.username, role: account.role, address: address.clone(), scopes: None };
    services.accounts.log_out(&actor, api_key.expose_secret()).await?;
    let token = services.accounts.sign_in(&username, password, address, &super::server::device()).await?;
    super::server::begin_session_cookie(token.expose_secret());
    leptos_axum::redirect(&local_path(next));
    Ok(())
}

/// Starts a session.
#[server(prefix = "/rpc", endpoint = "sign_in", output = Text)]
pub async fn sign_in(username: String, password: String, #[server(default)] next: Option<String>) -> Result<()> {
    use secrecy::{ExposeSecret, SecretString};

    let accounts = super::server::services()?.accounts;
    let (address, device) = (super::server::address(), super::server::device());
    let token = accounts.sign_in(&username, SecretString::from(password), address, &device).await?;
    super::server::begin_session_cookie(token.expose_secret());
    leptos_axum::redirect(&local_path(next));
    Ok(())
}

/// Ends the session.
#[server(prefix = "/rpc", endpoint = "sign_out", output = Text)]
pub async fn sign_out() -> Result<()> {
    let actor = super::server::asking().await?;
    if let (Some(actor), Some(token)) = (actor, super::server::session_token()) {
        super::server::services()?.accounts.sign_out(&actor, &token).await?;
    }
    super::server::end_session_cookie();
    leptos_axum::redirect("/sign-in");
    Ok(())
}

/// Where to go after signing in: a path of this site, never another site.
#[cfg(feature = "ssr")]
fn local_path(next: Option<String>) -> String {
    next.filter(|path| {
        let mut bytes = path.bytes();
        bytes.next() == Some(b'/')
            && !matches!(bytes.next(), Some(b'/' | b'\\'))
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    })
    .unwrap_or_else(|| "/".to_owned())
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::local_path;

    #[test]
    fn signing_in_never_leads_to_another_site() {
        for (next, path) in [
            (None, "/"),
            (Some("/runs/1?x=y"), "/runs/1?x=y"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (Some("/a\r\nSet-Cookie: x"), "/"),
            (Some(""), "/"),
        ] {
            assert_eq!(local_path(next.map(str::to_owned)), path, "{next:?}");
        }
    }
}
