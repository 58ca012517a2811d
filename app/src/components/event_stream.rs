//! What happens in a run, as the browser hears of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use domain::{RunEvent, RunId};
use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

use crate::state::timeline::Timeline;

/// Events that arrive within this time are drawn together.
const FRAME: Duration = Duration::from_millis(16);
/// After this time a stream that the server refused is asked for again.
const AGAIN: Duration = Duration::from_secs(3);

/// Follows a run's events until it is over; `online` tells whether the server is heard, `others` who else listens.
pub fn watch(id: RunId, timeline: RwSignal<Timeline>, online: RwSignal<bool>, others: RwSignal<Option<Vec<String>>>) {
    let attempt = RwSignal::new(0_u32);
    let last = StoredValue::new(0_u64);
    Effect::new(move || {
        attempt.track();
        if let Some(stream) = open(id, timeline, online, others, attempt, last) {
            // Belongs to this effect: gone with the page, or with the next attempt.
            StoredValue::new_local(stream);
        }
    });
}

/// Who else watches.
#[derive(Deserialize)]
struct Watchers {
    data: Vec<String>,
}

/// An event stream and those who listen to it; closed when dropped.
struct Stream {
    source: EventSource,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _watchers: Closure<dyn FnMut(MessageEvent)>,
    _open: Closure<dyn FnMut()>,
    _error: Closure<dyn FnMut()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

fn open(
    id: RunId,
    timeline: RwSignal<Timeline>,
    online: RwSignal<bool>,
    others: RwSignal<Option<Vec<String>>>,
    attempt: RwSignal<u32>,
    last: StoredValue<u64>,
) -> Option<Stream> {
    let source = EventSource::new(&format!("/api/v1/executions/{id}/events?after={}", last.get_value())).ok()?;
    let over = move || timeline.try_with_untracked(|timeline| timeline.run().state.is_final()).unwrap_or(true);

    let queue = Rc::new(RefCell::new(Vec::<RunEvent>::new()));
    let drawing = Rc::new(Cell::new(false));
    let message = Closure::<dyn FnMut(MessageEvent)>::new({
        let source = source.clone();
        move |event: MessageEvent| {
            if let Ok(number) = event.last_event_id().parse::<u64>() {
                last.try_update_value(|last| *last = number.max(*last));
            }
            let Some(Ok(event)) = event.data().as_string().map(|text| serde_json::from_str(&text)) else { return };
            queue.borrow_mut().push(event);
            if drawing.replace(true) {
                return;
            }
            let (queue, drawing, source) = (Rc::clone(&queue), Rc::clone(&drawing), source.clone());
            set_timeout(
                move || {
                    drawing.set(false);
                    let events = queue.take();
                    timeline.try_update(|timeline| events.into_iter().for_each(|event| timeline.apply(event)));
                    let end = timeline.try_with_untracked(|timeline| timeline.run().event).unwrap_or(0);
                    if over() && last.try_get_value().is_none_or(|last| last >= end) {
                        source.close();
                        // The server may have closed it before this was drawn, which looked like a loss.
                        online.try_set(true);
                    }
                },
                FRAME,
            );
        }
    });
    for name in ["run", "step", "output", "note"] {
        source.add_event_listener_with_callback(name, message.as_ref().unchecked_ref()).ok()?;
    }

    let watchers = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(Ok(told)) = event.data().as_string().map(|text| serde_json::from_str::<Watchers>(&text)) {
            others.try_set(Some(told.data));
        }
    });
    source.add_event_listener_with_callback("watchers", watchers.as_ref().unchecked_ref()).ok()?;

    let opened = Closure::<dyn FnMut()>::new(move || {
        online.try_set(true);
    });
    source.set_onopen(Some(opened.as_ref().unchecked_ref()));

    let failed = Closure::<dyn FnMut()>::new({
        let source = source.clone();
        move || {
            // The server ends the stream of a run that is over.
            if over() {
                source.close();
                online.try_set(true);
                return;
            }
            online.try_set(false);
            others.try_set(None);
            // A refusal ends an event source for good; a lost connection it mends itself.
            if source.ready_state() == EventSource::CLOSED {
                set_timeout(move || _ = attempt.try_update(|attempt| *attempt += 1), AGAIN);
            }
        }
    });
    source.set_onerror(Some(failed.as_ref().unchecked_ref()));
    Some(Stream { source, _message: message, _watchers: watchers, _open: opened, _error: failed })
}
