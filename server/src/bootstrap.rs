//! Puts the parts together, serves until a signal, and takes them apart again.

use std::ffi::OsString;
use std::fs;
use std::io::{IsTerminal, Write, stdout};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use app::api::session::Unencrypted;
use engine::{Engine, EngineConfig};
use runner::{Confinement, RunAs, Runner, RunnerConfig};
use secrecy::ExposeSecret;
use service::{Installation, Keys, LocalCommands, ServiceError, Services, Settings, Upkeep};
use store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use vault::Vault;

use crate::config::Config;
use crate::hidden::Hidden;
use crate::http::names::Names;
use crate::http::tls::Tls;
use crate::{http, site};

/// The embedded database's folder in the data folder.
const DATABASE: &str = "db";
/// The file with the keys to the stored secrets, in the data folder.
const IDENTITIES: &str = "identity.age";
/// What is left to do where no copy of a key is found.
const FOR_GOOD: &str = "Where it is lost for good, `runbook-studio keys forget-lost` names the secrets that are lost with it";
/// What steps that run get to end when the server stops.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the data folder, the database or the address cannot be had.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let data_dir = open_data_dir(&config)?;
    let identity_file = identity_file(&config, &data_dir);
    let is_new = !identity_file.exists();
    let vault = Vault::open(&identity_file).context("cannot open the key to the stored secrets")?;
    let url = database_url(&config, &data_dir);
    let store = Store::connect(&url, config.db_login.clone()).await.with_context(|| format!("cannot open the database {url}"))?;
    check_secrets(&store, &vault, &identity_file, is_new).await?;

    let listener = TcpListener::bind(config.addr).await.with_context(|| format!("cannot listen on {}", config.addr))?;
    let addr = listener.local_addr()?;
    let setup_token = setup_token(&store, config.is_public).await?;

    let hidden = Hidden::of(&config, &data_dir, &identity_file, &url)?;
    let runner = runner(&config, &data_dir, &hidden)?;
    let engine_config = EngineConfig {
        alone: !is_server(&url),
        output_cap: config.output_cap,
        egress: config.egress.clone(),
        ..EngineConfig::default()
    };
    let max_runs = engine_config.max_runs;
    let (engine, engine_task) = Engine::start(engine_config, store.clone(), vault.clone(), runner.clone());
    let local = local_commands(&runner, &hidden).await;
    let settings = Settings {
        signup: config.signup,
        setup_token: setup_token.clone(),
        local,
        session_lifetime: config.session_absolute,
        session_idle: config.session_idle,
        installation: installation(&config, &url, max_runs),
    };
    let upkeep = Upkeep::new(store.clone(), config.retention, config.fixed.clone());
    upkeep.note_settings(&settings).await.context("cannot note the settings in the database")?;
    let services = Services::new(store, vault, engine.clone(), settings);
    services.keys.resume().await.context("cannot go on with the rotation of the key to the stored secrets")?;

    let stopping = CancellationToken::new();
    let tls = config.tls.map(Tls::open).transpose()?;
    if let Some(tls) = &tls {
        tls.clone().reload_on_hangup()?;
    }
    let is_encrypted = addr.ip().is_loopback() || tls.is_some() || !config.trusted_proxies.is_empty();
    let unencrypted = (!is_encrypted).then_some(Unencrypted);
    let names = Names::new(addr, !config.trusted_proxies.is_empty(), config.hosts);
    let router =
        http::router(services, site::options(addr)?, config.trusted_proxies.into(), names, unencrypted, stopping.clone()).await?;
    stop_on_signal(stopping.clone())?;
    announce(addr, tls.is_some(), is_encrypted, setup_token.as_deref());

    // It ends last, so that the head it logs is the last one.
    let ended = CancellationToken::new();
    let upkeep = tokio::spawn(upkeep.run(ended.clone().cancelled_owned()));
    let engine_stops = async {
        stopping.cancelled().await;
        tracing::info!("stopping: no new requests, running steps get {} s", STOP_GRACE.as_secs());
        engine.shutdown(STOP_GRACE).await;
    };
    tokio::join!(http::listen::serve(listener, router, tls, stopping.clone()), engine_stops);
    if tokio::time::timeout(STOP_GRACE, engine_task).await.is_err() {
        tracing::warn!("the engine did not end in time; its runs will be taken up at the next start");
    }
    ended.cancel();
    if tokio::time::timeout(STOP_GRACE, upkeep).await.is_err() {
        tracing::warn!("the head of the audit trail could not be read in time");
    }
    tracing::info!("stopped");
    Ok(())
}

/// The absolute path of the data folder, made where it is not there. Only its owner may look into it; another user whom commands
/// run as may go through it to the runner's own folder.
fn open_data_dir(config: &Config) -> anyhow::Result<PathBuf> {
    let path = &config.data_dir;
    let what = || format!("cannot use the data folder {}", path.display());
    let private = |path: &Path, mode| -> anyhow::Result<()> {
        if !path.is_dir() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(what)?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).with_context(what)
    };
    let shared = config.run_as.is_some() && config.runner_dir.is_none();
    private(path, if shared { 0o711 } else { 0o700 })?;
    if config.db.is_none() {
        private(&path.join(DATABASE), 0o700)?;
    }
    fs::canonicalize(path).with_context(what)
}

/// The database that is asked for; the embedded one in the data folder where nothing is.
pub fn database_url(config: &Config, data_dir: &Path) -> String {
    config.db.clone().unwrap_or_else(|| format!("surrealkv://{}", data_dir.join(DATABASE).display()))
}

/// The file with the keys to the stored secrets.
pub fn identity_file(config: &Config, data_dir: &Path) -> PathBuf {
    config.age_identity_file.clone().unwrap_or_else(|| data_dir.join(IDENTITIES))
}

/// Refuses to start over secrets that nothing here can open: runs would fail one by one.
async fn check_secrets(store: &Store, vault: &Vault, file: &Path, is_new: bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    let outcome = Keys::new(store.clone(), vault.clone()).check().await;
    match outcome {
        Ok(secrets) => {
            tracing::debug!(secrets, milliseconds = begun.elapsed().as_millis(), "the stored secrets can be opened");
            Ok(())
        }
        Err(error @ ServiceError::Conflict { .. }) => {
            let file_name = file.display();
            if is_new {
                // Made just now; nobody is to take it for the one that fits.
                let _ = fs::remove_file(file);
                anyhow::bail!(
                    "{error}, and there is no key file {file_name}: put back the one that belongs to this database. {FOR_GOOD}"
                );
            }
            anyhow::bail!(
                "{error} than those in {file_name}: put back the key file that belongs to this database, or add the lines of that \
                 file to this one (it may hold several; the first encrypts). {FOR_GOOD}"
            )
        }
        Err(error) => Err(error).context("cannot read the stored secrets"),
    }
}

/// Whether the database is a server that other processes use too.
pub fn is_server(url: &str) -> bool {
    url.starts_with("ws://") || url.starts_with("wss://")
}

/// What administrators are shown of this process.
fn installation(config: &Config, url: &str, max_runs: usize) -> Installation {
    let kind = if cfg!(debug_assertions) { "development build" } else { "release build" };
    Installation {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: format!("{kind} for {} on {}", std::env::consts::OS, std::env::consts::ARCH),
        database: url.to_owned(),
        at_once: max_runs,
        retention: config.retention,
        fixed: config.fixed.clone(),
        settings: config.shown.clone(),
        ..Installation::default()
    }
}

/// The process that owns commands on this machine: this program once more, started when it is first needed.
fn runner(config: &Config, data_dir: &Path, hidden: &Hidden) -> anyhow::Result<Runner> {
    let run_as = config.run_as.as_deref().map(RunAs::user).transpose()?;
    let dir = config.runner_dir.clone().unwrap_or_else(|| data_dir.join("runner"));
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut arguments: Vec<OsString> = vec!["runner".into(), "--dir".into(), dir.clone().into()];
    if run_as.is_none() {
        for path in &hidden.paths {
            arguments.extend(["--hide".into(), path.into()]);
        }
    }
    Ok(Runner::new(RunnerConfig { run_as, ..RunnerConfig::new(program, arguments, dir) }))
}

/// What keeps commands on this machine from the server's own files; the log says it too.
async fn local_commands(runner: &Runner, hidden: &Hidden) -> LocalCommands {
    match runner.info().await.map(|info| info.confinement) {
        Ok(Confinement::OtherUser(user)) => {
            tracing::info!(user, "commands on this server run as another user");
            LocalCommands::OtherUser(user)
        }
        Ok(Confinement::Bubblewrap) => match &hidden.in_the_open {
            None => {
                tracing::info!(hidden = ?hidden.paths, "commands on this server do not see its data (bubblewrap)");
                LocalCommands::Hidden
            }
            Some(folder) => {
                tracing::warn!(
                    folder = %folder.display(),
                    "commands on this server can read its database, which lies in a folder that commands need, so only those from \
                     sre on may run any: give the database a folder of its own in STUDIO_DB"
                );
                LocalCommands::Shared
            }
        },
        Ok(Confinement::None) => {
            let remedy = if runner::is_root() {
                "set STUDIO_RUN_AS to another user for them (bubblewrap is not used for commands of root)"
            } else {
                "install bubblewrap, or start it as root with STUDIO_RUN_AS"
            };
            tracing::warn!(
                "commands on this server share its user and can read its key and database, so only those from sre on may run any: \
                 {remedy}"
            );
            LocalCommands::Shared
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "commands on this server cannot be run");
            LocalCommands::Shared
        }
    }
}

/// Where others reach the server, the very first account needs this, so that the first visitor is not made administrator.
async fn setup_token(store: &Store, is_public: bool) -> anyhow::Result<Option<String>> {
    if !is_public || store.account_count().await? > 0 {
        return Ok(None);
    }
    Ok(Some(vault::SessionToken::generate()?.secret().expose_secret().to_owned()))
}

fn stop_on_signal(stopping: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(())
}

/// Tells whoever started it where it is. A line that cannot be written stops nothing.
fn announce(addr: std::net::SocketAddr, tls: bool, is_encrypted: bool, setup_token: Option<&str>) {
    let address = if tls { format!("https://{addr}") } else { format!("http://{addr}") };
    if !is_encrypted {
        tracing::warn!(
            %addr,
            "listening beyond this machine without TLS: set STUDIO_TLS_CERT and STUDIO_TLS_KEY, or put a proxy that speaks https in \
             front and set STUDIO_TRUSTED_PROXIES"
        );
    }
    if stdout().is_terminal() {
        let mut out = stdout().lock();
        let _ = writeln!(out, "Runbook Studio is ready at {address}");
        if let Some(token) = setup_token {
            let _ = writeln!(out, "The first account needs this set-up token: {token}");
        }
        let _ = out.flush();
    } else {
        tracing::info!(%address, "Runbook Studio is ready");
        if let Some(token) = setup_token {
            // Whoever can read this log started the server; the token dies with the first account.
            tracing::info!(setup_token = token, "the first account needs this set-up token");
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Account, AccountId, AuditAction, AuditEntry, Role, Username};

    use super::*;

    #[tokio::test]
    async fn the_first_account_needs_a_token_where_others_can_reach_the_server() {
        let store = Store::connect("mem://", None).await.expect("a store in memory");
        assert_eq!(setup_token(&store, false).await.expect("a look"), None);
        let token = setup_token(&store, true).await.expect("a look").expect("a token");
        assert!(token.len() >= 40, "too short to be safe: {}", token.len());
        assert_ne!(setup_token(&store, true).await.expect("a look"), Some(token));

        let (username, created_at) = (Username::parse("ann").expect("a name"), chrono::Utc::now());
        let account = Account { id: AccountId::new(), username, role: Role::Admin, created_at, disabled_at: None };
        let entry = AuditEntry {
            at: created_at,
            actor: Some(account.id),
            actor_name: "ann".to_owned(),
            address: None,
            action: AuditAction::SignUp,
            target: format!("account:{}", account.id),
            detail: serde_json::json!({}),
        };
        assert!(store.create_account(&account, "hash", true, &entry).await.expect("an account"));
        assert_eq!(setup_token(&store, true).await.expect("a look"), None);
    }
}
