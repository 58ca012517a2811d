//! Looking at the whole chain: does every row say what it said when it was written, and is none missing, moved or added?
//!
//! Pages are read and checked several at once, and then held together in order. The first place that does not hold is looked at
//! more closely, to name what was done there.

use std::borrow::Cow;
use std::fmt::Write;

use domain::audit::{AuditBreak, BreakKind};
use domain::{AuditAction, AuditHead, AuditVerdict};
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Ends;
use super::chain::{LAST, Row, prefix};
use crate::query::{Variables, from_value};
use crate::{Result, Store, StoreError};

/// How many rows are read at once.
const PAGE: u64 = 5_000;
/// How many pages are read and checked at the same time.
const AT_ONCE: usize = 6;
/// How often it begins anew because the oldest rows were pruned meanwhile.
const TRIES: usize = 3;

/// What is needed of a page once its rows were checked.
#[derive(Default)]
struct Checked {
    rows: u64,
    /// What its first row says of the row before it.
    prev: Option<String>,
    /// The hash of its last row.
    hash: Option<String>,
    /// The newest checkpoint in it: the last row that was pruned.
    checkpoint: Option<AuditHead>,
    /// The hash of the row that the kept head names, where it is in this page.
    named: Option<String>,
    /// The first number at which something is wrong, and the hash of the row before it where that is in this page.
    wrong: Option<(u64, Option<String>)>,
}

/// The columns that must agree with the document.
#[derive(Deserialize)]
struct Words<'a> {
    #[serde(borrow)]
    actor_name: Cow<'a, str>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    target: Cow<'a, str>,
}

/// What a checkpoint says; see `Pruned::detail`.
#[derive(Deserialize)]
struct Checkpoint {
    detail: AuditHead,
}

/// The ends of the chain and what lies outside of it, read at one moment.
#[derive(Deserialize)]
struct Outside {
    seq: u64,
    above: Vec<Value>,
    below: Vec<Value>,
}

impl Store {
    /// Reads the whole chain and says where it is broken first, if it is; also against a head that was kept elsewhere.
    ///
    /// # Errors
    /// The database's. A broken chain is an answer, not an error.
    pub async fn verify_audit(&self, kept: Option<&AuditHead>) -> Result<AuditVerdict> {
        let mut tries = 1;
        loop {
            let ends = self.audit_ends().await?;
            let verdict = self.verify_between(&ends, kept).await?;
            // What is pruned while we read is missing, and rightly so.
            if verdict.broken.is_none() || tries == TRIES || self.audit_ends().await?.first == ends.first {
                return Ok(verdict);
            }
            tries += 1;
        }
    }

    async fn verify_between(&self, ends: &Ends, kept: Option<&AuditHead>) -> Result<AuditVerdict> {
        let head = AuditHead { seq: ends.seq, hash: ends.hash.clone() };
        let mut verdict = AuditVerdict { rows: 0, first: ends.first, head, broken: None };
        let named = kept.map_or(0, |kept| kept.seq);
        let pages = (ends.first..=ends.seq).step_by(usize::try_from(PAGE).unwrap_or(usize::MAX));
        let mut pages = stream::iter(pages)
            .map(|first| {
                let (store, last) = (self.clone(), first.saturating_add(PAGE - 1).min(ends.seq));
                async move { (first, tokio::spawn(async move { store.check_page(first, last, named).await }).await) }
            })
            .buffered(AT_ONCE);

        let (mut anchor, mut hash, mut checkpoint, mut found) = (None, None, None, None);
        while let Some((first, page)) = pages.next().await {
            let page =
                page.map_err(|source| StoreError::Query { operation: "verify the audit trail", source: source.into() })??;
            verdict.rows += page.rows;
            if hash.is_some() && page.prev.is_some() && page.prev != hash {
                verdict.broken = Some(self.diagnose(first, hash, ends).await?);
                return Ok(verdict);
            }
            if let Some((seq, before)) = page.wrong {
                verdict.broken = Some(self.diagnose(seq, before.or(hash), ends).await?);
                return Ok(verdict);
            }
            anchor = anchor.or(page.prev);
            hash = page.hash;
            checkpoint = page.checkpoint.or(checkpoint);
            found = found.or(page.named);
        }
        drop(pages);

        verdict.broken = check_beginning(ends.first, anchor.as_deref(), checkpoint.as_ref())
            .or_else(|| check_end(ends, hash.as_deref()))
            .or_else(|| kept.and_then(|kept| check_kept(kept, ends, found.as_deref(), anchor.as_deref())));
        if verdict.broken.is_none() {
            verdict.broken = self.check_outside(ends).await?;
        }
        Ok(verdict)
    }

    /// Each row of a page by itself and to the row before it.
    async fn check_page(&self, first: u64, last: u64, named: u64) -> Result<Checked> {
        let mut page = Checked::default();
        let mut line = String::new();
        let mut expected = first;
        for row in self.audit_range(first, last).await? {
            let is_linked = page.hash.as_ref().is_none_or(|hash| *hash == row.prev);
            if row.seq != expected || !is_linked || !is_sound(&row, expected, &mut line) {
                break;
            }
            if row.by_action.starts_with(&prefix(AuditAction::AuditPruned.as_str())) {
                page.checkpoint = serde_json::from_str::<Checkpoint>(&row.doc).ok().map(|found| found.detail);
            }
            if row.seq == named {
                page.named = Some(row.hash.clone());
            }
            page.prev.get_or_insert(row.prev);
            page.hash = Some(row.hash);
            page.rows += 1;
            expected += 1;
        }
        if expected <= last {
            page.wrong = Some((expected, page.hash.clone()));
        }
        Ok(page)
    }

    /// Names what was done at the first place that does not hold; all before it does.
    async fn diagnose(&self, seq: u64, before: Option<String>, ends: &Ends) -> Result<AuditBreak> {
        let rows = self.audit_range(seq, seq.saturating_add(1)).await?;
        let mut rows = rows.into_iter().peekable();
        let Some(row) = rows.next_if(|row| row.seq == seq) else { return self.diagnose_missing(seq, ends).await };
        let next = rows.next();

        if let Some(place) = row.written_as().filter(|place| *place != seq)
            && is_sound(&row, place, &mut String::new())
        {
            // It is genuine, and was pushed aside by one that was not: that one followed the row before it just as well.
            let before_place = self.audit_range(place.saturating_sub(1), place.saturating_sub(1)).await?.pop();
            if place < seq && before_place.is_some_and(|before| before.hash == row.prev) {
                return Ok(broken(place, BreakKind::Inserted, format!("row {place} was inserted: nobody wrote it here")));
            }
            return Ok(broken(seq, BreakKind::Reordered, format!("row {place} stands in the place of row {seq}")));
        }
        if before.is_some() && next.is_some_and(|next| Some(next.prev) == before && next.seq == seq + 1) {
            return Ok(broken(seq, BreakKind::Inserted, format!("row {seq} was inserted: nobody wrote it here")));
        }
        if is_sound(&row, seq, &mut String::new()) && seq > ends.first {
            let changed = seq - 1;
            let detail = format!("row {changed} was edited, and its hash with it: row {seq} still names the old one");
            return Ok(broken(changed, BreakKind::Edited, detail));
        }
        Ok(broken(seq, BreakKind::Edited, format!("row {seq} was edited: it does not say what it said when it was written")))
    }

    async fn diagnose_missing(&self, seq: u64, ends: &Ends) -> Result<AuditBreak> {
        let mut first = seq;
        while first <= ends.seq {
            let last = first.saturating_add(PAGE - 1).min(ends.seq);
            if let Some(row) = self.audit_range(first, last).await?.first() {
                let detail = format!("{} deleted", rows_are(seq, row.seq - 1));
                return Ok(broken(seq, BreakKind::Deleted, detail));
            }
            first = last + 1;
        }
        Ok(broken(seq, BreakKind::Cut, format!("{} cut off: the chain ended with row {}", rows_are(seq, ends.seq), ends.seq)))
    }

    /// Rows with numbers that the chain does not have, or with ids that are no numbers.
    async fn check_outside(&self, ends: &Ends) -> Result<Option<AuditBreak>> {
        let (above, below) = (ends.seq + 1, ends.first);
        let text = format!(
            "SELECT seq, (SELECT VALUE record::id(id) FROM audit_entry:{above}..) AS above, \
             (SELECT VALUE record::id(id) FROM audit_entry:..{below}) AS below FROM audit_head:one"
        );
        let outside: Option<Outside> = self.row("verify the audit trail", "audit_head", &text, Variables::new()).await?;
        let Some(outside) = outside else {
            return Ok(Some(broken(0, BreakKind::Deleted, "the record of the chain's head was deleted".to_owned())));
        };
        if let Some(id) = outside.below.first() {
            let seq = from_value("audit_entry", id.clone()).unwrap_or(0);
            let detail = format!("row {id} was inserted: the chain begins with row {below}");
            return Ok(Some(broken(seq, BreakKind::Inserted, detail)));
        }
        // Rows may have been written since we began, up to where the chain ends now.
        let genuine = (above..=outside.seq).map(Value::from);
        let foreign = outside
            .above
            .iter()
            .zip(genuine.map(Some).chain(std::iter::repeat(None)))
            .find(|(id, due)| Some(*id) != due.as_ref());
        Ok(foreign.map(|(id, _)| {
            let seq = from_value("audit_entry", id.clone()).unwrap_or(LAST);
            broken(seq, BreakKind::Inserted, format!("row {id} was inserted: the chain ends with row {}", outside.seq))
        }))
    }
}

/// The oldest row must be the first ever, or follow the last one that was pruned.
fn check_beginning(first: u64, anchor: Option<&str>, checkpoint: Option<&AuditHead>) -> Option<AuditBreak> {
    let anchor = anchor?;
    let genesis = AuditHead { seq: 0, hash: AuditHead::GENESIS.to_owned() };
    let last_pruned = checkpoint.unwrap_or(&genesis);
    let due = last_pruned.seq + 1;
    if first > due {
        let detail = format!("{} deleted: no checkpoint accounts for it", rows_are(due, first - 1));
        return Some(broken(due, BreakKind::Deleted, detail));
    }
    if first < due {
        let detail = format!("row {first} was inserted: all rows up to {} were pruned", last_pruned.seq);
        return Some(broken(first, BreakKind::Inserted, detail));
    }
    (anchor != last_pruned.hash).then(|| {
        broken(first, BreakKind::Edited, format!("row {first} was edited: it does not follow the last row that was pruned"))
    })
}

fn check_end(ends: &Ends, hash: Option<&str>) -> Option<AuditBreak> {
    let hash = hash.unwrap_or(if ends.seq == 0 { AuditHead::GENESIS } else { "" });
    (hash != ends.hash).then(|| {
        let detail = format!("row {} was edited: its hash is not the one that the head of the chain names", ends.seq);
        broken(ends.seq, BreakKind::Edited, detail)
    })
}

/// The head that was kept elsewhere must be in the chain. One of a row that was pruned since tells nothing any more.
fn check_kept(kept: &AuditHead, ends: &Ends, found: Option<&str>, anchor: Option<&str>) -> Option<AuditBreak> {
    if kept.seq > ends.seq {
        let detail = format!("{} cut off: the head that was kept names row {}", rows_are(ends.seq + 1, kept.seq), kept.seq);
        return Some(broken(ends.seq + 1, BreakKind::Cut, detail));
    }
    let hash = if kept.seq + 1 == ends.first { anchor } else { found };
    hash.filter(|hash| *hash != kept.hash).map(|_| {
        let detail =
            format!("row {} is not the one of the head that was kept: the chain was written anew at or before it", kept.seq);
        broken(kept.seq, BreakKind::Rewritten, detail)
    })
}

/// Whether a row holds by itself, as the one of this number. The buffer spares an allocation a row.
fn is_sound(row: &Row, seq: u64, line: &mut String) -> bool {
    line.clear();
    let _ = write!(line, "\n{seq}\n");
    let digest = Sha256::new().chain_update(&row.prev).chain_update(line.as_bytes()).chain_update(&row.doc).finalize();
    let mut digits = [0; 64];
    if hex::encode_to_slice(digest, &mut digits).is_err() || digits != row.hash.as_bytes() {
        return false;
    }
    let Ok(words) = serde_json::from_str::<Words<'_>>(&row.doc) else { return false };
    line.clear();
    let _ = write!(line, "\u{1f}{:019}", LAST.saturating_sub(seq));
    [(&row.by_actor, words.actor_name), (&row.by_action, words.action), (&row.by_target, words.target)]
        .iter()
        .all(|(key, word)| key.strip_suffix(line.as_str()) == Some(word.as_ref()))
}

fn broken(seq: u64, kind: BreakKind, detail: String) -> AuditBreak {
    AuditBreak { seq, kind, detail }
}

fn rows_are(first: u64, last: u64) -> String {
    if first == last { format!("row {first} was") } else { format!("rows {first} to {last} were") }
}
