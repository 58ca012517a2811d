//! Condition: a check whose result is recorded with what it saw.

use domain::block::{ApiBlock, Check};
use runner::{EnvValue, ProcessSpec};

use super::process::{self, Ended};
use super::{Outcome, Prepared, Scene, Watch, api};
use crate::error::Halt;
use crate::output::Output;
use crate::template::{self, Context, Syntax, render};

/// A check with its values put in.
pub(crate) struct Plan<'a> {
    check: &'a Check,
    /// The command, address, path or expected value.
    text: String,
    /// What an expression came to.
    holds: bool,
}

pub(super) fn prepare<'a>(check: &'a Check, context: &Context) -> Result<(Prepared<'a>, String), String> {
    let mut holds = false;
    let (text, what) = match check {
        Check::CommandExitCode { command, expected, host } => {
            let command = render(command, Syntax::Shell, context)?;
            let shown = Check::CommandExitCode { command: command.clone(), expected: *expected, host: host.clone() };
            (command, shown.describe())
        }
        Check::ApiStatusCode { url, expected } => {
            let url = render(url, Syntax::Url, context)?;
            let shown = Check::ApiStatusCode { url: url.clone(), expected: *expected };
            (url, shown.describe())
        }
        Check::FileExists { path, host } => {
            let path = render(path, Syntax::Plain, context)?;
            (path.clone(), Check::FileExists { path, host: host.clone() }.describe())
        }
        Check::EnvVarEquals { name, value, host } => {
            let value = render(value, Syntax::Plain, context)?;
            (value.clone(), Check::EnvVarEquals { name: name.clone(), value, host: host.clone() }.describe())
        }
        Check::Expression { expression } => {
            holds = template::holds(expression, context)?;
            (String::new(), check.describe())
        }
    };
    Ok((Prepared::Condition(Plan { check, text, holds }), what))
}

pub(super) async fn execute(
    plan: &Plan<'_>,
    scene: &mut Scene<'_>,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Outcome, Halt> {
    match plan.check {
        Check::Expression { .. } => found(output, plan.holds, "the expression", None).await,
        Check::EnvVarEquals { name, .. } => {
            // Only a command there sees what a command there gets: here too, where it may run as another user. A name is letters,
            // digits and underscores.
            let script = format!(
                "if [ \"${{{name}+set}}\" = set ]; then printf '${name} is “%s”; expected “%s”\\n' \"${name}\" \"$RUNBOOK_EXPECTED\"\n\
                 else printf '${name} is not set; expected “%s”\\n' \"$RUNBOOK_EXPECTED\"; exit 1; fi\n\
                 [ \"${name}\" = \"$RUNBOOK_EXPECTED\" ]"
            );
            let mut spec = ProcessSpec::new(scene.step.to_string(), "/bin/sh", script);
            spec.env = vec![("RUNBOOK_EXPECTED".to_owned(), EnvValue::from(plan.text.as_str()))];
            command(spec, 0, scene, output, watch).await
        }
        Check::CommandExitCode { expected, .. } => {
            let spec = ProcessSpec::new(scene.step.to_string(), "/bin/sh", plan.text.clone());
            command(spec, *expected, scene, output, watch).await
        }
        Check::FileExists { .. } => {
            let mut spec = ProcessSpec::new(scene.step.to_string(), "/bin/sh", "test -e \"$RUNBOOK_FILE\"");
            spec.env = vec![("RUNBOOK_FILE".to_owned(), EnvValue::from(plan.text.as_str()))];
            command(spec, 0, scene, output, watch).await
        }
        Check::ApiStatusCode { expected, .. } => {
            if watch.timeout.is_none() {
                watch.limit(api::DEFAULT_TIMEOUT);
            }
            let block = ApiBlock { url: plan.text.clone(), ..ApiBlock::default() };
            let request = api::Plan::bare(&block);
            match api::send(&request, scene, output, watch).await? {
                api::Sent::Answered(status) => {
                    let seen = format!("status {status}; expected {expected}");
                    found(output, status == *expected, &seen, Some(i32::from(status))).await
                }
                // A service that is down is what such a check is for.
                api::Sent::NoAnswer(message) => {
                    found(output, false, &format!("no answer ({message}); expected {expected}"), None).await
                }
                api::Sent::Refused(message) => Ok(Outcome::failed(message)),
                api::Sent::BrokenOff(super::Cause::TimedOut) => {
                    found(output, false, &format!("no answer in time; expected {expected}"), None).await
                }
                api::Sent::BrokenOff(cause) => Ok(Outcome::broken_off(cause, "the check was given up", watch.timeout)),
            }
        }
    }
}

async fn command(
    mut spec: ProcessSpec,
    expected: u8,
    scene: &mut Scene<'_>,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Outcome, Halt> {
    let own = std::mem::replace(&mut spec.env, scene.environment());
    spec.env.extend(own);
    match process::run(spec, scene, output, watch).await? {
        Ended::NotStarted(message) => Ok(Outcome::failed(message)),
        Ended::Lost(sentence) => Ok(Outcome::lost(sentence)),
        Ended::BrokenOff(cause, left) => Ok(Outcome::broken_off(cause, &left, watch.timeout)),
        Ended::Exit(exit) => {
            let seen = format!("{}; expected {expected}", exit.describe());
            found(output, exit.code == Some(i32::from(expected)), &seen, exit.code).await
        }
    }
}

async fn found(output: &mut Output<'_>, result: bool, seen: &str, exit_code: Option<i32>) -> Result<Outcome, Halt> {
    output.note(&format!("{seen} → {result}")).await?;
    Ok(Outcome { exit_code, result: Some(result), ..Outcome::succeeded() })
}
