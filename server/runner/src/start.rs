//! Starts a process: check, private files, command line, start, read.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    process::Stdio,
};

use tokio::{
    process::{Child, Command},
    sync::mpsc,
};
use tracing::debug;

use crate::{
    ProcessIdentity, ProcessSpec, RunnerError, Stream, children,
    confine::Confiner,
    interpreter::Interpreter,
    local::{LocalHandle, LocalProcess},
    output::{QUEUED_PIECES, read_pipe},
    script::{CommandLine, command_line, needs_file},
    secret_file::{PrivateDir, PrivateFiles},
};

/// The environment variable that marks every process of a step.
pub const STEP_VARIABLE: &str = "RUNBOOK_STEP";

/// What a process sees of the runner's own environment.
pub(crate) const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "USER"];

/// Where interpreters are looked for when neither the spec nor the runner has a `PATH`.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Starts a process. It has been started when this answers, and only then.
///
/// # Errors
///
/// Says what is missing or refused; nothing runs then, and no file is left.
pub(crate) fn start(spec: &ProcessSpec, confiner: &Confiner) -> Result<LocalProcess, RunnerError> {
    spec.validate()?;
    check_working_dir(spec)?;
    let interpreter = Interpreter::find(&spec.interpreter, spec.working_dir.as_deref(), &search_path(spec))?;
    let (dir, line, secret_paths) = prepare(&interpreter, spec)?;
    let line = confiner.wrap(line, spec.working_dir.as_deref());
    let tag = children::new_tag();
    let started = children::start(tag, || launch(spec, line, &secret_paths));
    let (mut child, pid) = started.map_err(|source| spawn_error(spec, source))?;

    let (pieces, output) = mpsc::channel(QUEUED_PIECES);
    let pipes = (child.stdout.take(), child.stderr.take());
    let identity = ProcessIdentity::of_child(spec.step.clone(), pid, tag);
    debug!(step = identity.step, process.pid = identity.pid, "process started");
    let handle = LocalHandle::supervise(child, identity, PrivateFiles::new(dir));
    if let Some(pipe) = pipes.0 {
        tokio::spawn(read_pipe(pipe, Stream::Stdout, pieces.clone(), handle.exit_receiver()));
    }
    if let Some(pipe) = pipes.1 {
        tokio::spawn(read_pipe(pipe, Stream::Stderr, pieces, handle.exit_receiver()));
    }
    Ok(LocalProcess { output, handle })
}

type Prepared = (Option<PrivateDir>, CommandLine, Vec<(String, PathBuf)>);

/// Writes the private files, if there are any, and makes the command line.
fn prepare(interpreter: &Interpreter, spec: &ProcessSpec) -> Result<Prepared, RunnerError> {
    let private = |source| RunnerError::PrivateFile { source };
    if spec.files.is_empty() && !needs_file(interpreter, &spec.script) {
        let line = command_line(interpreter, spec, None).map_err(private)?;
        return Ok((None, line, Vec::new()));
    }
    let (dir, (line, paths)) =
        PrivateDir::create(|dir| Ok((command_line(interpreter, spec, Some(dir))?, dir.write_secrets(&spec.files)?)))
            .map_err(private)?;
    Ok((Some(dir), line, paths))
}

fn launch(spec: &ProcessSpec, line: CommandLine, secret_paths: &[(String, PathBuf)]) -> io::Result<Child> {
    let mut command = Command::new(line.program);
    command
        .args(line.args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(false)
        .env_clear()
        .envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .envs(spec.env.iter().map(|(name, value)| (name, OsStr::from_bytes(value.as_bytes()))))
        .envs(secret_paths.iter().map(|(name, path)| (name, path)))
        .env(STEP_VARIABLE, &spec.step);
    if let Some(dir) = &spec.working_dir {
        command.current_dir(dir);
    }
    command.spawn()
}

fn check_working_dir(spec: &ProcessSpec) -> Result<(), RunnerError> {
    match &spec.working_dir {
        Some(path) if !path.is_dir() => Err(RunnerError::WorkingDirMissing { path: path.clone() }),
        _ => Ok(()),
    }
}

/// The `PATH` that the process will see.
fn search_path(spec: &ProcessSpec) -> OsString {
    let given = spec.env.iter().rev().find(|(name, _)| name == "PATH");
    match given {
        Some((_, value)) => OsStr::from_bytes(value.as_bytes()).to_owned(),
        None => own_path(),
    }
}

/// The `PATH` of this process.
pub(crate) fn own_path() -> OsString {
    env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into())
}

fn spawn_error(spec: &ProcessSpec, source: io::Error) -> RunnerError {
    let interpreter = spec.interpreter.clone();
    match source.kind() {
        // Seen from here the file was executable, and the directory was there: only the system
        // knows that this user may not.
        io::ErrorKind::PermissionDenied if spec.working_dir.is_none() => RunnerError::InterpreterNotExecutable { interpreter },
        _ => RunnerError::Spawn { interpreter, source },
    }
}
