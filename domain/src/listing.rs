//! Runbooks as lists, searches and Home show them.

use serde::{Deserialize, Serialize};

use crate::runbook::LastRun;
use crate::{Run, RunbookId, Timestamp};

/// A runbook as a list shows it: all but what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunbookSummary {
    /// Its id.
    pub id: RunbookId,
    /// Its title.
    pub title: String,
    /// The beginning of its description.
    pub description: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The number of its latest version.
    pub version: u32,
    /// Who made that.
    pub updated_by: String,
    /// When.
    pub updated_at: Timestamp,
    /// The newest run, where there is one.
    pub last_run: Option<LastRun>,
    /// Whether it is a favourite of the one who looks.
    pub favourite: bool,
}

/// A page of a list of runbooks, and how long the whole list is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Listing {
    /// The runbooks of this page.
    pub items: Vec<RunbookSummary>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// How many fit what was asked for.
    pub matched: u64,
    /// How many there are.
    pub total: u64,
}

/// A runbook that a search has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunbookHit {
    /// Its id.
    pub id: RunbookId,
    /// Its title.
    pub title: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it is a favourite of the one who searches.
    pub favourite: bool,
    /// Whether the one who searches ran it lately.
    pub recent: bool,
}

/// What a person wants to see first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Overview {
    /// Runs that ask something which this person may answer.
    pub waiting: Vec<Run>,
    /// Every other run that is not over, the latest first.
    pub going: Vec<Run>,
    /// Runs that failed within the last day.
    pub failed: Vec<Run>,
    /// What this person ran lately, the latest first.
    pub recent: Vec<RunbookSummary>,
    /// Their favourites, by title.
    pub favourites: Vec<RunbookSummary>,
    /// How many runbooks there are.
    pub runbooks: u64,
}
