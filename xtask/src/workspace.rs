//! Where things are: this checkout, the target directory, and what Cargo.toml and Cargo.lock say.
//!
//! Every child process that compiles is made here, so that all of them share one environment.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use toml::Table;

use crate::shell;

/// This checkout and the target directory that its builds share with every other checkout on the machine.
pub struct Workspace {
    /// The folder of the workspace's Cargo.toml.
    pub root: PathBuf,
    /// `CARGO_TARGET_DIR`, or one directory per machine: SurrealDB is built once, not once per checkout.
    pub target: PathBuf,
    site: SiteOptions,
    path: OsString,
}

/// What Cargo.toml's `[[workspace.metadata.leptos]]` says, with the defaults of cargo-leptos filled in.
#[derive(Clone, Debug)]
pub struct SiteOptions {
    pub output_name: String,
    /// Relative to the workspace, wherever the target directory is.
    pub site_root: PathBuf,
}

impl Workspace {
    pub fn open() -> Result<Self> {
        let root = root()?;
        let site = SiteOptions::read(&root)?;
        let target = target_dir(&root)?;
        let path = search_path(&root)?;
        Ok(Self { root, target, site, path })
    }

    pub fn site(&self) -> &SiteOptions {
        &self.site
    }

    pub fn end2end(&self) -> PathBuf {
        self.root.join("end2end")
    }

    /// A child process in the workspace that finds our tools first.
    ///
    /// `cargo run` tells xtask about its own package, and build scripts (ring's) watch those variables: passed on, they would
    /// make SurrealDB be compiled again in every checkout.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", &self.path);
        let is_of_xtask = |name: &OsString| {
            name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        };
        for (name, _) in env::vars_os().filter(|(name, _)| is_of_xtask(name)) {
            command.env_remove(name);
        }
        command
    }

    /// Cargo with the shared target directory.
    ///
    /// Leptos reads `LEPTOS_OUTPUT_NAME` while it compiles and names the wasm file after it. cargo-leptos sets it, plain
    /// cargo does not: without it here `cargo test` and `cargo leptos build` would overwrite each other's Leptos.
    pub fn cargo(&self) -> Command {
        let mut command = self.command("cargo");
        command.env("CARGO_TARGET_DIR", &self.target).env("LEPTOS_OUTPUT_NAME", &self.site.output_name);
        command
    }

    /// The first file of this name on the search path of our child processes.
    pub fn which(&self, program: &str) -> Option<PathBuf> {
        env::split_paths(&self.path).map(|folder| folder.join(program)).find(|file| file.is_file())
    }

    /// The version of a dependency in Cargo.lock.
    pub fn locked_version(&self, package: &str) -> Result<String> {
        let lock = read_toml(&self.root.join("Cargo.lock"))?;
        lock.get("package")
            .and_then(|packages| packages.as_array())
            .into_iter()
            .flatten()
            .find(|entry| entry.get("name").and_then(|name| name.as_str()) == Some(package))
            .and_then(|entry| entry.get("version"))
            .and_then(|version| version.as_str())
            .map(str::to_owned)
            .with_context(|| format!("Cargo.lock names no package {package}"))
    }

    /// Makes this checkout the one whose code lies in the target directory.
    ///
    /// Cargo tells whether a file changed by its time alone, and a workspace's own crates have the same name in every
    /// checkout. After a build of a newer checkout an older one looks unchanged, and its tests would run the other's
    /// code. So when the checkout changed, our own crates go; the dependencies stay.
    pub fn claim_target(&self) -> Result<()> {
        let stamp = self.target.join("checkout");
        let identity = self.identity()?;
        let last = fs::read_to_string(&stamp).unwrap_or_default();
        if last == identity {
            return Ok(());
        }
        self.clean_members()?;
        fs::create_dir_all(&self.target).with_context(|| format!("creating {}", self.target.display()))?;
        fs::write(&stamp, identity).with_context(|| format!("writing {}", stamp.display()))
    }

    /// A path is not enough: a checkout may be deleted and unpacked anew with older times.
    fn identity(&self) -> Result<String> {
        let born = fs::metadata(&self.root)
            .with_context(|| format!("reading {}", self.root.display()))?
            .created()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |age| age.as_nanos());
        Ok(format!("{} {born}\n", self.root.display()))
    }

    /// `cargo clean` looks at one profile and one target directory at a time; cargo-leptos builds the browser half in
    /// `front`.
    fn clean_members(&self) -> Result<()> {
        let members = self.members()?;
        let browser = ["--target", "wasm32-unknown-unknown"];
        for (profile, folder, target) in [
            ("dev", self.target.clone(), &[][..]),
            ("release", self.target.clone(), &[][..]),
            ("wasm-dev", self.target.join("front"), &browser[..]),
            ("wasm-release", self.target.join("front"), &browser[..]),
        ] {
            if !folder.is_dir() {
                continue;
            }
            println!("another checkout may have built here last: removing our own crates ({profile})");
            let mut clean = self.cargo();
            clean.args(["clean", "--quiet", "--profile", profile]).args(target);
            clean.arg("--target-dir").arg(folder);
            for member in &members {
                clean.args(["--package", member]);
            }
            shell::run_quietly(&mut clean)?;
        }
        Ok(())
    }

    /// The names of our own crates, as their own manifests give them.
    fn members(&self) -> Result<Vec<String>> {
        let manifest = read_toml(&self.root.join("Cargo.toml"))?;
        manifest
            .get("workspace")
            .and_then(|workspace| workspace.get("members"))
            .and_then(|members| members.as_array())
            .context("Cargo.toml lists no workspace members")?
            .iter()
            .filter_map(|member| member.as_str())
            .map(|member| {
                let file = self.root.join(member).join("Cargo.toml");
                read_toml(&file)?
                    .get("package")
                    .and_then(|package| package.get("name"))
                    .and_then(|name| name.as_str())
                    .map(str::to_owned)
                    .with_context(|| format!("{} names no package", file.display()))
            })
            .collect()
    }
}

impl SiteOptions {
    fn read(root: &Path) -> Result<Self> {
        let table = leptos_table(root)?;
        let text = |key: &str| table.get(key).and_then(|value| value.as_str());
        let output_name = text("output-name")
            .or_else(|| text("name"))
            .context("[[workspace.metadata.leptos]] has neither output-name nor name")?;
        let site_root = text("site-root").context("[[workspace.metadata.leptos]] has no site-root")?;
        Ok(Self { output_name: output_name.to_owned(), site_root: PathBuf::from(site_root) })
    }
}

/// The folder of a cargo home's programs, where `cargo install` puts them.
pub fn cargo_bin() -> Result<PathBuf> {
    let home = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => home()?.join(".cargo"),
    };
    Ok(home.join("bin"))
}

/// Cargo.toml's one `[[workspace.metadata.leptos]]` table.
pub fn leptos_table(root: &Path) -> Result<Table> {
    read_toml(&root.join("Cargo.toml"))?
        .get("workspace")
        .and_then(|workspace| workspace.get("metadata"))
        .and_then(|metadata| metadata.get("leptos"))
        .and_then(|projects| projects.get(0))
        .and_then(|project| project.as_table())
        .cloned()
        .context("Cargo.toml has no [[workspace.metadata.leptos]]")
}

pub fn read_toml(file: &Path) -> Result<Table> {
    fs::read_to_string(file)
        .with_context(|| format!("reading {}", file.display()))?
        .parse()
        .with_context(|| format!("parsing {}", file.display()))
}

/// Cargo names xtask's own folder when it starts xtask; that is right even where two checkouts share one binary.
pub fn root() -> Result<PathBuf> {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map(Path::to_path_buf).with_context(|| format!("{} is not in a workspace", xtask.display()))
}

fn target_dir(root: &Path) -> Result<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => Ok(root.join(folder)),
        None => Ok(home()?.join(".cache/runbook-studio/target")),
    }
}

fn search_path(root: &Path) -> Result<OsString> {
    let ours = [root.join("end2end/node_modules/.bin"), cargo_bin()?];
    let inherited = env::var_os("PATH").unwrap_or_default();
    env::join_paths(ours.into_iter().chain(env::split_paths(&inherited)))
        .context("the path of this checkout contains a colon, which no search path can hold")
}

fn home() -> Result<PathBuf> {
    env::var_os("HOME").map(PathBuf::from).context("the environment variable HOME is not set")
}
