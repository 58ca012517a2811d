//! Where API calls may go: the internet; networks of one's own by role and by setting; metadata services of clouds never.
//!
//! A name is resolved once, all its addresses are looked at, and the connection goes to one of these, so that a name that
//! changes between look and call changes nothing. Every redirect is a call of its own.

mod networks;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::Role;
use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use self::networks::{Reach, reach};

/// Who may call addresses of this machine and of private networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    /// The lowest role of those who may call any of them; nobody's where there is none.
    pub private_from: Option<Role>,
    /// Networks that everybody may call, private as they are.
    pub allowed: Vec<IpNet>,
}

impl Default for Egress {
    /// From sre on.
    fn default() -> Self {
        Self { private_from: Some(Role::Sre), allowed: Vec::new() }
    }
}

/// The rules for the calls of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) private: bool,
    pub(crate) allowed: Arc<[IpNet]>,
}

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("addresses of this machine's network link and of cloud metadata services are never called")]
    Forbidden,
    #[error(
        "this address is this machine's own or in a private network, which who started the run may not call: an sre may, and an \
         administrator can allow the network (setting egress_allow)"
    )]
    Private,
}

/// What is known of an address before it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressCheck {
    /// It may be called.
    Allowed,
    /// It is not called; why.
    Refused(String),
    /// Nobody knows now what its name stands for; why.
    Unknown(String),
}

impl Egress {
    /// The rules for what somebody of this role started; nobody's where the account is gone.
    pub(crate) fn rules(&self, role: Option<Role>) -> Rules {
        let private = role.zip(self.private_from).is_some_and(|(role, from)| role >= from);
        Rules { private, allowed: self.allowed.as_slice().into() }
    }
}

impl Rules {
    /// Whether an address may be called.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let canonical = address.to_canonical();
        match reach(address) {
            Reach::Forbidden => Err(Refused::Forbidden),
            Reach::Private if !self.private && !self.allowed.iter().any(|network| network.contains(&canonical)) => {
                Err(Refused::Private)
            }
            Reach::Private | Reach::Public => Ok(()),
        }
    }

    /// Whether an address as it is written may be called, as far as it says by itself where it leads. A name is looked at when
    /// it is resolved.
    pub(super) fn check_url(&self, url: &Url) -> Result<(), String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("{} is not called: only http and https are", url.scheme()));
        }
        // The parser has read decimal, octal and hexadecimal addresses already (WHATWG URL, 3.5).
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(address) => self.check(address).map_err(|refused| refused.to_string()),
            Err(_) => Ok(()),
        }
    }
}

impl Rules {
    /// Whether an address would be called, as far as that is known before.
    pub(crate) async fn look_ahead(&self, address: &str, limit: Duration) -> AddressCheck {
        let url = match Url::parse(address) {
            Ok(url) => url,
            Err(error) => return AddressCheck::Refused(format!("“{address}” is no address: {error}")),
        };
        if let Err(refused) = self.check_url(&url) {
            return AddressCheck::Refused(refused);
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if host.parse::<IpAddr>().is_ok() {
            return AddressCheck::Allowed;
        }
        let found = match tokio::time::timeout(limit, tokio::net::lookup_host((host, 0))).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return AddressCheck::Unknown(format!("the name {host} is not found: {error}")),
            Err(_) => return AddressCheck::Unknown(format!("nobody answers what the name {host} stands for")),
        };
        let refused = found.map(|address| self.check(address.ip())).find_map(Result::err);
        refused.map_or(AddressCheck::Allowed, |refused| AddressCheck::Refused(refused.to_string()))
    }
}

impl Resolve for Rules {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One of them would do for whoever means harm, so one of them is enough.
            for address in &found {
                rules.check(address.ip())?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The refusal among the causes of an error, where there is one.
pub(super) fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<Refused> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(*refused);
        }
        cause = error.source();
    }
    None
}
