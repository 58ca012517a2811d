//! A shell on a host that lists processes and signals them, through a channel of its own.

use std::time::Duration;

use runner::STEP_VARIABLE;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, client::Msg};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use super::{
    Connection, SshError,
    processes::{Member, Table},
    script::private_dirs,
};

/// The most that one look may answer: a machine with 100,000 processes, and then some.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// What a look is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// `/proc`, or `ps` where there is none.
    Best,
    /// `ps`, whatever there is.
    #[cfg(test)]
    Ps,
}

/// A shell on a host that answers questions. It ends with the channel.
pub(super) struct Looker {
    read: ChannelReadHalf,
    write: ChannelWriteHalf<Msg>,
    host: String,
    nonce: String,
    /// How long one answer may take.
    patience: Duration,
    /// Its own process id.
    pid: u32,
}

impl Looker {
    /// Starts it. One answer may take `patience`, starting included.
    pub(super) async fn open(connection: &Connection, source: Source, patience: Duration) -> Result<Self, SshError> {
        let late = |_| SshError::TimedOut { host: connection.target().name.clone(), after: patience };
        timeout(patience, Self::start(connection, source, patience)).await.map_err(late)?
    }

    async fn start(connection: &Connection, source: Source, patience: Duration) -> Result<Self, SshError> {
        let (read, write) = connection.channel().await?.split();
        let nonce = Uuid::now_v7().simple().to_string();
        let host = connection.target().name.clone();
        let mut looker = Self { read, write, host, nonce, patience, pid: 0 };
        looker.write.exec(true, "exec /bin/sh -s").await.map_err(|_| looker.closed())?;
        let functions = functions(&looker.nonce, source);
        let greeting = looker.ask(&format!("{functions}\necho; echo '{} pid'; echo $$; _done\n", looker.nonce)).await?;
        let pid = looker.section(&greeting, "pid").and_then(|text| std::str::from_utf8(text).ok()?.trim().parse().ok());
        looker.pid = pid.ok_or_else(|| looker.closed())?;
        Ok(looker)
    }

    /// Its own process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The processes of the host; nothing when they could not be listed.
    pub(super) async fn look(&mut self) -> Result<Option<Table>, SshError> {
        let answer = self.ask("_look\n").await?;
        let mut table = Table::default();
        if let Some(stat) = self.section(&answer, "stat") {
            table.read_stat(stat);
            table.read_environ(self.section(&answer, "environ").unwrap_or_default(), 0);
            table.read_environ(self.section(&answer, "environ-lines").unwrap_or_default(), b'\n');
        } else {
            table.read_ps(self.section(&answer, "ps").unwrap_or_default());
            table.read_ps_environ(self.section(&answer, "ps-environ").unwrap_or_default());
        }
        let sees_itself = table.entries.iter().any(|entry| entry.pid == self.pid);
        Ok(sees_itself.then_some(table))
    }

    /// Sends signals, one for the group, which no fork can slip through, and one for each process outside it. One that is
    /// gone, or may not be signalled, shows in the next look.
    pub(super) async fn signal(&mut self, group: Option<u32>, members: &[Member], signals: &[&str]) -> Result<(), SshError> {
        let mut targets = String::new();
        if let Some(group) = group.filter(|_| members.iter().any(|member| member.in_group)) {
            targets.push_str(&format!(" -{group}"));
        }
        for member in members.iter().filter(|member| group.is_none() || !member.in_group) {
            targets.push_str(&format!(" {}", member.pid));
        }
        let kills: Vec<_> = signals.iter().map(|signal| format!("kill -s {signal} --{targets}")).collect();
        self.ask(&format!("{{ {}; }} </dev/null >/dev/null 2>&1; _done\n", kills.join("; "))).await.map(drop)
    }

    /// Removes the private directories that a step left.
    pub(super) async fn tidy(&mut self, step: &str) -> Result<(), SshError> {
        self.ask(&format!("rm -rf -- {} </dev/null >/dev/null 2>&1; _done\n", private_dirs(step))).await.map(drop)
    }

    /// Has the shell do something, and gives what it printed until `_done`.
    async fn ask(&mut self, text: &str) -> Result<Vec<u8>, SshError> {
        let deadline = Instant::now() + self.patience;
        let late = |_| SshError::TimedOut { host: self.host.clone(), after: self.patience };
        let asking = self.write.data_bytes(text.as_bytes().to_vec());
        timeout_at(deadline, asking).await.map_err(late)?.map_err(|_| self.closed())?;
        let end = format!("\n{} done\n", self.nonce).into_bytes();
        let mut answer = Vec::new();
        loop {
            match timeout_at(deadline, self.read.wait()).await.map_err(late)? {
                Some(ChannelMsg::Data { data }) => {
                    let from = answer.len().saturating_sub(end.len());
                    answer.extend_from_slice(&data);
                    if answer[from..].windows(end.len()).any(|window| window == end) {
                        return Ok(answer);
                    }
                    if answer.len() > MAX_ANSWER_BYTES {
                        return Err(self.closed());
                    }
                }
                Some(ChannelMsg::Failure | ChannelMsg::Close) | None => return Err(self.closed()),
                Some(_) => {}
            }
        }
    }

    /// What stands in an answer between the heading `name` and the next one.
    fn section<'a>(&self, answer: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let heading = format!("\n{} {name}\n", self.nonce).into_bytes();
        let next = format!("\n{} ", self.nonce).into_bytes();
        let from = answer.windows(heading.len()).position(|window| window == heading)? + heading.len();
        // The line break that ends the heading may be the one that begins the next.
        let rest = &answer[from - 1..];
        let length = rest.windows(next.len()).position(|window| window == next)?;
        Some(&rest[1.min(length)..length])
    }

    fn closed(&self) -> SshError {
        SshError::Closed { host: self.host.clone() }
    }
}

/// The questions. `grep` names the file before every line, so that nothing a process may say of itself passes for another;
/// one without `-z` (POSIX knows none) gets the environments as lines.
fn functions(nonce: &str, source: Source) -> String {
    let has_proc = match source {
        Source::Best => "[ -r /proc/self/stat ]",
        #[cfg(test)]
        Source::Ps => "false",
    };
    format!(
        r#"_done() {{ echo; echo "{nonce} done"; }}
_heading() {{ echo; echo "{nonce} $1"; }}
_look() {{
  if {has_proc}; then
    _heading stat
    LC_ALL=C grep '' /dev/null /proc/[0-9]*/stat
    if echo x | grep -qz x; then
      _heading environ
      LC_ALL=C grep -z '^{STEP_VARIABLE}=' /dev/null /proc/[0-9]*/environ
    else
      _heading environ-lines
      for _f in /proc/[0-9]*/environ; do
        LC_ALL=C tr '\000' '\n' <"$_f" | LC_ALL=C grep '^{STEP_VARIABLE}=' | LC_ALL=C sed "s|^|$_f:|"
      done
    fi
  else
    _heading ps
    ps -A -o pid= -o ppid= -o pgid= -o stat=
    _heading ps-environ
    ps axeww -o pid= -o command=
  fi
  _done
}} </dev/null 2>/dev/null"#
    )
}
