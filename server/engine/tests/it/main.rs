//! The engine over a store in memory: what runs do, seen from outside.

#![expect(clippy::unwrap_used, reason = "tests may be blunt")]

mod control;
mod execution;
mod hostile;
mod hosts;
mod injection;
mod lanes;
mod lease;
mod restart;
#[path = "../../../runner/tests/common/runner_process.rs"]
mod runner_process;
mod semantics;
#[path = "../common/sshd.rs"]
#[expect(dead_code, reason = "the tests of the engine's own SSH use the rest")]
mod sshd;
#[path = "../../../store/tests/common/surreal_server.rs"]
#[expect(dead_code, reason = "the tests of the store use the rest")]
mod surreal_server;
mod world;
