//! `GET /executions/{job_id}/steps/{step_id}/output`: all that a step has written, as text.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::{Actor, Chunk, RunId, StepId};
use futures::stream;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use service::Services;
use tokio::time::Instant;

use super::AppState;
use super::auth::{Address, Asking};
use super::extract::{Filter, Path};
use super::problem::{Answer, ApiError, ProblemBody};

/// How many pieces are read at once: at most 4 MiB.
const BATCH: u32 = 64;
/// How often a long download looks at the right to it again.
const RECHECK: Duration = Duration::from_secs(3);

/// Where to begin.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct From {
    /// The number of the first piece wanted, as in the event stream.
    from: Option<u64>,
}

struct Download {
    services: Services,
    asking: Asking,
    address: Option<String>,
    run: RunId,
    step: StepId,
    after: u64,
    checked: Instant,
}

/// The whole output of a step so far: both streams in the order of writing, secrets masked.
#[utoipa::path(get, path = "/executions/{job_id}/steps/{step_id}/output", tag = "executions",
    params(("job_id" = RunId, Path, description = "The run"), ("step_id" = StepId, Path, description = "The step"), From),
    responses((status = 200, description = "The text", content_type = "text/plain", body = String),
        (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn whole(
    State(state): State<AppState>,
    asking: Asking,
    Address(address): Address,
    Path((run, step)): Path<(RunId, StepId)>,
    Filter(query): Filter<From>,
) -> Answer<Response> {
    let after = query.from.unwrap_or(0).saturating_sub(1);
    let mut download = Download { services: state.services, asking, address, run, step, after, checked: Instant::now() };
    // The first piece is read here, so that what is wrong has a status.
    let first = download.next().await?;
    let rest = stream::try_unfold(download, async |mut download| {
        let batch = download.next().await.map_err(|ApiError(problem)| problem)?;
        Ok::<_, domain::Problem>(batch.map(|batch| (batch, download)))
    });
    let first = stream::iter(first.map(Ok));
    let body = Body::from_stream(futures::StreamExt::chain(first, rest));
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

impl Download {
    /// The next pieces; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.checked.elapsed() > RECHECK {
            self.asking.actor = self.actor().await?;
            self.checked = Instant::now();
        }
        let chunks = self.services.runs.output(&self.asking.actor, self.run, self.step, self.after, BATCH).await?;
        let Some(Chunk { seq, .. }) = chunks.last() else { return Ok(None) };
        self.after = *seq;
        Ok(Some(chunks.into_iter().map(|chunk| chunk.text).collect::<String>().into()))
    }

    async fn actor(&self) -> Result<Actor, ApiError> {
        self.asking.shown.actor(&self.services, self.address.clone()).await
    }
}
