//! `GET /audit/export`: rows of the audit trail as a file, however many there are.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::{AuditRecord, Timestamp};
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use service::{AuditFilter, Services};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::AppState;
use super::auth::{Address, Asking};
use super::extract::Filter;
use super::problem::{Answer, ApiError, ProblemBody};
use super::rest::audit::{AuditRead, action};

/// How many rows are read at once.
const BATCH: u32 = 200;
/// How often a long download looks at the right to it again.
const RECHECK: Duration = Duration::from_secs(3);
/// The columns of a CSV file.
const COLUMNS: &str = "seq,at,actor,actor_name,address,action,target,detail,prev,hash\r\n";

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// Comma-separated values (RFC 4180), safe to open in a spreadsheet.
    Csv,
}

/// Which rows, and how they are written.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    #[serde(default)]
    #[param(inline)]
    format: Format,
    /// By the user of this name.
    actor: Option<String>,
    /// This action, such as `run.started`.
    action: Option<String>,
    /// To this: `kind:id`, a kind, or an id.
    target: Option<String>,
    /// At or after.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

struct Export {
    services: Services,
    asking: Asking,
    address: Option<String>,
    format: Format,
    /// Where to go on; none after the last row.
    filter: Option<AuditFilter>,
    checked: Instant,
}

/// Rows as a file, newest first. The export itself is a row of the trail.
#[utoipa::path(get, path = "/audit/export", tag = "audit", params(ExportQuery),
    responses((status = 200, description = "The rows", content((String = "application/jsonl"), (String = "text/csv"))),
        (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn export(
    State(state): State<AppState>,
    asking: Asking,
    Address(address): Address,
    Filter(query): Filter<ExportQuery>,
) -> Answer<Response> {
    let format = query.format;
    let filter = AuditFilter {
        actor: query.actor,
        action: action(query.action)?,
        target: query.target,
        since: query.since,
        until: query.until,
        limit: BATCH,
        cursor: None,
    };
    let (kind, extension) = match format {
        Format::Jsonl => ("application/jsonl", "jsonl"),
        Format::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
    };
    state.services.audit.begin_export(&asking.actor, &filter, extension).await?;
    let mut export = Export { services: state.services, asking, address, format, filter: Some(filter), checked: Instant::now() };
    // The first rows are read here, so that what is wrong has a status.
    let heading = if format == Format::Csv { COLUMNS } else { "" };
    let first = [heading.as_bytes(), &export.next().await?.unwrap_or_default()].concat();
    let rest = stream::try_unfold(export, async |mut export| {
        let batch = export.next().await.map_err(|ApiError(problem)| problem)?;
        Ok::<_, domain::Problem>(batch.map(|batch| (batch, export)))
    });
    let body = Body::from_stream(futures::StreamExt::chain(stream::iter([Ok(Bytes::from(first))]), rest));
    let file = format!("attachment; filename=\"audit-trail.{extension}\"");
    Ok(([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, file)], body).into_response())
}

impl Export {
    /// The next rows; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let Some(filter) = self.filter.take() else { return Ok(None) };
        if self.checked.elapsed() > RECHECK {
            self.asking.actor = self.asking.shown.actor(&self.services, self.address.clone()).await?;
            self.checked = Instant::now();
        }
        let page = self.services.audit.list(&self.asking.actor, filter.clone()).await?;
        self.filter = page.next.map(|cursor| AuditFilter { cursor: Some(cursor), ..filter });
        let lines: String = page.items.into_iter().map(|record| self.format.line(record)).collect();
        Ok(Some(lines.into()))
    }
}

impl Format {
    fn line(self, record: AuditRecord) -> String {
        match self {
            Self::Jsonl => serde_json::to_string(&AuditRead::from(record)).map(|line| line + "\n").unwrap_or_default(),
            Self::Csv => csv(record),
        }
    }
}

fn csv(record: AuditRecord) -> String {
    let AuditRecord { seq, prev, hash, entry } = record;
    let cells = [
        seq.to_string(),
        entry.at.to_rfc3339(),
        entry.actor.map(|actor| actor.to_string()).unwrap_or_default(),
        entry.actor_name,
        entry.address.unwrap_or_default(),
        entry.action.as_str().to_owned(),
        entry.target,
        entry.detail.to_string(),
        prev,
        hash,
    ];
    format!("{}\r\n", cells.map(|text| cell(&text)).join(","))
}

/// A cell that no spreadsheet takes for a formula (OWASP, “CSV injection”).
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    let text = format!("{guard}{text}");
    if text.contains([',', '"', '\n', '\r', '\'']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_ends_early() {
        for (text, expected) in [
            ("ann", "ann"),
            ("", ""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
