//! Passwords. OpenSSH takes only those of the machine's own accounts, so these talk to a small server of the library's.

use std::{net::Ipv4Addr, sync::Arc};

use russh::{
    MethodKind,
    keys::{Algorithm, PrivateKey, key::safe_rng},
    server::{self, Auth, Response},
};

use super::*;
use crate::ssh::SshError;

const PASSWORD: &str = "a long and quiet night";

/// How it asks.
#[derive(Clone, Copy, PartialEq)]
enum Asks {
    Plainly,
    ByDialogue,
    /// By a dialogue whose answers are shown.
    Openly,
}

struct Doorman(Asks);

impl server::Handler for Doorman {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        let fits = self.0 == Asks::Plainly && user == "deploy" && password == PASSWORD;
        Ok(if fits { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        if self.0 == Asks::Plainly {
            return Ok(Auth::reject());
        }
        let Some(mut response) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), self.0 == Asks::Openly)].into(),
            });
        };
        let fits = response.next().is_some_and(|answer| &answer[..] == PASSWORD.as_bytes());
        Ok(if fits { Auth::Accept } else { Auth::reject() })
    }
}

/// Tries a password; the server serves one connection.
async fn logs_in(asks: Asks, password: &str) -> Result<(), SshError> {
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap();
    let host_key = key.public_key().to_openssh().unwrap().parse().unwrap();
    let methods = if asks == Asks::Plainly { MethodKind::Password } else { MethodKind::KeyboardInteractive };
    let config = server::Config {
        keys: vec![key],
        methods: [methods].as_slice().into(),
        auth_rejection_time: Duration::ZERO,
        ..server::Config::default()
    };
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _ = server::run_stream(Arc::new(config), stream, Doorman(asks)).await.unwrap().await;
    });
    let target = Target {
        name: "web-1".into(),
        address: "127.0.0.1".into(),
        port,
        user: "deploy".into(),
        login: Login::from_secret(&password.into()).unwrap(),
        host_key: Some(host_key),
    };
    let opened = within(Connection::open(&target, DEADLINE)).await;
    serving.abort();
    opened.map(drop)
}

#[tokio::test]
async fn a_password_logs_in() {
    logs_in(Asks::Plainly, PASSWORD).await.unwrap();
    logs_in(Asks::Plainly, &format!("{PASSWORD}\n")).await.unwrap();
}

#[tokio::test]
async fn a_password_logs_in_where_it_is_asked_for_in_a_dialogue() {
    logs_in(Asks::ByDialogue, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_password_is_not_typed_where_it_would_be_shown() {
    let error = logs_in(Asks::Openly, PASSWORD).await.unwrap_err();
    assert!(matches!(error, SshError::LoginRefused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    for asks in [Asks::Plainly, Asks::ByDialogue] {
        let error = logs_in(asks, "a short and loud day").await.unwrap_err();
        assert!(matches!(error, SshError::LoginRefused { .. }), "{error:?}");
    }
}
