//! `runbook-studio keys`: a new key to the stored secrets, by a running server or, where none runs, here; and an end of the secrets
//! whose key is lost.

use std::io::{Write, stdout};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use domain::{KeyStatus, Problem, RotationState};
use reqwest::{Client, Response};
use secrecy::{ExposeSecret, SecretString};
use service::Keys;
use store::Store;
use vault::Vault;

use crate::bootstrap::{database_url, identity_file, is_server};
use crate::config::Config;

/// The administrator's API key.
const API_KEY: &str = "STUDIO_API_KEY";
/// How often the server is asked how far it is, and how long it may take to answer.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(30);

/// Does it, and returns at the end.
///
/// # Errors
/// When neither a server nor the store can be had, or the rotation stops half way.
pub async fn rotate(config: &Config, url: Option<String>) -> anyhow::Result<()> {
    let given = url.is_some();
    let base = url.unwrap_or_else(|| own_address(config));
    let client = Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let key = std::env::var(API_KEY).ok().map(SecretString::from);
    let mut asking = client.post(format!("{}/api/v1/keys/rotate", base.trim_end_matches('/')));
    if let Some(key) = &key {
        asking = asking.header("X-API-KEY", key.expose_secret());
    }
    match asking.send().await {
        Ok(_) if key.is_none() => bail!("a server runs at {base}: set {API_KEY} to the API key of an administrator"),
        Ok(answer) => follow(&client, &base, &key.unwrap_or_default(), answer).await,
        Err(error) if error.is_connect() && !given => here(config).await,
        Err(error) => Err(error).with_context(|| format!("cannot ask the server at {base}")),
    }
}

/// Names the secrets that no key opens, and deletes them where `yes` is said.
///
/// # Errors
/// When the store or the key file cannot be had, and where there is something to delete and it was not said.
pub async fn forget_lost(config: &Config, yes: bool) -> anyhow::Result<()> {
    let url = database_url(config, &config.data_dir);
    let store = open_store(config, &url).await.context("stop the server first: it holds the database, or none can be opened")?;
    let file = identity_file(config, &config.data_dir);
    // Where the file is gone a new one is made, but not before anybody has said yes.
    let vault = if yes || file.is_file() { Vault::open(&file) } else { Ok(Vault::ephemeral()) };
    let keys = Keys::new(store, vault.context("cannot open the key to the stored secrets")?);
    let lost = keys.lost().await?;
    let mut out = stdout().lock();
    if lost.is_empty() {
        writeln!(out, "every stored secret can be opened with the keys in {}: nothing is lost", file.display())?;
        return Ok(());
    }
    for lost in &lost {
        writeln!(out, "{}", lost.what)?;
    }
    if !yes {
        bail!("no key in {} opens these {}; nothing was deleted: say --yes to delete them for good", file.display(), lost.len());
    }
    keys.forget(&lost).await?;
    writeln!(out, "deleted: {} secrets that no key opens. Enter those of the credentials anew, each under its name", lost.len())?;
    Ok(())
}

/// Shows how far the server is until it is done.
async fn follow(client: &Client, base: &str, key: &SecretString, begun: Response) -> anyhow::Result<()> {
    let mut status = read(begun).await?;
    let mut shown = String::new();
    loop {
        tell(&status, &mut shown)?;
        match status.rotation {
            RotationState::Running => {}
            RotationState::Finished => return Ok(()),
            RotationState::Failed | RotationState::None => {
                bail!("{}", status.error.as_deref().unwrap_or("the server was started anew; it goes on by itself"))
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        let asking = client.get(format!("{}/api/v1/keys", base.trim_end_matches('/'))).header("X-API-KEY", key.expose_secret());
        status = read(asking.send().await.context("the server is gone; started again it goes on by itself")?).await?;
    }
}

async fn read(answer: Response) -> anyhow::Result<KeyStatus> {
    if answer.status().is_success() {
        return answer.json().await.context("this is no answer of Runbook Studio");
    }
    let status = answer.status();
    match answer.json::<Problem>().await {
        Ok(problem) => bail!("the server refused ({status}): {}", problem.detail),
        Err(_) => bail!("the server refused ({status})"),
    }
}

fn tell(status: &KeyStatus, shown: &mut String) -> anyhow::Result<()> {
    let line = match status.rotation {
        RotationState::Finished if status.unreadable > 0 => format!(
            "the key is replaced: {} secrets are encrypted for {}; {} could not be opened before, nor now",
            status.done, status.recipient, status.unreadable
        ),
        RotationState::Finished => {
            format!("the key is replaced: {} secrets are encrypted for {}", status.done, status.recipient)
        }
        _ => format!("{} of {} secrets are encrypted for the new key", status.done, status.total),
    };
    if line != *shown {
        writeln!(stdout().lock(), "{line}")?;
        *shown = line;
    }
    Ok(())
}

/// Opens the store and the key file itself: no server runs.
async fn here(config: &Config) -> anyhow::Result<()> {
    let url = database_url(config, &config.data_dir);
    if is_server(&url) {
        bail!("no server answers at {}: others may use the database {url}; name one of them with --url", own_address(config));
    }
    let file = identity_file(config, &config.data_dir);
    if !file.is_file() {
        bail!("there is no key file {}", file.display());
    }
    let store = open_store(config, &url).await.context("where a server holds it, name the server with --url")?;
    let vault = Vault::open(&file).context("cannot open the key to the stored secrets")?;
    let keys = Keys::new(store, vault);
    keys.check().await.with_context(|| format!("the keys in {} do not fit", file.display()))?;
    let status = keys.rotate_here().await?;
    tell(&status, &mut String::new())
}

async fn open_store(config: &Config, url: &str) -> anyhow::Result<Store> {
    Store::connect(url, config.db_login.clone()).await.with_context(|| format!("cannot open the database {url}"))
}

/// Where the settings tell a server to listen, as seen from this machine.
fn own_address(config: &Config) -> String {
    let ip = match config.addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", SocketAddr::new(ip, config.addr.port()))
}
