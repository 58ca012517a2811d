//! Command: a script by its interpreter, on the server itself or on a host.

use domain::block::CommandBlock;
use domain::block::command::GivenBy;
use runner::{EnvValue, ProcessSpec, SecretFile};

use super::process::{self, Ended};
use super::{Outcome, Prepared, Scene, Watch};
use crate::error::Halt;
use crate::output::Output;
use crate::template::{Context, Syntax, render};

/// A command with its values put in.
pub(crate) struct Plan<'a> {
    pub(super) block: &'a CommandBlock,
    script: String,
    working_dir: Option<String>,
    env: Vec<(String, String)>,
}

pub(super) fn prepare<'a>(block: &'a CommandBlock, context: &Context) -> Result<(Prepared<'a>, String), String> {
    let script = render(&block.command, Syntax::of_interpreter(&block.interpreter), context)?;
    let working_dir = block.working_dir.as_ref().map(|dir| render(dir, Syntax::Plain, context)).transpose();
    let working_dir = working_dir.map_err(|error| format!("working directory: {error}"))?;
    let env = block
        .env
        .iter()
        .map(|(name, value)| {
            let value = render(value, Syntax::Plain, context).map_err(|error| format!("variable {name}: {error}"))?;
            Ok((name.clone(), value))
        })
        .collect::<Result<_, String>>()?;
    let what = script.clone();
    Ok((Prepared::Command(Plan { block, script, working_dir, env }), what))
}

pub(super) async fn execute(
    plan: &Plan<'_>,
    scene: &mut Scene<'_>,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Outcome, Halt> {
    let block = plan.block;
    let mut spec = ProcessSpec::new(scene.step.to_string(), block.interpreter.clone(), plan.script.clone());
    spec.working_dir = plan.working_dir.as_ref().map(Into::into);
    spec.env = scene.environment();
    spec.env.extend(plan.env.iter().map(|(name, value)| (name.clone(), EnvValue::from(value.as_str()))));
    for (given, secret) in block.credentials.iter().zip(scene.given) {
        match &given.by {
            GivenBy::Env(name) => spec.env.push((name.clone(), secret.clone().into())),
            GivenBy::File(name) => spec.files.push(SecretFile { env: name.clone(), contents: secret.clone() }),
        }
    }
    Ok(match process::run(spec, scene, output, watch).await? {
        Ended::NotStarted(message) => Outcome::failed(message),
        Ended::Lost(sentence) => Outcome::lost(sentence),
        Ended::BrokenOff(cause, left) => Outcome::broken_off(cause, &left, watch.timeout),
        Ended::Exit(exit) => {
            let expected = &block.expected_exit_codes;
            let fits = exit.code.is_some_and(|code| expected.iter().any(|expected| i32::from(*expected) == code));
            let mut outcome = if fits {
                Outcome::succeeded()
            } else if expected == &[0] {
                Outcome::failed(exit.describe())
            } else {
                let codes: Vec<_> = expected.iter().map(ToString::to_string).collect();
                Outcome::failed(format!("{}; expected {}", exit.describe(), codes.join(" or ")))
            };
            outcome.exit_code = exit.code;
            outcome
        }
    })
}
