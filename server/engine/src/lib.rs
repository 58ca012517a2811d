//! Claims runs, walks their blocks and executes them.
//!
//! [`Engine::start`] gives an [`EngineHandle`]. Inside, a claim loop takes up runs from the store, a task for each run
//! (`run_task`, `walk`) goes through its plan, one file per block type under `executors` says what a block means, and
//! `output` carries what steps print into the store and to viewers. A run's lease is what entitles a task to write; a
//! task that lost it ends what it runs and writes nothing more.

mod ask;
mod capture;
mod claim;
mod config;
mod error;
mod executors;
mod fault;
mod handle;
mod held;
mod hosts;
mod hub;
mod job;
mod lanes;
mod leases;
mod output;
mod pen;
pub mod plan_steps;
pub mod preview;
mod run_task;
#[cfg(test)]
#[path = "../../runner/tests/common/runner_process.rs"]
mod runner_process;
mod secrets;
mod ssh;
mod sweep;
mod take_over;
mod template;
mod waits;
mod walk;

pub use config::EngineConfig;
pub use executors::egress::{AddressCheck, Egress};
pub use handle::{Engine, EngineHandle};
