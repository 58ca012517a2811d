//! What is different between two versions of a runbook: block by block, what is the same folded away.

use domain::diff::{BlockDiff, Branch, Change, ParameterDiff, RunbookDiff};
use leptos::prelude::*;

use super::diff_rows::DiffFields;
use super::icon::Icon;
use super::pill::block_icon;

/// Everything that is different.
#[component]
pub fn DiffView(
    /// What was found.
    diff: RunbookDiff,
) -> impl IntoView {
    let RunbookDiff { fields, parameters, blocks, .. } = diff;
    let heading = (!fields.is_empty()).then(|| {
        view! {
            <section class="diff__block diff__block--changed">
                <header><h3>"Title, description and tags"</h3></header>
                <DiffFields fields=fields/>
            </section>
        }
    });
    let parameters = parameters.into_iter().map(|parameter| view! { <Parameter parameter=parameter/> }).collect_view();
    let blocks = folded(blocks).into_iter().map(|run| view! { <Run run=run/> }).collect_view();
    view! { <div class="diff">{heading}{parameters}{blocks}</div> }
}

#[component]
fn Parameter(parameter: ParameterDiff) -> impl IntoView {
    let ParameterDiff { name, change, moved, fields } = parameter;
    view! {
        <section class=class(change, moved)>
            <header>
                <Icon icon=icondata_lu::LuTextCursorInput/>
                <h3>"Parameter "<code>{name}</code></h3>
                <span class="spacer"></span>
                <ChangePill change=change/>
                {moved.then(|| view! { <MovedPill text="Asked for elsewhere".to_owned()/> })}
            </header>
            <DiffFields fields=fields/>
        </section>
    }
}

/// A block that differs, or several one after the other that do not.
#[component]
fn Run(run: Vec<BlockDiff>) -> AnyView {
    match run.as_slice() {
        [only] if only.is_same() => same(only).into_any(),
        [one] => view! { <Block block=one.clone()/> }.into_any(),
        several => {
            let lines = several.iter().map(same).collect_view();
            view! {
                <details class="diff__fold">
                    <summary><span class="diff__sign" aria-hidden="true">"="</span>{format!("{} blocks that are the same", several.len())}</summary>
                    {lines}
                </details>
            }
            .into_any()
        }
    }
}

fn same(block: &BlockDiff) -> impl IntoView + use<> {
    view! {
        <p class="diff__same" data-depth=depth(block)>
            <span class="diff__sign" aria-hidden="true">"="</span>
            <Icon icon=block_icon(block.kind)/><span>{block.title.clone()}</span><span class="visually-hidden">", the same"</span>
        </p>
    }
}

#[component]
fn Block(block: BlockDiff) -> impl IntoView {
    let branch = block.branch.map(|branch| match branch {
        Branch::Then => "if so",
        Branch::Else => "otherwise",
    });
    // The heading of a block that is new or gone says its name and type already.
    let is_told = |name: &str| matches!(block.change, Change::Added | Change::Removed) && matches!(name, "name" | "type");
    let fields = block.fields.iter().filter(|field| !is_told(&field.name)).cloned().collect::<Vec<_>>();
    let moved = block.moved_from.as_ref().map(|spot| format!("Moved from {spot}"));
    let (class, depth) = (class(block.change, moved.is_some()), depth(&block));
    view! {
        <section class=class data-depth=depth>
            <header>
                <Icon icon=block_icon(block.kind)/>
                <h3>{block.title}</h3>
                <span class="tag">{block.kind.label()}</span>
                {branch.map(|branch| view! { <span class="tag">{branch}</span> })}
                <span class="spacer"></span>
                <ChangePill change=block.change/>
                {moved.map(|text| view! { <MovedPill text=text/> })}
            </header>
            <DiffFields fields=fields/>
        </section>
    }
}

/// Icon, word and colour of what became of something; nothing where it is the same.
#[component]
fn ChangePill(change: Change) -> impl IntoView {
    let (icon, class, word) = match change {
        Change::Unchanged => return ().into_any(),
        Change::Changed => (icondata_lu::LuPencil, "warn", "Changed"),
        Change::Added => (icondata_lu::LuPlus, "ok", "Added"),
        Change::Removed => (icondata_lu::LuMinus, "bad", "Removed"),
    };
    view! { <span class=format!("pill {class}")><Icon icon=icon/>{word}</span> }.into_any()
}

#[component]
fn MovedPill(text: String) -> impl IntoView {
    view! { <span class="pill run"><Icon icon=icondata_lu::LuArrowUpDown/>{text}</span> }
}

fn class(change: Change, moved: bool) -> &'static str {
    match change {
        Change::Added => "diff__block diff__block--added",
        Change::Removed => "diff__block diff__block--removed",
        Change::Changed => "diff__block diff__block--changed",
        Change::Unchanged if moved => "diff__block diff__block--moved",
        Change::Unchanged => "diff__block",
    }
}

/// How far a block is set in; deeper ones no further, or nothing would fit.
fn depth(block: &BlockDiff) -> Option<String> {
    (block.depth > 0).then(|| block.depth.min(3).to_string())
}

/// Each block that differs alone; those between them that do not, together.
fn folded(blocks: Vec<BlockDiff>) -> Vec<Vec<BlockDiff>> {
    let mut runs: Vec<Vec<BlockDiff>> = Vec::new();
    for block in blocks {
        match runs.last_mut() {
            Some(run) if block.is_same() && run.iter().all(BlockDiff::is_same) => run.push(block),
            _ => runs.push(vec![block]),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use domain::{BlockId, BlockType};

    use super::*;

    #[test]
    fn what_is_the_same_is_folded_between_what_is_not() {
        let block = |change| BlockDiff {
            id: BlockId::new(),
            title: String::new(),
            kind: BlockType::Timer,
            depth: 0,
            branch: None,
            change,
            moved_from: None,
            fields: Vec::new(),
        };
        let blocks = [Change::Unchanged, Change::Unchanged, Change::Changed, Change::Added, Change::Unchanged].map(block);
        let lengths: Vec<usize> = folded(blocks.to_vec()).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1, 1, 1]);
    }
}
