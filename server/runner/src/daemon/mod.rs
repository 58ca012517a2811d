//! The runner process: owns the commands, keeps what they print and how they end, and answers on
//! a Unix socket.

mod connection;
mod life;
mod replay;
mod step;
mod steps;

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nix::unistd::{geteuid, setsid};
use tokio::{
    net::{UnixListener, UnixStream},
    signal::unix::{Signal, SignalKind, signal},
};
use tracing::{debug, info, warn};

use self::{life::Life, steps::Steps};
use crate::{Confine, RunnerError, children, confine::Confiner, home::Home, spool::Spool};

/// How a runner process behaves.
#[derive(Clone, Debug)]
pub struct DaemonConfig {
    /// Its directory: socket, lock, log and spool. Made when it is missing; mode 0700.
    pub dir: PathBuf,
    /// Directories and files that no command sees, where commands can be confined; the runner's own is
    /// always among them. Empty when commands run as another user, who cannot read them anyway.
    pub hide: Vec<PathBuf>,
    /// When `hide` is obeyed.
    pub confine: Confine,
    /// How many bytes of a step's output are kept whole, unless its spec says otherwise.
    pub output_head: u64,
    /// How long it stays without a client and without a running step.
    pub idle: Duration,
    /// What running steps are given when the runner is told to end (SIGTERM).
    pub stop_grace: Duration,
}

impl DaemonConfig {
    /// 64 MiB of output, ten seconds of idleness, ten seconds of grace, nothing to hide.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            hide: Vec::new(),
            confine: Confine::Auto,
            output_head: 64 * 1024 * 1024,
            idle: Duration::from_secs(10),
            stop_grace: Duration::from_secs(10),
        }
    }
}

/// Serves until nobody needs the runner, or it is told to end; then no step runs any more.
///
/// Changes the whole process: it leaves its session, adopts orphans and reaps every child that it
/// did not start by this crate, hides its memory from others of its user, and handles SIGTERM,
/// SIGINT and SIGHUP. So it belongs into a process of its own, on a runtime with all drivers.
///
/// # Errors
///
/// The directory cannot be used, another runner serves it, or commands cannot be confined as
/// they must be.
pub async fn serve(config: DaemonConfig) -> Result<(), RunnerError> {
    let home = Home::new(config.dir.clone());
    home.prepare(None)?;
    let _claim = home.claim()?;
    let mut signals = Signals::listen().map_err(|source| RunnerError::Listen { source })?;
    settle_process();
    let reaper = tokio::spawn(children::reap_orphans());

    let confiner = choose_confiner(&config).await?;
    let life = Life::new();
    let steps = Arc::new(Steps::load(Spool::open(home.spool())?, confiner, config.output_head, life.clone())?);
    let listener = listen(&home.socket()).map_err(|source| RunnerError::Listen { source })?;
    info!(dir = %home.dir().display(), "runner serves");

    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => welcome(stream, &steps, &life),
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = life.idle_for(config.idle) => {
                info!("runner ends: nobody needs it");
                break;
            }
            name = signals.recv() => {
                info!(signal = name, "runner ends: it was told to");
                break;
            }
        }
    }
    // Whoever connects from now on is not answered, and starts another runner once this one is
    // gone.
    if let Err(error) = fs::remove_file(home.socket()) {
        debug!(%error, "the socket was gone already");
    }
    drop(listener);
    steps.end(config.stop_grace).await;
    reaper.abort();
    Ok(())
}

/// Leaves the server's session, so that no terminal's signal arrives here, takes in orphans, and
/// closes `/proc/PID/mem` and the like to other processes of this user, which commands are.
fn settle_process() {
    if let Err(error) = setsid() {
        debug!(%error, "the runner stays in its session");
    }
    children::adopt_orphans();
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        warn!(%error, "the runner's memory stays readable to its user");
    }
}

async fn choose_confiner(config: &DaemonConfig) -> Result<Confiner, RunnerError> {
    let mut hide = config.hide.clone();
    if !hide.is_empty() {
        hide.push(config.dir.clone());
    }
    Confiner::choose(config.confine, &hide).await
}

/// Listens where a former runner, which is gone, may have left its socket.
fn listen(socket: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves a connection of this user or of root, nobody else's.
fn welcome(stream: UnixStream, steps: &Arc<Steps>, life: &Arc<Life>) {
    let own = geteuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == own || peer.uid() == 0 => {
            tokio::spawn(connection::serve(stream, peer.uid(), steps.clone(), life.busy()));
        }
        Ok(peer) => warn!(peer.uid = peer.uid(), "a stranger was turned away"),
        Err(error) => warn!(%error, "a connection without a name was turned away"),
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The name of a signal to end. That a terminal hung up is none.
    async fn recv(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hang_up.recv() => {}
            }
        }
    }
}
