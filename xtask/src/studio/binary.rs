//! The server to start: built and packaged as `cargo xtask dist` does it, or one that is there already.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::package::{self, Profile};
use crate::tools;
use crate::workspace::Workspace;

/// A server's executable and how it was built.
pub struct Built {
    pub binary: PathBuf,
    /// `release build`, `dev build`, or where it came from.
    pub origin: String,
}

/// Builds with `profile` and packages into the target directory's `folder`, unless a binary is given.
pub fn server(workspace: &Workspace, profile: Profile, given: Option<&Path>, folder: &str) -> Result<Built> {
    if let Some(binary) = given {
        let binary = fs::canonicalize(binary).with_context(|| format!("there is no server at {}", binary.display()))?;
        return Ok(Built { binary, origin: "a server built before (--server)".to_owned() });
    }
    tools::ensure(workspace)?;
    package::build(workspace, profile)?;
    let folder = workspace.target.join(folder);
    package::assemble(workspace, profile, &folder)?;
    let origin = match profile {
        Profile::Dev => "dev build",
        Profile::Release => "release build",
    };
    Ok(Built { binary: folder.join(package::BINARY), origin: origin.to_owned() })
}
