//! A studio with people in it.

use domain::{AccountId, Actor, Role, Runbook, RunbookDraft, Username};
use engine::{Engine, EngineConfig, EngineHandle};
use secrecy::SecretString;
use serde_json::{Value, json};
use service::{Services, Settings, SignUp};
use store::Store;
use tempfile::TempDir;
use vault::Vault;

use crate::runner_process;

pub const PASSWORD: &str = "plain words, many of them";

/// A fresh installation.
pub struct TestStudio {
    pub services: Services,
    pub store: Store,
    engine: EngineHandle,
    pub vault: Vault,
    folder: TempDir,
}

impl TestStudio {
    /// One whose engine executes.
    pub async fn new() -> Self {
        Self::with_engine(EngineConfig::default()).await
    }

    /// One whose engine takes up nothing: runs stay as people left them.
    pub async fn idle() -> Self {
        Self::with_engine(EngineConfig { max_runs: 0, ..EngineConfig::default() }).await
    }

    async fn with_engine(config: EngineConfig) -> Self {
        let store = Store::connect("mem://", None).await.expect("a store in memory");
        let vault = Vault::ephemeral();
        let folder = tempfile::tempdir().expect("a folder");
        let runner = runner_process::runner(&folder.path().join("runner"));
        let (engine, _) = Engine::start(config, store.clone(), vault.clone(), runner);
        let services = Services::new(store.clone(), vault.clone(), engine.clone(), Settings::default());
        Self { services, store, engine, vault, folder }
    }

    /// The services of a server that has the same store and other keys: it opens nothing of what was sealed before.
    pub fn with_other_keys(&self) -> Services {
        let vault = Vault::ephemeral();
        let runner = runner_process::runner(&self.folder.path().join("other"));
        let config = EngineConfig { max_runs: 0, ..EngineConfig::default() };
        let (engine, _) = Engine::start(config, self.store.clone(), vault.clone(), runner);
        Services::new(self.store.clone(), vault, engine, Settings::default())
    }

    /// The same with other settings.
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.services = Services::new(self.store.clone(), self.vault.clone(), self.engine.clone(), settings);
        self
    }
}

/// Somebody of this role, without an account: use cases ask for no more.
pub fn somebody(name: &str, role: Role) -> Actor {
    Actor {
        id: AccountId::new(),
        username: Username::parse(name).expect("a name"),
        role,
        address: Some("192.0.2.1".to_owned()),
        scopes: None,
    }
}

pub fn developer() -> Actor {
    somebody("dev", Role::Developer)
}

pub fn sign_up(name: &str) -> SignUp {
    SignUp { username: name.to_owned(), password: SecretString::from(PASSWORD), role: None, setup_token: None }
}

pub fn draft(title: &str, blocks: Value) -> RunbookDraft {
    RunbookDraft::parse(&json!({ "title": title, "blocks": blocks })).expect("a draft")
}

pub fn echo() -> Value {
    json!([{ "name": "say", "type": "command", "config": { "command": "echo hello; echo world >&2" } }])
}

pub async fn runbook(studio: &TestStudio, blocks: Value) -> Runbook {
    studio.services.runbooks.create(&developer(), draft("Restart", blocks)).await.expect("a runbook")
}
