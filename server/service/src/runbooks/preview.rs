//! What the blocks of a draft would do with the values at hand. Reads the hosts that they name, nothing else; runs nothing.

use domain::{Actor, Block, BlockPreview, Faults, Parameter, Permission, parameter};
use engine::preview::{Known, Preview, Unresolved, has_templates, uses_raw};
use serde_json::{Map, Value};

use super::Runbooks;
use crate::Result;
use crate::authorise::authorise;

/// How many blocks are looked at in one call.
pub const MAX_PREVIEWS: usize = 200;

impl Runbooks {
    /// What each of these blocks would do where the parameters have their defaults, in the same order. Blocks and parameters are
    /// JSON as a draft has it: what cannot be read yet is passed over, the editor names it anyway.
    ///
    /// # Errors
    /// `Forbidden` to viewers.
    pub async fn preview(&self, actor: &Actor, title: &str, blocks: &[Value], parameters: &[Value]) -> Result<Vec<BlockPreview>> {
        authorise(actor, Permission::Write)?;
        let blocks: Vec<Option<Block>> =
            blocks.iter().take(MAX_PREVIEWS).map(|block| serde_json::from_value(block.clone()).ok()).collect();
        let items: Vec<_> =
            parameters.iter().enumerate().map(|(index, value)| (format!("$.parameters[{index}]"), value)).collect();
        let parameters = Parameter::parse_list(&items, &mut Faults::default());
        let (mut answers, mut open) = (Map::new(), Vec::new());
        for parameter in &parameters {
            match parameter::resolve(std::slice::from_ref(parameter), &Map::new()) {
                Ok(answer) => answers.extend(answer),
                Err(_) => open.push(parameter.name.clone()),
            }
        }
        let secret: Vec<String> = parameters.iter().filter(|one| one.is_secret()).map(|one| one.name.clone()).collect();
        let known =
            Known { title, started_by: actor.username.as_str(), answers, secret: &secret, open: &open, ..Known::default() };
        let mut preview = Preview::new(&known);
        // A block that names one host sees what that host gives; of a host that is not theirs to run on nobody is told.
        let mut names: Vec<&str> = blocks.iter().flatten().filter_map(single_host).collect();
        names.sort_unstable();
        names.dedup();
        let hosts = self.store.hosts_named(&names).await?;
        let hosts: Vec<_> = hosts.iter().filter(|host| host.may_run(actor.role)).collect();
        Ok(blocks
            .iter()
            .map(|block| {
                let Some(block) = block else { return BlockPreview::AsWritten };
                let host = single_host(block).and_then(|name| hosts.iter().find(|host| host.name == name));
                shown(block, preview.block(block, host.map(|host| host.env.as_slice())))
            })
            .collect())
    }
}

fn single_host(block: &Block) -> Option<&str> {
    match block.host_names().as_slice() {
        [one] if block.place().as_deref() == Some(*one) => Some(*one),
        _ => None,
    }
}

fn shown(block: &Block, found: std::result::Result<String, Unresolved>) -> BlockPreview {
    match found {
        Ok(text) if has_templates(block) => BlockPreview::Resolved { text, raw: uses_raw(block) },
        Ok(_) => BlockPreview::AsWritten,
        // An expression is there to look at what earlier steps found.
        Err(Unresolved::Later(names)) if has_templates(block) => BlockPreview::Later { names },
        Err(Unresolved::Later(_)) => BlockPreview::AsWritten,
        Err(Unresolved::Wrong(sentence)) => BlockPreview::Wrong { sentence },
    }
}
