//! The use cases over a store in memory and an engine.

mod accounts;
mod audit;
mod compare;
mod credentials;
mod guessing;
mod hosts;
mod identity;
mod installation;
mod keys;
mod notes;
mod preflight;
mod runbooks;
#[path = "../../../runner/tests/common/runner_process.rs"]
mod runner_process;
mod runs;
mod world;
