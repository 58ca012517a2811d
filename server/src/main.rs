//! The `runbook-studio` binary.
fn main() {}
