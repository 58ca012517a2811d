//! `cargo xtask setup`: installs the build tools that are missing, and nothing when none is.

use anyhow::Result;

use crate::tools;
use crate::workspace::Workspace;

pub fn setup(workspace: &Workspace) -> Result<()> {
    tools::ensure(workspace)?;
    println!("the build tools are in place");
    Ok(())
}
