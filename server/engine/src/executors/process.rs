//! Runs a process to its end, its output on its way meanwhile: of the runner, started now or found again, or on a host.

mod given_up;
mod handle;

use std::future::Future;

use domain::run::NOT_STARTED;
use domain::{RunState, Stream};
use runner::{Attached, Exit, OutputPiece, ProcessSpec, RunnerError, RunningProcess};
use tokio::sync::mpsc;

use self::given_up::GivenUp;
pub(crate) use self::given_up::end_found;
use self::handle::{End, Process, Stopped};
use super::{Cause, Scene, Watch};
use crate::error::Halt;
use crate::handle::Shared;
use crate::output::Output;
use crate::ssh::{RemoteSpec, SshError, Target};

/// How often a runner is told to start a process, where one after the other dies before it does.
const TRIES: u32 = 3;

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
/// Where the lease is lost it is killed. Where the engine closes, or the store fails, one of the runner goes on without us, and
/// whoever takes the run up next finds it there, unless the lease is lost before the run is given back.
pub(super) async fn run(
    spec: ProcessSpec,
    scene: &mut Scene<'_>,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Ended, Halt> {
    let step = spec.step.clone();
    let mut process = match start(spec, scene, output, watch).await? {
        Ok(process) => process,
        Err(ended) => return Ok(ended),
    };
    let mut told = 0;
    loop {
        let given_up = GivenUp::new(&scene.shared.runner, &watch.control, &process.handle, &step, scene.shared.config.alone);
        match follow(process, told, scene.shared, output, watch).await {
            Err(Halt::Lost) => {
                given_up.end().await;
                return Err(Halt::Lost);
            }
            Err(halt) => return Err(halt),
            Ok(Followed::Ended(ended)) => {
                given_up.followed();
                return Ok(ended);
            }
            Ok(Followed::RunnerLost { pieces }) => {
                given_up.followed();
                told = pieces;
                match find(scene.shared, &step).await {
                    Found::Process(found) => process = found.into(),
                    Found::Nothing => {
                        let (sentence, _) = end_unknown(scene.shared, &step).await;
                        return Ok(Ended::Lost(sentence));
                    }
                    Found::Lost(sentence) => return Ok(Ended::Lost(sentence)),
                }
            }
        }
    }
}

async fn start(
    mut spec: ProcessSpec,
    scene: &mut Scene<'_>,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Result<Process, Ended>, Halt> {
    if let Some(target) = scene.target {
        return start_on_host(spec, target, scene, output, watch).await;
    }
    if let Some(found) = scene.found.take() {
        return Ok(Ok(found.into()));
    }
    // What we would drop the runner need not keep, and what we keep it must not drop.
    spec.output_head = Some(scene.shared.config.output_cap);
    let runner = &scene.shared.runner;
    for heard in 0..TRIES {
        match runner.spawn(spec.clone()).await {
            Ok(process) => return Ok(Ok(process.into())),
            // It may have been started before the connection went, or after all by the one that did not answer.
            Err(RunnerError::ConnectionLost { .. } | RunnerError::NotAnswering { .. } | RunnerError::Ending) => {}
            Err(RunnerError::AlreadyKnown { .. }) if heard > 0 => {}
            // The process is started beside its record.
            Err(error @ RunnerError::Record { .. }) => return Ok(Err(Ended::Lost(format!("{NOBODY_SAW}; {}", chain(&error))))),
            Err(error) => return Ok(Err(Ended::NotStarted(chain(&error)))),
        }
        match find(scene.shared, &spec.step).await {
            Found::Process(found) => return Ok(Ok(found.into())),
            // A runner has a record of what it starts, so this was not started, and may be.
            Found::Nothing => {}
            Found::Lost(sentence) => return Ok(Err(Ended::Lost(sentence))),
        }
    }
    Ok(Err(Ended::NotStarted("the runner of this server does not answer".to_owned())))
}

async fn start_on_host(
    spec: ProcessSpec,
    target: &Target,
    scene: &Scene<'_>,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Result<Process, Ended>, Halt> {
    let run = output.pen.run.clone();
    let connecting = async {
        let connection = scene.hosts.connect(scene.shared, &run, target).await?;
        let spec = remote(spec);
        let started = match connection.run(spec.clone()).await {
            // The open one broke before anything was started, so there is no outcome to be unknown: a new one.
            Err(SshError::Closed { .. }) => scene.hosts.connect(scene.shared, &run, target).await?.run(spec).await,
            started => started,
        };
        started.map_err(|error| chain(&error))
    };
    Ok(match unless_broken_off(connecting, output, watch).await? {
        Ok(Ok(process)) => Ok(process.into()),
        Ok(Err(sentence)) => Err(Ended::NotStarted(sentence)),
        Err(cause) => Err(Ended::BrokenOff(cause, format!("{NOT_STARTED} on host {}", target.name))),
    })
}

/// Waits for something that comes before there is a process to stop.
async fn unless_broken_off<T>(
    work: impl Future<Output = T>,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Result<T, Cause>, Halt> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(Ok(done)),
            cause = watch.next() => match cause {
                Cause::Asked(asked) => output.pen.announce(asked),
                Cause::Lost => return Err(Halt::Lost),
                cause => {
                    announce_stop(cause, output);
                    return Ok(Err(cause));
                }
            },
        }
    }
}

fn remote(spec: ProcessSpec) -> RemoteSpec {
    let mut remote = RemoteSpec::new(spec.step, spec.interpreter, spec.script);
    remote.working_dir = spec.working_dir.map(|dir| dir.to_string_lossy().into_owned());
    remote.env = spec.env;
    remote.files = spec.files;
    remote
}

/// What the runner knows of a step that was begun.
pub(crate) enum Found {
    /// Its process, running or ended.
    Process(RunningProcess),
    /// Nothing: it was never told to start it, or it is not the runner that was.
    Nothing,
    /// Nobody knows how it ended. What was left of it is ended; the sentence says so.
    Lost(String),
}

/// Finds a step at the runner.
pub(crate) async fn find(shared: &Shared, step: &str) -> Found {
    let lost = |what: &str| format!("{NOBODY_SAW}; {what}");
    match shared.runner.attach(step).await {
        Ok(Attached::Process(process)) => Found::Process(process),
        // The runner keeps its record until the store has what became of it: a step without one counts as never started.
        Ok(Attached::Lost(identity)) => match shared.runner.stop_lost(identity, shared.config.stop_grace).await {
            Ok(report) => Found::Lost(lost(&report.describe())),
            Err(error) => Found::Lost(lost(&not_looked_for(&error))),
        },
        Ok(Attached::Unknown) => Found::Nothing,
        Err(error) => Found::Lost(lost(&format!("the runner cannot be asked: {}", chain(&error)))),
    }
}

/// Ends what may still be alive of a step that the runner does not know: another runner may have started it, or the record was
/// lost. What is said of it, and whether nothing of it was alive.
pub(crate) async fn end_unknown(shared: &Shared, step: &str) -> (String, bool) {
    let (what, nothing) = match shared.runner.stop_unknown(step, shared.config.stop_grace).await {
        Ok(report) => (report.describe(), report.found_nothing()),
        Err(error) => (not_looked_for(&error), false),
    };
    (format!("{NOBODY_SAW}; {NOT_KNOWN}; {what}"), nothing)
}

fn not_looked_for(error: &RunnerError) -> String {
    format!("what is left of it could not be looked for: {}", chain(error))
}

/// What is said of a process that ran on while nobody looked.
pub(crate) const NOBODY_SAW: &str = "nobody saw how it ended, and it may or may not have taken effect";

/// What is said of a step that the runner should know.
pub(crate) const NOT_KNOWN: &str = "the runner of this server does not know it";

/// Passes on what a process prints, beginning after the pieces that were told already.
async fn follow(
    process: Process,
    told: u64,
    shared: &Shared,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Followed, Halt> {
    let Process { output: mut pieces, handle } = process;
    let mut seen = 0;
    let mut open = true;
    let mut exit = None;
    let mut breaking: Option<Cause> = None;
    let mut stopping = None;
    let mut report: Option<Stopped> = None;
    let mut lost = None;
    let stop = || {
        let (handle, grace) = (handle.clone(), shared.config.stop_grace);
        Box::pin(async move { handle.stop(grace).await })
    };
    // After a stop the pipes close by themselves, unless something survived that holds them.
    while open || exit.is_none() || ((breaking.is_some() || lost.is_some()) && report.is_none()) {
        if report.as_ref().is_some_and(|report| !report.proven) {
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
            end = handle.wait(), if exit.is_none() => match end {
                End::Exit(ended) => exit = Some(ended),
                End::RunnerLost => {
                    drain(&mut pieces, &mut seen, told, output).await?;
                    return Ok(Followed::RunnerLost { pieces: seen.max(told) });
                }
                // It may still run: it is looked for, and ended, by another way. A stop that is under way does that.
                End::Lost(sentence) => {
                    exit = Some(Exit { code: None, signal: None });
                    if breaking.is_none() {
                        lost = Some(sentence);
                        stopping = Some(stop());
                    }
                }
                End::NotStarted(sentence) => {
                    drain(&mut pieces, &mut seen, told, output).await?;
                    // Whoever stopped it need not be told why it would not have worked.
                    return Ok(Followed::Ended(match breaking {
                        Some(Cause::Stop) => Ended::BrokenOff(Cause::Stop, format!("{NOT_STARTED}: {sentence}")),
                        _ => Ended::NotStarted(sentence),
                    }));
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
                Cause::Closed if handle.outlives_us() => return Err(Halt::HandBack),
                cause => {
                    announce_stop(cause, output);
                    breaking = Some(cause);
                    stopping = Some(stop());
                }
            },
        }
    }
    Ok(Followed::Ended(match (breaking, lost, report, exit) {
        // That the search took too long says no more of how it ended.
        (None | Some(Cause::TimedOut), Some(lost), Some(report), _) => Ended::Lost(format!("{lost}; {}", report.sentence)),
        (Some(cause), _, Some(report), _) => Ended::BrokenOff(cause, report.sentence),
        (_, _, _, Some(exit)) => Ended::Exit(exit),
        (_, _, _, None) => Ended::Exit(Exit { code: None, signal: None }),
    }))
}

fn announce_stop(cause: Cause, output: &mut Output<'_>) {
    if cause == Cause::Stop {
        let mode = output.pen.run.mode;
        output.pen.announce((RunState::Stopping, mode));
    }
}

/// What had come before the end.
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
