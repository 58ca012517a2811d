//! `cargo xtask setup`: installs the tools for building and testing that are missing, and nothing when none is.

use anyhow::Result;

use crate::tools;
use crate::workspace::Workspace;

pub fn setup(workspace: &Workspace) -> Result<()> {
    tools::ensure(workspace)?;
    tools::ensure_for_tests(workspace)?;
    println!("the tools for building and testing are in place");
    Ok(())
}
