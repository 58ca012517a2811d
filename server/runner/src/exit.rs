//! How a process ended.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

/// How a process ended: with a code, or by a signal. Neither is known only when its end could
/// not be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit code, when it ended by itself.
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
}

impl Exit {
    /// The end was not observed.
    pub(crate) const UNKNOWN: Self = Self { code: None, signal: None };

    /// Whether the process ended by itself with code 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// The end as a person reads it: `exit 0`, `killed by SIGKILL (9)`.
    #[must_use]
    pub fn describe(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => match Signal::try_from(signal) {
                Ok(known) => format!("killed by {} ({signal})", known.as_str()),
                Err(_) => format!("killed by signal {signal}"),
            },
            (None, None) => "exit unknown".to_owned(),
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        Self { code: status.code(), signal: status.signal() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_described_in_words() {
        let check = |code, signal, expected: &str| {
            assert_eq!(Exit { code, signal }.describe(), expected);
        };
        check(Some(0), None, "exit 0");
        check(Some(127), None, "exit 127");
        check(None, Some(9), "killed by SIGKILL (9)");
        check(None, Some(15), "killed by SIGTERM (15)");
        check(None, Some(40), "killed by signal 40");
        check(None, None, "exit unknown");
    }
}
