//! Turns an interpreter and a script into a command line. Nothing is ever concatenated into the
//! script: it is one argument, or one file.

use std::{ffi::OsString, io, path::PathBuf};

use crate::{interpreter::Interpreter, secret_file::PrivateDir, spec::ProcessSpec};

/// The longest script that is passed as an argument. Linux takes 128 KiB for one argument
/// (`MAX_ARG_STRLEN`, execve(2)).
pub const MAX_SCRIPT_ARGUMENT_BYTES: usize = 64 * 1024;

/// A program and its arguments, ready to start.
#[derive(Debug)]
pub(crate) struct CommandLine {
    pub program: PathBuf,
    pub args: Vec<OsString>,
}

/// Whether the script must be a file: it is long, the interpreter is no shell, or it begins like
/// an option, which a shell would take it for.
pub(crate) fn needs_file(interpreter: &Interpreter, script: &str) -> bool {
    !interpreter.is_shell() || script.len() > MAX_SCRIPT_ARGUMENT_BYTES || script.starts_with(['-', '+'])
}

/// The command line of `spec`; `dir` is where its script goes when it must be a file.
pub(crate) fn command_line(interpreter: &Interpreter, spec: &ProcessSpec, dir: Option<&PrivateDir>) -> io::Result<CommandLine> {
    let mut args: Vec<OsString> = interpreter.args.iter().map(OsString::from).collect();
    match dir {
        Some(dir) if needs_file(interpreter, &spec.script) => {
            args.push(dir.write("script", spec.script.as_bytes())?.into());
        }
        _ => {
            args.extend(["-c".into(), OsString::from(&spec.script)]);
            if !spec.args.is_empty() {
                // After `-c SCRIPT` the next argument is `$0`; a shell's default is its own name.
                args.push(interpreter.program.clone().into());
            }
        }
    }
    args.extend(spec.args.iter().map(OsString::from));
    Ok(CommandLine { program: interpreter.program.clone(), args })
}
