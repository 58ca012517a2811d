//! The runbook that greets an empty installation: it shows what a runbook can hold, asks once, and runs as it is.

use serde_json::json;

use crate::{Faults, RunbookDraft};

/// The sample runbook.
///
/// # Errors
/// Never in practice: a test reads it.
pub fn runbook() -> Result<RunbookDraft, Faults> {
    RunbookDraft::parse(&json!({
        "title": "Look at this machine",
        "description": "A harmless tour of the machine that Runbook Studio runs on: it reads, and changes nothing. Run it, then edit it.",
        "tags": ["sample"],
        "blocks": [
            { "name": "Before you begin", "type": "instruction", "config": { "text":
                "This runbook **changes nothing**. Each block below is one step:\n\n- an instruction like this one is for you to read,\n- a command shows its output live in a console,\n- a condition chooses a branch, a timer waits,\n- a block may ask you first, as the next one does.\n\nUse *Pause* and *Stop* at the top whenever you like." } },
            { "name": "What machine is this?", "type": "command", "confirm": true, "config": { "command": "uname -a" } },
            { "name": "Is there a folder for temporary files?", "type": "condition", "config": {
                "condition_type": "command_exit_code", "check_command": "test -d /tmp", "expected_exit_code": 0,
                "nested_blocks": [{ "name": "How full is it?", "type": "command", "config": { "command": "df -h /tmp" } }],
                "else_blocks": [{ "name": "No such folder", "type": "instruction", "config": { "text": "This machine has no `/tmp`. Nothing is wrong with the runbook." } }]
            } },
            { "name": "Let it settle", "type": "timer", "config": { "duration": "2s" } },
            { "name": "Done", "type": "instruction", "config": { "text":
                "That was a run. Its output stays in **History**; **Edit** the runbook to make it yours." } }
        ]
    }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sample_is_a_valid_runbook() {
        assert_eq!(super::runbook().map(|draft| draft.blocks.len()), Ok(5));
    }

    #[test]
    fn the_sample_asks_once() {
        let draft = super::runbook().expect("the sample");
        assert_eq!(draft.blocks.iter().flat_map(crate::Block::with_nested).filter(|block| block.confirm).count(), 1);
    }
}
