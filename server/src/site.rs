//! Where the browser's half of the interface lies: the folder that cargo-leptos, or a package, has built.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use leptos::config::{LeptosOptions, get_configuration};

/// The name of the file that says so.
const FILE: &str = "Leptos.toml";

/// Reads the site options. `LEPTOS_SITE_ROOT` wins; else a relative site root counts from the folder of the `Leptos.toml`
/// beside the executable, else from that of the one in the working directory.
///
/// # Errors
/// When there is a `Leptos.toml` that cannot be read.
pub fn options(addr: SocketAddr) -> anyhow::Result<LeptosOptions> {
    let mut options = match file() {
        Some(file) => {
            let path = file.to_string_lossy();
            let mut options =
                get_configuration(Some(path.as_ref())).with_context(|| format!("cannot read {path}"))?.leptos_options;
            if std::env::var_os("LEPTOS_SITE_ROOT").is_none()
                && let Some(folder) = file.parent()
            {
                options.site_root = folder.join(&*options.site_root).to_string_lossy().as_ref().into();
            }
            options
        }
        None => LeptosOptions::builder()
            .output_name("runbook-studio")
            .site_root(std::env::var("LEPTOS_SITE_ROOT").unwrap_or_else(|_| "target/site".to_owned()))
            .build(),
    };
    options.site_addr = addr;
    if !Path::new(&*options.site_root).is_dir() {
        tracing::warn!(site_root = %options.site_root, "the web interface is not built: pages will come without style and script");
    }
    Ok(options)
}

fn file() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(FILE)));
    [beside, Some(PathBuf::from(FILE))].into_iter().flatten().find(|path| path.is_file())
}
