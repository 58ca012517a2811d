//! `cargo xtask dist`: the folder to ship, in dist/.

use anyhow::Result;

use crate::package::{self, Profile};
use crate::tools;
use crate::workspace::Workspace;

pub fn dist(workspace: &Workspace) -> Result<()> {
    tools::ensure(workspace)?;
    package::build(workspace, Profile::Release)?;
    let folder = workspace.root.join("dist");
    package::assemble(workspace, Profile::Release, &folder)?;
    println!("the folder to ship is {}", folder.display());
    Ok(())
}
