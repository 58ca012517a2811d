//! `cargo xtask screenshots`: a picture of every page of an installation with something in it, for the documents and for a look.
//!
//! The pages and their states are those of `end2end/fixtures/places.ts`; the names of the files are theirs.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::package::{self, Profile};
use crate::workspace::Workspace;
use crate::{shell, tools};

/// Which pictures, and where they go.
#[derive(Args)]
pub struct Options {
    /// Only the pages whose name has this in it, such as `run-`
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    /// A package that is there already, instead of building one
    #[arg(long, value_name = "DIR")]
    package: Option<PathBuf>,
    /// Where the pictures go; docs/images, and there only those that the documents show
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

pub fn screenshots(workspace: &Workspace, options: &Options) -> Result<()> {
    let chromium = tools::chromium(workspace)?;
    let package = match &options.package {
        Some(folder) => fs::canonicalize(folder).with_context(|| format!("there is no package at {}", folder.display()))?,
        None => {
            tools::ensure(workspace)?;
            package::build(workspace, Profile::Dev)?;
            let folder = workspace.target.join("package-screenshots");
            package::assemble(workspace, Profile::Dev, &folder)?;
            folder
        }
    };
    let into = options.into.clone().unwrap_or_else(|| workspace.root.join("docs/images"));
    fs::create_dir_all(&into).with_context(|| format!("creating {}", into.display()))?;
    let into = fs::canonicalize(&into).with_context(|| format!("finding {}", into.display()))?;
    let mut playwright = workspace.command("npx");
    playwright
        .args(["--no-install", "playwright", "test", "--config", "screenshots/playwright.config.ts"])
        .current_dir(workspace.end2end())
        .env("STUDIO_PACKAGE", package)
        .env("CHROMIUM", chromium)
        .env("SCREENSHOTS", &into);
    if let Some(word) = &options.only {
        playwright.env("SCREENSHOTS_ONLY", word);
    }
    if options.into.is_none() {
        playwright.env("SCREENSHOTS_OF_DOCUMENTS", "1");
    }
    shell::run(&mut playwright)?;
    println!("the pictures are in {}", into.display());
    Ok(())
}
