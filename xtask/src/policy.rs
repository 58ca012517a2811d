//! Rules of the repository as tests: what no crate alone can check.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::workspace::{Workspace, leptos_table, read_toml, root};

/// Options that Leptos reads at run time, each with cargo-leptos's own name.
const RUN_TIME_OPTIONS: [&str; 6] = ["output-name", "site-root", "site-pkg-dir", "site-addr", "reload-port", "hash-files"];

/// Crates that belong to the server: none may reach the browser (architecture.md, "Never").
const SERVER_CRATES: [&str; 13] =
    ["age", "argon2", "axum", "engine", "hyper", "mio", "reqwest", "runner", "russh", "service", "store", "tokio", "vault"];

#[test]
fn leptos_toml_repeats_cargo_toml() {
    let root = root().expect("the workspace");
    let file = read_toml(&root.join("Leptos.toml")).expect("Leptos.toml");
    let at_run_time = file["package"]["metadata"]["leptos"].as_table().expect("its table").clone();

    let mut at_build_time = leptos_table(&root).expect("Cargo.toml's table");
    // cargo-leptos names the output after the project; Leptos wants the name spelt out.
    if let Some(name) = at_build_time.get("name").cloned() {
        at_build_time.entry("output-name").or_insert(name);
    }

    let named: BTreeSet<&str> = at_run_time.keys().map(String::as_str).collect();
    assert_eq!(named, BTreeSet::from(RUN_TIME_OPTIONS), "the options of Leptos.toml");
    for option in RUN_TIME_OPTIONS {
        assert_eq!(value(&at_run_time, option), value(&at_build_time, option), "{option}");
    }
}

#[test]
fn the_browser_build_names_no_server_crate() {
    let workspace = Workspace::open().expect("the workspace");
    let mut cargo = workspace.cargo();
    cargo.args(["tree", "--package", "frontend", "--target", "wasm32-unknown-unknown"]);
    cargo.args(["--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let output = cargo.output().expect("cargo tree starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let tree = String::from_utf8(output.stdout).expect("text");
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("leptos"), "cargo tree printed something else:\n{tree}");
    let found: Vec<&&str> = crates.iter().filter(|name| name.starts_with("surrealdb") || SERVER_CRATES.contains(*name)).collect();
    assert!(found.is_empty(), "server crates in the browser: {found:?}");
}

#[test]
fn wasm_bindgen_is_pinned_to_the_version_that_is_installed_with_it() {
    let workspace = Workspace::open().expect("the workspace");
    let manifest = read_toml(&workspace.root.join("Cargo.toml")).expect("Cargo.toml");
    let pin = manifest["workspace"]["dependencies"]["wasm-bindgen"].as_str().expect("a version");
    let locked = workspace.locked_version("wasm-bindgen").expect("a locked version");
    assert_eq!(pin, format!("={locked}"));
}

fn value<'a>(table: &'a Table, option: &str) -> &'a Value {
    table.get(option).unwrap_or_else(|| panic!("{option} is missing"))
}
