//! A runbook as a page of Markdown: to read, to print, to paste into a wiki. What a reader needs, not every setting.

use std::fmt::Write;

use crate::block::{Check, OnFailure};
use crate::{Block, BlockKind, Parameter, RunbookDraft};

/// The deepest heading that Markdown has.
const MAX_LEVEL: usize = 6;

/// The whole page.
pub fn document(draft: &RunbookDraft) -> String {
    let mut text = format!("# {}\n", one_line(&draft.title));
    if !draft.description.trim().is_empty() {
        _ = write!(text, "\n{}\n", draft.description.trim());
    }
    if !draft.tags.is_empty() {
        _ = write!(text, "\nTags: {}\n", draft.tags.join(", "));
    }
    if !draft.parameters.is_empty() {
        text.push_str("\n## Parameters\n\n");
        draft.parameters.iter().for_each(|asked| parameter(asked, &mut text));
    }
    draft.blocks.iter().for_each(|block| tell(block, 2, &mut text));
    text
}

fn parameter(parameter: &Parameter, text: &mut String) {
    _ = write!(text, "- `{}`", parameter.name);
    if let Some(label) = parameter.label.as_ref().or(parameter.description.as_ref()) {
        _ = write!(text, ": {}", one_line(label));
    }
    if let Some(default) = &parameter.default {
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        _ = write!(text, " (usually `{}`)", one_line(&default));
    }
    text.push('\n');
}

fn tell(block: &Block, level: usize, text: &mut String) {
    let title = one_line(&block.title());
    _ = write!(
        text,
        "\n{} {}\n",
        "#".repeat(level.min(MAX_LEVEL)),
        if title.is_empty() { block.block_type().label() } else { &title }
    );
    let facts = facts(block);
    if !facts.is_empty() {
        _ = write!(text, "\n*{}*\n", facts.join(" · "));
    }
    match &block.kind {
        BlockKind::Instruction(instruction) => _ = write!(text, "\n{}\n", instruction.text.trim_end()),
        BlockKind::Command(command) => fence(language(&command.interpreter), &command.command, text),
        BlockKind::Api(api) => {
            let mut request = format!("{} {}", api.method.as_str(), api.url);
            for (name, value) in &api.headers {
                _ = write!(request, "\n{name}: {value}");
            }
            match &api.body {
                Some(serde_json::Value::String(body)) => _ = write!(request, "\n\n{body}"),
                Some(body) => _ = write!(request, "\n\n{}", serde_json::to_string_pretty(body).unwrap_or_default()),
                None => {}
            }
            fence("http", &request, text);
        }
        BlockKind::Timer(timer) => _ = write!(text, "\nWait {}.\n", timer.duration),
        BlockKind::Condition(condition) => {
            match &condition.check {
                Check::CommandExitCode { command, expected, .. } => {
                    fence("sh", command, text);
                    _ = write!(text, "\nDoes it exit with {expected}?\n");
                }
                other => _ = write!(text, "\nCheck: {}\n", one_line(&other.describe())),
            }
            for (when, nested) in [("If so:", &condition.nested_blocks), ("Otherwise:", &condition.else_blocks)] {
                if !nested.is_empty() {
                    _ = write!(text, "\n**{when}**\n");
                    nested.iter().for_each(|block| tell(block, level + 1, text));
                }
            }
        }
    }
}

/// What somebody who does it by hand should know beside the text.
fn facts(block: &Block) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(place) = block.place().filter(|place| place != crate::host::LOCAL) {
        facts.push(format!("On {}", one_line(&place)));
    }
    if let BlockKind::Command(command) = &block.kind
        && let Some(folder) = &command.working_dir
    {
        facts.push(format!("In {}", one_line(folder)));
    }
    if let Some(when) = &block.when {
        facts.push(format!("Only when {}", one_line(when)));
    }
    if block.confirm {
        facts.push("Ask before it runs".to_owned());
    }
    if block.on_failure == OnFailure::Continue {
        facts.push("Go on if it fails".to_owned());
    }
    facts
}

/// The word for a fence in which an interpreter's script stands.
fn language(interpreter: &str) -> &'static str {
    let program = interpreter.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word)).find(|word| *word != "env");
    match program.unwrap_or_default() {
        "bash" => "bash",
        "python" | "python3" => "python",
        "zsh" => "zsh",
        "pwsh" => "powershell",
        _ => "sh",
    }
}

/// A script between fences that are longer than any in it.
fn fence(language: &str, inside: &str, text: &mut String) {
    let longest = inside.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    _ = write!(text, "\n{fence}{language}\n{}\n{fence}\n", inside.trim_end_matches('\n'));
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_shows_prose_scripts_checks_and_branches() {
        let draft = RunbookDraft::parse(&json!({
            "title": "Restart", "description": "Twice a year.", "tags": ["queue"],
            "parameters": [{ "name": "lag", "type": "number", "label": "Allowed lag", "default": 5 }],
            "blocks": [
                { "name": "Say so", "type": "instruction", "config": { "text": "Tell **#ops**." } },
                { "name": "Drain", "type": "command", "confirm": true, "config": { "command": "drain `all`\n", "host": "web-1", "interpreter": "/usr/bin/env bash -eu" } },
                { "name": "Is it up?", "type": "condition", "config": { "condition_type": "file_exists", "file_path": "/run/q",
                    "nested_blocks": [{ "type": "timer", "config": { "duration": "90s" } }] } }
            ]
        }))
        .expect("a runbook");
        let expected = "# Restart\n\nTwice a year.\n\nTags: queue\n\n## Parameters\n\n- `lag`: Allowed lag (usually `5`)\n\n\
            ## Say so\n\nTell **#ops**.\n\n## Drain\n\n*On web-1 · Ask before it runs*\n\n```bash\ndrain `all`\n```\n\n\
            ## Is it up?\n\nCheck: /run/q exists?\n\n**If so:**\n\n### Wait 1m 30s\n\nWait 1m 30s.\n";
        assert_eq!(document(&draft), expected);
    }
}
