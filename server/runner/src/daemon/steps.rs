//! All steps that the runner knows: those it started and those a former one left.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::{
    life::Life,
    step::{Keepers, SYNC_PATIENCE, Step},
};
use crate::{
    Exit, ProcessIdentity, ProcessSpec, RunnerError, StopReport,
    confine::Confiner,
    secret_file::remove_lost,
    spool::{Cursor, Folder, Kept, Log, Note, Saved, Spool},
    stop::stop_lost,
};

/// How long a runner that ends waits until all is on disk.
const LAST_WRITES: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Steps {
    spool: Spool,
    confiner: Confiner,
    head_bytes: u64,
    life: Arc<Life>,
    /// The tasks that write to the spool.
    keepers: TaskTracker,
    table: Mutex<Table>,
    /// Wakes those who wait for a start to be over.
    settled: Notify,
}

#[derive(Debug, Default)]
struct Table {
    slots: HashMap<String, Slot>,
    ending: bool,
}

#[derive(Clone, Debug)]
enum Slot {
    Starting,
    Own(Arc<Step>),
    /// Ended under a former runner.
    Saved(Folder, Note, Kept),
    /// A former runner died while it ran, or it could not be noted.
    Lost(Folder, Note),
}

/// What there is to say to somebody who asks for a step.
#[derive(Debug)]
pub(super) enum Found {
    Process(Source),
    Lost(ProcessIdentity),
    Unknown,
}

/// What a replay needs.
#[derive(Debug)]
pub(super) struct Source {
    pub identity: ProcessIdentity,
    pub cursor: Cursor,
    pub exit: watch::Receiver<Option<Exit>>,
}

impl Source {
    fn of(step: &Step, cursor: Cursor) -> Self {
        Self { identity: step.identity().clone(), cursor, exit: step.exit() }
    }
}

impl Steps {
    /// Begins with what a former runner left.
    pub fn load(spool: Spool, confiner: Confiner, head_bytes: u64, life: Arc<Life>) -> Result<Self, RunnerError> {
        let mut table = Table::default();
        for saved in spool.load()? {
            let (step, slot) = match saved {
                Saved::Ended(folder, note, kept) => (note.identity.step.clone(), Slot::Saved(folder, note, kept)),
                Saved::Lost(folder, note) => {
                    warn!(step = note.identity.step, process.pid = note.identity.pid, "a former runner died with this step");
                    (note.identity.step.clone(), Slot::Lost(folder, note))
                }
            };
            table.slots.insert(step, slot);
        }
        Ok(Self {
            spool,
            confiner,
            head_bytes,
            life,
            keepers: TaskTracker::new(),
            table: Mutex::new(table),
            settled: Notify::new(),
        })
    }

    pub fn confiner(&self) -> &Confiner {
        &self.confiner
    }

    /// Starts a step, once.
    pub async fn start(self: &Arc<Self>, spec: ProcessSpec) -> Result<Source, RunnerError> {
        spec.validate()?;
        let name = spec.step.clone();
        self.reserve(&name)?;
        let launched = if spec.working_dir.is_none() && spec.files.is_empty() && self.is_the_only_one(&name) {
            // Nobody else waits, and two threads that wake each other take as long as such a start.
            self.launch(&spec)
        } else {
            // Directories and processes may take their time; nobody else waits for it.
            let steps = self.clone();
            let launched = spawn_blocking(move || steps.launch(&spec)).await;
            launched.unwrap_or_else(|error| Err(RunnerError::Record { step: name.clone(), source: io::Error::other(error) }))
        };
        self.started(&name, launched).await
    }

    /// Gives a started step to those who wait for it. One that could not be noted is ended, and counts as lost: whoever asks next
    /// must not take it for one that never was.
    async fn started(&self, name: &str, launched: Result<Launched, RunnerError>) -> Result<Source, RunnerError> {
        let (slot, result) = match launched {
            Ok(Launched { step, cursor, noted: Ok(()) }) => {
                let source = Source::of(&step, cursor);
                (Some(Slot::Own(step)), Ok(source))
            }
            Ok(Launched { step, noted: Err(source), .. }) => {
                step.undo().await;
                (Some(Slot::Lost(step.folder().clone(), step.note())), Err(RunnerError::Record { step: name.to_owned(), source }))
            }
            Err(error) => (None, Err(error)),
        };
        self.settle(name, slot);
        result
    }

    /// Takes the name of a step.
    fn reserve(&self, step: &str) -> Result<(), RunnerError> {
        let mut table = self.table();
        if table.ending {
            return Err(RunnerError::Ending);
        }
        match table.slots.entry(step.to_owned()) {
            Entry::Occupied(_) => Err(RunnerError::AlreadyKnown { step: step.to_owned() }),
            Entry::Vacant(slot) => {
                slot.insert(Slot::Starting);
                Ok(())
            }
        }
    }

    /// Whether no other step starts or runs.
    fn is_the_only_one(&self, step: &str) -> bool {
        let is_alive = |slot: &Slot| match slot {
            Slot::Starting => true,
            Slot::Own(own) => !own.has_ended(),
            Slot::Saved(..) | Slot::Lost(..) => false,
        };
        !self.table().slots.iter().any(|(name, slot)| name != step && is_alive(slot))
    }

    /// Makes the folder of a step, then its process. Blocks.
    fn launch(self: &Arc<Self>, spec: &ProcessSpec) -> Result<Launched, RunnerError> {
        let folder = self.spool.create(&spec.step)?;
        let keepers = Keepers { tasks: &self.keepers, life: &self.life };
        match Step::start(spec, &folder, &self.confiner, self.head_bytes, keepers) {
            Ok((step, cursor, noted)) => {
                keepers.begin(keep_folder(self.clone(), step.clone()));
                Ok(Launched { step, cursor, noted })
            }
            Err(error) => {
                remove_folder(folder.path());
                Err(error)
            }
        }
    }

    fn settle(&self, name: &str, slot: Option<Slot>) {
        let mut table = self.table();
        match slot {
            Some(slot) => table.slots.insert(name.to_owned(), slot),
            None => table.slots.remove(name),
        };
        drop(table);
        self.settled.notify_waiters();
    }

    /// What is known of a step, once it has started if it is starting.
    pub async fn find(&self, step: &str) -> Result<Found, RunnerError> {
        Ok(match self.slot(step).await {
            None | Some(Slot::Starting) => Found::Unknown,
            Some(Slot::Own(step)) => Found::Process(Source::of(&step, step.log().read())),
            Some(Slot::Lost(_, note)) => Found::Lost(note.identity),
            Some(Slot::Saved(folder, note, kept)) => {
                let path = folder.path().to_owned();
                let loading = spawn_blocking(move || Log::load(path, kept.whole)).await;
                let log = loading
                    .map_err(io::Error::other)
                    .and_then(|loaded| loaded)
                    .map_err(|source| RunnerError::Record { step: step.to_owned(), source })?;
                let (_, exit) = watch::channel(Some(kept.exit));
                Found::Process(Source { identity: note.identity, cursor: log.read(), exit })
            }
        })
    }

    /// Ends whatever there is of a step.
    pub async fn stop(&self, step: &str, grace: Duration) -> Result<StopReport, RunnerError> {
        match self.slot(step).await {
            None | Some(Slot::Starting) => Err(RunnerError::UnknownStep { step: step.to_owned() }),
            Some(Slot::Own(step)) => Ok(step.stop(grace).await),
            Some(Slot::Saved(_, note, _) | Slot::Lost(_, note)) => Ok(stop_noted(&note, grace).await),
        }
    }

    /// Ends what a former runner, of this directory or another, left.
    pub async fn stop_lost(&self, identity: ProcessIdentity, grace: Duration) -> StopReport {
        match self.slot(&identity.step).await {
            Some(Slot::Lost(_, note)) if note.identity == identity => stop_noted(&note, grace).await,
            _ => stop_lost(&identity, grace).await,
        }
    }

    /// Removes the records of steps that have ended or were lost. Harmless where there is none. The first that cannot be removed
    /// is the error; the others go all the same. Blocks.
    pub fn forget(&self, steps: &[String]) -> Result<(), RunnerError> {
        let mut aside = Vec::with_capacity(steps.len());
        let mut outcome = Ok(());
        for step in steps {
            match self.set_aside(step) {
                Ok(folder) => aside.extend(folder),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        // A later runner does it otherwise.
        aside.iter().for_each(|folder| remove_folder(folder));
        outcome
    }

    /// Takes a step out of the table and its folder out of the spool; where the folder is now.
    fn set_aside(&self, step: &str) -> Result<Option<PathBuf>, RunnerError> {
        let mut table = self.table();
        let folder = match table.slots.get(step) {
            None => return Ok(None),
            Some(Slot::Starting) => return Err(RunnerError::StillRunning { step: step.to_owned() }),
            Some(Slot::Own(own)) if !own.has_ended() => return Err(RunnerError::StillRunning { step: step.to_owned() }),
            Some(Slot::Own(own)) => {
                own.log().abandon();
                own.folder().clone()
            }
            Some(Slot::Saved(folder, ..)) => folder.clone(),
            Some(Slot::Lost(folder, note)) => {
                note.private_dir.as_deref().inspect(|dir| remove_lost(dir));
                folder.clone()
            }
        };
        // In the table's time, so that the same step cannot be started in between.
        let aside = match folder.set_aside() {
            Ok(aside) => Some(aside),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(RunnerError::Record { step: step.to_owned(), source }),
        };
        table.slots.remove(step);
        Ok(aside)
    }

    pub fn names(&self) -> Vec<String> {
        self.table().slots.keys().cloned().collect()
    }

    /// Starts nothing more, stops what runs, and waits until its end is on disk.
    pub async fn end(&self, grace: Duration) {
        self.table().ending = true;
        let stopping = self.names().into_iter().map(|name| async move {
            if let Some(Slot::Own(step)) = self.slot(&name).await
                && !step.has_ended()
            {
                let report = step.stop(grace).await;
                info!(step = name, "{}", report.describe());
            }
        });
        join_all(stopping).await;
        self.keepers.close();
        if timeout(LAST_WRITES, self.keepers.wait()).await.is_err() {
            warn!("the runner ends before all output is on disk");
        }
    }

    /// What is known of a step, once it is no longer starting.
    async fn slot(&self, step: &str) -> Option<Slot> {
        loop {
            let settled = self.settled.notified();
            match self.table().slots.get(step).cloned() {
                Some(Slot::Starting) => {}
                slot => return slot,
            }
            settled.await;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn stop_noted(note: &Note, grace: Duration) -> StopReport {
    let report = stop_lost(&note.identity, grace).await;
    if report.is_proven()
        && let Some(dir) = note.private_dir.clone()
    {
        spawn_blocking(move || remove_lost(&dir));
    }
    report
}

/// A process that runs, and whether that could be noted.
struct Launched {
    step: Arc<Step>,
    cursor: Cursor,
    noted: io::Result<()>,
}

/// Makes the folder of a step outlast the machine, unless the step is forgotten before: what is over that soon is in the store.
async fn keep_folder(steps: Arc<Steps>, step: Arc<Step>) {
    sleep(SYNC_PATIENCE).await;
    if !step.log().is_abandoned()
        && let Err(error) = steps.spool.sync().await
    {
        warn!(step = step.identity().step, %error, "the start of a step could not be kept on disk");
    }
}

fn remove_folder(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path) {
        warn!(path = %path.display(), %error, "the folder of a step could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Confine;

    async fn steps(dir: &Path) -> Arc<Steps> {
        let spool = Spool::open(dir.join("spool")).expect("a spool");
        let confiner = Confiner::choose(Confine::Never, &[]).await.expect("no confinement");
        Arc::new(Steps::load(spool, confiner, 1 << 20, Life::new()).expect("the steps"))
    }

    #[tokio::test]
    async fn a_step_that_was_started_and_could_not_be_noted_counts_as_lost_now_and_for_the_next_runner() {
        let dir = tempfile::tempdir().expect("a folder");
        let effect = dir.path().join("effect");
        let here = steps(dir.path()).await;
        let spec = ProcessSpec::new("s", "/bin/sh", format!("echo once >> {}; exec sleep 600", effect.display()));
        here.reserve("s").expect("a free name");
        let launched = here.launch(&spec).expect("a process");
        let happens = async {
            while !effect.exists() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), happens).await.expect("the command takes effect");
        let full = Launched { noted: Err(io::Error::from(io::ErrorKind::StorageFull)), ..launched };
        fs::remove_file(full.step.folder().path().join("identity")).expect("the note");

        let refused = here.started("s", Ok(full)).await;
        assert!(matches!(refused, Err(RunnerError::Record { .. })), "{refused:?}");
        assert!(matches!(here.find("s").await, Ok(Found::Lost(_))));
        assert!(matches!(here.start(spec).await, Err(RunnerError::AlreadyKnown { .. })), "it is not started a second time");
        assert!(matches!(steps(dir.path()).await.find("s").await, Ok(Found::Lost(_))));
        here.forget(&["s".to_owned()]).expect("forgotten");
        assert!(matches!(here.find("s").await, Ok(Found::Unknown)));
        assert!(matches!(steps(dir.path()).await.find("s").await, Ok(Found::Unknown)));
    }
}
