//! Runbooks: writing, reading, versions. How they are listed and found is in `list`, what people keep at hand in `favourites`.

mod compare;
mod documents;
mod favourites;
mod list;
mod preview;

pub use self::documents::{ExportedRunbook, MAX_IMPORT};
pub use self::list::RunbookFilter;

use domain::{Actor, AuditAction, AuditEntry, Block, BlockId, BlockKind, Permission, Runbook, RunbookDraft, RunbookId, sample};
use serde_json::{Value, json};
use store::Store;

use crate::authorise::authorise;
use crate::catalogue::Catalogue;
use crate::{Result, ServiceError, audit, now, references};

/// The longest title, in characters.
const MAX_TITLE: usize = 200;
/// How often a change that is based on no particular version is tried anew.
const TRIES: usize = 5;
const MISSING: ServiceError = ServiceError::NotFound { what: "runbook" };
const NO_VERSION: ServiceError = ServiceError::NotFound { what: "version of this runbook" };

/// Reading and writing runbooks.
#[derive(Clone)]
pub struct Runbooks {
    store: Store,
    catalogue: Catalogue,
}

impl Runbooks {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, catalogue: Catalogue::default() }
    }

    /// The latest version.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, actor: &Actor, id: RunbookId) -> Result<Runbook> {
        authorise(actor, Permission::Read)?;
        self.store.runbook(id).await?.ok_or(MISSING)
    }

    /// Version 1 of a new runbook.
    ///
    /// # Errors
    /// `Forbidden` to viewers, `Invalid` with every fault.
    pub async fn create(&self, actor: &Actor, draft: RunbookDraft) -> Result<Runbook> {
        authorise(actor, Permission::Write)?;
        let draft = draft.check()?;
        let references = references::checked(&self.store, &draft.blocks).await?;
        self.insert(actor, draft, &references, AuditAction::RunbookCreated, json!({})).await
    }

    /// The next version.
    ///
    /// # Errors
    /// `Forbidden` to viewers, `Invalid`, `NotFound`, `Moved` where `if_match` is not the current version.
    pub async fn update(&self, actor: &Actor, id: RunbookId, draft: RunbookDraft, if_match: Option<u32>) -> Result<Runbook> {
        authorise(actor, Permission::Write)?;
        let draft = draft.check()?;
        let references = references::checked(&self.store, &draft.blocks).await?;
        let change = Change { action: AuditAction::RunbookUpdated, draft, references, if_match, detail: json!({}) };
        self.next_version(actor, id, change).await
    }

    /// Deletes it; its versions, runs and audit stay readable.
    ///
    /// # Errors
    /// `Forbidden` to viewers, `NotFound` where it is gone.
    pub async fn delete(&self, actor: &Actor, id: RunbookId) -> Result<()> {
        authorise(actor, Permission::Write)?;
        let runbook = self.store.runbook(id).await?.ok_or(MISSING)?;
        let detail = json!({ "title": runbook.title, "version": runbook.version });
        let entry = audit::by(actor, AuditAction::RunbookDeleted, "runbook", id, detail);
        if self.store.delete_runbook(id, now(), &entry).await? { Ok(()) } else { Err(MISSING) }
    }

    /// All versions, newest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn versions(&self, actor: &Actor, id: RunbookId) -> Result<Vec<Runbook>> {
        authorise(actor, Permission::Read)?;
        let versions = self.store.runbook_versions(id).await?;
        if versions.is_empty() { Err(MISSING) } else { Ok(versions) }
    }

    /// One version, also of a runbook that was deleted since: runs point at it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn version(&self, actor: &Actor, id: RunbookId, version: u32) -> Result<Runbook> {
        authorise(actor, Permission::Read)?;
        self.store.runbook_version(id, version).await?.ok_or(NO_VERSION)
    }

    /// A new version with the content of an old one, taken as it is: a credential it names may be gone by now.
    ///
    /// # Errors
    /// `Forbidden` to viewers, `NotFound`.
    pub async fn roll_back(&self, actor: &Actor, id: RunbookId, version: u32) -> Result<Runbook> {
        authorise(actor, Permission::Write)?;
        self.store.runbook(id).await?.ok_or(MISSING)?;
        let old = self.store.runbook_version(id, version).await?.ok_or(NO_VERSION)?;
        let draft = RunbookDraft { message: Some(format!("Restores version {version}")), ..old.to_draft() };
        let references = references::of(&draft.blocks);
        let detail = json!({ "restores": version });
        let change = Change { action: AuditAction::RunbookRolledBack, draft, references, if_match: None, detail };
        self.next_version(actor, id, change).await
    }

    /// A new runbook with the content of this one.
    ///
    /// # Errors
    /// `Forbidden` to viewers, `NotFound`.
    pub async fn duplicate(&self, actor: &Actor, id: RunbookId) -> Result<Runbook> {
        authorise(actor, Permission::Write)?;
        let original = self.store.runbook(id).await?.ok_or(MISSING)?;
        let mut draft = original.to_draft();
        draft.title = copy_title(&original.title);
        draft.message = Some(format!("Copy of “{}”, version {}", clip(&original.title, MAX_TITLE), original.version));
        fresh_ids(&mut draft.blocks);
        let references = references::of(&draft.blocks);
        let detail = json!({ "copy_of": id, "copy_of_version": original.version });
        self.insert(actor, draft, &references, AuditAction::RunbookCreated, detail).await
    }

    /// A new runbook that shows what one can hold, and runs as it is.
    ///
    /// # Errors
    /// `Forbidden` to viewers.
    pub async fn create_sample(&self, actor: &Actor) -> Result<Runbook> {
        authorise(actor, Permission::Write)?;
        let draft = sample::runbook()?;
        let references = references::of(&draft.blocks);
        self.insert(actor, draft, &references, AuditAction::RunbookCreated, json!({ "sample": true })).await
    }

    async fn insert(
        &self,
        actor: &Actor,
        draft: RunbookDraft,
        references: &[String],
        action: AuditAction,
        detail: Value,
    ) -> Result<Runbook> {
        let runbook = first_version(draft, actor.username.as_str());
        let entry = entry(actor, action, &runbook, detail);
        self.store.create_runbook(&runbook, references, &entry).await?;
        Ok(runbook)
    }

    async fn next_version(&self, actor: &Actor, id: RunbookId, change: Change) -> Result<Runbook> {
        for _ in 0..TRIES {
            let current = self.store.runbook(id).await?.ok_or(MISSING)?;
            if change.if_match.is_some_and(|expected| expected != current.version) {
                return Err(ServiceError::Moved { current: current.version });
            }
            let expected = current.version;
            let next = Runbook {
                version: expected.checked_add(1).ok_or_else(|| ServiceError::conflict("this runbook has no versions left"))?,
                updated_by: actor.username.to_string(),
                updated_at: now(),
                created_by: current.created_by.clone(),
                created_at: current.created_at,
                last_run: current.last_run.clone(),
                ..from_draft(id, change.draft.clone())
            };
            let mut detail = change.detail.clone();
            if let (Some(detail), Value::Object(differences)) = (detail.as_object_mut(), differences(&current, &next)) {
                detail.extend(differences);
            }
            let entry = entry(actor, change.action, &next, detail);
            if self.store.update_runbook(&next, expected, &change.references, &entry).await? {
                return Ok(next);
            }
        }
        Err(ServiceError::conflict("others are changing this runbook at this moment; try again"))
    }
}

/// The content of a next version.
struct Change {
    action: AuditAction,
    draft: RunbookDraft,
    references: Vec<String>,
    if_match: Option<u32>,
    detail: Value,
}

fn from_draft(id: RunbookId, draft: RunbookDraft) -> Runbook {
    let at = now();
    Runbook {
        id,
        title: draft.title,
        description: draft.description,
        tags: draft.tags,
        parameters: draft.parameters,
        blocks: draft.blocks,
        version: 1,
        message: draft.message,
        created_by: String::new(),
        created_at: at,
        updated_by: String::new(),
        updated_at: at,
        last_run: None,
    }
}

fn first_version(draft: RunbookDraft, by: &str) -> Runbook {
    Runbook { created_by: by.to_owned(), updated_by: by.to_owned(), ..from_draft(RunbookId::new(), draft) }
}

fn entry(actor: &Actor, action: AuditAction, runbook: &Runbook, detail: Value) -> AuditEntry {
    audit::by(actor, action, "runbook", runbook.id, described(runbook, detail))
}

/// The detail of an audit row about a runbook: which version of what, and what else is known.
fn described(runbook: &Runbook, detail: Value) -> Value {
    let mut all = json!({ "title": runbook.title, "version": runbook.version });
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), detail) {
        all.extend(more);
    }
    all
}

/// What a change changed, before and after, and where; the versions hold every word.
fn differences(old: &Runbook, new: &Runbook) -> Value {
    let facts = |runbook: &Runbook| {
        let parameters: Vec<&str> = runbook.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        [
            ("version", json!(runbook.version)),
            ("title", json!(runbook.title)),
            ("tags", json!(runbook.tags)),
            ("parameters", json!(parameters)),
            ("blocks", json!(runbook.blocks.len())),
        ]
    };
    let (mut before, mut after) = (json!({}), json!({}));
    for ((name, old), (_, new)) in facts(old).into_iter().zip(facts(new)).filter(|(old, new)| old != new) {
        (before[name], after[name]) = (old, new);
    }
    let changed = [
        ("title", old.title != new.title),
        ("description", old.description != new.description),
        ("tags", old.tags != new.tags),
        ("parameters", old.parameters != new.parameters),
        ("blocks", old.blocks != new.blocks),
    ];
    let changed: Vec<&str> = changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect();
    json!({ "changed": changed, "before": before, "after": after })
}

/// A copy is another runbook: its blocks are others too.
fn fresh_ids(blocks: &mut [Block]) {
    for block in blocks {
        block.id = BlockId::new();
        if let BlockKind::Condition(condition) = &mut block.kind {
            fresh_ids(&mut condition.nested_blocks);
            fresh_ids(&mut condition.else_blocks);
        }
    }
}

fn copy_title(title: &str) -> String {
    const SUFFIX: &str = " (copy)";
    format!("{}{SUFFIX}", clip(title, MAX_TITLE - SUFFIX.len()).trim_end())
}

fn clip(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
