//! Starts the program that serves, in a way that outlives this one.

use std::{env, process::Stdio, time::Duration};

use tokio::{process::Command, task::JoinHandle};
use tracing::{info, warn};

use super::RunnerConfig;
use crate::{
    RunnerError,
    home::{Home, may_run_as, user_environment},
    start::INHERITED,
};

/// What else the runner sees of the server's environment: where private files may lie.
const PLACES: [&str; 2] = ["TMPDIR", "XDG_RUNTIME_DIR"];

/// How often a runner that starts is asked whether it answers.
const TURN: Duration = Duration::from_millis(2);

/// The longest pause between two starts of a program that ends again and again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The program, as far as this process started it.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// Waits for its end.
    running: Option<JoinHandle<()>>,
    starts: u32,
}

impl Program {
    /// Starts the program unless it is starting; says when to look again.
    pub fn see_to(&mut self, config: &RunnerConfig, home: &Home) -> Result<Duration, RunnerError> {
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return Ok(TURN);
        }
        self.running = Some(start(config, home)?);
        self.starts += 1;
        // It may end at once because a former runner has not quite gone.
        Ok((TURN * 2_u32.saturating_pow(self.starts - 1)).min(LONGEST_PAUSE))
    }

    /// It answers.
    pub fn serves(&mut self) {
        self.starts = 0;
    }
}

fn start(config: &RunnerConfig, home: &Home) -> Result<JoinHandle<()>, RunnerError> {
    let failed = |source| RunnerError::Start { program: config.program.clone(), source };
    if config.run_as.is_some_and(|user| !may_run_as(user)) {
        let reason = "only root may start it as another user";
        return Err(failed(std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason)));
    }
    home.prepare(config.run_as)?;
    let log = home.open_log()?;
    let mut command = Command::new(std::path::absolute(&config.program).map_err(failed)?);
    command
        .args(&config.args)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .kill_on_drop(false)
        .env_clear()
        .envs(INHERITED.iter().chain(&PLACES).filter_map(|name| Some((name, env::var_os(name)?))));
    // Not a process group of its own: a leader of one could not leave the session.
    if let Some(user) = config.run_as {
        // The standard library drops the supplementary groups when root becomes somebody else.
        command.uid(user.uid).gid(user.gid).env_remove("XDG_RUNTIME_DIR");
        command.envs(user_environment(user).into_iter().flatten());
    }
    command.envs(config.env.iter().map(|(name, value)| (name, value)));
    let mut child = command.spawn().map_err(failed)?;
    info!(process.pid = child.id(), dir = %home.dir().display(), "runner started");
    Ok(tokio::spawn(async move {
        match child.wait().await {
            Ok(status) if status.success() => {}
            Ok(status) => warn!(%status, "the runner ended"),
            Err(error) => warn!(%error, "the end of the runner could not be observed"),
        }
    }))
}
