//! `GET /executions/{job_id}/events`: what happens in a run, as server-sent events, from any point on.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use domain::{Problem, RunEvent, RunId};
use futures::{Stream, StreamExt, stream};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;

use super::AppState;
use super::auth::{Address, Asking};
use super::extract::{Filter, Path};
use super::problem::{Answer, ProblemBody};

/// How often a stream without news says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where to begin.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct After {
    /// Only events with a greater number; `Last-Event-ID` wins.
    after: Option<u64>,
}

/// Everything that happens in a run, live: `id` is the event's number, `event` its kind, `data` JSON. An event without a number
/// says how things stand: `note`, and `watchers`, the names of the others whose stream of this run is open at this server.
#[utoipa::path(get, path = "/executions/{job_id}/events", tag = "executions",
    params(("job_id" = RunId, Path, description = "The run"), After),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String),
        (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn watch(
    State(state): State<AppState>,
    asking: Asking,
    Address(address): Address,
    Path(id): Path<RunId>,
    Filter(query): Filter<After>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let permit = state
        .streams
        .clone()
        .try_acquire_owned()
        .map_err(|_| Problem::new(503, "busy", "too many event streams are open; close one"))?;
    let after = begin_after(&headers, query.after);
    let events = state.services.runs.watch(&asking.actor, id, after).await?;
    let others = state.watching.join(id, &asking.actor).map(|names| Some(watchers(&names)));
    // Who watches is told as long as there is something to watch.
    let events = events.map(|event| Some(to_sse(&event))).chain(stream::once(ready(None)));
    let stream = stream::select(events, others)
        .take_while(|event| ready(event.is_some()))
        .filter_map(move |event| {
            let _held = &permit;
            ready(event.map(Ok))
        })
        .take_until(no_longer_allowed(state, asking, address));
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The number after which a stream begins: what the browser read last, else what the address says, else the beginning. A header that
/// is no number of ours says nothing: a browser sends what any stream once gave it.
fn begin_after(headers: &HeaderMap, asked: Option<u64>) -> u64 {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    last.or(asked).unwrap_or(0)
}

/// Resolves once whoever watches may no longer, or the server stops.
async fn no_longer_allowed(state: AppState, asking: Asking, address: Option<String>) {
    tokio::select! {
        () = asking.no_longer_allowed(state.services.clone(), address) => {}
        () = state.stopping.cancelled() => {}
    }
}

fn watchers(names: &[String]) -> Event {
    let empty = Event::default().event("watchers");
    empty.clone().json_data(json!({ "kind": "watchers", "data": names })).unwrap_or(empty)
}

fn to_sse(event: &RunEvent) -> Event {
    let kind = match event {
        RunEvent::Run(_) => "run",
        RunEvent::Step(_) => "step",
        RunEvent::Output(_) => "output",
        RunEvent::Note(_) => "note",
    };
    let empty = Event::default().event(kind);
    // A snapshot's numbers run ahead of the output that is replayed after it: only output, and the end of the run, which comes
    // after all output, say how far a viewer has read.
    let says_how_far = match event {
        RunEvent::Output(_) => true,
        RunEvent::Run(run) => run.state.is_final(),
        RunEvent::Step(_) | RunEvent::Note(_) => false,
    };
    let empty = if says_how_far { empty.id(event.seq().to_string()) } else { empty };
    empty.clone().json_data(event).unwrap_or(empty)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn with(last: &[u8]) -> HeaderMap {
        HeaderValue::from_bytes(last)
            .map(|value| HeaderMap::from_iter([("last-event-id".parse().expect("a name"), value)]))
            .unwrap_or_default()
    }

    proptest! {
        #[test]
        fn a_number_is_where_the_stream_begins(number: u64, asked: Option<u64>, before in " {0,3}", after in " {0,3}") {
            prop_assert_eq!(begin_after(&with(format!("{before}{number}{after}").as_bytes()), asked), number);
        }

        #[test]
        fn whatever_else_stands_there_the_address_counts(last in proptest::collection::vec(any::<u8>(), 0..40), asked: Option<u64>) {
            let number = std::str::from_utf8(&last).ok().and_then(|text| text.trim().parse().ok());
            prop_assert_eq!(begin_after(&with(&last), asked), number.or(asked).unwrap_or(0));
        }
    }
}
