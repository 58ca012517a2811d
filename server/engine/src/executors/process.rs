//! Runs a process to its end, its output on its way meanwhile: one of the runner, started now or found again.

use std::time::Duration;

use domain::{RunState, Stream};
use runner::{Attached, Exit, OutputPiece, ProcessHandle, ProcessSpec, RunningProcess};
use tokio::sync::mpsc;

use super::{Cause, Scene, Watch};
use crate::error::Halt;
use crate::handle::Shared;
use crate::output::Output;

/// How a process ended.
pub(super) enum Ended {
    /// By itself.
    Exit(Exit),
    /// Broken off; the sentence says what is left of it.
    BrokenOff(Cause, String),
    /// It could not be started.
    NotStarted(String),
    /// Nobody knows; the sentence says why, and what was found of it.
    Lost(String),
}

/// How following a process came to its end.
enum Followed {
    Ended(Ended),
    /// The runner is gone, or the connection to it; so many pieces of output had come.
    RunnerLost {
        pieces: u64,
    },
}

/// Starts a process, or goes on with the one that was found, and follows it.
///
/// Where the lease is lost it is killed. Where the engine closes, or the store fails, it goes on without us, and whoever takes
/// the run up next finds it at the runner.
pub(super) async fn run(
    spec: ProcessSpec,
    scene: &mut Scene<'_>,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Ended, Halt> {
    let shared = scene.shared;
    let step = spec.step.clone();
    let mut process = match scene.found.take() {
        Some(found) => found,
        None => match shared.runner.spawn(spec).await {
            Ok(process) => process,
            // It may have been started before the connection went.
            Err(runner::RunnerError::ConnectionLost { .. }) => match find(shared, &step).await {
                Ok(process) => process,
                Err(sentence) => return Ok(Ended::Lost(sentence)),
            },
            Err(error) => return Ok(Ended::NotStarted(chain(&error))),
        },
    };
    let mut told = 0;
    loop {
        let handle = process.handle.clone();
        let followed = follow(process, told, shared, output, watch).await;
        match followed {
            Err(Halt::Lost) => {
                _ = handle.stop(Duration::ZERO).await;
                return Err(Halt::Lost);
            }
            Err(halt) => return Err(halt),
            Ok(Followed::Ended(ended)) => return Ok(ended),
            Ok(Followed::RunnerLost { pieces }) => {
                told = pieces;
                match find(shared, &step).await {
                    Ok(found) => process = found,
                    Err(sentence) => return Ok(Ended::Lost(sentence)),
                }
            }
        }
    }
}

/// Finds a step at the runner. Of one that is lost there, what is left is ended; the error says so.
pub(crate) async fn find(shared: &Shared, step: &str) -> Result<RunningProcess, String> {
    let lost = |what: &str| format!("nobody saw how it ended, and it may or may not have taken effect; {what}");
    match shared.runner.attach(step).await {
        Ok(Attached::Process(process)) => Ok(process),
        Ok(Attached::Lost(identity)) => match shared.runner.stop_lost(identity, shared.config.stop_grace).await {
            Ok(report) => {
                // What the runner still keeps of it says nothing more.
                _ = shared.runner.forget(step).await;
                Err(lost(&report.describe()))
            }
            Err(error) => Err(lost(&format!("what is left of it could not be looked for: {}", chain(&error)))),
        },
        Ok(Attached::Unknown) => Err(lost("the runner of this server does not know it")),
        Err(error) => Err(lost(&format!("the runner cannot be asked: {}", chain(&error)))),
    }
}

/// Passes on what a process prints, beginning after the pieces that were told already.
async fn follow(
    process: RunningProcess,
    told: u64,
    shared: &Shared,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Followed, Halt> {
    let RunningProcess { output: mut pieces, handle } = process;
    let mut seen = 0;
    let mut open = true;
    let mut exit = None;
    let mut breaking: Option<Cause> = None;
    let mut stopping = None;
    let mut report = None;
    // After a stop the pipes close by themselves, unless something survived that holds them.
    while open || exit.is_none() || (breaking.is_some() && report.is_none()) {
        if matches!(&report, Some(Stopped { proven: false, .. })) {
            break;
        }
        tokio::select! {
            piece = pieces.recv(), if open => match piece {
                Some(piece) => {
                    seen += 1;
                    if seen > told {
                        push(output, &piece).await?;
                    }
                }
                None => open = false,
            },
            () = output.due() => output.flush().await?,
            ended = handle.wait(), if exit.is_none() => match ended {
                runner::Ended::Exit(ended) => exit = Some(ended),
                runner::Ended::RunnerLost => {
                    drain(&mut pieces, &mut seen, told, output).await?;
                    return Ok(Followed::RunnerLost { pieces: seen.max(told) });
                }
            },
            done = async { stopping.as_mut().expect("only polled when it is there").await }, if stopping.is_some() => {
                stopping = None;
                report = Some(done);
            }
            cause = watch.next(), if breaking.is_none() => match cause {
                Cause::Asked(asked) => output.pen.announce(asked),
                Cause::Lost => return Err(Halt::Lost),
                // The process is the runner's, not ours: the next engine finds it there.
                Cause::Closed => return Err(Halt::HandBack),
                cause @ (Cause::Stop | Cause::TimedOut) => {
                    if cause == Cause::Stop {
                        let mode = output.pen.run.mode;
                        output.pen.announce((RunState::Stopping, mode));
                    }
                    breaking = Some(cause);
                    stopping = Some(Box::pin(stop(handle.clone(), shared.config.stop_grace)));
                }
            },
        }
    }
    Ok(Followed::Ended(match (breaking, report, exit) {
        (Some(cause), Some(report), _) => Ended::BrokenOff(cause, report.sentence),
        (_, _, Some(exit)) => Ended::Exit(exit),
        (_, _, None) => Ended::Exit(Exit { code: None, signal: None }),
    }))
}

/// What had come before the runner went.
async fn drain(pieces: &mut mpsc::Receiver<OutputPiece>, seen: &mut u64, told: u64, output: &mut Output<'_>) -> Result<(), Halt> {
    while let Some(piece) = pieces.recv().await {
        *seen += 1;
        if *seen > told {
            push(output, &piece).await?;
        }
    }
    Ok(())
}

async fn push(output: &mut Output<'_>, piece: &OutputPiece) -> Result<(), Halt> {
    if piece.dropped_before > 0 {
        output.cut(piece.dropped_before);
    }
    output.push(stream(piece.stream), &piece.bytes).await
}

/// What a stop came to.
struct Stopped {
    proven: bool,
    sentence: String,
}

async fn stop(handle: ProcessHandle, grace: Duration) -> Stopped {
    match handle.stop(grace).await {
        Ok(report) => Stopped { proven: report.is_proven(), sentence: report.describe() },
        Err(error) => Stopped { proven: false, sentence: format!("stop unconfirmed: {}", chain(&error)) },
    }
}

const fn stream(stream: runner::Stream) -> Stream {
    match stream {
        runner::Stream::Stdout => Stream::Stdout,
        runner::Stream::Stderr => Stream::Stderr,
    }
}

/// An error and its causes as one sentence.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
