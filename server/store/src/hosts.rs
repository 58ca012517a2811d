//! Hosts.

use domain::{AuditEntry, CredentialId, Host, HostId};

use crate::query::{Outcome, Variables, from_doc, to_doc, variables};
use crate::{Result, Store, audit};

/// How a change of a host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostChange {
    /// It is written.
    Done,
    /// Another host has this name.
    NameTaken,
    /// There is no such host.
    Gone,
}

impl Store {
    /// Stores a host. False: the name is taken.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_host(&self, host: &Host, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "CREATE type::record('host', $id) SET name = $name, credential = $credential, doc = $doc;
             {}",
            audit::CREATE
        );
        let mut variables = columns(host)?;
        audit::add(&mut variables, audit)?;
        Ok(self.transact("store a host", &statements, variables).await?.is_committed())
    }

    /// Writes a host over the one with its id.
    ///
    /// # Errors
    /// The database's.
    pub async fn update_host(&self, host: &Host, audit: &AuditEntry) -> Result<HostChange> {
        let statements = format!(
            "IF !record::exists(type::record('host', $id)) {{ THROW 'guard:gone' }};
             UPDATE type::record('host', $id) SET name = $name, credential = $credential, doc = $doc;
             {}",
            audit::CREATE
        );
        let mut variables = columns(host)?;
        audit::add(&mut variables, audit)?;
        Ok(match self.transact("change a host", &statements, variables).await? {
            Outcome::Committed => HostChange::Done,
            Outcome::Refused(word) if word == "gone" => HostChange::Gone,
            Outcome::Refused(_) => HostChange::NameTaken,
        })
    }

    /// Deletes a host. False: there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_host(&self, id: HostId, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "IF !record::exists(type::record('host', $id)) {{ THROW 'guard:gone' }};
             DELETE type::record('host', $id);
             {}",
            audit::CREATE
        );
        let mut variables = variables! { id: id.to_string() };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("delete a host", &statements, variables).await?.is_committed())
    }

    /// Every host: the server itself, then the others by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn hosts(&self) -> Result<Vec<Host>> {
        let mut hosts = self.read_hosts("list hosts", "SELECT VALUE doc FROM host", Variables::new()).await?;
        hosts.sort_by(|a, b| b.is_local().cmp(&a.is_local()).then_with(|| a.name.cmp(&b.name)));
        Ok(hosts)
    }

    /// The host with this id.
    ///
    /// # Errors
    /// The database's.
    pub async fn host(&self, id: HostId) -> Result<Option<Host>> {
        let text = "SELECT VALUE doc FROM type::record('host', $id)";
        Ok(self.read_hosts("read a host", text, variables! { id: id.to_string() }).await?.pop())
    }

    /// The hosts that have one of these names, in no particular order.
    ///
    /// # Errors
    /// The database's.
    pub async fn hosts_named(&self, names: &[&str]) -> Result<Vec<Host>> {
        // One name is what most runs touch, and a plain lookup in the index.
        let (text, variables) = match names {
            [] => return Ok(Vec::new()),
            [name] => ("SELECT VALUE doc FROM host WHERE name = $name LIMIT 1", variables! { name: name }),
            names => ("SELECT VALUE doc FROM host WHERE name IN $names", variables! { names: names }),
        };
        self.read_hosts("find hosts", text, variables).await
    }

    /// The names of the hosts that this credential lets us into.
    ///
    /// # Errors
    /// The database's.
    pub async fn hosts_using(&self, credential: CredentialId) -> Result<Vec<String>> {
        let text = "SELECT VALUE name FROM host WHERE credential = $credential";
        let variables = variables! { credential: credential.to_string() };
        let mut names: Vec<String> = self.rows("find the hosts of a credential", "host", text, variables).await?;
        names.sort_unstable();
        Ok(names)
    }

    async fn read_hosts(&self, operation: &'static str, text: &str, variables: Variables) -> Result<Vec<Host>> {
        let docs: Vec<String> = self.rows(operation, "host", text, variables).await?;
        docs.iter().map(|doc| from_doc("host", doc)).collect()
    }
}

fn columns(host: &Host) -> Result<Variables> {
    Ok(variables! {
        id: host.id.to_string(),
        name: host.name,
        credential: host.credential.map(|id| id.to_string()).unwrap_or_default(),
        doc: to_doc("host", host)?,
    })
}
