//! Logs, on standard output: for people on a terminal, JSON otherwise.

use std::io::{IsTerminal, stdout};

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// What is logged when nothing else was asked for.
const DEFAULT_FILTER: &str = "info,surrealdb=warn,surrealkv=warn,tower_http=warn,hyper=warn";

/// Starts logging.
///
/// # Errors
/// When the filter cannot be read.
pub fn init(config: &Config) -> anyhow::Result<()> {
    let filter = match &config.log {
        Some(filter) => EnvFilter::try_new(filter).with_context(|| format!("log is “{filter}” (see RUST_LOG)"))?,
        None => match std::env::var("RUST_LOG") {
            Ok(filter) => EnvFilter::try_new(&filter).with_context(|| format!("RUST_LOG is “{filter}”"))?,
            Err(_) => EnvFilter::new(DEFAULT_FILTER),
        },
    };
    let human = match config.log_format {
        LogFormat::Auto => stdout().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stdout);
    if human {
        builder.with_ansi(stdout().is_terminal()).with_target(false).init();
    } else {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    }
    Ok(())
}

/// Starts logging where nothing can be set: JSON on standard output, which is a file then.
///
/// # Errors
/// When logging was started before.
pub fn init_plain() -> anyhow::Result<()> {
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(DEFAULT_FILTER)).with_writer(stdout);
    builder.json().flatten_event(true).try_init().map_err(|error| anyhow::anyhow!("cannot log: {error}"))
}
