//! What a worker does with leases: it keeps its own over any pause, and ends what it runs where another one has the run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chrono::Utc;
use domain::{ControlAction, RunState, StepState};
use engine::EngineConfig;

use crate::surreal_server::Server;
use crate::world::{World, command, config, timer, until};

/// A command that leaves its process id when it begins, waits until it is let go on, and says so when it did.
struct Effects {
    folder: tempfile::TempDir,
}

impl Effects {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self) -> String {
        let folder = self.folder.path().display();
        format!(
            "echo $$ >> {folder}/begun; echo shown; until [ -e {folder}/gate ]; do sleep 0.05; done; echo late; echo $$ >> {folder}/done"
        )
    }

    fn lines(&self, name: &str) -> usize {
        std::fs::read_to_string(self.path(name)).unwrap_or_default().lines().count()
    }

    /// Whether what was begun last runs.
    fn is_alive(&self) -> bool {
        let begun = std::fs::read_to_string(self.path("begun")).unwrap();
        Path::new("/proc").join(begun.lines().last().unwrap()).exists()
    }
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

#[tokio::test]
async fn a_worker_whose_own_lease_ran_out_unseen_goes_on_with_what_it_runs() {
    for alone in [true, false] {
        // Nobody gives a sign of life: to the store it is as if the machine had slept, again and again.
        let (lease, heartbeat) = (Duration::from_millis(300), Duration::from_secs(3_600));
        let world = World::with(EngineConfig { lease, heartbeat, alone, ..config("one") }).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display();
        let id = world.start(vec![command(&format!("echo begun >> {path}; sleep 2; echo done >> {path}"))]).await;
        let (_, steps) = world.reaches(id, RunState::Succeeded).await;
        assert_eq!((steps.len(), steps[0].error.as_deref()), (1, None));
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "begun\ndone\n");
    }
}

#[tokio::test]
async fn a_worker_whose_run_was_taken_ends_what_it_runs_and_writes_nothing_more() {
    let world = World::new().await;
    let effects = Effects::new();
    let id = world.start(vec![command(&effects.script()), timer(60_000)]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    until("its output", || async { (world.stdout(id, &step).await == "shown\n").then_some(()) }).await;
    assert!(effects.is_alive());

    // To this one, whose clock is ahead, the lease is over.
    let later = Utc::now() + Duration::from_secs(3_600);
    let taken = world.store.claim_these("other", later, later + Duration::from_secs(3_600), &[id], &[]).await.unwrap().remove(0);
    assert!(taken.taken_over && taken.lease.fence == 2);
    until("the end of the process", || async { (!effects.is_alive()).then_some(()) }).await;
    until("the runner forgets it", || async { world.runner.steps().await.unwrap().is_empty().then_some(()) }).await;
    std::fs::write(effects.path("gate"), "").unwrap();
    assert_eq!((world.steps(id).await, world.run(id).await), (vec![step.clone(), world.steps(id).await.remove(1)], taken.run));

    // Whoever has it next, the same worker too, does not take that kill for the end of the step.
    assert!(world.store.hand_back(&taken.lease, Utc::now()).await.unwrap());
    let (_, steps) = world.reaches(id, RunState::Interrupted).await;
    assert_eq!((steps.len(), steps[0].id, steps[0].exit_code), (2, step.id, None));
    assert_eq!(world.stdout(id, &steps[0]).await, "shown\n");
    assert_eq!((effects.lines("begun"), effects.lines("done")), (1, 0));
    world.go_on(id, Some((steps[0].clone(), ControlAction::Skip))).await;
    world.step_is(id, 1, StepState::Running).await;
    assert_eq!(effects.lines("begun"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_the_store_does_not_answer_for_a_whole_lease_ends_what_it_runs() {
    let server = Server::start();
    let world = World::over(server.connect().await.unwrap(), config("one")).await;
    let effects = Effects::new();
    let id = world.start(vec![command(&effects.script())]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    until("its output", || async { (world.stdout(id, &step).await == "shown\n").then_some(()) }).await;

    signal("-STOP", server.pid());
    until("the end of the process", || async { (!effects.is_alive()).then_some(()) }).await;
    std::fs::write(effects.path("gate"), "").unwrap();
    signal("-CONT", server.pid());
    let (_, steps) = world.reaches(id, RunState::Interrupted).await;
    assert_eq!((steps.len(), steps[0].id, steps[0].exit_code), (1, step.id, None));
    assert_eq!((effects.lines("begun"), effects.lines("done")), (1, 0));
}
