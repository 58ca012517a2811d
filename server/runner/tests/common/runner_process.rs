//! A runner process for the tests of other crates: their test executable once more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use runner::{Confine, DaemonConfig, Runner, RunnerConfig, serve};

/// Names the folder of a runner process.
const SERVE: &str = "RUNNER_TEST_FOLDER";

/// Who its commands believe to be: like one that runs as another user, it has an environment of its own.
pub const RUNNER_USER: &str = "somebody-else";

/// A runner of one's own in a folder. Its process ends soon after its last client.
pub fn runner(dir: &Path) -> Runner {
    let program = std::env::current_exe().expect("this executable");
    let arguments = ["--ignored", "--exact", "--nocapture", "runner_process::serves"].map(Into::into).to_vec();
    let mut config = RunnerConfig::new(program, arguments, dir);
    config.env = vec![(SERVE.into(), dir.into()), ("USER".into(), RUNNER_USER.into())];
    config.patience = Duration::from_secs(60);
    Runner::new(config)
}

#[test]
#[ignore = "not a test: a runner process"]
fn serves() {
    let Some(dir) = std::env::var_os(SERVE).map(PathBuf::from) else { return };
    let config = DaemonConfig {
        confine: Confine::Never,
        idle: Duration::from_secs(2),
        stop_grace: Duration::ZERO,
        ..DaemonConfig::new(dir)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(serve(config)).expect("it serves");
}
