//! Looks at a host without running anything on it: its key for a person to pin, and whether the login works.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    HostKey, SshError, Target,
    authenticate::log_in,
    client::{Dialled, KEEPALIVE, Refusal, dial},
    target::check_name,
};

/// What a look at a host found.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    /// Whether something speaks SSH there; otherwise the sentence says what happened instead.
    pub(crate) reachable: Result<(), String>,
    /// What it shows, if it came to that.
    pub(crate) key: Option<KeyCheck>,
    /// Whether the login works; not tried on a host that does not show the pinned key.
    pub(crate) login: Option<Result<(), String>>,
    /// How long the TCP connection took.
    pub(crate) latency: Option<Duration>,
}

/// The shown key beside the pinned one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyCheck {
    /// They are the same.
    Match(HostKey),
    /// They are not.
    Differs {
        /// What the host shows.
        seen: HostKey,
    },
    /// Nothing is pinned.
    NotPinned {
        /// What the host shows.
        seen: HostKey,
    },
}

/// What the server shows at first contact, for a person to compare and pin. Nothing is sent to it but the key exchange.
pub(crate) async fn scan(address: &str, port: u16, limit: Duration) -> Result<HostKey, SshError> {
    let host = || address.to_owned();
    check_name(address).map_err(|why| SshError::InvalidTarget { host: host(), what: "address", why })?;
    let dialled = timeout(limit, dial(address, address, port, None, KEEPALIVE));
    let Dialled { session, seen, .. } = dialled.await.map_err(|_| SshError::TimedOut { host: host(), after: limit })??;
    seen.ok_or_else(|| SshError::Protocol {
        host: host(),
        source: match session {
            Err(Refusal::Protocol(source)) => source,
            _ => russh::Error::UnknownKey,
        },
    })
}

/// Whether a host can be reached, shows the pinned key and lets the user in.
pub(crate) async fn check(target: &Target, limit: Duration) -> Checked {
    let mut checked = Checked { reachable: Ok(()), key: None, login: None, latency: None };
    let late = SshError::TimedOut { host: target.name.clone(), after: limit }.to_string();
    if timeout(limit, look(target, &mut checked)).await.is_err() {
        match &checked.key {
            None => checked.reachable = Err(late),
            Some(_) => checked.login = Some(Err(late)),
        }
    }
    checked
}

async fn look(target: &Target, checked: &mut Checked) {
    if let Err(error) = target.validate() {
        checked.reachable = Err(error.to_string());
        return;
    }
    let dialled = dial(&target.name, &target.address, target.port, target.host_key.as_ref(), KEEPALIVE).await;
    let Dialled { session, seen, latency } = match dialled {
        Ok(dialled) => dialled,
        Err(error) => {
            checked.reachable = Err(sentence(&error));
            return;
        }
    };
    checked.latency = Some(latency);
    let Some(seen) = seen else {
        let why = match session {
            Err(Refusal::Protocol(error)) => error.to_string(),
            _ => "it shows no key".to_owned(),
        };
        checked.reachable = Err(format!("what answers at {} port {} does not speak SSH: {why}", target.address, target.port));
        return;
    };
    checked.key = Some(match &target.host_key {
        Some(pinned) if *pinned == seen => KeyCheck::Match(seen),
        Some(_) => KeyCheck::Differs { seen },
        None => KeyCheck::NotPinned { seen },
    });
    match session {
        Ok(mut session) => {
            checked.login = Some(log_in(&mut session, target).await.map_err(|error| sentence(&error)));
        }
        Err(Refusal::Protocol(error)) => checked.reachable = Err(error.to_string()),
        Err(Refusal::HostKey) => {}
    }
}

/// An error and its causes as one sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
