//! The engine over a store in memory: what runs do, seen from outside.

#![expect(clippy::unwrap_used, reason = "tests may be blunt")]

mod control;
mod execution;
mod restart;
#[path = "../../../runner/tests/common/runner_process.rs"]
mod runner_process;
mod world;
