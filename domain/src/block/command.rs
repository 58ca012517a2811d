//! Command: a script on a host.

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::Value;

use super::places::{Places, TAG_PREFIX};
use super::{Capture, CaptureFrom, captures, check_length};
use crate::Faults;
pub use crate::host::LOCAL;
use crate::host::{NAME_HINT, is_name};
use crate::parse::{Object, integer};

/// What runs a script that names no interpreter.
pub const DEFAULT_INTERPRETER: &str = "/bin/sh";

/// The longest interpreter with its arguments, in bytes.
pub const MAX_INTERPRETER: usize = 500;

/// The most hosts of one block on which it runs at once.
pub const MAX_CONCURRENCY: i64 = 100;

/// A script, where and how it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandBlock {
    /// The script.
    pub command: String,
    /// Where it runs: each host of it is a step of its own.
    pub host: Places,
    /// On how many of several hosts it runs at once.
    pub concurrency: u32,
    /// What runs the script, with its own arguments: `/bin/sh`, `bash -eu`, `/usr/bin/env python3`.
    pub interpreter: String,
    /// Where it starts.
    pub working_dir: Option<String>,
    /// Extra environment variables.
    pub env: Vec<(String, String)>,
    /// Credentials it may use, each by environment variable or file.
    pub credentials: Vec<CredentialUse>,
    /// Exit codes that count as success.
    pub expected_exit_codes: Vec<u8>,
    /// Values to take from its output.
    pub capture: Vec<Capture>,
}

/// How a command is given a credential's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialUse {
    /// The credential's id or name.
    pub credential: String,
    /// How.
    #[serde(flatten)]
    pub by: GivenBy,
}

/// By which way a secret reaches a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GivenBy {
    /// The value of this environment variable.
    Env(String),
    /// In a private file whose path is the value of this environment variable.
    File(String),
}

impl Default for CommandBlock {
    fn default() -> Self {
        Self {
            command: String::new(),
            host: Places::default(),
            concurrency: 1,
            interpreter: DEFAULT_INTERPRETER.to_owned(),
            working_dir: None,
            env: Vec::new(),
            credentials: Vec::new(),
            expected_exit_codes: vec![0],
            capture: Vec::new(),
        }
    }
}

impl CommandBlock {
    pub(super) fn parse(config: &mut Object<'_>, faults: &mut Faults) -> Self {
        let command = config.required_text("command", faults);
        check_length(config.at("command"), &command, faults);
        Self {
            command,
            host: Places::parse(config, faults),
            concurrency: concurrency(config, faults),
            interpreter: interpreter(config, faults),
            working_dir: config.text("working_dir", faults).filter(|dir| !dir.is_empty()),
            env: environment(config, faults),
            credentials: credentials(config, faults),
            expected_exit_codes: exit_codes(config, faults),
            capture: captures(config, &[("stdout", CaptureFrom::Stdout)], faults),
        }
    }

    /// Whether it runs on the server itself.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host.is_local()
    }
}

impl Serialize for CommandBlock {
    /// Only what differs from the default, so that an export reads like what a person wrote.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("command", &self.command)?;
        if !self.is_local() {
            map.serialize_entry("host", &self.host)?;
        }
        if self.concurrency != 1 {
            map.serialize_entry("concurrency", &self.concurrency)?;
        }
        if self.interpreter != DEFAULT_INTERPRETER {
            map.serialize_entry("interpreter", &self.interpreter)?;
        }
        if let Some(dir) = &self.working_dir {
            map.serialize_entry("working_dir", dir)?;
        }
        if !self.env.is_empty() {
            map.serialize_entry("env", &super::api::pairs(&self.env))?;
        }
        if !self.credentials.is_empty() {
            map.serialize_entry("credentials", &self.credentials)?;
        }
        if self.expected_exit_codes != [0] {
            map.serialize_entry("expected_exit_codes", &self.expected_exit_codes)?;
        }
        if !self.capture.is_empty() {
            map.serialize_entry("capture", &self.capture)?;
        }
        map.end()
    }
}

/// Reads `host` of what runs on one host alone: a name that no tool takes for an option or a path; `local` when absent.
pub(super) fn host(config: &mut Object<'_>, faults: &mut Faults) -> String {
    let Some(host) = config.text("host", faults).filter(|host| !host.is_empty()) else { return LOCAL.to_owned() };
    if host.starts_with(TAG_PREFIX) {
        faults.push(config.at("host"), "a check is made on one host: name it; a tag can stand for several");
    } else if !is_name(&host) {
        faults.push(config.at("host"), NAME_HINT);
    }
    host
}

/// Reads `concurrency`; one host after the other when absent.
fn concurrency(config: &mut Object<'_>, faults: &mut Faults) -> u32 {
    config.integer("concurrency", 1..=MAX_CONCURRENCY, faults).and_then(|count| u32::try_from(count).ok()).unwrap_or(1)
}

fn interpreter(config: &mut Object<'_>, faults: &mut Faults) -> String {
    let Some(text) = config.text("interpreter", faults).filter(|text| !text.trim().is_empty()) else {
        return DEFAULT_INTERPRETER.to_owned();
    };
    if text.starts_with('-') || text.chars().any(char::is_control) || text.len() > MAX_INTERPRETER {
        faults.push(config.at("interpreter"), "an interpreter is a program such as /bin/sh or /usr/bin/env python3");
    }
    text
}

/// Reads `env`.
pub(crate) fn environment(config: &mut Object<'_>, faults: &mut Faults) -> Vec<(String, String)> {
    let env = config.texts("env", faults);
    for (name, value) in &env {
        check_variable(&format!("{}[{}]", config.at("env"), Value::from(name.as_str())), name, faults);
        if value.contains('\0') {
            faults.push(format!("{}.{name}", config.at("env")), "a value must not hold the NUL character");
        }
    }
    env
}

fn credentials(config: &mut Object<'_>, faults: &mut Faults) -> Vec<CredentialUse> {
    let mut uses = Vec::new();
    for (path, value) in config.items("credentials", faults) {
        let Some(mut item) = Object::open(value, path, faults) else { continue };
        let credential = item.required_text("credential", faults);
        let by = match (item.text("env", faults), item.text("file", faults)) {
            (Some(env), None) => Some(GivenBy::Env(env)),
            (None, Some(file)) => Some(GivenBy::File(file)),
            _ => {
                faults.push(item.path(), "say how the command gets it: env or file, with the name of a variable");
                None
            }
        };
        if let Some(GivenBy::Env(name) | GivenBy::File(name)) = &by {
            check_variable(item.path(), name, faults);
        }
        item.finish(faults);
        if let Some(by) = by {
            uses.push(CredentialUse { credential, by });
        }
    }
    uses
}

fn exit_codes(config: &mut Object<'_>, faults: &mut Faults) -> Vec<u8> {
    let mut codes = Vec::new();
    for (path, value) in config.items("expected_exit_codes", faults) {
        match integer(value, &(0..=255)).and_then(|code| u8::try_from(code).ok()) {
            Some(code) => codes.push(code),
            None => faults.push(path, "an exit code is a whole number from 0 to 255"),
        }
    }
    if codes.is_empty() { vec![0] } else { codes }
}

fn check_variable(path: &str, name: &str, faults: &mut Faults) {
    if !super::is_identifier(name) {
        faults.push(path, format!("“{}” is not the name of an environment variable", crate::parse::clip(name)));
    }
}
