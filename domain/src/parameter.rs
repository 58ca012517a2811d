//! Parameters: what a runbook asks before it runs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::block::is_identifier;
use crate::parse::{Object, clip, kind_of};
use crate::{Faults, expression};

/// One question a runbook asks before it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Parameter {
    /// `params.<this>` in templates, `PARAM_<THIS>` in the environment of commands.
    pub name: String,
    /// What the form calls it; the name where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What may be answered.
    #[serde(rename = "type")]
    pub kind: ParameterKind,
    /// The answer where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub default: Option<Value>,
    /// There must be an answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The choices of a `select`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// A regular expression that the whole answer matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Help for the person who answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ParameterKind {
    /// A text.
    String,
    /// A number.
    Number,
    /// Yes or no.
    Boolean,
    /// One of the options.
    Select,
    /// A text that is masked wherever it shows up.
    Secret,
}

impl ParameterKind {
    /// Every kind with its word on the wire.
    pub const ALL: [(&str, Self); 5] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("select", Self::Select),
        ("secret", Self::Secret),
    ];
}

/// The most a runbook may ask.
pub const MAX_PARAMETERS: usize = 100;

impl Parameter {
    /// Reads a list of parameters.
    pub fn parse_list(items: &[(String, &Value)], faults: &mut Faults) -> Vec<Self> {
        let mut parameters: Vec<Self> = Vec::new();
        for (path, value) in items {
            let Some(parameter) = Self::parse(value, path, faults) else { continue };
            if parameters.iter().any(|other| other.name == parameter.name) {
                faults.push(format!("{path}.name"), format!("“{}” is asked twice", clip(&parameter.name)));
            }
            parameters.push(parameter);
        }
        parameters
    }

    fn parse(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let mut object = Object::open(value, path, faults)?;
        let name = object.required_text("name", faults);
        if !name.is_empty() && !is_identifier(&name) {
            faults.push(object.at("name"), "a parameter's name is letters, digits and _, and does not begin with a digit");
        }
        object.required("type", faults);
        let kind = object.word("type", &ParameterKind::ALL, faults);
        let label = object.text("label", faults);
        let default = object.value("default").cloned();
        let required = object.flag("required", faults);
        let mut options = Vec::new();
        for (path, option) in object.items("options", faults) {
            match option {
                Value::String(text) => options.push(text.clone()),
                other => faults.push(path, format!("expected a text, found {}", kind_of(other))),
            }
        }
        let pattern = object.text("pattern", faults);
        if pattern.as_deref().is_some_and(|pattern| expression::read(pattern).is_err()) {
            faults.push(object.at("pattern"), "not a regular expression");
        }
        let description = object.text("description", faults);
        let at_default = object.at("default");
        let at_options = object.at("options");
        object.finish(faults);
        let parameter = Self { name, label, kind: kind?, default, required, options, pattern, description };
        if parameter.kind == ParameterKind::Select && parameter.options.is_empty() {
            faults.push(at_options, "a select needs at least one option");
        }
        if let Some(Err(message)) = parameter.default.as_ref().map(|value| parameter.check(value)) {
            faults.push(at_default, message);
        }
        Some(parameter)
    }

    /// Whether its answer is masked.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind == ParameterKind::Secret
    }

    /// Checks one answer; texts from forms and addresses are read as the kind they answer.
    fn check(&self, value: &Value) -> Result<Value, String> {
        let value = match (self.kind, value) {
            (ParameterKind::Number, Value::Number(_)) | (ParameterKind::Boolean, Value::Bool(_)) => value.clone(),
            (ParameterKind::Number, Value::String(text)) => {
                serde_json::from_str::<serde_json::Number>(text.trim()).map(Value::Number).map_err(|_| "expected a number")?
            }
            (ParameterKind::Boolean, Value::String(text)) => match text.as_str() {
                "true" | "on" | "yes" => Value::Bool(true),
                "false" | "off" | "no" => Value::Bool(false),
                _ => return Err("expected true or false".to_owned()),
            },
            (ParameterKind::Select, Value::String(text)) => {
                if !self.options.contains(text) {
                    return Err(format!("“{}” is none of {}", clip(text), self.options.join(", ")));
                }
                value.clone()
            }
            (ParameterKind::String | ParameterKind::Secret, Value::String(text)) if !text.contains('\0') => value.clone(),
            (_, other) => return Err(format!("{} does not fit here", kind_of(other))),
        };
        if let (Some(pattern), Value::String(text)) = (&self.pattern, &value) {
            let whole = expression::read(&format!("^(?:{pattern})$")).map_err(|_| "its pattern is no regular expression")?;
            if !whole.is_match(text) {
                return Err(format!("does not match the pattern {pattern}"));
            }
        }
        Ok(value)
    }
}

/// Settles the answers to all parameters: defaults filled in, every fault found, unknown names among them.
///
/// # Errors
/// Faults below `$.parameters`.
pub fn resolve(parameters: &[Parameter], answers: &Map<String, Value>) -> Result<Map<String, Value>, Faults> {
    let mut faults = Faults::default();
    let mut resolved = Map::new();
    for parameter in parameters {
        let path = format!("$.parameters.{}", parameter.name);
        let blank = |value: &&Value| value.is_null() || value.as_str().is_some_and(str::is_empty);
        match answers.get(&parameter.name).filter(|value| !blank(value)).or(parameter.default.as_ref()) {
            None if parameter.required => faults.push(path, format!("“{}” needs an answer", parameter.name)),
            None if parameter.kind == ParameterKind::Boolean => {
                resolved.insert(parameter.name.clone(), Value::Bool(false));
            }
            None => {
                resolved.insert(parameter.name.clone(), Value::String(String::new()));
            }
            Some(value) => match parameter.check(value) {
                Ok(value) => {
                    resolved.insert(parameter.name.clone(), value);
                }
                Err(message) => faults.push(path, message),
            },
        }
    }
    for name in answers.keys().filter(|name| !parameters.iter().any(|parameter| parameter.name == **name)) {
        faults.push(format!("$.parameters.{}", clip(name)), "this runbook asks for no such parameter");
    }
    faults.into_result(resolved)
}
