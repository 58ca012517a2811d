//! The build tools: which are wanted, whether they are there, and how to install them.
//!
//! Tools go where everyone looks for them (the cargo bin folder, `end2end/node_modules`), so that plain
//! `cargo leptos watch` works afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::workspace::Workspace;

/// The newest cargo-leptos whose lock file our compiler accepts.
const CARGO_LEPTOS: &str = "0.3.10";
/// What `cargo xtask attack` plays with.
const SCHEMATHESIS: &str = "4.32.5";
const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Installs every tool that is missing and says so, tool by tool; silent when all are there.
pub fn ensure(workspace: &Workspace) -> Result<()> {
    prerequisites(workspace)?;
    wasm_target(workspace)?;
    cargo_leptos(workspace)?;
    wasm_bindgen(workspace)?;
    node_modules(workspace)
}

/// Installs what only the tests need and is missing.
pub fn ensure_for_tests(workspace: &Workspace) -> Result<()> {
    sshd(workspace)?;
    surreal_server(workspace)
}

/// The standard library for the browser. rust-toolchain.toml asks for it, but rustup may be told not to install by
/// itself.
pub fn wasm_target(workspace: &Workspace) -> Result<()> {
    let mut ask = workspace.command("rustc");
    let folder = shell::output(ask.args(["--print", "target-libdir", "--target", WASM_TARGET]));
    if folder.is_some_and(|folder| Path::new(&folder).is_dir()) {
        return Ok(());
    }
    require(workspace, "rustup", "rustup is missing: install it from https://rustup.rs")?;
    install(&format!("the Rust target {WASM_TARGET}"), "less than a minute", || {
        shell::run(workspace.command("rustup").args(["target", "add", WASM_TARGET]))
    })
}

/// A browser for the end-to-end tests: `CHROMIUM`, one on the path, or on Debian as root a fresh one.
pub fn chromium(workspace: &Workspace) -> Result<String> {
    if let Some(browser) = find_chromium(workspace) {
        return Ok(browser);
    }
    apt_install(workspace, "chromium", "about 2 minutes").context(
        "no Chromium was found: install one (Debian: `sudo apt-get install chromium`; elsewhere Google Chrome will do) or name \
         it in the environment variable CHROMIUM",
    )?;
    find_chromium(workspace).context("apt-get installed chromium, but there is none on the path")
}

/// A real OpenSSH server: the tests start their own, on loopback.
fn sshd(workspace: &Workspace) -> Result<()> {
    if Path::new("/usr/sbin/sshd").is_file() || workspace.which("sshd").is_some() {
        return Ok(());
    }
    apt_install(workspace, "openssh-server", "less than a minute")
        .context("sshd is missing: install it (Debian and Ubuntu: `sudo apt-get install openssh-server`)")
}

/// A real SurrealDB server, which no package registry has as a program. In a target directory of its own, where the store's
/// tests look for it.
fn surreal_server(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("surreal-server");
    let build = || {
        let mut cargo = workspace.command("cargo");
        cargo.args(["build", "--quiet", "--locked", "--manifest-path", "server/store/surreal-server/Cargo.toml"]);
        shell::run(cargo.arg("--target-dir").arg(&folder))
    };
    if folder.join("debug/surreal-server").is_file() {
        return build();
    }
    install("a SurrealDB server for the tests", "about 5 minutes", build)
}

/// schemathesis: the one on the path, or one of our own in a Python environment in the target directory.
pub fn schemathesis(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(program) = workspace.which("schemathesis") {
        return Ok(program);
    }
    let folder = workspace.target.join("schemathesis");
    let program = folder.join("bin/schemathesis");
    if !program.is_file() {
        require(
            workspace,
            "python3",
            "Python 3 is missing: install it with its venv (Debian: `sudo apt-get install python3-venv`)",
        )?;
        install(&format!("schemathesis {SCHEMATHESIS}"), "about a minute", || {
            shell::run(workspace.command("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
            let mut pip = workspace.command(&*folder.join("bin/pip").to_string_lossy());
            shell::run(pip.args(["install", "--quiet", "--disable-pip-version-check", &format!("schemathesis=={SCHEMATHESIS}")]))
        })?;
    }
    Ok(program)
}

/// Debian's own package, where we may install it. Ubuntu's chromium is a snap, which does not run in containers.
fn apt_install(workspace: &Workspace, package: &str, about: &str) -> Result<()> {
    if !is_debian() || shell::output(Command::new("id").arg("-u")).as_deref() != Some("0") {
        bail!("only on Debian and as root it is installed by itself");
    }
    install(&format!("{package} from Debian"), about, || {
        let apt = |words: &[&str]| {
            let mut apt = workspace.command("apt-get");
            shell::run(apt.env("DEBIAN_FRONTEND", "noninteractive").args(words))
        };
        apt(&["update"])?;
        apt(&["install", "-y", package])
    })
}

fn prerequisites(workspace: &Workspace) -> Result<()> {
    for (program, sentence) in [
        ("cc", "a C compiler is missing: install one (Debian and Ubuntu: `sudo apt-get install build-essential`)"),
        ("node", "Node.js is missing: install version 20 or newer (https://nodejs.org)"),
        ("npm", "npm is missing: it comes with Node.js (Debian and Ubuntu: `sudo apt-get install npm`)"),
    ] {
        require(workspace, program, sentence)?;
    }
    Ok(())
}

fn cargo_leptos(workspace: &Workspace) -> Result<()> {
    let version = version(workspace, "cargo-leptos");
    if version.is_some_and(|version| is_compatible(&version, CARGO_LEPTOS)) {
        return Ok(());
    }
    install(&format!("cargo-leptos {CARGO_LEPTOS}"), "about 5 minutes", || {
        // no_downloads: it takes wasm-bindgen and wasm-opt from the path, or says that they are missing.
        let features = ["--locked", "--features", "no_downloads"];
        cargo_install(workspace, "cargo-leptos", CARGO_LEPTOS, &features)
    })
}

/// The program must be of the very version of the library that the browser half links.
fn wasm_bindgen(workspace: &Workspace) -> Result<()> {
    let wanted = workspace.locked_version("wasm-bindgen")?;
    if version(workspace, "wasm-bindgen").is_some_and(|version| version == wanted) {
        return Ok(());
    }
    install(&format!("wasm-bindgen {wanted}"), "about 3 minutes", || {
        // Without --locked: its own lock file names a crate that a registry mirror may not serve yet.
        cargo_install(workspace, "wasm-bindgen-cli", &wanted, &[])
    })
}

/// wasm-opt and Playwright, as end2end/package-lock.json pins them.
fn node_modules(workspace: &Workspace) -> Result<()> {
    let folder = workspace.end2end();
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| format!("reading {}", lock.display()))?;
    // npm keeps no exact copy of the lock file it installed from, so we do; `npm ci` empties the folder, copy included.
    let installed = folder.join("node_modules/.installed-package-lock.json");
    if fs::read(&installed).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    install("wasm-opt and Playwright from npm", "about 1 minute", || {
        let mut npm = workspace.command("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--prefix", "end2end"]);
        shell::run(npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))?;
        fs::write(&installed, &wanted).with_context(|| format!("writing {}", installed.display()))
    })
}

/// Unoptimised and without debug information: the tools start compilers, their own speed hardly matters.
fn cargo_install(workspace: &Workspace, package: &str, version: &str, extra: &[&str]) -> Result<()> {
    // A folder of its own, kept until it worked: an interrupted installation goes on where it was.
    let scratch = workspace.target.join("tools");
    let mut cargo = workspace.command("cargo");
    cargo
        .args(["install", package, "--version", version, "--debug"])
        .args(extra)
        .env("CARGO_TARGET_DIR", &scratch)
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    shell::run(&mut cargo)?;
    fs::remove_dir_all(&scratch).with_context(|| format!("removing {}", scratch.display()))
}

fn install(what: &str, about: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    shell::announce(&format!("installing {what}"), about, work)
}

fn require(workspace: &Workspace, program: &str, sentence: &str) -> Result<()> {
    match workspace.which(program) {
        Some(_) => Ok(()),
        None => bail!("{sentence}"),
    }
}

/// `wasm-bindgen 0.2.130` → `0.2.130`.
fn version(workspace: &Workspace, program: &str) -> Option<String> {
    let text = shell::output(workspace.command(program).arg("--version"))?;
    text.split_whitespace().nth(1).map(str::to_owned)
}

/// Cargo's own rule for versions below 1.0: the same minor version, and a patch that is not older.
fn is_compatible(found: &str, wanted: &str) -> bool {
    let parse = |version: &str| -> Option<[u32; 3]> {
        let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
        numbers.try_into().ok()
    };
    match (parse(found), parse(wanted)) {
        (Some(found), Some(wanted)) => found[..2] == wanted[..2] && found[2] >= wanted[2],
        _ => false,
    }
}

fn find_chromium(workspace: &Workspace) -> Option<String> {
    if let Ok(browser) = std::env::var("CHROMIUM") {
        return Some(browser);
    }
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
        .iter()
        .find_map(|name| workspace.which(name))
        .map(|file| file.to_string_lossy().into_owned())
}

fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_patch_will_do_and_an_older_one_will_not() {
        assert!(is_compatible("0.3.10", "0.3.10"));
        assert!(is_compatible("0.3.11", "0.3.10"));
        assert!(!is_compatible("0.3.9", "0.3.10"));
        assert!(!is_compatible("0.4.0", "0.3.10"));
        assert!(!is_compatible("unknown", "0.3.10"));
    }
}
