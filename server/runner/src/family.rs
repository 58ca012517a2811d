//! Which processes belong to a step, and which only look like it.
//!
//! A process belongs when it is in the step's process group, carries the step's marker in its
//! environment (so one that called `setsid` or forked twice does), carries the step's tag among
//! its resource limits (so one that also wiped its environment does; see
//! [`children`](crate::children)), descends from one that belongs, or was seen to belong before.
//! Only a process that left the group, wiped its environment, lost its parent and set a resource
//! limit nobody uses is beyond this.
//!
//! A process group's number may be given again once the group is empty. It is trusted only while
//! its leader is the one that was started, or, the leader gone, for processes of the same
//! session that carry no other step's marker.

use std::collections::{HashMap, HashSet};

use nix::{sys::signal::killpg, unistd::Pid};
use serde::{Deserialize, Serialize};

use crate::{
    STEP_VARIABLE,
    proc_table::{ProcEntry, boot_id, entry, env_of, table, tag_of},
};

/// What finds a process and everything it started again: plain data, to be stored. Numbers of
/// another boot of the machine name nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// The step's marker.
    pub step: String,
    /// The process id, which is also the process group. 0 when the runner ended before it could
    /// note it.
    pub pid: u32,
    /// The session, from `/proc`.
    pub session: Option<u32>,
    /// Start time in clock ticks since boot, from `/proc`.
    pub start_ticks: Option<u64>,
    /// The machine's boot id.
    pub boot_id: Option<String>,
    /// A number among the resource limits of every process of the step.
    pub tag: Option<u64>,
}

impl ProcessIdentity {
    /// Of a child that was not reaped yet, so that its entry is certainly its own.
    pub(crate) fn of_child(step: String, pid: u32, tag: Option<u64>) -> Self {
        let entry = entry(pid);
        Self {
            step,
            pid,
            session: entry.as_ref().map(|entry| entry.session),
            start_ticks: entry.map(|entry| entry.start_ticks),
            boot_id: boot_id(),
            tag,
        }
    }

    /// Of a step whose process was never noted: its marker is all there is.
    pub(crate) fn unnoted(step: String) -> Self {
        Self { step, pid: 0, session: None, start_ticks: None, boot_id: None, tag: None }
    }

    /// Whether the machine was started anew since.
    pub(crate) fn is_of_another_boot(&self) -> bool {
        self.boot_id.is_some() && self.boot_id != boot_id()
    }
}

/// A live process of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub pid: u32,
    /// Reached by a signal to the process group.
    pub in_group: bool,
}

/// What one look found.
#[derive(Debug)]
pub(crate) struct Sighting {
    pub members: Vec<Member>,
    /// Whether the whole table was searched, not the process group alone.
    pub complete: bool,
}

/// The processes of a step, remembered from look to look.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    identity: ProcessIdentity,
    /// Start times of processes that were seen to belong, by pid.
    known: HashMap<u32, u64>,
}

impl Family {
    pub fn new(identity: ProcessIdentity) -> Self {
        Self { identity, known: HashMap::new() }
    }

    /// Looks for live members. Blocks for some milliseconds on a busy machine.
    ///
    /// Nothing counts only when seen twice: a process that forked and ended while the table was
    /// read can hide its child from one look.
    pub fn look(&mut self) -> Sighting {
        for _ in 0..2 {
            match table() {
                Ok(table) => {
                    let members = self.members(&table, |pid| env_of(pid, STEP_VARIABLE), tag_of);
                    if !members.is_empty() {
                        return Sighting { members, complete: true };
                    }
                }
                Err(_) => return self.look_at_group(),
            }
        }
        Sighting { members: Vec::new(), complete: true }
    }

    /// Without a table: whether the group takes signals is all that can be known.
    fn look_at_group(&self) -> Sighting {
        let pid = self.identity.pid;
        let alive = self.names_a_group() && killpg(system_pid(pid), None).is_ok();
        let members = alive.then_some(Member { pid, in_group: true });
        Sighting { members: members.into_iter().collect(), complete: false }
    }

    /// To the system calls, groups 0 and 1 mean "my own" and "everybody".
    fn names_a_group(&self) -> bool {
        self.identity.pid > 1
    }

    fn members(
        &mut self,
        table: &[ProcEntry],
        marker_of: impl Fn(u32) -> Option<Vec<u8>>,
        tag_of: impl Fn(u32) -> Option<u64>,
    ) -> Vec<Member> {
        let step = self.identity.step.as_bytes();
        let leader = table.iter().find(|entry| entry.pid == self.identity.pid);
        let group_is_ours = match (leader, self.identity.start_ticks) {
            (Some(leader), Some(start_ticks)) => self.names_a_group() && leader.start_ticks == start_ticks,
            _ => self.names_a_group(),
        };
        let in_group = |entry: &ProcEntry, marker: Option<&[u8]>| {
            entry.group == self.identity.pid
                && group_is_ours
                && (leader.is_some()
                    || (self.identity.session.is_none_or(|session| session == entry.session)
                        && marker.is_none_or(|marker| marker == step)))
        };

        let me = std::process::id();
        let mut grouped = HashSet::new();
        let mut found = HashSet::new();
        let alive: Vec<_> = table.iter().filter(|entry| !entry.ended && entry.pid != me).collect();
        for entry in &alive {
            let marker = marker_of(entry.pid);
            if in_group(entry, marker.as_deref()) {
                grouped.insert(entry.pid);
                found.insert(entry.pid);
            } else if marker.as_deref() == Some(step)
                || self.known.get(&entry.pid) == Some(&entry.start_ticks)
                || (self.identity.tag.is_some() && tag_of(entry.pid) == self.identity.tag)
            {
                found.insert(entry.pid);
            }
        }
        // Descendants, however deep and in whatever order the table lists them.
        loop {
            let before = found.len();
            let children = alive.iter().filter(|entry| found.contains(&entry.parent));
            let children: Vec<u32> = children.map(|entry| entry.pid).collect();
            found.extend(children);
            if found.len() == before {
                break;
            }
        }

        let members: Vec<_> = alive.into_iter().filter(|entry| found.contains(&entry.pid)).collect();
        self.known.extend(members.iter().map(|entry| (entry.pid, entry.start_ticks)));
        let member = |entry: &ProcEntry| Member { pid: entry.pid, in_group: grouped.contains(&entry.pid) };
        members.into_iter().map(member).collect()
    }
}

/// A pid as the system calls take it. Those of Linux fit (at most 2^22).
pub(crate) fn system_pid(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEADER: u32 = 4_000_100;

    fn process(pid: u32, parent: u32, group: u32, session: u32) -> ProcEntry {
        ProcEntry { pid, parent, group, session, start_ticks: u64::from(pid), ended: false }
    }

    fn family() -> Family {
        Family::new(ProcessIdentity {
            step: "mine".into(),
            pid: LEADER,
            session: Some(50),
            start_ticks: Some(u64::from(LEADER)),
            boot_id: None,
            tag: Some(77),
        })
    }

    fn check(family: &mut Family, table: &[ProcEntry], markers: &[(u32, &str)], expected: &[u32]) {
        let marker_of = |pid| {
            let found = markers.iter().find(|(marked, _)| *marked == pid);
            found.map(|(_, marker)| marker.as_bytes().to_vec())
        };
        let found: Vec<u32> = family
            .members(table, marker_of, |pid| (pid == 4_000_107).then_some(77))
            .into_iter()
            .map(|member| member.pid)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn group_marker_tag_and_descent_make_a_member() {
        let table = [
            process(LEADER, 2, LEADER, 50),
            process(4_000_103, 4_000_102, 4_000_103, 4_000_103), // grandchild, wiped and gone
            process(4_000_101, LEADER, LEADER, 50),
            process(4_000_102, LEADER, 4_000_102, 4_000_102), // child in a session of its own
            process(4_000_104, 1, 4_000_104, 4_000_104),      // marked orphan
            process(4_000_105, 1, 4_000_105, 4_000_105),      // another step's
            process(4_000_106, 1, 4_000_106, 4_000_106),      // nobody's
            process(4_000_107, 1, 4_000_107, 4_000_107),      // wiped orphan, still tagged
        ];
        let markers = [(4_000_104, "mine"), (4_000_105, "mine-too")];
        let expected = [LEADER, 4_000_103, 4_000_101, 4_000_102, 4_000_104, 4_000_107];
        check(&mut family(), &table, &markers, &expected);
    }

    #[test]
    fn a_member_is_remembered_when_its_parent_is_gone() {
        let mut family = family();
        let child = process(4_000_101, LEADER, 4_000_101, 4_000_101);
        check(&mut family, &[process(LEADER, 2, LEADER, 50), child.clone()], &[], &[LEADER, 4_000_101]);
        let orphan = ProcEntry { parent: 1, ..child };
        check(&mut family, std::slice::from_ref(&orphan), &[], &[4_000_101]);
        check(&mut family, &[ProcEntry { start_ticks: 9, ..orphan }], &[], &[]);
    }

    #[test]
    fn a_group_number_given_again_is_not_ours() {
        let stranger = ProcEntry { start_ticks: 7, ..process(LEADER, 2, LEADER, 50) };
        let child_of_it = process(4_000_101, LEADER, LEADER, 50);
        check(&mut family(), &[stranger, child_of_it], &[], &[]);
        let leaderless = process(4_000_101, 1, LEADER, 50);
        check(&mut family(), std::slice::from_ref(&leaderless), &[], &[4_000_101]);
        check(&mut family(), std::slice::from_ref(&leaderless), &[(4_000_101, "other")], &[]);
        check(&mut family(), &[ProcEntry { session: 51, ..leaderless }], &[], &[]);
    }

    #[test]
    fn what_has_ended_is_not_a_member() {
        let zombie = ProcEntry { ended: true, ..process(LEADER, 2, LEADER, 50) };
        check(&mut family(), &[zombie], &[], &[]);
    }
}
