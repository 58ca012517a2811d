//! The secrets of a run: opened when needed, masked in everything the run shows.

use std::collections::HashSet;

use chrono::Utc;
use domain::block::{Block, BlockKind};
use domain::credential::split_passphrase;
use domain::{AuditAction, AuditEntry, Run};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use store::StoreError;
use vault::{Redactor, Vault};

use crate::handle::Shared;
use crate::hosts::Hosts;
use crate::run_task::persist;

/// What a run must not show.
#[derive(Default)]
pub(crate) struct Secrets {
    /// Answers to secret parameters.
    pub(crate) parameters: Vec<(String, SecretString)>,
    /// What was opened so far, by the credential's id; also under older values, which may still be printed.
    known: Vec<SecretString>,
    redactor: Redactor,
}

impl Secrets {
    /// Opens the secret answers, and whatever credentials the blocks name or the hosts are logged in to with, so that all are
    /// masked from the first step on.
    pub(crate) async fn of_run(
        shared: &Shared,
        run: &Run,
        blocks: &[&Block],
        hosts: &Hosts,
    ) -> Result<Result<Self, String>, StoreError> {
        let mut secrets = Self::default();
        if let Some(sealed) = persist(|| shared.store.sealed_parameters(run.id)).await? {
            match open_parameters(&shared.vault, run, &sealed) {
                Ok(parameters) => secrets.parameters = parameters,
                Err(message) => return Ok(Err(message)),
            }
        }
        secrets.known = secrets.parameters.iter().map(|(_, secret)| secret.clone()).collect();
        let mut seen = HashSet::new();
        for reference in blocks.iter().flat_map(|block| references(block)).chain(hosts.credentials()) {
            if !seen.insert(reference.clone()) {
                continue;
            }
            // One that is missing or damaged is an error of the step that needs it, not of the run.
            if let Some((summary, sealed)) = persist(|| shared.store.credential(&reference)).await?
                && let Ok(secret) = shared.vault.open_sealed(&summary.id.to_string(), 1, &sealed)
            {
                secrets.known.push(secret);
            }
        }
        secrets.rebuild();
        Ok(Ok(secrets))
    }

    /// Opens a credential for a step, and records that.
    pub(crate) async fn open(
        &mut self,
        shared: &Shared,
        run: &Run,
        reference: &str,
    ) -> Result<Result<SecretString, String>, StoreError> {
        let Some((summary, sealed)) = persist(|| shared.store.credential(reference)).await? else {
            return Ok(Err(format!("there is no credential “{reference}”")));
        };
        if summary.secret_lost_at.is_some() {
            return Ok(Err(format!(
                "the secret of the credential “{}” is lost: store it anew under the same name",
                summary.name
            )));
        }
        let Ok(secret) = shared.vault.open_sealed(&summary.id.to_string(), 1, &sealed) else {
            tracing::error!(credential.id = %summary.id, "a credential could not be opened");
            return Ok(Err(format!("the credential “{}” cannot be opened with the keys of this server", summary.name)));
        };
        let now = Utc::now();
        let audit = AuditEntry {
            at: now,
            actor: Some(run.started_by_id),
            actor_name: run.started_by.clone(),
            address: None,
            action: AuditAction::CredentialUsed,
            target: format!("credential:{}", summary.id),
            detail: json!({ "name": summary.name, "run": run.id.to_string(), "number": run.number }),
        };
        persist(|| shared.store.credential_used(summary.id, now, Some(run.id), &audit)).await?;
        if !self.known.iter().any(|known| known.expose_secret() == secret.expose_secret()) {
            self.known.push(secret.clone());
            self.rebuild();
        }
        Ok(Ok(secret))
    }

    /// Masks them.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    fn rebuild(&mut self) {
        self.redactor = redactor(&self.known);
    }
}

/// Masks these secrets, whole and in part; what is too short to be masked the redactor leaves out.
pub(crate) fn redactor(known: &[SecretString]) -> Redactor {
    Redactor::new(known.iter().flat_map(|secret| {
        let text = secret.expose_secret();
        // Of `user:password` the password alone is secret too, and of a key the passphrase.
        let (passphrase, _) = split_passphrase(text);
        let password = text.split_once(':').map(|(_, password)| password);
        let parts = passphrase.or(password).map(|part| SecretString::from(part.to_owned()));
        [Some(secret.clone()), parts].into_iter().flatten()
    }))
}

/// The credentials that a block names.
fn references(block: &Block) -> Vec<String> {
    match &block.kind {
        BlockKind::Command(block) => block.credentials.iter().map(|given| given.credential.clone()).collect(),
        BlockKind::Api(block) => block.credential_id.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

fn open_parameters(vault: &Vault, run: &Run, sealed: &[u8]) -> Result<Vec<(String, SecretString)>, String> {
    let unreadable = || "the secret answers of this run cannot be opened with the keys of this server".to_owned();
    let text = vault.open_sealed(&run.id.to_string(), 1, sealed).map_err(|_| unreadable())?;
    let answers: Map<String, Value> = serde_json::from_str(text.expose_secret()).map_err(|_| unreadable())?;
    Ok(answers
        .into_iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name, SecretString::from(text))
        })
        .collect())
}
