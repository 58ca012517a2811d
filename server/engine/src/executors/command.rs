//! Command: a script by its interpreter, on the server itself or on a host.

use domain::block::CommandBlock;
use domain::block::command::{DEFAULT_INTERPRETER, GivenBy};
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
        .collect::<Result<Vec<_>, String>>()?;
    let what = shown(block, &script, working_dir.as_deref(), &env);
    Ok((Prepared::Command(Plan { block, script, working_dir, env }), what))
}

/// The whole command as a person approves it: the script, and before it, as in a message, where and by what it runs and with which
/// variables, where its block says so. Only the script may have lines of its own: no value can pass for a part of it.
fn shown(block: &CommandBlock, script: &str, working_dir: Option<&str>, env: &[(String, String)]) -> String {
    let mut head = Vec::new();
    if let Some(folder) = working_dir {
        head.push(format!("in {}", one_line(folder)));
    }
    if block.interpreter != DEFAULT_INTERPRETER {
        head.push(format!("by {}", one_line(&block.interpreter)));
    }
    head.extend(env.iter().map(|(name, value)| format!("{name}={}", one_line(value))));
    head.extend(block.credentials.iter().map(|given| match &given.by {
        GivenBy::Env(name) => format!("{name}: the credential {}", given.credential),
        GivenBy::File(name) => format!("{name}: a file with the credential {}", given.credential),
    }));
    if head.is_empty() { script.to_owned() } else { format!("{}\n\n{script}", head.join("\n")) }
}

/// A value as it is, or in quotes where it would not be one word.
fn one_line(value: &str) -> String {
    let is_word = !value.is_empty() && value.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '"');
    if is_word { value.to_owned() } else { format!("{value:?}") }
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

#[cfg(test)]
mod tests {
    use domain::block::BlockKind;
    use serde_json::json;

    use super::*;

    fn what(config: &serde_json::Value) -> String {
        let block = json!({ "type": "command", "config": config });
        let draft = domain::RunbookDraft::parse(&json!({ "title": "t", "blocks": [block] })).expect("a draft");
        let BlockKind::Command(block) = &draft.blocks[0].kind else { panic!("a command") };
        prepare(block, &Context::default()).expect("a plan").1
    }

    #[test]
    fn what_is_approved_names_the_folder_the_interpreter_and_the_variables() {
        assert_eq!(what(&json!({ "command": "ls" })), "ls");
        let config = json!({
            "command": "print(1)", "interpreter": "/usr/bin/env python3", "working_dir": "/srv/app",
            "env": { "STAGE": "prod", "NOTE": "two words\n\nrm -rf /" },
        });
        let wanted = "in /srv/app\nby \"/usr/bin/env python3\"\nSTAGE=prod\nNOTE=\"two words\\n\\nrm -rf /\"\n\nprint(1)";
        assert_eq!(what(&config), wanted);
    }
}
