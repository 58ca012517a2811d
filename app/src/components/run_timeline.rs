//! The drawing of a run over time. The list of steps says the same in words; it stays the truth.

use leptos::prelude::*;

use super::run_controls::Watched;
use super::step_card::anchor;
use super::time::length;
use crate::state::bars::{Bar, Chart, Look, Row, WIDTH};

/// The height of a row, and of the bar in it.
const ROW: usize = 9;
const BAR: usize = 6;

/// Bars by step, the usual time, and now.
#[component]
pub fn RunTimeline(
    /// The run.
    watched: Watched,
    /// How many milliseconds such a run usually takes.
    usual: Option<i64>,
) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let chart = Memo::new(move |_| timeline.with(|timeline| Chart::of(timeline, now.get(), usual)));
    let says = move || timeline.with(|timeline| chart.with(|chart| chart.summary(timeline, usual)));
    let height = move || chart.with(|chart| (chart.rows.len() * ROW).to_string());
    let begun = Memo::new(move |_| chart.with(|chart| chart.rows.iter().any(|row| !row.bars.is_empty())));
    let rows = move || chart.with(|chart| chart.rows.iter().enumerate().map(|(place, row)| line(place, row)).collect_view());
    let mark = move |class: &'static str, at: Option<u32>| {
        at.map(|at| view! { <line class=class x1=percent(at) x2=percent(at) y1="0" y2="100%"></line> })
    };
    let whole = move || length(chart.with(|chart| chart.millis));
    // A wait for a person is hatched: it is told from work without its colour.
    let hatch = view! {
        <defs>
            <pattern id="timeline-wait" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                <rect class="wait__ground" width="5" height="5"></rect>
                <rect class="wait__line" width="2" height="5"></rect>
            </pattern>
        </defs>
    };
    view! {
        <h2>"Timeline"</h2>
        <div class="info__body">
            {move || (!begun.get()).then(|| view! { <p class="faint small-text">"Nothing has begun yet."</p> })}
            <svg class="timeline" role="img" aria-label=says width="100%" height=height>
                {hatch}
                {rows}
                {move || mark("timeline__usual", chart.with(|chart| chart.usual))}
                {move || mark("timeline__now", chart.with(|chart| chart.now))}
            </svg>
            <p class="timeline__scale faint small-text num" aria-hidden="true">
                <span>"0"</span>
                {usual.map(|usual| view! { <span class="timeline__legend">{format!("┆ usually {}", length(usual))}</span> })}
                <span>{whole}</span>
            </p>
        </div>
    }
}

/// A step. To click on it is a short cut for those who point; all others have the list of steps.
fn line(place: usize, row: &Row) -> impl IntoView + use<> {
    let hash = anchor(row.ordinal);
    let y = place * ROW;
    let bars: Vec<_> = row.bars.iter().map(|bar| piece(bar, y)).collect();
    let go = move |_| drop(window().location().set_hash(&hash));
    view! {
        <g on:click=go>
            <title>{row.says.clone()}</title>
            <rect class="timeline__row" x="0" y=y.to_string() width="100%" height=ROW.to_string()></rect>
            {bars}
        </g>
    }
}

fn piece(bar: &Bar, y: usize) -> impl IntoView + use<> {
    let class = match bar.look {
        Look::Ok => "ok",
        Look::Bad => "bad",
        Look::Run => "run",
        Look::Wait => "wait",
        Look::Idle => "idle",
    };
    let fill = (bar.look == Look::Wait).then_some("url(#timeline-wait)");
    let y = y + (ROW - BAR) / 2;
    view! { <rect class=class fill=fill x=percent(bar.from) y=y.to_string() width=percent(bar.width) height=BAR.to_string() rx="1"></rect> }
}

/// A share of the width.
fn percent(part: u32) -> String {
    format!("{}%", f64::from(part) * 100.0 / f64::from(WIDTH))
}
