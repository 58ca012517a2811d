//! Output: as it comes, tagged, complete, and never waiting for ever.

use std::{fs, time::Duration};

use runner::{MAX_PIECE_BYTES, RunningProcess, Stream};

use crate::world::{World, drain, eventually, is_alive, pids_in, run, sh, within};

#[tokio::test]
async fn output_arrives_while_the_process_runs() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let mut spec = sh("printf first; while [ ! -e go ]; do sleep 0.01; done; echo second");
    spec.working_dir = Some(dir.path().into());
    let RunningProcess { mut output, handle } = world.runner.spawn(spec).await.unwrap();
    assert_eq!(&within(output.recv()).await.unwrap().bytes[..], b"first");
    assert_eq!(handle.exit(), None);
    fs::write(dir.path().join("go"), "").unwrap();
    assert_eq!(within(drain(output)).await.0, "second\n");
    assert!(within(handle.wait()).await.exit().unwrap().success());
}

#[tokio::test]
async fn stdout_and_stderr_are_told_apart() {
    let finished = run(sh("echo out; echo err >&2")).await;
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("out\n", "err\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_megabytes_under_back_pressure_lose_nothing() {
    let world = World::new();
    const LINES: u32 = 7_000_000;
    let RunningProcess { mut output, handle } = world.runner.spawn(sh(&format!("exec seq 1 {LINES}"))).await.unwrap();
    // Unread, the pieces fill the channel and hold the process back.
    eventually(|| (output.len() == output.max_capacity()).then_some(())).await;
    assert_eq!(handle.exit(), None);

    let mut expected = (1..=LINES).flat_map(|line| format!("{line}\n").into_bytes());
    let mut total = 0;
    while let Some(piece) = within(output.recv()).await {
        assert_eq!(piece.stream, Stream::Stdout);
        assert!(!piece.bytes.is_empty() && piece.bytes.len() <= MAX_PIECE_BYTES);
        assert!(piece.bytes.iter().copied().eq(expected.by_ref().take(piece.bytes.len())));
        total += piece.bytes.len();
    }
    assert_eq!(expected.next(), None);
    assert!(total > 50_000_000);
    assert!(within(handle.wait()).await.exit().unwrap().success());
}

#[tokio::test]
async fn a_reader_slower_than_the_patience_loses_nothing() {
    let world = World::new();
    // The channel fills, the rest waits in the pipe, and the process ends.
    let script = "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); sleep 0.001; done";
    let RunningProcess { output, handle } = world.runner.spawn(sh(script)).await.unwrap();
    within(handle.wait()).await;
    // The subject is what happens when time passes: longer than the two seconds of patience.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let expected: String = (0..300).map(|line| format!("{line}\n")).collect();
    assert_eq!(within(drain(output)).await.0, expected);
}

#[tokio::test]
async fn a_background_process_that_holds_the_pipe_does_not_hang_the_step() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let mut spec = sh("sleep 1000 & echo $! > pids; (sleep 0.2; echo late) & echo early");
    spec.working_dir = Some(dir.path().into());
    let RunningProcess { output, handle } = world.runner.spawn(spec).await.unwrap();
    assert!(within(handle.wait()).await.exit().unwrap().success());
    assert_eq!(within(drain(output)).await.0, "early\nlate\n");

    let left = pids_in(&dir.path().join("pids"), 1).await[0];
    assert!(is_alive(left), "what was put in the background stays");
    assert!(within(handle.stop(Duration::from_secs(10))).await.unwrap().is_proven());
    assert!(!is_alive(left), "until the step is stopped");
}

#[tokio::test]
async fn a_background_process_that_never_falls_silent_does_not_hang_the_step() {
    let world = World::new();
    let dripping = "while :; do echo x; sleep 0.01; done";
    let flooding = "exec yes";
    for chatter in [dripping, flooding] {
        let script = format!("echo early; sh -c '{chatter}' & exit 3");
        let RunningProcess { mut output, handle } = world.runner.spawn(sh(&script)).await.unwrap();
        let first = within(output.recv()).await.unwrap();
        assert!(first.bytes.starts_with(b"early\n"));
        while within(output.recv()).await.is_some() {}
        assert_eq!(within(handle.wait()).await.exit().unwrap().code, Some(3));
        assert!(within(handle.stop(Duration::from_secs(10))).await.unwrap().is_proven());
    }
}

#[tokio::test]
async fn a_process_nobody_listens_to_is_not_hurt() {
    let world = World::new();
    let RunningProcess { output, handle } = world.runner.spawn(sh("head -c 3000000 /dev/zero || exit 9")).await.unwrap();
    drop(output);
    assert_eq!(within(handle.wait()).await.exit().unwrap().code, Some(0));
}
