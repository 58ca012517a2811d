//! A block as it is read: prose, highlighted commands, facts, branches.

use std::collections::HashMap;
use std::sync::Arc;

use domain::block::{Check, OnFailure, OnFalse, OnWorkerLoss};
use domain::{Block, BlockId, BlockKind, BlockType};
use leptos::prelude::*;

use super::command_text::CommandText;
use super::icon::Icon;
use super::markdown::Prose;
use super::pill::block_icon;
use crate::state::where_to;

/// The clean HTML of the instructions, by block.
pub type Html = Arc<HashMap<BlockId, String>>;

/// A block and everything nested in it.
#[component]
pub fn BlockView(
    /// The block.
    block: Block,
    /// The HTML of the instructions.
    html: Html,
    /// The id of the form that runs blocks; none where nothing can be run.
    #[prop(optional_no_strip)]
    run_form: Option<&'static str>,
    /// Where it and all after it run, in a list whose blocks can be run from one on.
    #[prop(optional)]
    places_from: Vec<String>,
    /// How deep it is nested.
    #[prop(optional)]
    depth: u32,
) -> AnyView {
    let id = block.id;
    let title = block.title();
    let kind = block.block_type();
    let place = block.place().filter(|place| place != domain::host::LOCAL);
    let facts = facts(&block);
    let confirm = block.confirm;
    let anchor = format!("block-{id}");
    let from_here = run_form.filter(|_| depth == 0).map(|form| {
        let (label, all) = (where_to::on("Run from here", &places_from), where_to::whole(&places_from));
        let spoken = format!("{label}: {title} and all after it");
        view! {
            <button class="btn small quiet btn--long" form=form name="from" value=id.to_string() aria-label=spoken title=all>
                <span>{label}</span>
            </button>
        }
    });
    let alone = run_form.filter(|_| does_something(kind)).map(|form| {
        let places = where_to::places_of(&block);
        let (label, all) = (where_to::on("Run", &places), where_to::whole(&places));
        let label = if places.is_empty() { "Run this".to_owned() } else { label };
        let spoken = format!("{label}: {title} alone");
        view! {
            <button class="btn small quiet btn--long" form=form name="block" value=id.to_string() aria-label=spoken title=all>
                <Icon icon=icondata_lu::LuPlay/><span>{label}</span>
            </button>
        }
    });
    view! {
        <article class="doc__block" id=anchor.clone()>
            <header>
                {run_form.map(|form| view! {
                    <label class="doc__pick">
                        <input type="checkbox" form=form name="blocks[]" value=id.to_string() aria-label=format!("Select {title}")/>
                    </label>
                })}
                <Icon icon=block_icon(kind)/>
                <h2>{title.clone()}</h2>
                <span class="tag">{kind.label()}</span>
                {place.map(|place| view! { <span class="tag">{place}</span> })}
                {confirm.then(|| view! { <span class="tag">"asks first"</span> })}
                <a class="doc__permalink" href=format!("#{anchor}") aria-label=format!("Link to {title}")><Icon icon=icondata_lu::LuLink/></a>
                <span class="spacer"></span>
                {alone}
                {from_here}
            </header>
            <div class="doc__body">
                <Body block=block html=html run_form=run_form depth=depth/>
                {(!facts.is_empty()).then(|| view! {
                    <div class="doc__facts">{facts.into_iter().map(|fact| view! { <span>{fact}</span> }).collect_view()}</div>
                })}
            </div>
        </article>
    }
    .into_any()
}

#[component]
fn Body(block: Block, html: Html, run_form: Option<&'static str>, depth: u32) -> AnyView {
    match block.kind {
        BlockKind::Instruction(_) => {
            let html = html.get(&block.id).cloned().unwrap_or_default();
            view! { <Prose html=html/> }.into_any()
        }
        BlockKind::Command(command) => view! { <CommandText text=command.command/> }.into_any(),
        BlockKind::Api(api) => {
            let body = api.body.as_ref().map(|body| match body {
                serde_json::Value::String(text) => text.clone(),
                other => serde_json::to_string_pretty(other).unwrap_or_default(),
            });
            let headers: String = api.headers.iter().map(|(name, value)| format!("\n{name}: {value}")).collect();
            let text = format!(
                "{} {}{headers}{}",
                api.method.as_str(),
                api.url,
                body.map(|body| format!("\n\n{body}")).unwrap_or_default()
            );
            view! { <CommandText text=text/> }.into_any()
        }
        BlockKind::Timer(timer) => view! { <p>"Waits "<b>{timer.duration.to_string()}</b>"."</p> }.into_any(),
        BlockKind::Condition(condition) => {
            let check = match &condition.check {
                Check::CommandExitCode { command, .. } => view! { <CommandText text=command.clone()/> }.into_any(),
                other => view! { <p><code>{other.describe()}</code></p> }.into_any(),
            };
            let (nested, otherwise) = (condition.nested_blocks, condition.else_blocks);
            view! {
                {check}
                <Branch label="If so" blocks=nested html=html.clone() run_form=run_form depth=depth + 1/>
                <Branch label="Otherwise" blocks=otherwise html=html run_form=run_form depth=depth + 1/>
            }
            .into_any()
        }
    }
}

#[component]
fn Branch(label: &'static str, blocks: Vec<Block>, html: Html, run_form: Option<&'static str>, depth: u32) -> AnyView {
    if blocks.is_empty() {
        return ().into_any();
    }
    let blocks =
        blocks.into_iter().map(|block| view! { <BlockView block=block html=html.clone() run_form=run_form depth=depth/> });
    view! { <div class="branch"><span class="branch__label">{label}</span>{blocks.collect_view()}</div> }.into_any()
}

/// Whether a block does anything when it runs by itself: text and waits do not.
const fn does_something(kind: BlockType) -> bool {
    matches!(kind, BlockType::Command | BlockType::Api | BlockType::Condition)
}

fn facts(block: &Block) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(timeout) = block.timeout {
        facts.push(format!("Timeout {timeout}"));
    }
    if let Some(retry) = block.retry {
        facts.push(format!("Up to {} attempts, {} apart", retry.attempts, retry.delay));
    }
    if block.on_failure == OnFailure::Continue {
        facts.push("A failure does not end the run".to_owned());
    }
    match block.on_worker_loss {
        OnWorkerLoss::Ask => {}
        OnWorkerLoss::Retry => facts.push("Tried again when its outcome is not known".to_owned()),
        OnWorkerLoss::Fail => facts.push("Fails when its outcome is not known".to_owned()),
    }
    if let Some(when) = &block.when {
        facts.push(format!("Only when {when}"));
    }
    match &block.kind {
        BlockKind::Instruction(instruction) if instruction.acknowledge => facts.push("Waits until it is ticked".to_owned()),
        BlockKind::Command(command) => {
            if command.interpreter != domain::block::command::DEFAULT_INTERPRETER {
                facts.push(format!("Runs with {}", command.interpreter));
            }
            if command.host.single().is_none() {
                facts.push(match command.concurrency {
                    1 => "One host after the other".to_owned(),
                    many => format!("{many} hosts at once"),
                });
            }
            if let Some(dir) = &command.working_dir {
                facts.push(format!("In {dir}"));
            }
            facts.extend(command.credentials.iter().map(|used| format!("Uses credential {}", used.credential)));
        }
        BlockKind::Api(api) if api.credential_id.is_some() => facts.push("Sends a stored credential".to_owned()),
        BlockKind::Condition(condition) => match (&condition.check, condition.on_false) {
            (Check::CommandExitCode { expected, .. }, on_false) => {
                facts.push(format!("True when it exits with {expected}"));
                facts.extend(on_false_fact(on_false));
            }
            (_, on_false) => facts.extend(on_false_fact(on_false)),
        },
        _ => {}
    }
    facts
}

fn on_false_fact(on_false: OnFalse) -> Option<String> {
    match on_false {
        OnFalse::Continue => None,
        OnFalse::Pause => Some("Waits for a person when false".to_owned()),
        OnFalse::Stop => Some("The run fails when false".to_owned()),
    }
}
