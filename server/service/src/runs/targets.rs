//! The hosts of a run: which ones its tags stand for, settled when it starts.

use std::collections::HashSet;

use domain::plan::Targets;
use domain::{Block, BlockId, BlockKind, Faults, Host};
use store::Store;

use crate::{Result, references};

/// The most hosts that one block may run on.
const MAX_HOSTS: usize = 200;

/// The hosts of those chosen blocks that name several, or tags: names in their order, the hosts of a tag by name, each host once.
///
/// The faults stand at the path of a block whose tag no host has, or that has too many hosts.
///
/// # Errors
/// When the store fails.
pub(super) async fn settle(store: &Store, blocks: &[Block], chosen: &HashSet<BlockId>) -> Result<(Targets, Faults)> {
    let mut targets = Targets::new();
    let mut faults = Faults::default();
    let mut known: Option<Vec<Host>> = None;
    for (path, block) in references::places(blocks).into_iter().filter(|(_, block)| chosen.contains(&block.id)) {
        let BlockKind::Command(command) = &block.kind else { continue };
        if command.host.single().is_some() {
            continue;
        }
        let path = format!("{path}.config.host");
        let mut names: Vec<String> = command.host.names().map(str::to_owned).collect();
        for tag in command.host.tags() {
            if known.is_none() {
                known = Some(store.hosts().await?);
            }
            let mut tagged: Vec<&str> = (known.iter().flatten())
                .filter(|host| host.tags.iter().any(|other| other == tag))
                .map(|host| host.name.as_str())
                .collect();
            if tagged.is_empty() {
                faults.push(&path, format!("no host has the tag “{tag}”"));
            }
            tagged.sort_unstable();
            for name in tagged {
                if !names.iter().any(|other| other == name) {
                    names.push(name.to_owned());
                }
            }
        }
        if names.len() > MAX_HOSTS {
            faults.push(&path, format!("these are {} hosts; a block runs on {MAX_HOSTS} at most", names.len()));
        }
        targets.insert(block.id, names);
    }
    Ok((targets, faults))
}
