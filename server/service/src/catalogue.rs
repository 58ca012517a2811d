//! All runbooks in memory, as far as lists and searches look at them: so that neither reads ten thousand documents for each letter
//! that somebody types.
//!
//! Each change of a runbook has a number that only grows, and before each use what has a higher one than the last that is known is
//! read; that is one look at an index where nothing changed. Other processes on the same database may write as they like.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use domain::RunbookId;
use store::{Listed, Store};
use tokio::sync::Mutex;

use crate::Result;

/// A handle to what is known.
#[derive(Clone, Default)]
pub(crate) struct Catalogue {
    known: Arc<Mutex<Arc<Books>>>,
}

impl Catalogue {
    /// All runbooks as they are now.
    pub(crate) async fn now(&self, store: &Store) -> Result<Arc<Books>> {
        let mut known = self.known.lock().await;
        let changes = store.runbooks_changed_after(known.changed).await?;
        if !changes.is_empty() {
            Arc::make_mut(&mut known).apply(changes);
        }
        Ok(Arc::clone(&known))
    }
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Lower-case words, all of which a runbook holds somewhere.
    words: Vec<String>,
    /// A tag that it has.
    tag: Option<String>,
    /// Only these.
    only: Option<HashSet<RunbookId>>,
}

impl Wanted {
    pub(crate) fn new(q: Option<&str>, tag: Option<&str>, only: Option<HashSet<RunbookId>>) -> Self {
        let words = q.unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect();
        let tag = tag.map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty());
        Self { words, tag, only }
    }

    /// Whether every runbook will do.
    pub(crate) fn is_anything(&self) -> bool {
        self.words.is_empty() && self.tag.is_none() && self.only.is_none()
    }

    fn fits(&self, book: &Book) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&book.id))
            && self.tag.as_ref().is_none_or(|tag| book.tags.contains(tag))
            && self.words.iter().all(|word| book.search.contains(word.as_str()))
    }
}

/// A page of what was looked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The latest change first.
    pub(crate) ids: Vec<RunbookId>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    /// How many there are on all pages.
    pub(crate) matched: u64,
}

/// One runbook.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) id: RunbookId,
    pub(crate) title: String,
    pub(crate) tags: Vec<String>,
    search: String,
    lower_title: String,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    changed: u64,
    /// By where they stand in a list: the latest change first.
    by_sort: BTreeMap<String, Arc<Book>>,
    sorts: HashMap<RunbookId, String>,
    tags: Vec<(String, u64)>,
}

impl Books {
    pub(crate) fn len(&self) -> u64 {
        self.by_sort.len() as u64
    }

    /// Every tag in use and how many runbooks have it, by name.
    pub(crate) fn tags(&self) -> &[(String, u64)] {
        &self.tags
    }

    pub(crate) fn get(&self, id: RunbookId) -> Option<&Book> {
        self.sorts.get(&id).and_then(|sort| self.by_sort.get(sort)).map(AsRef::as_ref)
    }

    /// The latest change first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &Book> {
        self.by_sort.values().map(AsRef::as_ref)
    }

    /// A page of those that fit, from behind `after` on.
    pub(crate) fn find(&self, wanted: &Wanted, after: &str, limit: u32) -> Found {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = Found::default();
        let mut last = "";
        for (sort, book) in self.by_sort.iter().filter(|(_, book)| wanted.fits(book)) {
            found.matched += 1;
            if sort.as_str() <= after {
                continue;
            }
            if found.ids.len() < limit {
                found.ids.push(book.id);
                last = sort;
            } else if found.next.is_none() {
                found.next = Some(last.to_owned());
            }
        }
        found
    }

    /// The best ones for a search, best first; `favours` breaks ties: higher is better.
    pub(crate) fn search(&self, q: &str, limit: usize, favours: impl Fn(RunbookId) -> u8) -> Vec<&Book> {
        let q = q.trim().to_lowercase();
        let words: Vec<&str> = q.split_whitespace().collect();
        let mut found: Vec<_> = self
            .newest()
            .filter_map(|book| rank(book, &q, &words).map(|rank| ((rank, std::cmp::Reverse(favours(book.id))), book)))
            .collect();
        // Stable: of equals the one that changed last comes first.
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().take(limit).map(|(_, book)| book).collect()
    }

    fn apply(&mut self, changes: Vec<Listed>) {
        for change in changes {
            self.changed = self.changed.max(change.changed);
            if let Some(sort) = self.sorts.remove(&change.id) {
                self.by_sort.remove(&sort);
            }
            if change.sort.is_empty() {
                continue;
            }
            self.sorts.insert(change.id, change.sort.clone());
            let lower_title = change.title.to_lowercase();
            let (id, title, tags, search) = (change.id, change.title, change.tags, change.search);
            self.by_sort.insert(change.sort, Arc::new(Book { id, title, tags, search, lower_title }));
        }
        let mut counts = BTreeMap::<&str, u64>::new();
        for tag in self.by_sort.values().flat_map(|book| &book.tags) {
            *counts.entry(tag).or_default() += 1;
        }
        self.tags = counts.into_iter().map(|(tag, count)| (tag.to_owned(), count)).collect();
    }
}

/// How well a runbook fits, the best first; `None` where a word is not in it at all.
fn rank(book: &Book, q: &str, words: &[&str]) -> Option<u8> {
    if !words.iter().all(|word| book.search.contains(word)) {
        return None;
    }
    let title = &book.lower_title;
    let parts: Vec<&str> = title.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let begins = |word: &&str| parts.iter().any(|part| part.starts_with(word)) || title.starts_with(*word);
    Some(if title == q {
        0
    } else if title.starts_with(q) {
        1
    } else if words.iter().all(begins) {
        2
    } else if words.iter().all(|word| title.contains(word)) {
        3
    } else if words.iter().all(|word| title.contains(word) || book.tags.iter().any(|tag| tag.starts_with(word))) {
        4
    } else {
        5
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Titles and tags, the latest change first.
    fn books(all: &[(&str, &str)]) -> Books {
        let mut books = Books::default();
        let listed = all.iter().enumerate().map(|(place, (title, tags))| Listed {
            id: RunbookId::new(),
            title: (*title).to_owned(),
            search: format!("{title}\nsome words about it\n{tags}").to_lowercase(),
            tags: tags.split_whitespace().map(str::to_owned).collect(),
            sort: format!("{place:04}"),
            changed: 1,
        });
        books.apply(listed.collect());
        books
    }

    fn titles(books: &[&Book]) -> Vec<String> {
        books.iter().map(|book| book.title.clone()).collect()
    }

    #[test]
    fn a_title_that_begins_so_comes_before_a_word_before_a_tag_before_the_text() {
        let books = books(&[
            ("About words", ""),
            ("Tune the kernel", "database"),
            ("Undatabased", ""),
            ("Fail over the database", ""),
            ("Database backup", ""),
            ("Rotate a certificate", ""),
        ]);
        let found = titles(&books.search("DATA", 10, |_| 0));
        assert_eq!(found, ["Database backup", "Fail over the database", "Undatabased", "Tune the kernel"]);
        assert_eq!(titles(&books.search("the fail", 10, |_| 0)), ["Fail over the database"]);
        assert_eq!(books.search("some", 2, |_| 0).len(), 2);
        assert!(books.search("nothing of the kind", 10, |_| 0).is_empty());
    }

    #[test]
    fn of_equals_a_favourite_comes_first_then_the_latest_change() {
        let books = books(&[("Restart a", ""), ("Restart b", ""), ("Restart c", "")]);
        let favourite = books.newest().nth(2).map(|book| book.id);
        let found = books.search("restart", 10, |id| u8::from(Some(id) == favourite));
        assert_eq!(titles(&found), ["Restart c", "Restart a", "Restart b"]);
    }

    #[test]
    fn pages_go_on_behind_the_last_and_all_that_fit_are_counted() {
        let books = books(&[("One", "x"), ("Two", "y"), ("Three", "x y"), ("Four", "x")]);
        let wanted = Wanted::new(Some("some words"), Some("X"), None);
        let first = books.find(&wanted, "", 2);
        assert_eq!((first.ids.len(), first.matched, first.next.as_deref()), (2, 3, Some("0002")));
        let second = books.find(&wanted, "0002", 2);
        assert_eq!((second.ids.len(), second.matched, second.next), (1, 3, None));
        assert_eq!(books.tags(), [("x".to_owned(), 3), ("y".to_owned(), 2)]);
        assert!(Wanted::new(Some("  "), Some(""), None).is_anything());
    }

    #[test]
    fn what_changed_moves_and_what_was_deleted_goes() {
        let mut books = books(&[("One", "x"), ("Two", "y")]);
        let [one, two] = books.newest().map(|book| book.id).collect::<Vec<_>>()[..] else { panic!("two books") };
        let change = |id, sort: &str| Listed {
            id,
            title: "Uno".to_owned(),
            search: "uno".to_owned(),
            tags: Vec::new(),
            sort: sort.to_owned(),
            changed: 7,
        };
        books.apply(vec![change(one, "0009"), change(two, "")]);
        assert_eq!((books.len(), books.changed), (1, 7));
        assert_eq!(titles(&books.newest().collect::<Vec<_>>()), ["Uno"]);
        assert!(books.get(two).is_none() && books.tags().is_empty());
    }
}
