//! What every test needs: a store and things to put into it.

use domain::{Account, AccountId, AuditAction, AuditEntry, BlockType, Role, Run, RunId, RunMode, RunState, Runbook, RunbookId};
use domain::{Step, StepId, StepState, Timestamp, Username};
use store::Store;

pub async fn memory() -> Store {
    Store::connect("mem://", None).await.expect("a store in memory")
}

pub async fn disk(dir: &tempfile::TempDir) -> Store {
    let url = format!("surrealkv://{}", dir.path().join("data").display());
    for _ in 0..100 {
        if let Ok(store) = Store::connect(&url, None).await {
            return store;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Store::connect(&url, None).await.expect("a store on disk")
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + second, 123_456_789).expect("a time")
}

pub fn audit(action: AuditAction) -> AuditEntry {
    AuditEntry {
        at: at(0),
        actor: None,
        actor_name: "ann".into(),
        address: None,
        action,
        target: "thing:1".into(),
        detail: serde_json::json!({ "a": 1 }),
    }
}

pub fn account(name: &str) -> Account {
    Account {
        id: AccountId::new(),
        username: Username::parse(name).expect("a name"),
        role: Role::Admin,
        created_at: at(0),
        disabled_at: None,
    }
}

pub fn runbook(title: &str, second: i64) -> Runbook {
    Runbook {
        id: RunbookId::new(),
        title: title.into(),
        description: String::new(),
        tags: vec!["db".into()],
        parameters: vec![],
        blocks: domain::sample::runbook().expect("the sample").blocks,
        version: 1,
        message: None,
        created_by: "ann".into(),
        created_at: at(second),
        updated_by: "ann".into(),
        updated_at: at(second),
        last_run: None,
    }
}

pub fn run(runbook: &Runbook, second: i64) -> Run {
    Run {
        id: RunId::new(),
        number: 0,
        runbook_id: runbook.id,
        runbook_title: runbook.title.clone(),
        version: 1,
        state: RunState::Queued,
        mode: RunMode::Auto,
        parameters: serde_json::Map::new(),
        reason: None,
        started_by: "ann".into(),
        started_by_id: AccountId::new(),
        created_at: at(second),
        started_at: None,
        ended_at: None,
        error: None,
        event: 1,
    }
}

pub fn step(ordinal: u32, attempt: u32) -> Step {
    Step {
        id: StepId::new(),
        block_id: domain::BlockId::new(),
        name: "s".into(),
        kind: BlockType::Command,
        ordinal,
        depth: 0,
        attempt,
        state: StepState::Pending,
        what: "true".into(),
        host: None,
        exit_code: None,
        result: None,
        started_at: None,
        ended_at: None,
        due_at: None,
        error: None,
        answer: None,
        event: 1,
        last_output: 0,
    }
}
