//! Hosts: where commands and checks run, how they get there, and who may run there.

mod check;
mod key;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::block::command::environment;
use crate::block::places::TAG_PREFIX;
use crate::parse::{Object, kind_of};
use crate::{CredentialId, Faults, HostId, Permission, Role, Timestamp};

pub use check::{HostCheck, LoginCheck, Pinned, ShownKey};

/// The host that is the server itself. It always exists.
pub const LOCAL: &str = "local";
/// The port of SSH (RFC 4253).
pub const DEFAULT_PORT: u16 = 22;
/// Who may run on a host that does not say.
pub const DEFAULT_ROLES: [Role; 3] = [Role::Developer, Role::Sre, Role::Admin];
/// What the name of a host looks like.
pub const NAME_HINT: &str = "a host is a name of letters, digits and . _ -, beginning with a letter or digit";

/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 500;
/// How many environment variables a host may have.
pub const MAX_ENV: usize = 200;

/// A machine that blocks may name, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its id.
    pub id: HostId,
    /// Its name, unique, which blocks name; see [`is_name`].
    pub name: String,
    /// A DNS name or an IP address; empty for [`LOCAL`].
    pub address: String,
    /// The port of its SSH server.
    pub port: u16,
    /// Who commands run as; empty for [`LOCAL`].
    pub user: String,
    /// Lower-case words to find it by.
    pub tags: Vec<String>,
    /// The roles that may run on it; none: nobody may.
    pub roles: Vec<Role>,
    /// The credential, of the kind `ssh`, that lets us in.
    pub credential: Option<CredentialId>,
    /// The public key that it must show: one line of OpenSSH, `type base64 [comment]`.
    pub host_key: Option<String>,
    /// Environment variables of everything that runs on it, `env` in templates.
    #[serde(with = "object")]
    pub env: Vec<(String, String)>,
    /// What it is.
    pub description: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
}

/// What a person writes about a host, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostDraft {
    /// See [`Host::name`].
    pub name: String,
    /// See [`Host::address`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// See [`Host::port`].
    pub port: u16,
    /// See [`Host::user`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// See [`Host::tags`].
    pub tags: Vec<String>,
    /// See [`Host::roles`].
    pub roles: Vec<Role>,
    /// See [`Host::credential`].
    pub credential: Option<CredentialId>,
    /// See [`Host::host_key`].
    pub host_key: Option<String>,
    /// See [`Host::env`].
    #[serde(with = "object")]
    pub env: Vec<(String, String)>,
    /// See [`Host::description`].
    pub description: Option<String>,
}

/// A host as it is listed: everybody sees where runs can go, who manages hosts also how they get there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSummary {
    /// See [`Host::id`].
    pub id: HostId,
    /// See [`Host::name`].
    pub name: String,
    /// See [`Host::tags`].
    pub tags: Vec<String>,
    /// See [`Host::roles`].
    pub roles: Vec<Role>,
    /// See [`Host::description`].
    pub description: Option<String>,
    /// What the server has to say of it: what commands on the server itself can see.
    #[serde(default)]
    pub note: Option<String>,
    /// The rest, for those who manage hosts.
    pub details: Option<HostDetails>,
}

/// What only those who manage hosts see of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostDetails {
    /// See [`Host::address`].
    pub address: String,
    /// See [`Host::port`].
    pub port: u16,
    /// See [`Host::user`].
    pub user: String,
    /// See [`Host::credential`].
    pub credential: Option<CredentialId>,
    /// See [`Host::host_key`].
    pub host_key: Option<String>,
    /// The key's fingerprint as OpenSSH writes it: `SHA256:…`.
    pub fingerprint: Option<String>,
    /// See [`Host::env`].
    #[serde(with = "object")]
    pub env: Vec<(String, String)>,
    /// See [`Host::created_at`].
    pub created_at: Timestamp,
    /// See [`Host::created_by`].
    pub created_by: String,
    /// See [`Host::updated_at`].
    pub updated_at: Timestamp,
    /// See [`Host::updated_by`].
    pub updated_by: String,
}

impl Host {
    /// A new host.
    #[must_use]
    pub fn new(draft: HostDraft, by: &str, at: Timestamp) -> Self {
        Self {
            id: HostId::new(),
            name: draft.name,
            address: draft.address,
            port: draft.port,
            user: draft.user,
            tags: draft.tags,
            roles: draft.roles,
            credential: draft.credential,
            host_key: draft.host_key,
            env: draft.env,
            description: draft.description,
            created_at: at,
            created_by: by.to_owned(),
            updated_at: at,
            updated_by: by.to_owned(),
        }
    }

    /// The same host, changed to what a draft says.
    #[must_use]
    pub fn changed(&self, draft: HostDraft, by: &str, at: Timestamp) -> Self {
        let created_by = self.created_by.clone();
        Self { id: self.id, created_at: self.created_at, created_by, ..Self::new(draft, by, at) }
    }

    /// Whether it is the server itself.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.name == LOCAL
    }

    /// Whether somebody of this role may run on it.
    #[must_use]
    pub fn may_run(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

impl HostSummary {
    /// Whether it is the server itself.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.name == LOCAL
    }
}

impl HostDraft {
    /// Reads a draft from JSON.
    ///
    /// # Errors
    /// Every fault, each with its JSON path.
    pub fn parse(value: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let Some(mut object) = Object::open(value, "$", &mut faults) else { return Err(faults) };
        let name = object.required_text("name", &mut faults).trim().to_owned();
        if !name.is_empty() && !is_name(&name) {
            faults.push("$.name", NAME_HINT);
        } else if name != LOCAL && name.eq_ignore_ascii_case(LOCAL) {
            faults.push("$.name", "this would be taken for local, the server itself");
        }
        let reached = if name == LOCAL { not_reached(&mut object, &mut faults) } else { reached(&mut object, &mut faults) };
        let tags = crate::runbook::tags(&mut object, &mut faults);
        let roles = roles(&mut object, &mut faults);
        let env = environment(&mut object, &mut faults);
        if env.len() > MAX_ENV {
            faults.push("$.env", format!("at most {MAX_ENV} variables"));
        }
        let description = object.text("description", &mut faults).filter(|text| !text.trim().is_empty());
        if description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
            faults.push("$.description", format!("a description has at most {MAX_DESCRIPTION} characters"));
        }
        object.finish(&mut faults);
        let Reached { address, port, user, credential, host_key } = reached;
        faults.into_result(Self { name, address, port, user, tags, roles, credential, host_key, env, description })
    }

    /// Checks a draft that came typed: writes it out and reads it back by the same rules.
    ///
    /// # Errors
    /// As [`HostDraft::parse`].
    pub fn check(&self) -> Result<Self, Faults> {
        let value = serde_json::to_value(self).map_err(|error| Faults::one("$", error.to_string()))?;
        Self::parse(&value)
    }
}

/// Whether a text can name a host: nothing that a tool takes for an option or a path, or we for a tag.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= 253
        && !text.starts_with(TAG_PREFIX)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c))
        && !text.contains("..")
}

/// A public key as hosts keep it: one line, its parts apart by one space; none where it is no key.
#[must_use]
pub fn key_line(text: &str) -> Option<String> {
    key::normal(text)
}

/// How a host is reached.
struct Reached {
    address: String,
    port: u16,
    user: String,
    credential: Option<CredentialId>,
    host_key: Option<String>,
}

fn reached(object: &mut Object<'_>, faults: &mut Faults) -> Reached {
    let address = object.required_text("address", faults).trim().to_owned();
    if !address.is_empty() && !is_address(&address) {
        faults.push("$.address", "an address is a DNS name such as db-1.example.net or an IP address, without a port");
    }
    let port = object.integer("port", 1..=65_535, faults).and_then(|port| u16::try_from(port).ok());
    let user = object.required_text("user", faults).trim().to_owned();
    if !user.is_empty() && !is_user(&user) {
        faults.push("$.user", "a user is a name without spaces, : and @, and does not begin with -");
    }
    let credential = object.text("credential", faults).filter(|text| !text.is_empty()).and_then(|text| {
        let id = text.parse();
        id.map_err(|error: crate::ids::InvalidId| faults.push("$.credential", error.to_string())).ok()
    });
    let host_key = object.text("host_key", faults).filter(|text| !text.trim().is_empty()).and_then(|text| {
        let key = key::normal(&text);
        if key.is_none() {
            faults.push("$.host_key", "a host key is one line of OpenSSH: its type, the key in base64, perhaps a comment");
        }
        key
    });
    Reached { address, port: port.unwrap_or(DEFAULT_PORT), user, credential, host_key }
}

/// Nobody connects to [`LOCAL`]: what says how would only mislead.
fn not_reached(object: &mut Object<'_>, faults: &mut Faults) -> Reached {
    object.integer("port", 1..=65_535, faults);
    for key in ["address", "user", "credential", "host_key"] {
        if object.value(key).is_some_and(|value| value.as_str() != Some("")) {
            faults.push(object.at(key), format!("“{key}” does not apply to local, the server itself"));
        }
    }
    Reached { address: String::new(), port: DEFAULT_PORT, user: String::new(), credential: None, host_key: None }
}

fn roles(object: &mut Object<'_>, faults: &mut Faults) -> Vec<Role> {
    let items = match object.value("roles") {
        None => return DEFAULT_ROLES.to_vec(),
        Some(Value::Array(items)) => items,
        Some(other) => {
            faults.push("$.roles", format!("expected a list, found {}", kind_of(other)));
            return Vec::new();
        }
    };
    let mut roles = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item.as_str().and_then(|text| text.parse::<Role>().ok()) {
            Some(role) if !role.may(Permission::Execute) => {
                faults
                    .push(format!("$.roles[{index}]"), format!("a {role} runs nothing; a role here is developer, sre or admin"));
            }
            Some(role) => roles.push(role),
            None => faults.push(format!("$.roles[{index}]"), "a role here is developer, sre or admin"),
        }
    }
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// A DNS name or an IP address.
fn is_address(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    // What ends in a number is an IPv4 address to most resolvers, however oddly spelt (WHATWG URL, 3.5).
    let last = text.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let hexadecimal = last.strip_prefix("0x").is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
    let numeric = hexadecimal || last.chars().all(|c| c.is_ascii_digit());
    text.len() <= 253 && text.split('.').all(label) && !numeric
}

fn is_user(text: &str) -> bool {
    let odd = |c: char| c.is_control() || c.is_whitespace() || ":@".contains(c);
    text.len() <= 256 && !text.starts_with('-') && !text.chars().any(odd)
}

/// Pairs of texts as a JSON object, in their order.
mod object {
    use serde::{Deserialize, Deserializer, Serializer};
    use serde_json::{Map, Value};

    pub fn serialize<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
        let map = Map::<String, Value>::deserialize(deserializer)?;
        map.into_iter()
            .map(|(name, value)| match value {
                Value::String(text) => Ok((name, text)),
                _ => Err(serde::de::Error::custom("expected a text")),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
