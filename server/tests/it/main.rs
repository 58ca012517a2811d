//! Black-box tests of the built binary: one process for each world, its own data folder, a free port.

mod access;
mod assets;
mod audit_command;
mod connections;
mod contract;
mod documents;
mod headers;
mod hosts;
mod isolation;
mod keys;
mod names;
mod output;
mod readme;
mod restart;
mod secrets;
mod world;
