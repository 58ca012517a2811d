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

#[test]
fn blocks_move_past_their_neighbours_and_stop_at_the_ends() {
    let (mut draft, keys) = three();
    assert!(!draft.move_up(keys[0]) && !draft.move_down(keys[2]));
    assert!(draft.move_down(keys[0]));
    assert_eq!(order(&draft), [keys[1], keys[0], keys[2]]);
    assert!(draft.move_up(keys[2]));
    assert_eq!(order(&draft), [keys[1], keys[2], keys[0]]);
}

#[test]
fn a_block_is_dropped_before_another_but_never_into_itself() {
    let (mut draft, keys) = three();
    let inner = draft.insert(ListAt::Otherwise(keys[2]), 0, BlockType::Timer).expect("a condition has branches");
    assert!(!draft.move_before(keys[2], inner));
    assert!(draft.move_before(keys[0], inner));
    assert_eq!(draft.list(ListAt::Otherwise(keys[2])).iter().map(|block| block.key).collect::<Vec<_>>(), [keys[0], inner]);
    assert!(draft.move_before(inner, keys[1]));
    assert_eq!(order(&draft), [inner, keys[1], keys[2]]);
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
