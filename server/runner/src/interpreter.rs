//! Finds an interpreter: splits its arguments off and makes its path absolute.
//!
//! The path is made absolute here, not by `execvp`, for two reasons: a missing interpreter is
//! named as such, and std takes its quick `posix_spawn` path with a replaced environment only
//! when the program needs no search.

use std::{
    env,
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::RunnerError;

/// An interpreter that exists, with its own arguments.
#[derive(Debug)]
pub(crate) struct Interpreter {
    /// Absolute path of the program to start.
    pub program: PathBuf,
    /// Arguments that come before everything else.
    pub args: Vec<String>,
}

impl Interpreter {
    /// Finds `text` by path, relative to `base`, or in the directories of `search_path`.
    pub fn find(text: &str, base: Option<&Path>, search_path: &OsStr) -> Result<Self, RunnerError> {
        let mut words = text.split_whitespace();
        let name = words.next().ok_or(RunnerError::NoInterpreter)?;
        let program = if name.contains('/') {
            let path = base.unwrap_or(Path::new("")).join(name);
            std::path::absolute(path)
                .map_err(|_| RunnerError::InterpreterNotFound { interpreter: name.to_owned() })
                .and_then(|path| check_executable(path, name))?
        } else {
            search(name, search_path)?
        };
        Ok(Self { program, args: words.map(str::to_owned).collect() })
    }

    /// Whether the interpreter takes a script as `-c SCRIPT` the way a POSIX shell does.
    pub fn is_shell(&self) -> bool {
        const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "ash"];
        let name = match base_name(&self.program) {
            // `env` starts the first word that is neither an option nor an assignment.
            "env" => self
                .args
                .iter()
                .find(|arg| !arg.starts_with('-') && !arg.contains('='))
                .map_or("", |arg| base_name(Path::new(arg))),
            name => name,
        };
        SHELLS.contains(&name)
    }
}

fn search(name: &str, search_path: &OsStr) -> Result<PathBuf, RunnerError> {
    let mut refused = RunnerError::InterpreterNotFound { interpreter: name.to_owned() };
    // A relative directory on PATH would depend on where the step starts: skipped.
    for dir in env::split_paths(search_path).filter(|dir| dir.is_absolute()) {
        match check_executable(dir.join(name), name) {
            Ok(path) => return Ok(path),
            Err(error @ RunnerError::InterpreterNotExecutable { .. }) => refused = error,
            Err(_) => {}
        }
    }
    Err(refused)
}

fn check_executable(path: PathBuf, name: &str) -> Result<PathBuf, RunnerError> {
    let interpreter = name.to_owned();
    match fs::metadata(&path) {
        Err(_) => Err(RunnerError::InterpreterNotFound { interpreter }),
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => Ok(path),
        Ok(_) => Err(RunnerError::InterpreterNotExecutable { interpreter }),
    }
}

fn base_name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Result<Interpreter, RunnerError> {
        Interpreter::find(text, None, OsStr::new("/usr/bin:/bin"))
    }

    #[test]
    fn a_shell_is_known_by_its_name_even_behind_env() {
        for (text, expected) in [
            ("sh", true),
            ("/bin/sh", true),
            ("sh -eu", true),
            ("/usr/bin/env sh", true),
            ("/usr/bin/env A=b sh -x", true),
            ("/usr/bin/env python3", false),
            ("env", false),
            ("cat", false),
        ] {
            assert_eq!(find(text).expect("found").is_shell(), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_started_is_named() {
        let said = |text| find(text).expect_err("refused").to_string();
        assert_eq!(said("nosuch -x"), "interpreter `nosuch` was not found");
        assert_eq!(said("/no/such"), "interpreter `/no/such` was not found");
        assert_eq!(said("/etc/passwd"), "interpreter `/etc/passwd` is not executable");
        assert_eq!(said("/etc"), "interpreter `/etc` is not executable");
        assert_eq!(said("  "), "no interpreter was named");
    }
}
