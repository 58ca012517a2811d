//! What a block would do, before it runs: its own templates with the values that are known by then. Runs nothing, reads nothing.

use std::collections::BTreeSet;

use domain::Block;
use domain::block::{BlockKind, Check};
use secrecy::SecretString;
use serde_json::{Map, Value};
use vault::Redactor;

use crate::executors::prepare;
use crate::secrets::redactor;
use crate::template::{self, Context, Syntax};

/// What only a run can know.
const OF_A_RUN: [&str; 3] = ["steps", "run.id", "run.number"];
/// What stands under these names is given by people or by us; everything else is a mistake.
const ROOTS: [&str; 5] = ["params", "steps", "run", "runbook", "env"];

/// What is known before a run.
#[derive(Debug, Default)]
pub struct Known<'a> {
    /// The title of the runbook.
    pub title: &'a str,
    /// Who would start the run.
    pub started_by: &'a str,
    /// The reason that was given.
    pub reason: &'a str,
    /// The answers, those of secret parameters left out or not.
    pub answers: Map<String, Value>,
    /// The names of secret parameters.
    pub secret: &'a [String],
    /// The names of parameters that nobody answered yet.
    pub open: &'a [String],
    /// What must not be shown.
    pub hidden: &'a [SecretString],
}

/// Puts values into blocks before they run.
pub struct Preview {
    context: Context,
    secret: Vec<String>,
    open: Vec<String>,
    redactor: Redactor,
}

/// Why the values of a block cannot be put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    /// Some are known only when it runs, or are not given yet: `steps.lag.stdout`, `params.host`.
    Later(Vec<String>),
    /// It would fail, for this reason.
    Wrong(String),
}

impl Preview {
    /// Puts in what is known.
    #[must_use]
    pub fn new(known: &Known<'_>) -> Self {
        let mut context = Context::default();
        context.set_parameters(&known.answers, known.secret);
        context.set_start(known.title, known.started_by, known.reason);
        Self { context, secret: known.secret.to_vec(), open: known.open.to_vec(), redactor: redactor(known.hidden) }
    }

    /// Exactly what a block would run, secrets masked. Without an environment its host's is not known.
    ///
    /// # Errors
    /// Why that cannot be said.
    pub fn block(&mut self, block: &Block, environment: Option<&[(String, String)]>) -> Result<String, Unresolved> {
        self.context.set_environment(environment.unwrap_or_default());
        let sources = sources(block);
        let names: BTreeSet<String> = sources.iter().flat_map(Source::names).collect();
        let later = self.later(&names, environment.is_some());
        if later.is_empty() {
            return match prepare(block, &self.context, &self.redactor) {
                Ok((_, text)) => Ok(self.redactor.redact(&text).into_owned()),
                Err(error) => Err(self.wrong(&names, error)),
            };
        }
        // What is not there may still be meant to be missing: a default may stand in for it.
        let handled = sources.iter().any(|source| ["default", "defined"].iter().any(|word| source.text().contains(word)));
        let missing = names.iter().filter(|name| !handled && !later.contains(name) && !self.context.has(name));
        match missing.map(|name| self.about(name)).next() {
            Some(about) => Err(Unresolved::Wrong(about)),
            None => Err(Unresolved::Later(later)),
        }
    }

    /// Whether an expression, such as the `when` of a block, holds.
    ///
    /// # Errors
    /// Why that cannot be said.
    pub fn holds(&mut self, expression: &str, environment: Option<&[(String, String)]>) -> Result<bool, Unresolved> {
        self.context.set_environment(environment.unwrap_or_default());
        let names = template::names_of_expression(expression);
        let later = self.later(&names, environment.is_some());
        if !later.is_empty() {
            return Err(Unresolved::Later(later));
        }
        template::holds(expression, &self.context).map_err(|error| self.wrong(&names, error))
    }

    /// The address that a block would call, where it calls one and its values are known; to be looked at, not to be shown.
    #[must_use]
    pub fn address(&mut self, block: &Block, environment: Option<&[(String, String)]>) -> Option<String> {
        let url = match &block.kind {
            BlockKind::Api(api) => &api.url,
            BlockKind::Condition(condition) => match &condition.check {
                Check::ApiStatusCode { url, .. } => url,
                _ => return None,
            },
            _ => return None,
        };
        self.context.set_environment(environment.unwrap_or_default());
        if !self.later(&template::names(url), environment.is_some()).is_empty() {
            return None;
        }
        template::render(url, Syntax::Url, &self.context).ok()
    }

    /// A text with its secrets masked.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    fn later(&self, names: &BTreeSet<String>, environment_is_known: bool) -> Vec<String> {
        let is_later = |name: &&String| {
            OF_A_RUN.iter().any(|of_a_run| is_below(name, of_a_run))
                || (!environment_is_known && is_below(name, "env"))
                || self.open.iter().any(|open| is_below(name, &format!("params.{open}")))
        };
        names.iter().filter(is_later).cloned().collect()
    }

    fn wrong(&self, names: &BTreeSet<String>, error: String) -> Unresolved {
        let missing = names.iter().find(|name| !self.context.has(name));
        Unresolved::Wrong(missing.map_or(error, |name| self.about(name)))
    }

    /// What is wrong with a name under which nothing stands.
    fn about(&self, name: &str) -> String {
        let (root, rest) = name.split_once('.').unwrap_or((name, ""));
        let part = rest.split('.').next().unwrap_or_default();
        match root {
            "params" if self.secret.iter().any(|secret| secret == part) => {
                format!("“{part}” is secret and not available in templates; a command reads it as $PARAM_{}", part.to_uppercase())
            }
            "params" => format!("it uses {name}, and this runbook has no parameter “{part}”"),
            "env" => format!("it uses {name}, and its host sets no variable {part}"),
            root if ROOTS.contains(&root) => format!("it uses {name}, and there is no such value"),
            _ => format!("it uses {name}, which is no value; one is params.…, steps.…, env.…, run.… or runbook.title"),
        }
    }
}

/// Whether a text calls one of the earlier steps by its name; `name` is `steps.…` as it was looked up.
#[must_use]
pub fn names_step(name: &str, title: &str) -> bool {
    let Some(rest) = name.strip_prefix("steps.") else { return true };
    template::step_names(title).iter().any(|known| rest == known || rest.starts_with(&format!("{known}.")))
}

/// Whether a block holds templates at all: else it runs as it is written.
#[must_use]
pub fn has_templates(block: &Block) -> bool {
    let holds = |text: &str| ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark));
    sources(block).iter().any(|source| matches!(source, Source::Text(text) if holds(text)))
}

/// Whether a block puts values in as they are, by `| raw`.
#[must_use]
pub fn uses_raw(block: &Block) -> bool {
    let dense = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    sources(block).iter().any(|source| matches!(source, Source::Text(text) if dense(text).contains("|raw")))
}

fn is_below(name: &str, above: &str) -> bool {
    name.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A text of a block that may hold templates.
enum Source<'a> {
    Text(&'a str),
    Expression(&'a str),
}

impl Source<'_> {
    fn names(&self) -> BTreeSet<String> {
        match self {
            Self::Text(text) => template::names(text),
            Self::Expression(text) => template::names_of_expression(text),
        }
    }

    const fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Expression(text) => text,
        }
    }
}

fn sources(block: &Block) -> Vec<Source<'_>> {
    match &block.kind {
        BlockKind::Instruction(block) => vec![Source::Text(&block.text)],
        BlockKind::Command(block) => {
            let values = block.env.iter().map(|(_, value)| value).chain(&block.working_dir);
            std::iter::once(&block.command).chain(values).map(|text| Source::Text(text)).collect()
        }
        BlockKind::Api(block) => {
            let mut sources = vec![Source::Text(&block.url)];
            sources.extend(block.headers.iter().map(|(_, value)| Source::Text(value)));
            if let Some(body) = &block.body {
                texts(body, &mut sources);
            }
            sources
        }
        BlockKind::Condition(block) => match &block.check {
            Check::CommandExitCode { command: text, .. }
            | Check::ApiStatusCode { url: text, .. }
            | Check::FileExists { path: text, .. }
            | Check::EnvVarEquals { value: text, .. } => vec![Source::Text(text)],
            Check::Expression { expression } => vec![Source::Expression(expression)],
        },
        BlockKind::Timer(_) => Vec::new(),
    }
}

/// Every text in a JSON body.
fn texts<'a>(body: &'a Value, sources: &mut Vec<Source<'a>>) {
    match body {
        Value::String(text) => sources.push(Source::Text(text)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, sources)),
        Value::Object(members) => members.values().for_each(|value| texts(value, sources)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use domain::RunbookDraft;
    use serde_json::json;

    use super::*;

    fn preview(command: &str) -> Result<String, Unresolved> {
        let block = json!({ "type": "command", "config": { "command": command } });
        let draft = RunbookDraft::parse(&json!({ "title": "t", "blocks": [block] })).expect("a draft");
        let answers = json!({ "path": "/a b", "token": "hush" });
        let known = Known {
            title: "Restart",
            started_by: "ann",
            answers: answers.as_object().cloned().expect("an object"),
            secret: &["token".to_owned()],
            open: &["later".to_owned()],
            hidden: &[SecretString::from("s3cret-value")],
            ..Known::default()
        };
        Preview::new(&known).block(&draft.blocks[0], Some(&[("STAGE".to_owned(), "prod".to_owned())]))
    }

    fn wrong(command: &str) -> String {
        match preview(command) {
            Err(Unresolved::Wrong(sentence)) => sentence,
            other => panic!("{command}: {other:?}"),
        }
    }

    #[test]
    fn what_would_run_is_said_exactly_and_secrets_are_masked() {
        let text = preview("ls {{ params.path }} {{ env.STAGE }} {{ runbook.title }} {{ run.started_by }} s3cret-value");
        let text = text.expect("text");
        assert!(text.starts_with("ls '/a b' prod Restart ann "), "{text}");
        assert!(!text.contains("s3cret-value"), "{text}");
        assert_eq!(preview("echo {{ params.nope | default('x') }}"), Ok("echo x".to_owned()));
        assert_eq!(preview("{% for i in range(2) %}{{ i }}{% endfor %}"), Ok("01".to_owned()));
    }

    #[test]
    fn what_only_a_run_knows_is_named() {
        let later = |names: &[&str]| Err(Unresolved::Later(names.iter().map(|name| (*name).to_owned()).collect()));
        assert_eq!(preview("echo {{ steps.lag.stdout | float }} {{ run.number }}"), later(&["run.number", "steps.lag.stdout"]));
        assert_eq!(preview("echo {{ params.later }}"), later(&["params.later"]));
    }

    #[test]
    fn what_would_fail_is_named() {
        assert_eq!(wrong("echo {{ params.nope }}"), "it uses params.nope, and this runbook has no parameter “nope”");
        assert_eq!(wrong("echo {{ env.NOPE }}"), "it uses env.NOPE, and its host sets no variable NOPE");
        assert!(wrong("echo {{ nope }}").contains("which is no value"));
        assert!(wrong("echo {{ params.token }}").contains("$PARAM_TOKEN"));
        assert!(wrong("echo {{ params.nope }} {{ steps.lag.stdout }}").contains("params.nope"));
        assert!(wrong("echo {{ params.path").contains("template"));
    }

    #[test]
    fn a_step_is_known_by_its_title_and_by_its_title_as_an_identifier() {
        assert!(names_step("steps.lag.stdout", "lag") && names_step("steps.how_far.stdout", "How far"));
        assert!(!names_step("steps.lagg.stdout", "lag") && !names_step("steps.la.stdout", "lag"));
    }
}
