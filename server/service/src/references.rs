//! What a runbook's blocks name outside of the runbook: credentials, which must exist when it is saved, and hosts, which must
//! exist when it is run.

use std::collections::{HashMap, HashSet};

use domain::host::LOCAL;
use domain::plan::Planned;
use domain::{Block, BlockId, BlockKind, Faults};
use store::Store;

use crate::Result;

/// A host that a block runs on, and where the block says so.
pub(crate) struct HostUse {
    pub path: String,
    pub host: String,
}

/// A credential that a block names, and where.
struct Reference {
    path: String,
    credential: String,
}

/// Everything that the blocks name, each once: credentials by id or name, hosts as [`to_host`] writes them.
pub(crate) fn of(blocks: &[Block]) -> Vec<String> {
    let places = places(blocks);
    let hosts = places.iter().flat_map(|(_, block)| block.host_names()).filter(|host| *host != LOCAL).map(to_host);
    let mut names: Vec<String> = credentials(&places).into_iter().map(|reference| reference.credential).chain(hosts).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// As [`of`], where every credential among them exists; else the faults, each at its path.
pub(crate) async fn checked(store: &Store, blocks: &[Block]) -> Result<Vec<String>> {
    let references = credentials(&places(blocks));
    let mut missing = HashSet::new();
    for name in references.iter().map(|reference| reference.credential.as_str()).collect::<HashSet<_>>() {
        if store.credential(name).await?.is_none() {
            missing.insert(name);
        }
    }
    let mut faults = Faults::default();
    for reference in references.iter().filter(|reference| missing.contains(reference.credential.as_str())) {
        faults.push(&reference.path, format!("there is no credential “{}”", reference.credential));
    }
    Ok(faults.into_result(of(blocks))?)
}

/// The hosts of those places in the plan that are selected.
pub(crate) fn hosts(blocks: &[Block], plan: &[Planned<'_>], selected: &HashSet<u32>) -> Vec<HostUse> {
    let paths: HashMap<BlockId, String> = places(blocks).into_iter().map(|(path, block)| (block.id, path)).collect();
    let chosen = plan.iter().filter(|planned| selected.contains(&planned.ordinal));
    chosen
        .filter_map(|planned| {
            let path = paths.get(&planned.block.id)?;
            Some(HostUse { path: format!("{path}.config.host"), host: planned.host?.to_owned() })
        })
        .collect()
}

/// The credentials that one block names, by id or name; not those of blocks nested in it.
pub(crate) fn credentials_of(block: &Block) -> Vec<String> {
    credentials(&[(String::new(), block)]).into_iter().map(|reference| reference.credential).collect()
}

/// How a runbook's row names a host: no credential's id or name holds a colon.
pub(crate) fn to_host(name: &str) -> String {
    format!("host:{name}")
}

/// A name or title as sentences quote it.
pub(crate) fn quoted(name: &str) -> String {
    format!("“{name}”")
}

/// The first few of what is in use, each as it is to be read, and how many more there are.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// Every block with its JSON path, in the order of the plan.
pub(crate) fn places(blocks: &[Block]) -> Vec<(String, &Block)> {
    fn walk<'a>(blocks: &'a [Block], path: &str, places: &mut Vec<(String, &'a Block)>) {
        for (index, block) in blocks.iter().enumerate() {
            let path = format!("{path}[{index}]");
            places.push((path.clone(), block));
            let [nested, otherwise] = block.branches();
            walk(nested, &format!("{path}.config.nested_blocks"), places);
            walk(otherwise, &format!("{path}.config.else_blocks"), places);
        }
    }
    let mut places = Vec::new();
    walk(blocks, "$.blocks", &mut places);
    places
}

fn credentials(places: &[(String, &Block)]) -> Vec<Reference> {
    let mut found = Vec::new();
    for (path, block) in places {
        match &block.kind {
            BlockKind::Api(api) => found.extend(
                api.credential_id
                    .map(|id| Reference { path: format!("{path}.config.credential_id"), credential: id.to_string() }),
            ),
            BlockKind::Command(command) => {
                found.extend(command.credentials.iter().enumerate().map(|(place, used)| Reference {
                    path: format!("{path}.config.credentials[{place}].credential"),
                    credential: used.credential.clone(),
                }));
            }
            BlockKind::Instruction(_) | BlockKind::Condition(_) | BlockKind::Timer(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use domain::RunbookDraft;
    use domain::plan::{Targets, lay_out};
    use serde_json::json;

    use super::*;

    #[test]
    fn places_stand_in_the_order_of_the_plan() {
        let leaf = |host: &str| json!({ "type": "command", "config": { "command": "true", "host": host } });
        let check = json!({ "type": "condition", "config": { "condition_type": "file_exists", "file_path": "/x", "host": "b",
            "nested_blocks": [leaf("c")], "else_blocks": [leaf("d"), leaf("local")] } });
        let draft =
            json!({ "title": "t", "blocks": [leaf("a"), check, { "type": "timer", "config": { "duration": 1 } }, leaf("a")] });
        let blocks = RunbookDraft::parse(&draft).expect("a draft").blocks;
        let targets = Targets::new();
        let plan = lay_out(&blocks, &targets);
        let planned: Vec<_> = plan.iter().map(|planned| planned.block.id).collect();
        assert_eq!(places(&blocks).into_iter().map(|(_, block)| block.id).collect::<Vec<_>>(), planned);
        assert_eq!(of(&blocks), ["host:a", "host:b", "host:c", "host:d"]);
        let uses = hosts(&blocks, &plan, &HashSet::from([1, 3, 5]));
        let uses: Vec<_> = uses.iter().map(|used| (used.path.as_str(), used.host.as_str())).collect();
        assert_eq!(uses, [("$.blocks[1].config.host", "b"), ("$.blocks[1].config.else_blocks[0].config.host", "d")]);
    }
}
