//! Running commands: each is shown before it runs, its own output goes straight to the terminal, and failures name it.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Shows the command, runs it, and fails if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", line(command));
    run_quietly(command)
}

/// [`run`] without showing the command.
pub fn run_quietly(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// Becomes the command: its signals, terminal and exit status are then its own. Returns only to say why it could not.
pub fn replace_with(command: &mut Command) -> Result<()> {
    println!("$ {}", line(command));
    let error = command.exec();
    Err(error).with_context(|| format!("starting `{}`", line(command)))
}

/// What a command printed, or nothing where it is missing or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Says what starts and about how long it takes, does it, and says how long it took.
pub fn announce(what: &str, about: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("{what} ({about})");
    let start = Instant::now();
    work()?;
    println!("done in {}", human(start.elapsed()));
    Ok(())
}

/// `0.4 s`, `12 s`, `3 min 5 s`.
pub fn human(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(human(Duration::from_millis(420)), "0.4 s");
        assert_eq!(human(Duration::from_secs(12)), "12 s");
        assert_eq!(human(Duration::from_secs(185)), "3 min 5 s");
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run_quietly(Command::new("sh").args(["-c", "exit 3"])).expect_err("it exits with 3");
        assert!(error.to_string().contains("sh -c exit 3"), "{error}");
    }
}
