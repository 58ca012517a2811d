//! The `runbook-studio` binary: command line, configuration, HTTP.
//!
//! What the product does lives in `service` and below; this crate turns requests into calls of it.

mod audit;
mod bootstrap;
mod cli;
mod config;
mod hidden;
mod http;
mod keys;
mod site;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;
use cli::Part;

/// SurrealDB plans deep queries on the stack of a worker.
const STACK_BYTES: usize = 10 * 1024 * 1024;
/// Something failed while starting or running.
const FAILED: u8 = 1;
/// A flag, a variable or a file says something that cannot be; the code clap uses, too.
const MISUSED: u8 = 2;

/// SurrealDB allocates much for each query, and the system's allocator would be a fifth of its time. Without huge pages, which
/// would keep forty megabytes more of an idle server resident.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Two providers are compiled in, so one has to be chosen before the first connection; the only error is “already chosen”.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();

    match cli::Arguments::parse().part() {
        Part::Server(options) => serve(&options),
        Part::Audit(command) => look_at_audit(&command),
        Part::RotateKeys(options) => {
            look_after_keys(&options.options, async |settings| keys::rotate(settings, options.url.clone()).await)
        }
        Part::ForgetLost(options) => {
            look_after_keys(&options.options, async |settings| keys::forget_lost(settings, options.yes).await)
        }
        Part::Runner(options) => own_commands(options),
    }
}

fn serve(options: &cli::Options) -> ExitCode {
    let settings = match config::Config::load(options) {
        Ok(settings) => settings,
        Err(error) => return complain(&error.into(), MISUSED),
    };
    if let Err(error) = telemetry::init(&settings) {
        return complain(&error, MISUSED);
    }
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error, FAILED),
    }
}

fn look_at_audit(command: &cli::AuditCommand) -> ExitCode {
    let settings = match config::Config::load(command.options()) {
        Ok(settings) => settings,
        Err(error) => return complain(&error.into(), MISUSED),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(audit::run(&settings, command)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => complain(&error, MISUSED),
    }
}

fn look_after_keys(options: &cli::Options, how: impl AsyncFnOnce(&config::Config) -> anyhow::Result<()>) -> ExitCode {
    let settings = match config::Config::load(options) {
        Ok(settings) => settings,
        Err(error) => return complain(&error.into(), MISUSED),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build();
    match runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(how(&settings))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error, FAILED),
    }
}

/// The part of the program that outlives the server; see the crate `runner`.
fn own_commands(options: cli::RunnerOptions) -> ExitCode {
    let served = telemetry::init_plain().and_then(|()| {
        // It passes on what others do: with several threads most of its time would go into waking one another.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let config = runner::DaemonConfig { hide: options.hide, ..runner::DaemonConfig::new(options.dir) };
        Ok(runtime.block_on(runner::serve(config))?)
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error, FAILED),
    }
}

fn run(settings: config::Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build()?;
    let outcome = runtime.block_on(bootstrap::run(settings));
    // Blocking threads (a password being hashed, a file being flushed) get a moment, not for ever.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    outcome
}

fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("runbook-studio: {error:#}");
    ExitCode::from(code)
}
