//! Real runbooks through the importer: nothing of their text is lost.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use domain::import::{Imported, markdown};
use domain::{Block, BlockKind};

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

fn text_of(block: &Block) -> &str {
    match &block.kind {
        BlockKind::Instruction(block) => &block.text,
        BlockKind::Command(block) => &block.command,
        _ => panic!("the importer makes instructions and commands only"),
    }
}

/// The first place at or after `from` where `line` stands whole.
fn position(all: &[&str], line: &[&str], from: usize) -> Option<usize> {
    all[from..].windows(line.len()).position(|window| window == line).map(|at| from + at + line.len())
}

/// Every line that is missing or out of its order.
///
/// Within a fence commands come before what they print; front matter and first heading may have become the title.
fn lost(source: &str, imported: &Imported) -> Vec<String> {
    let mut everything = format!("{}\n{}\n", imported.title, imported.description);
    for block in &imported.blocks {
        everything.push_str(&format!("{}\n{}\n", block.name, text_of(block)));
    }
    let all = words(&everything);
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in &all {
        *left.entry(word).or_default() += 1;
    }

    let mut missing = Vec::new();
    let (mut cursor, mut furthest) = (0, 0);
    let (mut in_fence, mut in_front, mut title_seen) = (false, source.starts_with("---"), false);
    for (index, line) in source.lines().enumerate() {
        let bare = line.trim_start_matches([' ', '>', '\t', '-', '*']);
        if in_front {
            in_front = index == 0 || line.trim_end() != "---";
        }
        if bare.starts_with("```") || bare.starts_with("~~~") {
            // The language of a command's fence has become its interpreter.
            in_fence = !in_fence;
            cursor = cursor.max(furthest);
            continue;
        }
        let is_title = in_front || (!in_fence && !title_seen && line.starts_with("# "));
        title_seen |= is_title && !in_front;
        let text = if in_front { line.trim_start_matches("title:").trim_start_matches("description:") } else { line };
        let wanted = words(text);
        if wanted.is_empty() {
            continue;
        }
        // A first heading that repeats the title of the front matter is there once.
        let repeated = is_title && !in_front && words(&imported.title) == wanted;
        for word in wanted.iter().filter(|_| !repeated) {
            match left.get_mut(word) {
                Some(count) if *count > 0 => *count -= 1,
                _ if is_title => {}
                _ => missing.push(format!("{}: the word “{word}” of “{line}”", index + 1)),
            }
        }
        match position(&all, &wanted, if is_title { 0 } else { cursor }) {
            Some(_) if is_title => {}
            Some(end) if in_fence => furthest = furthest.max(end),
            Some(end) => (cursor, furthest) = (end, end),
            None => missing.push(format!("{}: “{line}”", index + 1)),
        }
    }
    missing
}

#[test]
fn nothing_is_lost_of_395_real_runbooks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    if !root.is_dir() {
        eprintln!("skipped: there is no corpus at {}", root.display());
        return;
    }
    let mut paths = Vec::new();
    documents(&root, &mut paths);
    paths.retain(|path| *path != root.join("README.md"));
    assert_eq!(paths.len(), 395);

    let (mut instructions, mut commands) = (0, 0);
    let mut failures = Vec::new();
    for path in &paths {
        let source = fs::read_to_string(path).expect("readable text");
        let imported = markdown(&source, "Untitled").expect("a document that can be imported");
        failures.extend(lost(&source, &imported).into_iter().map(|line| format!("{}:{line}", path.display())));
        for block in &imported.blocks {
            assert!(!text_of(block).trim().is_empty(), "an empty block in {}", path.display());
            assert!(block.name.chars().count() <= 200, "a long name in {}", path.display());
            match block.kind {
                BlockKind::Command(_) => commands += 1,
                _ => instructions += 1,
            }
        }
        let again = serde_json::to_value(&imported.blocks).expect("JSON");
        let read: Vec<Block> = serde_json::from_value(again).expect("blocks that pass their own validation");
        assert_eq!(read, imported.blocks);
    }
    assert!(failures.is_empty(), "{} lines lost:\n{}", failures.len(), failures.join("\n"));
    assert_eq!((instructions, commands), (2317, 834));
}
