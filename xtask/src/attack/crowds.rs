//! Many connections that do little: heads that never end, and nothing at all, while others are served.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::raw;
use super::tally::Tally;
use crate::studio::{Studio, process};

/// How many send their head a byte at a time.
const SLOW: usize = 600;
/// How often somebody else asks meanwhile, and how long that may take.
const CALLS: usize = 50;
const PROMPT: Duration = Duration::from_secs(5);
/// How much memory an idle connection may cost, in MiB.
const EACH: f64 = 0.05;

/// As many files as the system lets us have, for us and for the server that we start.
pub fn raise_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("the limit of open files")?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("raising the limit of open files")
}

/// Heads that never end.
pub fn slow(studio: &Studio) -> Result<Tally> {
    let mut tally = Tally::new("slow clients");
    let mut held = open(studio, SLOW)?;
    for stream in &mut held {
        stream.write_all(format!("POST /api/v1/users/login HTTP/1.1\r\nHost: {}\r\nX-Slow: ", raw::host(studio)).as_bytes())?;
    }
    tally.tried = held.len();
    let slowest = be_served(studio, &mut tally, &mut || {
        // Some may be closed by now: that is what is wanted.
        held.iter_mut().for_each(|stream| drop(stream.write_all(b"a")));
    })?;
    tally.refused = held.len();
    tally.notes.push(format!("beside {SLOW} of them the slowest of {CALLS} calls took {} ms", slowest.as_millis()));
    Ok(tally)
}

/// Connections on which nothing comes.
pub fn idle(studio: &Studio, count: usize) -> Result<Tally> {
    let mut tally = Tally::new("idle connections");
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).context("the limit of open files")?;
    let count = count.min(usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(500));
    let before = process::resident_mib(studio.pid())?;
    let held = open(studio, count)?;
    tally.tried = held.len();
    let slowest = be_served(studio, &mut tally, &mut || {})?;
    let with = process::resident_mib(studio.pid())?;
    drop(held);
    let allowed = 20.0 + EACH * count as f64;
    if with - before > allowed {
        tally.broken(format!("{count} idle connections cost {:.0} MiB; {allowed:.0} are allowed", with - before));
    }
    tally.refused = count;
    tally.notes.push(format!(
        "{count} of them: {before:.0} MiB before, {with:.0} MiB with them; the slowest of {CALLS} calls took {} ms",
        slowest.as_millis()
    ));
    Ok(tally)
}

fn open(studio: &Studio, count: usize) -> Result<Vec<TcpStream>> {
    (0..count).map(|_| raw::connect(studio)).collect()
}

/// Asks as anybody else would; how long the slowest answer took.
fn be_served(studio: &Studio, tally: &mut Tally, between: &mut dyn FnMut()) -> Result<Duration> {
    let client = studio.client();
    let mut slowest = Duration::ZERO;
    for _ in 0..CALLS {
        let began = Instant::now();
        let answer = client.call("GET", "/runbooks?limit=1", None)?;
        slowest = slowest.max(began.elapsed());
        if answer.status != 200 {
            tally.broken(format!("somebody else was not served: {}", answer.refusal()));
        }
        between();
    }
    if slowest > PROMPT {
        tally.broken(format!("somebody else waited for {:.1} s", slowest.as_secs_f64()));
    }
    Ok(slowest)
}
