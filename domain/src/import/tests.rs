use super::*;

fn import(source: &str) -> Imported {
    markdown(source, "Untitled").expect("a document that can be imported")
}

/// Each block as `name|text`, commands with `$ ` before their text.
fn shapes(source: &str) -> Vec<String> {
    let shape = |block: &Block| {
        let sign = if matches!(block.kind, BlockKind::Command(_)) { "$ " } else { "" };
        format!("{}|{sign}{}", block.name, text_of(block))
    };
    import(source).blocks.iter().map(shape).collect()
}

#[test]
fn sections_become_instructions_and_fences_commands() {
    let source =
        "# Disk full\n\nAn alert.\n\n## Check\n\nLook:\n\n```bash\ndf -h\n```\n\nThen decide.\n\n## Clean\n```sh\nrm x\n```\n";
    assert_eq!(import(source).title, "Disk full");
    assert_eq!(shapes(source), ["|An alert.", "Check|Look:", "|$ df -h", "|Then decide.", "Clean|$ rm x"]);
}

#[test]
fn bash_fences_keep_their_interpreter() {
    let blocks = import("```bash\na\n```\n```shell\nb\n```\n").blocks;
    let interpreters: Vec<&str> = blocks
        .iter()
        .filter_map(|block| match &block.kind {
            BlockKind::Command(command) => Some(command.interpreter.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(interpreters, ["bash", "/bin/sh"]);
}

#[test]
fn a_fence_in_a_list_becomes_a_command_and_the_list_goes_on() {
    let source = "1. First:\n   - Inner\n\n     ```bash\n     a\n       b\n     ```\n\n     after\n   - Next\n2. Second\n";
    assert_eq!(shapes(source), ["|1. First:\n   - Inner", "|$ a\n  b", "|after\n\n- Next\n\n2. Second"]);
}

#[test]
fn a_fence_in_a_quote_becomes_a_command_and_the_quote_goes_on() {
    let source = "> Careful:\n>\n> ```sh\n> reboot\n> ```\n>\n> Done.\n";
    assert_eq!(shapes(source), ["|> Careful:\n>", "|$ reboot", "|>\n> Done."]);
}

#[test]
fn other_fences_and_deeper_headings_stay_in_the_text() {
    let source = "## A\n\n### B\n\n```yaml\nkind: x\n```\n\n```console\nNAME READY\n```\n";
    assert_eq!(shapes(source), ["A|### B\n\n```yaml\nkind: x\n```\n\n```console\nNAME READY\n```"]);
}

#[test]
fn what_a_session_prints_follows_its_command() {
    let source = "```console\n$ uptime\nup 3 days\n```\n";
    assert_eq!(shapes(source), ["|$ uptime", "|Sample output:\n\n```text\nup 3 days\n```"]);
}

#[test]
fn front_matter_gives_title_description_and_tags_and_keeps_the_rest() {
    let source =
        "---\ntitle: \"Etcd: down\"\ndescription: What to do\ntags: [etcd, urgent]\nweight: 20\n---\n# Etcd: down\n\nText\n";
    let imported = import(source);
    assert_eq!((imported.title.as_str(), imported.description.as_str()), ("Etcd: down", "What to do"));
    assert_eq!(imported.tags, ["etcd", "urgent"]);
    assert_eq!(shapes(source), ["|```yaml\ntags: [etcd, urgent]\nweight: 20\n```\n\nText"]);
    assert_eq!(shapes("---\ntitle: A\n---\nText"), ["|Text"]);
}

#[test]
fn two_rules_around_prose_are_no_front_matter() {
    assert_eq!(shapes("---\nJust a line\n---\n\nText\n"), ["Just a line|Text"]);
}

#[test]
fn a_heading_that_a_name_cannot_hold_stays_in_the_text() {
    let source = "# T\n\n## See [there](https://example.org)\n\nText\n\n## Empty\n\n## `Code` *name*\n\nText\n";
    let expected = ["See there|## See [there](https://example.org)\n\nText", "|## Empty", "Code name|Text"];
    assert_eq!(shapes(source), expected);
}

#[test]
fn templates_and_placeholders_in_commands_stay_what_they_are() {
    let source = "```sh\noc logs <pod> -o go-template='{{.x}}'\n```\n";
    assert_eq!(shapes(source), ["|$ oc logs <pod> -o go-template='{{ '{{' }}.x}}'"]);
}

#[test]
fn windows_line_ends_are_read_as_line_ends() {
    assert_eq!(shapes("# T\r\n\r\nA\r\nB\r\n\r\n```sh\r\nx\r\n```\r\n"), ["|A\nB", "|$ x"]);
}

#[test]
fn a_document_without_a_title_takes_the_one_given() {
    assert_eq!(import("Text").title, "Untitled");
}

#[test]
fn what_cannot_be_imported_is_a_fault() {
    let many = "## A\n\nText\n\n".repeat(MAX_BLOCKS + 1);
    let long = "word ".repeat(MAX_TEXT);
    for source in ["", " \r\n\t", "a\0b", &many, &long] {
        let faults = markdown(source, "Untitled").expect_err("a fault");
        assert_eq!(faults.0[0].path, "$.markdown");
    }
}
