//! Two versions of a runbook: what is different is found, once each, and nothing where nothing is.

use std::collections::HashSet;

use domain::block::{BlockKind, Check, ConditionBlock, InstructionBlock, OnFalse};
use domain::diff::{BlockDiff, Branch, Change, FieldDiff, Piece, Row, RunbookDiff, Side, compare};
use domain::{Block, BlockId, RunbookDraft};
use proptest::prelude::*;
use serde_json::{Value, json};

fn draft(value: &Value) -> RunbookDraft {
    RunbookDraft::parse(value).expect("a runbook")
}

fn diff(old: &RunbookDraft, new: &RunbookDraft) -> RunbookDiff {
    compare((Side::draft(), old), (Side::draft(), new), None)
}

/// A runbook of three commands and a condition with one block in each branch.
fn runbook() -> RunbookDraft {
    let command =
        |name: &str| json!({ "name": name, "type": "command", "config": { "command": format!("echo {name}\ntrue\n") } });
    draft(&json!({
        "title": "Restart the queue", "description": "Drains it first.", "tags": ["queue"],
        "parameters": [{ "name": "queue", "type": "string" }, { "name": "lag", "type": "number", "default": 5 }],
        "blocks": [command("drain"), command("restart"), command("check"), {
            "name": "Is it up?", "type": "condition", "config": {
                "condition_type": "file_exists", "file_path": "/run/queue",
                "nested_blocks": [command("announce")], "else_blocks": [command("call")]
            }
        }]
    }))
}

fn found<'a>(diff: &'a RunbookDiff, title: &str) -> &'a BlockDiff {
    diff.blocks.iter().find(|block| block.title == title).unwrap_or_else(|| panic!("{title} is not in {:#?}", diff.blocks))
}

#[test]
fn a_value_that_is_put_in_as_it_is_is_told_where_the_line_is_new() {
    let raw = |before: &str, after: &str| {
        let old =
            draft(&json!({ "title": "t", "blocks": [{ "name": "a", "type": "command", "config": { "command": before } }] }));
        let mut new = old.clone();
        let BlockKind::Command(command) = &mut new.blocks[0].kind else { panic!("a command") };
        command.command = after.to_owned();
        diff(&old, &new).blocks.iter().flat_map(|block| &block.fields).any(FieldDiff::puts_values_in_raw)
    };
    assert!(raw("ls {{ params.path }}", "ls {{ params.path |  raw }}"));
    assert!(!raw("ls {{ params.path | raw }}", "ls {{ params.path }}"), "what is gone");
    assert!(!raw("ls {{ params.path | raw }}\ntrue", "ls {{ params.path | raw }}\nfalse"), "what was there before");
}

fn names(fields: &[FieldDiff]) -> Vec<(&str, Change)> {
    fields.iter().map(|field| (field.name.as_str(), field.change)).collect()
}

fn command(block: &mut Block) -> &mut domain::block::CommandBlock {
    match &mut block.kind {
        BlockKind::Command(command) => command,
        other => panic!("{other:?} is no command"),
    }
}

fn condition(block: &mut Block) -> &mut ConditionBlock {
    match &mut block.kind {
        BlockKind::Condition(condition) => condition,
        other => panic!("{other:?} is no condition"),
    }
}

#[test]
fn a_changed_command_shows_the_words_that_changed() {
    let old = runbook();
    let mut new = old.clone();
    command(&mut new.blocks[1]).command = "echo restarted\ntrue\n".to_owned();
    new.blocks[1].confirm = true;
    let diff = diff(&old, &new);
    assert_eq!(diff.summary.to_string(), "1 block changed");
    let block = found(&diff, "restart");
    assert_eq!(names(&block.fields), [("command", Change::Changed), ("confirm", Change::Added)]);
    let piece = |text: &str, changed| Piece { text: text.to_owned(), changed };
    let old = Some(vec![piece("echo ", false), piece("restart", true)]);
    let new = Some(vec![piece("echo ", false), piece("restarted", true)]);
    assert_eq!(block.fields[0].rows, [Row::Changed { old, new }, Row::Same { text: "true".to_owned() }]);
    assert!(diff.blocks.iter().filter(|block| block.title != "restart").all(BlockDiff::is_same));
}

#[test]
fn one_block_that_went_elsewhere_counts_as_moved_and_no_other() {
    let old = runbook();
    let mut new = old.clone();
    let last = new.blocks.remove(2);
    new.blocks.insert(0, last);
    let diff = diff(&old, &new);
    assert_eq!(diff.summary.to_string(), "1 block moved");
    let spot = found(&diff, "check").moved_from.clone().expect("moved");
    assert_eq!(spot.to_string(), "block 3");
}

#[test]
fn a_block_that_leaves_a_branch_says_where_it_was() {
    let old = runbook();
    let mut new = old.clone();
    let called = condition(&mut new.blocks[3]).else_blocks.remove(0);
    new.blocks.push(called);
    let diff = diff(&old, &new);
    assert_eq!(diff.summary.to_string(), "1 block moved");
    let block = found(&diff, "call");
    assert_eq!((block.depth, block.branch), (0, None));
    assert_eq!(block.moved_from.as_ref().map(ToString::to_string).as_deref(), Some("block 1 of “Is it up?”, otherwise"));
    assert!(found(&diff, "Is it up?").is_same(), "a condition is compared apart from what is nested in it");
}

#[test]
fn what_was_removed_stands_where_it_was_with_what_was_nested_in_it() {
    let old = runbook();
    let mut new = old.clone();
    new.blocks.remove(1);
    let condition = new.blocks.pop().expect("the condition");
    let [kept, _] = condition.branches();
    new.blocks.insert(0, kept[0].clone());
    let diff = diff(&old, &new);
    assert_eq!(diff.summary.to_string(), "3 blocks removed, 1 moved");
    let order: Vec<(&str, Change)> = diff.blocks.iter().map(|block| (block.title.as_str(), block.change)).collect();
    use Change::{Removed, Unchanged};
    assert_eq!(
        order,
        [
            ("announce", Unchanged),
            ("drain", Unchanged),
            ("restart", Removed),
            ("check", Unchanged),
            ("Is it up?", Removed),
            ("call", Removed)
        ]
    );
    assert_eq!(diff.blocks[5].branch, Some(Branch::Else));
}

#[test]
fn a_block_of_another_type_is_the_same_block_changed() {
    let old = runbook();
    let mut new = old.clone();
    new.blocks[0].kind = BlockKind::Instruction(InstructionBlock { text: "Drain it".to_owned(), acknowledge: false });
    let diff = diff(&old, &new);
    assert_eq!(diff.summary.to_string(), "1 block changed");
    let fields = &found(&diff, "drain").fields;
    assert_eq!(names(fields), [("type", Change::Changed), ("text", Change::Added), ("command", Change::Removed)]);
}

#[test]
fn title_tags_and_parameters_are_compared_too() {
    let old = runbook();
    let mut new = old.clone();
    new.title = "Restart a queue".to_owned();
    new.description.clear();
    new.tags.push("ops".to_owned());
    new.parameters.swap(0, 1);
    new.parameters[0].default = Some(json!(9));
    let diff = diff(&old, &new);
    assert_eq!(diff.summary.to_string(), "Title, description, tags or parameters changed");
    assert_eq!(names(&diff.fields), [("title", Change::Changed), ("description", Change::Removed), ("tags", Change::Changed)]);
    let parameters: Vec<_> = diff.parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.change)).collect();
    assert!(parameters.contains(&("lag", Change::Changed)), "{parameters:?}");
    assert_eq!(diff.parameters.iter().filter(|parameter| parameter.moved).count(), 1);

    new.parameters.remove(0);
    let parameters = self::diff(&old, &new).parameters;
    assert_eq!(
        parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.change)).collect::<Vec<_>>(),
        [("lag", Change::Removed)]
    );
}

/// A tree of blocks: what each says, and the number of it in its branch.
#[derive(Debug, Clone)]
enum Shape {
    Leaf(u8),
    Condition(u8, Vec<Shape>, Vec<Shape>),
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let leaf = (0..4_u8).prop_map(Shape::Leaf);
    let shape = leaf.prop_recursive(3, 24, 4, |inner| {
        let list = prop::collection::vec(inner, 0..4);
        prop_oneof![
            (0..4_u8).prop_map(Shape::Leaf),
            (0..4_u8, list.clone(), list).prop_map(|(text, then, otherwise)| Shape::Condition(text, then, otherwise)),
        ]
    });
    prop::collection::vec(shape, 0..6)
}

/// Blocks of these shapes, with ids from a shuffled supply that both sides share.
fn blocks(shapes: &[Shape], ids: &mut impl Iterator<Item = BlockId>) -> Vec<Block> {
    let mut made = Vec::new();
    for shape in shapes {
        let Some(id) = ids.next() else { break };
        let kind = match shape {
            Shape::Leaf(text) => BlockKind::Instruction(InstructionBlock { text: format!("line\n{text}\n"), acknowledge: false }),
            Shape::Condition(text, then, otherwise) => BlockKind::Condition(ConditionBlock {
                check: Check::Expression { expression: text.to_string() },
                nested_blocks: blocks(then, ids),
                else_blocks: blocks(otherwise, ids),
                on_false: OnFalse::Continue,
            }),
        };
        made.push(Block { id, ..Block::new("", kind) });
    }
    made
}

fn sides() -> impl Strategy<Value = (RunbookDraft, RunbookDraft)> {
    let supply: Vec<BlockId> = (0..40).map(|_| BlockId::new()).collect();
    let order = Just(supply.clone()).prop_shuffle();
    (shapes(), shapes(), order).prop_map(move |(old, new, order)| {
        let side = |shapes: &[Shape], ids: &[BlockId]| RunbookDraft {
            title: "A title".to_owned(),
            blocks: blocks(shapes, &mut ids.iter().copied()),
            ..RunbookDraft::default()
        };
        (side(&old, &supply), side(&new, &order))
    })
}

fn flat(draft: &RunbookDraft) -> Vec<BlockId> {
    draft.blocks.iter().flat_map(Block::with_nested).map(|block| block.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_different_from_itself((draft, _) in sides()) {
        let diff = diff(&draft, &draft);
        prop_assert!(diff.is_empty() && diff.blocks.iter().all(BlockDiff::is_same), "{diff:?}");
        prop_assert_eq!(diff.blocks.iter().map(|block| block.id).collect::<Vec<_>>(), flat(&draft));
    }

    #[test]
    fn every_block_of_either_side_is_told_once((old, new) in sides()) {
        let diff = diff(&old, &new);
        let (before, after) = (flat(&old), flat(&new));
        let told = |left_out: Change| -> Vec<BlockId> {
            diff.blocks.iter().filter(|block| block.change != left_out).map(|block| block.id).collect()
        };
        prop_assert_eq!(told(Change::Removed), after.clone());
        let kept: HashSet<BlockId> = told(Change::Added).into_iter().collect();
        prop_assert_eq!(kept, before.iter().copied().collect());
        let unique: HashSet<BlockId> = diff.blocks.iter().map(|block| block.id).collect();
        prop_assert_eq!(unique.len(), diff.blocks.len());
        for block in &diff.blocks {
            let is_right = match block.change {
                Change::Added => !before.contains(&block.id),
                Change::Removed => !after.contains(&block.id),
                Change::Changed => !block.fields.is_empty(),
                Change::Unchanged => block.fields.is_empty(),
            };
            prop_assert!(is_right, "{block:?}");
        }
    }
}
