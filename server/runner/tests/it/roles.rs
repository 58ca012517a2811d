//! Not tests: what this executable does when a test starts it as another process.

use std::env;

use runner::{ProcessSpec, RunnerConfig, serve};

use crate::world::Settings;

/// Names the settings of a runner process.
pub const SERVE: &str = "RUNNER_TEST_SERVE";

/// Names the directory that a client works in, and its step.
pub const CLIENT: &str = "RUNNER_TEST_CLIENT";

/// The arguments that make this executable play a role.
pub fn arguments(role: &str) -> Vec<String> {
    ["--ignored", "--exact", "--nocapture", role].map(str::to_owned).to_vec()
}

#[test]
#[ignore = "not a test: a runner process"]
fn serves() {
    let Ok(settings) = env::var(SERVE) else { return };
    let settings: Settings = serde_json::from_str(&settings).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Err(error) = runtime.block_on(serve(settings.daemon())) {
        eprintln!("{error}: {:?}", std::error::Error::source(&error));
        std::process::exit(1);
    }
}

/// Starts a step that prints for ever until told to end, reads a little of it, says so, and then
/// reads no more.
#[tokio::test]
#[ignore = "not a test: a client to be killed"]
async fn starts_a_step_and_hangs() {
    let Ok(text) = env::var(CLIENT) else { return };
    let (settings, step, script): (Settings, String, String) = serde_json::from_str(&text).unwrap();
    let config: RunnerConfig = settings.client();
    let mut process = runner::Runner::new(config).spawn(ProcessSpec::new(step, "/bin/sh", script)).await.unwrap();
    for _ in 0..5 {
        process.output.recv().await.unwrap();
    }
    println!("\nreading");
    std::future::pending::<()>().await;
}
