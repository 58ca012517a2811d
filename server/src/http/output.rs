//! `GET /executions/{job_id}/steps/{step_id}/output`: all that a step has written, as text.

use std::future::ready;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::{Chunk, Problem, RunId, StepId};
use futures::{Stream, StreamExt, stream};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use service::Services;

use super::AppState;
use super::auth::{Address, Asking};
use super::extract::{Filter, Path};
use super::problem::{Answer, ApiError, ProblemBody};

/// How many pieces are read at once: at most 4 MiB.
const BATCH: u32 = 64;
/// How much is handed to a connection at once, in bytes: what it has, it sends.
const PIECE: usize = 64 * 1024;

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
    run: RunId,
    step: StepId,
    after: u64,
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
    let gone = asking.clone().no_longer_allowed(state.services.clone(), address);
    let mut download = Download { services: state.services, asking, run, step, after };
    // The first piece is read here, so that what is wrong has a status.
    let first = download.next().await?;
    let rest = stream::try_unfold(download, async |mut download| {
        let batch = download.next().await.map_err(|ApiError(problem)| problem)?;
        Ok::<_, Problem>(batch.map(|batch| (batch, download)))
    });
    let first = stream::iter(first.map(Ok));
    let body = Body::from_stream(until(gone, first.chain(rest).flat_map(pieces)));
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

impl Download {
    /// The next pieces; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let chunks = self.services.runs.output(&self.asking.actor, self.run, self.step, self.after, BATCH).await?;
        let Some(Chunk { seq, .. }) = chunks.last() else { return Ok(None) };
        self.after = *seq;
        Ok(Some(chunks.into_iter().map(|chunk| chunk.text).collect::<String>().into()))
    }
}

/// The same in small pieces.
fn pieces(batch: Result<Bytes, Problem>) -> impl Stream<Item = Result<Bytes, Problem>> {
    let mut rest = batch.as_ref().ok().cloned().unwrap_or_default();
    let pieces = std::iter::from_fn(move || (!rest.is_empty()).then(|| rest.split_to(PIECE.min(rest.len()))));
    stream::iter(pieces.map(Ok).chain(batch.err().map(Err)))
}

/// The stream, broken off as soon as `gone` resolves: who downloads must not take what they have for the whole.
fn until(
    gone: impl Future<Output = ()>,
    stream: impl Stream<Item = Result<Bytes, Problem>>,
) -> impl Stream<Item = Result<Bytes, Problem>> {
    let all_is_told = stream::once(ready(None));
    let gone = stream::once(async move {
        gone.await;
        Some(Err(Problem::unauthenticated()))
    });
    stream::select(stream.map(Some).chain(all_is_told), gone).take_while(|item| ready(item.is_some())).filter_map(ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(length: usize) -> Result<Bytes, Problem> {
        Ok(Bytes::from(vec![b'x'; length]))
    }

    #[tokio::test]
    async fn a_download_is_whole_where_nothing_comes_in_between() {
        let batches = stream::iter([batch(3), batch(3 * PIECE + 1)]).flat_map(pieces);
        let told: Vec<_> = until(std::future::pending(), batches).map(|piece| piece.map(|piece| piece.len())).collect().await;
        assert_eq!(told, [Ok(3), Ok(PIECE), Ok(PIECE), Ok(PIECE), Ok(1)]);
    }

    #[tokio::test]
    async fn a_download_breaks_off_once_it_is_no_longer_allowed() {
        let (revoke, revoked) = tokio::sync::oneshot::channel::<()>();
        let endless = stream::repeat(batch(1));
        let mut told = std::pin::pin!(until(async { drop(revoked.await) }, endless));
        assert!(matches!(told.next().await, Some(Ok(_))));
        drop(revoke);
        let end = tokio::time::timeout(std::time::Duration::from_secs(5), async {
            loop {
                if let Some(Err(problem)) = told.next().await {
                    return problem.status;
                }
            }
        });
        assert_eq!(end.await, Ok(401));
    }
}
