//! What to start: plain data, checked before anything happens.

use std::{ffi::OsString, os::unix::ffi::OsStrExt, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::RunnerError;

/// One process to start for a step.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// The step's marker: every process of the step carries it as `RUNBOOK_STEP`. It must name
    /// this attempt and no other, for stop ends everything that carries it.
    pub step: String,
    /// The interpreter: a path or a name on `PATH`, with arguments separated by white space
    /// (`/bin/sh`, `bash -eu`, `/usr/bin/env python3`). There is no quoting.
    pub interpreter: String,
    /// Arguments of the script: `$1`, `sys.argv[1]`.
    pub args: Vec<String>,
    /// The script. Given to a shell as one argument, otherwise as a private file.
    pub script: String,
    /// Where to start; the runner's own directory when absent.
    pub working_dir: Option<PathBuf>,
    /// The environment. It may replace `PATH`, `HOME`, `LANG` and `USER`, never the marker.
    pub env: Vec<(String, EnvValue)>,
    /// Secrets that the process reads from files.
    pub files: Vec<SecretFile>,
    /// How many bytes of output are kept whole; the runner's own setting when absent. Beyond it
    /// only the end is kept, as far as nobody reads.
    pub output_head: Option<u64>,
}

impl ProcessSpec {
    /// A process without arguments, environment or files of its own.
    pub fn new(step: impl Into<String>, interpreter: impl Into<String>, script: impl Into<String>) -> Self {
        Self {
            step: step.into(),
            interpreter: interpreter.into(),
            args: Vec::new(),
            script: script.into(),
            working_dir: None,
            env: Vec::new(),
            files: Vec::new(),
            output_head: None,
        }
    }

    /// Refuses what `execve(2)` would cut short or misread.
    pub(crate) fn validate(&self) -> Result<(), RunnerError> {
        if self.step.is_empty() {
            return Err(RunnerError::NoMarker);
        }
        refuse_nul(self.step.as_bytes(), || "the step marker".to_owned())?;
        refuse_nul(self.interpreter.as_bytes(), || "the interpreter".to_owned())?;
        refuse_nul(self.script.as_bytes(), || "the script".to_owned())?;
        for (index, arg) in self.args.iter().enumerate() {
            refuse_nul(arg.as_bytes(), || format!("argument {}", index + 1))?;
        }
        if let Some(dir) = &self.working_dir {
            refuse_nul(dir.as_os_str().as_bytes(), || "the working directory".to_owned())?;
        }
        for (name, value) in &self.env {
            validate_env_name(name)?;
            refuse_nul(value.as_bytes(), || format!("environment variable `{name}`"))?;
        }
        self.files.iter().try_for_each(|file| validate_env_name(&file.env))
    }
}

/// The value of an environment variable. `Debug` never prints a secret one.
#[derive(Clone, Debug)]
pub enum EnvValue {
    /// A value that may be shown.
    Plain(OsString),
    /// A value that may not.
    Secret(SecretString),
}

impl EnvValue {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Plain(value) => value.as_bytes(),
            Self::Secret(value) => value.expose_secret().as_bytes(),
        }
    }
}

impl From<&str> for EnvValue {
    fn from(value: &str) -> Self {
        Self::Plain(value.into())
    }
}

impl From<String> for EnvValue {
    fn from(value: String) -> Self {
        Self::Plain(value.into())
    }
}

impl From<OsString> for EnvValue {
    fn from(value: OsString) -> Self {
        Self::Plain(value)
    }
}

impl From<SecretString> for EnvValue {
    fn from(value: SecretString) -> Self {
        Self::Secret(value)
    }
}

/// A secret that reaches the process as a file of mode 0600.
#[derive(Clone, Debug)]
pub struct SecretFile {
    /// The environment variable that holds the file's path.
    pub env: String,
    /// The whole content of the file.
    pub contents: SecretString,
}

fn refuse_nul(bytes: &[u8], what: impl FnOnce() -> String) -> Result<(), RunnerError> {
    if bytes.contains(&0) {
        return Err(RunnerError::ContainsNul { what: what() });
    }
    Ok(())
}

fn validate_env_name(name: &str) -> Result<(), RunnerError> {
    refuse_nul(name.as_bytes(), || "the name of an environment variable".to_owned())?;
    if name.is_empty() || name.contains('=') {
        return Err(RunnerError::InvalidEnvName { name: name.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut ProcessSpec)) -> String {
        let mut spec = ProcessSpec::new("step", "sh", "true");
        change(&mut spec);
        spec.validate().expect_err("it must be refused").to_string()
    }

    #[test]
    fn a_nul_byte_is_refused_and_its_place_is_named() {
        assert_eq!(refusal(|s| s.script = "a\0b".into()), "the script contains a NUL byte");
        assert_eq!(refusal(|s| s.interpreter = "s\0h".into()), "the interpreter contains a NUL byte");
        assert_eq!(refusal(|s| s.args = vec!["fine".into(), "\0".into()]), "argument 2 contains a NUL byte");
        assert_eq!(refusal(|s| s.env = vec![("A".into(), "\0".into())]), "environment variable `A` contains a NUL byte");
        assert_eq!(refusal(|s| s.working_dir = Some("/tmp\0".into())), "the working directory contains a NUL byte");
    }

    #[test]
    fn a_name_that_is_no_variable_is_refused() {
        assert_eq!(refusal(|s| s.env = vec![("A=B".into(), "".into())]), "`A=B` cannot be the name of an environment variable");
        assert_eq!(
            refusal(|s| s.files = vec![SecretFile { env: String::new(), contents: "x".into() }]),
            "`` cannot be the name of an environment variable"
        );
        assert_eq!(refusal(|s| s.step = String::new()), "the step has no marker");
    }

    #[test]
    fn debug_never_prints_a_secret() {
        let mut spec = ProcessSpec::new("step", "sh", "true");
        spec.env = vec![("TOKEN".into(), SecretString::from("hunter2").into())];
        spec.files = vec![SecretFile { env: "KEY".into(), contents: "hunter2".into() }];
        assert!(!format!("{spec:?}").contains("hunter2"));
    }
}
