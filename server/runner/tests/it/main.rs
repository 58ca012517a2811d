//! The runner with real processes. No test sleeps to be lucky: each polls with a deadline.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod command;
mod output;
mod secrets;
mod stop;
mod world;
