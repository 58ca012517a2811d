//! Attaching: the whole story again, nothing twice, nothing lost.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use nix::sys::signal::Signal;
use runner::{Attached, OutputPiece, ProcessSpec, Runner, RunnerError, RunningProcess};
use tokio::sync::mpsc;

use crate::{
    roles,
    world::{Settings, World, drain, eventually, finish, is_alive, marker, sh, signal, within},
};

const MIB: u64 = 1024 * 1024;

async fn attach(runner: &Runner, step: &str) -> RunningProcess {
    match within(runner.attach(step)).await.unwrap() {
        Attached::Process(process) => process,
        other => panic!("{other:?}"),
    }
}

async fn pieces(mut output: mpsc::Receiver<OutputPiece>) -> Vec<OutputPiece> {
    let mut pieces = Vec::new();
    while let Some(piece) = within(output.recv()).await {
        pieces.push(piece);
    }
    pieces
}

/// Prints so many lines of a thousand bytes, each with its number.
fn lines_script(count: usize) -> String {
    format!("exec python3 -u -c '\nimport sys\nfor i in range({count}): sys.stdout.write(f\"{{i:0>999}}\\n\")'")
}

fn lines(from: usize, to: usize) -> String {
    (from..to).map(|line| format!("{line:0>999}\n")).collect()
}

#[tokio::test]
async fn a_second_start_of_a_step_is_refused() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let mut spec = sh("echo started >> starts; exec sleep 1000");
    spec.working_dir = Some(dir.path().into());
    let process = world.runner.spawn(spec.clone()).await.unwrap();
    let again = async |spec: ProcessSpec| world.runner.spawn(spec).await.unwrap_err();
    let error = again(spec.clone()).await;
    assert!(matches!(&error, RunnerError::AlreadyKnown { step } if *step == spec.step), "{error:?}");
    within(process.stop(Duration::ZERO)).await.unwrap();
    assert!(matches!(again(spec.clone()).await, RunnerError::AlreadyKnown { .. }), "also when it has ended");
    world.kill_runner().await;
    assert!(matches!(again(spec.clone()).await, RunnerError::AlreadyKnown { .. }), "also by a later runner");
    assert_eq!(fs::read_to_string(dir.path().join("starts")).unwrap(), "started\n");
}

#[tokio::test]
async fn of_two_starts_at_once_one_is_refused() {
    let world = World::new();
    let spec = sh("echo once");
    let (one, two) = tokio::join!(world.runner.spawn(spec.clone()), world.runner.spawn(spec.clone()));
    let mut started = Vec::new();
    for result in [one, two] {
        match result {
            Ok(process) => started.push(process),
            Err(error) => assert!(matches!(error, RunnerError::AlreadyKnown { .. }), "{error:?}"),
        }
    }
    let first = finish(started.pop().unwrap()).await;
    assert!(started.is_empty());
    assert_eq!(first.stdout, "once\n");
}

#[tokio::test]
async fn a_replay_begins_at_the_beginning_and_has_the_same_pieces() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let script = "for i in 1 2 3 4 5; do echo $i; echo err $i >&2; sleep 0.02; done; \
                  while [ ! -e go ]; do sleep 0.01; done; head -c 300000 /dev/zero; exit 4";
    let mut spec = sh(script);
    spec.working_dir = Some(dir.path().into());
    let step = spec.step.clone();
    let first = world.runner.spawn(spec).await.unwrap();
    // Another server, which finds it in the middle.
    let second = attach(&Runner::new(world.settings().client()), &step).await;
    assert_eq!(second.handle.identity(), first.handle.identity());
    fs::write(dir.path().join("go"), "").unwrap();
    let (one, two) = tokio::join!(pieces(first.output), pieces(second.output));
    assert!(one.len() > 10);
    assert_eq!(one, two);
    for handle in [first.handle, second.handle] {
        assert_eq!(within(handle.wait()).await.exit().unwrap().code, Some(4));
        assert!(handle.output_is_whole());
    }
    // When all is over, and by a later runner too.
    assert_eq!(pieces(attach(&world.runner, &step).await.output).await, one);
    world.kill_runner().await;
    let later = attach(&world.runner, &step).await;
    assert_eq!(pieces(later.output).await, one);
    assert_eq!(within(later.handle.wait()).await.exit().unwrap().code, Some(4));
    assert!(later.handle.output_is_whole());
}

#[tokio::test]
async fn a_step_is_known_until_it_is_forgotten() {
    let world = World::new();
    assert!(matches!(world.runner.attach("never").await.unwrap(), Attached::Unknown));
    world.runner.forget("never").await.unwrap();

    let spec = sh("exec sleep 1000");
    let process = world.runner.spawn(spec.clone()).await.unwrap();
    assert_eq!(world.runner.steps().await.unwrap(), [spec.step.as_str()]);
    let error = world.runner.forget(&spec.step).await.unwrap_err();
    assert!(matches!(error, RunnerError::StillRunning { .. }), "{error:?}");
    within(process.stop(Duration::ZERO)).await.unwrap();

    world.runner.forget(&spec.step).await.unwrap();
    assert!(matches!(world.runner.attach(&spec.step).await.unwrap(), Attached::Unknown));
    let error = process.stop(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, RunnerError::UnknownStep { .. }), "{error:?}");
    eventually(|| (fs::read_dir(world.dir().join("spool")).unwrap().count() == 0).then_some(())).await;
    assert!(world.runner.spawn(spec).await.is_ok(), "what is forgotten may be started again");
}

#[tokio::test]
async fn a_server_that_is_killed_loses_nothing_and_the_next_one_repeats_nothing() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let step = marker();
    let script = format!(
        "cd {}; echo run >> runs; i=0; while [ ! -e go ]; do echo \"line $i\"; i=$((i+1)); done; echo $i > count; exit 7",
        dir.path().display()
    );
    // The killed server is another process, and the runner is its child.
    let told = serde_json::to_string(&(world.settings(), &step, &script)).unwrap();
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(roles::arguments("roles::starts_a_step_and_hangs"))
        .env(roles::CLIENT, told)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "reading"));
    // It reads no more: what is unread holds the command back, still running.
    server.kill().unwrap();
    server.wait().unwrap();

    let process = attach(&world.runner, &step).await;
    fs::write(dir.path().join("go"), "").unwrap();
    let finished = finish(process).await;
    assert_eq!(finished.exit.code, Some(7));
    let count: usize = fs::read_to_string(dir.path().join("count")).unwrap().trim().parse().unwrap();
    let expected: String = (0..count).map(|line| format!("line {line}\n")).collect();
    assert!(finished.stdout == expected, "{} of {} bytes", finished.stdout.len(), expected.len());
    assert_eq!(fs::read_to_string(dir.path().join("runs")).unwrap(), "run\n");
}

#[tokio::test]
async fn a_command_goes_on_and_ends_without_any_client() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    // More than any pipe or backlog holds.
    let mut spec = sh("head -c 20000000 /dev/zero; echo end; touch done; exit 3");
    spec.working_dir = Some(dir.path().into());
    let step = spec.step.clone();
    drop(world.runner.spawn(spec).await.unwrap());
    eventually(|| dir.path().join("done").exists().then_some(())).await;
    let finished = finish(attach(&world.runner, &step).await).await;
    assert_eq!(finished.stdout.len(), 20_000_004);
    assert_eq!(finished.exit.code, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_for_a_slow_client_are_held_back_and_none_is_lost() {
    const LINES: usize = 100_000;
    // The head is far smaller: what is unread is not dropped all the same.
    let world = World::with(Settings { output_head: MIB, ..Settings::default() });
    let RunningProcess { mut output, handle } = world.runner.spawn(sh(&lines_script(LINES))).await.unwrap();
    let spool = world.dir().join("spool").join(&handle.identity().step);
    let size = || -> u64 {
        let files = fs::read_dir(&spool).unwrap().filter_map(Result::ok);
        files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
    };
    eventually(|| (size() > 8 * MIB).then_some(())).await;
    let mut found = String::new();
    let mut next = 0;
    while let Some(piece) = within(output.recv()).await {
        assert_eq!(piece.dropped_before, 0);
        found.push_str(std::str::from_utf8(&piece.bytes).unwrap());
        if found.len() > 10_000_000 {
            assert!(size() < 16 * MIB, "{} bytes wait", size());
            let whole = found.len() / 1000;
            assert!(found[..whole * 1000] == lines(next, next + whole));
            found.drain(..whole * 1000);
            next += whole;
        }
    }
    assert!(found == lines(next, LINES));
    assert!(within(handle.wait()).await.exit().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_head_the_end_is_kept_and_the_gap_is_counted() {
    const LINES: usize = 20_000;
    let world = World::new();
    let mut spec = sh(&lines_script(LINES));
    spec.output_head = Some(MIB);
    let process = world.runner.spawn(spec).await.unwrap();
    let (step, pid) = (process.handle.identity().step.clone(), process.handle.pid());
    drop(process);
    eventually(|| (!is_alive(pid)).then_some(())).await;
    let mut process = attach(&world.runner, &step).await;
    assert!(within(process.handle.wait()).await.exit().unwrap().success());
    let (mut head, mut tail, mut dropped) = (String::new(), String::new(), 0);
    while let Some(piece) = within(process.output.recv()).await {
        dropped += piece.dropped_before;
        let text = std::str::from_utf8(&piece.bytes).unwrap();
        if dropped == 0 { head.push_str(text) } else { tail.push_str(text) }
    }
    let all = lines(0, LINES);
    assert!(all.starts_with(&head) && all.ends_with(&tail));
    assert!(head.len() as u64 <= MIB && head.len() as u64 > MIB - 64 * 1024, "{}", head.len());
    assert!(tail.len() as u64 >= 2 * MIB && (tail.len() as u64) < 4 * MIB, "{}", tail.len());
    assert_eq!(head.len() as u64 + dropped + tail.len() as u64, all.len() as u64);
}

#[tokio::test]
async fn a_stuck_client_holds_back_its_own_step_only() {
    let world = World::new();
    let flood = world.runner.spawn(sh("exec yes")).await.unwrap();
    eventually(|| (flood.output.len() == flood.output.max_capacity()).then_some(())).await;
    for _ in 0..20 {
        let finished = finish(world.runner.spawn(sh("head -c 1000000 /dev/zero")).await.unwrap()).await;
        assert_eq!(finished.stdout.len(), 1_000_000);
    }
    // Nor does it hold back who attaches to the same step after it.
    let step = flood.handle.identity().step.clone();
    let mut newer = attach(&world.runner, &step).await;
    let mut read = 0;
    while read < 30_000_000 {
        read += within(newer.output.recv()).await.unwrap().bytes.len();
    }
    assert!(within(newer.stop(Duration::ZERO)).await.unwrap().is_proven());
    drop(flood);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_steps_at_once_keep_their_own_output_and_exit() {
    let world = World::new();
    let running = (0..100).map(|number| {
        let runner = world.runner.clone();
        tokio::spawn(async move {
            let script = format!("echo begin {number}; sleep 0.2; echo end {number} >&2; exit {number}");
            let process = runner.spawn(sh(&script)).await.unwrap();
            let step = process.handle.identity().step.clone();
            let finished = finish(process).await;
            assert_eq!(finished.stdout, format!("begin {number}\n"));
            assert_eq!(finished.stderr, format!("end {number}\n"));
            assert_eq!(finished.exit.code, Some(number));
            runner.forget(&step).await.unwrap();
        })
    });
    for task in running.collect::<Vec<_>>() {
        within(task).await.unwrap();
    }
    assert_eq!(world.runner.steps().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_suspended_client_costs_nobody_anything() {
    let world = World::new();
    let step = marker();
    let told = serde_json::to_string(&(world.settings(), &step, "exec yes")).unwrap();
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(roles::arguments("roles::starts_a_step_and_hangs"))
        .env(roles::CLIENT, told)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "reading"));
    signal(server.id(), Signal::SIGSTOP);
    let process = attach(&world.runner, &step).await;
    assert_eq!(finish(world.runner.spawn(sh("echo free")).await.unwrap()).await.stdout, "free\n");
    assert!(within(process.stop(Duration::ZERO)).await.unwrap().is_proven());
    within(drain(process.output)).await;
    server.kill().unwrap();
    server.wait().unwrap();
}

#[tokio::test]
async fn whoever_starts_a_step_gets_all_of_it_however_fast_it_prints() {
    // Without a reader the head would be left behind before the start is answered.
    let world = World::with(Settings { output_head: 0, ..Settings::default() });
    for _ in 0..5 {
        let finished = finish(world.runner.spawn(sh("yes | head -c 30000000")).await.unwrap()).await;
        assert_eq!(finished.stdout.len(), 30_000_000);
    }
}
