//! What the palette offers for some words: runbooks, pages, actions.

use domain::{Permission, RunbookHit, RunbookId};

use super::keys::PLACES;

/// How many runbooks are offered while nothing is typed.
const AT_FIRST: usize = 6;
/// How many are offered for what is typed, and how many of them to be run.
const MOST: usize = 8;
const MOST_RUNS: usize = 3;

/// What an entry leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A page.
    Page(String),
    /// A runbook's page.
    Runbook(RunbookId),
    /// The same, at the form that runs it.
    Run(RunbookId),
    /// A button of the present page, by its place among those.
    Button(usize),
    /// The list of keys.
    Keys,
    /// The end of the session.
    SignOut,
}

/// What one can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The heading it stands under.
    pub group: &'static str,
    /// What it says.
    pub label: String,
    /// What stands beside it: tags, keys.
    pub hint: String,
    /// What it does.
    pub target: Target,
}

/// What is looked for among runbooks: `run fail over` looks for `fail over`.
#[must_use]
pub fn words(typed: &str) -> &str {
    asks_to_run(typed).unwrap_or(typed).trim()
}

/// Everything that fits what was typed, the likeliest first, and nothing that this person may not do.
#[must_use]
pub fn entries(typed: &str, hits: &[RunbookHit], buttons: &[String], may: impl Fn(Permission) -> bool) -> Vec<Entry> {
    let typed = typed.trim_start();
    let mut entries = Vec::new();
    let on_page = buttons.iter().enumerate().map(|(place, label)| entry("On this page", label, "", Target::Button(place)));
    entries.extend(on_page.filter(|entry| fits(&entry.label, typed)));

    let may_run = may(Permission::Execute);
    let to_run = |hit: &RunbookHit| entry("Run", &format!("Run “{}”…", hit.title), "", Target::Run(hit.id));
    let to_open = |hit: &RunbookHit| {
        let group = if typed.trim().is_empty() { "Recent and favourite runbooks" } else { "Runbooks" };
        entry(group, &hit.title, &hit.tags.join(", "), Target::Runbook(hit.id))
    };
    if asks_to_run(typed).is_some() && may_run {
        entries.extend(hits.iter().take(MOST).map(to_run));
    } else if typed.trim().is_empty() {
        entries.extend(hits.iter().take(AT_FIRST).map(to_open));
    } else {
        entries.extend(hits.iter().take(MOST).map(to_open));
        if may_run {
            entries.extend(hits.iter().take(MOST_RUNS).map(to_run));
        }
    }

    let mut others = Vec::new();
    if may(Permission::Write) {
        others.push(entry("Actions", "New runbook", "", Target::Page("/runbooks/new".to_owned())));
        others.push(entry("Actions", "Import", "", Target::Page("/import".to_owned())));
    }
    for place in PLACES.iter().filter(|place| may(place.needs)) {
        others.push(entry("Go to", place.name, &format!("g {}", place.key), Target::Page(place.path.to_owned())));
    }
    others.push(entry("Go to", "Profile", "", Target::Page("/profile".to_owned())));
    others.push(entry("Help", "All keys", "?", Target::Keys));
    others.push(entry("Account", "Sign out", "", Target::SignOut));
    entries.extend(others.into_iter().filter(|entry| fits(&entry.label, typed)));
    entries
}

/// The place that an arrow leads to; around the ends.
#[must_use]
pub const fn step(at: usize, count: usize, down: bool) -> usize {
    if count == 0 {
        0
    } else if down {
        (at + 1) % count
    } else {
        (at + count - 1) % count
    }
}

/// What is said of a list of this length.
#[must_use]
pub fn told(count: usize) -> String {
    match count {
        0 => "Nothing found".to_owned(),
        1 => "1 result".to_owned(),
        many => format!("{many} results"),
    }
}

fn asks_to_run(typed: &str) -> Option<&str> {
    let (verb, rest) = typed.trim_start().split_once(' ')?;
    verb.eq_ignore_ascii_case("run").then_some(rest)
}

fn entry(group: &'static str, label: &str, hint: &str, target: Target) -> Entry {
    Entry { group, label: label.to_owned(), hint: hint.to_owned(), target }
}

/// Whether each word that was typed begins a word of the label.
fn fits(label: &str, typed: &str) -> bool {
    let label = label.to_lowercase();
    let parts: Vec<&str> = label.split_whitespace().collect();
    typed.to_lowercase().split_whitespace().all(|word| parts.iter().any(|part| part.starts_with(word)))
}

#[cfg(test)]
mod tests {
    use domain::Role;

    use super::*;

    fn hit(title: &str) -> RunbookHit {
        RunbookHit { id: RunbookId::new(), title: title.to_owned(), tags: vec!["db".to_owned()], favourite: false, recent: true }
    }

    fn labels(typed: &str, hits: &[RunbookHit], buttons: &[String], role: Role) -> Vec<String> {
        entries(typed, hits, buttons, |needs| role.may(needs)).into_iter().map(|entry| entry.label).collect()
    }

    #[test]
    fn a_runbook_is_offered_to_be_opened_and_to_be_run() {
        let hits = [hit("Fail over"), hit("Fail back")];
        assert_eq!(
            labels("fail", &hits, &[], Role::Developer),
            ["Fail over", "Fail back", "Run “Fail over”…", "Run “Fail back”…"]
        );
        assert_eq!(labels("run fail", &hits, &[], Role::Developer)[0], "Run “Fail over”…");
        assert_eq!((words("run fail over"), words("  runs "), words("run")), ("fail over", "runs", "run"));
    }

    #[test]
    fn nothing_is_offered_that_one_may_not_do() {
        let hits = [hit("Fail over")];
        for typed in ["", "fail", "run fail", "u", "new"] {
            for label in labels(typed, &hits, &[], Role::Viewer) {
                assert!(!label.starts_with("Run “"), "{label}");
                assert!(
                    !["New runbook", "Import", "Hosts", "Users", "Settings", "Audit", "Credentials"].contains(&label.as_str())
                );
            }
        }
        let all = labels("", &[], &[], Role::Admin);
        for place in PLACES {
            assert!(all.contains(&place.name.to_owned()), "{}", place.name);
        }
    }

    #[test]
    fn what_the_page_can_do_comes_first() {
        let buttons = ["Pause".to_owned(), "Stop run".to_owned()];
        assert_eq!(labels("st", &[hit("Stop the world")], &buttons, Role::Sre)[0], "Stop run");
        let found = entries("stop", &[], &buttons, |_| true);
        assert_eq!(found[0].target, Target::Button(1));
    }

    #[test]
    fn arrows_go_around_the_ends() {
        assert_eq!((step(0, 3, false), step(2, 3, true), step(1, 3, true), step(0, 0, true)), (2, 0, 2, 0));
        assert_eq!((told(0), told(1), told(2)), ("Nothing found".to_owned(), "1 result".to_owned(), "2 results".to_owned()));
    }
}
