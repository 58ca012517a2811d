//! Runs a process to its end, its output on its way meanwhile.

use domain::Stream;
use runner::{Exit, ProcessHandle, ProcessSpec, RunningProcess, StopReport};

use super::{Cause, Watch};
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
}

/// Starts a process and follows it. Where the lease is lost or the store fails, it is killed.
pub(super) async fn run(spec: ProcessSpec, shared: &Shared, output: &mut Output<'_>, watch: &mut Watch) -> Result<Ended, Halt> {
    let process = match runner::spawn(spec).await {
        Ok(process) => process,
        Err(error) => return Ok(Ended::NotStarted(chain(&error))),
    };
    let handle = process.handle.clone();
    let ended = follow(process, shared, output, watch).await;
    if ended.is_err() {
        handle.stop(std::time::Duration::ZERO).await;
    }
    ended
}

async fn follow(process: RunningProcess, shared: &Shared, output: &mut Output<'_>, watch: &mut Watch) -> Result<Ended, Halt> {
    let RunningProcess { output: mut pieces, handle } = process;
    let mut open = true;
    let mut exit = None;
    let mut breaking: Option<Cause> = None;
    let mut report: Option<StopReport> = None;
    let mut stopping = None;
    // After a stop the pipes close by themselves, unless something survived that holds them.
    while open || exit.is_none() || (breaking.is_some() && report.is_none()) {
        if let Some(report) = &report
            && !report.is_proven()
        {
            break;
        }
        tokio::select! {
            piece = pieces.recv(), if open => match piece {
                Some(piece) => output.push(stream(piece.stream), &piece.bytes).await?,
                None => open = false,
            },
            () = output.due() => output.flush().await?,
            ended = handle.wait(), if exit.is_none() => exit = Some(ended),
            done = async { stopping.as_mut().expect("only polled when it is there").await }, if stopping.is_some() => {
                stopping = None;
                report = Some(done);
            }
            cause = watch.next(), if breaking.is_none() => match cause {
                Cause::Asked(asked) => output.pen.announce(asked),
                Cause::Lost => return Err(Halt::Lost),
                cause => {
                    if cause == Cause::Stop {
                        let mode = output.pen.run.mode;
                        output.pen.announce((domain::RunState::Stopping, mode));
                    }
                    breaking = Some(cause);
                    stopping = Some(Box::pin(stop(handle.clone(), shared.config.stop_grace)));
                }
            },
        }
    }
    Ok(match (breaking, report, exit) {
        (Some(cause), Some(report), _) => Ended::BrokenOff(cause, report.describe()),
        (_, _, Some(exit)) => Ended::Exit(exit),
        (_, _, None) => Ended::Exit(Exit { code: None, signal: None }),
    })
}

async fn stop(handle: ProcessHandle, grace: std::time::Duration) -> StopReport {
    handle.stop(grace).await
}

const fn stream(stream: runner::Stream) -> Stream {
    match stream {
        runner::Stream::Stdout => Stream::Stdout,
        runner::Stream::Stderr => Stream::Stderr,
    }
}

/// An error and its causes as one sentence.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
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
