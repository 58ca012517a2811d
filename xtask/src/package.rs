//! The packaged layout: one folder with the binary, the site and its options, the same for `run`, `test` and `dist`.
//!
//! ```text
//! runbook-studio
//! Leptos.toml      site-root = "site", site-pkg-dir = "pkg/<hash>"
//! site/            pkg/<hash>/…, assets; in a release each with its .br and .gz
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use crate::{assets, shell};

/// The server's file name.
pub const BINARY: &str = "runbook-studio";

/// What cargo-leptos calls the browser half.
const FRONTEND: &str = "--frontend-only";

/// How a build is optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// For every day: SurrealDB optimised, our own crates quick to rebuild
    Dev,
    /// For `dist` and for measuring
    Release,
}

impl Profile {
    /// The folder of the target directory that holds the server.
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }

    fn first_server_build(self) -> &'static str {
        match self {
            Self::Dev => "about 15 minutes",
            Self::Release => "about 25 minutes",
        }
    }
}

/// Builds both halves with cargo-leptos, one after the other.
///
/// Left alone it builds them at the same time, which on two cores is no faster, needs twice the memory and mixes two
/// progress displays.
pub fn build(workspace: &Workspace, profile: Profile) -> Result<()> {
    workspace.claim_target()?;
    let cold = !holds_surrealdb(&workspace.target.join(profile.folder()).join("deps"));
    if cold {
        println!("A first build takes about 20 minutes on 2 cores, most of it SurrealDB; later ones take seconds.");
    }
    let about = |first: &'static str| if cold { first } else { "usually seconds" };
    // The browser half last: another command may write the same site folder during the long build of the server, and what is
    // packaged next must be this one.
    shell::announce("building the server", about(profile.first_server_build()), || half(workspace, profile, "--server-only"))?;
    shell::announce("building the browser half", about("about 4 minutes"), || half(workspace, profile, FRONTEND))
}

/// Puts the packaged layout into `folder`, whatever was there before.
pub fn assemble(workspace: &Workspace, profile: Profile, folder: &Path) -> Result<()> {
    let built = workspace.target.join(profile.folder());
    let site = workspace.root.join(&workspace.site().site_root);
    if !site.join("pkg").is_dir() {
        bail!("{} holds no built site", site.display());
    }

    // Beside its place first: a half-written package never has the package's name, and a server that still runs from
    // the old one keeps its open binary.
    let new = folder.with_extension("new");
    remove(&new)?;
    fs::create_dir_all(&new).with_context(|| format!("creating {}", new.display()))?;
    copy(&built.join(BINARY), &new.join(BINARY))?;
    copy_tree(&site, &new.join("site"))?;
    let pkg = assets::name_after_content(&new.join("site/pkg"))?;
    if profile == Profile::Release {
        shell::announce("compressing what a browser loads", "less than a minute", || {
            let (before, after) = assets::compress(&new.join("site"))?;
            println!("{} KB, {} KB as brotli", before / 1024, after / 1024);
            Ok(())
        })?;
    }
    let options = workspace.root.join("Leptos.toml");
    let text = fs::read_to_string(&options).with_context(|| format!("reading {}", options.display()))?;
    fs::write(new.join("Leptos.toml"), packaged_options(&text, &pkg)?).context("writing the package's Leptos.toml")?;

    remove(folder)?;
    fs::rename(&new, folder).with_context(|| format!("moving the package to {}", folder.display()))
}

/// Whether the dependency that takes most of a first build is there already.
fn holds_surrealdb(deps: &Path) -> bool {
    let is_library = |name: &str| name.starts_with("libsurrealdb_core-") && name.ends_with(".rlib");
    fs::read_dir(deps).is_ok_and(|entries| entries.flatten().any(|entry| is_library(&entry.file_name().to_string_lossy())))
}

fn half(workspace: &Workspace, profile: Profile, which: &str) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["leptos", "build", which]);
    if profile == Profile::Release {
        build.arg("--release");
        if which == FRONTEND {
            // What many never open is in files of its own (app/src/lazy.rs).
            build.args(["--split", "--lib-features", "split"]);
        }
    }
    shell::run(&mut build)
}

/// Leptos.toml as it reads beside the binary: the site is in the folder, not in a target directory, and the application in a folder
/// named after what it holds.
fn packaged_options(text: &str, pkg: &str) -> Result<String> {
    let mut text = text.to_owned();
    for (key, value) in [("site-root", "site".to_owned()), ("site-pkg-dir", format!("pkg/{pkg}"))] {
        let is_its = |line: &str| line.split('=').next().is_some_and(|word| word.trim() == key);
        if !text.lines().any(is_its) {
            bail!("Leptos.toml has no {key}");
        }
        let new = format!("{key} = \"{value}\"");
        text = text.lines().map(|line| if is_its(line) { new.as_str() } else { line }).flat_map(|line| [line, "\n"]).collect();
    }
    Ok(text)
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("creating {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry.with_context(|| format!("reading {}", from.display()))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packaged_options_point_at_the_site_beside_them() {
        let text = "# site-root is here\n[package.metadata.leptos]\nsite-root = \"target/site\"\nsite-pkg-dir = \"pkg\"\n";
        let packaged = packaged_options(text, "c0ffee").expect("it has both");
        assert_eq!(
            packaged,
            "# site-root is here\n[package.metadata.leptos]\nsite-root = \"site\"\nsite-pkg-dir = \"pkg/c0ffee\"\n"
        );
    }

    #[test]
    fn options_that_lack_what_a_package_changes_are_refused() {
        assert!(packaged_options("[package.metadata.leptos]\nsite-root = \"target/site\"\n", "c0ffee").is_err());
        assert!(packaged_options("[package.metadata.leptos]\nsite-pkg-dir = \"pkg\"\n", "c0ffee").is_err());
    }

    #[test]
    fn a_tree_is_copied_with_its_folders() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("pkg")).expect("creating");
        fs::write(from.join("pkg/a.js"), "a").expect("writing");
        copy_tree(&from, &folder.path().join("to")).expect("copying");
        assert_eq!(fs::read_to_string(folder.path().join("to/pkg/a.js")).expect("reading"), "a");
    }
}
