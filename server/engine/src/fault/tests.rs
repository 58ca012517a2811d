use std::time::Duration;

use chrono::Utc;
use domain::block::{Block, BlockKind, CommandBlock};
use domain::plan::{Targets, lay_out};
use domain::{AccountId, AuditAction, AuditEntry, Run, RunId, RunMode, Runbook, RunbookId, Step};
use runner::{Attached, ProcessSpec};
use serde_json::Value;
use store::{ControlChange, Progress, Saved, Store};
use tokio::time::Instant;
use vault::Vault;

use super::*;
use crate::config::EngineConfig;
use crate::held::Kept;
use crate::plan_steps::initial_steps;
use crate::runner_process;

fn audit() -> AuditEntry {
    AuditEntry {
        at: Utc::now(),
        actor: None,
        actor_name: "ann".into(),
        address: None,
        action: AuditAction::RunStarted,
        target: "test".into(),
        detail: Value::Null,
    }
}

/// A run of two commands whose first is under way at the runner, as a task leaves it that breaks.
async fn broken_run(shared: &Arc<Shared>) -> (Arc<Control>, Step) {
    let (now, store) = (Utc::now(), &shared.store);
    let command =
        |text: &str| Block::new("", BlockKind::Command(CommandBlock { command: text.into(), ..CommandBlock::default() }));
    let runbook = Runbook {
        id: RunbookId::new(),
        title: "A runbook".into(),
        description: String::new(),
        tags: Vec::new(),
        parameters: Vec::new(),
        blocks: vec![command("sleep 300"), command("echo next")],
        version: 1,
        message: None,
        created_by: "ann".into(),
        created_at: now,
        updated_by: "ann".into(),
        updated_at: now,
        last_run: None,
    };
    store.create_runbook(&runbook, &[], &audit()).await.unwrap();
    let steps = initial_steps(&lay_out(&runbook.blocks, &Targets::new()), &[0, 1].into());
    let run = Run {
        id: RunId::new(),
        number: 0,
        runbook_id: runbook.id,
        runbook_title: runbook.title,
        version: 1,
        state: RunState::Queued,
        mode: RunMode::Auto,
        parameters: serde_json::Map::new(),
        reason: None,
        started_by: "ann".into(),
        started_by_id: AccountId::new(),
        created_at: now,
        started_at: None,
        ended_at: None,
        error: None,
        event: 3,
    };
    let id = run.id;
    store.start_run(run, &steps, None, None, &audit()).await.unwrap();
    let until = Utc::now() + Duration::from_secs(60);
    let claim = store.claim_these("one", Utc::now(), until, &[id], &[]).await.unwrap().remove(0);
    let step = Step { state: StepState::Running, started_at: Some(now), event: 4, ..steps[0].clone() };
    let run = Run { started_at: Some(now), event: 4, ..claim.run };
    let progress =
        Progress { run: &run, expect: &[RunState::Running], mode: None, steps: std::slice::from_ref(&step), release: false };
    assert_eq!(store.save_progress(&claim.lease, &progress).await.unwrap(), Saved::Written);
    let spec = ProcessSpec::new(step.id.to_string(), "/bin/sh", "sleep 300");
    drop(shared.runner.spawn(spec).await.unwrap());
    let kept = Kept { asked: Instant::now(), until };
    (Arc::new(Control::new(claim.lease, (run.state, run.mode), kept)), step)
}

#[tokio::test]
async fn a_fault_ends_what_the_run_left_running_and_a_run_that_was_to_stop_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let runner = runner_process::runner(&folder.path().join("runner"));
    let store = Store::connect("mem://", None).await.unwrap();
    let shared = Shared::new(EngineConfig::default(), store, Vault::ephemeral(), runner);
    for (asked, of_run, of_step, says) in [
        (None, RunState::Failed, StepState::Failed, format!("{FAULT}; stopped, 0 processes left")),
        (Some(RunState::Stopping), RunState::Stopped, StepState::Stopped, "stopped, 0 processes left".to_owned()),
    ] {
        let (control, step) = broken_run(&shared).await;
        let id = control.lease.run;
        let Attached::Process(process) = shared.runner.attach(&step.id.to_string()).await.unwrap() else { panic!("it runs") };
        let process = std::path::Path::new("/proc").join(process.handle.pid().to_string());
        assert!(process.exists());
        if let Some(to) = asked {
            let change = ControlChange::default();
            assert!(shared.store.control_run(id, RunState::Running, to, &change, &audit()).await.unwrap());
        }

        fail_by_fault(&shared, &control).await;

        let run = shared.store.run(id).await.unwrap().unwrap();
        assert_eq!((run.state, run.error.as_deref()), (of_run, Some(FAULT)));
        let steps = shared.store.steps(id).await.unwrap();
        assert_eq!((steps[0].state, steps[0].error.as_ref()), (of_step, Some(&says)));
        assert_eq!(steps[1].state, StepState::Skipped);
        assert!(steps[0].event > 4 + GAP && steps[1].event > steps[0].event && run.event > steps[1].event, "{steps:?}");
        assert!(!process.exists());
    }
}
