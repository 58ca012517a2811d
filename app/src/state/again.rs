//! The link that starts a run once more.

use std::fmt::Write;

use domain::Run;
use serde_json::Value;

/// What the server puts where a secret answer was.
const MASKED: &str = "••••••";

/// The runbook's page, its form filled in with the answers of this run; a secret has to be given anew.
#[must_use]
pub fn link(run: &Run) -> String {
    let mut link = format!("/runbooks/{}", run.runbook_id);
    let mut separator = '?';
    for (name, value) in &run.parameters {
        let value = match value {
            Value::Null => continue,
            Value::String(text) if text == MASKED => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        link.push(std::mem::replace(&mut separator, '&'));
        escape(&format!("parameters[{name}]"), &mut link);
        link.push('=');
        escape(&value, &mut link);
    }
    link.push_str("#run");
    link
}

/// Percent-encodes all that is neither a letter nor a digit nor one of `-._~`.
fn escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => into.push(char::from(byte)),
            _ => _ = write!(into, "%{byte:02X}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, RunId, RunMode, RunState, RunbookId, Timestamp};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_started_again_with_its_answers_but_without_its_secrets() {
        let parameters = json!({ "host": "db 2&3", "lag": 5, "token": MASKED, "why": "é" });
        let run = Run {
            id: RunId::new(),
            number: 7,
            runbook_id: RunbookId::new(),
            runbook_title: "Failover".to_owned(),
            version: 1,
            state: RunState::Failed,
            mode: RunMode::Auto,
            parameters: parameters.as_object().cloned().unwrap_or_default(),
            reason: None,
            started_by: "oncall-1".to_owned(),
            started_by_id: AccountId::new(),
            created_at: Timestamp::from_timestamp_millis(0).expect("the epoch"),
            started_at: None,
            ended_at: None,
            error: None,
            event: 1,
        };
        let asked = "parameters%5Bhost%5D=db%202%263&parameters%5Blag%5D=5&parameters%5Bwhy%5D=%C3%A9";
        assert_eq!(link(&run), format!("/runbooks/{}?{asked}#run", run.runbook_id));
    }
}
