//! Lists of runbooks and searches for them.

use std::collections::{BTreeMap, HashSet};

use domain::{Actor, Listing, Page, Permission, Runbook, RunbookHit, RunbookId, RunbookSummary};

use super::Runbooks;
use crate::authorise::authorise;
use crate::catalogue::Wanted;
use crate::{Result, page_size};

/// How many of a person's last runs are looked through for the runbooks they use.
const RUNS: u32 = 60;
/// The most that a search finds.
const MOST_HITS: usize = 20;

/// Which runbooks to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunbookFilter {
    /// Words that are all in title, description or tags, in any case.
    pub q: Option<String>,
    /// A tag they have.
    pub tag: Option<String>,
    /// Only the favourites of the one who asks.
    pub favourites: bool,
    /// How many at most; 0 for the usual number.
    pub limit: u32,
    /// Where to go on: `next` of the page before.
    pub cursor: Option<String>,
}

impl Runbooks {
    /// The latest version of each, newest change first.
    ///
    /// # Errors
    /// `Forbidden` to nobody who is signed in; when the store fails.
    pub async fn list(&self, actor: &Actor, filter: RunbookFilter) -> Result<Page<Runbook>> {
        authorise(actor, Permission::Read)?;
        let (limit, after) = (page_size(filter.limit), filter.cursor.clone().unwrap_or_default());
        let only = self.only(actor, filter.favourites).await?;
        let wanted = Wanted::new(filter.q.as_deref(), filter.tag.as_deref(), only);
        if wanted.is_anything() {
            return Ok(self.store.list_runbooks(&after, limit).await?);
        }
        let found = self.catalogue.now(&self.store).await?.find(&wanted, &after, limit);
        Ok(Page { items: self.store.runbooks_by_id(&found.ids).await?, next: found.next })
    }

    /// The same as a page shows them, with how many there are.
    ///
    /// # Errors
    /// As [`Runbooks::list`].
    pub async fn listing(&self, actor: &Actor, filter: RunbookFilter) -> Result<Listing> {
        authorise(actor, Permission::Read)?;
        let favourites = self.favourites_of(actor).await?;
        let only = filter.favourites.then(|| favourites.clone());
        let wanted = Wanted::new(filter.q.as_deref(), filter.tag.as_deref(), only);
        let books = self.catalogue.now(&self.store).await?;
        let found = books.find(&wanted, filter.cursor.as_deref().unwrap_or_default(), page_size(filter.limit));
        let items = self.summaries(&found.ids, &favourites).await?;
        Ok(Listing { items, next: found.next, matched: found.matched, total: books.len() })
    }

    /// What a person may mean by these words, the likeliest first; without a word what they use most.
    ///
    /// # Errors
    /// As [`Runbooks::list`].
    pub async fn search(&self, actor: &Actor, q: &str) -> Result<Vec<RunbookHit>> {
        authorise(actor, Permission::Read)?;
        let favourites = self.favourites_of(actor).await?;
        let recent = self.recent(actor).await?;
        let books = self.catalogue.now(&self.store).await?;
        let favours = |id| if recent.contains(&id) { 2 } else { u8::from(favourites.contains(&id)) };
        let found = if q.trim().is_empty() {
            let mut chosen: Vec<_> = recent.iter().filter_map(|id| books.get(*id)).collect();
            let others = books.newest().filter(|book| favourites.contains(&book.id)).chain(books.newest().take(MOST_HITS));
            for book in others {
                if !chosen.iter().any(|known| known.id == book.id) {
                    chosen.push(book);
                }
            }
            chosen
        } else {
            books.search(q, MOST_HITS, favours)
        };
        let hit = |book: &crate::catalogue::Book| RunbookHit {
            id: book.id,
            title: book.title.clone(),
            tags: book.tags.clone(),
            favourite: favourites.contains(&book.id),
            recent: recent.contains(&book.id),
        };
        Ok(found.into_iter().take(MOST_HITS).map(hit).collect())
    }

    /// Every tag in use, and by how many runbooks.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tags(&self, actor: &Actor) -> Result<Vec<(String, u64)>> {
        authorise(actor, Permission::Read)?;
        Ok(self.catalogue.now(&self.store).await?.tags().to_vec())
    }

    /// How many there are.
    pub(crate) async fn total(&self) -> Result<u64> {
        Ok(self.catalogue.now(&self.store).await?.len())
    }

    /// What the actor ran lately that is still there, the latest first.
    pub(crate) async fn recent(&self, actor: &Actor) -> Result<Vec<RunbookId>> {
        let books = self.catalogue.now(&self.store).await?;
        let mut recent = Vec::new();
        for id in self.store.runbooks_run_by(actor.username.as_str(), RUNS).await? {
            if !recent.contains(&id) && books.get(id).is_some() {
                recent.push(id);
            }
        }
        Ok(recent)
    }

    /// The actor's favourites that are still there, by title.
    pub(crate) async fn favourites_by_title(&self, actor: &Actor) -> Result<Vec<RunbookId>> {
        let books = self.catalogue.now(&self.store).await?;
        let favourites = self.favourites_of(actor).await?;
        let titled = favourites.iter().filter_map(|id| Some(((books.get(*id)?.title.to_lowercase(), *id), *id)));
        Ok(titled.collect::<BTreeMap<_, _>>().into_values().collect())
    }

    pub(crate) async fn favourites_of(&self, actor: &Actor) -> Result<HashSet<RunbookId>> {
        Ok(self.store.favourites(actor.id).await?.into_iter().collect())
    }

    pub(crate) async fn summaries(&self, ids: &[RunbookId], favourites: &HashSet<RunbookId>) -> Result<Vec<RunbookSummary>> {
        let mut items = self.store.runbook_summaries(ids).await?;
        for item in &mut items {
            item.favourite = favourites.contains(&item.id);
        }
        Ok(items)
    }

    async fn only(&self, actor: &Actor, favourites: bool) -> Result<Option<HashSet<RunbookId>>> {
        Ok(if favourites { Some(self.favourites_of(actor).await?) } else { None })
    }
}
