//! The runbook of these scenarios: twenty steps, each of which leaves one line in its run's file.
//!
//! Some do it at once, some sleep before and some after, so that a kill finds steps on either side of their effect.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

pub const STEPS: u32 = 20;

/// The effects of one run: the steps that wrote, in the order in which they did.
pub type Effects = Vec<u32>;

/// The blocks; `folder` is where the files go. On a host, where one is named.
pub fn blocks(folder: &Path, host: Option<&str>) -> Value {
    (1..=STEPS)
        .map(|step| {
            let effect = format!("printf '%s %s\\n' {{{{ run.id }}}} {step} >> '{}'/{{{{ run.id }}}}", folder.display());
            let command = match step % 4 {
                1 => format!("sleep 0.02; {effect}"),
                3 => format!("{effect}; sleep 0.02"),
                _ => effect,
            };
            let mut config = json!({ "command": command });
            if let Some(host) = host {
                config["host"] = host.into();
            }
            json!({ "name": name(step), "type": "command", "config": config })
        })
        .collect()
}

/// `step-07`
pub fn name(step: u32) -> String {
    format!("step-{step:02}")
}

/// The step with this name.
pub fn number(name: &str) -> Option<u32> {
    name.strip_prefix("step-")?.parse().ok()
}

/// What every run has done, by run; a line that no step writes is an error.
pub fn effects(folder: &Path) -> Result<BTreeMap<String, Effects>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry.with_context(|| format!("reading {}", folder.display()))?;
        let run = entry.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(entry.path()).with_context(|| format!("reading the effects of {run}"))?;
        let lines = text.lines().map(|line| read(&run, line).with_context(|| format!("an odd effect of {run}: “{line}”")));
        all.insert(run.clone(), lines.collect::<Result<_>>()?);
    }
    Ok(all)
}

fn read(run: &str, line: &str) -> Option<u32> {
    let (of, step) = line.split_once(' ')?;
    (of == run).then(|| step.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_read_by_run_in_their_order() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "a 1\na 3\na 2\n").expect("writing");
        fs::write(folder.path().join("b"), "b 20\n").expect("writing");
        let effects = effects(folder.path()).expect("effects");
        assert_eq!(effects, BTreeMap::from([("a".to_owned(), vec![1, 3, 2]), ("b".to_owned(), vec![20])]));
        fs::write(folder.path().join("a"), "a 1\nb 2\n").expect("writing");
        assert!(super::effects(folder.path()).is_err(), "a line of another run");
    }

    #[test]
    fn steps_are_told_apart_by_name() {
        assert_eq!(number(&name(7)), Some(7));
        assert_eq!(number("other"), None);
        let blocks = blocks(Path::new("/x"), None);
        assert_eq!(blocks.as_array().map(Vec::len), Some(20));
        assert_eq!(blocks[1]["config"]["command"], "printf '%s %s\\n' {{ run.id }} 2 >> '/x'/{{ run.id }}");
    }
}
