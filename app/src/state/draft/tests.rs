use super::*;

fn sample() -> RunbookDraft {
    domain::sample::runbook().expect("the sample is valid")
}

fn three() -> (Draft, Vec<u64>) {
    let mut draft = Draft { title: "Three".to_owned(), ..Draft::default() };
    let kinds = [BlockType::Instruction, BlockType::Command, BlockType::Condition];
    let keys = kinds.into_iter().enumerate().filter_map(|(index, kind)| draft.insert(ListAt::Top, index, kind)).collect();
    (draft, keys)
}

fn order(draft: &Draft) -> Vec<u64> {
    draft.blocks.iter().map(|block| block.key).collect()
}

#[test]
fn the_sample_comes_back_as_it_was() {
    let sample = sample();
    assert_eq!(Draft::from(&sample).check(), Ok(sample));
}

#[test]
fn every_setting_of_every_type_comes_back_as_it_was() {
    let full = RunbookDraft::parse(&json!({
        "title": "All", "description": "of it", "tags": ["a", "b"], "message": "why",
        "parameters": [
            { "name": "n", "type": "number", "default": 1.5, "label": "N", "required": true, "description": "help" },
            { "name": "b", "type": "boolean", "default": true },
            { "name": "s", "type": "select", "options": ["x, y", "z"], "default": "z" },
            { "name": "t", "type": "string", "pattern": "[a-z]+", "default": "abc" }
        ],
        "blocks": [
            { "type": "command", "on_failure": "continue", "on_worker_loss": "retry", "timeout": "2m", "confirm": true, "when": "params.b",
              "retry": { "attempts": 3, "delay": "1s", "backoff": "exponential", "max_delay": "10s" },
              "config": { "command": "a\nb", "host": "db-2", "interpreter": "bash -eu", "working_dir": "/tmp",
                "env": { "A": "1", "B": " two\nlines ", "C": "\"q\"", "D": "a=b" },
                "credentials": [{ "credential": "key", "env": "KEY" }, { "credential": "cert", "file": "CERT" }],
                "expected_exit_codes": [0, 3],
                "capture": [{ "name": "v", "from": "stdout", "regex": "a  (\\d+)" }, { "name": "all", "from": "stdout" }] } },
            { "type": "api", "config": { "method": "POST", "url": "https://x.test/", "headers": { "X-A": "b: c" },
                "body": { "a": [1] }, "expected_status": [200, 201], "auth_header_name": "X-Key", "auth": "header",
                "credential_id": "01932c07-0000-7000-8000-000000000000",
                "capture": [{ "name": "id", "from": "body", "json_path": "$.id" }] } },
            { "type": "api", "config": { "method": "PUT", "url": "https://x.test/", "body": "{\"a\":1}" } },
            { "type": "condition", "config": { "condition_type": "env_var_equals", "env_var_name": "A", "env_var_value": "",
                "on_false": "pause", "else_blocks": [{ "type": "timer", "config": { "duration": "90s" } }] } },
            { "type": "condition", "config": { "condition_type": "api_status_code", "check_url": "http://x.test" } },
            { "type": "condition", "config": { "condition_type": "file_exists", "file_path": "/x", "host": "db-1" } },
            { "type": "condition", "config": { "condition_type": "expression", "expression": "1 < 2" } },
            { "type": "instruction", "config": { "text": "read", "acknowledge": true } }
        ]
    }));
    let full = full.expect("valid");
    assert_eq!(Draft::from(&full).check(), Ok(full));
}

#[test]
fn a_draft_that_was_kept_in_the_browser_reads_back() {
    let draft = Draft::from(&sample());
    let text = serde_json::to_string(&draft).expect("it is plain data");
    assert_eq!(serde_json::from_str::<Draft>(&text).ok(), Some(draft));
}

#[test]
fn an_exit_code_that_is_none_is_named_and_kept() {
    let (mut draft, keys) = three();
    let block = draft.block_mut(keys[1]).expect("it was put in");
    block.set(Field::ExitCodes, "0, x");
    assert!(draft.faults().iter().any(|fault| fault.path == "$.blocks[1].config.expected_exit_codes[1]"));
    assert_eq!(draft.block(keys[1]).map(|block| block.get(Field::ExitCodes)), Some("0, x"));
}

#[test]
fn a_name_given_twice_and_a_body_that_is_no_json_are_faults() {
    let mut draft = Draft::default();
    let key = draft.insert(ListAt::Top, 0, BlockType::Api).expect("at the top");
    let block = draft.block_mut(key).expect("it was put in");
    block.set(Field::Headers, "A: 1\nA: 2\nno colon");
    block.set(Field::Body, "{");
    block.set(Field::BodyIsJson, "true");
    let faults = draft.faults();
    let below = |path: &str| faults.iter().filter(|fault| fault.path.starts_with(path)).count();
    assert_eq!((below("$.blocks[0].config.headers"), below("$.blocks[0].config.body")), (2, 1));
}

#[test]
fn a_fault_in_a_branch_has_the_path_of_its_block() {
    let (mut draft, keys) = three();
    let key = draft.insert(ListAt::Then(keys[2]), 0, BlockType::Instruction).expect("a condition has branches");
    let path = "$.blocks[2].config.nested_blocks[0]";
    assert_eq!(draft.spots().get(&key).map(|spot| (spot.path.as_str(), spot.number.as_str())), Some((path, "3.1")));
    let other = draft.insert(ListAt::Otherwise(keys[2]), 0, BlockType::Instruction).expect("a condition has branches");
    assert_eq!(draft.spots().get(&other).map(|spot| spot.number.as_str()), Some("3.2"), "no other block has its number");
    assert!(draft.faults().iter().any(|fault| fault.path == format!("{path}.config.text")));
}

fn keys_of(draft: &Draft, at: ListAt) -> Vec<u64> {
    draft.list(at).iter().map(|block| block.key).collect()
}

/// Two blocks, a condition with a block in each branch, and one more block: their keys in this order.
fn branched() -> (Draft, [u64; 6]) {
    let (mut draft, keys) = three();
    let mut put = |at, index| draft.insert(at, index, BlockType::Timer).expect("it is a list");
    let (then, otherwise) = (put(ListAt::Then(keys[2]), 0), put(ListAt::Otherwise(keys[2]), 0));
    let last = put(ListAt::Top, 3);
    (draft, [keys[0], keys[1], keys[2], then, otherwise, last])
}

fn go(draft: &mut Draft, key: u64, to: Option<To>) -> bool {
    to.is_some_and(|to| draft.move_to(key, to))
}

#[test]
fn a_block_goes_to_every_place_of_a_list_and_stays_where_it_is_asked_to_stand() {
    for from in 0..3 {
        for to in 0..=3 {
            let (mut draft, keys) = three();
            let mut expected = keys.clone();
            let block = expected.remove(from);
            expected.insert(if to > from { to - 1 } else { to }, block);
            assert_eq!(draft.move_to(block, (ListAt::Top, to)), expected != keys, "{from} to {to}");
            assert_eq!(order(&draft), expected, "{from} to {to}");
        }
    }
}

#[test]
fn a_block_goes_into_an_empty_branch_which_is_unfolded_but_never_into_itself() {
    let (mut draft, keys) = three();
    let (then, otherwise) = (ListAt::Then(keys[2]), ListAt::Otherwise(keys[2]));
    draft.block_mut(keys[2]).expect("it was put in").collapsed = true;
    assert!(!draft.move_to(keys[2], (then, 0)) && !draft.move_to(keys[0], (ListAt::Then(999), 0)));
    assert!(draft.move_to(keys[0], (then, 0)));
    assert!(draft.move_to(keys[1], (otherwise, 0)));
    assert_eq!((order(&draft), keys_of(&draft, then), keys_of(&draft, otherwise)), (vec![keys[2]], vec![keys[0]], vec![keys[1]]));
    assert!(draft.block(keys[2]).is_some_and(|block| !block.collapsed));
    assert!(draft.move_to(keys[0], (ListAt::Top, 1)), "and out of it again");
    assert_eq!(order(&draft), [keys[2], keys[0]]);
}

#[test]
fn a_block_dropped_onto_one_below_comes_after_it_and_onto_one_above_before_it() {
    let (mut draft, keys) = three();
    let down = draft.dropped_onto(keys[0], keys[1]);
    assert!(go(&mut draft, keys[0], down));
    assert_eq!(order(&draft), [keys[1], keys[0], keys[2]]);
    let up = draft.dropped_onto(keys[2], keys[1]);
    assert!(go(&mut draft, keys[2], up));
    assert_eq!(order(&draft), [keys[2], keys[1], keys[0]]);
    let itself = draft.dropped_onto(keys[1], keys[1]);
    assert!(!go(&mut draft, keys[1], itself));
    let (mut draft, [first, _, condition, then, ..]) = branched();
    let into = draft.dropped_onto(first, then);
    assert!(go(&mut draft, first, into));
    assert_eq!(keys_of(&draft, ListAt::Then(condition)), [first, then]);
}

#[test]
fn steps_lead_past_neighbours_and_through_the_branches_and_end_at_the_ends() {
    let (mut draft, [first, second, condition, then, otherwise, last]) = branched();
    assert_eq!((draft.step_of(first, true), draft.step_of(last, false)), (None, None));
    let past = draft.step_of(first, false);
    assert!(go(&mut draft, first, past));
    assert_eq!(order(&draft), [second, first, condition, last]);
    // Down through both branches, and out below the condition.
    let mut seen = Vec::new();
    while draft.find(then).is_some_and(|(at, _)| at != ListAt::Top) {
        seen.extend(draft.find(then));
        let next = draft.step_of(then, false);
        assert!(go(&mut draft, then, next));
    }
    assert_eq!(seen, [(ListAt::Then(condition), 0), (ListAt::Otherwise(condition), 0), (ListAt::Otherwise(condition), 1)]);
    assert_eq!(order(&draft), [second, first, condition, then, last]);
    // Up through both, and out above it.
    for expected in [(ListAt::Then(condition), 0), (ListAt::Top, 2)] {
        let next = draft.step_of(otherwise, true);
        assert!(go(&mut draft, otherwise, next));
        assert_eq!(draft.find(otherwise), Some(expected));
    }
}

#[test]
fn a_leap_leads_into_the_nearer_branch_of_the_next_condition_or_out_of_its_own() {
    let (mut draft, [first, second, condition, then, otherwise, last]) = branched();
    assert_eq!((draft.leap_of(first, true), draft.leap_of(first, false)), (None, None), "no condition is next to it");
    for (key, up, expected) in [
        (second, false, (ListAt::Then(condition), 0)),
        (last, true, (ListAt::Otherwise(condition), 1)),
        (second, true, (ListAt::Top, 1)),
        (last, false, (ListAt::Top, 3)),
    ] {
        let to = draft.leap_of(key, up);
        assert!(go(&mut draft, key, to));
        assert_eq!(draft.find(key), Some(expected));
    }
    assert_eq!(
        (draft.find(then), draft.find(otherwise)),
        (Some((ListAt::Then(condition), 0)), Some((ListAt::Otherwise(condition), 0)))
    );
}

#[test]
fn a_removed_block_goes_back_where_it_was() {
    let (mut draft, keys) = three();
    let before = draft.blocks.clone();
    let (at, index, block) = draft.remove(keys[1]).expect("it was put in");
    assert_eq!(order(&draft), [keys[0], keys[2]]);
    assert!(draft.put_back(at, index, block));
    assert_eq!(draft.blocks, before);
}

#[test]
fn a_copy_follows_its_original_with_keys_and_ids_of_its_own() {
    let mut draft = Draft::from(&sample());
    // A condition with a block in each branch.
    let key = draft.blocks[2].key;
    let copy = draft.duplicate(key).expect("it was there");
    assert_eq!(draft.find(copy), Some((ListAt::Top, 3)));
    assert_eq!(draft.spots().len(), 7 + 3);
    assert_eq!(draft.check().map(|draft| draft.blocks.len()), Ok(6));
    let another = draft.insert(ListAt::Top, 0, BlockType::Timer).expect("at the top");
    assert_eq!(draft.spots().len(), 11, "{another} is new");
}

#[test]
fn what_replaces_a_draft_gets_keys_that_were_never_used() {
    let mut draft = Draft::from(&sample());
    let old = draft.spots();
    draft.replace(Draft::from(&sample()));
    assert!(draft.spots().keys().all(|key| !old.contains_key(key)));
    assert!(draft.check().is_ok());
}
