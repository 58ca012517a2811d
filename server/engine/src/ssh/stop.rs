//! Ends everything a step started on a host, and looks whether that is true.

use std::time::Duration;

use runner::{StopReport, StopSignal};
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use super::{
    Connection, SshError,
    look::{Looker, Source},
    processes::{Family, Member},
};

/// How often survivors are killed and looked for again.
const KILL_ROUNDS: u32 = 35;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long an answer may take on the connection that carries the command's output too: where nobody reads that output, it
/// never comes.
const SHARED_PATIENCE: Duration = Duration::from_secs(3);

/// How long an answer may take on a connection of the stop's own, from a busy host.
const OWN_PATIENCE: Duration = Duration::from_secs(15);

/// How long a new connection may take where the old one is of no use.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How many connections of its own a stop may open.
const MAX_CONNECTIONS: u32 = 3;

/// What is to be ended.
#[derive(Clone, Debug)]
pub(super) struct Quarry {
    pub(super) step: String,
    /// The command's process group, where it is known and its own.
    pub(super) group: Option<u32>,
    /// The command itself has ended.
    pub(super) ended: bool,
}

impl Quarry {
    /// A step of which nothing but its marker is known.
    pub(super) fn lost(step: &str) -> Self {
        Self { step: step.to_owned(), group: None, ended: true }
    }
}

/// A stop's result as a step says it: `stopped, 0 processes left`, `stop unconfirmed: pid 7, 8 on host web-1`.
pub(crate) fn describe_stop(report: &StopReport, host: &str) -> String {
    if report.is_proven() { report.describe() } else { format!("{} on host {host}", report.describe()) }
}

/// The report of a stop of which nothing is known.
pub(super) fn unconfirmed(group: Option<u32>) -> StopReport {
    StopReport { processes_left: group.into_iter().collect(), waited: Duration::ZERO, signal_used: None, searched: false }
}

/// SIGTERM, after `grace` SIGKILL, then kill and look until nothing is left or the rounds are up.
pub(super) async fn stop_step(connection: &Connection, quarry: Quarry, grace: Duration) -> StopReport {
    Hunt::new(connection, quarry, Source::Best).run(grace).await
}

pub(super) struct Hunt {
    connection: Connection,
    /// Whether that is the one that carries the command too.
    shared: bool,
    connections_left: u32,
    source: Source,
    looker: Option<Looker>,
    family: Family,
    started: Instant,
    signal_used: Option<StopSignal>,
    searched: bool,
}

impl Hunt {
    pub(super) fn new(connection: &Connection, quarry: Quarry, source: Source) -> Self {
        Self {
            connection: connection.clone(),
            shared: true,
            connections_left: MAX_CONNECTIONS,
            source,
            looker: None,
            family: Family::new(quarry.step, quarry.group, quarry.ended),
            started: Instant::now(),
            signal_used: None,
            searched: false,
        }
    }

    pub(super) async fn run(mut self, grace: Duration) -> StopReport {
        let left = match self.hunt(grace).await {
            Ok(left) => left,
            Err(error) => {
                warn!(ssh.host = self.host(), %error, "a stop could not be finished");
                self.searched = false;
                self.family.group.map(|pid| Member { pid, in_group: true }).into_iter().collect()
            }
        };
        let report = StopReport {
            processes_left: left.iter().map(|member| member.pid).collect(),
            waited: self.started.elapsed(),
            signal_used: self.signal_used,
            searched: self.searched,
        };
        info!(
            ssh.host = self.host(),
            step = self.family.step,
            waited_ms = u64::try_from(report.waited.as_millis()).unwrap_or(u64::MAX),
            "{}",
            report.describe()
        );
        report
    }

    async fn hunt(&mut self, grace: Duration) -> Result<Vec<Member>, SshError> {
        let mut left = self.look().await?;
        if !left.is_empty() && !grace.is_zero() {
            self.send(&left, StopSignal::Term).await?;
            left = self.wait_for_end(grace).await?;
        }
        let mut pause = FIRST_PAUSE;
        for _ in 0..KILL_ROUNDS {
            if left.is_empty() {
                break;
            }
            self.send(&left, StopSignal::Kill).await?;
            sleep(pause).await;
            pause = longer(pause);
            left = self.look().await?;
        }
        if left.is_empty() {
            let step = self.family.step.clone();
            if let Err(error) = self.looker().await?.tidy(&step).await {
                warn!(ssh.host = self.host(), %error, "private files of a step may be left");
            }
        }
        Ok(left)
    }

    /// What is alive. Nothing counts only when seen twice: a process that forked and ended while the table was read can
    /// hide its child from one look.
    async fn look(&mut self) -> Result<Vec<Member>, SshError> {
        for _ in 0..2 {
            let looker = self.looker().await?;
            let table = match looker.look().await {
                Ok(table) => table,
                Err(error) => {
                    self.give_up_looker(&error);
                    self.looker().await?.look().await?
                }
            };
            let Some(table) = table else {
                self.searched = false;
                return Ok(self.family.group.map(|pid| Member { pid, in_group: true }).into_iter().collect());
            };
            self.searched = true;
            let pid = self.looker.as_ref().map_or(0, Looker::pid);
            let members = self.family.members(&table, pid);
            if !members.is_empty() {
                return Ok(members);
            }
        }
        Ok(Vec::new())
    }

    /// Waits until nothing is left, at most for `grace`; gives what is.
    async fn wait_for_end(&mut self, grace: Duration) -> Result<Vec<Member>, SshError> {
        let deadline = Instant::now() + grace;
        let mut pause = FIRST_PAUSE;
        loop {
            let left = self.look().await?;
            let remaining = deadline.saturating_duration_since(Instant::now());
            if left.is_empty() || remaining.is_zero() {
                return Ok(left);
            }
            sleep(pause.min(remaining)).await;
            pause = longer(pause);
        }
    }

    async fn send(&mut self, members: &[Member], signal: StopSignal) -> Result<(), SshError> {
        self.signal_used = self.signal_used.max(Some(signal));
        let group = self.family.group;
        let signals: &[&str] = match signal {
            StopSignal::Kill => &["KILL"],
            // A process that is suspended would not notice before it is continued.
            StopSignal::Term => &["TERM", "CONT"],
        };
        if let Err(error) = self.looker().await?.signal(group, members, signals).await {
            // Whether they arrived shows in the next look.
            self.give_up_looker(&error);
        }
        Ok(())
    }

    /// A second channel; a new connection where the old one gives none: it broke, the host allows no further session on
    /// it, or it waits for somebody to read what a command prints.
    async fn looker(&mut self) -> Result<&mut Looker, SshError> {
        let looker = match self.looker.take() {
            Some(looker) => looker,
            None => self.open_looker().await?,
        };
        Ok(self.looker.insert(looker))
    }

    async fn open_looker(&mut self) -> Result<Looker, SshError> {
        if self.shared {
            match Looker::open(&self.connection, self.source, SHARED_PATIENCE).await {
                Ok(looker) => return Ok(looker),
                Err(error) => self.give_up_looker(&error),
            }
        }
        let closed = || SshError::Closed { host: self.connection.target().name.clone() };
        self.connections_left = self.connections_left.checked_sub(1).ok_or_else(closed)?;
        self.connection = Connection::open(self.connection.target(), CONNECT_PATIENCE).await?;
        Looker::open(&self.connection, self.source, OWN_PATIENCE).await
    }

    /// Next time a new connection is tried.
    fn give_up_looker(&mut self, error: &SshError) {
        debug!(ssh.host = self.host(), %error, "a stop needs a new connection");
        self.looker = None;
        self.shared = false;
    }

    fn host(&self) -> &str {
        &self.connection.target().name
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_that_proved_nothing_names_the_host() {
        let report = |left: &[u32], searched| StopReport {
            processes_left: left.to_vec(),
            waited: Duration::ZERO,
            signal_used: None,
            searched,
        };
        assert_eq!(describe_stop(&report(&[], true), "web-1"), "stopped, 0 processes left");
        assert_eq!(describe_stop(&report(&[7, 8], true), "web-1"), "stop unconfirmed: pid 7, 8 on host web-1");
        assert_eq!(
            describe_stop(&report(&[], false), "web-1"),
            "stop unconfirmed: processes could not be searched on host web-1"
        );
    }
}
