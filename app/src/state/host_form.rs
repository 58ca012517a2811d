//! A host as its form holds it: every field plain text. What is right is for the domain to say.

use domain::host::DEFAULT_ROLES;
use domain::{Faults, HostDraft, HostSummary, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::text::{pairs, pairs_text};

/// The fields of the form, named like the keys of the API. The default is a form with nothing filled in and nothing ticked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostForm {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The port; empty for the usual one.
    pub port: String,
    /// Who commands run as.
    pub user: String,
    /// Tags with commas between them.
    pub tags: String,
    /// The boxes that are ticked; a form in which none is sends nothing.
    pub roles: Vec<Role>,
    /// The id of a credential; empty for none.
    pub credential: String,
    /// The line of the public key; empty for none.
    pub host_key: String,
    /// Lines `NAME=value`.
    pub env: String,
    /// What it is.
    pub description: String,
}

impl HostForm {
    /// The form of a host that is to be added.
    #[must_use]
    pub fn blank() -> Self {
        Self { roles: DEFAULT_ROLES.to_vec(), ..Self::default() }
    }

    /// What the form says.
    ///
    /// # Errors
    /// Every fault, at the paths of the API.
    pub fn draft(&self) -> Result<HostDraft, Faults> {
        let port = match self.port.trim() {
            "" => Value::Null,
            text => text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
        };
        let tags: Vec<&str> = self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
        HostDraft::parse(&json!({
            "name": self.name,
            "address": self.address,
            "port": port,
            "user": self.user,
            "tags": tags,
            "roles": self.roles,
            "credential": self.credential,
            "host_key": self.host_key,
            "env": pairs(&self.env, '=').into_iter().collect::<Map<_, _>>(),
            "description": self.description,
        }))
    }
}

impl From<&HostSummary> for HostForm {
    fn from(host: &HostSummary) -> Self {
        let common = Self {
            name: host.name.clone(),
            tags: host.tags.join(", "),
            roles: host.roles.clone(),
            description: host.description.clone().unwrap_or_default(),
            ..Self::default()
        };
        let Some(details) = &host.details else { return common };
        Self {
            address: details.address.clone(),
            port: details.port.to_string(),
            user: details.user.clone(),
            credential: details.credential.map(|id| id.to_string()).unwrap_or_default(),
            host_key: details.host_key.clone().unwrap_or_default(),
            env: pairs_text(&details.env, "="),
            ..common
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{CredentialId, HostDetails, HostId};

    use super::*;

    fn summary(draft: HostDraft) -> HostSummary {
        let at = domain::Timestamp::UNIX_EPOCH;
        let details = HostDetails {
            address: draft.address,
            port: draft.port,
            user: draft.user,
            credential: draft.credential,
            host_key: draft.host_key,
            fingerprint: None,
            env: draft.env,
            created_at: at,
            created_by: "ann".to_owned(),
            updated_at: at,
            updated_by: "ann".to_owned(),
        };
        let HostDraft { name, tags, roles, description, .. } = draft;
        HostSummary { id: HostId::new(), name, tags, roles, description, note: None, details: Some(details) }
    }

    #[test]
    fn a_host_goes_through_its_form_unchanged() {
        let full = json!({ "name": "db-1", "address": "::1", "port": 2222, "user": "deploy", "tags": ["db", "eu west"], "roles": ["sre"],
            "credential": CredentialId::new(), "env": { "A": "1=2", "B": " x\ny", "C": "" }, "description": "The first" });
        for draft in [full, json!({ "name": "local", "roles": [], "env": { "STAGE": "prod" } })] {
            let draft = HostDraft::parse(&draft).expect("a host");
            assert_eq!(HostForm::from(&summary(draft.clone())).draft(), Ok(draft));
        }
    }

    #[test]
    fn what_is_wrong_is_said_where_the_api_says_it() {
        let form = HostForm { port: "ssh".into(), env: "A=1\r\nB".into(), tags: "a,,-".into(), ..HostForm::blank() };
        let paths: Vec<String> = form.draft().expect_err("faults").0.into_iter().map(|fault| fault.path).collect();
        assert_eq!(paths, ["$.name", "$.address", "$.port", "$.user", "$.tags[1]", "$.env[\"B\"]"]);
        assert_eq!(HostForm::default().draft().expect_err("faults").0[0].path, "$.name");
    }
}
