//! Where something runs, as buttons say it: short enough to be read at a glance, whole where there is room.

use std::collections::BTreeSet;

use domain::block::places::TAG_PREFIX;
use domain::host::LOCAL;
use domain::{Block, BlockKind};

/// How many places a button names where there are more than fit.
const NAMED: usize = 2;
/// How many it names where that is all.
const FIT: usize = 3;

/// Where a block runs, each place as people call it; the hosts of a tag are known only when it runs.
#[must_use]
pub fn places_of(block: &Block) -> Vec<String> {
    let names = block.host_names().into_iter().map(called);
    let tags = match &block.kind {
        BlockKind::Command(command) => command.host.tags().map(|tag| called(&format!("{TAG_PREFIX}{tag}"))).collect(),
        _ => Vec::new(),
    };
    names.chain(tags).collect()
}

/// Where these blocks and all that is nested in them run, each place once.
#[must_use]
pub fn places_of_all(blocks: &[Block]) -> Vec<String> {
    let places: BTreeSet<String> = blocks.iter().flat_map(Block::with_nested).flat_map(places_of).collect();
    places.into_iter().collect()
}

/// Where each of these blocks and all after it run, block by block.
#[must_use]
pub fn places_from_each(blocks: &[Block]) -> Vec<Vec<String>> {
    let mut places = BTreeSet::new();
    let mut from: Vec<Vec<String>> = blocks
        .iter()
        .rev()
        .map(|block| {
            places.extend(places_of_all(std::slice::from_ref(block)));
            places.iter().cloned().collect()
        })
        .collect();
    from.reverse();
    from
}

/// Where those of the blocks run that are chosen by their ids, each with what is nested in it.
#[must_use]
pub fn places_of_chosen(blocks: &[Block], chosen: &[String]) -> Vec<String> {
    let is_chosen = |block: &&Block| chosen.contains(&block.id.to_string());
    let all = blocks.iter().flat_map(Block::with_nested).filter(is_chosen);
    let places: BTreeSet<String> = all.flat_map(Block::with_nested).flat_map(places_of).collect();
    places.into_iter().collect()
}

/// What people call a host or `tag:…`.
#[must_use]
pub fn called(place: &str) -> String {
    match place.strip_prefix(TAG_PREFIX) {
        Some(tag) => format!("hosts tagged {tag}"),
        None if place == LOCAL => "this server".to_owned(),
        None => place.to_owned(),
    }
}

/// `Run all on web-1, web-2 and 5 more`, or without places `Run all`.
#[must_use]
pub fn on(what: &str, places: &[String]) -> String {
    match places.len() {
        0 => what.to_owned(),
        many if many <= FIT => format!("{what} on {}", places.join(", ")),
        many => format!("{what} on {} and {} more", places[..NAMED].join(", "), many - NAMED),
    }
}

/// All places, where a button names only some.
#[must_use]
pub fn whole(places: &[String]) -> Option<String> {
    (places.len() > FIT).then(|| places.join(", "))
}

/// The names in `web-1, web-2 and web-3`.
#[must_use]
pub fn names_in(text: &str) -> Vec<String> {
    let (others, last) = text.rsplit_once(" and ").map_or(("", text), |(others, last)| (others, last));
    others.split(", ").chain([last]).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("web-{number}")).collect()
    }

    #[test]
    fn few_places_are_named_and_many_are_counted() {
        for (count, label, all) in [
            (0, "Run all", None),
            (1, "Run all on web-1", None),
            (3, "Run all on web-1, web-2, web-3", None),
            (7, "Run all on web-1, web-2 and 5 more", Some("web-1, web-2, web-3, web-4, web-5, web-6, web-7")),
        ] {
            assert_eq!(on("Run all", &names(count)), label);
            assert_eq!(whole(&names(count)).as_deref(), all);
        }
    }

    #[test]
    fn a_block_and_all_after_it_name_their_places_and_a_chosen_one_those_nested_in_it() {
        let runbook = domain::RunbookDraft::parse(&serde_json::json!({ "title": "Places", "blocks": [
            { "type": "command", "config": { "command": "a", "host": "web-1" } },
            { "type": "condition", "config": { "condition_type": "expression", "expression": "1 < 2",
                "nested_blocks": [{ "type": "command", "config": { "command": "b", "host": ["db-1", "tag:db"] } }] } },
            { "type": "timer", "config": { "duration": "1s" } }
        ] }))
        .expect("valid");
        let blocks = runbook.blocks;
        assert_eq!(
            places_from_each(&blocks),
            [vec!["db-1", "hosts tagged db", "web-1"], vec!["db-1", "hosts tagged db"], vec![]]
        );
        let chosen = |of: &[&Block]| places_of_chosen(&blocks, &of.iter().map(|block| block.id.to_string()).collect::<Vec<_>>());
        assert_eq!(chosen(&[&blocks[0], &blocks[2]]), ["web-1"]);
        assert_eq!(chosen(&[&blocks[1]]), ["db-1", "hosts tagged db"]);
        assert!(chosen(&[]).is_empty());
    }

    #[test]
    fn names_are_found_again_in_a_question() {
        assert_eq!(names_in("web-1"), ["web-1"]);
        assert_eq!(names_in("web-1 and this server"), ["web-1", "this server"]);
        assert_eq!(names_in("web-1, web-2 and web-3"), names(3));
    }
}
