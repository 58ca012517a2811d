//! The runner with real processes. No test sleeps to be lucky: each polls with a deadline.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod attach;
mod command;
mod confine;
mod cost;
mod life;
mod lost;
mod output;
mod roles;
mod secrets;
mod stop;
mod world;
