//! Reads the table of processes from `/proc` (proc(5)). Linux only: elsewhere there is none, and
//! only the process group is known.

use std::{io, sync::LazyLock};

/// One live process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProcEntry {
    pub pid: u32,
    pub parent: u32,
    pub group: u32,
    pub session: u32,
    /// Start time in clock ticks since boot: with the pid it names one process of this boot.
    pub start_ticks: u64,
    /// Ended but not yet reaped.
    pub ended: bool,
}

/// The whole table, taken process by process: what forks meanwhile may be missed once.
#[cfg(target_os = "linux")]
pub(crate) fn table() -> io::Result<Vec<ProcEntry>> {
    let mut entries = Vec::new();
    for found in std::fs::read_dir("/proc")? {
        let name = found?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        // One that ended since it was listed has no entry any more.
        entries.extend(pid.and_then(entry));
    }
    Ok(entries)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn table() -> io::Result<Vec<ProcEntry>> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// The entry of one process, if it exists.
pub(crate) fn entry(pid: u32) -> Option<ProcEntry> {
    parse_stat(pid, &std::fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The value of an environment variable of a process, as it was when the process was started.
/// Nothing also when the process belongs to someone else.
pub(crate) fn env_of(pid: u32, name: &str) -> Option<Vec<u8>> {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    find_variable(&environ, name).map(<[u8]>::to_vec)
}

/// The tag of a process ([`children`](crate::children)), which everybody may read.
pub(crate) fn tag_of(pid: u32) -> Option<u64> {
    find_tag(&std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?)
}

/// Names this boot of the machine; process ids of another mean nothing.
pub(crate) fn boot_id() -> Option<String> {
    static ID: LazyLock<Option<String>> = LazyLock::new(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(text.trim().to_owned())
    });
    ID.clone()
}

fn find_variable<'a>(environ: &'a [u8], name: &str) -> Option<&'a [u8]> {
    environ.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

fn find_tag(limits: &str) -> Option<u64> {
    let locks = limits.lines().find_map(|line| line.strip_prefix("Max file locks"))?;
    locks.split_ascii_whitespace().next()?.parse().ok()
}

fn parse_stat(pid: u32, stat: &[u8]) -> Option<ProcEntry> {
    // The name, in parentheses, may hold anything, also parentheses and blanks.
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let fields: Vec<&str> = std::str::from_utf8(&stat[after_name..]).ok()?.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let id = |index: usize| number(index).and_then(|number| u32::try_from(number).ok());
    // A zombie whose threads live on (its first one ended early) is alive.
    let ended = match *fields.first()? {
        "Z" => number(17)? <= 1,
        "X" | "x" => true,
        _ => false,
    };
    Some(ProcEntry { pid, parent: id(1)?, group: id(2)?, session: id(3)?, start_ticks: number(19)?, ended })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_process_name_does_not_confuse_the_parser() {
        let stat = b"7 (a) S 1 (b) R 5 6 8 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 99 1 2";
        let found = parse_stat(7, stat).expect("parsed");
        assert_eq!(found, ProcEntry { pid: 7, parent: 5, group: 6, session: 8, start_ticks: 99, ended: false });
    }

    #[test]
    fn a_zombie_with_live_threads_is_alive() {
        let stat = |threads: u32| format!("7 (x) Z 5 6 8 0 -1 0 1 2 3 4 5 6 7 8 20 0 {threads} 0 99 1").into_bytes();
        assert!(parse_stat(7, &stat(1)).expect("parsed").ended);
        assert!(!parse_stat(7, &stat(2)).expect("parsed").ended);
    }

    #[test]
    fn a_variable_is_found_whole_and_never_inside_another() {
        let environ = b"NOT_A=1\0B=A=2\0A=3=4\0AA=5\0";
        assert_eq!(find_variable(environ, "A"), Some(&b"3=4"[..]));
        assert_eq!(find_variable(environ, "C"), None);
    }

    #[test]
    fn a_tag_is_a_number_among_the_limits() {
        let limits = |soft| format!("Max pending signals  1  1  signals\nMax file locks            {soft} unlimited  locks \n");
        assert_eq!(find_tag(&limits("4611686018427387904")), Some(1 << 62));
        assert_eq!(find_tag(&limits("unlimited")), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_in_the_table() {
        let me = std::process::id();
        let found = table().expect("a table").into_iter().find(|entry| entry.pid == me);
        assert_eq!(found, entry(me));
        assert!(found.is_some());
    }
}
