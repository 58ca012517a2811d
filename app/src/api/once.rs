//! Secrets that are shown once, where they were made.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::codec::Text;
use crate::error::Result;

/// A secret that nobody can ask for again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Once {
    /// What it is, for people.
    pub what: String,
    /// The secret.
    pub secret: String,
}

#[cfg(feature = "ssr")]
impl Once {
    /// What was made.
    #[must_use]
    pub fn new(what: String, secret: &secrecy::SecretString) -> Self {
        use secrecy::ExposeSecret;
        Self { what, secret: secret.expose_secret().to_owned() }
    }

    /// Keeps it for the page that follows, where a form was sent without JavaScript: nobody would see the answer itself.
    #[must_use]
    pub fn kept(self) -> Self {
        use leptos_router::location::Url;

        use super::server::{append_cookie, headers, is_plain_form};

        if is_plain_form() {
            let text = format!("{}:{}", Url::escape(&self.what), Url::escape(&self.secret));
            append_cookie(headers().and_then(|headers| crate::cookie::show_once(&headers, &text)));
        }
        self
    }
}

/// What was made by a form without JavaScript just before; asked once.
#[server(prefix = "/rpc", endpoint = "shown_once", output = Text)]
pub async fn shown_once() -> Result<Option<Once>> {
    use leptos_router::location::Url;

    use super::server::{append_cookie, headers};

    let Some(text) = headers().and_then(|headers| crate::cookie::shown_once(&headers)) else { return Ok(None) };
    append_cookie(Some(crate::cookie::forget_shown_once()));
    Ok(text.split_once(':').map(|(what, secret)| Once { what: Url::unescape(what), secret: Url::unescape(secret) }))
}
