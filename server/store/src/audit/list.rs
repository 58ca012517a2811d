//! Reading the trail: the newest rows that fit, page by page.

use chrono::TimeDelta;
use domain::{AuditAction, AuditRecord, Page, Timestamp};

use super::chain::{Row, end, key};
use crate::query::variables;
use crate::{Result, Store};

/// How far apart the clocks of servers may be: a row's time and number do not always run together.
const SKEW: TimeDelta = TimeDelta::hours(1);
/// How many rows are looked at for one page. A filter that fits little answers short pages rather than late ones.
const MOST: u64 = 20_000;
/// How many rows are read at once, at most.
const WINDOW: u64 = 2_000;

/// Which rows to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// By the person of this name.
    pub actor: Option<String>,
    /// This action.
    pub action: Option<AuditAction>,
    /// To this: a kind and an id such as `runbook:0193…`, a kind alone, or an id alone.
    pub target: Option<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// How many at most; 0 is taken as 1.
    pub limit: u32,
    /// Where to go on: `next` of the page before.
    pub cursor: Option<String>,
}

impl AuditFilter {
    fn fits(&self, record: &AuditRecord) -> bool {
        let entry = &record.entry;
        self.actor.as_ref().is_none_or(|actor| *actor == entry.actor_name)
            && self.action.is_none_or(|action| action == entry.action)
            && self.target.as_ref().is_none_or(|target| is_target(&entry.target, target))
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }

    /// The column and word of the index that leaves the fewest rows to look at.
    fn index(&self) -> Option<(&'static str, &str)> {
        let target = self.target.as_deref().filter(|target| target.contains(':')).map(|target| ("by_target", target));
        let action = self.action.map(|action| ("by_action", action.as_str()));
        target.or(action).or(self.actor.as_deref().map(|actor| ("by_actor", actor)))
    }
}

impl Store {
    /// The rows that fit, newest first. A page may be shorter than asked for and still not be the last.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_audit(&self, filter: &AuditFilter) -> Result<Page<AuditRecord>> {
        let limit = usize::try_from(filter.limit.max(1)).unwrap_or(usize::MAX);
        let ends = self.audit_ends().await?;
        // The row with this number and all after it are not wanted.
        let mut before = ends.seq.saturating_add(1);
        if let Some(cursor) = &filter.cursor {
            before = before.min(cursor.parse().unwrap_or(0));
        } else if let Some(until) = filter.until {
            before = self.audit_number_at(ends.first, ends.seq, until + SKEW).await?;
        }

        let mut items = Vec::new();
        let mut window = u64::from(filter.limit.max(1)) + 1;
        let mut looked_at = 0;
        while before > ends.first && looked_at < MOST {
            let rows = self.audit_before(filter, ends.first, before, window).await?;
            let Some(oldest) = rows.last().map(|row| row.seq) else { return Ok(Page { items, next: None }) };
            looked_at += window;
            for row in rows {
                let seq = row.seq;
                // A row that cannot be read is the verification's to name; the others are still worth reading.
                let Ok(record) = row.record() else { continue };
                if filter.since.is_some_and(|since| record.entry.at < since - SKEW) {
                    return Ok(Page { items, next: None });
                }
                if !filter.fits(&record) {
                    continue;
                }
                if items.len() == limit {
                    return Ok(Page { items, next: Some((seq + 1).to_string()) });
                }
                items.push(record);
            }
            before = oldest;
            window = (window * 2).min(WINDOW);
        }
        let next = (before > ends.first).then(|| before.to_string());
        Ok(Page { items, next })
    }

    /// The next rows below a number, newest first: of a window of numbers, or so many of an index.
    async fn audit_before(&self, filter: &AuditFilter, first: u64, before: u64, window: u64) -> Result<Vec<Row>> {
        if let Some((column, word)) = filter.index() {
            let text =
                format!("SELECT * FROM audit_entry WHERE {column} > $after AND {column} < $end ORDER BY {column} LIMIT $limit");
            let variables = variables! { after: key(word, before), end: end(word), limit: window };
            let mut rows = self.audit_rows(&text, variables).await?;
            // The key of a row that was tampered with may say another number: every step goes down.
            rows.retain(|row| row.seq < before);
            return Ok(rows);
        }
        // Where somebody has deleted rows a window may be empty, and those below it are still there.
        let mut below = before;
        while below > first {
            let from = below.saturating_sub(window).max(first);
            let mut rows = self.audit_range(from, below - 1).await?;
            if !rows.is_empty() {
                rows.reverse();
                return Ok(rows);
            }
            below = from;
        }
        Ok(Vec::new())
    }

    /// The lowest number whose row was written at that time or later, give or take the clocks' skew.
    async fn audit_number_at(&self, first: u64, last: u64, at: Timestamp) -> Result<u64> {
        let (mut low, mut high) = (first, last.saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            let row = self.audit_range(middle, middle).await?.pop();
            let written = row.and_then(|row| row.entry().ok()).map(|entry| entry.at);
            // One that is missing or unreadable is passed over upwards, so that nothing is left out.
            if written.is_none_or(|written| written < at) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

fn is_target(target: &str, wanted: &str) -> bool {
    target == wanted || target.split_once(':').is_some_and(|(kind, id)| kind == wanted || id == wanted)
}
