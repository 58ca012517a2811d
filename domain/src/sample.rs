//! The runbook that greets an empty installation: all five block types, and it runs as it is.

use serde_json::json;

use crate::{Faults, RunbookDraft};

/// The sample runbook.
///
/// # Errors
/// Never in practice: a test reads it.
pub fn runbook() -> Result<RunbookDraft, Faults> {
    RunbookDraft::parse(&json!({
        "title": "Look at this machine",
        "description": "A harmless tour: reads load, memory and disks of the machine that Runbook Studio runs on. Run it, then edit it.",
        "tags": ["sample"],
        "parameters": [{ "name": "path", "label": "Folder to look at", "type": "string", "default": "/tmp", "required": true }],
        "blocks": [
            { "name": "Before you begin", "type": "instruction", "config": { "text":
                "This runbook **changes nothing**. Each block below is one step:\n\n- an instruction like this one is for you to read,\n- a command shows its output live in a console,\n- a timer waits, a condition chooses a branch.\n\nUse *Pause* and *Stop* at the top whenever you like." } },
            { "name": "System load", "type": "command", "config": { "command": "uname -sr\nuptime" } },
            { "name": "Space and files", "type": "command", "config": { "command": "df -h {{ params.path }}\nls -la {{ params.path }} | head -20" } },
            { "name": "Watch the load for a moment", "type": "command", "config": { "command":
                "for second in 1 2 3 4 5; do\n  echo \"load after $second s: $(cut -d ' ' -f 1-3 /proc/loadavg)\"\n  sleep 1\ndone" } },
            { "name": "Let it settle", "type": "timer", "config": { "duration": "3s" } },
            { "name": "Is the folder there?", "type": "condition", "config": {
                "condition_type": "command_exit_code", "check_command": "test -d {{ params.path }}", "expected_exit_code": 0,
                "nested_blocks": [{ "name": "All is well", "type": "instruction", "config": { "text": "The folder exists. Nothing else to do." } }],
                "else_blocks": [{ "name": "Folder missing", "type": "instruction", "config": { "text": "There is no such folder. Start again with another one." } }]
            } }
        ]
    }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sample_is_a_valid_runbook() {
        assert_eq!(super::runbook().map(|draft| draft.blocks.len()), Ok(6));
    }
}
