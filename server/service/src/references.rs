//! Which credentials a runbook's blocks name, and whether they exist.

use domain::{Block, BlockKind, Faults};
use store::Store;

use crate::Result;

/// A credential that a block names, and where.
struct Reference {
    path: String,
    credential: String,
}

/// The ids and names of the credentials that the blocks use, each once.
pub(crate) fn of(blocks: &[Block]) -> Vec<String> {
    let mut names: Vec<String> = collect(blocks).into_iter().map(|reference| reference.credential).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// As [`of`], where every one of them exists; else the faults, each at its path.
pub(crate) async fn checked(store: &Store, blocks: &[Block]) -> Result<Vec<String>> {
    let names = of(blocks);
    let mut missing = Vec::new();
    for name in &names {
        if store.credential(name).await?.is_none() {
            missing.push(name);
        }
    }
    let mut faults = Faults::default();
    for reference in collect(blocks).into_iter().filter(|reference| missing.contains(&&reference.credential)) {
        faults.push(reference.path, format!("there is no credential “{}”", reference.credential));
    }
    Ok(faults.into_result(names)?)
}

fn collect(blocks: &[Block]) -> Vec<Reference> {
    let mut found = Vec::new();
    walk(blocks, "$.blocks", &mut found);
    found
}

fn walk(blocks: &[Block], path: &str, found: &mut Vec<Reference>) {
    for (index, block) in blocks.iter().enumerate() {
        let config = format!("{path}[{index}].config");
        match &block.kind {
            BlockKind::Api(api) => found.extend(
                api.credential_id.map(|id| Reference { path: format!("{config}.credential_id"), credential: id.to_string() }),
            ),
            BlockKind::Command(command) => {
                found.extend(command.credentials.iter().enumerate().map(|(place, used)| Reference {
                    path: format!("{config}.credentials[{place}].credential"),
                    credential: used.credential.clone(),
                }));
            }
            BlockKind::Instruction(_) | BlockKind::Condition(_) | BlockKind::Timer(_) => {}
        }
        let [nested, otherwise] = block.branches();
        walk(nested, &format!("{config}.nested_blocks"), found);
        walk(otherwise, &format!("{config}.else_blocks"), found);
    }
}
