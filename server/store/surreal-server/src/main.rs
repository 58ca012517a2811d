//! `surreal-server start --user … --pass … --bind …`: SurrealDB's own command line.

use std::process::ExitCode;

use surrealdb_server::core::CommunityComposer;

fn main() -> ExitCode {
    // Both TLS providers are compiled in, so one must be chosen; a second choice is refused, which does not matter.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    surrealdb_server::init(CommunityComposer())
}
