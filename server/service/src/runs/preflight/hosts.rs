//! The hosts of a run before it starts: whether they are there, whether the person may run on them, and whether they answer.

use std::collections::HashSet;
use std::time::Duration;

use domain::host::Pinned;
use domain::plan::Planned;
use domain::{Actor, CheckOutcome, Host, Permission};
use futures::StreamExt;
use futures::stream;

use super::{Findings, chosen, is_open_to, joined, sentence};
use crate::Result;
use crate::hosts::{SHARED, is_kept_from};
use crate::runs::Runs;

/// How long a host may take to show its key.
const PATIENCE: Duration = Duration::from_secs(4);
/// How many hosts are looked at at once.
const AT_ONCE: usize = 32;
/// How many are looked at at all: more would take longer than anybody waits.
const MOST: usize = 128;

/// The hosts of the chosen places, each once, in the order of the plan.
pub(super) fn names(plan: &[Planned<'_>], selected: &HashSet<u32>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in chosen(plan, selected).filter_map(|planned| planned.host) {
        if !names.iter().any(|other| other == name) {
            names.push(name.to_owned());
        }
    }
    names
}

impl Runs {
    /// A line for each host.
    pub(super) async fn look_at_hosts(
        &self,
        actor: &Actor,
        names: &[String],
        entries: &[Host],
        findings: &mut Findings,
    ) -> Result<()> {
        let entry = |name: &str| entries.iter().find(|host| host.name == name);
        // Nobody has the server knock at a host that is not theirs to run on.
        let theirs = names.iter().filter_map(|name| entry(name)).filter(|host| is_open_to(actor, host, &self.local));
        let reached: Vec<Host> = theirs.filter(|host| !host.is_local()).take(MOST).cloned().collect();
        let looks = stream::iter(reached.into_iter().map(|host| async move { self.standing(actor, &host).await }));
        let mut standings = looks.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter();
        let mut unseen = 0;
        for name in names {
            let Some(host) = entry(name) else {
                findings.refuse(name, "There is no such host, so a run is refused.");
                continue;
            };
            if is_kept_from(actor, host, &self.local) {
                findings.refuse("This server", sentence(SHARED));
            } else if !host.may_run(actor.role) {
                findings.refuse(called(host), refusal(actor, host));
            } else if host.is_local() {
                findings.note(CheckOutcome::Ok, called(host), format!("{}.", self.local.describe()));
            } else if let Some(standing) = standings.next() {
                let (outcome, sentence) = standing?;
                findings.note(outcome, name, sentence);
            } else {
                unseen += 1;
            }
        }
        if unseen > 0 {
            findings.note(CheckOutcome::Warning, "Hosts", format!("{unseen} more were not looked at: {MOST} at most are."));
        }
        Ok(())
    }

    /// How a host stands that is reached over SSH.
    async fn standing(&self, actor: &Actor, host: &Host) -> Result<(CheckOutcome, String)> {
        let tells = actor.role.may(Permission::ManageHosts);
        if host.host_key.is_none() {
            return Ok(problem("Nobody has pinned its key yet, so nothing connects: an sre checks it on the page of hosts."));
        }
        let Some(credential) = host.credential else {
            return Ok(problem("It has no credential to log in with: an sre chooses one on the page of hosts."));
        };
        let Some((summary, sealed)) = self.store.credential(&credential.to_string()).await? else {
            return Ok(problem("The credential to log in with is gone: an sre chooses another on the page of hosts."));
        };
        let Ok(secret) = self.vault.open_sealed(&summary.id.to_string(), 1, &sealed) else {
            return Ok(problem("The credential to log in with cannot be opened with the keys of this server."));
        };
        if let Err(why) = self.engine.check_login(host, &secret).await {
            return Ok((CheckOutcome::Problem, if tells { sentence(&why) } else { "Its credential is no login.".to_owned() }));
        }
        let seen = self.engine.look_at_host(host, PATIENCE).await;
        Ok(match (seen.unreachable, seen.key.map(|key| key.pinned)) {
            // How it is reached is told to those who manage hosts.
            (Some(why), _) if tells => (CheckOutcome::Problem, sentence(&format!("it does not answer: {why}"))),
            (Some(_), _) => problem("It does not answer."),
            (None, Some(Pinned::Same)) => (CheckOutcome::Ok, "It answers and shows the pinned key.".to_owned()),
            (None, _) => problem("It shows another key than the pinned one: nothing is run there. Somebody may be in between."),
        })
    }
}

fn problem(sentence: &str) -> (CheckOutcome, String) {
    (CheckOutcome::Problem, sentence.to_owned())
}

fn called(host: &Host) -> &str {
    if host.is_local() { "This server" } else { &host.name }
}

fn refusal(actor: &Actor, host: &Host) -> String {
    if host.roles.is_empty() {
        return "Nobody may run on it.".to_owned();
    }
    format!(
        "The role {} may not run on it, so a run is refused; these may: {}.",
        actor.role,
        joined(host.roles.iter().map(ToString::to_string))
    )
}
