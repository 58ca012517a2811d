//! `cargo xtask watch`: `cargo leptos watch` with our tools on the path and the shared target directory.

use std::ffi::OsString;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{shell, tools};

pub fn watch(workspace: &Workspace, args: &[OsString]) -> Result<()> {
    tools::ensure(workspace)?;
    workspace.claim_target()?;
    let mut watch = workspace.cargo();
    watch.args(["leptos", "watch"]);
    if !args.is_empty() {
        watch.arg("--").args(args);
    }
    shell::replace_with(&mut watch)
}
