//! A command that writes lines at a steady pace, each with the moment at which it was written. For P6's runbook.

use std::io::{Write, stdout};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Args;

/// How to write.
#[derive(Args)]
pub struct Options {
    /// Lines a second
    #[arg(long)]
    pub rate: u32,
    /// Lines in all
    #[arg(long)]
    pub lines: u32,
    /// Milliseconds before the first
    #[arg(long, default_value_t = 0)]
    pub after: u64,
}

/// Writes `nanoseconds-since-1970 number ....` with dots up to 100 characters, each line by a write of its own.
pub fn emit(options: &Options) -> Result<()> {
    thread::sleep(Duration::from_millis(options.after));
    let mut out = stdout().lock();
    let began = Instant::now();
    let pace = Duration::from_secs(1) / options.rate.max(1);
    for number in 1..=options.lines {
        let due = pace * number;
        thread::sleep(due.saturating_sub(began.elapsed()));
        let line = format!("{} {number} ", nanos()?);
        writeln!(out, "{line:.<99}").context("writing a line")?;
        out.flush().context("writing a line")?;
    }
    Ok(())
}

/// Nanoseconds since 1970.
pub fn nanos() -> Result<u64> {
    let age = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    u64::try_from(age.as_nanos()).context("the clock is beyond 2554")
}

/// The moment and the number of a line.
pub fn read(line: &str) -> Option<(u64, u32)> {
    let mut words = line.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let line = format!("{} {} ", 1_700_000_000_000_000_000_u64, 42);
        let line = format!("{line:.<99}");
        assert_eq!(line.len(), 99);
        assert_eq!(read(&line), Some((1_700_000_000_000_000_000, 42)));
        assert_eq!(read("nothing"), None);
    }
}
