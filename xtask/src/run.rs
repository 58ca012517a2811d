//! `cargo xtask run`: from a fresh checkout to a running Runbook Studio.

use std::ffi::OsString;

use anyhow::Result;

use crate::package::{self, Profile};
use crate::workspace::Workspace;
use crate::{shell, tools};

pub fn run(workspace: &Workspace, profile: Profile, args: &[OsString]) -> Result<()> {
    tools::ensure(workspace)?;
    package::build(workspace, profile)?;
    let folder = workspace.target.join("package");
    package::assemble(workspace, profile, &folder)?;

    // From the repository root, so that the server's default data directory is ./data of this checkout.
    let mut server = workspace.command(folder.join(package::BINARY));
    shell::replace_with(server.args(args))
}
