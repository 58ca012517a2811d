//! Which processes of a host belong to a step: the rules of the `runner`, on a table that was read over there.
//!
//! A process belongs when it is in the step's process group, carries the step's marker in its environment, descends from
//! one that belongs, or was seen to belong before. A process that wiped its environment, left the group and lost its parent
//! before the first look is beyond this; so is one of another user that left the group, whose environment may not be read.
//!
//! A group's number may be given again once the group is empty. It is trusted while the command has not ended; afterwards
//! only for processes of the same session that carry no other step's marker.

use std::collections::{HashMap, HashSet};

use runner::STEP_VARIABLE;

/// One process of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) group: u32,
    /// Not known where there is no `/proc`.
    pub(super) session: Option<u32>,
    /// Start time in clock ticks; 0 where it is not known.
    pub(super) start_ticks: u64,
    /// It ended and waits to be reaped.
    pub(super) ended: bool,
}

/// The processes of a host at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
    /// The step's marker of those that carry one.
    pub(super) markers: HashMap<u32, Vec<u8>>,
}

/// A live process of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) pid: u32,
    /// Reached by a signal to the process group.
    pub(super) in_group: bool,
}

/// The processes of a step, remembered from look to look.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) step: String,
    /// The process group of the command, where it is known and its own.
    pub(super) group: Option<u32>,
    /// The command itself has ended.
    pub(super) ended: bool,
    /// Start times of processes that were seen to belong, by pid.
    known: HashMap<u32, u64>,
}

impl Family {
    pub(super) fn new(step: String, group: Option<u32>, ended: bool) -> Self {
        Self { step, group, ended, known: HashMap::new() }
    }

    /// The live members; `looker` is the shell that read the table.
    pub(super) fn members(&mut self, table: &Table, looker: u32) -> Vec<Member> {
        let step = self.step.as_bytes();
        let marker_of = |pid: u32| table.markers.get(&pid).map(Vec::as_slice);
        let in_group = |entry: &Entry| {
            self.group == Some(entry.group)
                && (!self.ended
                    || marker_of(entry.pid) == Some(step)
                    || (entry.pid != entry.group
                        && entry.session.is_none_or(|session| session == entry.group)
                        && marker_of(entry.pid).is_none()))
        };
        let alive: Vec<_> = table.entries.iter().filter(|entry| !entry.ended).collect();
        let own = with_descendants(&alive, HashSet::from([looker]));
        let alive: Vec<_> = alive.into_iter().filter(|entry| !own.contains(&entry.pid)).collect();
        let belongs = |entry: &Entry| {
            in_group(entry) || marker_of(entry.pid) == Some(step) || self.known.get(&entry.pid) == Some(&entry.start_ticks)
        };
        let roots = alive.iter().filter(|entry| belongs(entry)).map(|entry| entry.pid).collect();
        let found = with_descendants(&alive, roots);
        let members: Vec<_> = alive.into_iter().filter(|entry| found.contains(&entry.pid)).collect();
        let listed = members.iter().map(|entry| Member { pid: entry.pid, in_group: in_group(entry) }).collect();
        self.known.extend(members.iter().map(|entry| (entry.pid, entry.start_ticks)));
        listed
    }
}

/// However deep, and in whatever order the table lists them.
fn with_descendants(entries: &[&Entry], mut found: HashSet<u32>) -> HashSet<u32> {
    loop {
        let before = found.len();
        let children = entries.iter().filter(|entry| found.contains(&entry.parent)).map(|entry| entry.pid);
        let children: Vec<u32> = children.collect();
        found.extend(children);
        if found.len() == before {
            return found;
        }
    }
}

impl Table {
    /// Reads `grep '' /proc/[0-9]*/stat`: every line behind its file's path, so that a name with a line break in it, which
    /// anybody may give a process, cannot pass for another process (proc_pid_stat(5)).
    pub(super) fn read_stat(&mut self, text: &[u8]) {
        let mut stats: HashMap<u32, Vec<u8>> = HashMap::new();
        for line in text.split(|byte| *byte == b'\n') {
            if let Some((pid, rest)) = split_path(line, b"/stat:") {
                stats.entry(pid).or_default().extend_from_slice(rest);
            }
        }
        self.entries.extend(stats.into_iter().filter_map(|(pid, stat)| read_stat(pid, &stat)));
        self.entries.sort_by_key(|entry| entry.pid);
    }

    /// Reads `grep -z ^RUNBOOK_STEP= /proc/[0-9]*/environ`, whose matches end with `end`.
    pub(super) fn read_environ(&mut self, text: &[u8], end: u8) {
        let marker = format!("{STEP_VARIABLE}=");
        for line in text.split(|byte| *byte == end) {
            if let Some((pid, rest)) = split_path(line, b"/environ:")
                && let Some(step) = rest.strip_prefix(marker.as_bytes())
            {
                // Of two, the system gives a program the first.
                self.markers.entry(pid).or_insert_with(|| step.to_vec());
            }
        }
    }

    /// Reads `ps -A -o pid= -o ppid= -o pgid= -o stat=`.
    pub(super) fn read_ps(&mut self, text: &[u8]) {
        for line in String::from_utf8_lossy(text).lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            if let [pid, parent, group, state, ..] = words[..]
                && let (Ok(pid), Ok(parent), Ok(group)) = (pid.parse(), parent.parse(), group.parse())
            {
                let ended = state.starts_with(['Z', 'X']);
                self.entries.push(Entry { pid, parent, group, session: None, start_ticks: 0, ended });
            }
        }
    }

    /// Reads `ps axeww -o pid= -o command=`, which shows environments behind the arguments.
    pub(super) fn read_ps_environ(&mut self, text: &[u8]) {
        let marker = format!("{STEP_VARIABLE}=");
        for line in String::from_utf8_lossy(text).lines() {
            let mut words = line.split_whitespace();
            if let Some(Ok(pid)) = words.next().map(str::parse)
                && let Some(step) = words.find_map(|word| word.strip_prefix(&marker))
            {
                self.markers.entry(pid).or_insert_with(|| step.as_bytes().to_vec());
            }
        }
    }
}

/// The pid and the rest of `/proc/<pid><name><rest>`.
fn split_path<'a>(line: &'a [u8], name: &[u8]) -> Option<(u32, &'a [u8])> {
    let line = line.strip_prefix(b"/proc/")?;
    let digits = line.iter().position(|byte| !byte.is_ascii_digit())?;
    let pid = std::str::from_utf8(&line[..digits]).ok()?.parse().ok()?;
    Some((pid, line[digits..].strip_prefix(name)?))
}

fn read_stat(pid: u32, stat: &[u8]) -> Option<Entry> {
    // The name stands in parentheses and may hold some.
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let text = std::str::from_utf8(&stat[after_name..]).ok()?;
    let fields: Vec<_> = text.split_whitespace().collect();
    Some(Entry {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: Some(fields.get(3)?.parse().ok()?),
        start_ticks: fields.get(19)?.parse().ok()?,
        ended: matches!(*fields.first()?, "Z" | "X"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEADER: u32 = 100;
    const LOOKER: u32 = 900;

    fn process(pid: u32, parent: u32, group: u32, session: u32) -> Entry {
        Entry { pid, parent, group, session: Some(session), start_ticks: u64::from(pid), ended: false }
    }

    fn table(entries: &[Entry], markers: &[(u32, &str)]) -> Table {
        let markers = markers.iter().map(|(pid, marker)| (*pid, marker.as_bytes().to_vec())).collect();
        Table { entries: entries.to_vec(), markers }
    }

    fn check(family: &mut Family, entries: &[Entry], markers: &[(u32, &str)], expected: &[u32]) {
        let found: Vec<u32> = family.members(&table(entries, markers), LOOKER).iter().map(|member| member.pid).collect();
        assert_eq!(found, expected);
    }

    fn running() -> Family {
        Family::new("mine".into(), Some(LEADER), false)
    }

    #[test]
    fn group_marker_and_descent_make_a_member() {
        let entries = [
            process(LEADER, 2, LEADER, LEADER),
            process(103, 102, 103, 103),          // grandchild, wiped and gone
            process(101, LEADER, LEADER, LEADER), // child
            process(102, LEADER, 102, 102),       // child in a session of its own
            process(104, 1, 104, 104),            // marked orphan
            process(105, 1, 105, 105),            // another step's
            process(106, 1, 106, 106),            // nobody's
            process(LOOKER, 2, LOOKER, LOOKER),
        ];
        check(&mut running(), &entries, &[(104, "mine"), (105, "mine-too")], &[LEADER, 103, 101, 102, 104]);
    }

    #[test]
    fn the_shell_that_looks_is_never_a_member() {
        let entries = [process(104, 1, 104, 104), process(LOOKER, 104, LOOKER, LOOKER), process(901, LOOKER, LOOKER, LOOKER)];
        check(&mut running(), &entries, &[(104, "mine"), (LOOKER, "mine"), (901, "mine")], &[104]);
    }

    #[test]
    fn a_member_is_remembered_when_its_parent_is_gone() {
        let mut family = running();
        let child = process(101, LEADER, 101, 101);
        check(&mut family, &[process(LEADER, 2, LEADER, LEADER), child.clone()], &[], &[LEADER, 101]);
        let orphan = Entry { parent: 1, ..child };
        check(&mut family, std::slice::from_ref(&orphan), &[], &[101]);
        check(&mut family, &[Entry { start_ticks: 9, ..orphan }], &[], &[]);
    }

    #[test]
    fn a_group_number_given_again_is_not_ours() {
        let ended = || Family::new("mine".into(), Some(LEADER), true);
        check(&mut ended(), &[process(LEADER, 2, LEADER, 50)], &[], &[]);
        check(&mut ended(), &[process(101, 1, LEADER, LEADER)], &[], &[101]);
        check(&mut ended(), &[process(101, 1, LEADER, LEADER)], &[(101, "other")], &[]);
        check(&mut ended(), &[process(101, 1, LEADER, 51)], &[], &[]);
    }

    #[test]
    fn what_has_ended_is_not_a_member() {
        let zombie = Entry { ended: true, ..process(LEADER, 2, LEADER, LEADER) };
        check(&mut running(), &[zombie], &[], &[]);
    }

    #[test]
    fn a_name_cannot_pass_for_a_process() {
        let stat = "/proc/7/stat:7 (x) S 1 9 9 (\n/proc/7/stat:8 (a b) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n\
                    /proc/self/stat:nothing\n/proc/9/stat:9 (ended) Z 1 9 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 77 0\n";
        let mut table = Table::default();
        table.read_stat(stat.as_bytes());
        let session = |session| Some(session);
        assert_eq!(
            table.entries,
            [
                Entry { pid: 7, parent: 1, group: 2, session: session(3), start_ticks: 19, ended: false },
                Entry { pid: 9, parent: 1, group: 9, session: session(9), start_ticks: 77, ended: true },
            ]
        );
    }

    #[test]
    fn markers_are_read_whole() {
        let mut table = Table::default();
        table
            .read_environ(b"/proc/7/environ:RUNBOOK_STEP=a\n/proc/8/environ:RUNBOOK_STEP=b\0/proc/9/environ:RUNBOOK_STEP=c\0", 0);
        assert_eq!(table.markers.get(&7).map(Vec::as_slice), Some(&b"a\n/proc/8/environ:RUNBOOK_STEP=b"[..]));
        assert_eq!(table.markers.get(&8), None);
        assert_eq!(table.markers.get(&9).map(Vec::as_slice), Some(&b"c"[..]));
    }

    #[test]
    fn ps_is_read_where_there_is_no_proc() {
        let mut table = Table::default();
        table.read_ps(b"    1     0     1 Ss\n   77     1    77 Z+\nnonsense\n");
        table.read_ps_environ(b"    1 /sbin/init\n   77 sleep 9 HOME=/root RUNBOOK_STEP=mine A=b\n");
        let entry = |pid, parent, group, ended| Entry { pid, parent, group, session: None, start_ticks: 0, ended };
        assert_eq!(table.entries, [entry(1, 0, 1, false), entry(77, 1, 77, true)]);
        assert_eq!(table.markers, HashMap::from([(77, b"mine".to_vec())]));
    }
}
