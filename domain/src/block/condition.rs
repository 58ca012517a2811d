//! Condition: a check, and a branch for each answer.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::command::{LOCAL, host};
use super::{Block, check_length};
use crate::Faults;
use crate::parse::Object;

/// A check and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionBlock {
    /// What is checked.
    pub check: Check,
    /// Run when it is true.
    pub nested_blocks: Vec<Block>,
    /// Run when it is false.
    pub else_blocks: Vec<Block>,
    /// What becomes of the run when it is false, after `else_blocks`.
    pub on_false: OnFalse,
}

/// What a condition checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// A command ends with this exit code.
    CommandExitCode {
        /// The command.
        command: String,
        /// The exit code that makes it true.
        expected: u8,
        /// Where it runs.
        host: String,
    },
    /// A GET answers with this status.
    ApiStatusCode {
        /// The address.
        url: String,
        /// The status that makes it true.
        expected: u16,
    },
    /// A file (or folder) exists.
    FileExists {
        /// Its path.
        path: String,
        /// On which host.
        host: String,
    },
    /// An environment variable has this value.
    EnvVarEquals {
        /// Its name.
        name: String,
        /// The value that makes it true.
        value: String,
        /// On which host.
        host: String,
    },
    /// An expression over parameters and earlier steps.
    Expression {
        /// The expression.
        expression: String,
    },
}

/// What becomes of the run when a condition is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFalse {
    /// It goes on after the condition.
    #[default]
    Continue,
    /// It waits for a person, the result shown.
    Pause,
    /// It fails.
    Stop,
}

/// The words for what is checked, and what people call each.
pub const CONDITION_TYPES: [(&str, &str); 5] = [
    ("command_exit_code", "Exit code of a command"),
    ("api_status_code", "Status of an address"),
    ("file_exists", "File exists"),
    ("env_var_equals", "Environment variable"),
    ("expression", "Expression"),
];

impl Check {
    /// The word on the wire.
    #[must_use]
    pub const fn condition_type(&self) -> &'static str {
        match self {
            Self::CommandExitCode { .. } => "command_exit_code",
            Self::ApiStatusCode { .. } => "api_status_code",
            Self::FileExists { .. } => "file_exists",
            Self::EnvVarEquals { .. } => "env_var_equals",
            Self::Expression { .. } => "expression",
        }
    }

    /// The question, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::CommandExitCode { command, expected, .. } => format!("`{command}` exits with {expected}?"),
            Self::ApiStatusCode { url, expected } => format!("{url} answers {expected}?"),
            Self::FileExists { path, .. } => format!("{path} exists?"),
            Self::EnvVarEquals { name, value, .. } => format!("${name} is “{value}”?"),
            Self::Expression { expression } => format!("{expression}?"),
        }
    }

    /// The host it runs on, where it runs on one.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::CommandExitCode { host, .. } | Self::FileExists { host, .. } | Self::EnvVarEquals { host, .. } => Some(host),
            Self::ApiStatusCode { .. } | Self::Expression { .. } => None,
        }
    }
}

impl ConditionBlock {
    pub(super) fn parse(config: &mut Object<'_>, depth: usize, faults: &mut Faults) -> Self {
        let check = check(config, faults);
        let nested = config.items("nested_blocks", faults);
        let otherwise = config.items("else_blocks", faults);
        let words = [("continue", OnFalse::Continue), ("pause", OnFalse::Pause), ("stop", OnFalse::Stop)];
        Self {
            check,
            nested_blocks: Block::parse_list(&nested, depth + 1, faults),
            else_blocks: Block::parse_list(&otherwise, depth + 1, faults),
            on_false: config.word("on_false", &words, faults).unwrap_or_default(),
        }
    }
}

impl Serialize for ConditionBlock {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("condition_type", self.check.condition_type())?;
        match &self.check {
            Check::CommandExitCode { command, expected, .. } => {
                map.serialize_entry("check_command", command)?;
                map.serialize_entry("expected_exit_code", expected)?;
            }
            Check::ApiStatusCode { url, expected } => {
                map.serialize_entry("check_url", url)?;
                map.serialize_entry("expected_status_code", expected)?;
            }
            Check::FileExists { path, .. } => map.serialize_entry("file_path", path)?,
            Check::EnvVarEquals { name, value, .. } => {
                map.serialize_entry("env_var_name", name)?;
                map.serialize_entry("env_var_value", value)?;
            }
            Check::Expression { expression } => map.serialize_entry("expression", expression)?,
        }
        if let Some(host) = self.check.host().filter(|host| *host != LOCAL) {
            map.serialize_entry("host", host)?;
        }
        map.serialize_entry("nested_blocks", &self.nested_blocks)?;
        if !self.else_blocks.is_empty() {
            map.serialize_entry("else_blocks", &self.else_blocks)?;
        }
        if self.on_false != OnFalse::Continue {
            map.serialize_entry("on_false", &self.on_false)?;
        }
        map.end()
    }
}

fn check(config: &mut Object<'_>, faults: &mut Faults) -> Check {
    let nothing = Check::Expression { expression: String::new() };
    if config.required("condition_type", faults).is_none() {
        return nothing;
    }
    let types = CONDITION_TYPES.map(|(word, _)| (word, word));
    match config.word("condition_type", &types, faults) {
        Some("command_exit_code") => {
            let command = config.required_text("check_command", faults);
            check_length(config.at("check_command"), &command, faults);
            let expected = config.integer("expected_exit_code", 0..=255, faults).unwrap_or(0);
            Check::CommandExitCode { command, expected: u8::try_from(expected).unwrap_or(0), host: host(config, faults) }
        }
        Some("api_status_code") => {
            let url = super::api::url(config, "check_url", faults);
            let expected = config.value("expected_status_code").map_or(Some(200), super::api::status);
            if expected.is_none() {
                faults.push(config.at("expected_status_code"), "a status is a whole number from 100 to 599");
            }
            Check::ApiStatusCode { url, expected: expected.unwrap_or(200) }
        }
        Some("file_exists") => Check::FileExists { path: config.required_text("file_path", faults), host: host(config, faults) },
        Some("env_var_equals") => {
            let name = config.required_text("env_var_name", faults);
            if !name.is_empty() && !super::is_identifier(&name) {
                faults.push(config.at("env_var_name"), "not the name of an environment variable");
            }
            config.required("env_var_value", faults);
            let value = config.text("env_var_value", faults).unwrap_or_default();
            Check::EnvVarEquals { name, value, host: host(config, faults) }
        }
        Some("expression") => {
            let expression = config.required_text("expression", faults);
            check_length(config.at("expression"), &expression, faults);
            Check::Expression { expression }
        }
        _ => nothing,
    }
}
