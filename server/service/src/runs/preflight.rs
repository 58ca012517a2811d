//! A look before a run: everything that would refuse its start or fail its steps, as far as that is known before, and exactly what
//! would run. Nothing is run; hosts are looked at from outside, credentials opened and dropped.

mod credentials;
mod hosts;
mod steps;

use std::collections::{BTreeSet, HashSet};

use domain::plan::{Planned, lay_out, select};
use domain::{
    Actor, AuditAction, CheckOutcome, Faults, Host, Parameter, Permission, Preflight, PreflightCheck, RunbookId, parameter,
};
use engine::preview::{Known, Preview};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::start::{check_reason, unknown_block};
use super::{Runs, StartRun};
use crate::authorise::authorise;
use crate::{Result, ServiceError, audit};

/// The answers to the parameters, as far as there are good ones.
#[derive(Debug, Default)]
struct Answers {
    values: Map<String, Value>,
    /// The names of secret parameters.
    secret: Vec<String>,
    /// The names of parameters without a good answer.
    open: Vec<String>,
    /// The secret answers.
    hidden: Vec<SecretString>,
}

/// What is found, as it is found.
#[derive(Debug, Default)]
struct Findings {
    checks: Vec<PreflightCheck>,
    refused: bool,
}

impl Findings {
    fn note(&mut self, outcome: CheckOutcome, what: impl Into<String>, sentence: impl Into<String>) {
        self.checks.push(PreflightCheck { what: what.into(), outcome, sentence: sentence.into() });
    }

    /// A problem for which the start is refused.
    fn refuse(&mut self, what: impl Into<String>, sentence: impl Into<String>) {
        self.refused = true;
        self.note(CheckOutcome::Problem, what, sentence);
    }
}

impl Runs {
    /// What a start with these options would come to. Looks at the hosts from outside and opens the credentials, which is recorded.
    ///
    /// # Errors
    /// `Forbidden` to viewers, `NotFound`, `Invalid` for a selection that is not there, `Conflict` where there is nothing to run.
    pub async fn preflight(&self, actor: &Actor, runbook: RunbookId, options: StartRun) -> Result<Preflight> {
        authorise(actor, Permission::Execute)?;
        let runbook = self.version_to_run(runbook, options.version).await?;
        if runbook.blocks.is_empty() {
            return Err(ServiceError::conflict("this runbook has no blocks to run"));
        }
        let (targets, faults) = self.settle_targets(&runbook.blocks, &options.selection).await?;
        let plan = lay_out(&runbook.blocks, &targets);
        let selected = select(&plan, &options.selection).map_err(|id| unknown_block(&options.selection, id))?;
        let names = hosts::names(&plan, &selected);
        let references = credentials::named(&plan, &selected);
        let detail = json!({
            "title": runbook.title,
            "version": runbook.version,
            "hosts": names,
            "credentials": references,
        });
        self.store.append_audit(&audit::by(actor, AuditAction::RunChecked, "runbook", runbook.id, detail)).await?;

        let mut findings = Findings::default();
        findings.note(CheckOutcome::Ok, "You", format!("{} ({}) may run runbooks.", actor.username, actor.role));
        if let Err(ServiceError::Invalid(faults)) = check_reason(options.reason.clone()) {
            findings.refuse("Reason", listed(&faults));
        }
        let mut answers = answers(&runbook.parameters, &options.parameters, &mut findings);
        for fault in &faults.0 {
            findings.refuse("Hosts", sentence(&fault.message));
        }
        let entries = self.store.hosts_named(&names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        self.look_at_hosts(actor, &names, &entries, &mut findings).await?;
        answers.hidden.extend(self.look_at_credentials(&plan, &selected, &references, &mut findings).await?);
        let mut preview = Preview::new(&Known {
            title: &runbook.title,
            started_by: actor.username.as_str(),
            reason: options.reason.as_deref().unwrap_or_default().trim(),
            answers: answers.values,
            secret: &answers.secret,
            open: &answers.open,
            hidden: &answers.hidden,
        });
        let environment = |name: &str| {
            let host = entries.iter().find(|host| host.name == name)?;
            is_open_to(actor, host, &self.local).then_some(host.env.as_slice())
        };
        let rehearsed = steps::rehearse(&plan, &selected, environment, &mut preview, &mut findings);
        self.look_at_addresses(actor, rehearsed.addresses, &mut findings).await;
        tracing::info!(runbook.id = %runbook.id, can_start = !findings.refused, "run checked");
        Ok(Preflight { can_start: !findings.refused, checks: findings.checks, steps: rehearsed.steps })
    }
}

/// The answers that are good, and what is wrong with the others.
fn answers(parameters: &[Parameter], given: &Map<String, Value>, findings: &mut Findings) -> Answers {
    let mut answers = Answers::default();
    if let Err(faults) = parameter::resolve(parameters, given) {
        for fault in &faults.0 {
            let name = fault.path.trim_start_matches("$.parameters.");
            findings.refuse(format!("Parameter {name}"), sentence(&fault.message));
        }
    } else if !parameters.is_empty() {
        findings.note(CheckOutcome::Ok, "Parameters", "Every answer is there and fits.");
    }
    for parameter in parameters {
        // One after the other: one that is wrong must not take the others along.
        let own: Map<_, _> =
            given.iter().filter(|(name, _)| **name == parameter.name).map(|(n, v)| (n.clone(), v.clone())).collect();
        match parameter::resolve(std::slice::from_ref(parameter), &own) {
            Ok(value) => answers.values.extend(value),
            Err(_) => answers.open.push(parameter.name.clone()),
        }
        if parameter.is_secret() {
            answers.secret.push(parameter.name.clone());
            let value = answers.values.remove(&parameter.name);
            let text = value.as_ref().and_then(Value::as_str).filter(|text| !text.is_empty());
            answers.hidden.extend(text.map(|text| SecretString::from(text.to_owned())));
        }
    }
    answers
}

/// The chosen places of the plan, in their order.
fn chosen<'p, 'a>(plan: &'p [Planned<'a>], selected: &HashSet<u32>) -> impl Iterator<Item = &'p Planned<'a>> {
    plan.iter().filter(|planned| selected.contains(&planned.ordinal))
}

/// `step 3 “Promote”`, as runs call it.
fn step(planned: &Planned<'_>) -> String {
    format!("step {} “{}”", planned.ordinal + 1, planned.block.title())
}

/// Several things as people list them, each once.
fn joined(items: impl IntoIterator<Item = String>) -> String {
    let items: BTreeSet<String> = items.into_iter().collect();
    items.into_iter().collect::<Vec<_>>().join(", ")
}

fn listed(faults: &Faults) -> String {
    faults.0.iter().map(|fault| sentence(&fault.message)).collect::<Vec<_>>().join(" ")
}

/// A message as a sentence of its own.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if message.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// Whether the actor may run on a host.
fn is_open_to(actor: &Actor, host: &Host, local: &crate::LocalCommands) -> bool {
    host.may_run(actor.role) && !crate::hosts::is_kept_from(actor, host, local)
}
