//! The credentials of a run before it starts: whether they are there and can be opened.

use std::collections::HashSet;

use domain::CheckOutcome;
use domain::plan::Planned;
use secrecy::SecretString;

use super::{Findings, chosen, joined, sentence, step};
use crate::runs::Runs;
use crate::{Result, references};

/// The credentials that the chosen blocks name, each once.
pub(super) fn named(plan: &[Planned<'_>], selected: &HashSet<u32>) -> Vec<String> {
    let mut names: Vec<String> = chosen(plan, selected).flat_map(|planned| references::credentials_of(planned.block)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Runs {
    /// A line for each of them. Answers their secrets, to be masked.
    pub(super) async fn look_at_credentials(
        &self,
        plan: &[Planned<'_>],
        selected: &HashSet<u32>,
        named: &[String],
        findings: &mut Findings,
    ) -> Result<Vec<SecretString>> {
        let mut secrets = Vec::new();
        for reference in named {
            let uses = |planned: &&Planned<'_>| references::credentials_of(planned.block).contains(reference);
            let steps = || sentence(&format!("{} would fail", joined(chosen(plan, selected).filter(uses).map(step))));
            let Some((summary, sealed)) = self.store.credential(reference).await? else {
                let what = format!("Credential “{reference}”");
                findings.note(CheckOutcome::Problem, what, format!("There is no such credential. {}", steps()));
                continue;
            };
            let what = format!("Credential “{}”", summary.name);
            match self.vault.open_sealed(&summary.id.to_string(), 1, &sealed) {
                Ok(secret) => {
                    findings.note(CheckOutcome::Ok, what, "It is there and can be opened.");
                    secrets.push(secret);
                }
                Err(_) => {
                    let why = format!("It cannot be opened with the keys of this server. {}", steps());
                    findings.note(CheckOutcome::Problem, what, why);
                }
            }
        }
        Ok(secrets)
    }
}
