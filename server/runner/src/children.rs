//! The children of this process: which it started itself, the tag they carry, and the orphans
//! that the system hands over to it.
//!
//! A *tag* is a random number that a process inherits and cannot lose by accident: the soft limit
//! `RLIMIT_LOCKS` (setrlimit(2)), which Linux has not enforced since 2.4.25 but passes on across
//! `fork`, `execve`, `setsid` and a change of user, and shows to everybody in `/proc/PID/limits`.
//! It finds what wiped its environment. Limits belong to a whole process, so this one carries
//! the tag for the moment in which it starts a child, one child at a time.

use std::{
    collections::HashSet,
    io,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use tokio::process::Child;

/// Children started here and not yet reaped by whoever waits for them.
static OWN: LazyLock<Mutex<HashSet<u32>>> = LazyLock::new(Mutex::default);

/// A tag that nothing else carries; none when there is no randomness.
pub(crate) fn new_tag() -> Option<u64> {
    // Above any sensible limit, below RLIM_INFINITY.
    getrandom::u64().ok().map(|random| (random >> 2) | (1 << 61))
}

/// Starts a tagged child. The caller waits for it and calls [`disown`] then.
pub(crate) fn start(tag: Option<u64>, launch: impl FnOnce() -> io::Result<Child>) -> io::Result<(Child, u32)> {
    let mut own = own();
    let child = {
        let _tagged = tag.and_then(system::Tagged::begin);
        launch()?
    };
    let pid = child.id().expect("a child has its id until it is waited for");
    own.insert(pid);
    Ok((child, pid))
}

/// A child was reaped.
pub(crate) fn disown(pid: u32) {
    own().remove(&pid);
}

pub(crate) use system::{adopt_orphans, reap_orphans};

fn own() -> MutexGuard<'static, HashSet<u32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use nix::sys::{
        prctl::set_child_subreaper,
        resource::{Resource, getrlimit, setrlimit},
        wait::{Id, WaitPidFlag, waitid, waitpid},
    };
    use tokio::{
        signal::unix::{SignalKind, signal},
        time::sleep,
    };
    use tracing::{debug, warn};

    use crate::family::system_pid;

    /// How long one of our own may take to be reaped by whoever waits for it.
    const TURN: Duration = Duration::from_millis(10);

    /// Carries a tag until dropped.
    pub struct Tagged {
        soft: u64,
        hard: u64,
    }

    impl Tagged {
        pub fn begin(tag: u64) -> Option<Self> {
            let (soft, hard) = getrlimit(Resource::RLIMIT_LOCKS).ok()?;
            setrlimit(Resource::RLIMIT_LOCKS, tag, hard).ok()?;
            Some(Self { soft, hard })
        }
    }

    impl Drop for Tagged {
        fn drop(&mut self) {
            if let Err(error) = setrlimit(Resource::RLIMIT_LOCKS, self.soft, self.hard) {
                warn!(%error, "the tag of a step could not be taken off");
            }
        }
    }

    /// From now on orphans among the descendants become children of this process.
    pub fn adopt_orphans() {
        if let Err(error) = set_child_subreaper(true) {
            warn!(%error, "orphans will not be adopted");
        }
    }

    /// Reaps orphans as they end, for ever. Children started here are left to whoever waits for
    /// them.
    pub async fn reap_orphans() {
        let mut ended = match signal(SignalKind::child()) {
            Ok(ended) => ended,
            Err(error) => {
                warn!(%error, "orphans will not be reaped");
                return;
            }
        };
        loop {
            while reap() == Found::OneOfOurs {
                sleep(TURN).await;
            }
            if ended.recv().await.is_none() {
                return;
            }
        }
    }

    #[derive(PartialEq)]
    enum Found {
        Nothing,
        OneOfOurs,
    }

    /// Looks at the first child that ended, without reaping it, until there is none or it is one
    /// of ours: those behind it show once it is reaped.
    fn reap() -> Found {
        let own = super::own();
        let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        loop {
            let Some(pid) = waitid(Id::All, peek).ok().and_then(|status| status.pid()) else {
                return Found::Nothing;
            };
            let pid = pid.as_raw().unsigned_abs();
            if own.contains(&pid) {
                return Found::OneOfOurs;
            }
            debug!(process.pid = pid, "an orphan ended");
            if waitpid(system_pid(pid), Some(WaitPidFlag::WNOHANG)).is_err() {
                return Found::Nothing;
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub enum Tagged {}

    impl Tagged {
        pub fn begin(_tag: u64) -> Option<Self> {
            None
        }
    }

    pub fn adopt_orphans() {}

    pub async fn reap_orphans() {}
}
