//! What /proc says of a process and its children (proc(5)).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process that cannot be mistaken for a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// In clock ticks since the machine started.
    started: u64,
}

impl Process {
    /// The process with this number, where there is one.
    pub fn find(pid: u32) -> Option<Self> {
        Some(Self { pid, started: stat(pid)?.started })
    }

    /// Whether it still runs; a zombie does not.
    pub fn lives(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.started == self.started && stat.state != 'Z')
    }

    /// SIGKILL, if it is still the same process. Answers whether it was.
    pub fn kill(self) -> Result<bool> {
        if !self.lives() {
            return Ok(false);
        }
        signal(self.pid, Signal::SIGKILL)?;
        Ok(true)
    }
}

/// Sends a signal to a process that we started or found among its children.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let number = i32::try_from(pid).context("a process number")?;
    kill(Pid::from_raw(number), signal).with_context(|| format!("sending {signal} to process {pid}"))
}

/// The helper process of the servers of a data folder, whichever of them started it: a process whose first argument is `runner`
/// and whose command line, environment or working folder names the folder.
pub fn runner_of(data: &Path) -> Option<Process> {
    let serves = |pid: &u32| {
        let words = words(*pid, "cmdline");
        words.get(1).is_some_and(|word| word == "runner") && knows(*pid, &words, data)
    };
    processes().into_iter().find(serves).and_then(Process::find)
}

/// The children of a process.
pub fn children(parent: u32) -> Vec<u32> {
    processes().into_iter().filter(|pid| stat(*pid).is_some_and(|stat| stat.parent == parent)).collect()
}

fn processes() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Its resident memory in MiB.
pub fn resident_mib(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("reading a process's status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a status without VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().context("VmRSS is a number")?;
    Ok(kib / 1024.0)
}

fn knows(pid: u32, command_line: &[String], data: &Path) -> bool {
    // The server knows its data folder by the name that has no links in it.
    let data = fs::canonicalize(data).unwrap_or_else(|_| data.to_owned());
    let name = data.to_string_lossy();
    let names = |words: &[String]| words.iter().any(|word| word.contains(name.as_ref()));
    let at_home = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder.starts_with(&data));
    names(command_line) || names(&words(pid, "environ")) || at_home
}

/// A file of words that end with NUL.
fn words(pid: u32, file: &str) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

struct Stat {
    state: char,
    parent: u32,
    started: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name, in parentheses, may hold anything, even parentheses: what follows begins after the last one.
fn parse_stat(text: &str) -> Option<Stat> {
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some(Stat { state, parent, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_an_odd_name_is_read() {
        let text = "42 (a) (b) S 7 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456 1000 10 rest";
        let stat = parse_stat(text).expect("a stat");
        assert_eq!((stat.state, stat.parent, stat.started), ('S', 7, 123_456));
    }

    #[test]
    fn this_process_lives_and_uses_memory() {
        let me = Process::find(std::process::id()).expect("this process");
        assert!(me.lives());
        assert!(resident_mib(me.pid).expect("its memory") > 0.5);
        assert!(!Process { started: me.started + 1, ..me }.lives(), "another process with its number");
    }
}
