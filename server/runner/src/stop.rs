//! Ends everything a step started, and looks whether that is true.

use std::{collections::HashSet, time::Duration};

use nix::sys::signal::{
    Signal::{self, SIGCONT, SIGKILL, SIGTERM},
    kill, killpg,
};
use serde::{Deserialize, Serialize};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tracing::{debug, info, warn};

use crate::{
    ProcessIdentity,
    family::{Family, Member, Sighting, system_pid},
};

/// How often survivors are killed and looked for again, about six seconds in all.
const KILL_ROUNDS: u32 = 35;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// What a stop did and what it found afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopReport {
    /// Process ids that could not be ended.
    pub processes_left: Vec<u32>,
    /// How long the stop took.
    pub waited: Duration,
    /// The strongest signal that was sent; none when nothing was alive.
    pub signal_used: Option<StopSignal>,
    /// Whether all processes of the machine were searched. Without `/proc` only the process
    /// group is known, and an empty list proves nothing.
    pub searched: bool,
}

impl StopReport {
    /// Whether nothing of the step is left, and that was looked for.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.searched && self.processes_left.is_empty()
    }

    /// Whether all processes were searched and none of the step was alive, so that nothing had to be ended.
    #[must_use]
    pub fn found_nothing(&self) -> bool {
        self.is_proven() && self.signal_used.is_none()
    }

    /// The result as a step says it: `stopped, 0 processes left`, `stop unconfirmed: pid 7, 8`.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.is_proven() {
            return "stopped, 0 processes left".to_owned();
        }
        if self.processes_left.is_empty() {
            return "stop unconfirmed: processes could not be searched".to_owned();
        }
        let pids: Vec<_> = self.processes_left.iter().map(u32::to_string).collect();
        format!("stop unconfirmed: pid {}", pids.join(", "))
    }

    /// Of a stop that was broken off.
    pub(crate) fn unconfirmed(pid: u32) -> Self {
        Self { processes_left: vec![pid], waited: Duration::ZERO, signal_used: None, searched: false }
    }
}

/// A signal that a stop sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StopSignal {
    /// SIGTERM, which a process may use to tidy up.
    Term,
    /// SIGKILL, which it cannot refuse.
    Kill,
}

/// Ends what a runner that is gone left behind, found by its stored identity: the process, its
/// group, and everything that carries the step's marker or tag. After a restart of the machine there is
/// nothing to find.
pub(crate) async fn stop_lost(identity: &ProcessIdentity, grace: Duration) -> StopReport {
    if identity.is_of_another_boot() {
        return StopReport { processes_left: Vec::new(), waited: Duration::ZERO, signal_used: None, searched: true };
    }
    stop_family(identity, grace).await
}

/// SIGTERM, after `grace` SIGKILL, then kill and look until nothing is left or the rounds are up.
pub(crate) async fn stop_family(identity: &ProcessIdentity, grace: Duration) -> StopReport {
    let mut hunt = Hunt::begin(identity);
    let mut left = hunt.look().await;
    if !left.is_empty() && !grace.is_zero() {
        hunt.send(&left, StopSignal::Term);
        left = hunt.wait_for_end(left, grace).await;
    }
    let mut pause = FIRST_PAUSE;
    for _ in 0..KILL_ROUNDS {
        if left.is_empty() {
            break;
        }
        hunt.send(&left, StopSignal::Kill);
        sleep(pause).await;
        pause = longer(pause);
        left = hunt.look().await;
    }
    hunt.report(left)
}

struct Hunt {
    family: Family,
    group: u32,
    started: Instant,
    signal_used: Option<StopSignal>,
    searched: bool,
}

impl Hunt {
    fn begin(identity: &ProcessIdentity) -> Self {
        Self {
            family: Family::new(identity.clone()),
            group: identity.pid,
            started: Instant::now(),
            signal_used: None,
            searched: true,
        }
    }

    async fn look(&mut self) -> Vec<Member> {
        let mut family = self.family.clone();
        let looking = spawn_blocking(move || (family.look(), family));
        match looking.await {
            Ok((Sighting { members, complete }, family)) => {
                self.family = family;
                self.searched = complete;
                members
            }
            Err(error) => {
                warn!(%error, "looking for processes was broken off");
                self.searched = false;
                Vec::new()
            }
        }
    }

    /// Waits until nothing is left, at most for `grace`; gives what is. Who was not there when the
    /// others were told is told now: a child of a process that ended while it forked.
    async fn wait_for_end(&mut self, told: Vec<Member>, grace: Duration) -> Vec<Member> {
        let deadline = Instant::now() + grace;
        let mut told: HashSet<u32> = told.into_iter().map(|member| member.pid).collect();
        let mut pause = FIRST_PAUSE;
        loop {
            let left = self.look().await;
            let remaining = deadline.saturating_duration_since(Instant::now());
            if left.is_empty() || remaining.is_zero() {
                return left;
            }
            let newcomers = left.iter().filter(|member| told.insert(member.pid));
            // Each by itself: to the group it would be the second time.
            let newcomers: Vec<Member> = newcomers.map(|member| Member { in_group: false, ..*member }).collect();
            self.send(&newcomers, StopSignal::Term);
            sleep(pause.min(remaining)).await;
            pause = longer(pause);
        }
    }

    fn send(&mut self, members: &[Member], signal: StopSignal) {
        self.signal_used = self.signal_used.max(Some(signal));
        match signal {
            StopSignal::Kill => self.signal(members, SIGKILL),
            StopSignal::Term => {
                self.signal(members, SIGTERM);
                // A process that is suspended would not notice before it is continued.
                self.signal(members, SIGCONT);
            }
        }
    }

    /// One signal for the group, which no fork can slip through, and one for each process
    /// outside it. One that is gone, or may not be signalled, shows in the next look.
    fn signal(&self, members: &[Member], signal: Signal) {
        let (grouped, apart): (Vec<Member>, Vec<Member>) = members.iter().partition(|member| member.in_group);
        let to_group = (!grouped.is_empty()).then(|| killpg(system_pid(self.group), signal));
        let to_each = apart.iter().map(|member| kill(system_pid(member.pid), signal));
        for error in to_group.into_iter().chain(to_each).filter_map(Result::err) {
            debug!(process.group = self.group, %signal, %error, "signal not delivered");
        }
    }

    fn report(self, left: Vec<Member>) -> StopReport {
        let report = StopReport {
            processes_left: left.iter().map(|member| member.pid).collect(),
            waited: self.started.elapsed(),
            signal_used: self.signal_used,
            searched: self.searched,
        };
        info!(
            process.group = self.group,
            waited_ms = u64::try_from(report.waited.as_millis()).unwrap_or(u64::MAX),
            "{}",
            report.describe()
        );
        report
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_says_what_it_proved() {
        let report = |processes_left: &[u32], searched| StopReport {
            processes_left: processes_left.to_vec(),
            waited: Duration::ZERO,
            signal_used: Some(StopSignal::Kill),
            searched,
        };
        assert_eq!(report(&[], true).describe(), "stopped, 0 processes left");
        assert_eq!(report(&[7, 8], true).describe(), "stop unconfirmed: pid 7, 8");
        assert!(!report(&[], false).is_proven());
        assert!(!report(&[], true).found_nothing(), "it was killed");
        assert!(StopReport { signal_used: None, ..report(&[], true) }.found_nothing());
        assert_eq!(report(&[], false).describe(), "stop unconfirmed: processes could not be searched");
    }
}
