//! What templates can name.

use std::collections::BTreeMap;

use domain::Run;
use domain::plan::Lane;
use minijinja::Value;
use minijinja::value::Serde;
use serde_json::{Map, json};

use crate::capture::Facts;

/// `params`, `steps`, `run`, `runbook` and `env`.
#[derive(Debug, Default)]
pub(crate) struct Context {
    parameters: Value,
    secrets: Vec<String>,
    run: Value,
    runbook: Value,
    environment: Value,
    steps: BTreeMap<String, Value>,
    /// Of steps that run on several hosts, by host.
    lanes: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Context {
    /// Makes answers available; those of secret parameters are left out.
    pub(crate) fn set_parameters(&mut self, answers: &Map<String, serde_json::Value>, secrets: &[String]) {
        let shown: Map<_, _> =
            answers.iter().filter(|(name, _)| !secrets.contains(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        self.parameters = Value::from(Serde(&shown));
        self.secrets = secrets.to_vec();
    }

    /// Makes the run itself available.
    pub(crate) fn set_run(&mut self, run: &Run) {
        let reason = run.reason.as_deref().unwrap_or_default();
        self.run = Value::from(Serde(json!({
            "id": run.id.to_string(), "number": run.number, "started_by": run.started_by, "reason": reason,
        })));
        self.runbook = Value::from(Serde(json!({ "title": run.runbook_title })));
    }

    /// Makes what is known of a run before it starts available.
    pub(crate) fn set_start(&mut self, title: &str, started_by: &str, reason: &str) {
        self.run = Value::from(Serde(json!({ "started_by": started_by, "reason": reason })));
        self.runbook = Value::from(Serde(json!({ "title": title })));
    }

    /// Makes the environment of the block's host available.
    pub(crate) fn set_environment(&mut self, environment: &[(String, String)]) {
        self.environment = Value::from(environment.iter().cloned().collect::<BTreeMap<String, String>>());
    }

    /// Makes what a step produced available, by its name and by its name as an identifier: `steps.name.stdout`. One that runs on
    /// several hosts is told apart by host: `steps.name.hosts["web-1"].stdout`.
    pub(crate) fn set_step(&mut self, name: &str, lane: Lane, host: Option<&str>, facts: &Facts) {
        let mut value = Value::from(Serde(facts));
        if lane.is_one_of_several() {
            let lanes = self.lanes.entry(name.to_owned()).or_default();
            lanes.insert(host.unwrap_or_default().to_owned(), value);
            value = Value::from(BTreeMap::from([("hosts".to_owned(), Value::from(lanes.clone()))]));
        }
        self.steps.insert(identifier(name), value.clone());
        self.steps.insert(name.to_owned(), value);
    }

    /// The names of secret parameters.
    pub(crate) fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// Whether something stands under a name such as `params.x`.
    pub(crate) fn has(&self, name: &str) -> bool {
        let mut value = self.value();
        for part in name.split('.') {
            match value.get_attr(part) {
                Ok(next) if !next.is_undefined() => value = next,
                _ => return false,
            }
        }
        true
    }

    pub(super) fn value(&self) -> Value {
        let steps = Value::from(self.steps.iter().map(|(n, v)| (n.clone(), v.clone())).collect::<BTreeMap<String, Value>>());
        let all = [
            ("params", self.parameters.clone()),
            ("run", self.run.clone()),
            ("runbook", self.runbook.clone()),
            ("env", self.environment.clone()),
            ("steps", steps),
        ];
        Value::from(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<String, Value>>())
    }
}

/// By which names templates know a step that is called so.
pub(crate) fn step_names(name: &str) -> [String; 2] {
    [name.to_owned(), identifier(name)]
}

/// A name in lower case, everything that is no letter or digit an underscore.
fn identifier(name: &str) -> String {
    name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}
